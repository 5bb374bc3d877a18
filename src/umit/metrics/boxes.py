"""Boxes against truth: overlap, one to one; an unreadable box overlaps nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean
from typing import TypeAlias

from umit.errors import InputError
from umit.geometry import Box2D, Box3D, iou

__all__ = [
    "Box",
    "ciou",
    "diou",
    "giou",
    "hit_rate",
    "inclusive",
    "matched",
    "matched_iou",
    "mean_iou",
    "paired_iou",
]

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


def paired_iou(found: Sequence[Box | None], true: Sequence[Box]) -> tuple[float, ...]:
    """Return the overlap of each true box with the box found for it, for questions with one target.

    Args:
        found: One box a question; ``None`` for an unreadable answer, which costs the whole overlap.
        true: One box a question.

    Returns:
        One IoU in 0..1 a question.

    Raises:
        InputError: Not as many of one as of the other, or boxes of two kinds.

    Example:
        >>> paired_iou([Box2D(0, 0, 2, 2), None], [Box2D(0, 0, 2, 1), Box2D(5, 5, 6, 6)])
        (0.5, 0.0)
    """
    if len(found) != len(true):
        raise InputError(
            f"expected one found box for each true one, got {len(found)} and {len(true)}",
            code="pairs",
            where="found",
            hint="Give None where the answer could not be read.",
        )
    return tuple(0.0 if a is None else iou(a, b) for a, b in zip(found, true, strict=True))


def mean_iou(overlaps: Sequence[float]) -> float:
    """Return the mean overlap; ``nan`` without any.

    Args:
        overlaps: IoU in 0..1, one a true box, 0 for a miss and for an unreadable answer.

    Example:
        >>> mean_iou([0.5, 0.0])
        0.25
    """
    return fmean(overlaps) if overlaps else math.nan


def hit_rate(overlaps: Sequence[float], least: float = 0.5, *, strict: bool = False) -> float:
    """Return the share of true boxes that were hit, Acc@``least``; ``nan`` without any.

    Args:
        overlaps: IoU in 0..1, one a true box, 0 for a miss and for an unreadable answer.
        least: The overlap that counts as a hit, usually 0.25, 0.5 or 0.75.
        strict: Whether an overlap of exactly ``least`` misses; a whole-pixel box of half the truth has one.

    Returns:
        A share from 0 to 1.

    Example:
        >>> hit_rate([0.5, 0.0]), hit_rate([0.5, 0.0], strict=True)
        (0.5, 0.0)
    """
    return mean_iou([float(one > least if strict else one >= least) for one in overlaps])


def inclusive(corners: Sequence[float]) -> Box:
    """Return the box of corners that both belong to it, so that one slice has a thickness of 1.

    Args:
        corners: ``(x1, y1, x2, y2)`` or ``(x1, y1, z1, x2, y2, z2)``, whole pixels or voxels.

    Returns:
        The half-open box that covers the same voxels.

    Raises:
        InputError: Neither four nor six numbers, or an upper corner below the lower one.

    Example:
        >>> from umit.geometry import iou
        >>> iou(inclusive((1, 1, 5, 2, 2, 5)), inclusive((1, 1, 4, 2, 2, 5)))
        0.5
    """
    half = len(corners) // 2
    edges = (*corners[:half], *(high + 1 for high in corners[half:]))
    if len(edges) == 4:
        return Box2D(*edges)
    if len(edges) == 6:
        return Box3D(*edges)
    raise InputError(f"expected four or six numbers, got {len(corners)}", code="box")


def _edges(box: Box) -> tuple[tuple[float, ...], tuple[float, ...]]:
    half = len(box.corners) // 2
    return box.corners[:half], box.corners[half:]


def _hull(a: Box, b: Box) -> list[float]:
    """Sides of the smallest box around both."""
    (low_a, high_a), (low_b, high_b) = _edges(a), _edges(b)
    lows, highs = map(min, low_a, low_b), map(max, high_a, high_b)
    return [high - low for low, high in zip(lows, highs, strict=True)]


def _size(box: Box) -> float:
    return box.area if isinstance(box, Box2D) else box.volume


def giou(a: Box, b: Box) -> float:
    """Return the overlap less the share of the smallest box around both that neither fills.

    Args:
        a: A box.
        b: A box of the same kind.

    Returns:
        From -1, far apart, to 1 (Rezatofighi et al. 2019, arXiv:1902.09630).

    Raises:
        InputError: One box is 2D and the other 3D.

    Example:
        >>> round(giou(Box2D(0, 0, 1, 1), Box2D(3, 0, 4, 1)), 6)
        -0.5
    """
    overlap = iou(a, b)
    union = (_size(a) + _size(b)) / (1 + overlap)
    return overlap - 1 + union / math.prod(_hull(a, b))


def diou(a: Box, b: Box) -> float:
    """Return the overlap less the squared distance of the centres, relative to the hull's diagonal.

    Args:
        a: A box.
        b: A box of the same kind.

    Returns:
        From -1, far apart, to 1 (Zheng et al. 2020, arXiv:1911.08287); without the 1e-7 that torchvision adds
        to each divisor.

    Raises:
        InputError: One box is 2D and the other 3D.

    Example:
        >>> round(diou(Box2D(0, 0, 10, 10), Box2D(10, 0, 20, 10)), 6)
        -0.2
    """
    overlap = iou(a, b)
    centres = [[(p + q) / 2 for p, q in zip(*_edges(box), strict=True)] for box in (a, b)]
    return overlap - (math.dist(*centres) / math.hypot(*_hull(a, b))) ** 2


def ciou(a: Box2D, b: Box2D) -> float:
    """Return :func:`diou` less a term for unlike shapes.

    Args:
        a: A box.
        b: A box.

    Returns:
        At most 1 (Zheng et al. 2020, arXiv:1911.08287).

    Example:
        >>> round(ciou(Box2D(0, 0, 100, 100), Box2D(0, 0, 50, 100)), 4)
        0.4655
    """
    turns = [math.atan2(box.x2 - box.x1, box.y2 - box.y1) for box in (a, b)]
    unlike = (2 / math.pi * (turns[0] - turns[1])) ** 2
    weight = unlike / (1 - iou(a, b) + unlike) if unlike else 0.0
    return diou(a, b) - weight * unlike
