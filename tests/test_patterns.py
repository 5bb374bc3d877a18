"""The forms of answers, against Python's own regular expressions."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from umit.errors import InputError
from umit.patterns import WORDS, Corners, between, literal, one_of, until


@pytest.mark.parametrize(
    ("low", "high"),
    [(0, 0), (0, 9), (3, 7), (0, 10), (5, 15), (1, 800), (0, 799), (99, 101), (0, 1023), (8, 1000), (10, 10)],
)
def test_between_is_the_numbers_and_no_others(low: int, high: int) -> None:
    pattern = re.compile(between(low, high))
    found = {number for number in range(1200) if pattern.fullmatch(str(number))}
    assert found == set(range(low, high + 1))
    assert not any(pattern.fullmatch(text) for text in ("", "00", "01", "007", "-1", "1.5"))


@pytest.mark.parametrize(("low", "high"), [(-1, 3), (4, 3)])
def test_no_such_numbers(low: int, high: int) -> None:
    with pytest.raises(InputError, match="0 <= low <= high"):
        between(low, high)


@given(st.text())
def test_a_literal_is_its_text(text: str) -> None:
    assert re.fullmatch(literal(text), text)
    assert not re.fullmatch(literal(text), text + "x")
    assert re.fullmatch(one_of(text, "other"), text)


@given(st.lists(st.sampled_from(["<", "/", "t", "h", "in", "k>", "</think>", "</thin", "a", "\n"])).map("".join))
def test_until_ends_at_the_first_marker(text: str) -> None:
    marker = "</think>"
    pattern = re.compile(until(marker))
    first = text.find(marker)
    assert bool(pattern.fullmatch(text)) == (first >= 0 and first + len(marker) == len(text))


@pytest.mark.parametrize("marker", ["", "aba", "<<"])
def test_markers_that_cannot_be_told_plainly(marker: str) -> None:
    with pytest.raises(InputError, match="comes once"):
        until(marker)


@pytest.mark.parametrize(
    ("text", "holds"), [("Clear.", True), ("无异常", True), (" \n", False), ("", False), (" a\n", True)]
)
def test_words_hold_one_that_is_no_blank(text: str, holds: bool) -> None:
    assert bool(re.fullmatch(WORDS, text)) == holds


@pytest.mark.parametrize(
    ("texts", "size", "least"),
    [(("(", ",", ")"), (9, 9), 1), (("(", "", "),(", ",", ")"), (9, 9), 1), (("(", ".", "),(", ",", ")"), (9, 9), 1),
     (("(", ",", "),(", ",", ")"), (9, 0), 1), (("(", ",", "),(", ",", ")"), (9, 9), -1)],
)  # fmt: skip
def test_corners_that_hold_no_box(texts: tuple[str, ...], size: tuple[int, ...], least: int) -> None:
    with pytest.raises(InputError, match="expected"):
        Corners(texts, size, least)
