"""Points: every form that is out there, and what is no point."""

from __future__ import annotations

import pytest

from umit.chat import Completion, spell
from umit.errors import ParseError
from umit.geometry import Point2D, Space
from umit.imaging.frame import ViewGeometry
from umit.imaging.view import View
from umit.queries import Locate
from umit.results import Landmark, Landmarks
from umit.tasks.dialect import UMIT
from umit.tasks.landmarks import CEPHALOMETRIC, landmark, spoken

#: ISBI 2015's films, written in pixels of 600 × 800.
VIEW = View.of(ViewGeometry(source=Space(size=(1935, 2400)), frame=(600, 800)))
TASK = landmark(UMIT, "")
GONION = Locate("Gonion")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        pytest.param("[200,400]", (645, 1200), id="as it is taught"),
        pytest.param("[200, 400]", (645, 1200), id="blank after comma"),
        pytest.param("(200,400)", (645, 1200), id="round brackets"),
        pytest.param("［２００，４００］", (645, 1200), id="all full width"),
        pytest.param("[200、400]。"[:-1], (645, 1200), id="Chinese comma"),
        pytest.param("[200.5,400.0].", (646.6125, 1200), id="decimals, full stop"),
        pytest.param("'[200,400]'", (645, 1200), id="quotes around it"),
        pytest.param("[0,0]", (0, 0), id="the corner"),
        pytest.param("[600,800]", (1935, 2400), id="the other corner"),
        pytest.param("", None, id="nothing at all"),
        pytest.param("[200]", None, id="one number"),
        pytest.param("[200,400,5]", None, id="three numbers"),
        pytest.param("[[200,400]]", None, id="nested brackets"),
        pytest.param("200,400", None, id="no brackets"),
        pytest.param("[200,400] [1,2]", None, id="two points"),
        pytest.param("[x,y]", None, id="letters for numbers"),
        pytest.param("[200,4000]", None, id="far outside"),
        pytest.param("[200,400", None, id="cut before bracket"),
        pytest.param("Gonion: [200,400]", None, id="name before it"),
        pytest.param("[1e2,400]", None, id="an exponent"),
    ],
)
def test_read(text: str, wanted: tuple[float, float] | None) -> None:
    if wanted is None:
        with pytest.raises(ParseError, match="landmark") as caught:
            TASK.decode(Completion(text=text), GONION, VIEW)
        assert caught.value.text == text
    else:
        found = TASK.decode(Completion(text=text), GONION, VIEW)
        assert found["Gonion"].x == pytest.approx(wanted[0])
        assert found["Gonion"].y == pytest.approx(wanted[1])
        assert not found.warnings


def test_slightly_outside_is_clipped_and_said() -> None:
    found = TASK.decode(Completion(text="[610,-5]"), GONION, VIEW)
    assert found["Gonion"] == Point2D(1935, 0)
    assert found.warnings == ("coordinates outside the frame were clipped",)


def test_reads_what_it_writes() -> None:
    gold = Landmarks(items=(Landmark(name="Gonion", point=Point2D(645, 1200)),))
    assert TASK.encode(gold, GONION, VIEW) == "[200,400]"


def test_nineteen_names_in_two_languages() -> None:
    assert len(CEPHALOMETRIC) == 19
    chinese = [spoken(name, "zh") for name in CEPHALOMETRIC]
    assert len(set(chinese)) == 19
    assert all(name.isascii() for name in CEPHALOMETRIC)
    assert not any(name.isascii() for name in chinese)
    assert spoken("my own", "zh") == "my own"


def test_words_asked() -> None:
    assert spell(TASK.request(GONION, VIEW).words) == (
        "Given this image, find the Gonion, the response is given in the format of the coordinates [x,y]"
    )
    assert "下颌角点" in spell(TASK.request(Locate("Gonion", language="zh"), VIEW).words)
