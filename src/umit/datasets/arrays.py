"""Rows of the arrays in an ``.npz``, one after the other: the array as a whole may be larger than memory."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from umit.errors import DatasetError

__all__ = ["Header", "array_header", "array_rows"]

_LARGEST: Final = 1 << 26  # bytes of one row; a volume of 64 × 64 × 64 has 262,144
_HEADERS: Final = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


class Header(NamedTuple):
    """What an array is, before it is read."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


def array_header(path: Path, member: str) -> Header:
    """Return shape and type of an array.

    Args:
        path: An ``.npz``.
        member: The array's name.

    Raises:
        DatasetError: No such array, or no array of plain rows.
    """
    with _opened(path, member) as file:
        return _header(file)


def array_rows(path: Path, member: str) -> Iterator[NDArray[Any]]:
    """Yield the rows of an array, each in memory of its own.

    Args:
        path: An ``.npz``.
        member: The array's name.

    Raises:
        DatasetError: No such array, no array of plain rows, or fewer of them than it claims.
    """
    with _opened(path, member) as file:
        (count, *shape), dtype = _header(file)
        length = prod(shape) * dtype.itemsize
        if length > _LARGEST:
            raise ValueError(f"rows of {length} bytes, expected at most {_LARGEST}")
        for number in range(count):
            data = file.read(length)
            if len(data) < length:
                raise ValueError(f"it ends in row {number} of {count}")
            yield np.frombuffer(data, dtype).reshape(shape).copy()


@contextmanager
def _opened(path: Path, member: str) -> Iterator[IO[bytes]]:
    try:
        with zipfile.ZipFile(path) as archive, archive.open(f"{member}.npy") as file:
            yield file
    except (
        zipfile.BadZipFile, zlib.error, KeyError, ValueError, EOFError, OSError,
        NotImplementedError,  # packed in a way that Python cannot unpack
        RuntimeError,  # encrypted
    ) as error:  # fmt: skip
        raise DatasetError(f"expected an .npz with the array {member}: {error}", file=path.name) from error


def _header(file: IO[bytes]) -> Header:
    version = npy.read_magic(file)
    if version not in _HEADERS:
        raise ValueError(f"its format is {version}")
    shape, columns_first, dtype = _HEADERS[version](file)
    if not shape or dtype.hasobject or (columns_first and len(shape) > 1):
        raise ValueError(f"expected rows of numbers, got {dtype} of the shape {shape}")
    return Header(shape, dtype)
