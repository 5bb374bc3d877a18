"""CT without a header that says so, told by its values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["assumed_modality"]

# HU of the darkest hundredth: air, or padding down to -3024. An MR can reach -610 in a few voxels
# of ringing (nibabel's anatomical.nii), so a minimum proves nothing; a phase map starts at -4096.
_DARKEST_HU = (-3100, -500)


def assumed_modality(voxels: NDArray[Any], notes: list[str]) -> str | None:
    """Return ``"CT"`` where the darkest hundredth of whole numbers ends as in HU, and say so."""
    lowest, highest = _DARKEST_HU
    if voxels.ndim != 3 or voxels.dtype.kind == "u":
        return None
    below = air = 0  # counted: a percentile would copy and sort the volume
    for plane in _planes(voxels):
        air += int(np.count_nonzero(plane <= highest))
        below += int(np.count_nonzero(plane < lowest))
    if not 100 * below <= voxels.size <= 100 * air:
        return None
    notes.append("modality: assumed CT in HU, whole numbers with air at -500 and below")
    return "CT"


def _planes(voxels: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Yield each slice; a mapped file is read past the map, so that it does not fill the memory."""
    if not isinstance(voxels, np.memmap):
        yield from voxels
        return
    with open(str(voxels.filename), "rb") as file:
        file.seek(voxels.offset)
        for plane in voxels:
            yield np.fromfile(file, plane.dtype, plane.size)
