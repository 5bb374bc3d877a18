"""Law 1: writing, reading and writing again gives the same text; the value moves by at most the quantum.

The quantum is half a unit of the frame, scaled to the source; where 3D corners are whole inclusive voxels it is one
voxel of the frame. A box thinner than one unit is written one unit wide, so that its upper edge may move by
one and a half.
"""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from umit.chat import Completion
from umit.checkpoints import PHANTOM, RELEASED, Checkpoint
from umit.geometry import Point2D, Space
from umit.imaging.view import View, ViewGeometry
from umit.queries import Ask, Choose, Find, Locate
from umit.results import Answer, Classification, Detection, Detections, Findings, Landmark, Landmarks, Marked
from umit.tasks.dialect import Dialect

from ..conftest import examples, matches

EXCLUSIVE = replace(PHANTOM.dialect, inclusive_voxels=False)
CARDS = [
    pytest.param(PHANTOM, id="phantom"),
    pytest.param(RELEASED["dz-osamu/UMIT-B"], id="umit"),
    pytest.param(replace(PHANTOM, name="exclusive", dialect=EXCLUSIVE), id="exclusive-voxels"),
]
LANGUAGES = st.sampled_from(("en", "zh"))
FEW = settings(max_examples=examples(60), derandomize=True)
SLACK = 1e-6  # of a frame's unit: rounding of floats, and the grammar's own tolerance

Edges = tuple[float, ...]


def _frame(dialect: Dialect, depth: bool) -> tuple[int, ...]:
    shown = dialect.volume if depth else dialect.boxes
    assert shown.frame is not None
    return (*shown.frame, shown.depth) if shown.depth else shown.frame


@st.composite
def views(draw: st.DrawFn, frame: tuple[int, ...]) -> View:
    """Any grid, in any order of axes, flipped any way, whole or cropped."""
    count = len(frame)
    size = tuple(draw(st.integers(1, 3000)) for _ in frame)
    crop = None
    if draw(st.booleans()):
        low = [draw(st.floats(0, 0.4)) * n for n in size]
        crop = (*low, *(draw(st.floats(0.6, 1)) * n for n in size))
    axes = draw(st.sampled_from(list(permutations(range(count)))))
    flips = tuple(draw(st.booleans()) for _ in frame)
    space = Space(size=size)
    return View.of(ViewGeometry(source=space, frame=frame, axes=axes, flips=flips, crop=crop))


@st.composite
def boxes(draw: st.DrawFn, frame: tuple[int, ...], *, thin: bool) -> Edges:
    """Corners in the frame, each side at least one unit long, or at most one."""
    low, high = [], []
    for length in frame:
        if thin:
            a = draw(st.floats(0, length - 0.1))
            b = min(a + draw(st.floats(0.01, 1)), float(length))
        else:
            a = draw(st.one_of(st.floats(0, length - 1), st.integers(0, length - 1).map(float)))
            b = draw(st.floats(a + 1, length))
        low.append(a)
        high.append(b)
    return (*low, *high)


def _units(view: View) -> Edges:
    """Length of one frame unit along each axis of the source."""
    geometry = view.geometry
    found = [0.0] * len(geometry.frame)
    for axis, length in zip(geometry.axes, geometry.frame, strict=True):
        size = geometry.source.size[axis]
        low, high = (0, size) if geometry.crop is None else geometry.crop[axis :: len(found)]
        found[axis] = (high - low) / length
    return tuple(found)


def _again(task: Any, query: Any, gold: Any, view: View) -> tuple[str, Any]:
    """Write, read, write; return the text and the value that was read."""
    text = task.encode(gold, query, view)
    read = task.decode(Completion(text=text), query, view)
    assert task.encode(read, query, view) == text
    pattern = task.grammar.pattern(query, view)
    assert re.fullmatch(pattern.text, text), "the pattern refuses what the grammar writes"
    assert matches(pattern, text), "decoding under the pattern refuses what the grammar writes"
    return text, read


