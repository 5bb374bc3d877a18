"""BLEU from counts: what was shared is counted once, and each published formula closes the same counts.

The formulas differ in what they do with an order that has no match, with short texts and with several references,
so the same texts have a number for each of them. The words differ too: split at blanks for pycocoevalcap and nltk,
:func:`umit.metrics.sentence.bleu_words` for sacrebleu and Hugging Face, characters for Chinese.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from umit.errors import InputError
from umit.metrics.metric import Measures
from umit.metrics.ngrams import Corpus

__all__ = ["Smoothing", "bleu_rows", "coco_bleu", "nltk_bleu", "nmt_bleu", "sacrebleu"]

#: Methods of Chen and Cherry (2014), by nltk's numbers.
Smoothing = Literal["none", "method1", "method2", "method3", "method4", "method7"]

_TINY: Final = 1e-15  # pycocoevalcap bleu_scorer.py: added to matches
_SMALL: Final = 1e-9  # and to counts, so identical texts have a little less than 1
_EPSILON: Final = 0.1  # nltk SmoothingFunction's defaults
_K: Final = 5


def bleu_rows(corpus: Corpus) -> Measures:
    """Return what BLEU counts in each text; rows of several texts add up.

    Args:
        corpus: Texts and references, with N orders.

    Returns:
        One row a text, of N counts of shared runs (none more often than in one reference), N counts of the
        text's runs, its words, words of the reference of the nearest length (of two, the shorter), and words
        of the shortest reference. Shape (texts, 2 N + 3).

    Example:
        >>> bleu_rows(Corpus.of(["a b b"], [["a b", "b c a b"]], orders=2)).tolist()
        [[3.0, 1.0, 3.0, 2.0, 3.0, 2.0, 2.0]]
    """
    texts = len(corpus.found_words)
    right = []
    for order in corpus.orders:
        mine = order.found_text * order.runs + order.found_run
        shared = np.zeros(len(mine))
        if len(order.cell):
            at = np.minimum(np.searchsorted(order.cell, mine), len(order.cell) - 1)
            hit = order.cell[at] == mine
            shared = np.where(hit, np.minimum(order.found_count, order.most[at]), 0)
        right.append(np.bincount(order.found_text, shared, texts))
    counts = [np.maximum(0, corpus.found_words - n) for n in range(len(corpus.orders))]
    rows = [*right, *counts, corpus.found_words, *_lengths(corpus)]
    return np.column_stack(rows).astype(np.float64)


def _lengths(corpus: Corpus) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the nearest and the shortest reference's length of each text."""
    apart = np.abs(corpus.true_words - corpus.found_words[corpus.item])
    first = np.searchsorted(corpus.item, np.arange(len(corpus.found_words)))
    nearest = np.lexsort((corpus.true_words, apart, corpus.item))[first]
    return corpus.true_words[nearest], np.minimum.reduceat(corpus.true_words, first)


def _parted(rows: Measures) -> tuple[Measures, Measures, Measures]:
    """Return shared runs, all runs, and the three lengths."""
    orders = (rows.shape[1] - 3) // 2
    return rows[:, :orders], rows[:, orders : 2 * orders], rows[:, 2 * orders :]


def coco_bleu(rows: Measures, *, each: bool = False) -> NDArray[np.float64]:
    """Return BLEU-1 to BLEU-N by pycocoevalcap's formula.

    Identical texts have 0.999999999…, and a text of fewer than n words has a BLEU-n of nearly 0.

    Args:
        rows: From :func:`bleu_rows`.
        each: Each row by itself; otherwise all of them as one corpus, which is not the mean.

    Returns:
        Values from 0 to 1, shape (N,), or (rows, N).

    Example:
        >>> coco_bleu(bleu_rows(Corpus.of(["the left lung"], [["the left lobe"]]))).round(3).tolist()
        [0.667, 0.577, 0.0, 0.0]
    """
    right, counts, lengths = _parted(rows if each else rows.sum(0, keepdims=True))
    roots = 1.0 / np.arange(1, right.shape[1] + 1)
    values = np.cumprod((right + _TINY) / (counts + _SMALL), axis=1) ** roots
    ratio = (lengths[:, 0] + _TINY) / (lengths[:, 1] + _SMALL)
    with np.errstate(over="ignore", divide="ignore"):
        values *= np.where(ratio < 1, np.exp(1 - 1 / ratio), 1.0)[:, None]
    found: NDArray[np.float64] = values if each else values[0]
    return found


def _brevity(length: float, reference: float) -> float:
    if length > reference:
        return 1.0
    return math.exp(1 - reference / length) if length else 0.0


