"""DICOM files and folders: one film, the frames of one file, or the slices of one series."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from umit.errors import InputError
from umit.imaging.attributes import Header, file_name, sop_class, whole
from umit.imaging.codecs import check_decoder, check_pixels, frame_count
from umit.imaging.faults import naming
from umit.imaging.film import film_directions, film_spacing
from umit.imaging.grid import Stack
from umit.imaging.limits import pick_frame
from umit.imaging.mosaic import mosaic
from umit.imaging.multiframe import check_parts, check_picture, frame_stack, pictures, slices_of
from umit.imaging.part10 import open_dicom
from umit.imaging.planes import Plane, joined, read_plane
from umit.imaging.scan import Scan
from umit.imaging.series import Slice, stack
from umit.imaging.window import Window

__all__ = ["dicom_size", "read_dicom"]

_Read = TypeVar("_Read")

#: Digital X-ray, mammography and intra-oral X-ray "For Processing" (DICOM PS3.6 A).
_RAW = tuple(f"1.2.840.10008.5.1.4.1.1.1.{kind}.1" for kind in (1, 2, 3))

# catch_warnings and the log's level are the whole process's; two threads at once would leave them.
_ONE_AT_A_TIME = threading.Lock()


def read_dicom(*paths: Path, frame: int | None = None, window: Window | None = None) -> Scan:
    """Read one DICOM file, or the slices of one series in any order of files.

    Args:
        paths: One file, or those of one folder.
        frame: Which frame of the only file with a picture, from 0. Without it, several grey frames
            are a volume.
        window: A preset's name, ``(centre, width)``, or one that the file declares, by its name or
            its index. Given any, no VOI look-up table is applied but one that it names.

    Returns:
        A film, or a volume whose slices follow the normal of their plane.

    Raises:
        UnsupportedFormatError: Not DICOM, a missing decoder, or colours that are not RGB or YBR.
        MissingMetadataError: Slices without position or orientation.
        InputError: Damaged, no pixels, no such frame or window, several frames and none chosen, or
            files that are not the slices of one volume.

    Example:
        >>> from pydicom.data import get_testdata_file
        >>> read_dicom(Path(get_testdata_file("CT_small.dcm", download=False))).modality
        'CT'
    """
    name = paths[0].name if len(paths) == 1 else paths[0].parent.name

    def read(notes: list[str]) -> Scan:
        if len(paths) == 1:
            return _single(paths[0], frame, window, notes)
        headers = pictures([open_dicom(path, notes, pixels=False) for path in paths], notes)
        if len(headers) == 1:
            with naming(file_name(headers[0])):
                return _single(Path(headers[0].filename), frame, window, notes)
        if frame is not None:
            raise InputError("expected slices= for a series, got frame=", code="frame")
        slices = slices_of(headers, notes)
        found = stack(slices, notes)
        ordered = [slices[k] for k in found.order]
        scan = _scan(*ordered[0], _planes(ordered, window, notes), found, window, notes)
        return replace(scan, name=name)

    found, notes = _quietly(read, name)
    return replace(found, warnings=tuple(dict.fromkeys(notes)))


def dicom_size(path: Path) -> tuple[int, ...]:
    """Return ``(columns, rows)`` of a DICOM file, and its frames where there are several; no pixel is read.

    Raises:
        InputError: Not DICOM, damaged, or without rows and columns.
    """

    def read(notes: list[str]) -> tuple[int, ...]:
        header = _opened(path, notes, pixels=False)
        tiles = mosaic(header, notes)
        across = tiles.across if tiles else 1
        count = len(tiles.stack.order) if tiles else whole(header, "NumberOfFrames") or 1
        size = (int(header.Columns) // across, int(header.Rows) // across)
        return (*size, count) if count > 1 else size

    return _quietly(read, path.name)[0]


def _opened(path: Path, notes: list[str], *, pixels: bool = True) -> Header:
    """Open a file that holds a picture of the patient."""
    from pydicom.uid import MediaStorageDirectoryStorage

    header = open_dicom(path, notes, pixels=pixels)
    if header.file_meta.get("MediaStorageSOPClassUID") == MediaStorageDirectoryStorage:
        raise InputError(
            "expected a DICOM picture, got a DICOMDIR, whose references are not followed",
            code="dicomdir",
            hint="Pass the folder of one series, or one of its files.",
        )
    check_picture(header)
    check_pixels(header, read=pixels)
    if pixels:
        check_decoder(header)  # before frames are told apart or asked for
    return header


def _single(path: Path, frame: int | None, window: Window | None, notes: list[str]) -> Scan:
    """Read one file: a film, a mosaic's slices, or one or all of its frames."""
    header = _opened(path, notes)
    count, tiles = frame_count(header), mosaic(header, notes)
    found = Stack([pick_frame(frame or 0, count)])
    if tiles:  # of one sheet; several are as many times
        sheet = read_plane(header, pick_frame(frame, count), window, notes)
        found, planes = (tiles.stack, (sheet._replace(values=one) for one in tiles.tiles(sheet.values)))
    else:
        if count > 1 and frame is None:
            if header.get("ConcatenationUID"):
                check_parts([header], notes)
            found = frame_stack(header, count, notes)
        planes = (read_plane(header, k, window, notes) for k in found.order)
    scan = _scan(header, found.order[0], planes, found, window, notes)
    return replace(scan, name=path.name)


