"""Boxes against truth."""

from __future__ import annotations

from collections.abc import Sequence

from umit.geometry import Box2D, Box3D, iou

__all__ = ["matched_iou"]


def matched_iou(found: Sequence[Box2D | Box3D], true: Sequence[Box2D | Box3D]) -> tuple[float, ...]:
    """Return the overlap of each true box with its own found box, one to one.

    Pairs are taken greedily by falling overlap, so no found box serves two true ones.

    Args:
        found: Boxes that a model gave.
        true: Boxes that are there.

    Returns:
        One IoU in 0..1 for each true box, in order; a miss is 0.

    Example:
        >>> matched_iou([Box2D(0, 0, 2, 2)], [Box2D(0, 0, 2, 1), Box2D(5, 5, 6, 6)])
        (0.5, 0.0)
    """
    pairs = sorted(
        ((iou(a, b), i, j) for i, a in enumerate(found) for j, b in enumerate(true)),
        key=lambda pair: (-pair[0], pair[1], pair[2]),
    )
    taken: set[int] = set()
    result: dict[int, float] = {}
    for overlap, i, j in pairs:
        if i not in taken and j not in result and overlap > 0:
            taken.add(i)
            result[j] = overlap
    return tuple(result.get(j, 0.0) for j in range(len(true)))
