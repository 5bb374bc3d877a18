"""Pictures with things of known place, in shapes and sizes on which no two frames agree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image

from umit.imaging.scan import Scan
from umit.phantom.cases import HELD_OUT, film_case
from umit.phantom.film import Film

__all__ = ["SIZES", "Drawn", "phantoms", "shapes"]

#: Width and height. None is 1000 or square: there a thousandth would be a pixel, or width could pass for height. Two
#: hold more pixels than are fed while measuring, so that fed pixels are not the picture's own.
SIZES: Final = ((640, 480), (480, 640), (1400, 700), (900, 1300))
_SHAPE: Final = "white rectangle"
#: Left, top, right and bottom as shares of the sides: each far from the middle, so that none is its own mirror image.
_PLACES: Final = (
    (0.55, 0.10, 0.90, 0.38),
    (0.08, 0.60, 0.40, 0.92),
    (0.30, 0.52, 0.48, 0.95),
    (0.50, 0.05, 0.95, 0.25),
)
_BRIGHT: Final = 245
#: What is plain enough on a phantom for its box to say more of the frame than of the model's sight.
_PLAIN: Final = ("enlarged heart", "consolidation", "effusion", "cavity")
_SEEDS: Final = range(HELD_OUT, HELD_OUT + 400)


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """A picture and the one thing on it.

    Args:
        scan: The picture.
        target: What the thing is called.
        box: Where it is: ``(x1, y1, x2, y2)`` as shares of the picture's sides.
    """

    scan: Scan
    target: str
    box: tuple[float, float, float, float]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.scan.size[0], self.scan.size[1]


def shapes() -> Iterator[Drawn]:
    """Draw a bright rectangle on a dark ground: four places in each of four shapes of pictures."""
    for width, height in SIZES:
        ground = 24 + 24 * np.linspace(0, 1, width)[None] * np.linspace(0.5, 1, height)[:, None]
        for x1, y1, x2, y2 in _PLACES:
            edges = round(x1 * width), round(y1 * height), round(x2 * width), round(y2 * height)
            pixels = ground.astype(np.uint8)
            pixels[edges[1] : edges[3], edges[0] : edges[2]] = _BRIGHT
            box = edges[0] / width, edges[1] / height, edges[2] / width, edges[3] / height
            yield Drawn(Scan(pixels[None], name=f"{width}x{height}"), _SHAPE, box)


def phantoms(each: int = 12) -> Iterator[Drawn]:
    """Draw chest films with one finding, stretched to each of four shapes.

    Args:
        each: How many of each shape.
    """
    drawn = _films()
    for width, height in SIZES:
        for _ in range(each):
            pixels, target, box = next(drawn)
            stretched = Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC)
            yield Drawn(Scan(np.asarray(stretched)[None], modality="CR", name=f"{width}x{height}"), target, box)


def _films() -> Iterator[tuple[np.ndarray, str, tuple[float, float, float, float]]]:
    for seed in _SEEDS:
        case = film_case(seed, "single")
        film = case.truth
        if not isinstance(film, Film) or len(film.findings) != 1 or film.findings[0].kind not in _PLAIN:
            continue
        height, width = film.pixels.shape[:2]
        x1, y1, x2, y2 = film.findings[0].box.corners
        yield film.pixels, film.findings[0].kind, (x1 / width, y1 / height, x2 / width, y2 / height)
