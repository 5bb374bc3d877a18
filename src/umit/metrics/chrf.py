"""chrF2: likeness of runs of one to six characters, as sacrebleu 2.6 computes it; serves both languages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np

from umit.errors import InputError
from umit.metrics.metric import Measures

__all__ = ["chrf", "chrf_rows"]

_ORDERS: Final = 6  # Popović 2015
_BETA: Final = 2.0


def _runs(text: str) -> list[Counter[str]]:
    letters = "".join(text.split())
    return [
        Counter(letters[i : i + n] for i in range(len(letters) - n + 1))
        for n in range(1, _ORDERS + 1)
    ]


def _row(found: list[Counter[str]], true: list[Counter[str]]) -> list[int]:
    shared = [(a & b).total() for a, b in zip(found, true, strict=True)]
    # Runs that no reference has room for are not held against the text.
    counts = [a.total() if b else 0 for a, b in zip(found, true, strict=True)]
    return [*shared, *counts, *(b.total() for b in true)]


def chrf_rows(found: Sequence[str], true: Sequence[Sequence[str]]) -> Measures:
    """Return what chrF counts in each text, against the reference that fits best; rows of several texts add up.

    Args:
        found: The model's texts; blanks do not count, case does.
        true: At least one reference for each.

    Returns:
        Shared runs, the text's runs, the reference's runs, six of each; shape (texts, 18).

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
        mine = _runs(text)
        each = [_row(mine, _runs(one)) for one in references]
        rows.append(max(each, key=lambda row: chrf(np.array([row], np.float64))))
    return np.array(rows, np.float64).reshape(-1, 3 * _ORDERS)


def chrf(rows: Measures) -> float:
    """Return chrF2 of some texts as one corpus, recall weighing four times as much as precision.

    Args:
        rows: From :func:`chrf_rows`.

    Returns:
        From 0 to 100.

    Example:
        >>> chrf(chrf_rows(["clear lungs"], [["clear lungs"]]))
        100.0
    """
    shared, mine, theirs = rows.sum(0).reshape(3, _ORDERS)
    both = (mine > 0) & (theirs > 0)
    if not both.any():
        return 0.0
    precision = float((shared[both] / mine[both]).mean())
    recall = float((shared[both] / theirs[both]).mean())
    if not precision + recall:
        return 0.0
    return 100 * (1 + _BETA**2) * precision * recall / (_BETA**2 * precision + recall)
