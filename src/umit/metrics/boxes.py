"""Boxes against truth: overlap, one to one; M3D's own overlap; the score of RSNA's challenge."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean
from typing import Final, TypeAlias

from umit.errors import InputError
from umit.geometry import Box2D, Box3D, iou

__all__ = ["M3D_UNREADABLE", "RSNA_THRESHOLDS", "Box", "m3d_iou", "matched", "matched_iou", "rsna_score"]

#: What M3D-Bench writes for an unreadable box (Bench/eval/eval_pos.py); in a mean it costs more than a miss.
M3D_UNREADABLE: Final = -1.0
#: Overlaps at which the challenge matches boxes (kaggle.com/c/rsna-pneumonia-detection-challenge).
RSNA_THRESHOLDS: Final = (0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75)

Box: TypeAlias = Box2D | Box3D


def matched(found: Sequence[Box], true: Sequence[Box]) -> dict[int, tuple[int, float]]:
    """Return which found box belongs to which true one, one to one.

    Pairs are taken greedily by falling overlap, so no found box serves two true ones.

    Args:
        found: Boxes that a model gave.
        true: Boxes that are there.

    Returns:
        By the place of a true box, the place of its found box and their IoU above 0; a miss is not there.

    Example:
        >>> matched([Box2D(0, 0, 2, 2)], [Box2D(5, 5, 6, 6), Box2D(0, 0, 2, 1)])
        {1: (0, 0.5)}
    """
    pairs = sorted(
        ((iou(a, b), i, j) for i, a in enumerate(found) for j, b in enumerate(true)),
        key=lambda pair: (-pair[0], pair[1], pair[2]),
    )
    taken: set[int] = set()
    result: dict[int, tuple[int, float]] = {}
    for overlap, i, j in pairs:
        if i not in taken and j not in result and overlap > 0:
            taken.add(i)
            result[j] = i, overlap
    return result


def matched_iou(found: Sequence[Box], true: Sequence[Box]) -> tuple[float, ...]:
    """Return the overlap of each true box with its own found box, as :func:`matched` pairs them.

    Args:
        found: Boxes that a model gave.
        true: Boxes that are there.

    Returns:
        One IoU in 0..1 for each true box, in order; a miss is 0.

    Example:
        >>> matched_iou([Box2D(0, 0, 2, 2)], [Box2D(0, 0, 2, 1), Box2D(5, 5, 6, 6)])
        (0.5, 0.0)
    """
    pairs = matched(found, true)
    return tuple(pairs[j][1] if j in pairs else 0.0 for j in range(len(true)))


def m3d_iou(found: Sequence[float] | None, true: Sequence[float]) -> float:
    """Return what M3D calls IoU (Bench/utils.py): the shared volume over that of the smallest box around both.

    It is too low for all but equal and nested boxes; :func:`umit.geometry.iou` divides by the union.

    Args:
        found: Six numbers, lower corner first, in any unit and axis order; ``None`` for an unreadable answer.
        true: Six numbers in the same.

    Returns:
        From 0 to just under 1, or :data:`M3D_UNREADABLE`; 0 where either box has no volume.

    Raises:
        InputError: Not six numbers.

    Example:
        >>> round(m3d_iou((0, 0, 0, 10, 10, 10), (5, 5, 5, 15, 15, 15)), 6)
        0.037037
    """
    if found is None:
        return M3D_UNREADABLE
    if len(found) != 6 or len(true) != 6:
        raise InputError(f"expected six numbers a box, got {len(found)} and {len(true)}", code="box")
    axes = [(found[i], found[i + 3], true[i], true[i + 3]) for i in range(3)]
    shared = math.prod(max(0.0, min(b, d) - max(a, c)) for a, b, c, d in axes)
    around = math.prod(max(b, d) - min(a, c) for a, b, c, d in axes)
    return shared / (around + 1e-6)  # 1e-6: Bench/utils.py calculate_iou


def rsna_score(found: Sequence[Box], true: Sequence[Box]) -> float | None:
    """Return one picture's score in RSNA's challenge: TP / (TP + FP + FN), averaged over overlap thresholds.

    Each true box, in its order, takes the first free found box that reaches the threshold, not the best one, so
    the order of the found boxes matters. The public kernel that papers use (chenyc15's) turns a list without
    confidences round; here it stays. The challenge's number is the mean over pictures without the ``None``.

    Args:
        found: Boxes that a model gave, in the order they were written; none for an unreadable answer.
        true: Boxes that are there.

    Returns:
        From 0 to 1; 0 where boxes were found and none are there; ``None``, which leaves the picture out, where
        nothing is there and nothing was found.

    Example:
        >>> rsna_score([Box2D(0, 0, 10, 6)], [Box2D(0, 0, 10, 10)])
        0.625
    """
    if not true and not found:
        return None
    table = [[iou(box, one) for box in found] for one in true]
    return fmean(_score_at(table, len(found), threshold) for threshold in RSNA_THRESHOLDS)


def _score_at(table: Sequence[Sequence[float]], found: int, threshold: float) -> float:
    """Score at one threshold; a row of overlaps for each true box."""
    taken: set[int] = set()
    for row in table:
        free = (j for j, overlap in enumerate(row) if overlap >= threshold and j not in taken)
        taken.update([next(free, -1)])
    hits = len(taken - {-1})
    return hits / (len(table) + found - hits)
