"""One DICOM frame: stored numbers to file units (such as HU), and what it is shown with."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from umit.errors import InputError, MissingMetadataError, UnsupportedFormatError
from umit.imaging.attributes import Header, functional
from umit.imaging.bits import Stored
from umit.imaging.codecs import decode
from umit.imaging.limits import check_volume
from umit.imaging.multiframe import is_dose
from umit.imaging.scan import Padding, within
from umit.imaging.tables import painted, read_table
from umit.imaging.voi import Levels, Shown, declared, is_declared, settled
from umit.imaging.window import Window

__all__ = ["Plane", "joined", "read_plane"]

_COLOURS = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT", "PALETTE COLOR")
_GREYS = ("MONOCHROME1", "MONOCHROME2")


class Plane(NamedTuple):
    """Values ``(row, column[, 3])`` in file units, and what the file declares to show them with.

    ``padding`` is the lowest and highest value that stands for no picture; ``inverted`` tells that
    low values are bright.
    """

    values: NDArray[Any]
    shown: Shown
    padding: Padding | None = None
    inverted: bool = False


def read_plane(header: Header, frame: int, window: Window | None, notes: list[str]) -> Plane:
    """Return one frame in file units and what it is shown with; colours as ``uint8`` RGB."""
    kind = header.get("PhotometricInterpretation")
    if kind is not None and kind not in (*_COLOURS, *_GREYS):
        raise _photometric("another kind")
    found = decode(header, frame, notes)
    stored, bits = found.pixels, found.bits
    if kind in _COLOURS:
        if window is not None and is_declared(window):
            raise InputError(
                "expected no window, or (centre, width), got one to look for in a colour picture",
                code="window",
                hint="Leave window= out.",
            )
        return Plane(_rgb(stored, bits, header, notes), None)
    if stored.ndim != 2:
        raise _photometric("three colours that are called grey")
    values = _units(stored, header, frame, notes)
    padding = _padding(found, header, frame, notes)
    inside = values[~within(values, (padding,))] if padding else values
    below = values.dtype == np.int16 or inside.min() < 0
    shown = declared(header, frame, window, header.get("Modality") == "CT" or bool(below), notes)
    if shown is None and values is stored and stored.dtype == np.uint8 and bits < 8:
        shown = Levels(0.0, 2.0**bits - 1)
    return Plane(values, shown, padding, kind == "MONOCHROME1")


def _photometric(got: str) -> UnsupportedFormatError:
    return UnsupportedFormatError(
        f"expected MONOCHROME1, MONOCHROME2, {', '.join(_COLOURS)}, got {got}", code="photometric"
    )


def joined(
    planes: Iterable[Plane], count: int, window: Window | None, notes: list[str]
) -> tuple[NDArray[Any], Levels | None, tuple[Padding, ...]]:
    """Stack ``count`` planes, each as it comes: no second copy of a volume.

    Returns:
        ``(slice, row, column[, 3])``; what they are shown with, or ``None``; and each range of
        values that stands for no picture.
    """
    coming = iter(planes)
    first = next(coming)
    values, each, padded = first.values, [first.shown], [first.padding]
    check_volume(count * values.size)
    voxels = np.empty((count, *values.shape), np.result_type(values))
    voxels[0] = values
    for k, plane in enumerate(coming, 1):
        if plane.values.shape != values.shape:
            raise InputError("expected planes of one size, got several", code="mixed_series")
        # Slices may need different kinds of number; almost always this copies nothing.
        voxels = voxels.astype(np.result_type(voxels, plane.values), copy=False)
        voxels[k] = plane.values
        each.append(plane.shown)
        padded.append(plane.padding)
    ranges = _ranges(voxels, padded, notes)
    grey, shown = settled(voxels, each, window, notes, ranges)
    if grey is voxels or shown is None:
        return voxels, shown, ranges
    # A table's entries are the grey values that padding is dark in.
    grey[within(voxels, ranges)] = shown.high if first.inverted else 0
    return grey, shown, ()


def _ranges(voxels: NDArray[Any], padded: list[Padding | None], notes: list[str]) -> tuple[Padding, ...]:
    """Return the slices' paddings as ranges of the volume, unless they are values of other slices."""
    found = sorted({ends for ends in padded if ends is not None})
    if len(found) < 2:
        return tuple(found)
    pairs = list(zip(voxels, padded, strict=True))
    taken = [
        ends for ends in found if any(own not in (ends, None) and within(plane, (ends,)).any() for plane, own in pairs)
    ]
    if taken:
        notes.append("values: what stands for padding in some slices is a value of others, kept")
    return tuple(ends for ends in found if ends not in taken)


