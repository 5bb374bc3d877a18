"""The bits of DICOM's stored numbers that count, and the numbers that stand for no picture."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from umit.imaging.attributes import Header
from umit.imaging.part10 import OVERLAY_BITS

__all__ = ["Stored", "beyond", "padding", "without_spare_bits"]

# Where the padding of each kind of pixels stands: PS3.3 C.7.5.1.1.2, C.7.6.24, C.7.6.25.
_PADDING: Final = {"f4": "FloatPixelPadding", "f8": "DoubleFloatPixelPadding"}


class Stored(NamedTuple):
    """One frame's numbers ``(row, column[, 3])``, colours as RGB, and how many of their bits count.

    ``padding`` is the lowest and highest of them that stand for no picture.
    """

    pixels: NDArray[Any]
    bits: int
    padding: NDArray[Any] | None = None


def padding(header: Header, kind: np.dtype[Any]) -> NDArray[Any] | None:
    """Return both ends of padding; scanners write -2000 as 63536, which in 16 bits is the same."""
    name = _PADDING.get(kind.str[1:], "PixelPadding")
    value = header.get(f"{name}Value")
    if value is None:
        return None
    limit = header.get(f"{name}RangeLimit")
    ends = np.array([value, value if limit is None else limit])
    if kind.itemsize == 1 and not (np.iinfo(kind).min <= ends.min() <= ends.max() <= np.iinfo(kind).max):
        return None  # 65535 is no grey level of 8 bits, and least of all the brightest
    return np.sort(ends.astype(np.int64 if kind.kind in "iu" else kind).astype(kind))


def beyond(pixels: NDArray[Any], bits: int, signed: bool) -> bool:
    """Tell whether some numbers need more than so many bits."""
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return bool(pixels.min() < low or pixels.max() > high)


def without_spare_bits(raw: NDArray[Any], header: Header, options: dict[str, Any], notes: list[str]) -> Stored:
    """Cut the bits beyond BitsStored (PS3.5 8.1.1), unless they hold parts of the values."""
    bits, allocated = options["bits_stored"], 8 * raw.dtype.itemsize
    ends = padding(header, raw.dtype)
    if raw.dtype.kind == "f" or options["bits_allocated"] == 1 or bits >= allocated:
        return Stored(raw, min(bits, allocated), ends)
    high = int(header.get("HighBit") or 0)
    low = max(0, min(high + 1, allocated) - bits)  # until 2014 a sample could lie above bit 0
    if low == 0 and not beyond(raw, bits, raw.dtype.kind == "i"):
        return Stored(raw, bits, ends)
    spare = allocated - bits - low
    cut, plain, upper = (raw << spare) >> (spare + low), raw >> low, raw >> (low + bits)
    overlays = [header[tag].value for tag in OVERLAY_BITS if tag in header]
    if raw.ndim == 3 or any(overlays):  # 0 where an overlay lies apart from the pixels
        return Stored(cut, bits, ends)
    over = (upper != 0) if raw.dtype.kind == "u" else ((plain != cut) & (upper != 0))
    if ends is not None:
        padded = (raw >= ends[0]) & (raw <= ends[1])
        over &= ~padded
        if raw.dtype.kind == "u" and ends[0] >= 2**bits:  # 63536 in 12 bits: the bits of -2000
            signed = f"i{raw.dtype.itemsize}"
            plain, cut = (np.where(padded, raw.view(signed), some) for some in (plain, cut))
            ends = ends.view(signed)
        else:
            cut = np.where(padded, plain, cut)
    if not over.any():
        return Stored(cut, bits, ends)
    # Numbers run on through their upper bits and are smoother whole; marks there are a few, and
    # stick out.
    steps = np.unique(upper[over]).astype(np.int64)
    runs_on = len(steps) > 1 and len(steps) == steps[-1] - steps[0] + 1
    if runs_on or _roughness(plain) < _roughness(cut):
        notes.append(f"values: some need more than the {bits} bits that the header states, kept")
        return Stored(plain, allocated - low, ends)
    notes.append(f"values: bits beyond the {bits} that the header states are not 0, cut")
    return Stored(cut, bits, ends)


def _roughness(pixels: NDArray[Any]) -> int:
    return sum(int(np.abs(np.diff(pixels.astype(np.int64), axis=axis)).sum()) for axis in (0, 1))
