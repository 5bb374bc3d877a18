"""DICOM files and folders: one film, the frames of one file, or the slices of one series."""

from __future__ import annotations

import logging
import struct
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from umit.errors import InputError, UnsupportedFormatError
from umit.geometry import Affine
from umit.imaging.planes import Plane, Window, read_plane
from umit.imaging.scan import Scan, pick_frame
from umit.imaging.series import frame_stack, functional, stack

__all__ = ["read_dicom", "read_series"]

_Header: TypeAlias = Any  # pydicom.Dataset, which is not typed

# catch_warnings swaps state of the whole process; two threads at once would leave it swapped.
_ONE_AT_A_TIME = threading.Lock()

# What pydicom and its decoders are seen to raise on damaged files.
_BROKEN = (
    OSError,
    EOFError,
    ValueError,
    KeyError,
    IndexError,
    TypeError,
    AttributeError,
    OverflowError,
    NotImplementedError,
    RuntimeError,  # RecursionError too: sequences nested hundreds deep
    struct.error,
)


def read_dicom(path: Path, *, frame: int | None = None, window: Window = None) -> Scan:
    """Read one DICOM file.

    Args:
        path: The file.
        frame: Which frame, from 0. Without it, several grey frames are a volume.
        window: Index of a declared window. Anything else given is applied by the caller, and then
            no VOI look-up table is.

    Returns:
        A film, or the volume of a multi-frame file.

    Raises:
        UnsupportedFormatError: Not DICOM, a missing decoder, or colours that are not RGB or YBR.
        InputError: Damaged, no pixels, no such frame or window, or several frames and none chosen.
    """
    notes: list[str] = []
    with _reading(path.name, notes):
        header = _open(path)
        count = int(header.get("NumberOfFrames") or 1)
        order, affine = [pick_frame(frame or 0, count, path.name)], None
        if count > 1 and frame is None:
            order, affine = frame_stack(header, count, path.name, notes)
        planes = [read_plane(header, k, window, notes) for k in order]
        scan = _scan(header, planes, affine, notes, path.name)
    return replace(scan, warnings=tuple(dict.fromkeys(notes)))


def read_series(paths: list[Path], *, window: Window = None) -> Scan:
    """Read the slices of one series, in any order of files.

    Args:
        paths: Its files, at least two, in one folder.
        window: As for :func:`read_dicom`.

    Returns:
        A volume whose slices follow the normal of their plane.

    Raises:
        UnsupportedFormatError: A missing decoder.
        MissingMetadataError: Slices without position or orientation.
        InputError: Damaged, several series, orientations or sizes, or two slices at one place.
    """
    name, notes = paths[0].parent.name, list[str]()
    with _reading(name, notes):
        headers = [(_open(path, pixels=False), path) for path in paths]
        pictures = [(header, path) for header, path in headers if "Rows" in header]
        if len(pictures) < len(headers):
            notes.append(f"series: {len(headers) - len(pictures)} files without a picture left out")
        order, affine = stack([header for header, _ in pictures], name, notes)
        planes = [read_plane(_open(pictures[k][1]), 0, window, notes) for k in order]
        scan = _scan(pictures[order[0]][0], planes, affine, notes, name)
    return replace(scan, warnings=tuple(dict.fromkeys(notes)))


def _scan(
    header: _Header, planes: list[Plane], affine: Affine | None, notes: list[str], name: str
) -> Scan:
    spacing = _spacing(header, notes) if affine is None else None
    if spacing and len(planes) > 1:  # a stack without positions: z only if the file says so
        between = float(header.get("SpacingBetweenSlices") or 0)
        spacing = (*spacing, between) if between > 0 else None
    return Scan(
        np.stack([values for values, _ in planes]),
        spacing=spacing,
        affine=affine,
        affine_source=None if affine is None else "dicom",
        modality=str(header.get("Modality") or "")[:16] or None,
        window=planes[0][1],
        inverted=header.get("PhotometricInterpretation") == "MONOCHROME1",
        name=name,
    )


@contextmanager
def _reading(name: str, notes: list[str]) -> Iterator[None]:
    """Turn what pydicom raises and warns into ours; its own texts can quote a patient's values."""
    from pydicom.errors import BytesLengthException, InvalidDicomError

    log, none = logging.getLogger("pydicom"), logging.Filter("none of its records")
    log.addFilter(none)
    try:
        with _ONE_AT_A_TIME, warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield
    except InputError as error:
        if error.where:
            raise
        fields = {"code": error.code, "hint": error.hint, "where": name}
        raise type(error)(error.message, **fields) from None
    except InvalidDicomError:
        raise UnsupportedFormatError(
            "expected a DICOM file, got one without its preamble",
            code="not_dicom",
            where=name,
            hint="Save it again as a DICOM Part 10 file.",
        ) from None
    except (BytesLengthException, *_BROKEN) as error:
        raise InputError(
            f"expected a whole DICOM file, got one that breaks off or is malformed "
            f"({type(error).__name__})",
            code="malformed",
            where=name,
            hint="Fetch the file again.",
        ) from None
    finally:
        log.removeFilter(none)
    for warning in caught:
        longer = "excess padding" in str(warning.message)
        notes.append(
            "DICOM: the pixel data is longer than its header says"
            if longer
            else "DICOM: the file departs from the standard in some field"
        )


def _open(path: Path, *, pixels: bool = True) -> _Header:
    from pydicom import dcmread

    return dcmread(path, stop_before_pixels=not pixels)


def _spacing(header: _Header, notes: list[str]) -> tuple[float, ...] | None:
    """Return mm ``(x, y)``, and say so where they are measured at the detector."""
    for place, tag in (
        (functional(header, 0, "PixelMeasuresSequence"), "PixelSpacing"),
        (header, "ImagerPixelSpacing"),
    ):
        pair = [float(value) for value in place.get(tag) or ()]
        if len(pair) != 2 or not all(0 < value < float("inf") for value in pair):
            continue
        if tag == "ImagerPixelSpacing":
            notes.append("spacing: from ImagerPixelSpacing, at the detector and not in the body")
        return pair[1], pair[0]  # the file says (between rows, between columns)
    return None
