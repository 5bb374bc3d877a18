"""Boxes: every form that is out there, and what is no box."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from typing import get_args

import pytest

from umit.chat import BOX_START, Completion, spell
from umit.checkpoints import PHANTOM
from umit.errors import ParseError
from umit.geometry import Box2D, Box3D, Space
from umit.imaging.frame import ViewGeometry
from umit.imaging.view import View
from umit.queries import Find
from umit.results import Detection, Detections
from umit.tasks.detect import detect_2d, detect_3d, presence
from umit.tasks.dialect import UMIT, BoxSyntax

from ..conftest import matches

#: A film of half the frame's width and twice its height.
FILM = View.of(ViewGeometry(source=Space(size=(512, 2048)), frame=(1024, 1024)))
CT = View.of(ViewGeometry(source=Space(size=(256, 256, 64)), frame=(256, 256, 32)))
FLAT, DEEP = detect_2d(UMIT, ""), detect_3d(UMIT, "")
NODULE, LIVER = Find("nodule"), Find("肝", language="zh")
ONE = Box2D(50, 400, 150, 800)

FILM_TABLE = [
    pytest.param("<|box_start|>(100,200),(300,400)<|box_end|>", [ONE], id="as it is taught"),
    pytest.param("(100,200),(300,400)", [ONE], id="tokens were skipped"),
    pytest.param(" ( 100 , 200 ) , ( 300 , 400 ) ", [ONE], id="blanks inside it"),
    pytest.param("（１００，２００），（３００，４００）", [ONE], id="all full width"),
    pytest.param("'(100,200),(300,400)'", [ONE], id="quotes around it"),
    pytest.param("(100.0,200.0),(300.0,400.0)", [ONE], id="decimal numbers"),
    pytest.param(
        "<|object_ref_start|>nodule<|object_ref_end|><|box_start|>(100,200),(300,400)<|box_end|>",
        [ONE],
        id="name before box",
    ),
    pytest.param(
        "<|box_start|>(100,200),(300,400)<|box_end|><|box_start|>(0,0),(1024,1024)<|box_end|>",
        [ONE, Box2D(0, 0, 512, 2048)],
        id="two boxes",
    ),
    pytest.param("(100,200),(300,400); (0,0),(2,1)", [ONE, Box2D(0, 0, 1, 2)], id="semicolon"),
    pytest.param("(100,200),(300,400).", [ONE], id="a full stop behind it"),
    pytest.param("(100,200),(300,400)。", [ONE], id="a Chinese full stop"),
    pytest.param("(100,200),(300,400). (100,200),(300,400).", [ONE, ONE], id="a full stop behind each"),
    pytest.param("(100,200),(300,400)....", [ONE], id="dots behind it"),
    pytest.param("nodule(100,200),(300,400)", [ONE], id="name without tokens"),
    pytest.param(" Nodule : (100,200),(300,400)", [ONE], id="name and colon"),
    pytest.param("nodule(100,200),(300,400),nodule(0,0),(2,1)", [ONE, Box2D(0, 0, 1, 2)], id="a name each"),
    pytest.param("mass(100,200),(300,400)", None, id="another name"),
    pytest.param("no nodule(100,200),(300,400)", None, id="a denial before it"),
    pytest.param("<|object_ref_start|>mass<|object_ref_end|>(100,200),(300,400)", None, id="another name in tokens"),
    pytest.param("There is no nodule in this image.", [], id="nothing is there"),
    pytest.param("there is no NODULE in this image", [], id="without full stop"),
    pytest.param("图像中没有nodule。", [], id="nothing, in Chinese"),
    pytest.param("There is no mass in this image.", None, id="another target's nothing"),
    pytest.param("", None, id="nothing at all"),
    pytest.param("none", None, id="not our sentence"),
    pytest.param("[]", None, id="an empty list"),
    pytest.param("(100,200)", None, id="one corner only"),
    pytest.param("(100,200,300)", None, id="three numbers"),
    pytest.param("(100,200),(300,400", None, id="cut before bracket"),
    pytest.param("((100,200),(300,400))", None, id="nested brackets"),
    pytest.param("(x1,y1),(x2,y2)", None, id="letters for numbers"),
    pytest.param("(100,200),(100,400)", None, id="no width"),
    pytest.param("(100,200),(300,4000)", None, id="far outside"),
    pytest.param("(-200,0),(300,400)", None, id="far below nought"),
    pytest.param("(1,2),(3,999999999)", None, id="endless digits"),
    pytest.param("(100,200),(300,400) nodule", None, id="words after it"),
    pytest.param("I see (100,200),(300,400)", None, id="words before it"),
    pytest.param("(nan,0),(300,400)", None, id="no number"),
    pytest.param("(1,1),(2,2)" * 101, None, id="over hundred boxes"),
]


@pytest.mark.parametrize(("text", "wanted"), FILM_TABLE)
def test_film(text: str, wanted: list[Box2D] | None) -> None:
    if wanted is None:
        with pytest.raises(ParseError) as caught:
            FLAT.decode(Completion(text=text), NODULE, FILM)
        assert (caught.value.text, caught.value.task) == (text, "detect_2d")
    else:
        found = FLAT.decode(Completion(text=text), NODULE, FILM)
        assert [item.box for item in found] == wanted
        assert not found.warnings


CT_TABLE = [
    pytest.param("[(32,157,19),(112,219,25)]", [(32, 157, 38, 113, 220, 52)], id="as taught"),
    pytest.param("[[68,98,5],[179,163,20]]", [(68, 98, 10, 180, 164, 42)], id="square brackets"),
    pytest.param('"[[68,98,5],[179,163,20]]"', [(68, 98, 10, 180, 164, 42)], id="figure's quotes"),
    pytest.param("[(0,0,0),(255,255,31)]", [(0, 0, 0, 256, 256, 64)], id="whole volume"),
    pytest.param("[(5,5,5),(5,5,5)]", [(5, 5, 10, 6, 6, 12)], id="a single voxel"),
    pytest.param("[(0,0,0),(1,1,1)],[(2,2,2),(3,3,3)]", [(0, 0, 0, 2, 2, 4), (2, 2, 4, 4, 4, 8)], id="two boxes"),
    pytest.param("肝：[(0,0,0),(1,1,1)]。", [(0, 0, 0, 2, 2, 4)], id="name and full stop"),
    pytest.param("脾[(0,0,0),(1,1,1)]", None, id="another name"),
    pytest.param("图像中没有肝。", [], id="nothing is there"),
    pytest.param("There is no 肝 in this image.", [], id="nothing, in English"),
    pytest.param("[(0,0),(1,1)]", None, id="two axes only"),
    pytest.param("(0,0,0),(1,1,1)", None, id="no outer brackets"),
    pytest.param("[(0,0,0),(1,1,1)", None, id="cut before bracket"),
    pytest.param("[(0,0,0)]", None, id="one corner only"),
    pytest.param("[(0,0,0),(1,1,40)]", None, id="far too deep"),
]


@pytest.mark.parametrize(("text", "wanted"), CT_TABLE)
def test_volume(text: str, wanted: list[tuple[float, ...]] | None) -> None:
    if wanted is None:
        with pytest.raises(ParseError):
            DEEP.decode(Completion(text=text), LIVER, CT)
    else:
        found = DEEP.decode(Completion(text=text), LIVER, CT)
        assert [item.box for item in found] == [Box3D(*corners) for corners in wanted]
        assert not found.warnings


@pytest.mark.parametrize(
    ("text", "wanted", "warning"),
    [
        pytest.param("(300,400),(100,200)", ONE, "reversed", id="corners reversed"),
        pytest.param("(300,200),(100,400)", ONE, "reversed", id="one axis reversed"),
        pytest.param("(-10,0),(100,1030)", Box2D(0, 0, 50, 2048), "clipped", id="slightly outside"),
    ],
)
def test_repairs_are_said(text: str, wanted: Box2D, warning: str) -> None:
    found = FLAT.decode(Completion(text=text), NODULE, FILM)
    assert found.items[0].box == wanted
    assert len(found.warnings) == 1
    assert warning in found.warnings[0]


def test_never_thousandths() -> None:
    text = "<|box_start|>(0,0),(1000,1000)<|box_end|>"
    assert FLAT.decode(Completion(text=text), NODULE, FILM).items[0].box == Box2D(0, 0, 500, 2000)


def test_score_is_the_texts_own() -> None:
    found = FLAT.decode(Completion(text="(1,1),(2,2)", logprob=-3.5), NODULE, FILM)
    assert found.items[0].score == -3.5


@pytest.mark.parametrize(
    "text", ["(" * 4000, "(1,2)," * 660, "[" * 2000 + "]" * 2000, "<|object_ref_start|>" * 200, " " * 3999 + "x"]
)
def test_decided_in_fifty_milliseconds(text: str) -> None:
    for task, query, view in ((FLAT, NODULE, FILM), (DEEP, LIVER, CT)):
        start = time.process_time()
        with pytest.raises(ParseError):
            task.decode(Completion(text=text), query, view)
        assert time.process_time() - start < 0.05


def test_reads_what_it_writes() -> None:
    nothing = FLAT.encode(Detections(), NODULE, FILM)
    assert nothing == "There is no nodule in this image."
    gold = Detections(items=(Detection(label="nodule", box=ONE),))
    assert FLAT.encode(gold, NODULE, FILM) == "<|box_start|>(100,200),(300,400)<|box_end|>"
    deep = Detections(items=(Detection(label="肝", box=Box3D(32, 157, 38, 113, 220, 52)),))
    assert DEEP.encode(deep, LIVER, CT) == "[(32,157,19),(112,219,25)]"


def test_words_asked() -> None:
    words = FLAT.request(NODULE, FILM).words
    assert spell(words) == "Find <|object_ref_start|> nodule<|object_ref_end|> in this image"
    assert BOX_START not in words
    assert spell(DEEP.request(Find("Tumor"), CT).words) == (
        "Given this image, find the Tumor, please respond with a bounding box"
    )


def test_presence_is_a_yes_or_no_question() -> None:
    assert presence(NODULE).options == ("yes", "no")
    assert presence(LIVER).question == "图像中有肝吗？"
    assert presence(LIVER).options == ("是", "否")


@pytest.mark.parametrize("decimals", [0, 2])
@pytest.mark.parametrize("syntax", get_args(BoxSyntax))
def test_every_spelling_fits_its_pattern(syntax: BoxSyntax, decimals: int) -> None:
    task = detect_2d(replace(PHANTOM.dialect, box_syntax=syntax, decimals=decimals), "")
    view = View.of(ViewGeometry(source=Space(size=(400, 300)), frame=(800, 800)))
    query = Find("right (lung)")
    corners = [(0.0, 0.0, 400.0, 300.0), (10.0, 20.0, 10.3, 20.1), (333.3, 1.0, 399.9, 299.9)]
    boxes = tuple(Detection(label="right (lung)", box=Box2D(*place)) for place in corners)
    pattern = task.grammar.pattern(query, view)
    assert pattern is not None and pattern.corners is not None
    for items in (boxes[:1], boxes, ()):
        text = task.encode(Detections(items=items), query, view)
        assert re.fullmatch(pattern.text, text)
        assert matches(pattern, text)
    first, second = (f"{n:.{decimals}f}" for n in (20, 21))
    text = task.grammar.spelling.write([[second, first, first, second]], "right (lung)")  # type: ignore[attr-defined]
    assert re.fullmatch(pattern.text, text), "an expression alone knows no order"
    assert not matches(pattern, text)
