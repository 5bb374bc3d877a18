"""Law 7: writing and reading a card is the identity; unknown fields and other schemas are refused."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from umit.checkpoints import PHANTOM, RELEASED, Checkpoint, Evidence, Measured, Origin, read_card, write_card
from umit.embedded import embedded
from umit.errors import CheckpointError
from umit.imaging.view import Rendering
from umit.tasks.dialect import Choices, Prompt

CARDS = {c.name: c for c in (PHANTOM, *RELEASED.values())}
ODD = replace(
    PHANTOM,
    name="ödd/名",
    version=7,
    task_names=("landmark",),
    languages=("zh",),
    system="",
    notice="只供研究。",
    model_type="qwen3_vl",
    own_pixels=True,
    revision="0123abc",
    licence="cc-by-nc-4.0",
    base_licence="apache-2.0",
    evidence=(Evidence(field="frame", tag="V", source="its own notebook"),),
    refused=(("detect_2d", "the frame was never stated"),),
    caution="generic",
    origin=Origin(
        base="dz-osamu/VQA",
        data=(("SLAKE", "CC BY 4.0"), ("自己的", "")),
        licence="cc-by-4.0",
        measured=(Measured(metric="AUC", value=0.9, low=None, high=0.95, n=12, part="validation: 0.1 of the groups"),),
    ),
    dialect=replace(
        PHANTOM.dialect,
        film=Rendering(frame=None, min_pixels=784, max_pixels=1568, factor=32),
        first_option=0,
        volumes=False,
        prompts=(
            Prompt(
                task="landmark", language="zh", text="{pictures}\n找到{name}", form="think_answer", max_new_tokens=99
            ),
        ),
        choices=Choices(letters=False, shown="{mark}.{words}", joint=", ", said="{mark}"),
        form="think_answer",
        max_new_tokens=2048,
        box_syntax="json",
        point_syntax="xml",
        corner="lower-left",
        decimals=3,
        first_class=1,
        inclusive_voxels=False,
    ),
)


@pytest.mark.parametrize("card", [*CARDS.values(), ODD], ids=lambda c: c.name.split("/")[-1])
def test_reading_gives_what_was_written(card: Checkpoint, tmp_path: Path) -> None:
    written = write_card(card, tmp_path)
    assert written == tmp_path / "umit.json"
    read = read_card(tmp_path)
    assert read == card
    assert list(read.tasks) == list(card.tasks)
    first = written.read_bytes()
    assert write_card(read, tmp_path).read_bytes() == first


def test_a_card_of_schema_1_squeezes_films_to_their_frame(tmp_path: Path) -> None:
    """As it did then: what is fed was said only where it was no frame."""
    card = RELEASED["dz-osamu/UMIT-B"]
    data = json.loads(write_card(card, tmp_path).read_text("utf-8"))
    data["schema"] = 1
    for name in ("film", "boxes", "points"):
        data["dialect"][name]["fed"] = None
    (tmp_path / "umit.json").write_text(json.dumps(data), "utf-8")
    assert read_card(tmp_path) == card
    data["schema"] = 2
    (tmp_path / "umit.json").write_text(json.dumps(data), "utf-8")
    assert read_card(tmp_path).dialect.boxes == Rendering(frame=(1024, 1024))


Change = Callable[[dict[str, Any]], None]
PROMPT = {"task": "answer_open", "language": "en", "text": "{question}"}
REFUSED: dict[str, Change] = {
    "a newer schema": lambda d: d.update(schema=3),
    "no number of a schema": lambda d: d.update(schema=True),
    "an older schema": lambda d: d.update(schema=0),
    "no schema": lambda d: d.pop("schema"),
    "an unknown field": lambda d: d.update(temperature=0.5),
    "an unknown dialect field": lambda d: d["dialect"].update(thousandths=True),
    "an unknown rendering field": lambda d: d["dialect"]["film"].update(mirror=True),
    "an unknown task": lambda d: d.update(task_names=["segment"]),
    "an unknown language": lambda d: d.update(languages=["fr"]),
    "no tasks": lambda d: d.pop("task_names"),
    "no dialect": lambda d: d.pop("dialect"),
    "a missing rendering": lambda d: d["dialect"].pop("boxes"),
    "a dialect of another kind": lambda d: d.update(dialect=3),
    "a name that is none": lambda d: d.update(name=3),
    "a system line that is none": lambda d: d.update(system=3),
    "a notice that nobody would read": lambda d: d.update(notice=None),
    "a version of words": lambda d: d.update(version="2"),
    "an origin without a base": lambda d: d.update(origin={"data": [], "measured": []}),
    "an origin of another kind": lambda d: d.update(origin="SLAKE"),
    "an unknown field of the origin": lambda d: d.update(origin={"base": "a", "data": [], "measured": [], "by": "b"}),
    "a number of no metric": lambda d: d.update(origin={"base": "a", "data": [], "measured": [{"value": 1}]}),
    "prompts of an unknown task": lambda d: d["dialect"].update(prompts=[PROMPT | {"task": "segment"}]),
    "prompts in an unknown language": lambda d: d["dialect"].update(prompts=[PROMPT | {"language": "fr"}]),
    "prompts that differ in form": lambda d: d["dialect"].update(prompts=[PROMPT, PROMPT | {"form": "think"}]),
    "a prompt of no answer form": lambda d: d["dialect"].update(prompts=[PROMPT | {"form": "shouted"}]),
    "an unknown spelling": lambda d: d["dialect"].update(box_syntax="yolo"),
    "an architecture that is not loaded": lambda d: d.update(model_type="citrus_v"),
    "evidence of an unknown kind": lambda d: d.update(evidence=[{"field": "frame", "tag": "?", "source": "a"}]),
    "an impossible frame": lambda d: d["dialect"]["boxes"].update(frame=[0, 10]),
}


@pytest.mark.parametrize("why", REFUSED)
def test_what_is_not_ours_is_refused(why: str, tmp_path: Path) -> None:
    path = write_card(PHANTOM, tmp_path)
    data = json.loads(path.read_text(encoding="utf-8"))
    REFUSED[why](data)
    path.write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(CheckpointError):
        read_card(tmp_path)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "3", '"umit"', "[[1]]", pytest.param("[" * 100_000, id="deep")]
)
def test_what_is_no_card_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "umit.json").write_text(text)
    with pytest.raises(CheckpointError):
        read_card(tmp_path)


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "umit.json").write_bytes(b"\xff\xfe\x00{")
    with pytest.raises(CheckpointError):
        read_card(tmp_path)


def test_a_folder_without_a_card_lists_the_names(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError) as caught:
        read_card(tmp_path)
    assert all(name in str(caught.value) for name in CARDS)


def test_a_card_is_pickled_though_its_tasks_were_used() -> None:
    assert PHANTOM.tasks
    again = pickle.loads(pickle.dumps(PHANTOM))
    assert again == PHANTOM and again.tasks.keys() == PHANTOM.tasks.keys()


def test_the_embedded_card_says_how_sure_its_answers_are() -> None:
    card = read_card(embedded())
    assert card.confidence is not None and replace(card, confidence=None) == PHANTOM
    assert {"answer_open", "answer_closed", "detect_2d", "landmark"} <= {*dict(card.confidence.bounds)}
    assert card.confidence.temperature("classify") and "phantoms" in card.confidence.data
