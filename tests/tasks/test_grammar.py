"""The shared pieces of reading and writing."""

from __future__ import annotations

import pytest

from umit.errors import ParseError
from umit.tasks.grammar import clip, fold, numbered, probabilities, whole


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        pytest.param(" a ", "a", id="outer blanks"),
        pytest.param("１２，３４", "12,34", id="full-width digits"),
        pytest.param("1、2", "1,2", id="Chinese comma"),
        pytest.param("\ufeff[1]\u200b", "[1]", id="zero-width characters"),
        pytest.param("\u3000图像\u3000", "图像", id="wide blanks"),
    ],
)
def test_fold(text: str, wanted: str) -> None:
    assert fold(text) == wanted


def test_fold_refuses_what_is_no_answer() -> None:
    with pytest.raises(ParseError, match="4000"):
        fold("x" * 4001)


@pytest.mark.parametrize(("value", "wanted"), [(0.5, 1), (1.5, 2), (-0.5, 0), (2.49, 2)])
def test_whole_rounds_halves_up(value: float, wanted: int) -> None:
    assert whole(value) == wanted


def test_clip() -> None:
    assert clip((1, 5), (10, 10), "") == ((1, 5), ())
    assert clip((-1, 11), (10, 10), "")[0] == (0, 10)
    with pytest.raises(ParseError, match="within"):
        clip((1, 12), (10, 10), "")


def test_options_of_a_prompt() -> None:
    assert numbered(("a", "b"), first=1, language="en") == "1:a\n2:b"
    assert numbered(("a", "b"), first=0, language="zh") == "0：a \n1：b"


def test_probabilities_are_a_softmax() -> None:
    assert probabilities(None) is None
    assert sum(probabilities((-1.0, -2.0, -30.0)) or ()) == pytest.approx(1)
