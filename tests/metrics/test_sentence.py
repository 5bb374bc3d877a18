"""BLEU, ROUGE and chrF of one sentence."""

from __future__ import annotations

import math
import time

import pytest

from umit.errors import InputError
from umit.metrics.sentence import bleu, bleu_1, bleu_words, chrf, chrf_rows, rouge_f, rouge_sets, rouge_words


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
    assert rouge_words("肺") == []


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


def test_google_rouge() -> None:
    assert rouge_words("肺 X-Ray T2") == ["x", "ray", "t2"]
    words = rouge_words("a b c d"), rouge_words("c d a b")
    assert [rouge_f(*words, n) for n in (1, 2, None)] == pytest.approx([1, 2 / 3, 0.5])
    assert rouge_f([], [], 1) == rouge_f(["a"], ["a"], 2) == rouge_f([], ["a"]) == 0


def test_smoothing_halves_each_order_without_a_match() -> None:
    (value,) = bleu(["lung"], ["lung"], [(0.25,) * 4], smoothed=True)
    assert value == pytest.approx((1 / 2 * 1 / 4 * 1 / 8) ** 0.25)
    assert bleu([], ["lung"], [(1.0,)], smoothed=True) == [0]


def test_chrf() -> None:
    rows = chrf_rows(["a b", "左肺", ""], [["ab"], ["右肺", "左肺"], ["x"]])
    assert chrf(rows).tolist() == [100, 100, 0]
    assert chrf(chrf_rows(["Ab"], [["ab"]])) == pytest.approx([25])
    for found, true in ((["a"], []), (["a"], [[]])):
        with pytest.raises(InputError, match="reference for each"):
            chrf_rows(found, true)


@pytest.mark.parametrize("text", ["." * 4000, " " * 4000 + "x", "'" * 4000, "a. " * 1300, "(" * 4000])
def test_no_text_takes_long(text: str) -> None:
    start = time.process_time()
    bleu_words(text), rouge_f(rouge_words(text), ["a"], 1)
    assert time.process_time() - start < 0.5
