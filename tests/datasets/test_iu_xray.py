"""IU X-Ray: R2Gen's list, its flat variant, MedEvalKit's list, and the real rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from umit.datasets import load
from umit.errors import DatasetError

from .layouts import iu_xray as files
from .told import told


@pytest.fixture
def root(tmp_path: Path) -> Path:
    files.write(tmp_path)
    return tmp_path


def test_quirks_of_the_rows(root: Path) -> None:
    samples, messages = told("iu-xray", root)
    train, validation, test = samples
    assert train.gold.text == "The XXXX are clear. Heart size is normal.", "XXXX is kept"
    assert (train.task, train.query.purpose) == ("report_film", "report")
    assert [scan.size for scan in train.source.scans()] == [(80, 60), (80, 70)], "two views"
    assert dict(train.facts)["views"] == "2"
    assert validation.id.startswith("validation-") and test.group == "CXR4_IM-0004"
    assert messages == [
        "annotation.json: the key '    ' is taken as test, the only split missing",
        "annotation.json train row 2: skipped, its report is empty",
    ]


def test_the_flat_variant(tmp_path: Path) -> None:
    files.write_flat(tmp_path)
    train = list(load("iu-xray", tmp_path, split="train"))
    assert [len(s.source.paths) for s in train] == [1, 4], "one to five views"
    assert train[1].source.paths[3] == tmp_path.resolve() / "CXR4_IM-1-3001.png"
    assert len({s.id for s in load("iu-xray", tmp_path)}) == 3, "one study in two splits"


def test_two_sections_are_one_report(tmp_path: Path) -> None:
    files.write_sections(tmp_path)
    (both, one), messages = told("iu-xray", tmp_path, split="test")
    assert (both.gold.text, both.gold.findings, both.gold.impression) == (
        "Clear. Normal.", "Clear.", "Normal."
    )  # fmt: skip
    assert (one.gold.text, one.gold.findings) == ("Cardiomegaly.", None)
    assert messages == ["test.json row 3: skipped, its report is empty"]


def _row(**changed: Any) -> dict[str, Any]:
    row = {"id": "1", "report": "Clear.", "image_path": ["1/0.png"], **changed}
    return {key: value for key, value in row.items() if value is not None}


@pytest.mark.parametrize(
    ("listing", "message"),
    [
        ({"train": [], "val": [_row()], "  ": [], "   ": []}, "names of splits"),
        ({"  ": [_row()]}, "names of splits"),
        ({"train": [], "trial": [_row()]}, "annotation.json: expected one of train.*'trial'"),
        ({"train": {"1": _row()}}, "list of studies under 'train'"),
        ([_row()], "keys train, val and test, got list"),
        ({"train": [_row(), _row(report=None)]}, "train row 2: .*'report' with text"),
        ({"train": [_row(id=None)]}, "train row 1: .*'id' with text"),
        ({"train": [_row(image_path=[])]}, "train row 1: .*names of pictures"),
        ({"train": [_row(image_path=[3])]}, "train row 1: .*names of pictures"),
        ({"train": [_row(image_path=["../0.png"])]}, "train row 1: .*inside the data set"),
    ],
)
def test_wrong_lists_are_named(tmp_path: Path, listing: Any, message: str) -> None:
    (tmp_path / "annotation.json").write_text(json.dumps(listing))
    with pytest.raises(DatasetError, match=message):
        list(load("iu-xray", tmp_path))


def test_the_real_rows(shared: Path) -> None:
    root = shared / "samples" / "iu_xray"
    counts = {s: len(list(load("iu-xray", root, split=s))) for s in ("train", "val", "test")}
    assert counts == {"train": 12, "val": 6, "test": 6}
    samples = list(load("iu-xray", root))
    assert {len(s.source.paths) for s in samples} == {2}
    assert any("XXXX" in s.gold.text for s in samples)
    assert len({s.group for s in samples}) == 24


def test_the_real_rows_of_the_flat_variant(shared: Path, tmp_path: Path) -> None:
    excerpt = shared / "samples" / "iu_xray" / "annotation_flat_variant.json"
    (tmp_path / "annotation.json").write_bytes(excerpt.read_bytes())
    views = [len(s.source.paths) for s in load("iu-xray", tmp_path)]
    assert views == [1, 2, 3, 4, 1, 2, 3, 1, 2, 3, 4]
