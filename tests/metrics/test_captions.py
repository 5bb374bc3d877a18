"""BLEU, ROUGE-L and CIDEr-D of texts beside their references."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from umit.errors import InputError
from umit.metrics.captions import Corpus, bleu_rows, cider, coco_bleu, longest_common, rouge_l

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
        assert row[8:] == [length, nearest]


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
    assert longest_common(a, b) == _chain(a, b)


@pytest.mark.parametrize(
    ("found", "refs", "expected"),
    [
        pytest.param("a b", ["a b"], 1, id="identical"),
        pytest.param("", [""], 1, id="empty words agree"),
        pytest.param("", ["a"], 0, id="nothing written"),
        pytest.param("a  b", ["a b"], 0.8299, id="two blanks"),
        # Precision 1 of the first reference and recall 1 of the second, but neither has both.
        pytest.param("a b", ["a b c c", "a"], 1, id="two references"),
    ],
)
def test_rouge_l(found: str, refs: list[str], expected: float) -> None:
    assert rouge_l([found], [refs])[0] == pytest.approx(expected, abs=1e-4)


def test_corpus_bleu_is_not_the_mean() -> None:
    rows = bleu_rows(Corpus.of(["a", "a b c d e f"], [["b"], ["a b c d e f"]]))
    each = coco_bleu(rows)[:, 0]
    assert each.tolist() == pytest.approx([0, 1], abs=1e-8)
    assert coco_bleu(rows.sum(0, keepdims=True))[0, 0] == pytest.approx(6 / 7, abs=1e-8)
    assert coco_bleu(rows[:1])[0, 3] < 1e-3, "a word has no run of four"


def test_cider_of_one_item_is_zero() -> None:
    assert cider(Corpus.of(["a b c"], [["a b c"]])).tolist() == [0.0]
    assert cider(Corpus.of(["", ""], [[""], ["a"]])).tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("found", "true"),
    [
        pytest.param([], [], id="no texts"),
        pytest.param(["a"], [], id="no references"),
        pytest.param(["a"], [[]], id="none for one"),
    ],
)
def test_wrong_use(found: list[str], true: list[list[str]]) -> None:
    with pytest.raises(InputError, match="at least one") as refused:
        Corpus.of(found, true)
    assert refused.value.code == "references"
    if found:
        with pytest.raises(InputError, match="reference for each"):
            rouge_l(found, true)
