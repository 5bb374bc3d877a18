"""Boxes and points beside the words, in every scale that a row can declare."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from umit.datasets.swift import row_of
from umit.datasets.swift_marks import Mark, marks
from umit.errors import DatasetError
from umit.geometry import Box2D, Point2D

SIZE = (400, 200)


@pytest.mark.parametrize(
    ("objects", "corners"),
    [
        pytest.param({"bbox": [[40, 20, 80, 60]]}, (40, 20, 80, 60), id="real by default"),
        pytest.param({"bbox": [[40, 20, 80, 60]], "bbox_type": "real"}, (40, 20, 80, 60), id="real"),
        pytest.param({"bbox": [[0.1, 0.1, 0.2, 0.3]], "bbox_type": "norm1"}, (40, 20, 80, 60), id="shares"),
        pytest.param({"bbox": [[100, 100, 200, 300]], "bbox_type": "norm1000"}, (40, 20, 80, 60), id="thousandths of 3.x"),
        pytest.param([{"bbox": [0.1, 0.1, 0.2, 0.3], "bbox_type": "norm_1"}], (40, 20, 80, 60), id="shares of 2.x"),
        pytest.param([{"bbox": [333, 333, 666, 666], "bbox_type": "norm_1000"}], (400 / 3, 200 / 3, 800 / 3, 400 / 3), id="999 is the edge in 2.x"),
        pytest.param([{"bbox": [0, 0, 1000, 1000], "bbox_type": "norm_1000"}], (0, 0, 400, 200), id="1000 in 2.x"),
        pytest.param(json.dumps([{"caption": "a", "bbox": [40, 20, 80, 60], "image": 0}]), (40, 20, 80, 60), id="2.x as JSON text"),
    ],
)  # fmt: skip
def test_scales(objects: Any, corners: tuple[float, ...]) -> None:
    ((mark,),) = marks(objects, "", 1).boxes
    assert mark.box(SIZE).corners == pytest.approx(corners)


def test_points_and_several_boxes() -> None:
    ((point,),) = marks({"bbox": [[0.5, 0.25]], "bbox_type": "norm1"}, "", 1).boxes
    assert point.point(SIZE) == Point2D(200, 50)
    (two,) = marks([{"caption": "a", "bbox": [[1, 2, 3, 4], [5, 6, 7, 8]]}], "", 1).boxes
    assert [one.box() for one in two] == [Box2D(1, 2, 3, 4), Box2D(5, 6, 7, 8)]


def test_each_object_of_2_x_has_its_own_scale_and_picture() -> None:
    found = marks([{"bbox": [1, 2, 3, 4]}, {"bbox": [0, 0, 1, 1], "bbox_type": "norm_1", "image": 1}], "", 2)
    assert [(m.scale, m.picture) for (m,) in found.boxes] == [("real", 0), ("norm1", 1)]


@given(st.integers(1, 5000), st.integers(1, 5000), st.lists(st.floats(0, 1), min_size=2, max_size=2))
def test_truncation_by_2_6_is_within_its_quantum(width: int, height: int, share: list[float]) -> None:
    """ms-swift 2.6 writes int(x / width * 999); what is read is at most that step below."""
    true = [share[0] * width, share[1] * height]
    written = [int(v / n * 999) for v, n in zip(true, (width, height), strict=True)]
    ((mark,),) = marks([{"bbox": written, "bbox_type": "norm_1000"}], "", 1).boxes
    point = mark.point((width, height))
    for found, wanted, size in zip((point.x, point.y), true, (width, height), strict=True):
        assert found <= wanted + 1e-6 and wanted - found <= size / 999 + 1e-6


@pytest.mark.parametrize(
    ("objects", "said"),
    [
        pytest.param("{", "as JSON", id="torn text"),
        pytest.param("3", "list of objects", id="a number"),
        pytest.param([[1, 2, 3, 4]], "list of objects", id="bare boxes"),
        pytest.param({"bbox": [[1, 2, 3]]}, "four numbers", id="three numbers"),
        pytest.param({"bbox": [[1, 2, 3, 4, 5, 6]]}, "four numbers", id="six numbers"),
        pytest.param({"bbox": [[1, 2, True, 4]]}, "four numbers", id="a flag"),
        pytest.param({"bbox": [[1, 2, "3", 4]]}, "four numbers", id="text"),
        pytest.param({"bbox": [[1, 2, math.nan, 4]]}, "four numbers", id="no number"),
        pytest.param({"bbox": [[1, 2, 1, 4]]}, "x1 < x2", id="no width"),
        pytest.param({"bbox": [[5, 2, 1, 4]]}, "x1 < x2", id="corners swapped"),
        pytest.param({"bbox": [[1, 2, 3, 4]], "bbox_type": "norm2"}, "bbox_type of", id="unknown scale"),
        pytest.param({"bbox": [[10, 20, 30, 40]], "bbox_type": "norm1"}, "0 to 1", id="pixels called shares"),
        pytest.param({"bbox": [[10, 20, 1200, 1400]], "bbox_type": "norm1000"}, "0 to 1000", id="pixels called thousandths"),
        pytest.param({"bbox": [[1, 2, 3, 4]], "image_id": [1]}, "one of 1 pictures", id="no such picture"),
        pytest.param({"bbox": [[1, 2, 3, 4]], "image_id": [0, 0]}, "an image_id for each", id="ids too many"),
        pytest.param({"bbox": {"a": 1}}, "list as bbox", id="no list"),
        pytest.param({"ref": [3], "bbox": []}, "names as text", id="a number as name"),
    ],
)  # fmt: skip
def test_refused(objects: Any, said: str) -> None:
    with pytest.raises(DatasetError, match=said) as caught:
        marks(objects, "a.jsonl line 7", 1)
    assert caught.value.file == "a.jsonl line 7"


ROW = {"query": "a", "images": ["a.png"]}
BOX = [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("answer", "objects", "fits"),
    [
        pytest.param("<bbox>", {"bbox": [BOX]}, True, id="one of each"),
        pytest.param("<bbox><bbox>", {"bbox": [BOX]}, False, id="a box short"),
        pytest.param("none", {"bbox": [BOX]}, False, id="no tag"),
        pytest.param("<ref-object><bbox>", {"ref": ["a"], "bbox": [BOX, BOX]}, False, id="a tag short"),
        pytest.param("<ref-object><bbox>", [{"caption": "a", "bbox": BOX}], True, id="2.x, both"),
        pytest.param("<bbox>", [{"caption": "a", "bbox": BOX}], True, id="2.x, box alone"),
        pytest.param("<bbox>", [{"bbox": BOX}, {"bbox": BOX}], False, id="2.x, a tag short"),
    ],
)  # fmt: skip
def test_tags_and_objects_are_as_many(answer: str, objects: Any, fits: bool) -> None:
    raw = {**ROW, "response": answer, "objects": objects}
    if fits:
        assert len(row_of(raw).turns[0].marks) == 1
    else:
        with pytest.raises(DatasetError, match="as many <ref-object> and <bbox>"):
            row_of(raw)


def test_tags_without_objects_stay_words() -> None:
    turn = row_of({"query": "Find <ref-object>", "response": "<bbox>", "images": ["a.png"]}).turns[0]
    assert (turn.asked, turn.answer, turn.marks) == ("Find <ref-object>", "<bbox>", ())


def test_boxes_that_are_asked_about_are_no_answer() -> None:
    raw = {"query": "Find <bbox>", "response": "<bbox>", "images": ["a.png"],
           "objects": {"bbox": [[1, 2, 3, 4], [5, 6, 7, 8]]}}  # fmt: skip
    assert row_of(raw).turns[0].marks == ((Mark((5, 6, 7, 8)),),)
