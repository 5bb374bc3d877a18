"""BLEU, ROUGE and METEOR of one sentence."""

from __future__ import annotations

import math
import time

import pytest

from umit.metrics.alignment import align, meteor, treebank_words
from umit.metrics.sentence import bleu, bleu_1, bleu_words, rouge_1, rouge_sets
from umit.metrics.stem import stem


def test_bleu_without_a_match_of_an_order_is_tiny() -> None:
    four, one = bleu(["left", "lung"], ["left", "lung"], [(0.25,) * 4, (1.0,)])
    assert 0 < four < 1e-150
    assert one == 1
    assert bleu([], ["left"], [(1.0,)]) == [0]
    assert bleu(["left"], ["left", "lung"], [(1.0,)]) == [pytest.approx(math.exp(-1))]


@pytest.mark.parametrize(
    ("text", "words", "why"),
    [
        ("1.5 cm, left.", ["1.5", "cm", ",", "left", "."], "decimal stays"),
        ("left/right", ["left", "/", "right"], "slash"),
        ("well-defined", ["well-defined"], "dash after letter"),
        ("T2-weighted", ["T2", "-", "weighted"], "dash after digit"),
        ("a &lt; b", ["a", "<", "b"], "entity"),
        ("hyphen-\nated", ["hyphenated"], "broken line"),
        ("", [], "nothing"),
    ],
)
def test_mteval_words(text: str, words: list[str], why: str) -> None:
    assert bleu_words(text) == words, why


def test_where_a_reference_divides_by_zero() -> None:
    assert bleu_1("", "left") is None
    assert rouge_sets("...", "left") is None
    assert rouge_1("肺", "肺") == 0


@pytest.mark.parametrize(
    ("found", "true", "long", "why"),
    [
        ("a b c", "a b c", (1, 1, 1), "the same"),
        ("c b a", "a b c", (1, 0, 1 / 3), "turned round"),
        ("a a a", "a", (1, 0, 1), "each word once"),
        ("1.2 cm", "1 2 cm", (1, 1, 1), "stop cuts a number"),
    ],
)
def test_rouge_of_sets(found: str, true: str, long: tuple[float, ...], why: str) -> None:
    scores = rouge_sets(found, true)
    assert scores is not None
    assert (scores[0], scores[2]) == pytest.approx((long[0], long[2]), abs=1e-7), why


@pytest.mark.parametrize(
    ("text", "words", "why"),
    [
        ("It isn't left.", ["It", "is", "n't", "left", "."], "contraction"),
        ("cannot", ["can", "not"], "one word"),
        ('a "b" c', ["a", "``", "b", "''", "c"], "quotes"),
        ("1,250 left, 3.5", ["1,250", "left", ",", "3.5"], "comma within number"),
        ("no. 5 left", ["no.", "5", "left"], "inner stop stays"),
        ("left lung", ["left", "lung"], "untouched"),
    ],
)
def test_treebank_words(text: str, words: list[str], why: str) -> None:
    assert treebank_words(text) == words, why


def test_meteor_stages() -> None:
    assert align(["lungs", "lung"], ["lung"]) == [(1, 0)]  # itself before its stem
    assert align(["nodules"], ["nodule"]) == [(0, 0)]
    assert align(["tumour"], ["mass"], lambda word: {word, "mass"}) == [(0, 0)]
    assert meteor(["Lung"], ["lung"]) == 0.5
    assert meteor([], ["lung"]) == meteor(["lung"], []) == 0
    assert meteor(list("abcd"), list("abdc")) < meteor(list("abcd"), list("abcd"))


@pytest.mark.parametrize(
    ("word", "expected", "why"),
    [
        ("sky", "sky", "kept word"),
        ("dies", "die", "four letters"),
        ("flies", "fli", "more letters"),
        ("hopping", "hop", "double letter"),
        ("falling", "fall", "double l"),
        ("hoping", "hope", "short again"),
        ("agreed", "agre", "eed"),
        ("enjoy", "enjoy", "y after vowel"),
        ("relational", "relat", "two steps"),
        ("generalization", "gener", "three steps"),
        ("adoption", "adopt", "ion after t"),
        ("radiologically", "radiolog", "alli"),
        ("as", "as", "two letters"),
    ],
)
def test_stem(word: str, expected: str, why: str) -> None:
    assert stem(word) == expected, why


@pytest.mark.parametrize(
    "text", ["." * 4000, " " * 4000 + "x", "'" * 4000, "a. " * 1300, "(" * 4000]
)
def test_no_text_takes_long(text: str) -> None:
    start = time.process_time()
    treebank_words(text), bleu_words(text), rouge_1(text, "a")
    assert time.process_time() - start < 0.5
