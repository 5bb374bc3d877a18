"""Findings: the words of closed questions, and one label a request."""

from __future__ import annotations

import math

import pytest

from umit.chat import Completion
from umit.checkpoints import PHANTOM, RELEASED
from umit.errors import InputError, ParseError
from umit.geometry import Space
from umit.imaging.frame import ViewGeometry
from umit.imaging.view import View
from umit.queries import Choose, Find, Language
from umit.results import Findings, Marked
from umit.tasks.detect import presence
from umit.tasks.dialect import UMIT
from umit.tasks.findings import findings

VIEW = View.of(ViewGeometry(source=Space(size=(10, 10)), frame=(10, 10)))
TASK = findings(UMIT, "")
MASS = Choose(("mass",), several=True)
BOTH: tuple[tuple[Language, str], ...] = (("en", "mass"), ("zh", "肿块"))


@pytest.mark.parametrize(("language", "label"), BOTH)
def test_asks_what_detection_asks_beside_its_boxes(language: Language, label: str) -> None:
    closed = PHANTOM.task("answer_closed").request(presence(Find(label, language=language)), VIEW)
    asked = Choose((label,), several=True, language=language)
    request = PHANTOM.task("findings").request(asked, VIEW)
    for name in ("words", "options", "pattern", "max_new_tokens", "system"):
        assert getattr(request, name) == getattr(closed, name)


@pytest.mark.parametrize(
    ("text", "present"),
    [
        pytest.param("1:yes", True, id="as written"),
        pytest.param("2：no", False, id="full-width colon"),
        pytest.param("No.", False, id="words alone"),
        pytest.param("2", False, id="number alone"),
        pytest.param("1:no", None, id="contradicts itself"),
        pytest.param("mass", None, id="label alone"),
        pytest.param("There is no mass in this image.", None, id="a sentence"),
    ],
)
def test_read(text: str, present: bool | None) -> None:
    if present is None:
        with pytest.raises(ParseError, match="findings"):
            TASK.decode(Completion(text=text), MASS, VIEW)
    else:
        (found,) = TASK.decode(Completion(text=text), MASS, VIEW)
        assert found == Marked(label="mass", present=present)


def test_probability_is_that_of_yes() -> None:
    scored = Completion(text="2:no", option_logprobs=(math.log(0.2), math.log(0.6)))
    (found,) = TASK.decode(scored, MASS, VIEW)
    assert found.probability == pytest.approx(0.25)
    assert (found.present, found.calibrated) == (False, False)


def test_one_label_of_a_whole_truth_is_written() -> None:
    gold = Findings(items=(Marked(label="nodule", present=True), Marked(label="mass", present=False)))
    assert TASK.encode(gold, MASS, VIEW) == "2:no"


def test_several_labels_are_several_requests() -> None:
    with pytest.raises(InputError, match="one label a question, got 2"):
        TASK.request(Choose(("mass", "nodule"), several=True), VIEW)


def test_comes_with_closed_questions_and_stands_in_no_card() -> None:
    for card in (PHANTOM, *RELEASED.values()):
        assert ("findings" in card.tasks) == ("answer_closed" in card.tasks)
        assert "findings" not in card.task_names
