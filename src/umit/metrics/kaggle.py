"""The score of Kaggle's RSNA pneumonia challenge, by the public kernel that papers use (chenyc15's)."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import Final, Literal

from umit.errors import InputError
from umit.geometry import iou
from umit.metrics.boxes import Box

__all__ = ["RSNA_THRESHOLDS", "rsna_score"]

#: Overlaps at which the challenge matches boxes (kaggle.com/c/rsna-pneumonia-detection-challenge).
RSNA_THRESHOLDS: Final = (0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75)


def rsna_score(
    found: Sequence[Box],
    true: Sequence[Box],
    *,
    scores: Sequence[float] | None = None,
    ties: Literal["output", "reversed"] = "output",
    thresholds: Sequence[float] = RSNA_THRESHOLDS,
) -> float | None:
    """Return one picture's score: TP / (TP + FP + FN), averaged over overlap thresholds.

    Each true box, in its order, takes the first free found box that reaches the threshold, not the best one, so
    the order of the found boxes matters. The challenge's number is the mean over pictures without the ``None``.

    Args:
        found: Boxes that a model gave, in the order they were written; none for an unreadable answer.
        true: Boxes that are there.
        scores: Confidence of each found box, higher is surer; without them the boxes keep their order.
        ties: Whether boxes of one confidence keep their order, or go backwards as in the kernel, which so
            reverses a list without real confidences.
        thresholds: Overlaps in 0..1.

    Returns:
        From 0 to 1; 0 where boxes were found and none are there; ``None``, which leaves the picture out, where
        nothing is there and nothing was found.

    Raises:
        InputError: Not one confidence for each found box, or no thresholds.

    Example:
        >>> from umit.geometry import Box2D
        >>> rsna_score([Box2D(0, 0, 10, 6)], [Box2D(0, 0, 10, 10)])
        0.625
    """
    if scores is not None and len(scores) != len(found):
        raise InputError(
            f"expected one confidence for each of {len(found)} boxes, got {len(scores)}",
            code="scores",
            where="scores",
        )
    if not thresholds:
        raise InputError("expected at least one threshold, got none", where="thresholds")
    if not true and not found:
        return None
    order = list(range(len(found)))
    if scores is not None:
        # Both sorts are stable: falling keeps ties in order, rising and then turned round reverses them.
        order.sort(key=lambda i: scores[i], reverse=ties == "output")
        if ties == "reversed":
            order.reverse()
    table = [[iou(found[i], one) for i in order] for one in true]
    return fmean(_score_at(table, len(found), threshold) for threshold in thresholds)


def _score_at(table: Sequence[Sequence[float]], found: int, threshold: float) -> float:
    """Score at one threshold; a row of overlaps for each true box."""
    taken: set[int] = set()
    for row in table:
        free = (j for j, overlap in enumerate(row) if overlap >= threshold and j not in taken)
        taken.update([next(free, -1)])
    hits = len(taken - {-1})
    return hits / (len(table) + found - hits)
