"""Scores of reports and captions as pycocoevalcap 1.2 computes them: BLEU, ROUGE-L and CIDEr-D.

Give the texts as they are ("raw") or after :func:`umit.metrics.cleaning.ptb_words` ("PTB"); the two differ, so say
which. METEOR needs Java: :mod:`umit.metrics.meteor`. An empty text is scored as it is and counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from umit.errors import InputError
from umit.metrics.bleu import bleu_rows, coco_bleu
from umit.metrics.ngrams import Corpus, Order

__all__ = ["Corpus", "bleu_rows", "cider", "coco_bleu", "rouge_l", "rouge_l_one"]

_Floats = NDArray[np.float64]

_BETA: Final = 1.2  # pycocoevalcap rouge.py: recall counts 1.44 times precision
_SIGMA: Final = 6.0  # pycocoevalcap cider.py: width of the penalty on length, in words
_SCALE: Final = 10.0


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
    """Return CIDEr-D of each text: likeness of its runs of one to four words, rare runs weighing more.

    A run's weight falls with the number of items whose references hold it, so a value depends on all references
    of the corpus, and in a corpus of one item it is 0 even for identical texts. The corpus value is the mean.

    Args:
        corpus: Texts and references, with four orders as the reference has them.

    Returns:
        Values from 0 to 10, shape (texts,).

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


def _longest_common(places: dict[str, int], others: Sequence[str], length: int) -> int:
    """Return the length of a longest common subsequence, a row of the table in one integer (Hyyrö 2004)."""
    full = (1 << length) - 1
    row = full
    for word in others:
        if here := places.get(word, 0) & row:
            row = ((row + here) | (row - here)) & full
    return length - row.bit_count()


def _overlaps(
    words: Sequence[str], references: Sequence[Sequence[str]]
) -> list[tuple[float, float]]:
    """Return precision and recall of the longest common subsequence with each reference."""
    places: dict[str, int] = {}
    for i, word in enumerate(words):
        places[word] = places.get(word, 0) | 1 << i
    shared = [_longest_common(places, other, len(words)) for other in references]
    return [
        (k / len(words), k / len(other)) if k else (0.0, 0.0)
        for k, other in zip(shared, references, strict=True)
    ]


def _f(precision: float, recall: float) -> float:
    if not precision or not recall:
        return 0.0
    return (1 + _BETA**2) * precision * recall / (recall + _BETA**2 * precision)


def _checked(found: Sequence[str], true: Sequence[Sequence[str]]) -> None:
    if len(found) != len(true) or not all(true):
        raise InputError(
            f"expected at least one reference for each text, got {len(found)} texts and "
            f"{len(true)} rows of references",
            code="references",
        )


def rouge_l(found: Sequence[str], true: Sequence[Sequence[str]]) -> _Floats:
    """Return pycocoevalcap's ROUGE-L of each text, recall weighing 1.44 times as much as precision.

    Faults of the reference that stay: words are split at single blanks, so that two blanks hold an empty word
    and two empty texts agree; with several references precision and recall may be of different ones.
    :func:`rouge_l_one` has neither. The corpus value is the mean.

    Args:
        found: The model's texts; ``""`` where nothing could be read.
        true: At least one reference for each.

    Returns:
        Values from 0 to 1, shape (texts,).

    Raises:
        InputError: A text without a reference.

    Example:
        >>> rouge_l(["the left lung"], [["the lung"]]).round(4).tolist()
        [0.8299]
    """
    _checked(found, true)
    values = []
    for text, references in zip(found, true, strict=True):
        pairs = _overlaps(text.split(" "), [one.split(" ") for one in references])
        values.append(_f(max(p for p, _ in pairs), max(r for _, r in pairs)))
    return np.array(values, np.float64)


def rouge_l_one(found: Sequence[str], true: Sequence[Sequence[str]]) -> _Floats:
    """Return ROUGE-L of each text against the one reference that it fits best; blanks hold no words.

    Args:
        found: The model's texts; an empty one scores 0.
        true: At least one reference for each.

    Returns:
        Values from 0 to 1, shape (texts,).

    Raises:
        InputError: A text without a reference.

    Example:
        >>> rouge_l_one(["a  b", ""], [["a b"], [""]]).tolist()
        [1.0, 0.0]
    """
    _checked(found, true)
    rows = (
        _overlaps(text.split(), [one.split() for one in references])
        for text, references in zip(found, true, strict=True)
    )
    return np.array([max(_f(*pair) for pair in row) for row in rows], np.float64)
