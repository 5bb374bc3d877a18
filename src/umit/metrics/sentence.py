"""Overlap of two short texts: the forms of BLEU and ROUGE that the VQA scorers use, one sentence at a time.

Corpus scores of reports live in :mod:`umit.metrics.captions`.
"""

from __future__ import annotations

import math
import re
import sys
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

__all__ = ["bleu", "bleu_1", "bleu_words", "common_lengths", "rouge_1", "rouge_sets"]

_ALMOST: Final = 1e-8  # the `rouge` package's guard against division by zero, in its F
# mteval-v13a.pl, as sacrebleu and Hugging Face's `bleu` have it
_MARKS: Final = re.compile(r"([{-~\[-` -&(-+:-@/])")
_STOP_AFTER: Final = re.compile(r"([^0-9])([.,])")
_STOP_BEFORE: Final = re.compile(r"([.,])([^0-9])")
_DASH: Final = re.compile(r"([0-9])(-)")
_ENTITIES: Final = (("&quot;", '"'), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"))
_NO_WORD: Final = re.compile(r"[^a-z0-9]+")


def _ngrams(words: Sequence[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(zip(*(words[i:] for i in range(n)), strict=False))


def _shared(found: Sequence[str], true: Sequence[str], n: int) -> tuple[int, int]:
    """Return the clipped count of shared n-grams and the count of found ones, at least 1."""
    if n == 1 and len(found) == 1:
        return int(found[0] in true), 1
    mine, theirs = _ngrams(found, n), _ngrams(true, n)
    return sum(min(k, theirs[g]) for g, k in mine.items() if g in theirs), max(
        1, len(found) - n + 1
    )


def bleu(
    found: Sequence[str], true: Sequence[str], weights: Sequence[Sequence[float]]
) -> list[float]:
    """Return sentence BLEU against one reference, without smoothing, as nltk computes it.

    An order without a match counts as the smallest float, so the value is a tiny number, not 0, as soon as
    one word is right.

    Args:
        found: The model's words.
        true: The reference's words.
        weights: For each wanted value the exponents of the orders 1, 2, …; they sum to 1.

    Returns:
        One value in 0..1 for each row of weights; all 0 if no word is right.

    Example:
        >>> bleu(["left", "lung"], ["left", "lobe"], [(1.0,), (0.0, 1.0)])
        [0.5, 2.2250738585072626e-308]
    """
    if not set(found).intersection(true):
        return [0.0] * len(weights)
    orders = max(map(len, weights))
    logs = []
    for n in range(1, orders + 1):
        right, all_ = _shared(found, true, n)
        logs.append(math.log(right / all_ if right else sys.float_info.min))
    short = len(found) <= len(true)
    brevity = math.exp(1 - len(true) / len(found)) if short else 1.0
    return [brevity * math.exp(math.fsum(map(float.__mul__, row, logs))) for row in weights]


def bleu_words(text: str) -> list[str]:
    """Split a text as mteval-v13a does: marks apart, full stops and commas apart unless between digits.

    Args:
        text: Any text; case is kept.

    Returns:
        Its words.

    Example:
        >>> bleu_words("1.5 cm, left.")
        ['1.5', 'cm', ',', 'left', '.']
    """
    if text.isalnum():
        return [text]
    text = text.replace("<skipped>", "").replace("-\n", "").replace("\n", " ")
    if "&" in text:
        for entity, mark in _ENTITIES:
            text = text.replace(entity, mark)
    text = _MARKS.sub(r" \1 ", f" {text} ")
    text = _STOP_BEFORE.sub(r" \1 \2", _STOP_AFTER.sub(r"\1 \2 ", text))
    return _DASH.sub(r"\1 \2 ", text).split()


def bleu_1(found: str, true: str) -> float | None:
    """Return BLEU of order 1 as Hugging Face's ``bleu`` with ``max_order=1`` gives it for one text.

    Args:
        found: The model's text; case counts.
        true: The reference.

    Returns:
        A value in 0..1; ``None`` without words on either side, where the reference divides by zero.

    Example:
        >>> bleu_1("Right lung.", "Right lung")
        0.6666666666666666
    """
    mine, theirs = bleu_words(found), bleu_words(true)
    if not mine or not theirs:
        return None
    right, all_ = _shared(mine, theirs, 1)
    if not right:
        return 0.0
    ratio = len(mine) / len(theirs)
    brevity = 1.0 if ratio > 1 else math.exp(1 - 1 / ratio)
    return brevity * math.exp(math.log(right / all_))


def rouge_1(found: str, true: str) -> float:
    """Return ROUGE-1's F as Google's rouge-score gives it, without a stemmer.

    Only ASCII letters and digits are words: Chinese scores 0.

    Args:
        found: The model's text.
        true: The reference.

    Returns:
        A value in 0..1.

    Example:
        >>> rouge_1("left lung", "The LEFT one")
        0.4
    """
    mine = _NO_WORD.sub(" ", found.lower()).split()
    theirs = _NO_WORD.sub(" ", true.lower()).split()
    if not mine or not theirs:
        return 0.0
    right, all_ = _shared(mine, theirs, 1)
    precision, recall = right / all_, right / len(theirs)
    return 2 * precision * recall / (precision + recall) if right else 0.0


def rouge_sets(found: str, true: str) -> tuple[float, float, float] | None:
    """Return F of ROUGE-1, -2 and -L as the ``rouge`` package gives them: every n-gram counts once.

    Sentences end at each ASCII full stop, also within a number.

    Args:
        found: The model's text, its case already folded.
        true: The reference, likewise.

    Returns:
        Three values in 0..1, at most 0.999999995; ``None`` where the package refuses an empty text.

    Example:
        >>> rouge_sets("left lung", "left lobe")
        (0.4999999950000001, 0.0, 0.4999999950000001)
    """
    mine = [" ".join(part.split()) for part in found.split(".") if part]
    theirs = [" ".join(part.split()) for part in true.split(".") if part]
    if not mine or not theirs:
        return None
    a = [word for part in mine for word in part.split(" ")]
    b = [word for part in theirs for word in part.split(" ")]
    ones_a, ones_b = set(a), set(b)
    common = len(ones_a & ones_b)
    if not common:
        return 0.0, 0.0, 0.0
    twos_a, twos_b = set(pairwise(a)), set(pairwise(b))
    chain: set[str] = set()
    for reference in theirs:
        for sentence in mine:
            chain.update(_longest_common(reference.split(" "), sentence.split(" ")))
    return (
        _f(common, len(ones_a), len(ones_b)),
        _f(len(twos_a & twos_b), len(twos_a), len(twos_b)),
        _f(len(chain), len(ones_a), len(ones_b)),
    )


def _f(shared: int, found: int, true: int) -> float:
    precision = shared / found if found else 0.0
    recall = shared / true if true else 0.0
    return 2.0 * (precision * recall / (precision + recall + _ALMOST))


def common_lengths(x: Sequence[str], y: Sequence[str]) -> list[list[int]]:
    """Return the length of the longest common subsequence of every beginning of x with every one of y."""
    table = [[0] * (len(y) + 1)]
    for word in x:
        row, above = [0], table[-1]
        for j, other in enumerate(y):
            row.append(above[j] + 1 if word == other else max(above[j + 1], row[j]))
        table.append(row)
    return table


def _longest_common(x: Sequence[str], y: Sequence[str]) -> list[str]:
    """Return a longest common subsequence; of several the one found by stepping back in y first."""
    if len(x) == 1 or len(y) == 1:
        return list(set(x).intersection(y))
    table = common_lengths(x, y)
    i, j, chain = len(x), len(y), []
    while i and j:
        if x[i - 1] == y[j - 1]:
            chain.append(x[i - 1])
            i, j = i - 1, j - 1
        elif table[i - 1][j] > table[i][j - 1]:
            i -= 1
        else:
            j -= 1
    return chain
