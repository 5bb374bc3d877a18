"""A volume the way M3D prepared the ones that UMIT was taught: stretched, cropped, resized to a box.

The steps are those of M3D's scripts (BAAI-DCAI/M3D, Data/process/m3d_cap_data_prepare.py and
m3d_seg_data_prepare.py): min-max over the volume, MONAI's ``CropForeground`` (what lies above the
lowest value), MONAI's ``Resize`` to 32 × 256 × 256, trilinear. M3D-Cap's pictures came in a window,
M3D-Seg's arrays in file units; so the scan's own window is applied first, and ``"full"`` is none.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from umit.imaging.quantiles import value_range

__all__ = ["Bounds", "foreground", "levels", "luminance", "stretched"]

Bounds: TypeAlias = "tuple[tuple[int, int], ...]"
Range: TypeAlias = "tuple[float, float]"
_Floats: TypeAlias = "NDArray[np.float32]"


def luminance(volume: NDArray[Any]) -> NDArray[Any]:
    """Return a volume ``(slice, row, column)`` without colours; a grey one as it is.

    Example:
        >>> luminance(np.full((1, 1, 1, 3), 9, np.uint8)).tolist()
        [[[9]]]
    """
    if volume.ndim == 3:
        return volume
    # M3D's convert("L"): Pillow's ITU-R 601-2 luma.
    return np.stack([np.asarray(Image.fromarray(plane).convert("L")) for plane in volume])


def levels(volume: NDArray[Any], window: Range | None) -> Range:
    """Return the values that become black and white: the extremes, clipped to the window if there is one.

    Example:
        >>> levels(np.array([[[-1000, 90]]]), (-160, 240))
        (-160.0, 90.0)
    """
    lowest, highest = value_range(volume)
    low, high = window or (lowest, highest)
    return float(min(max(lowest, low), high)), float(min(max(highest, low), high))


def foreground(volume: NDArray[Any], black: float, white: float, inverted: bool = False) -> Bounds:
    """Return the smallest box with all that is brighter than the darkest level; NaN is dark.

    Args:
        volume: ``(slice, row, column)``, file units.
        black: The lowest value, as :func:`levels` gives it.
        white: The highest.
        inverted: Whether low values are shown bright.

    Returns:
        ``(start, stop)`` along slices, rows and columns; all of the volume if it is blank.

    Example:
        >>> foreground(np.pad(np.ones((1, 2, 3)), 1), 0, 1)
        ((1, 2), (1, 3), (1, 4))
    """
    hits = [np.zeros(n, bool) for n in volume.shape]
    for k, plane in enumerate(volume):  # a slice at a time: the volume may fill half the memory
        inside = plane < white if inverted else plane > black
        hits[0][k] = inside.any()
        hits[1] |= inside.any(axis=1)
        hits[2] |= inside.any(axis=0)
    if black >= white or not hits[0].any():
        return tuple((0, n) for n in volume.shape)
    found = [np.flatnonzero(hit) for hit in hits]
    return tuple((int(hit[0]), int(hit[-1]) + 1) for hit in found)


def stretched(
    volume: NDArray[Any], black: float, white: float, size: tuple[int, int, int], inverted: bool = False
) -> Iterator[NDArray[np.uint8]]:
    """Yield the pictures ``(row, column)`` of a volume, resized in all three axes.

    Args:
        volume: ``(slice, row, column)``, file units, cropped and turned already.
        black: The value shown as 0.
        white: The value shown as 255.
        size: Slices, rows and columns wanted.
        inverted: Whether low values are shown bright.
    """

    def shades(plane: NDArray[Any]) -> _Floats:
        inside = np.clip(plane.astype(np.float64), black, white)
        # 1e-8 is M3D's own guard for a blank volume.
        grey = ((inside - black) / max(white - black, 1e-8)).astype(np.float32)
        return np.nan_to_num(np.float32(1) - grey if inverted else grey, nan=0.0)

    first, second, share = _taps(volume.shape[0], size[0])
    kept: dict[int, _Floats] = {}
    for a, b, t in zip(first.tolist(), second.tolist(), share, strict=True):
        # Neighbouring pictures share slices, which are resized once.
        kept = {k: kept[k] if k in kept else _resized(shades(volume[k]), size[1:]) for k in (a, b)}
        mixed = kept[a] * (1 - t) + kept[b] * t
        yield np.floor(mixed * np.float32(255) + np.float32(0.5)).astype(np.uint8)


def _taps(length: int, count: int) -> tuple[NDArray[np.intp], NDArray[np.intp], _Floats]:
    """Return the two neighbours of each place and the share of the second.

    PyTorch's interpolate without aligned corners: place ``k`` lies at ``(k + 0.5) n / m - 0.5``,
    and there is no filter when it shrinks (MONAI's ``anti_aliasing`` is off).
    """
    places = np.maximum((np.arange(count) + 0.5) * (length / count) - 0.5, 0.0)
    first = np.minimum(places.astype(np.intp), length - 1)
    second = np.minimum(first + 1, length - 1)
    return first, second, (places - first).astype(np.float32)


def _resized(plane: _Floats, size: tuple[int, int]) -> _Floats:
    top, bottom, down = _taps(plane.shape[0], size[0])
    left, right, across = _taps(plane.shape[1], size[1])
    one = np.float32(1)
    rows: _Floats = plane[top] * (one - down[:, None]) + plane[bottom] * down[:, None]
    found: _Floats = rows[:, left] * (one - across) + rows[:, right] * across
    return found