def _planes(slices: list[Slice], window: Window | None, notes: list[str]) -> Iterator[Plane]:
    """Read one slice after the other; pixels kept from the first pass would be a second volume."""
    last, whole = None, None
    for header, frame in slices:
        with naming(file_name(header)):
            if header is not last:
                last, whole = header, _opened(Path(header.filename), notes)
            plane = read_plane(whole, frame, window, notes)
        yield plane


def _scan(
    header: Header, frame: int, planes: Iterable[Plane], found: Stack, window: Window | None, notes: list[str]
) -> Scan:
    count, affine = len(found.order), found.affine
    voxels, shown, padding = joined(planes, count, window, notes)
    spacing: tuple[float, ...] | None = None
    if affine is None:
        spacing = film_spacing(header, frame, notes)
    directions = film_directions(header, frame, notes) if count == 1 else None
    if spacing and count > 1:  # a stack without positions: z only if the file says so
        between = abs(float(header.get("SpacingBetweenSlices") or 0))  # NM's sign is a direction
        spacing = (*spacing, between) if between > 0 else None
    if header.get("PresentationIntentType") == "FOR PROCESSING" or sop_class(header) in _RAW:
        notes.append("picture: raw values FOR PROCESSING, not the picture for presentation")
    inverted = header.get("PhotometricInterpretation") == "MONOCHROME1"
    if header.get("PresentationLUTShape") == ("IDENTITY" if inverted else "INVERSE"):
        notes.append("picture: PhotometricInterpretation is followed, PresentationLUTShape disagrees")
    modality = str(header.get("Modality") or "")
    return Scan(
        voxels,
        spacing=spacing,
        affine=affine,
        affine_source=None if affine is None else "dicom",
        modality=modality if modality.isalnum() and len(modality) <= 16 else None,
        window=None if shown is None else (shown.low, shown.high),
        curve="line" if shown is None else shown.curve,
        inverted=inverted,
        directions=directions,
        positions=found.positions,
        padding=padding,
    )


def _quietly(read: Callable[[list[str]], _Read], name: str) -> tuple[_Read, list[str]]:
    """Turn what pydicom logs and warns into notes; its own texts quote a patient's values.

    Our error is raised where no header is in reach: neither its context nor its traceback's locals
    lead to one.
    """
    notes, log = list[str](), logging.getLogger("pydicom")
    found: _Read | InputError
    with _ONE_AT_A_TIME, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        level = log.level
        log.setLevel(logging.CRITICAL + 1)  # its children log too; a filter would not reach them
        try:
            found = read(notes)
        except InputError as error:
            fields = {"code": error.code, "hint": error.hint, "where": error.where or name}
            found = type(error)(error.message, **fields)
        finally:
            log.setLevel(level)
    if isinstance(found, InputError):
        raise found
    longer = ["excess padding" in str(warning.message) for warning in caught]
    if any(longer):
        notes.append("DICOM: the pixel data is longer than its header says")
    if not all(longer):
        notes.append("DICOM: the file departs from the standard in some field")
    return found, notes
