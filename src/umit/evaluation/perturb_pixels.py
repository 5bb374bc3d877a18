"""Pictures changed on purpose; each function keeps the grid, so coordinates are changed by geometry alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from umit.evaluation.sides import mirror_axis
from umit.imaging.quantiles import value_range
from umit.imaging.scan import Scan
from umit.imaging.warp import Warp

__all__ = ["CLOSER", "DEGREES", "blank", "coarse", "cropped", "flipped", "grey", "noisy", "rotated", "shifted"]

DEGREES: Final = 5.0  # clockwise as stored; as much as a badly laid film
CLOSER: Final = 1 / 0.9  # a cut that leaves nine tenths of each side
_SHIFT: Final = 0.15  # of the shown range
_NOISE: Final = 0.05  # standard deviation, of the shown range
_COARSE: Final = 4  # pixels that become one, along each axis


def _shown(scan: Scan) -> tuple[float, float]:
    """Return the lowest and the highest shown value; a picture without a window shows 8 bits as they are."""
    if scan.window is not None:
        return scan.window
    if scan.voxels.dtype == np.uint8:
        return 0.0, 255.0
    low, high = value_range(scan.voxels)
    return float(low), float(high)


def _as(values: NDArray[Any], like: NDArray[Any]) -> NDArray[Any]:
    """Return values in another array's kind: whole numbers rounded and cut off at its ends."""
    if like.dtype.kind == "f":
        return values.astype(like.dtype)
    ends = np.iinfo(like.dtype)
    whole: NDArray[Any] = np.clip(np.rint(values), ends.min, ends.max).astype(like.dtype)
    return whole


def shifted(scan: Scan) -> Scan:
    """Return a scan whose window is moved up by 15 % of its width; 8 bits without a window are darkened as much."""
    low, high = _shown(scan)
    move = _SHIFT * (high - low)
    if scan.window is not None:
        return replace(scan, window=(low + move, high + move))
    return replace(scan, voxels=_as(scan.voxels.astype(np.float32) - move, scan.voxels))


def noisy(scan: Scan, seed: int) -> Scan:
    """Return a scan with Gaussian noise of 5 % of the shown range."""
    low, high = _shown(scan)
    drawn = np.random.default_rng(seed).standard_normal(scan.voxels.shape, np.float32)
    values = scan.voxels.astype(np.float32) + drawn * np.float32(_NOISE * (high - low))
    return replace(scan, voxels=_as(values, scan.voxels))


def coarse(scan: Scan) -> Scan:
    """Return a scan whose 4 by 4 pixels have their mean; the grid stays."""
    values: NDArray[Any] = scan.voxels.astype(np.float64)
    for axis in (1, 2):
        length = values.shape[axis]
        starts = np.arange(0, length, _COARSE)
        counts = np.diff([*starts, length])
        sums = np.add.reduceat(values, starts, axis=axis)
        shape = [1] * values.ndim
        shape[axis] = len(counts)
        values = np.repeat(sums / counts.reshape(shape), counts, axis=axis)
    return replace(scan, voxels=_as(values, scan.voxels))


def rotated(scan: Scan) -> Scan:
    """Return a scan turned by 5 degrees about the middle of each slice; corners take the darkest shown value."""
    return _laid(scan, degrees=DEGREES)


def cropped(scan: Scan) -> Scan:
    """Return the middle nine tenths of each side of each slice, brought to its size again."""
    return _laid(scan, zoom=(CLOSER, CLOSER))


def _laid(scan: Scan, **how: Any) -> Scan:
    _, height, width = scan.voxels.shape[:3]
    warp, fill = Warp(size=(width, height), **how), _dark(scan)
    planes = scan.voxels.astype(np.float32)
    stack = planes[..., None] if planes.ndim == 3 else planes
    out = np.empty_like(stack)
    for number, channel in np.ndindex(stack.shape[0], stack.shape[3]):
        out[number, :, :, channel] = warp.pixels(stack[number, :, :, channel], fill)
    return replace(scan, voxels=_as(out.reshape(planes.shape), scan.voxels))


def flipped(scan: Scan) -> Scan:
    """Return a scan mirrored along the axis between the patient's sides; its affine stays, so the patient is mirrored."""
    axis = 2 - mirror_axis(scan.space)  # arrays are (z, y, x)
    return replace(scan, voxels=np.ascontiguousarray(np.flip(scan.voxels, axis)))


def _dark(scan: Scan) -> float:
    low, high = _shown(scan)
    return high if scan.inverted else low


def blank(scan: Scan) -> Scan:
    """Return a black picture of the same size."""
    return _plain(scan, _dark(scan))


def grey(scan: Scan) -> Scan:
    """Return a mid-grey picture of the same size: nothing but the question is left."""
    return _plain(scan, sum(_shown(scan)) / 2)


def _plain(scan: Scan, value: float) -> Scan:
    window = scan.window if scan.window or scan.voxels.dtype == np.uint8 else _shown(scan)
    filled = _as(np.full(scan.voxels.shape, value), scan.voxels)
    return replace(scan, voxels=filled, window=window)
