"""Frames that numbers may be of, and which of them fits what a model wrote about things of known place.

A frame is refused on either of two grounds. On some picture it puts things more than a twentieth of the side away from
where they are; or, on all of them together, its scale is off by more than chance can make it. The second tells 1000
from 1024, which the first never could; and where answers are too noisy for that, both remain and nothing is decided.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final, Literal, TypeAlias

from umit.tasks.dialect import Corner

__all__ = ["CANVASES", "Fit", "Frame", "Seen", "fit"]

Kind: TypeAlias = Literal["canvas", "pixels_fed", "pixels_original"]
#: What canvases are called that are no picture's size.
_NAMED: Final = {(1000, 1000): "norm1000", (100, 100): "norm100", (1, 1): "unit"}
#: Canvases that checkpoints are known to write, each in the cards or in ``families`` of the makers' own files.
CANVASES: Final = (
    *_NAMED,
    (1024, 1024), (600, 800), (800, 800), (840, 840), (256, 256), (336, 336), (384, 384), (448, 448), (512, 512),
    (768, 768), (896, 896), (1280, 1280),
)  # fmt: skip
_FAR: Final = 0.05  # of the side: where a frame puts things so far off, it is another one
_ALIKE: Final = 0.01  # of the scale: frames that are nearer to each other are one
_SURE: Final = 4.0  # standard errors by which a scale must be off
_FROM: Final = 0.2  # of the side: a number nearer to the corner says little of the scale
_FEW: Final = 8  # numbers along an axis without which no scale is known
_MAD: Final = 1.4826 * 1.2533  # median deviation to the standard error of a median, of normal errors


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame, and the corner that it counts from.

    Args:
        kind: Whether its sides are a canvas's, or those of the picture as it is fed or as it is.
        size: Width and height of a canvas; ``None`` otherwise.
        corner: Where its numbers count from.

    Example:
        >>> print(Frame("canvas", (1000, 1000)), Frame("pixels_fed", corner="lower-left"))
        norm1000 pixels_fed from the lower left
    """

    kind: Kind
    size: tuple[int, int] | None = None
    corner: Corner = "top-left"

    def __str__(self) -> str:
        if self.size is None:
            name = str(self.kind)
        else:
            name = _NAMED.get(self.size, f"canvas of {self.size[0]} x {self.size[1]}")
        return name if self.corner == "top-left" else f"{name} from the lower left"

    def sides(self, seen: Seen) -> tuple[int, int]:
        """Return its width and height on a picture."""
        if self.size is not None:
            return self.size
        return seen.fed if self.kind == "pixels_fed" else seen.original


@dataclass(frozen=True, slots=True)
class Seen:
    """One thing on one picture, and what was written of it.

    Args:
        box: Where it is: ``(x1, y1, x2, y2)`` as shares of the picture's sides, y down.
        numbers: The four numbers that were written.
        original: Width and height of the picture.
        fed: Width and height at which it was fed.
    """

    box: tuple[float, float, float, float]
    numbers: tuple[float, float, float, float]
    original: tuple[int, int]
    fed: tuple[int, int]

    def shares(self, corner: Corner) -> tuple[float, float, float, float]:
        """Return where it is, as shares that count from a corner."""
        x1, y1, x2, y2 = self.box
        return (x1, y1, x2, y2) if corner == "top-left" else (x1, 1 - y2, x2, 1 - y1)


@dataclass(frozen=True, slots=True)
class Fit:
    """How a frame fits.

    Args:
        frame: The frame.
        off: By how much of the side it puts things elsewhere, in the median, on the picture and along the axis where
            that is most.
        scales: Width and height of what was written as shares of its own, in the median; ``None`` where too few
            numbers say it.
        errors: Standard errors of both.
    """

    frame: Frame
    off: float
    scales: tuple[float, float] | None
    errors: tuple[float, float]

    @property
    def fits(self) -> bool:
        """Whether nothing speaks against it."""
        if self.scales is None or self.off > _FAR:
            return False
        limits = [max(_ALIKE, _SURE * error) for error in self.errors]
        return all(abs(scale - 1) <= limit for scale, limit in zip(self.scales, limits, strict=True))


def fit(seen: Sequence[Seen], *, fixed: bool = False) -> list[Fit]:
    """Return how every frame fits, the best first.

    Args:
        seen: What was written, on pictures of several shapes.
        fixed: Whether all pictures are fed at one size, whose pixels are then a canvas like others.
    """
    found: list[Fit] = []
    corners: tuple[Corner, ...] = ("top-left", "lower-left")
    for corner in corners:
        frames = [Frame("canvas", size, corner) for size in CANVASES]
        frames += [Frame("pixels_original", corner=corner), *([] if fixed else [Frame("pixels_fed", corner=corner)])]
        own = _own(seen, corner)
        if own is not None and not any(_near(own, size) for size in CANVASES):
            frames.append(Frame("canvas", own, corner))
        found += [_fit(frame, seen) for frame in frames]
    return sorted(found, key=lambda one: (not one.fits, one.off))


def _fit(frame: Frame, seen: Sequence[Seen]) -> Fit:
    off: dict[tuple[tuple[int, int], int], list[float]] = {}  # by picture and axis: one may be right alone
    ratios: tuple[list[float], list[float]] = ([], [])
    for one in seen:
        sides, shares = frame.sides(one), one.shares(frame.corner)
        for number, share, axis in zip(one.numbers, shares, (0, 1, 0, 1), strict=True):
            off.setdefault((one.original, axis), []).append(abs(number / sides[axis] - share))
            if share >= _FROM:
                ratios[axis].append(number / sides[axis] / share)
    worst = max((median(values) for values in off.values()), default=math.inf)
    if min(map(len, ratios)) < _FEW:
        return Fit(frame, worst, None, (math.inf, math.inf))
    scales = median(ratios[0]), median(ratios[1])
    across, down = (
        _MAD * median(abs(one - scale) for one in some) / math.sqrt(len(some))
        for some, scale in zip(ratios, scales, strict=True)
    )
    return Fit(frame, worst, scales, (across, down))


def _own(seen: Sequence[Seen], corner: Corner) -> tuple[int, int] | None:
    """Return the canvas that the numbers themselves are most like; ``None`` where they are too few."""
    sides: list[int] = []
    for axis in (0, 1):
        found = [
            number / share
            for one in seen
            for number, share in zip(one.numbers[axis::2], one.shares(corner)[axis::2], strict=True)
            if share >= _FROM
        ]
        if len(found) < _FEW or median(found) < 1:
            return None
        sides.append(round(median(found)))
    return sides[0], sides[1]


def _near(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return all(abs(a / b - 1) <= _ALIKE for a, b in zip(one, other, strict=True))
