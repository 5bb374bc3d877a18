"""M3D-VQA: choices as text, two variants, the report that never leaves its column, where volumes lie."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from umit.datasets import describe
from umit.errors import DatasetError

from .layouts import m3d_vqa as files
from .told import told


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy that no test changes."""
    root = tmp_path_factory.mktemp("whole")
    files.write(root)
    return root


def _table(root: Path, *rows: dict[str, Any], name: str = "train", drop: str = "") -> None:
    """Write a table of rows like the layout's second one."""
    plain = dict(zip(files._HEADER, files._ROWS["train"][1], strict=True))
    names = [name for name in files._HEADER if name != drop]
    with (root / f"M3D_VQA_{name}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names, extrasaction="ignore")
        writer.writeheader()
        writer.writerows({**plain, **row} for row in rows)


def test_closed_questions(whole: Path) -> None:
    samples, said = told("m3d-vqa", whole, split="train")
    assert [(s.query.options, s.gold.option, s.gold.text) for s in samples] == [
        (("Axial", "Coronal", "Sagittal"), 0, "Axial"),  # NA is a missing choice
        (("Mass", "None", "Cyst", "Stone"), 1, "None"),  # and None an answer
        (("yes", "no"), 1, "no"),
    ]
    assert len(said) == 1 and said[0].startswith("M3D_VQA_train.csv line 5: skipped")
    assert "got 'Liver' and 'liver'" in said[0]
    assert [s.id for s in samples] == ["train-closed-2", "train-closed-3", "train-closed-4"]
    assert dict(samples[1].facts) == {
        "answer_type": "closed", "question_type": "abnormality", "modality": "CT",
    }  # fmt: skip


def test_open_questions(whole: Path) -> None:
    samples, said = told("m3d-vqa", whole, split="train", variant="open")
    assert not said and [s.gold.text for s in samples] == ["Axial", "None", "no", "Spleen"]
    assert not any(s.query.options or s.gold.option is not None for s in samples)
    assert {s.task for s in samples} == {"answer_open"}
    assert [dict(s.facts)["question_type"] for s in samples] == [
        "plane", "abnormality", "abnormality", "organ",
    ]  # fmt: skip


@pytest.mark.parametrize("variant", describe("m3d-vqa").variants)
def test_the_report_stays_out(variant: str, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    _table(tmp_path / "one", {"Text": "SECRET"})
    (sample,) = told("m3d-vqa", tmp_path / "one", split="train", variant=variant)[0]
    assert "SECRET" not in repr(sample)
    _table(tmp_path / "one", {}, drop="Text")
    assert told("m3d-vqa", tmp_path / "one", split="train", variant=variant)[0], "not even needed"


def test_volumes_in_both_forms_of_the_path(whole: Path) -> None:
    samples, _ = told("m3d-vqa", whole)
    paths = {s.source.names[0] for s in samples}
    folder = whole / "M3D_Cap_npy" / "ct_quizze"
    assert paths == {str(folder / case / "Axial.npy") for case in ("000008", "000009")}
    assert {s.group for s in samples} == {"ct_quizze/000008", "ct_quizze/000009"}, "as M3D-Cap's"
    (scan,) = samples[0].source.scans()
    assert scan.voxels.shape == (32, 256, 256) and samples[0].source.is_volume


def test_a_volume_that_is_not_there_is_no_error_yet(tmp_path: Path) -> None:
    _table(tmp_path, {"Image Path": "ct_case\\1\\A.npy"})
    (sample,) = told("m3d-vqa", tmp_path, split="train")[0]
    assert sample.group == "ct_case/1"
    assert sample.source.names == (str(tmp_path / "ct_case" / "1" / "A.npy"),)


def test_which_tables_are_taken(whole: Path, tmp_path: Path) -> None:
    _table(tmp_path, {}, name="test5k")
    samples, said = told("m3d-vqa", tmp_path)
    assert len(samples) == 1 and [line.split(":")[0] for line in said] == [
        "M3D_VQA_train.csv",
        "M3D_VQA_val.csv",
        "M3D_VQA_test5k.csv",
    ]
    assert said[2].endswith("taken for the test split, whose own table is not in this copy")
    _table(tmp_path, {}, {}, name="test")
    assert len(told("m3d-vqa", tmp_path, split="test")[0]) == 2, "the whole table goes first"
    with pytest.raises(DatasetError, match=r"expected M3D_VQA_train.csv.* found M3D_VQA_test"):
        told("m3d-vqa", tmp_path, split="train")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        pytest.param({"Answer": ""}, "skipped, its answer is empty", id="no answer"),
        pytest.param({"Question": " "}, "skipped, its question is empty", id="no question"),
        pytest.param({"Answer Choice": "C", "Choice C": "NA"}, "skipped, the choice that is right is missing", id="right one missing"),
        pytest.param({"Choice A": "NA", "Choice C": "NA", "Choice D": ""}, "skipped, expected at least two options", id="one choice"),
        pytest.param({"Answer": "Mass"}, "its answer is another than its choice, which is taken", id="two answers"),
    ],
)  # fmt: skip
def test_what_is_told(row: dict[str, Any], said: str, tmp_path: Path) -> None:
    _table(tmp_path, {}, row)
    samples, messages = told("m3d-vqa", tmp_path, split="train")
    assert len(samples) == (1 if "skipped" in said else 2)
    (message,) = messages
    assert message.startswith(f"M3D_VQA_train.csv line 3: {said}")


def test_a_choice_on_two_lines(tmp_path: Path) -> None:
    _table(tmp_path, {"Choice B": "None\n or few", "Answer": "None or few"})
    ((sample,), said) = told("m3d-vqa", tmp_path, split="train")
    assert sample.gold.text == "None or few" and not said


@pytest.mark.parametrize(
    ("row", "drop", "message"),
    [
        pytest.param({"Answer Choice": "E"}, "", "line 2: expected an answer choice A to D, got 'E'", id="letter"),
        pytest.param({"Answer Choice": "AB"}, "", "line 2: expected an answer choice", id="two letters"),
        pytest.param({"Answer Choice": ""}, "", "line 2: expected an answer choice", id="no letter"),
        pytest.param({"Image Path": "/data/x.npy"}, "", "line 2: expected a path inside", id="absolute"),
        pytest.param({"Image Path": "../x.npy"}, "", "line 2: expected a path inside", id="leads out"),
        pytest.param({}, "Choice D", "missing: Choice D", id="column"),
    ],
)  # fmt: skip
def test_wrong_rows_are_named(row: dict[str, Any], drop: str, message: str, tmp_path: Path) -> None:
    _table(tmp_path, row, drop=drop)
    with pytest.raises(DatasetError, match=f"M3D_VQA_train.csv.*{message}"):
        told("m3d-vqa", tmp_path, split="train")