def _rgb(stored: NDArray[Any], depth: int, header: Header, notes: list[str]) -> NDArray[np.uint8]:
    if header.PhotometricInterpretation == "PALETTE COLOR":
        stored, depth = painted(stored, header, notes)
    if stored.ndim != 3:
        raise InputError("expected three colours a pixel, got one", code="photometric")
    return (stored >> max(0, depth - 8)).astype(np.uint8)


def _padding(found: Stored, header: Header, frame: int, notes: list[str]) -> Padding | None:
    """Return the values that PixelPaddingValue and its limit become, where a frame holds any."""
    stored, _, ends = found
    if ends is None or header.get("ModalityLUTSequence"):  # a table may give others the same value
        return None
    padded = (stored >= ends[0]) & (stored <= ends[1])
    if not padded.any() or padded.all():
        return None
    notes.append("values: PixelPaddingValue is shown darkest and left out of windows")
    low, high = sorted(float(value) for value in _units(ends[None], header, frame, []).ravel())
    return low, high


def _units(stored: NDArray[Any], header: Header, frame: int, notes: list[str]) -> NDArray[Any]:
    """Apply the modality transform; whole numbers stay whole (DICOM PS3.3 C.11.1)."""
    table = (header.get("ModalityLUTSequence") or [None])[0]
    if table is not None and header.get("Modality") in ("XA", "RF"):
        # It leads back to X-ray intensity: DCMTK, dimomod.cc, which cites D. Clunie, 2000-12-13.
        notes.append("values: as stored, a modality look-up table of XA or XRF is not for showing")
    elif table is not None and not table.get("LUTData"):
        notes.append("values: a modality look-up table without entries is passed over")
    elif table is not None:
        signed = bool(header.get("PixelRepresentation"))
        return read_table(table, header, signed=signed).look_up(stored)
    transform = functional(header, frame, "PixelValueTransformationSequence")
    slope, intercept = transform.get("RescaleSlope"), transform.get("RescaleIntercept")
    if is_dose(header):
        slope, units = header.get("DoseGridScaling"), {"GY": "Gy"}.get(str(header.get("DoseUnits")))
        if slope is None:
            raise MissingMetadataError(
                "expected DoseGridScaling, which gives stored numbers their dose, got none", code="dose"
            )
        if slope == 0:
            raise InputError("expected a DoseGridScaling above 0, got 0", code="dose")
        notes.append(f"values: a radiation dose in {units or 'relative units'}, no picture of anatomy")
    hounsfield = slope is not None and (transform.get("RescaleType") or "HU") in ("HU", "HU_MOD")
    if header.get("Modality") == "CT" and not hounsfield:
        notes.append("values: CT, but the file does not say that they are HU")
    slope = 1.0 if slope is None else float(slope)
    intercept = 0.0 if intercept is None else float(intercept)
    if not (math.isfinite(slope) and math.isfinite(intercept)):
        raise InputError("expected a finite rescale slope and intercept", code="malformed")
    if slope == 0:  # every value would be the intercept
        notes.append("values: RescaleSlope is 0, the stored numbers are kept")
        return stored
    if (slope, intercept) == (1.0, 0.0):
        return stored
    values = stored.astype(np.float64)
    values *= slope  # in place: a plane of 64-bit numbers is four of the file's own
    values += intercept
    if not (slope.is_integer() and intercept.is_integer() and stored.dtype.kind in "iu"):
        return values.astype(np.float32)
    for kind in (np.int16, np.int32):
        if np.iinfo(kind).min <= values.min() and values.max() <= np.iinfo(kind).max:
            return values.astype(kind)
    return values
