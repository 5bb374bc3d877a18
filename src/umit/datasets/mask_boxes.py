"""Boxes around masks: half open, in voxels, x along the last axis of (slice, row, column)."""

from __future__ import annotations

import math
import re
import zipfile
import zlib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from umit.datasets.pictures import array
from umit.errors import DatasetError
from umit.geometry import Box3D

__all__ = ["around", "box_of", "sparse_boxes", "sparse_shape"]

_SHAPE: Final = re.compile(r"mask_\(\s*(\d+),\s*(\d+),\s*(\d+),\s*(\d+)\s*\)\.npz")
_PARTS: Final = ("data", "indices", "indptr", "shape", "format")  # scipy.sparse.save_npz
_HEADERS: Final = 4096  # bytes that the five parts' own headers take at most


def sparse_shape(name: str) -> tuple[int, int, int, int] | None:
    """Return classes, x, y and z from the name of a sparse mask, the only place where they stand.

    Example:
        >>> sparse_shape("mask_(7, 122, 101, 30).npz")
        (7, 122, 101, 30)
    """
    found = _SHAPE.fullmatch(name)
    if found is None:
        return None
    classes, x, y, z = map(int, found.groups())
    return classes, x, y, z


def sparse_boxes(path: Path, shape: tuple[int, int, int, int]) -> Iterator[Box3D | None]:
    """Yield the box of each class of a compressed-row matrix ``(classes, x * y * z)``.

    Args:
        path: As ``scipy.sparse.save_npz`` wrote it.
        shape: Of its name.

    Yields:
        The smallest box with all voxels of the class, or ``None`` if it has none.

    Raises:
        DatasetError: No such matrix, or one that contradicts its name.
    """
    parts = _parts(path, shape)
    data, indices, ends = parts["data"], parts["indices"], parts["indptr"]
    for start, stop in pairwise(ends.tolist()):
        inside = indices[start:stop][data[start:stop] != 0]
        yield around(np.unravel_index(inside, shape[1:]))


def _parts(path: Path, shape: tuple[int, int, int, int]) -> dict[str, NDArray[Any]]:
    classes, voxels = shape[0], math.prod(shape[1:])
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            size = sum(info.file_size for info in file.zip.infolist())
            # Eight bytes of data and eight of index for each voxel of each class, and the rows' ends.
            if size > 16 * classes * voxels + 8 * (classes + 8) + _HEADERS:
                raise _refused(path, f"{size} bytes are more than such a mask can fill")
            parts = {name: np.asarray(file[name]) for name in _PARTS}
    except (
        OSError, ValueError, KeyError, EOFError, AttributeError, TypeError, MemoryError,
        zipfile.BadZipFile, zlib.error, NotImplementedError,
    ) as error:  # fmt: skip
        raise _refused(path, type(error).__name__) from error
    data, indices, ends = parts["data"], parts["indices"], parts["indptr"]
    kind, found = str(parts["format"].astype(str)), parts["shape"].tolist()
    if kind != "csr" or found != [classes, voxels]:
        raise _refused(path, f"{kind} {found}")
    flat = all(part.ndim == 1 for part in (data, indices, ends))
    whole = flat and indices.dtype.kind in "iu" and ends.dtype.kind in "iu"
    if not whole or len(ends) != classes + 1 or ends[0] != 0 or (ends[1:] < ends[:-1]).any():
        raise _refused(path, "row ends out of order")
    if not len(data) == len(indices) == ends[-1]:
        raise _refused(path, f"{len(data)} values, {len(indices)} indices, last end {ends[-1]}")
    if len(indices) and not 0 <= indices.min() <= indices.max() < voxels:
        raise _refused(path, "an index outside the volume")
    return parts


def _refused(path: Path, got: str) -> DatasetError:
    return DatasetError(
        f"expected a csr matrix of classes and voxels as its name tells, got {got}",
        file=f"{path.parent.name}/{path.name}",
    )


def box_of(path: Path, size: tuple[int, int, int]) -> Box3D | None:
    """Return the box of one class in a prepared mask ``(1, slice, row, column)``.

    Args:
        path: An ``.npy`` file; zeros of shape (1, 1, 1, 1) stand for an empty mask of any size.
        size: x, y and z of the volume that it belongs to.

    Returns:
        The smallest box with all that is not zero, or ``None``.

    Raises:
        DatasetError: Another shape than the volume's.
    """
    mask = array(path)
    if mask.shape not in {(1, *reversed(size)), (1, 1, 1, 1)} or (mask.size == 1 and mask.any()):
        raise DatasetError(
            f"expected a mask of shape {(1, *reversed(size))}, got {mask.shape}", file=f"{path.parent.name}/{path.name}"
        )
    z, y, x = np.nonzero(mask[0])
    return around((x, y, z))


def around(places: tuple[NDArray[np.intp], ...]) -> Box3D | None:
    """Return the smallest box with all voxels of some places, x, y and z, or ``None`` if there are none."""
    if not len(places[0]):
        return None
    x, y, z = ((int(axis.min()), int(axis.max()) + 1) for axis in places)
    return Box3D(x[0], y[0], z[0], x[1], y[1], z[1])