def nltk_bleu(rows: Measures, smoothing: Smoothing = "none", *, orders: int | None = None) -> float:
    """Return BLEU by nltk's formula; give one row for its sentence BLEU, several for its corpus BLEU.

    Each text counts as having at least one run of every order. Without smoothing, an order without a match is
    the smallest float, so the value is a tiny number, not 0; with no word right it is 0. Smoothed values are
    meant for single texts, and ``"method7"`` can be above 1.

    Args:
        rows: From :func:`bleu_rows`.
        smoothing: What becomes of orders without a match.
        orders: Longest run that counts; by default all, and one fewer for ``"method7"``, which looks one ahead.

    Returns:
        The value.

    Raises:
        InputError: The rows have too few orders.

    Example:
        >>> rows = bleu_rows(Corpus.of(["肺结节"], [["肺结节"]], words=list))
        >>> round(nltk_bleu(rows, "method3"), 4)
        0.8409
    """
    right, counts, lengths = _parted(rows)
    n = orders or right.shape[1] - (smoothing == "method7")
    if n + (smoothing == "method7") > right.shape[1]:
        raise InputError(f"expected rows of {n + 1} orders, got {right.shape[1]}", code="orders")
    shares = list(zip(right.sum(0).tolist(), np.maximum(1, counts).sum(0).tolist(), strict=True))
    length, reference = lengths[:, :2].sum(0).tolist()
    if not shares[0][0]:
        return 0.0
    values = _SMOOTHED[smoothing](shares, n, length)
    logs = [math.log(value) for value in values if value > 0]
    return _brevity(length, reference) * math.exp(math.fsum(one / n for one in logs))


_Shares = list[tuple[float, float]]


def _as_they_are(shares: _Shares, n: int, length: float) -> list[float]:
    return [a / b if a else sys.float_info.min for a, b in shares[:n]]


def _a_little_added(shares: _Shares, n: int, length: float) -> list[float]:
    return [(a or _EPSILON) / b for a, b in shares[:n]]


def _one_added(shares: _Shares, n: int, length: float) -> list[float]:
    first, *others = shares[:n]
    return [first[0] / first[1], *((a + 1) / (b + 1) for a, b in others)]


def _halved(shares: _Shares, n: int, length: float) -> list[float]:
    values, part = [], 1.0
    for a, b in shares[:n]:
        part /= 1 if a else 2
        values.append((a or part) / b)
    return values


def _halved_by_length(shares: _Shares, n: int, length: float) -> list[float]:
    values, part = [], math.log(length) / _K
    for a, b in shares[:n]:
        part /= 1 if a else 2
        values.append((a or part) / b)
    return values


def _averaged(shares: _Shares, n: int, length: float) -> list[float]:
    plain = _halved_by_length(shares, n, length)
    after = [*plain[1:], shares[n][0] / shares[n][1]]
    before, values = plain[0] + 1, []
    for value, following in zip(plain, after, strict=True):
        before = (before + value + following) / 3
        values.append(before)
    return values


_SMOOTHED: Final = MappingProxyType(
    {
        "none": _as_they_are,
        "method1": _a_little_added,
        "method2": _one_added,
        "method3": _halved,
        "method4": _halved_by_length,
        "method7": _averaged,
    }
)


def sacrebleu(rows: Measures, *, effective: bool = False) -> float:
    """Return BLEU by sacrebleu's formula with its default smoothing, "exp".

    Args:
        rows: From :func:`bleu_rows`, of words as sacrebleu splits them.
        effective: Leave out orders that the texts are too short for, as for single sentences; without it such
            texts score 0.

    Returns:
        From 0 to 100.

    Example:
        >>> rows = bleu_rows(Corpus.of(["right lung"], [["right lung"]]))
        >>> round(sacrebleu(rows, effective=True), 6), sacrebleu(rows)
        (100.0, 0.0)
    """
    right, counts, lengths = (part.sum(0).tolist() for part in _parted(rows))
    if not any(right):
        return 0.0
    long_enough = [(a, b) for a, b in zip(right, counts, strict=True) if b]
    if len(long_enough) < len(right) and not effective:
        return 0.0
    part, logs = 100.0, []
    for a, b in long_enough:
        part /= 1 if a else 2
        logs.append(math.log(100 * a / b if a else part / b))
    return _brevity(*lengths[:2]) * math.exp(sum(logs) / len(logs))


def nmt_bleu(rows: Measures) -> Mapping[str, float] | None:
    """Return BLEU as Hugging Face's ``bleu`` gives it, which is 0 if any order has no match.

    With several references the shortest one sets the length.

    Args:
        rows: From :func:`bleu_rows`, of words by :func:`umit.metrics.sentence.bleu_words`.

    Returns:
        ``bleu``, ``brevity_penalty``, ``length_ratio`` and ``precision_1`` …; ``None`` without words on either
        side, where the reference divides by zero.

    Example:
        >>> found = nmt_bleu(bleu_rows(Corpus.of(["left lung"], [["left lobe"]], orders=1)))
        >>> round(found["bleu"], 6)
        0.5
    """
    right, counts, lengths = (part.sum(0).tolist() for part in _parted(rows))
    length, _, reference = lengths
    if not length or not reference:
        return None
    shares = [a / b if b else 0.0 for a, b in zip(right, counts, strict=True)]
    brevity = 1.0 if length > reference else math.exp(1 - reference / length)
    mean = math.exp(sum(map(math.log, shares)) / len(shares)) if min(shares) > 0 else 0.0
    return {
        "bleu": mean * brevity,
        "brevity_penalty": brevity,
        "length_ratio": length / reference,
        **{f"precision_{n}": share for n, share in enumerate(shares, 1)},
    }
