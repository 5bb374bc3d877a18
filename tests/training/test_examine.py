"""What cannot be taught is refused before the first step, with its file and line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from umit.checkpoints import PHANTOM
from umit.datasets import load
from umit.engine.encode import Encoder
from umit.errors import DatasetError, DatasetWarning, UMITError, UnsupportedTaskError
from umit.training.examine import examine
from umit.training.parts import Part

pytestmark = pytest.mark.filterwarnings("ignore::umit.errors.DatasetWarning")
_QUESTION: dict[str, Any] = {"image": "a.png", "question": "Where is it?", "answer": "left"}
_BOX = {"image": "a.png", "label": ["nodule"]}


def _part(folder: Path, rows: list[dict[str, Any]]) -> Part:
    for name in "ab":
        Image.new("L", (64, 48), 90 + ord(name)).save(folder / f"{name}.png")
    (folder / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    return Part.of(load(folder / "rows.jsonl"))


WRONG = [
    ({**_QUESTION, "answer": "left " * 600}, r"rows\.jsonl line 2.*at most \d+ tokens", "answer too long"),
    ({**_BOX, "boxes": [[5, 5, 900, 40]]}, r"rows\.jsonl line 2.*", "box outside"),
    ({**_QUESTION, "image": "gone.png"}, r"rows\.jsonl line 2|gone\.png", "picture missing"),
    ({**_QUESTION, "image": "bad.png"}, r"rows\.jsonl line 2.*bad\.png", "no picture"),
]


@pytest.mark.parametrize(("row", "said", "reason"), WRONG, ids=[reason for *_, reason in WRONG])
def test_it_names_the_line(tmp_path: Path, encoder: Encoder, row: dict[str, Any], said: str, reason: str) -> None:
    (tmp_path / "bad.png").write_bytes(b"\x89PNG no picture")
    with pytest.raises(UMITError, match=said):
        examine(_part(tmp_path, [_QUESTION, row]), PHANTOM, encoder)


def test_what_is_right_passes(tmp_path: Path, encoder: Encoder) -> None:
    rows = [_QUESTION, {**_BOX, "boxes": [[5, 5, 60, 40]]}, {"image": "b.png", "report": "Clear."}]
    examine(_part(tmp_path, rows), PHANTOM, encoder)


def test_no_samples_are_told(encoder: Encoder) -> None:
    with pytest.raises(DatasetError, match="expected samples in the validation part, got none"):
        examine(Part((), {}), PHANTOM, encoder, what="validation part")


def test_a_task_that_the_card_does_not_know(tmp_path: Path, encoder: Encoder) -> None:
    card = replace(PHANTOM, name="mine", task_names=("classify",))
    with pytest.raises(UnsupportedTaskError, match=r"1 of 1 .*rows\.jsonl line 1: mine knows classify"):
        examine(_part(tmp_path, [_QUESTION]), card, encoder)
    english = replace(PHANTOM, name="mine", languages=("en",))
    with pytest.raises(UnsupportedTaskError, match="mine knows en, not 'zh'"):
        examine(_part(tmp_path, [{**_QUESTION, "question": "在哪里？"}]), english, encoder)


def test_one_class_only_is_told(tmp_path: Path, encoder: Encoder) -> None:
    rows = [{"image": f"{name}.png", "label": label} for name, label in (("a", "x"), ("b", "y"))]
    part = _part(tmp_path, rows)
    examine(part, PHANTOM, encoder)
    with pytest.raises(DatasetError, match="two classes or more in the training part, all 1 are 'x'"):
        examine(part[:1], PHANTOM, encoder)
    examine(part[:1], PHANTOM, encoder, what="validation part")


def test_five_are_named_and_all_are_counted(tmp_path: Path, encoder: Encoder) -> None:
    rows = [{**_BOX, "boxes": [[5, 5, 900, 40 + k]]} for k in range(8)]
    with pytest.raises(DatasetError) as told:
        examine(_part(tmp_path, rows), PHANTOM, encoder)
    assert "8 of 8" in str(told.value) and "and 3 more" in str(told.value)


def test_answers_that_contradict_each_other_are_told(tmp_path: Path, encoder: Encoder) -> None:
    part = _part(tmp_path, [_QUESTION, _QUESTION, {**_QUESTION, "answer": "right"}, {**_QUESTION, "image": "b.png"}])
    with pytest.warns(
        DatasetWarning, match=r"1 samples.*rows\.jsonl line 3: 'right', and 'left' in rows\.jsonl line 1"
    ):
        examine(part, PHANTOM, encoder)


def test_prepared_arrays_are_no_picture_files_and_can_be_taught(tmp_path: Path, encoder: Encoder) -> None:
    from tests.datasets.layouts import layout

    layout("m3d-seg").write(tmp_path)
    examine(Part.of(load("m3d-seg", tmp_path)), PHANTOM, encoder)
