"""Normalisations: awkward text, what it becomes, why."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from umit.metrics.words import fold, llava_med_words, official_words, tokens


@pytest.mark.parametrize(
    ("text", "expected", "why"),
    [
        ("The left lung.", "left lung", "article and stop"),
        ("a/b", "b", "slash leaves an article"),
        ("3.5 cm.", "3.5 cm", "decimal stop stays"),
        (".5", ".5", "stop before digit"),
        ("1,000 (mm)", "1000 mm", "digit comma deletes all"),
        ("x;y", "x y", "tight mark becomes blank"),
        ("x; y;z", "x yz", "one blank deletes all"),
        ("dont", "don't", "lost apostrophe"),
        ("hadntve", "hadntve", "two lost are unknown"),
        ("hadn'tve", "hadn't've", "one of two lost"),
        ("somebody'd", "somebodyd", "their backward entry"),
        ("None, zero or TEN", "0 0 or 10", "number words"),
        ("2:no", "2:no", "colon is kept"),
        ("", "", "nothing"),
        ("." * 34, "..", "32 stops at most"),
    ],
)
def test_official_and_llava_med(text: str, expected: str, why: str) -> None:
    assert official_words(text) == expected, why
    assert llava_med_words(text) == expected, why


def test_a_line_break_is_a_blank_for_one_of_them() -> None:
    assert official_words("left,\nright,lung") == "left rightlung"
    assert llava_med_words("left,\nright,lung") == "left right lung"


@given(st.text(alphabet="aentho .,'-/()12\n,sd", max_size=30))
def test_normalising_twice_changes_nothing(text: str) -> None:
    once = llava_med_words(text)
    assert llava_med_words(once) == once


@pytest.mark.parametrize(
    ("text", "expected", "why"),
    [
        ("２：Ｎｏ。", "2:no", "full width"),
        ("肺。", "肺", "Chinese full stop"),
        ("“No”", "no", "outer quotes"),
        ("ye\u200bs", "yes", "zero width"),
        ("  left \n lung ", "left lung", "blanks"),
        ("3.5", "3.5", "inner stop stays"),
        ("STRASSE", "strasse", "case"),
    ],
)
def test_fold(text: str, expected: str, why: str) -> None:
    assert fold(text) == expected, why


@pytest.mark.parametrize(
    ("text", "expected", "why"),
    [
        ("左肺，右肺。", ["左", "肺", "右", "肺"], "one character a word"),
        ("ＣＴ平扫", ["ct", "平", "扫"], "both scripts"),
        ("X光(see image)", ["x", "光", "see", "image"], "punctuation within"),
        ("A", ["a"], "an article alone"),
        ("", [], "nothing"),
        ("。", [], "a stop alone"),
    ],
)
def test_tokens(text: str, expected: list[str], why: str) -> None:
    assert tokens(text) == expected, why
