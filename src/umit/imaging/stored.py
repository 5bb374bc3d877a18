"""A volume's numbers as its file stores them: checked before they are believed, then read once."""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from umit.errors import InputError, UnsupportedFormatError
from umit.imaging import stream
from umit.imaging.faults import truncated
from umit.imaging.limits import MAX_BYTES, MAX_VOXELS, pick_frame

__all__ = ["Stored", "check_sizes", "read_stored"]

_MAPPED = 2**25  # bytes from which a plain file is mapped; a smaller one is read, and may change
_TOP = float(np.finfo(np.float32).max)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """Where numbers lie in a file and how they become file units.

    Args:
        shape: ``(x, y[, z[, ...]])``, x running fastest.
        dtype: Of one number, byte order included.
        offset: Bytes before the first number, inflated.
        colours: Numbers a voxel, next to each other: 1 or 3.
        slope: Factor to file units.
        inter: Added after the factor.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    offset: int
    colours: int = 1
    slope: float = 1.0
    inter: float = 0.0


def read_stored(path: Path, stored: Stored, frame: int | None, notes: list[str]) -> NDArray[Any]:
    """Read one volume in file units, ``(z, y, x)`` or ``(z, y, x, 3)``, in this machine's byte order.

    Whole numbers stay whole where their scaling allows. A large plain file is mapped, so only the
    slices that are looked at are read; it must not be rewritten in place while the scan lives.

    Raises:
        InputError: Impossible or too large sizes, a file too short for them, or no such frame.
    """
    kind = stored.dtype
    packed, scaled = stream.is_packed(path), (stored.slope, stored.inter) != (1.0, 0.0)
    room = stream.room(path, packed) - stored.offset
    count = check_sizes(stored.shape, stored.colours * kind.itemsize, room)
    x, y, z = (*stored.shape, 1)[:3]
    shape = (z, y, x) if stored.colours == 1 else (z, y, x, stored.colours)
    size = math.prod(shape) * kind.itemsize
    offset = stored.offset + pick_frame(frame, count) * size
    if packed and offset + size > stream.MOST_INFLATED:
        raise _too_large(f"one behind {offset} bytes to inflate")
    if size >= _MAPPED and kind.isnative and not packed and not scaled:
        return np.memmap(path, kind, "r", offset, shape)
    raw = np.empty(shape, kind)
    try:
        stream.fill(path, offset, raw.reshape(-1).view(np.uint8).data)
    except (EOFError, OSError, zlib.error) as error:
        got = f"a file that breaks off or is damaged ({type(error).__name__})"
        raise truncated(f"{size} bytes of voxels", got) from None
    if not kind.isnative:
        raw = raw.byteswap(inplace=True).view(kind.newbyteorder("="))
    if kind.itemsize > 8:  # 80- or 128-bit reals, which differ from machine to machine
        with np.errstate(over="ignore"):
            raw = raw.astype(np.float64)
    return _scaled(raw, stored, notes) if scaled else raw


def check_sizes(shape: tuple[int, ...], voxel: int, room: int) -> int:
    """Check a claimed shape before memory is taken, and return how many volumes there are.

    Args:
        shape: ``(x, y[, z[, ...]])``.
        voxel: Bytes of one voxel.
        room: The most bytes of voxels that the file can hold.

    Raises:
        UnsupportedFormatError: More than four axes longer than 1.
        InputError: Not two axes, none positive, too many bytes, or more than the file can hold.
    """
    if not 2 <= len(shape) <= 7 or min(shape) < 1:
        raise InputError(f"expected 2 to 4 positive dimensions, got {shape}", code="header_dims")
    one, claimed = math.prod(shape[:3]), math.prod(shape) * voxel
    if one > MAX_VOXELS or one * voxel > MAX_BYTES:
        if claimed > room:
            raise InputError(
                f"expected sizes that fit the file, got {shape} in one with room for {room} bytes", code="header_dims"
            )
        raise _too_large(f"{shape[:3]} of {voxel} bytes each")
    if claimed > room:
        raise truncated(f"{claimed} bytes", f"a file with room for {room} at most")
    if sum(n > 1 for n in shape[3:]) > 1:
        raise UnsupportedFormatError(
            f"expected at most 4 dimensions, got {shape}",
            code="header_dims",
            hint="Save one volume, or one series of them, as a file of its own.",
        )
    return math.prod(shape[3:])


def _scaled(raw: NDArray[Any], stored: Stored, notes: list[str]) -> NDArray[Any]:
    """Apply slope and intercept slice by slice: no copy of the volume in 64-bit reals."""
    values = np.empty(raw.shape, _kind(raw.dtype, stored))
    whole, clipped = values.dtype.kind in "iu", False
    with np.errstate(over="ignore", invalid="ignore"):
        for k, plane in enumerate(raw):
            if whole:
                values[k] = plane.astype(np.int64) + int(stored.inter)
                continue
            units = plane * np.float64(stored.slope) + stored.inter
            if raw.dtype.kind in "iu":
                clipped |= bool(max(units.max(), -units.min()) > _TOP)
                units = units.clip(-_TOP, _TOP)
            values[k] = units
    if clipped:
        notes.append("values: clipped to the range of 32-bit numbers")
    return values


def _kind(kind: np.dtype[Any], stored: Stored) -> np.dtype[Any]:
    """Return the smallest kind that holds scaled numbers: whole, if only an integer is added."""
    if kind.kind == "f":
        return kind
    if stored.slope == 1 and stored.inter.is_integer() and abs(stored.inter) < 2**31:
        ends = [int(end) + int(stored.inter) for end in (np.iinfo(kind).min, np.iinfo(kind).max)]
        if -(2**31) <= ends[0] and ends[1] < 2**31:
            return np.promote_types(np.min_scalar_type(ends[0]), np.min_scalar_type(ends[1]))
    return np.dtype(np.float32)


def _too_large(got: str) -> InputError:
    return InputError(
        f"expected at most {MAX_VOXELS} voxels and {MAX_BYTES} bytes a volume, got {got}",
        code="volume_limit",
        hint="Unpack the file, or cut or resample the volume.",
    )
