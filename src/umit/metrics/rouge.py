"""ROUGE-1, -2 and -L as Google's rouge-score 0.1.2 computes them, with and without its stemmer.

pycocoevalcap's ROUGE-L is another number: :func:`umit.metrics.captions.rouge_l`. The ``rouge`` package's are a
third: :func:`umit.metrics.sentence.rouge_sets`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from umit.metrics.sentence import common_lengths
from umit.metrics.stem import stem

__all__ = ["Overlap", "google_rouge", "google_words"]

_NO_WORD: Final = re.compile(r"[^a-z0-9]+")
_LONGEST_KEPT: Final = 3  # rouge_score tokenize.py: only longer words are stemmed


class Overlap(NamedTuple):
    """How much two texts share.

    Args:
        precision: Share of the found text, from 0 to 1.
        recall: Share of the reference.
        f: Their harmonic mean.
    """

    precision: float
    recall: float
    f: float


def google_words(text: str, *, stemmed: bool = False) -> list[str]:
    """Split a text as rouge-score does: runs of ASCII letters and digits, lower case; Chinese has no words.

    Args:
        text: Any text.
        stemmed: Cut words of more than three letters to their stems.

    Returns:
        Its words.

    Example:
        >>> google_words("Pleural effusions, 3.5 cm", stemmed=True)
        ['pleural', 'effus', '3', '5', 'cm']
    """
    words = _NO_WORD.sub(" ", text.lower()).split()
    if not stemmed:
        return words
    return [stem(word) if len(word) > _LONGEST_KEPT else word for word in words]


def google_rouge(found: str, true: str, *, stemmed: bool = False) -> Mapping[str, Overlap]:
    """Return ROUGE of one text against one reference.

    Args:
        found: The model's text.
        true: The reference.
        stemmed: As ``use_stemmer=True``.

    Returns:
        ``rouge1``, ``rouge2``, ``rougeL``, and ``rougeLsum``, for which each line is a sentence.

    Example:
        >>> google_rouge("the left lung", "the lung")["rougeL"]
        Overlap(precision=0.6666666666666666, recall=1.0, f=0.8)
    """
    mine, theirs = google_words(found, stemmed=stemmed), google_words(true, stemmed=stemmed)
    shared = len(_chain(theirs, mine)) if mine and theirs else 0
    return {
        "rouge1": _of_runs(mine, theirs, 1),
        "rouge2": _of_runs(mine, theirs, 2),
        "rougeL": _overlap(shared, len(mine), len(theirs)),
        "rougeLsum": _of_lines(found, true, stemmed),
    }


def _overlap(shared: int, found: int, true: int) -> Overlap:
    precision, recall = shared / max(1, found), shared / max(1, true)
    return Overlap(
        precision, recall, 2 * precision * recall / (precision + recall) if shared else 0.0
    )


def _of_runs(found: Sequence[str], true: Sequence[str], n: int) -> Overlap:
    mine, theirs = (
        Counter(zip(*(words[i:] for i in range(n)), strict=False)) for words in (found, true)
    )
    return _overlap((mine & theirs).total(), mine.total(), theirs.total())


def _of_lines(found: str, true: str, stemmed: bool) -> Overlap:
    """For each true line the union of its chains with all found lines; no word counts more often than it is there."""
    mine, theirs = (
        [words for line in text.split("\n") if (words := google_words(line, stemmed=stemmed))]
        for text in (found, true)
    )
    left, wanted = (Counter(word for line in lines for word in line) for lines in (mine, theirs))
    sizes = left.total(), wanted.total()
    shared = 0
    for line in theirs:
        for i in sorted({i for other in mine for i in _chain(line, other)}):
            word = line[i]
            if left[word] and wanted[word]:
                left[word], wanted[word] = left[word] - 1, wanted[word] - 1
                shared += 1
    return _overlap(shared, *sizes)


def _chain(true: Sequence[str], found: Sequence[str]) -> list[int]:
    """Return where in the true words a longest common subsequence runs, stepping back in the true words first."""
    table = common_lengths(true, found)
    i, j, places = len(true), len(found), []
    while i and j:
        if true[i - 1] == found[j - 1]:
            i, j = i - 1, j - 1
            places.append(i)
        elif table[i][j - 1] > table[i - 1][j]:
            j -= 1
        else:
            i -= 1
    return places[::-1]
