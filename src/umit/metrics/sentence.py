"""Overlap of one text with one reference: nltk's and Hugging Face's BLEU, both packages' ROUGE, sacrebleu's chrF.

Scores of whole corpora are in :mod:`umit.metrics.captions`.
"""

from __future__ import annotations

import math
import re
import sys
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np

from umit.errors import InputError
from umit.metrics.captions import longest_common
from umit.metrics.metric import Measures

__all__ = ["bleu", "bleu_1", "bleu_words", "chrf", "chrf_rows", "rouge_f", "rouge_sets", "rouge_words"]

_ALMOST: Final = 1e-8  # the `rouge` package's guard against division by zero, in its F
# mteval-v13a.pl, as sacrebleu and Hugging Face's `bleu` have it
_MARKS: Final = re.compile(r"([{-~\[-` -&(-+:-@/])")
_STOP_AFTER: Final = re.compile(r"([^0-9])([.,])")
_STOP_BEFORE: Final = re.compile(r"([.,])([^0-9])")
_DASH: Final = re.compile(r"([0-9])(-)")
_ENTITIES: Final = (("&quot;", '"'), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"))
_NO_WORD: Final = re.compile(r"[^a-z0-9]+")
_CHRF_ORDERS: Final = 6  # Popović 2015
_CHRF_BETA: Final = 2.0


def _shared(found: Sequence[str], true: Sequence[str], n: int) -> tuple[int, int]:
    """Return the clipped count of shared n-grams and the count of found ones, at least 1."""
    if n == 1 and len(found) == 1:
        return int(found[0] in true), 1
    mine, theirs = (Counter(zip(*(words[i:] for i in range(n)), strict=False)) for words in (found, true))
    right = sum(min(k, theirs[g]) for g, k in mine.items() if g in theirs)
    return right, max(1, len(found) - n + 1)


def bleu(
    found: Sequence[str], true: Sequence[str], weights: Sequence[Sequence[float]], *, smoothed: bool = False
) -> list[float]:
    """Return sentence BLEU against one reference, as nltk computes it.

    Args:
        found: The model's words.
        true: The reference's words.
        weights: For each wanted value the exponents of the orders 1, 2, …; they sum to 1.
        smoothed: By Chen and Cherry's third method: an order without a match counts half a match, the next one a
            quarter. Else it counts as the smallest float: a tiny number, not 0, as soon as one word is right.

    Returns:
        One value in 0..1 for each row of weights; all 0 if no word is right.

    Example:
        >>> bleu(["left", "lung"], ["left", "lobe"], [(1.0,), (0.0, 1.0)])
        [0.5, 2.2250738585072626e-308]
    """
    if not set(found).intersection(true):
        return [0.0] * len(weights)
    logs, part = [], 1.0
    for n in range(1, max(map(len, weights)) + 1):
        right, all_ = _shared(found, true, n)
        part /= 1 if right else 2
        missed = part / all_ if smoothed else sys.float_info.min
        logs.append(math.log(right / all_ if right else missed))
    short = len(found) <= len(true)
    brevity = math.exp(1 - len(true) / len(found)) if short else 1.0
    return [brevity * math.exp(math.fsum(map(float.__mul__, row, logs))) for row in weights]


def bleu_words(text: str) -> list[str]:
    """Split a text as mteval-v13a does: marks apart, full stops and commas apart unless between digits.

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

    It is :func:`bleu` of :func:`bleu_words`, but for the last bit.

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


def rouge_words(text: str) -> list[str]:
    """Split a text as rouge-score does: runs of ASCII letters and digits, lower case; Chinese has no words.

    Example:
        >>> rouge_words("Effusion, 3.5 cm")
        ['effusion', '3', '5', 'cm']
    """
    return _NO_WORD.sub(" ", text.lower()).split()


def rouge_f(found: Sequence[str], true: Sequence[str], n: int | None = None) -> float:
    """Return F of Google's rouge-score 0.1.2, from 0 to 1, without its stemmer.

    Args:
        found: The model's words, by :func:`rouge_words`.
        true: The reference's.
        n: Length of the runs, as in ROUGE-1; ``None`` for the longest common subsequence, ROUGE-L.

    Example:
        >>> rouge_f(["left", "lung"], ["the", "left", "one"], 1)
        0.4
    """
    size = n or 1
    if len(found) < size or len(true) < size:
        return 0.0
    right = longest_common(found, true) if n is None else _shared(found, true, size)[0]
    precision, recall = right / (len(found) - size + 1), right / (len(true) - size + 1)
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
            chain.update(_chain(reference.split(" "), sentence.split(" ")))
    return (
        _f(common, len(ones_a), len(ones_b)),
        _f(len(twos_a & twos_b), len(twos_a), len(twos_b)),
        _f(len(chain), len(ones_a), len(ones_b)),
    )


def _f(shared: int, found: int, true: int) -> float:
    precision = shared / found if found else 0.0
    recall = shared / true if true else 0.0
    return 2.0 * (precision * recall / (precision + recall + _ALMOST))


def _chain(x: Sequence[str], y: Sequence[str]) -> list[str]:
    """Return a longest common subsequence; of several the one found by stepping back in y first."""
    if len(x) == 1 or len(y) == 1:
        return list(set(x).intersection(y))
    table = [[0] * (len(y) + 1)]
    for word in x:
        row, above = [0], table[-1]
        for j, other in enumerate(y):
            row.append(above[j] + 1 if word == other else max(above[j + 1], row[j]))
        table.append(row)
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


def chrf_rows(found: Sequence[str], true: Sequence[Sequence[str]]) -> Measures:
    """Return what chrF counts in each text, against the reference that fits best; rows of several texts add up.

    Args:
        found: The model's texts; blanks do not count, case does.
        true: At least one reference for each.

    Returns:
        Shared runs, the text's runs, the reference's runs of one to six characters; shape (texts, 18).

    Raises:
        InputError: A text without a reference.

    Example:
        >>> chrf_rows(["左肺"], [["右肺"]]).sum(0).astype(int).tolist()[::6]
        [1, 2, 2]
    """
    if len(found) != len(true) or not all(true):
        raise InputError("expected at least one reference for each text", code="references")
    rows = []
    for text, references in zip(found, true, strict=True):
        mine = _characters(text)
        each = np.array([_counted(mine, _characters(one)) for one in references], np.float64)
        rows.append(each[chrf(each).argmax()])
    return np.array(rows, np.float64).reshape(-1, 3 * _CHRF_ORDERS)


def _characters(text: str) -> list[Counter[str]]:
    letters = "".join(text.split())
    return [Counter(letters[i : i + n] for i in range(len(letters) - n + 1)) for n in range(1, _CHRF_ORDERS + 1)]


def _counted(found: list[Counter[str]], true: list[Counter[str]]) -> list[int]:
    shared = [(a & b).total() for a, b in zip(found, true, strict=True)]
    # Runs that no reference has room for are not held against the text.
    counts = [a.total() if b else 0 for a, b in zip(found, true, strict=True)]
    return [*shared, *counts, *(b.total() for b in true)]


def chrf(sums: Measures) -> Measures:
    """Return chrF2 of each row, from 0 to 100, as sacrebleu 2.6 computes it; recall weighs four times as much.

    Args:
        sums: Rows of :func:`chrf_rows`, or sums of them: those of several texts are one corpus.

    Example:
        >>> chrf(chrf_rows(["clear lungs"], [["clear lungs"]])).tolist()
        [100.0]
    """
    shared, mine, theirs = np.split(sums, 3, axis=1)
    both = (mine > 0) & (theirs > 0)
    orders = np.maximum(1, both.sum(axis=1))
    precision, recall = (
        np.divide(shared, of, out=np.zeros_like(shared), where=both).sum(axis=1) / orders for of in (mine, theirs)
    )
    above = 100 * (1 + _CHRF_BETA**2) * precision * recall
    below = _CHRF_BETA**2 * precision + recall
    found: Measures = np.divide(above, below, out=np.zeros_like(below), where=below > 0)
    return found
