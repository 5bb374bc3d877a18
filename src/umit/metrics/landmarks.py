"""Landmarks against truth: distances, and what whole numbers of a frame cost a perfect model."""

from __future__ import annotations

import math
from typing import Final

from umit.errors import InputError
from umit.geometry import Point2D

__all__ = ["LIMITS_MM", "canvas_floor_mm", "distance", "distance_mm"]

#: Distances at which the ISBI 2015 challenge counts a hit (Wang et al. 2016, doi:10.1016/j.media.2016.02.004).
LIMITS_MM: Final = (2.0, 2.5, 3.0, 4.0)


def distance(found: Point2D, true: Point2D) -> float:
    """Return the Euclidean distance in source pixels.

    Example:
        >>> distance(Point2D(0, 0), Point2D(3, 4))
        5.0
    """
    return math.hypot(found.x - true.x, found.y - true.y)


def distance_mm(found: Point2D, true: Point2D) -> float:
    """Return the Euclidean distance in mm on the film; each axis is scaled first, the norm taken then.

    Args:
        found: A point.
        true: A point in the same pixels, which knows its film's spacing.

    Returns:
        Millimetres.

    Raises:
        MissingMetadataError: The true point's film has no spacing.

    Example:
        >>> from umit.geometry import Space
        >>> film = Space(size=(600, 800), spacing=(1.0, 0.5))
        >>> distance_mm(Point2D(0, 0), Point2D(3, 4, space=film))
        3.605551275463989
    """
    across, down = Point2D(1, 1, space=true.space).to_mm()
    across, down = abs(found.x - true.x) * across, abs(found.y - true.y) * down
    # Not hypot: scaled first and in this order an error of exactly 2 mm stays 2 mm, as in the scorers.
    return math.sqrt(across**2 + down**2)


def canvas_floor_mm(frame: tuple[int, int], size: tuple[int, int], spacing: tuple[float, float]) -> float:
    """Return the mean error of a perfect model that writes whole numbers of a frame: no score can be under it.

    Args:
        frame: Width and height of the frame that the numbers are written in, in its pixels.
        size: Width and height of the film, in its pixels.
        spacing: Millimetres per pixel of the film along x and y.

    Returns:
        Expected distance in mm of a point anywhere in a frame pixel from that pixel's whole number.

    Raises:
        InputError: A size or spacing that is not above 0.

    Example:
        >>> round(canvas_floor_mm((600, 800), (1935, 2400), (0.1, 0.1)), 3)
        0.119
    """
    if min(*frame, *size, *spacing) <= 0:
        raise InputError("expected sizes and spacings above 0, got a smaller one", code="size")
    a, b = (s * whole / parts for s, whole, parts in zip(spacing, size, frame, strict=True))
    # Mean distance from a rectangle's centre to a point in it, sides a and b: the integral over its four right triangles.
    return math.hypot(a, b) / 6 + a**2 / (12 * b) * math.asinh(b / a) + b**2 / (12 * a) * math.asinh(a / b)
