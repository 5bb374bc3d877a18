"""Scores of reports and captions as pycocoevalcap 1.2 computes them: BLEU, ROUGE-L and CIDEr-D.

Give the texts as they are ("raw") or after :func:`umit.metrics.cleaning.ptb_words` ("PTB"); the two differ, so say
which. METEOR needs Java: :mod:`umit.metrics.meteor`. An empty text is scored as it is and counts.

Runs of words are counted once for all of them. Ten thousand reports hold some four million runs, so they are counted
by sorting numbers, not by dictionaries.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, count
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from umit.errors import InputError
from umit.metrics.metric import Measures

__all__ = ["Corpus", "Order", "bleu_rows", "cider", "coco_bleu", "longest_common", "rouge_l"]

_Numbers: TypeAlias = NDArray[np.int64]
_Floats: TypeAlias = NDArray[np.float64]
_ORDERS: Final = 4
_TINY: Final = 1e-15  # pycocoevalcap bleu_scorer.py: added to matches
_SMALL: Final = 1e-9  # and to counts, so identical texts have a little less than 1
_BETA: Final = 1.2  # pycocoevalcap rouge.py: recall counts 1.44 times precision
_SIGMA: Final = 6.0  # pycocoevalcap cider.py: width of the penalty on length, in words
_SCALE: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Runs of one length: which text holds which run how often."""

    found_text: _Numbers  # of each row of the found side, ascending
    found_run: _Numbers  # numbered from 0 over the whole corpus
    found_count: _Numbers
    true_text: _Numbers  # references, ascending, numbered over all items
    true_run: _Numbers
    true_count: _Numbers
    cell: _Numbers  # item * runs + run of what any reference of an item holds, ascending, each once
    most: _Numbers  # the highest count of each cell in one reference
    runs: int  # how many different ones there are


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """Texts beside their references.

    Args:
        found_words: Words of each found text.
        true_words: Words of each reference, over all items.
        item: Which text each reference belongs to, ascending.
        orders: Runs of one word, of two, and so on.

    Example:
        >>> corpus = Corpus.of(["left lung"], [["left lobe", "lung"]])
        >>> corpus.found_words.tolist(), corpus.item.tolist(), corpus.orders[0].runs
        ([2], [0, 0], 3)
    """

    found_words: _Numbers
    true_words: _Numbers
    item: _Numbers
    orders: tuple[Order, ...]

    @classmethod
    def of(cls, found: Sequence[str], true: Sequence[Sequence[str]]) -> Corpus:
        """Count the runs of one to four words of some texts, split at blanks and line breaks.

        Args:
            found: The model's texts; ``""`` where nothing could be read.
            true: At least one reference for each.

        Raises:
            InputError: No text, not one row of references a text, or a text without a reference.
        """
        _checked(found, true)
        if not found:
            raise InputError("expected at least one text, got none", code="references")
        split = [text.split() for text in chain(found, chain.from_iterable(true))]
        lengths = np.fromiter(map(len, split), np.int64, len(split))
        numbers: defaultdict[str, int] = defaultdict(count().__next__)
        ids = np.fromiter(map(numbers.__getitem__, chain.from_iterable(split)), np.int64, int(lengths.sum()))
        item = np.repeat(np.arange(len(true)), [len(row) for row in true])
        return cls(
            found_words=lengths[: len(found)],
            true_words=lengths[len(found) :],
            item=item,
            orders=tuple(_counted(ids, lengths, item)),
        )


def _counted(ids: _Numbers, lengths: _Numbers, item: _Numbers) -> list[Order]:
    text = np.repeat(np.arange(len(lengths)), lengths)
    left = np.repeat(lengths.cumsum(), lengths) - np.arange(len(ids))  # words up to the text's end
    start, run, kinds = np.arange(len(ids)), ids, int(ids.max(initial=0)) + 1
    found, words = len(lengths) - len(item), kinds
    rows = []
    for n in range(1, _ORDERS + 1):
        if n > 1:
            goes_on = left[start] >= n
            start = start[goes_on]
            known, run = np.unique(run[goes_on] * words + ids[start + n - 1], return_inverse=True)
            kinds = max(1, len(known))
        cell, times = np.unique(text[start] * kinds + run, return_counts=True)
        rows.append(_order(cell, times, found, item, kinds))
    return rows


