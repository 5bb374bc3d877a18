"""Every shipped card's words equal the files beside ``tests/golden/cards``; ``UMIT_UPDATE_WORDS=1`` writes them again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from umit import chat
from umit.checkpoints import KNOWN, Checkpoint, read_card, write_card
from umit.checkpoints.families import GENERIC
from umit.checkpoints.medical import FOLDERS
from umit.geometry import Box2D, Point2D
from umit.imaging.scan import Scan
from umit.imaging.view import render
from umit.queries import Ask, Choose, Describe, Find, Language, Locate, Query
from umit.results import Answer, Classification, Detection, Detections, Landmark, Landmarks, Report, Result
from umit.testing import ScriptedBackend

FOLDER = Path(__file__).resolve().parents[1] / "golden" / "cards"
FILM = Scan(np.zeros((1, 1200, 1600), np.uint8))
#: One of each kind; their sizes and sub-folders differ in name alone.
NAMES = (
    "Qwen/Qwen2-VL-2B-Instruct", "Qwen/Qwen2.5-VL-7B-Instruct", "Qwen/Qwen3-VL-4B-Instruct", "Qwen/Qwen3-VL-4B-Thinking",
    "generic:qwen2_vl", "JZPeterPan/MedVLM-R1", "yuxianglai117/Med-R1/VQA_CT", "byrLLCC/ChestX-Reasoner",
    "StanfordAIMI/CheXOne", "lingshu-medical-mllm/Lingshu-7B", "UCSC-VLAA/MedVLThinker-7B-RL_m23k",
    "MBZUAI/MediX-R1-2B", "nvidia/NV-Reason-CXR-3B", "MBZUAI/MedMO-4B",
)  # fmt: skip


def asked(name: str, language: Language) -> tuple[Query, Result]:
    if name == "answer_open":
        return Ask("Which organ?", language=language), Answer(text="The lung.")
    if name == "answer_closed":
        return Ask("Is it normal?", ("yes", "no"), language=language), Answer(text="no", option=1)
    if name == "classify":
        return Choose(("edema", "mass", "normal"), language=language), Classification(label="mass")
    if name == "detect_2d":
        boxes = (Box2D(160, 240, 800, 600), Box2D(0, 0, 400, 300))
        return Find("nodule", language=language), Detections(
            items=tuple(Detection(label="nodule", box=b) for b in boxes)
        )
    if name == "landmark":
        return Locate("Sella", language=language), Landmarks(items=(Landmark(name="Sella", point=Point2D(400, 900)),))
    return Describe("caption" if name == "caption" else "report", language=language), Report(text="Clear lungs.")


def page(card: Checkpoint) -> str:
    parts = [f"#### system\n{card.system!r}", f"#### form\n{card.dialect.form}"]
    for name in card.task_names:
        task = card.tasks[name]
        for language in card.languages:
            if language not in task.wording:
                continue
            query, gold = asked(name, language)
            view = render(FILM, task.rendering(volume=False))
            request = task.request(query, view)
            height, width = view.frames[0].shape[:2]
            parts.append(f"#### {name}, {language}: {width} x {height}, {request.max_new_tokens} tokens, {task.form}")
            words = (*request.lead, "[picture]", *request.words) if request.lead else request.words
            parts.append(chat.spell(words))
            parts.append(f"#### target\n{task.encode(gold, query, view)}")
            read = task.decode(chat.Completion(text=task.encode(gold, query, view)), query, view)
            assert task.encode(read, query, view) == task.encode(gold, query, view)
    return "\n".join([*parts, ""])


@pytest.mark.parametrize("name", NAMES)
def test_words_are_those_on_file(name: str) -> None:
    path = FOLDER / f"{name.replace('/', '.').replace(':', '.')}.txt"
    found = page(KNOWN[name])
    if os.environ.get("UMIT_UPDATE_WORDS") == "1":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(found.encode())
    assert path.read_bytes().decode() == found, "set UMIT_UPDATE_WORDS=1 if the change is meant"


@pytest.mark.parametrize("card", KNOWN.values(), ids=lambda card: card.name)
def test_every_card_is_written_and_read(card: Checkpoint, tmp_path: Path) -> None:
    write_card(card, tmp_path)
    assert read_card(tmp_path) == card


def alike() -> Iterator[tuple[str, list[Checkpoint]]]:
    for name in NAMES:
        head = name.rsplit("/", 1)[0] if name.rsplit("/", 1)[0] in FOLDERS else name.split("-")[0]
        yield name, [card for other, card in KNOWN.items() if other.startswith(head)]


@pytest.mark.parametrize(("name", "cards"), list(alike()), ids=lambda one: one if isinstance(one, str) else "")
def test_others_of_a_kind_ask_alike(name: str, cards: list[Checkpoint]) -> None:
    dialects = {card.dialect for card in cards if card.model_type == KNOWN[name].model_type}
    forms = {card.dialect.form for card in cards}
    assert len(dialects) == len(forms) or name in GENERIC


def test_all_forms_of_answers_go_through_the_facade() -> None:
    from umit import UMIT

    said: dict[str, Any] = {
        "JZPeterPan/MedVLM-R1": "<think>\n    Lines.\n</think>\n\n<answer>B</answer>",
        "yuxianglai117/Med-R1/VQA_CT": "<think>Lines.</think> <answer> B </answer>",
        "byrLLCC/ChestX-Reasoner": "<think> Lines. </think><answer> B) no </answer>",
        "StanfordAIMI/CheXOne": r"Lines. \boxed{{B}}",
        "UCSC-VLAA/MedVLThinker-7B-RL_m23k": "<think> Lines. </think>\n<answer> B </answer>",
        "MBZUAI/MediX-R1-2B": "<X_RAY><thinking>Lines.</thinking><answer>no</answer>",
        "Qwen/Qwen3-VL-4B-Thinking": "Lines.\n</think>\n\nB",
    }
    for name, text in said.items():
        found = UMIT(ScriptedBackend([text]), KNOWN[name]).answer(FILM, "Normal?", options=["yes", "no"])
        assert (found.text, found.option, found.probabilities) == ("no", 1, None), name
        assert found.reasoning.endswith("Lines.") and found.raw == text, name
