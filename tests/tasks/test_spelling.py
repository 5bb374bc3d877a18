"""Boxes and points in every spelling and frame: as written, as models deviate from it, and what is none."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from umit.chat import Completion
from umit.errors import InputError, OutputError, ParseError
from umit.geometry import Box2D, Point2D, Space
from umit.imaging.frame import ViewGeometry
from umit.imaging.view import Rendering, View
from umit.queries import Find, Locate
from umit.results import Detection, Detections, Landmark, Landmarks
from umit.tasks.detect import detect_2d
from umit.tasks.dialect import UMIT, BoxSyntax, Corner, Dialect, PointSyntax
from umit.tasks.landmarks import landmark

from ..conftest import examples

#: 640 wide and 480 high, in thousandths.
FILM = View.of(ViewGeometry(source=Space(size=(640, 480)), frame=(1000, 1000)))
NODULE, SELLA = Find("nodule"), Locate("Sella")
ONE, TWO = Box2D(64, 96, 192, 192), Box2D(0, 0, 320, 240)  # 100,200,300,400 and 0,0,500,500
FENCE = '```json\n[\n\t{"bbox_2d": [100, 200, 300, 400], "label": "nodule"}\n]\n```'
CLOSED, BESIDE = "not closed", "words beside"

TABLE: list[tuple[BoxSyntax, str, list[Box2D] | None, str, str]] = [
    ("json", FENCE, [ONE], "", "as it is taught"),
    ("json", FENCE.replace("json", "JSON", 1), [ONE], "", "upper-case fence"),
    ("json", FENCE.replace("```json\n", "```\n"), [ONE], "", "fence of no language"),
    ("json", FENCE.removesuffix("\n```"), [ONE], "", "fence left open"),
    ("json", FENCE.removesuffix("```") + "```json", [ONE], BESIDE, "closing fence json"),
    ("json", '[{"bbox_2d": [100, 200, 300, 400], "label": "nodule"}]', [ONE], "", "no fence"),
    ("json", "[{'bbox_2d': [100, 200, 300, 400], 'label': 'nodule'}]", [ONE], "", "single quotes"),
    ("json", '{"bbox_2d": [100, 200, 300, 400]}', [ONE], "", "one object"),
    ("json", '[{"bbox_2d": [100.0, 200.000001, 300, 400]}]', [Box2D(64, 96.00000048, 192, 192)], "", "decimals"),
    ("json", '[{"bbox_2d": [100,200,300,400]}, {"bbox_2d": [0,0,500,500]}]', [ONE, TWO], "", "two objects"),
    (
        "json",
        '{"counts": 2, "bbox_2d": [[100,200,300,400],[0,0,500,500]], "label": "nodule"}',
        [ONE, TWO],
        "",
        "counts",
    ),
    ("json", '{"count": 1, "bbox_2d": [[100,200,300,400]]}', [ONE], "", "count for counts"),
    ("json", "{'bbox': [100, 200, 300, 400], 'points_1': [1, 2]}", [ONE], "", "bbox, and points"),
    ("json", '[{"bbox_2d": [100,200,300,400]}', [ONE], CLOSED, "bracket missing"),
    ("json", '[{"bbox_2d": [100,200,300,400]},]', [ONE], "not well formed", "comma too many"),
    ("json", '[{"bbox_2d": [100,200,300,400], "label": "mass"}]', [ONE], "calls it 'mass'", "another name"),
    ("json", "The nodule: " + FENCE, [ONE], BESIDE, "words before it"),
    ("json", "```json\n[]\n```", [], "", "an empty list"),
    ("json", "[]", [], "", "a bare empty list"),
    ("json", '{"counts": 0, "bbox_2d": [], "label": "nodule"}', [], "", "counts nothing"),
    ("json", "There is no nodule in this image.", [], "", "the sentence"),
    ("json", '[{"bbox_2d": [100,200,300,400]}, {"bbox_2d": [0,0,', None, "", "second one cut"),
    ("json", '[{"bbox_2d": [100,200,300,400]}, {"bbox_2d": [0,0,500]}]', None, "", "three numbers"),
    ("json", '[{"bbox_2d": [100,200,300,"400"]}]', None, "", "a text for a number"),
    ("json", '[{"bbox_2d": [100,200,300,true]}]', None, "", "true for a number"),
    ("json", '[{"bbox_2d": [100,200,300,NaN]}]', None, "", "no number"),
    ("json", '[{"bbox_2d": [100,200,300,1e9]}]', None, "", "far outside"),
    ("json", '[{"label": "nodule"}]', None, "", "no box in it"),
    ("json", "[100,200,300,400]", None, "", "a list of numbers"),
    ("json", "[[100,200,300,400]]", None, "", "a list of lists"),
    ("json", "{" * 50, None, "", "braces only"),
    ("json", FENCE + "\n" + FENCE, None, "", "two fences"),
    ("json", "```json\n```", None, "", "an empty fence"),
    ("json", "", None, "", "nothing at all"),
    ("json", "I cannot see it.", None, "", "a refusal"),
    ("bare", "100, 200, 300, 400", [ONE], "", "as it is taught"),
    ("bare", "[100,200,300,400]", [ONE], "", "brackets around it"),
    ("bare", "100,200,300,400; 0,0,500,500", [ONE, TWO], "", "two boxes"),
    ("bare", "nodule: 100, 200, 300, 400", [ONE], "", "name before it"),
    ("bare", "```", None, "", "an empty fence"),
    ("bare", "100, 200, 300", None, "", "three numbers"),
    ("bare", "100, 200, 300, 400, 500", None, "", "five numbers"),
    ("ref", "<|ref|>nodule<|/ref|><|box|>(100,200),(300,400)<|/box|>", [ONE], "", "as it is taught"),
    ("ref", "<|box|>(100,200),(300,400)<|/box|><|box|>(0,0),(500,500)<|/box|>", [ONE, TWO], "", "two, without name"),
    ("ref", "No nodule detected.", [], "", "its own sentence"),
    ("ref", "<|ref|>mass<|/ref|><|box|>(100,200),(300,400)<|/box|>", None, "", "another name"),
    ("lists", "Nodule <box>[[100, 200, 300, 400], [0, 0, 500, 500]]</box>", [ONE, TWO], "", "as it is taught"),
    ("lists", "<box>[[100,200,300,400]]</box>", [ONE], "", "without name"),
    ("lists", "Fractures <box>[[100,200,300,400]]</box>", [ONE], "calls it 'Fractures'", "another name"),
    ("lists", "<box>[[100,200,300]]</box>", None, "", "three numbers"),
    ("lists", "<box>[[100,200,300,400]", None, "", "tag left open"),
    ("qwen", "<|box_start|>(100, 200), (300, 400)<|box_end|>", [ONE], "", "blanks after commas"),
]


def dialect(**changed: Any) -> Dialect:
    return replace(UMIT, **changed)


@pytest.mark.parametrize(("syntax", "text", "wanted", "warning", "why"), TABLE, ids=[f"{r[0]}-{r[4]}" for r in TABLE])
def test_boxes(syntax: BoxSyntax, text: str, wanted: list[Box2D] | None, warning: str, why: str) -> None:
    task = detect_2d(dialect(box_syntax=syntax), "")
    if wanted is None:
        with pytest.raises(ParseError) as caught:
            task.decode(Completion(text=text), NODULE, FILM)
        assert caught.value.text == text
        return
    found = task.decode(Completion(text=text), NODULE, FILM)
    assert [tuple(item.box.corners) for item in found] == [pytest.approx(box.corners) for box in wanted], why
    assert bool(found.warnings) == bool(warning) and all(warning in note for note in found.warnings)


def test_what_was_read_before_a_bad_item_is_partial() -> None:
    text = '[{"bbox_2d": [1,2,3,4]}, {"bbox_2d": [5,6,7]}]'
    with pytest.raises(ParseError) as caught:
        detect_2d(dialect(box_syntax="json"), "").decode(Completion(text=text), NODULE, FILM)
    assert caught.value.partial == ((1, 2, 3, 4),)


def test_an_endless_list_is_an_error() -> None:
    text = "[" + '{"bbox_2d": [1,2,3,4]}, ' * 500
    with pytest.raises(ParseError, match=r"at most 100 boxes") as caught:
        detect_2d(dialect(box_syntax="json"), "").decode(Completion(text=text), NODULE, FILM)
    assert len(caught.value.partial) == 100  # type: ignore[arg-type]


POINTS: list[tuple[PointSyntax, str, Point2D | None, str]] = [
    ("json", '```json\n[\n\t{"point_2d": [500, 250], "label": "Sella"}\n]\n```', Point2D(320, 120), "as it is taught"),
    ("json", "{'point_2d': [500, 250]}", Point2D(320, 120), "one object"),
    ("json", '[{"point_2d": [500, 250]}, {"point_2d": [1, 2]}]', None, "two points"),
    ("json", '[{"point_2d": [500]}]', None, "one number"),
    ("json", "[]", None, "none at all"),
    ("xml", '<points x1="500" y1="250" alt="Sella">Sella</points>', Point2D(320, 120), "as it is taught"),
    ("xml", '<points x="500" y="250">the Sella</points>', Point2D(320, 120), "no number of it"),
    ("xml", "<point 500 250>Sella</point>", Point2D(320, 120), "as its prompt has it"),
    ("xml", '<points x1="500" y1="250" x2="1" y2="2" alt="a">a</points>', None, "two points"),
    ("xml", '<points x1="500">Sella</points>', None, "one number"),
    ("brackets", "[500,250]", Point2D(320, 120), "as it is taught"),
]


@pytest.mark.parametrize(("syntax", "text", "wanted", "why"), POINTS, ids=[f"{r[0]}-{r[3]}" for r in POINTS])
def test_points(syntax: PointSyntax, text: str, wanted: Point2D | None, why: str) -> None:
    task = landmark(dialect(point_syntax=syntax), "")
    if wanted is None:
        with pytest.raises(ParseError):
            task.decode(Completion(text=text), SELLA, FILM)
    else:
        assert task.decode(Completion(text=text), SELLA, FILM)["Sella"] == wanted, why


def test_medvision_counts_from_the_lower_left_in_shares_of_the_sides() -> None:
    card = dialect(boxes=Rendering(frame=(1, 1)), box_syntax="bare", corner="lower-left", decimals=3)
    view = View.of(ViewGeometry(source=Space(size=(640, 480)), frame=(1, 1)))
    task = detect_2d(card, "")
    found = task.decode(Completion(text="0.100, 0.250, 0.500, 0.900"), NODULE, view)
    assert found.items[0].box.corners == pytest.approx((64, 48, 320, 360))  # top = (1 - y2) H, bottom = (1 - y1) H
    assert task.encode(found, NODULE, view) == "0.100, 0.250, 0.500, 0.900"
    with pytest.raises(ParseError, match=r"within 0\.\.1"):
        task.decode(Completion(text="100, 250, 500, 900"), NODULE, view)
    outside = Detections(items=(Detection(label="nodule", box=Box2D(0, 0, 700, 480)),))
    with pytest.raises(InputError, match="within the picture"):
        task.encode(outside, NODULE, view)


@pytest.mark.parametrize("syntax", get_args(BoxSyntax))
@pytest.mark.parametrize("corner", get_args(Corner))
@pytest.mark.parametrize(("frame", "decimals"), [((1000, 1000), 0), ((1, 1), 3), ((100, 100), 1), ((476, 1176), 0)])
@settings(max_examples=examples(20), derandomize=True)
@given(data=st.data())
def test_round_trip(
    syntax: BoxSyntax, corner: Corner, frame: tuple[int, int], decimals: int, data: st.DataObject
) -> None:
    """What is written is read, fits its pattern, and moves by half of the least that its numbers tell."""
    view = View.of(ViewGeometry(source=Space(size=(640, 480)), frame=frame))
    task = detect_2d(dialect(box_syntax=syntax, corner=corner, decimals=decimals), "")
    shares = data.draw(st.lists(st.tuples(*[st.floats(0, 0.45), st.floats(0.5, 1)] * 2), max_size=4))
    boxes = [Box2D(x1 * 640, y1 * 480, x2 * 640, y2 * 480) for x1, x2, y1, y2 in shares]
    gold = Detections(items=tuple(Detection(label="nodule", box=box) for box in boxes))
    text = task.encode(gold, NODULE, view)
    found = task.decode(Completion(text=text), NODULE, view)
    assert task.encode(found, NODULE, view) == text and not found.warnings
    pattern = task.grammar.pattern(NODULE, view)
    assert pattern is not None and re.fullmatch(pattern.text, text)
    step = 10**-decimals
    limits = [(0.5 * step + 1e-6) * side / length for side, length in zip((640, 480), frame, strict=True)] * 2
    for before, after in zip(boxes, found, strict=True):
        assert all(abs(a - b) <= limit for a, b, limit in zip(before.corners, after.box.corners, limits, strict=True))


@pytest.mark.parametrize("syntax", get_args(PointSyntax))
@pytest.mark.parametrize("corner", get_args(Corner))
@pytest.mark.parametrize("decimals", [0, 2])
@settings(max_examples=examples(20), derandomize=True)
@given(x=st.floats(0, 640), y=st.floats(0, 480))
def test_round_trip_of_points(syntax: PointSyntax, corner: Corner, decimals: int, x: float, y: float) -> None:
    task = landmark(dialect(point_syntax=syntax, corner=corner, decimals=decimals), "")
    gold = Landmarks(items=(Landmark(name="Sella", point=Point2D(x, y)),))
    text = task.encode(gold, SELLA, FILM)
    found = task.decode(Completion(text=text), SELLA, FILM)
    pattern = task.grammar.pattern(SELLA, FILM)
    assert task.encode(found, SELLA, FILM) == text and pattern is not None and re.fullmatch(pattern.text, text)
    assert abs(found["Sella"].x - x) <= 0.32 * 10**-decimals + 1e-6


@pytest.mark.parametrize("syntax", get_args(BoxSyntax))
@pytest.mark.parametrize("text", ["[" * 16_000, "{" * 16_000, '{"a":' * 3000, '[{"bbox_2d": [1,2,3,4]},' * 600, "<box>[" * 2000,
                                  "(1,2)," * 660, "1," * 2000, "`" * 3999, " " * 3999 + "x"])  # fmt: skip
def test_decided_in_fifty_milliseconds(syntax: BoxSyntax, text: str) -> None:
    task = detect_2d(dialect(box_syntax=syntax), "")
    start = time.process_time()
    with pytest.raises(OutputError):
        task.decode(Completion(text=text), NODULE, FILM)
    assert time.process_time() - start < 0.05


def test_words_in_the_place_of_a_list_are_shown() -> None:
    task = detect_2d(replace(UMIT, box_syntax="json"), "")
    with pytest.raises(ParseError, match=r"expected a list of objects, got 'There is no liver\.'"):
        task.decode(Completion(text="There is no liver."), NODULE, FILM)