def _order(cell: _Numbers, times: _Numbers, found: int, item: _Numbers, kinds: int) -> Order:
    """Part the counts of one order into the found side and the true one."""
    text, run = np.divmod(cell, kinds)
    cut = int(np.searchsorted(text, found))
    true_text = text[cut:] - found
    wanted = item[true_text] * kinds + run[cut:]
    if len(np.unique(item)) < len(item):
        wanted, where = np.unique(wanted, return_inverse=True)
        most = np.zeros(len(wanted), np.int64)
        np.maximum.at(most, where, times[cut:])
    else:  # one reference each: sorted already, each once
        most = times[cut:]
    return Order(
        found_text=text[:cut], found_run=run[:cut], found_count=times[:cut],
        true_text=true_text, true_run=run[cut:], true_count=times[cut:],
        cell=wanted, most=most, runs=kinds,
    )  # fmt: skip


def bleu_rows(corpus: Corpus) -> Measures:
    """Return what BLEU counts in each text; rows of several texts add up.

    Args:
        corpus: Texts and references.

    Returns:
        One row a text, of four counts of shared runs (none more often than in one reference), four of the text's
        runs, its words, and the words of the reference of the nearest length, of two the shorter. Shape (texts, 10).

    Example:
        >>> bleu_rows(Corpus.of(["a b b"], [["a b", "b c a b"]])).tolist()
        [[3.0, 1.0, 0.0, 0.0, 3.0, 2.0, 1.0, 0.0, 3.0, 2.0]]
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
    counts = [np.maximum(0, corpus.found_words - n) for n in range(_ORDERS)]
    apart = np.abs(corpus.true_words - corpus.found_words[corpus.item])
    first = np.searchsorted(corpus.item, np.arange(texts))
    nearest = corpus.true_words[np.lexsort((corpus.true_words, apart, corpus.item))[first]]
    return np.column_stack([*right, *counts, corpus.found_words, nearest]).astype(np.float64)


def coco_bleu(sums: Measures) -> Measures:
    """Return BLEU-1 to BLEU-4, from 0 to 1, by pycocoevalcap's formula, shape (rows, 4).

    Identical texts have 0.999999999…, and a text of fewer than n words has a BLEU-n of nearly 0.

    Args:
        sums: Rows of :func:`bleu_rows`, or sums of them: those of all texts give the corpus, which is not the mean.

    Example:
        >>> coco_bleu(bleu_rows(Corpus.of(["the left lung"], [["the left lobe"]]))).round(3).tolist()
        [[0.667, 0.577, 0.0, 0.0]]
    """
    right, counts, lengths = np.split(sums, [_ORDERS, 2 * _ORDERS], axis=1)
    roots = 1.0 / np.arange(1, _ORDERS + 1)
    values: Measures = np.cumprod((right + _TINY) / (counts + _SMALL), axis=1) ** roots
    ratio = (lengths[:, 0] + _TINY) / (lengths[:, 1] + _SMALL)
    with np.errstate(over="ignore", divide="ignore"):
        values *= np.where(ratio < 1, np.exp(1 - 1 / ratio), 1.0)[:, None]
    return values


def _looked_up(order: Order, item: NDArray[np.int64]) -> tuple[NDArray[np.int64], _Floats]:
    """Return the rows of an order's true side whose run the item's found text holds too, and its counts."""
    mine = order.found_text * order.runs + order.found_run
    wanted = item[order.true_text] * order.runs + order.true_run
    if not len(mine):
        return np.zeros(0, np.int64), np.zeros(0)
    at = np.minimum(np.searchsorted(mine, wanted), len(mine) - 1)
    hits = np.flatnonzero(mine[at] == wanted)
    return hits, order.found_count[at[hits]].astype(np.float64)


def cider(corpus: Corpus) -> _Floats:
    """Return CIDEr-D of each text, from 0 to 10: likeness of its runs of one to four words, rare runs weighing more.

    A run's weight falls with the number of items whose references hold it, so a value depends on all references
    of the corpus, and in a corpus of one item it is 0 even for identical texts. The corpus value is the mean.

    Args:
        corpus: Texts and references, with four orders as the reference has them.

    Example:
        >>> texts = ["the heart is enlarged", "the lungs are clear today"]
        >>> cider(Corpus.of(texts, [[text] for text in texts])).round(6).tolist()
        [10.0, 10.0]
    """
    items, texts = len(corpus.found_words), len(corpus.item)
    likeness = np.zeros(texts)
    for order in corpus.orders:
        held_by = np.bincount(order.cell % order.runs, minlength=order.runs)
        rarity = np.log(items) - np.log(np.maximum(1, held_by))
        mine = order.found_count * rarity[order.found_run]
        theirs = order.true_count * rarity[order.true_run]
        hits, counts = _looked_up(order, corpus.item)
        shared = theirs[hits] * np.minimum(counts * rarity[order.true_run[hits]], theirs[hits])
        product = np.bincount(order.true_text[hits], shared, texts)
        norm = np.sqrt(np.bincount(order.found_text, mine**2, items))[corpus.item]
        norm *= np.sqrt(np.bincount(order.true_text, theirs**2, texts))
        likeness += np.divide(product, norm, out=np.zeros(texts), where=norm > 0)
    # The reference measures lengths in runs of two words.
    mine, theirs = (np.maximum(0, n - 1) for n in (corpus.found_words, corpus.true_words))
    apart = (mine[corpus.item] - theirs).astype(np.float64)
    likeness *= np.exp(-(apart**2) / (2 * _SIGMA**2)) * _SCALE / len(corpus.orders)
    return np.bincount(corpus.item, likeness, items) / np.bincount(corpus.item)


def longest_common(words: Sequence[str], others: Sequence[str]) -> int:
    """Return the length of a longest common subsequence, a row of the table in one integer (Hyyrö 2004).

    Example:
        >>> longest_common("the left lung".split(), "the lung".split())
        2
    """
    places: dict[str, int] = {}
    for i, word in enumerate(words):
        places[word] = places.get(word, 0) | 1 << i
    row = full = (1 << len(words)) - 1
    for word in others:
        if here := places.get(word, 0) & row:
            row = ((row + here) | (row - here)) & full
    return len(words) - row.bit_count()


def _f(precision: float, recall: float) -> float:
    if not precision or not recall:
        return 0.0
    return (1 + _BETA**2) * precision * recall / (recall + _BETA**2 * precision)


def rouge_l(found: Sequence[str], true: Sequence[Sequence[str]]) -> _Floats:
    """Return pycocoevalcap's ROUGE-L of each text, from 0 to 1, recall weighing 1.44 times as much as precision.

    Faults of the reference that stay: words are split at single blanks, so that two blanks hold an empty word
    and two empty texts agree; with several references precision and recall may be of different ones.

    Args:
        found: The model's texts; ``""`` where nothing could be read.
        true: At least one reference for each.

    Raises:
        InputError: A text without a reference.

    Example:
        >>> rouge_l(["the left lung"], [["the lung"]]).round(4).tolist()
        [0.8299]
    """
    _checked(found, true)
    values = []
    for text, references in zip(found, true, strict=True):
        words, others = text.split(" "), [one.split(" ") for one in references]
        shared = [longest_common(words, other) for other in others]
        recalls = (k / len(other) for k, other in zip(shared, others, strict=True))
        values.append(_f(max(shared) / len(words), max(recalls)))
    return np.array(values, np.float64)


def _checked(found: Sequence[str], true: Sequence[Sequence[str]]) -> None:
    if len(found) != len(true) or not all(true):
        raise InputError(
            f"expected at least one reference for each text, got {len(found)} texts and {len(true)} rows of "
            f"references, {sum(not row for row in true)} of them empty",
            code="references",
            hint='Give [""] for an empty reference.',
        )
