"""One DICOM frame: stored numbers to file units (such as HU), and the window it declares."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from umit.errors import InputError, UnsupportedFormatError
from umit.imaging.scan import MAX_PIXELS
from umit.imaging.series import functional

__all__ = ["Plane", "Window", "read_plane"]

Plane: TypeAlias = tuple[NDArray[Any], tuple[float, float] | None]
Window: TypeAlias = str | int | tuple[float, float] | None
_Header: TypeAlias = Any  # pydicom.Dataset, which is not typed

_COLOURS = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT", "PALETTE COLOR")
_GREYS = ("MONOCHROME1", "MONOCHROME2")


def read_plane(header: _Header, frame: int, window: Window, notes: list[str]) -> Plane:
    """Return one frame in file units and the range of values that is shown.

    Args:
        header: The whole file, pixels included.
        frame: From 0.
        window: Index of a declared window; ``None`` takes the look-up table, else the first window.
        notes: Takes warnings.

    Returns:
        ``(row, column[, 3])``, and ``(low, high)`` or ``None`` where nothing is declared.

    Raises:
        UnsupportedFormatError: A missing decoder, or colours that are not RGB, YBR or a palette.
        InputError: No pixels, too few or too many of them, or no such window.
    """
    from pydicom.pixels.processing import apply_color_lut

    kind = header.get("PhotometricInterpretation")
    stored = _decode(header, frame)
    if kind in _COLOURS:
        rgb, depth = stored, _depth(header)
        if kind == "PALETTE COLOR":  # its tables fill their own depth, whatever the indices need
            rgb = apply_color_lut(stored, header)[..., :3]
            depth = 8 * rgb.dtype.itemsize
        return (rgb >> max(0, depth - 8)).astype(np.uint8), None
    if kind not in _GREYS:
        raise UnsupportedFormatError(
            f"expected grey, RGB, YBR or palette colours, got {kind}", code="photometric"
        )
    values = _units(stored, header, frame)
    if window is None and header.get("VOILUTSequence"):
        notes.append("window: VOI look-up table applied")
        return _look_up(values, header.VOILUTSequence[0], header)
    shown = None if isinstance(window, str | tuple) else _declared(header, frame, window, notes)
    if shown is None and window is None and stored.dtype == np.uint8 and _depth(header) < 8:
        shown = (0.0, 2.0 ** _depth(header) - 1)
    return values, shown


def _depth(header: _Header) -> int:
    return int(header.get("BitsStored") or header.BitsAllocated)


def _decode(header: _Header, frame: int) -> NDArray[Any]:
    """Return stored numbers, YBR turned to RGB."""
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.pixels.utils import pixel_array

    if "PixelData" not in header or "Rows" not in header or "Columns" not in header:
        raise InputError("expected a DICOM picture, got an object without pixels", code="no_pixels")
    if int(header.Rows) * int(header.Columns) > MAX_PIXELS:
        raise InputError(
            f"expected at most {MAX_PIXELS // 1_000_000} megapixels, "
            f"got {header.Columns} × {header.Rows} pixels",
            code="pixel_limit",
        )
    syntax = header.file_meta.get("TransferSyntaxUID")
    if syntax is None:
        raise InputError("expected a transfer syntax, got none", code="transfer_syntax")
    try:
        ready = not syntax.is_compressed or get_decoder(syntax).is_available
    except NotImplementedError:
        ready = False
    if not ready:
        raise UnsupportedFormatError(
            f"expected a picture that Pillow can decode, got {syntax.name}",
            code="codec_missing",
            hint='Install its decoder: pip install "umit[codecs]".',
        )
    try:
        return pixel_array(header, index=frame)
    except (ValueError, RuntimeError) as error:
        raise InputError(
            f"expected {header.Columns} × {header.Rows} pixels, got fewer or damaged ones "
            f"({type(error).__name__})",
            code="truncated",
            hint="Fetch the file again.",
        ) from None


def _units(stored: NDArray[Any], header: _Header, frame: int) -> NDArray[Any]:
    """Apply the modality transform; whole numbers stay whole (DICOM PS3.3 C.11.1)."""
    from pydicom.pixels.processing import apply_modality_lut

    if header.get("ModalityLUTSequence"):
        return np.asarray(apply_modality_lut(stored, header))
    transform = functional(header, frame, "PixelValueTransformationSequence")
    slope, intercept = transform.get("RescaleSlope"), transform.get("RescaleIntercept")
    slope = 1.0 if slope is None else float(slope)
    intercept = 0.0 if intercept is None else float(intercept)
    if not (math.isfinite(slope) and math.isfinite(intercept) and slope != 0):
        raise InputError("expected a finite rescale slope and intercept", code="malformed")
    if (slope, intercept) == (1.0, 0.0):
        return stored
    values = stored.astype(np.float64) * slope + intercept
    if not (slope.is_integer() and intercept.is_integer()):
        return values.astype(np.float32)
    small = values.min() >= -(2**15) and values.max() < 2**15
    return values.astype(np.int16 if small else np.int32)


def _declared(
    header: _Header, frame: int, window: Window, notes: list[str]
) -> tuple[float, float] | None:
    """Return ``(low, high)`` of the chosen window, by DICOM PS3.3 C.11.2.1.2 and C.11.2.1.3."""
    voi = functional(header, frame, "FrameVOILUTSequence")
    pairs = list(zip(_floats(voi, "WindowCenter"), _floats(voi, "WindowWidth"), strict=False))
    if not pairs and window is None:
        return None
    index = window if isinstance(window, int) else 0
    if not 0 <= index < len(pairs):
        raise InputError(
            f"expected the index of one of {len(pairs)} declared windows, got {index}",
            code="window",
            hint="Pass window=(centre, width) or a preset's name.",
        )
    if window is None and len(pairs) > 1:
        notes.append(f"window: the first of {len(pairs)} declared")
    (centre, width), function = pairs[index], voi.get("VOILUTFunction") or "LINEAR"
    if function == "SIGMOID":
        notes.append("window: declared as a sigmoid, shown as a line")
    linear = function == "LINEAR"
    if not (math.isfinite(centre) and (width >= 1 if linear else width > 0)):
        raise InputError(
            f"expected a declared window of width 1 or more, got {width:g}",
            code="window",
            hint="Pass window=(centre, width) or a preset's name.",
        )
    if linear:
        centre, width = centre - 0.5, width - 1
    return centre - width / 2, centre + width / 2


def _floats(header: _Header, tag: str) -> list[float]:
    value = header.get(tag)
    if value is None or value == "":
        return []
    return [float(v) for v in ([value] if isinstance(value, int | float) else value)]


def _look_up(values: NDArray[Any], item: _Header, header: _Header) -> Plane:
    """Apply a VOI look-up table; pydicom 3.0.2's own wraps inputs above 255 for 8-bit tables."""
    count, first, bits = (int(number) for number in item.LUTDescriptor)
    count = count or 2**16
    data = item.LUTData
    if isinstance(data, bytes):
        order = "<" if header.file_meta.TransferSyntaxUID.is_little_endian else ">"
        data = np.frombuffer(data, "u1" if len(data) < 2 * count else f"{order}u2")
    table = np.asarray(data)[:count].astype(np.uint8 if bits <= 8 else np.uint16)
    if len(table) < count:
        raise InputError(
            f"expected a look-up table of {count} entries, got {len(table)}", code="malformed"
        )
    index = np.clip(np.rint(values).astype(np.int64) - first, 0, count - 1)
    return table[index], (0.0, 2.0**bits - 1)
