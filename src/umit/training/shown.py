"""Pictures as a model is shown them, before they come to their final size: read and windowed once."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from umit.checkpoints import Checkpoint
from umit.datasets.ask import rendering_of
from umit.datasets.dataset import Sample
from umit.datasets.pictures import Pictures
from umit.imaging.scan import Scan
from umit.imaging.view import Rendering, ViewGeometry, render

__all__ = ["Shown", "Store"]

_BYTES: Final = 512 << 20  # of pictures that are kept
_DETAIL: Final = 2  # times as many pixels as are fed, so that what is zoomed in is no blur
_STRIP: Final = 200  # sides against each other: no picture is fed in a longer shape


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """One film or one volume in 8 bits, windowed and hung.

    Args:
        pixels: ``(slice, row, column)`` or ``(slice, row, column, 3)``.
        geometry: From the source's coordinates to places in these pixels.
    """

    pixels: NDArray[np.uint8]
    geometry: ViewGeometry

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.pixels.shape[2], self.pixels.shape[1]

    @property
    def scan(self) -> Scan:
        """The pixels as a scan that is shown as it is."""
        scan = Scan(self.pixels)
        return scan if len(self.geometry.frame) == 2 else replace(scan, spacing=(1.0,) * 3).shown(as_stored=True)


class Store:
    """Shows the pictures of samples, and keeps what it can.

    A film keeps twice as many pixels as are fed, if it has as many; a volume comes to the slices and the size of its
    frame. What came first is kept: pictures come in another order in each pass, and the last ones would be of no use.

    Args:
        card: Of the checkpoint that they are shown to.
        limit: Bytes that are kept.
    """

    def __init__(self, card: Checkpoint, limit: int = _BYTES) -> None:
        self.card, self.limit = card, limit
        self._kept: dict[Hashable, tuple[Shown, ...]] = {}
        self._size = 0

    def __call__(self, sample: Sample[Any, Any]) -> tuple[Shown, ...]:
        """Return the pictures of a sample, one each of its views.

        Raises:
            InputError: A picture cannot be read.
            UnsupportedTaskError: The checkpoint does not know the task.
        """
        rendering = _before(rendering_of(sample, self.card.tasks))
        key = _key(sample.source, rendering)
        if key in self._kept:
            return self._kept[key]
        shown = tuple(_shown(scan, rendering) for scan in sample.source.scans())
        size = sum(one.pixels.nbytes for one in shown)
        if key is not None and self._size + size <= self.limit:
            self._kept[key] = shown
            self._size += size
        return shown


def _key(source: Pictures, rendering: Rendering) -> Hashable | None:
    try:
        hash(source)
    except TypeError:  # pictures of somebody's own, which cannot be told apart
        return None
    return source, rendering


def _before(rendering: Rendering) -> Rendering:
    """Return how a picture is shown before its last resize."""
    if rendering.depth is not None:
        return replace(rendering, fed=rendering.frame, factor=1, min_pixels=1, max_pixels=1 << 24)
    fed = math.prod(rendering.fed) if rendering.fed else rendering.max_pixels
    return replace(rendering, frame=None, in_fed=False, fed=None, factor=1, min_pixels=1, max_pixels=_DETAIL * fed)


def _shown(scan: Scan, rendering: Rendering) -> Shown:
    if rendering.depth is None and max(scan.size) > _STRIP * min(scan.size):
        side = math.isqrt(rendering.max_pixels)
        rendering = replace(rendering, fed=(side, side))
    view = render(scan, rendering)
    frames = [frame[..., 0] if scan.voxels.ndim == 3 else frame for frame in view.frames]
    pixels = np.stack(frames)
    pixels.flags.writeable = False
    size = (pixels.shape[2], pixels.shape[1], *view.geometry.frame[2:])
    return Shown(pixels, replace(view.geometry, frame=size))
