"""Landmarks against truth."""

from __future__ import annotations

import math

from umit.geometry import Point2D

__all__ = ["distance"]


def distance(found: Point2D, true: Point2D) -> float:
    """Return the Euclidean distance in source pixels.

    Example:
        >>> distance(Point2D(0, 0), Point2D(3, 4))
        5.0
    """
    return math.hypot(found.x - true.x, found.y - true.y)
