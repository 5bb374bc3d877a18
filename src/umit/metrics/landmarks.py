"""Landmarks against truth: distance in mm, mean radial error and success detection rates."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev
from typing import Final

from umit.errors import InputError
from umit.geometry import Point2D

__all__ = [
    "LIMITS_MM",
    "Radial",
    "by_landmark",
    "canvas_floor_mm",
    "distance",
    "distance_mm",
    "mean_landmark_sd",
    "radial",
]

#: Distances at which the ISBI 2015 challenge counts a hit (Wang et al. 2016, doi:10.1016/j.media.2016.02.004).
LIMITS_MM: Final = (2.0, 2.5, 3.0, 4.0)


def distance(found: Point2D, true: Point2D) -> float:
    """Return the Euclidean distance in source pixels.

    Example:
        >>> distance(Point2D(0, 0), Point2D(3, 4))
        5.0
    """
    return math.hypot(found.x - true.x, found.y - true.y)


def distance_mm(
    found: Point2D, true: Point2D, *, spacing: tuple[float, float] | None = None
) -> float:
    """Return the Euclidean distance in mm on the film; each axis is scaled first, the norm taken then.

    Args:
        found: A point.
        true: A point in the same pixels.
        spacing: Millimetres per pixel along x and y; the true point's own if left out.

    Returns:
        Millimetres.

    Raises:
        MissingMetadataError: No spacing is given and the true point's film has none.

    Example:
        >>> distance_mm(Point2D(0, 0), Point2D(3, 4), spacing=(1.0, 0.5))
        3.605551275463989
    """
    if spacing is None:
        spacing = Point2D(1, 1, space=true.space).to_mm()
    across, down = abs(found.x - true.x) * spacing[0], abs(found.y - true.y) * spacing[1]
    # Not hypot: scaled first and in this order an error of exactly 2 mm stays 2 mm, as in the scorers.
    return math.sqrt(across**2 + down**2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Radial:
    """Errors of many points.

    Args:
        n: Points asked for.
        read: Those of them that the model's text gave.
        mean: Mean radial error (MRE) over the points that were read, in mm; ``nan`` without any.
        sd: Their population standard deviation in mm, pooled over all landmarks.
        rates: Success detection rates: shares of *all* points asked for that lie within each limit.
        limits: The limits in mm.
    """

    n: int
    read: int
    mean: float
    sd: float
    rates: tuple[float, ...]
    limits: tuple[float, ...]


def radial(
    errors: Sequence[float | None],
    *,
    limits: Sequence[float] = LIMITS_MM,
    strict: bool = False,
) -> Radial:
    """Return mean radial error ± SD, and the share of points within each limit.

    A point that could not be read is left out of the mean, which so says nothing of it, and is a miss in every
    rate; drop the ``None`` first for rates over the points that were read.

    Args:
        errors: Distances in mm; ``None`` for a point that could not be read.
        limits: Distances in mm that count as a hit.
        strict: Whether an error of exactly the limit misses (``<``, MIRACLE's scorer) or hits (``<=``,
            CEPHMark-Net's and the challenge's).

    Returns:
        The numbers.

    Raises:
        InputError: No points.

    Example:
        >>> radial([2.0, 1.0, None], limits=[2.0]).rates, radial([2.0, 1.0], limits=[2.0], strict=True).rates
        ((0.6666666666666666,), (0.5,))
    """
    if not errors:
        raise InputError("expected at least one point, got none", code="points", where="errors")
    read = [one for one in errors if one is not None]
    hits = [sum(one < limit if strict else one <= limit for one in read) for limit in limits]
    return Radial(
        n=len(errors),
        read=len(read),
        mean=fmean(read) if read else math.nan,
        sd=pstdev(read) if read else math.nan,
        rates=tuple(hit / len(errors) for hit in hits),
        limits=tuple(limits),
    )


def by_landmark(
    names: Sequence[str],
    errors: Sequence[float | None],
    *,
    limits: Sequence[float] = LIMITS_MM,
    strict: bool = False,
) -> dict[str, Radial]:
    """Return :func:`radial` for each landmark apart.

    Args:
        names: Of each point, or whatever else it is to be put together by, such as its film.
        errors: As for :func:`radial`, one a name.
        limits: As for :func:`radial`.
        strict: As for :func:`radial`.

    Returns:
        Each name's numbers, in the order of first appearance.

    Raises:
        InputError: Not one error for each name.

    Example:
        >>> [(name, one.mean) for name, one in by_landmark(["A", "B", "A"], [1.0, 5.0, 2.0]).items()]
        [('A', 1.5), ('B', 5.0)]
    """
    if len(names) != len(errors):
        raise InputError(
            f"expected one error for each of {len(names)} names, got {len(errors)}",
            code="points",
            where="errors",
        )
    groups: defaultdict[str, list[float | None]] = defaultdict(list)
    for name, error in zip(names, errors, strict=True):
        groups[name].append(error)
    return {name: radial(ones, limits=limits, strict=strict) for name, ones in groups.items()}


def mean_landmark_sd(landmarks: Mapping[str, Radial]) -> float:
    """Return the mean of the landmarks' own SDs in mm, as CEPHMark-Net's table prints it.

    It is smaller than the pooled :attr:`Radial.sd`, which also holds how landmarks differ from each other.

    Args:
        landmarks: From :func:`by_landmark`.

    Returns:
        Millimetres; ``nan`` if a landmark was never read.

    Example:
        >>> mean_landmark_sd(by_landmark(["A", "B", "A"], [1.0, 5.0, 2.0]))
        0.25
    """
    return fmean(one.sd for one in landmarks.values())


def canvas_floor_mm(
    frame: tuple[int, int], size: tuple[int, int], spacing: tuple[float, float]
) -> float:
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
    return (
        math.hypot(a, b) / 6
        + a**2 / (12 * b) * math.asinh(b / a)
        + b**2 / (12 * a) * math.asinh(a / b)
    )
