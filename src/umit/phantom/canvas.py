"""What every phantom is painted with: a pose, smooth outlines, exposure and noise.

Outlines are arrays ``(n, 2)`` of ``(x, y)``. Structures are painted at half size and enlarged,
which is four times as fast and leaves the soft edges of a radiograph.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

__all__ = [
    "Outline",
    "Plane",
    "Points",
    "Pose",
    "Range",
    "band",
    "cloud",
    "curve",
    "draw_exposure",
    "enlarge",
    "expose",
    "fill",
    "to_bytes",
]

Plane: TypeAlias = NDArray[np.float32]
Points: TypeAlias = NDArray[np.float64]
Range: TypeAlias = tuple[float, float]
Outline: TypeAlias = tuple[Points, int]  # with its grey level, 0..255


@dataclass(frozen=True, slots=True)
class Pose:
    """Carries body units to pixels.

    Args:
        matrix: Two by two: rotation and scale.
        origin: Where the body's origin lies, in pixels.
        size: ``(width, height)`` in pixels.
    """

    matrix: Points
    origin: Points
    size: tuple[int, ...]

    @classmethod
    def draw(cls, rng: Generator, size: tuple[int, ...], *, shift: float, scale: float, degrees: float) -> Pose:
        """Draw a pose around the middle of a picture whose width is one body unit.

        Args:
            rng: Where chance comes from.
            size: ``(width, height)`` in pixels.
            shift: Largest shift, as a share of the width.
            scale: Largest relative change of size.
            degrees: Largest rotation.
        """
        move = rng.uniform(-shift, shift, 2) * size[0]
        factor = size[0] * (1 + rng.uniform(-scale, scale))
        angle = np.radians(rng.uniform(-degrees, degrees))
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        return cls(factor * turn, np.array(size) / 2 + move, size)

    def __call__(self, points: Points) -> Points:
        """Return pixels ``(…, 2)`` for body units ``(…, 2)``."""
        moved: Points = points @ self.matrix.T + self.origin
        return moved


def curve(points: Points | Sequence[Sequence[float]], steps: int = 8) -> Points:
    """Return a closed Catmull-Rom curve through ``(n, 2)`` points, ``steps`` points a piece."""
    knots = np.asarray(points, dtype=np.float64)
    t = np.arange(steps)[:, None] / steps
    before, here = -t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3
    there, after = t + 4 * t**2 - 3 * t**3, t**3 - t**2
    weights = np.hstack([before, here, there, after]) / 2
    around = (np.arange(len(knots))[:, None] + (-1, 0, 1, 2)) % len(knots)
    smooth: Points = np.matmul(weights, knots[around]).reshape(-1, 2)
    return smooth


def band(line: Points, thick: float | Points) -> Points:
    """Return the outline of lines ``(…, n, 2)`` that are ``thick`` units wide."""
    along = np.gradient(line, axis=-2)
    across = np.stack([-along[..., 1], along[..., 0]], axis=-1)
    across /= np.hypot(along[..., 0], along[..., 1])[..., None] + 1e-12
    half = across * (np.asarray(thick) / 2)[..., None]
    return np.concatenate([line - half, (line + half)[..., ::-1, :]], axis=-2)


def fill(size: tuple[int, ...], outlines: Sequence[Outline], blur: float) -> Plane:
    """Paint outlines at half size.

    Args:
        size: ``(width, height)`` of the full picture, both even.
        outlines: In full pixels; later ones cover earlier ones.
        blur: Radius of a box blur, in half-size pixels.

    Returns:
        A plane ``(row, column)`` of half the size, in 0..1.
    """
    canvas = Image.new("L", (size[0] // 2, size[1] // 2))
    pen = ImageDraw.Draw(canvas)
    for points, level in outlines:
        pen.polygon((points / 2 - 0.5).ravel().tolist(), fill=level)  # PIL's pixel centres are integers
    if blur:
        canvas = canvas.filter(ImageFilter.BoxBlur(blur))
    return np.asarray(canvas, dtype=np.float32) / np.float32(255)


def draw_exposure(rng: Generator, gain: float, gamma: float) -> Range:
    """Draw a gain and an exponent around one, each up to the given relative change."""
    return 1 + float(rng.uniform(-gain, gain)), 1 + float(rng.uniform(-gamma, gamma))


def expose(plane: Plane, exposure: Range) -> Plane:
    """Return grey levels 0..255 for densities 0..1."""
    bright = np.clip(plane * np.float32(exposure[0]), 0.0, 1.0)
    grey: Plane = bright ** np.float32(exposure[1]) * np.float32(255)
    return grey


def enlarge(plane: Plane, size: tuple[int, ...]) -> Plane:
    """Return a smooth enlargement to ``(width, height)``; edges map to edges."""
    big = Image.fromarray(plane).resize((size[0], size[1]), Image.Resampling.BICUBIC)
    return np.array(big, dtype=np.float32)


def cloud(rng: Generator, shape: tuple[int, ...], coarse: int, fine: int) -> Plane:
    """Return smooth noise of about unit variance, of two grain sizes in cells a side."""
    small = enlarge(rng.standard_normal((coarse, coarse), dtype=np.float32), (fine, fine))
    small += np.float32(0.7) * rng.standard_normal((fine, fine), dtype=np.float32)
    return enlarge(small, (shape[1], shape[0]))


def to_bytes(picture: Plane, rng: Generator, noise: float) -> NDArray[np.uint8]:
    """Add white noise of a standard deviation in grey levels, and round."""
    noisy = rng.standard_normal(picture.shape, dtype=np.float32)
    noisy *= np.float32(noise)
    noisy += picture
    noisy += np.float32(0.5)
    return np.clip(noisy, 0, 255, out=noisy).astype(np.uint8)
