"""A flat picture turned, zoomed and shifted: where its places go, and the pixels that follow them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from umit.geometry import Mark, Point2D

__all__ = ["Warp"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Warp:
    """A turn about the middle of a picture, then a zoom about it, then a shift; the grid stays.

    Args:
        size: Width and height of the picture.
        degrees: Of the turn, clockwise as displayed.
        zoom: How much larger things become along x and y; a negative one mirrors.
        shift: Pixels to the right and down.

    Example:
        >>> Warp(size=(100, 50), zoom=(2.0, 2.0), shift=(3.0, 0.0)).point(60, 25)
        (73.0, 25.0)
    """

    size: tuple[int, int]
    degrees: float = 0.0
    zoom: tuple[float, float] = (1.0, 1.0)
    shift: tuple[float, float] = (0.0, 0.0)

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Return where a place goes, in continuous pixels; it may leave the picture."""
        c, s = self._turn
        x, y = x - self.size[0] / 2, y - self.size[1] / 2
        x, y = self.zoom[0] * (c * x - s * y), self.zoom[1] * (s * x + c * y)
        return x + self.size[0] / 2 + self.shift[0], y + self.size[1] / 2 + self.shift[1]

    def mark(self, mark: Mark) -> Mark:
        """Return where a mark goes: a box stays tight only where nothing turns; one of a volume keeps its slices."""
        ends = [self.point(*end[:2]) for end in mark.ends]
        if isinstance(mark, Point2D):
            return replace(mark, x=ends[0][0], y=ends[0][1])
        (x1, x2), (y1, y2) = (sorted(pair) for pair in zip(*ends, strict=True))
        return replace(mark, x1=x1, y1=y1, x2=x2, y2=y2)

    def holds(self, mark: Mark) -> bool:
        """Tell whether a mark lies within the picture."""
        return all(0 <= place <= most for end in mark.ends for place, most in zip(end[:2], self.size, strict=True))

    def pixels(self, plane: NDArray[Any], fill: float) -> NDArray[Any]:
        """Return a picture's pixels, interpolated bilinearly.

        Args:
            plane: ``(row, column)`` in float32, or uint8 with three channels behind or none.
            fill: What comes in from outside.
        """
        if self == Warp(size=self.size):
            return plane
        c, s = self._turn
        a, b, d, e = c / self.zoom[0], s / self.zoom[1], -s / self.zoom[0], c / self.zoom[1]
        # Pillow wants where each output place comes from: the inverse.
        x, y = self.size[0] / 2, self.size[1] / 2
        to_x, to_y = x + self.shift[0], y + self.shift[1]
        inverse = (a, b, x - a * to_x - b * to_y, d, e, y - d * to_x - e * to_y)
        colour: Any = fill if plane.ndim == 2 else (int(fill),) * 3
        moved = Image.fromarray(np.ascontiguousarray(plane)).transform(
            self.size, Image.Transform.AFFINE, inverse, resample=Image.Resampling.BILINEAR, fillcolor=colour
        )
        return np.asarray(moved)

    @property
    def _turn(self) -> tuple[float, float]:
        return math.cos(math.radians(self.degrees)), math.sin(math.radians(self.degrees))
