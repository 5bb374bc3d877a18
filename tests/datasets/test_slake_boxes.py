"""SLAKE's boxes: corners from top left and size, clipped, by language, and the split they borrow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from umit.datasets import describe
from umit.errors import DatasetError

from .layouts import slake_boxes as files
from .told import told


@pytest.fixture
def root(tmp_path: Path) -> Path:
    files.write(tmp_path)
    return tmp_path


def _corners(sample: Any) -> list[tuple[float, ...]]:
    return [found.box.corners for found in sample.gold.items]


def _write(root: Path, boxes: Any) -> None:
    path = root / "imgs" / "xmlab1" / "detection.json"
    path.write_text(boxes if isinstance(boxes, str) else json.dumps(boxes), encoding="utf-8")


def test_boxes_of_a_label(root: Path) -> None:
    samples, said = told("slake-boxes", root, language="en")
    assert {s.query.target: _corners(s) for s in samples} == {
        "atelectasis": [(12, 7, 36, 27)],
        "liver": [(40, 30, 60, 46)],
        "nodule": [(4, 4, 12, 12), (50, 40, 80, 50)],  # the second one clipped at 80
        "odd finding": [(10, 10, 40, 40)],
        "left lung": [(5.5, 6.5, 15.5, 18.5)],
        "brain edema": [(1, 2, 4, 6)],
    }
    assert said == [
        "xmlab2/detection.json: the box of 'Nodule' leaves the picture, clipped",
        "xmlab4/detection.json: the box of 'Mass' is empty, skipped",
        "xmlab10/detection.json: its boxes are not checked against the picture, expected a file, found none",
    ]
    nodules = next(s for s in samples if s.query.target == "nodule")
    assert (nodules.id, nodules.group) == ("xmlab2-nodule-en", "xmlab2")
    assert dict(nodules.facts) == {"target": "nodule", "boxes": "2"}
    space = nodules.gold.items[0].box.space
    assert space is not None and space.size == (80, 60)


def test_pictures_in_numeric_order(root: Path) -> None:
    groups = [s.group for s in told("slake-boxes", root, language="en")[0]]
    assert list(dict.fromkeys(groups)) == ["xmlab1", "xmlab2", "xmlab4", "xmlab10"]


def test_chinese_where_it_is_known(root: Path) -> None:
    english, chinese = (told("slake-boxes", root, language=one)[0] for one in ("en", "zh"))
    assert [s.query.target for s in chinese] == ["肺不张", "肝脏", "结节", "左肺", "脑水肿"]
    assert {s.gold.items[0].label for s in chinese} == {s.query.target for s in chinese}
    both = told("slake-boxes", root)[0]
    assert {s.id for s in both} == {s.id for s in english} | {s.id for s in chinese}
    assert "xmlab4-odd finding-zh" not in {s.id for s in both}


@pytest.mark.parametrize(
    ("options", "groups"),
    [
        ({"split": "test"}, ["xmlab2", "xmlab2", "xmlab4"]),  # both languages: English decides
        ({"split": "test", "language": "en"}, ["xmlab2", "xmlab4"]),
        ({"split": "test", "language": "zh"}, []),  # xmlab4's label has no Chinese name
        ({"split": "train", "language": "zh"}, ["xmlab2"]),  # as its Chinese questions are
    ],
)
def test_the_split_of_one_language(options: Any, groups: list[str], root: Path) -> None:
    if not groups:
        with pytest.raises(DatasetError, match="found none"):
            told("slake-boxes", root, **options)
        return
    samples, said = told("slake-boxes", root, **options)
    assert [s.group for s in samples] == groups
    left = [line for line in said if "no question" in line]
    assert left and "xmlab10" in left[0]
    assert "Chinese" in describe("slake-boxes").splitting


def test_without_questions(root: Path) -> None:
    for name in ("train", "validate", "test"):
        (root / f"{name}.json").unlink()
    with pytest.raises(DatasetError, match=r"expected train\.json"):
        told("slake-boxes", root, split="train")
    samples, said = told("slake-boxes", root, language="en")
    assert len(samples) == 6 and "boxes have no split" in said[0]
    assert told("slake-boxes", root, split="train", resplit=True)[0], "umit's own split needs none"


@pytest.mark.parametrize(
    ("boxes", "message"),
    [
        pytest.param([{"Liver": [1, 2, 3]}], r"expected \[x, y, width, height\]", id="three numbers"),
        pytest.param([{"Liver": [1, 2, 3, "4"]}], "got .1, 2, 3, '4'", id="text"),
        pytest.param('[{"Liver": [1, 2, 3, NaN]}]', "got .1, 2, 3, nan", id="not finite"),
        pytest.param([{"Liver": {"x": 1}}], "got {'x': 1}", id="named numbers"),
        pytest.param(["Liver"], "expected label and box, got str", id="no object"),
        pytest.param([{"a<|box_end|>": [1, 2, 3, 4]}], "expected a plain name", id="control token"),
        pytest.param([{"": [1, 2, 3, 4]}], "expected a target with words", id="no label"),
        pytest.param("[{", "expected JSON", id="torn"),
    ],
)  # fmt: skip
def test_wrong_files_are_named(boxes: Any, message: str, root: Path) -> None:
    _write(root, boxes)
    with pytest.raises(DatasetError, match=f"detection.json: .*{message}"):
        told("slake-boxes", root)


@pytest.mark.parametrize(
    ("boxes", "corners"),
    [
        pytest.param([{"Liver": [-5.0, -5.0, 10.0, 10.0]}], [(0, 0, 5, 5)], id="before the edge"),
        pytest.param([{"Liver": [0.5, 0.5, 79.5, 59.5]}], [(0.5, 0.5, 80, 60)], id="fractions"),
        pytest.param([{"Liver": [1, 1, 2, 2]}, {"liver ": [5, 5, 2, 2]}], [(1, 1, 3, 3), (5, 5, 7, 7)], id="two spellings"),
        pytest.param([{"Liver": [], "Heart": [1, 1, 2, 2]}], [(1, 1, 3, 3)], id="no box"),
    ],
)  # fmt: skip
def test_what_a_file_may_hold(boxes: Any, corners: Any, root: Path) -> None:
    _write(root, boxes)
    samples = [s for s in told("slake-boxes", root, language="en")[0] if s.group == "xmlab1"]
    assert [_corners(s) for s in samples] == [corners]


def test_only_the_header_is_read(root: Path) -> None:
    """A picture cut off after its header still says its size."""
    path = root / "imgs" / "xmlab2" / "source.jpg"
    path.write_bytes(path.read_bytes()[:700])
    with Image.open(path) as cut, pytest.raises(OSError, match="truncated"):
        cut.load()
    samples, said = told("slake-boxes", root, language="en")
    assert not any("xmlab2" in line and "not checked" in line for line in said)
    assert any(_corners(s)[-1] == (50, 40, 80, 50) for s in samples)


def test_a_link_that_leads_out_is_refused(root: Path, tmp_path_factory: Any) -> None:
    other = tmp_path_factory.mktemp("other") / "detection.json"
    other.write_text("[]")
    path = root / "imgs" / "xmlab1" / "detection.json"
    path.unlink()
    path.symlink_to(other)
    with pytest.raises(DatasetError, match="xmlab1: expected a path inside the data set"):
        told("slake-boxes", root)


def test_the_real_file(shared: Path) -> None:
    samples, said = told("slake-boxes", shared / "samples" / "slake")
    assert [(s.id, _corners(s)) for s in samples] == [
        ("xmlab169-atelectasis-en", [(212, 587, 459, 788)]),
        ("xmlab169-atelectasis-zh", [(212, 587, 459, 788)]),
    ]
    assert ["not checked" in line for line in said] == [True], "the sample has no picture"
