"""Percentiles of a whole volume in bounded memory: exact for whole numbers, of a sample for floats."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from umit.errors import InputError

__all__ = ["SAMPLE", "percentiles", "sample", "value_range"]

#: Most floats that are sorted; above it about as many are taken at evenly spaced places.
SAMPLE: Final = 2**20
_BINS: Final = 2**20  # 8 MB of counts; a 16-bit file needs a sixteenth of them


def percentiles(values: NDArray[Any], wanted: Sequence[float]) -> tuple[float, ...]:
    """Return percentiles of the finite values, between neighbours in proportion.

    Whole numbers are counted, slice by slice, so the result is exact. Floats are sorted, and so are whole numbers spread
    over more than a million levels. Of more than :data:`SAMPLE` such values only about that many are sorted: those on
    a regular grid that no flip and no swap of axes moves.

    Args:
        values: Any shape, file units; NaN and infinity are left out.
        wanted: Each in 0..100.

    Example:
        >>> percentiles(np.arange(201, dtype=np.int16), (0.5, 99.5))
        (1.0, 199.0)
    """
    if values.dtype.kind in "iu" and values.size:
        low, high = int(values.min()), int(values.max())
        if high - low < _BINS:
            return _counted(values, low, high, wanted)
    taken = sample(values)
    if taken.size == 0:
        raise InputError("expected some finite values, got none", code="not_finite")
    return tuple(float(found) for found in np.percentile(taken, wanted))


def sample(values: NDArray[Any]) -> NDArray[Any]:
    """Return the finite values in one row, or about :data:`SAMPLE` of them, evenly spread.

    Example:
        >>> sample(np.array([[3.0, np.inf], [np.nan, -2.0]])).tolist()
        [3.0, -2.0]
    """
    found = _finite(values if values.size <= SAMPLE else values[_spread(values.shape)])
    return found if found.size else _finite(values)  # finite values may hide between the samples


def value_range(values: NDArray[Any]) -> tuple[float, float]:
    """Return the lowest and the highest finite value.

    Example:
        >>> value_range(np.array([[3.0, np.inf], [np.nan, -2.0]]))
        (-2.0, 3.0)
    """
    if values.dtype.kind in "iu" and values.size:
        return float(values.min()), float(values.max())
    ends = [(float(part.min()), float(part.max())) for part in map(_finite, _parts(values)) if part.size > 0]
    if not ends:
        raise InputError("expected some finite values, got none", code="not_finite")
    return min(low for low, _ in ends), max(high for _, high in ends)


def _counted(values: NDArray[Any], low: int, high: int, wanted: Sequence[float]) -> tuple[float, ...]:
    counts = np.zeros(high - low + 1, np.int64)
    for part in _parts(values):  # bincount turns its input into 64-bit numbers
        found = np.bincount(np.subtract(part, low, dtype=np.int64).ravel())
        counts[: len(found)] += found
    upto = np.cumsum(counts)
    places = [q / 100 * (values.size - 1) for q in wanted]  # numpy's "linear" rule
    ends = [[low + int(np.searchsorted(upto, k, side="right")) for k in (math.floor(p), math.ceil(p))] for p in places]
    return tuple(float(a + (b - a) * (p - math.floor(p))) for p, (a, b) in zip(places, ends, strict=True))


def _parts(values: NDArray[Any]) -> Iterable[NDArray[Any]]:
    """Return the values in slices that lie together in memory; across them it is 20 times slower."""
    order = sorted(range(values.ndim), key=lambda axis: -abs(values.strides[axis]))
    return values.transpose(order) if values.ndim > 1 else (values,)


def _spread(shape: tuple[int, ...]) -> tuple[NDArray[np.intp], ...]:
    """Return indices of about :data:`SAMPLE` values, each axis' the same when it is reversed."""
    step = (math.prod(shape) / SAMPLE) ** (1 / len(shape))
    return np.ix_(*(_places(n, max(1, math.floor(n / step))) for n in shape))


def _places(length: int, count: int) -> NDArray[np.intp]:
    count = min(length, count + (count % 2 and 1 - length % 2))  # an even axis has no middle place
    half = ((2 * np.arange((count + 1) // 2) + 1) * length) // (2 * count)
    mirrored = length - 1 - half[: count // 2]
    return np.concatenate([half, mirrored[::-1]]).astype(np.intp)


def _finite(values: NDArray[Any]) -> NDArray[Any]:
    return values[np.isfinite(values)] if values.dtype.kind == "f" else values.ravel()
