"""Cards by name: what is known, what is refused with a reason, and what is said to somebody without one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from umit import UMIT, load
from umit.checkpoints import KNOWN, PHANTOM, RELEASED, Checkpoint, locate
from umit.checkpoints.card import TAGS
from umit.checkpoints.families import BASES, GENERIC
from umit.checkpoints.known import names
from umit.checkpoints.medical import FOLDERS, MEDICAL
from umit.errors import CheckpointError, UnsupportedTaskError
from umit.tasks.task import TaskName
from umit.testing import ScriptedBackend

FILM = load(np.zeros((480, 640), np.uint8), axes="yx")
SHIPPED = [*BASES.values(), *MEDICAL.values()]
#: What a card must prove before it ships: for words, and for boxes.
WORDS, PLACES = {"system", "picture", "licence"}, {"frame", "box_syntax", "detect_2d"}


@pytest.mark.parametrize("card", SHIPPED, ids=lambda card: card.name.split("/", 1)[1])
def test_a_shipped_card_proves_what_it_needs(card: Checkpoint) -> None:
    read = {one.field for one in card.evidence if one.tag == "V"}
    needed = WORDS | (PLACES if "detect_2d" in card.task_names else {"prompt", "answer_form"})
    assert needed - read <= ({"licence"} if card.licence == "unverified" else set())
    assert all(one.tag in TAGS for one in card.evidence)


@pytest.mark.parametrize("card", SHIPPED, ids=lambda card: card.name.split("/", 1)[1])
def test_every_task_of_a_card_has_words_or_is_one_of_umits(card: Checkpoint) -> None:
    for name in card.task_names:
        found = card.task(name)
        assert found.wording.keys() & {*card.languages}
        assert found.volume is None or found.film is None
    drawn = {"detect_2d", "landmark"} - {*card.task_names}
    assert drawn <= {name for name, _ in card.refused}, "what is not asked is refused with its reason"


@pytest.mark.parametrize(
    ("name", "task", "why"),
    [
        ("StanfordAIMI/CheXOne", "detect_2d", "boxes of CheXOne: frame never stated by its authors"),
        ("MBZUAI/MedMO-4B", "detect_2d", r"frame of <box>\[\[…\]\]</box> never stated"),
        ("JZPeterPan/MedVLM-R1", "detect_2d", "no boxes were trained"),
        ("Qwen/Qwen2-VL-2B-Instruct", "landmark", "no sentence that asks for a point"),
        ("generic:qwen3_vl", "detect_2d", "umit calibrate"),
        ("generic:qwen3_vl", "landmark", "umit calibrate"),
        ("nvidia/NV-Reason-CXR-3B", "classify", "knows answer_open, report_film, not classify"),
    ],
)
def test_a_verb_without_evidence_is_refused_with_the_reason(name: str, task: TaskName, why: str) -> None:
    with pytest.raises(UnsupportedTaskError, match=why):
        KNOWN[name].task(task)


def test_a_language_without_words_is_refused() -> None:
    with pytest.raises(UnsupportedTaskError, match="knows en, not 'zh'"):
        KNOWN["Qwen/Qwen3-VL-4B-Instruct"].task("detect_2d", "zh")
    assert KNOWN["Qwen/Qwen2.5-VL-7B-Instruct"].task("detect_2d", "zh")


def test_volumes_are_refused_where_none_were_trained() -> None:
    volume = load(np.zeros((4, 64, 64), np.int16), axes="zyx")
    with pytest.raises(UnsupportedTaskError, match="takes films, got a volume"):
        UMIT(ScriptedBackend(["A"]), KNOWN["JZPeterPan/MedVLM-R1"]).answer(volume, "?", options=["a", "b"])


def test_results_of_a_generic_card_say_so() -> None:
    model = UMIT(ScriptedBackend(["<think>Hm.</think><answer>Normal.</answer>", "B"]), GENERIC["generic:qwen2_5_vl"])
    found = model.answer(FILM, "Normal?")
    assert (found.text, found.reasoning) == ("Normal.", "Hm.")
    assert "generic card, unverified" in found.warnings
    assert model.answer(FILM, "Normal?", options=["yes", "no"]).text == "no"
    with pytest.raises(UnsupportedTaskError):
        model.detect(FILM, "nodule")


@pytest.mark.parametrize("name", ["Qwen/Qwen2.5-VL-3B-Instruct", "MBZUAI/MediX-R1-2B", "nvidia/NV-Reason-CXR-3B"])
def test_limits_of_a_licence_are_known(name: str) -> None:
    assert KNOWN[name].terms.startswith("licence of weights: ")


def test_limits_of_the_bases_licence_count_too() -> None:
    assert KNOWN["UCSC-VLAA/MedVLThinker-3B-RL_m23k"].terms == (
        "licence of the weights that they began as: Qwen RESEARCH LICENSE, non-commercial"
    )
    assert KNOWN["lingshu-medical-mllm/Lingshu-7B"].terms == KNOWN["Qwen/Qwen2-VL-2B-Instruct"].terms == ""


# Where weights are


def test_a_sub_folder_must_be_named() -> None:
    with pytest.raises(CheckpointError, match=r"expected a sub-folder of yuxianglai117/Med-R1.*Med-R1/VQA_CT, "):
        locate("yuxianglai117/Med-R1")
    place, card = locate("yuxianglai117/Med-R1/VQA_US")
    assert (place, card.sub_folder) == ("yuxianglai117/Med-R1:VQA_US", "VQA_US")
    assert len(FOLDERS["yuxianglai117/Med-R1"]) == 13


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("FreedomIntelligence/Chiron-o1-8B", "InternVL3"),
        ("someone/Hulu-Med-7B", "SigLIP"),
        ("jdh-algo/Citrus-V-8B-v1.0", "SAM2"),
        ("KrauthammerLab/RadVLM", "LLaVA-OneVision"),
        ("MBZUAI/MediX-R1-30B", "mixtures of experts"),
    ],
)
def test_what_is_no_qwen_vl_is_refused_by_name(name: str, why: str) -> None:
    with pytest.raises(CheckpointError, match=why):
        locate(name, "Qwen/Qwen2.5-VL-7B-Instruct")


def weights(folder: Path, kind: str) -> Path:
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": kind}))
    return folder


def test_a_card_of_another_architecture_is_refused(tmp_path: Path) -> None:
    folder = weights(tmp_path / "mine", "qwen2_5_vl")
    with pytest.raises(CheckpointError, match=r"expected weights of qwen2_vl .* those in 'mine' are qwen2_5_vl"):
        locate(folder, "dz-osamu/UMIT-B")
    assert locate(folder, "Qwen/Qwen2.5-VL-7B-Instruct")[1].model_type == "qwen2_5_vl"


@pytest.mark.parametrize("kind", ["qwen2_vl", "qwen2_5_vl", "qwen3_vl"])
def test_weights_without_a_card_are_told_what_fits_them(tmp_path: Path, kind: str) -> None:
    with pytest.raises(CheckpointError) as caught:
        locate(weights(tmp_path / "mine", kind))
    said = str(caught.value)
    assert f"generic:{kind}" in said and "umit calibrate" in said
    assert all((name in said) == (card.model_type == kind) for name, card in BASES.items())
    assert ("dz-osamu" in said) == (kind == "qwen2_vl")
    # A plain Qwen2-VL is not told first to take the card of weights that write in another frame.
    assert kind != "qwen2_vl" or said.index("Qwen/Qwen2-VL-2B-Instruct") < said.index("dz-osamu")


def test_other_folders_are_told_all_names(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError) as caught:
        locate(tmp_path)
    assert all(name in str(caught.value) for name in (*RELEASED, *BASES, PHANTOM.name))
    assert "Med-R1's other 12 sub-folders" in names() and "VQA_MRI" not in names()


def test_a_generic_card_is_no_weights() -> None:
    with pytest.raises(CheckpointError, match="expected weights, got the card generic:qwen2_vl"):
        locate("generic:qwen2_vl")


def test_a_sub_folder_that_is_not_there_is_told_those_that_are() -> None:
    with pytest.raises(CheckpointError, match=r"got 'yuxianglai117/Med-R1/CT'; use one of .*Med-R1/VQA_MRI"):
        locate("yuxianglai117/Med-R1/CT", "yuxianglai117/Med-R1/VQA_CT")


@pytest.mark.parametrize("name", ["x" * 300, "a\x00b", ""])
def test_what_can_be_no_folder_is_no_card_either(name: str) -> None:
    with pytest.raises(CheckpointError, match="expected a folder of weights"):
        locate(name)
    with pytest.raises(CheckpointError, match=r"expected card= of|found none"):
        locate("somebody/weights", name)