@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize("depth", [False, True], ids=["film", "volume"])
@pytest.mark.parametrize("thin", [False, True], ids=["wide", "thin"])
@FEW
@given(data=st.data())
def test_boxes(card: Checkpoint, depth: bool, thin: bool, data: st.DataObject) -> None:
    task = card.tasks["detect_3d" if depth else "detect_2d"]
    frame = _frame(card.dialect, depth)
    view = data.draw(views(frame))
    edges = data.draw(st.lists(boxes(frame, thin=thin), max_size=4))
    query = Find("nodule", language=data.draw(LANGUAGES))
    items = tuple(Detection(label="nodule", box=view.box_to_source(e)) for e in edges)
    _, read = _again(task, query, Detections(items=items), view)
    assert len(read) == len(items)
    whole_voxels = depth and card.dialect.inclusive_voxels
    quantum = 1.0 if whole_voxels else 1.5 if thin else 0.5
    for before, after in zip(items, read, strict=True):
        assert after.label == "nodule"
        moved = [abs(a - b) for a, b in zip(before.box.corners, after.box.corners, strict=True)]
        limits = [(quantum + SLACK) * unit for unit in _units(view)] * 2
        assert all(m <= limit for m, limit in zip(moved, limits, strict=True)), (moved, limits)


@pytest.mark.parametrize("card", CARDS)
@FEW
@given(data=st.data())
def test_points(card: Checkpoint, data: st.DataObject) -> None:
    assert card.dialect.points.frame is not None
    view = data.draw(views(card.dialect.points.frame))
    width, height = view.frame_size
    place = data.draw(st.tuples(st.floats(0, width), st.floats(0, height)))
    gold = Landmarks(items=(Landmark(name="Sella", point=view.point_to_source(place)),))
    query = Locate("Sella", language=data.draw(LANGUAGES))
    _, read = _again(card.tasks["landmark"], query, gold, view)
    point: Point2D = read["Sella"]
    limits = [(0.5 + SLACK) * unit for unit in _units(view)]
    assert abs(point.x - gold["Sella"].x) <= limits[0]
    assert abs(point.y - gold["Sella"].y) <= limits[1]


def _named(text: str) -> bool:
    return bool(text.strip()) and not any(mark in text for mark in ("<|", "|>", "\n"))


#: Any names, and awkward ones: numbers, numbers with words, forms that fold to each other.
NAMES = st.lists(
    st.one_of(
        st.text(min_size=1, max_size=20).filter(_named),
        st.sampled_from(["no", "yes", "1", "２", "2", "2:no", "1：no", "1:1", "no.", "10", "0", "Ⅱ", "II", "："]),
    ),
    min_size=2,
    max_size=12,
    unique_by=lambda name: name.strip().casefold(),
).map(tuple)
EMPTY = View.of(ViewGeometry(source=Space(size=(8, 8)), frame=(8, 8)))


@pytest.mark.parametrize("card", CARDS[:2])
@settings(derandomize=True)
@given(names=NAMES, language=LANGUAGES, data=st.data())
def test_options_and_labels(card: Checkpoint, names: tuple[str, ...], language: Any, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(names) - 1))
    asked = Ask("Which?", names, language=language)
    _, answer = _again(card.tasks["answer_closed"], asked, Answer(text=names[index], option=index), EMPTY)
    assert (answer.option, answer.text) == (index, names[index])
    chosen = Choose(names, language=language)
    _, label = _again(card.tasks["classify"], chosen, Classification(label=names[index]), EMPTY)
    assert label.label == names[index]


@pytest.mark.parametrize("card", CARDS[:2])
@FEW
@given(name=NAMES.map(lambda names: names[0]), language=LANGUAGES, present=st.booleans())
def test_findings(card: Checkpoint, name: str, language: Any, present: bool) -> None:
    asked = Choose((name,), several=True, language=language)
    gold = Findings(items=(Marked(label=name, present=present),))
    _, found = _again(card.tasks["findings"], asked, gold, EMPTY)
    assert found == gold
