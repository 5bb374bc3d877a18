"""Runs of words in texts and in their references, counted once for all scores that are built on them.

Ten thousand reports hold some four million runs, so they are counted by sorting numbers, not by dictionaries.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain, count
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from umit.errors import InputError

__all__ = ["Corpus", "Order"]

_Numbers: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Runs of one length: which text holds which run how often.

    Args:
        found_text: Text of each row of the found side, ascending.
        found_run: Its run, numbered from 0 over the whole corpus.
        found_count: How often it occurs there, at least 1.
        true_text: Reference of each row of the true side, ascending, numbered over all items.
        true_run: Its run.
        true_count: How often it occurs there.
        cell: ``item * runs + run`` of what any reference of an item holds, ascending, each once.
        most: Beside each cell, the highest count in one reference.
        runs: How many different runs the corpus has.
    """

    found_text: _Numbers
    found_run: _Numbers
    found_count: _Numbers
    true_text: _Numbers
    true_run: _Numbers
    true_count: _Numbers
    cell: _Numbers
    most: _Numbers
    runs: int


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
    def of(
        cls,
        found: Sequence[str],
        true: Sequence[Sequence[str]],
        *,
        orders: int = 4,
        words: Callable[[str], Sequence[str]] = str.split,
    ) -> Corpus:
        """Count the runs of words of some texts.

        Args:
            found: The model's texts; ``""`` where nothing could be read.
            true: At least one reference for each.
            orders: Longest run, in words.
            words: A text to its words; the default splits at blanks and line breaks.

        Raises:
            InputError: No text, not one row of references a text, or a text without a reference.
        """
        if not found or len(found) != len(true) or not all(true):
            raise InputError(
                f"expected texts and references for each, got {len(found)} and {len(true)}, "
                f"{sum(not row for row in true)} of them empty",
                code="references",
                hint='give [""] for an empty reference',
            )
        split = [words(text) for text in chain(found, chain.from_iterable(true))]
        lengths = np.fromiter(map(len, split), np.int64, len(split))
        numbers: defaultdict[str, int] = defaultdict(count().__next__)
        ids = np.fromiter(
            map(numbers.__getitem__, chain.from_iterable(split)), np.int64, int(lengths.sum())
        )
        item = np.repeat(np.arange(len(true)), [len(row) for row in true])
        return cls(
            found_words=lengths[: len(found)],
            true_words=lengths[len(found) :],
            item=item,
            orders=tuple(_counted(ids, lengths, item, orders)),
        )


def _counted(ids: _Numbers, lengths: _Numbers, item: _Numbers, orders: int) -> list[Order]:
    text = np.repeat(np.arange(len(lengths)), lengths)
    left = np.repeat(lengths.cumsum(), lengths) - np.arange(len(ids))  # words up to the text's end
    start, run, kinds = np.arange(len(ids)), ids, int(ids.max(initial=0)) + 1
    found, words = len(lengths) - len(item), kinds
    rows = []
    for n in range(1, orders + 1):
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
