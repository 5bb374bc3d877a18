"""BLEU, ROUGE-L, CIDEr-D, rouge-score's ROUGE and chrF of texts beside their references."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from umit.errors import InputError
from umit.metrics.bleu import bleu_rows, coco_bleu, nltk_bleu, nmt_bleu, sacrebleu
from umit.metrics.captions import Corpus, cider, rouge_l, rouge_l_one
from umit.metrics.chrf import chrf, chrf_rows
from umit.metrics.rouge import google_rouge, google_words

_TEXT = st.lists(st.sampled_from("abcd"), max_size=8).map(" ".join)
_ITEMS = st.lists(st.tuples(_TEXT, st.lists(_TEXT, min_size=1, max_size=3)), min_size=1, max_size=5)


def _runs(text: str, n: int) -> Counter[tuple[str, ...]]:
    words = text.split()
    return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))


@given(_ITEMS)
def test_rows_equal_a_count_by_hand(items: list[tuple[str, list[str]]]) -> None:
    rows = bleu_rows(Corpus.of([text for text, _ in items], [refs for _, refs in items]))
    for row, (text, refs) in zip(rows.tolist(), items, strict=True):
        for n in range(1, 5):
            most = Counter[tuple[str, ...]]()
            for one in refs:
                most |= _runs(one, n)
            mine = _runs(text, n)
            assert row[n - 1] == (mine & most).total()
            assert row[3 + n] == mine.total()
        lengths, length = [len(one.split()) for one in refs], len(text.split())
        nearest = min(lengths, key=lambda other: (abs(other - length), other))
        assert row[8:] == [length, nearest, min(lengths)]


def _by_hand(items: list[tuple[str, list[str]]], index: int) -> float:
    """CIDEr-D of one item by dictionaries."""
    text, refs = items[index]
    values = []
    for one in refs:
        likeness = 0.0
        for n in range(1, 5):
            held = Counter(run for _, row in items for run in {r for t in row for r in _runs(t, n)})

            def weighed(counts: Counter[tuple[str, ...]], held: Any = held) -> dict[Any, float]:
                return {r: k * math.log(len(items) / max(1, held[r])) for r, k in counts.items()}

            a, b = weighed(_runs(text, n)), weighed(_runs(one, n))
            norm = math.hypot(*a.values()) * math.hypot(*b.values())
            likeness += sum(min(a[r], b[r]) * b[r] for r in a.keys() & b.keys()) / (norm or 1)
        pairs = [max(0, len(t.split()) - 1) for t in (text, one)]
        values.append(likeness / 4 * math.exp(-((pairs[0] - pairs[1]) ** 2) / 72))
    return 10 * sum(values) / len(values)


@given(_ITEMS)
def test_cider_equals_one_by_hand(items: list[tuple[str, list[str]]]) -> None:
    values = cider(Corpus.of([text for text, _ in items], [refs for _, refs in items]))
    expected = [_by_hand(items, index) for index in range(len(items))]
    assert values.tolist() == pytest.approx(expected, abs=1e-9)


def _chain(a: list[str], b: list[str]) -> int:
    if not a or not b:
        return 0
    if a[-1] == b[-1]:
        return _chain(a[:-1], b[:-1]) + 1
    return max(_chain(a[:-1], b), _chain(a, b[:-1]))


@given(st.lists(st.sampled_from("abc"), max_size=6), st.lists(st.sampled_from("abc"), max_size=6))
def test_longest_chain(a: list[str], b: list[str]) -> None:
    k, found = _chain(a, b), " ".join(a)
    p, r = k / max(1, len(a)), k / max(1, len(b))
    expected = 2.44 * p * r / (r + 1.44 * p) if k else 0.0
    assert rouge_l_one([found], [[" ".join(b)]])[0] == pytest.approx(expected)
    google = google_rouge(found, " ".join(b))["rougeL"]
    assert google == pytest.approx((p, r, 2 * p * r / (p + r) if k else 0.0))


@pytest.mark.parametrize(
    ("found", "refs", "faithful", "one"),
    [
        pytest.param("a b", ["a b"], 1, 1, id="identical"),
        pytest.param("", [""], 1, 0, id="empty words agree"),
        pytest.param("", ["a"], 0, 0, id="nothing written"),
        pytest.param("a  b", ["a b"], 0.8299, 1, id="two blanks"),
        # Precision 1 of the first reference and recall 1 of the second, but neither has both.
        pytest.param("a b", ["a b c c", "a"], 1, 0.7093, id="two references"),
    ],
)
def test_rouge_l(found: str, refs: list[str], faithful: float, one: float) -> None:
    assert rouge_l([found], [refs])[0] == pytest.approx(faithful, abs=1e-4)
    assert rouge_l_one([found], [refs])[0] == pytest.approx(one, abs=1e-4)


def test_corpus_bleu_is_not_the_mean() -> None:
    rows = bleu_rows(Corpus.of(["a", "a b c d e f"], [["b"], ["a b c d e f"]]))
    each = coco_bleu(rows, each=True)[:, 0]
    assert each.tolist() == pytest.approx([0, 1], abs=1e-8)
    assert coco_bleu(rows)[0] == pytest.approx(6 / 7, abs=1e-8)
    assert coco_bleu(rows[:0]).tolist() == [0.0] * 4


def test_formulas_differ_on_one_word() -> None:
    rows = bleu_rows(Corpus.of(["lung"], [["lung"]], orders=5))
    assert coco_bleu(rows)[3] < 1e-3
    assert nltk_bleu(rows, orders=4) < 1e-100
    assert nltk_bleu(rows, "method1", orders=4) == pytest.approx(0.1**0.75)
    assert sacrebleu(rows) == 0
    assert sacrebleu(rows, effective=True) == pytest.approx(100)
    assert (nmt_bleu(rows) or {})["bleu"] == 0
    assert nmt_bleu(bleu_rows(Corpus.of([""], [["lung"]]))) is None


def test_cider_of_one_item_is_zero() -> None:
    assert cider(Corpus.of(["a b c"], [["a b c"]])).tolist() == [0.0]
    assert cider(Corpus.of(["", ""], [[""], ["a"]])).tolist() == [0.0, 0.0]


def test_google_rouge() -> None:
    assert google_words("肺 X-Ray T2") == ["x", "ray", "t2"]
    assert google_words("masses was") == ["masses", "was"]
    assert google_words("masses was", stemmed=True) == ["mass", "was"]
    swapped = google_rouge("a b\nc d", "c d\na b")
    assert (swapped["rougeL"].f, swapped["rougeLsum"].f) == (0.5, 1)
    assert google_rouge("", "")["rouge1"] == (0, 0, 0)


def test_chrf() -> None:
    rows = chrf_rows(["a b", "左肺", ""], [["ab"], ["右肺", "左肺"], ["x"]])
    assert [chrf(row[None]) for row in rows] == [100, 100, 0]
    assert np.isclose(chrf(chrf_rows(["Ab"], [["ab"]])), 25)


@pytest.mark.parametrize(
    ("found", "true"),
    [
        pytest.param([], [], id="no texts"),
        pytest.param(["a"], [], id="no references"),
        pytest.param(["a"], [[]], id="none for one"),
    ],
)
def test_wrong_use(found: list[str], true: list[list[str]]) -> None:
    with pytest.raises(InputError, match="references for each") as refused:
        Corpus.of(found, true)
    assert refused.value.code == "references"
    if found:
        for score in (rouge_l, chrf_rows):
            with pytest.raises(InputError, match="reference for each"):
                score(found, true)


def test_averaging_needs_one_order_more() -> None:
    with pytest.raises(InputError, match="5 orders, got 4") as refused:
        nltk_bleu(bleu_rows(Corpus.of(["a"], [["a"]])), "method7", orders=4)
    assert refused.value.code == "orders"
