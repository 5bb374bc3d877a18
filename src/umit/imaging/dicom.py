"""DICOM files and folders: one film, the frames of one file, or the slices of one series."""

from __future__ import annotations

import logging
import struct
import threading
import warnings
import zlib
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from numpy.typing import NDArray

from umit.errors import InputError, UnsupportedFormatError
from umit.geometry import Affine
from umit.imaging.codecs import check_inflated, frame_count
from umit.imaging.film import film_directions, film_spacing
from umit.imaging.planes import Window, joined, read_plane
from umit.imaging.scan import Scan, pick_frame
from umit.imaging.series import frame_stack, stack
from umit.imaging.voi import Levels

__all__ = ["dicom_size", "read_dicom", "read_series"]

_Header: TypeAlias = Any  # pydicom.Dataset, which is not typed
_Read = TypeVar("_Read")

# Nothing else is read from a file, so that no patient's name is ever in memory.
_TAGS = """
    Modality SeriesInstanceUID FrameOfReferenceUID NumberOfFrames FrameTime FrameTimeVector CineRate
    Rows Columns BitsAllocated BitsStored HighBit PixelRepresentation SamplesPerPixel
    PhotometricInterpretation PlanarConfiguration PixelPaddingValue PixelPaddingRangeLimit
    RescaleSlope RescaleIntercept RescaleType ModalityLUTSequence VOILUTSequence VOILUTFunction
    WindowCenter WindowWidth WindowCenterWidthExplanation PixelSpacing PixelSpacingCalibrationType
    ImagerPixelSpacing NominalScannedPixelSpacing SpacingBetweenSlices ImagePositionPatient
    PixelAspectRatio SequenceOfUltrasoundRegions
    ImageOrientationPatient PatientOrientation SharedFunctionalGroupsSequence
    PerFrameFunctionalGroupsSequence ExtendedOffsetTable ExtendedOffsetTableLengths
    RedPaletteColorLookupTableDescriptor GreenPaletteColorLookupTableDescriptor
    BluePaletteColorLookupTableDescriptor RedPaletteColorLookupTableData
    GreenPaletteColorLookupTableData BluePaletteColorLookupTableData
    SegmentedRedPaletteColorLookupTableData SegmentedGreenPaletteColorLookupTableData
    SegmentedBluePaletteColorLookupTableData PixelData FloatPixelData DoubleFloatPixelData
""".split()  # noqa: SIM905  (one name a line would fill a page)

# catch_warnings and the log's level are the whole process's; two threads at once would leave them.
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
    ArithmeticError,
    MemoryError,
    NotImplementedError,
    RuntimeError,  # RecursionError too: sequences nested hundreds deep
    struct.error,
    zlib.error,
)


def read_dicom(path: Path, *, frame: int | None = None, window: Window = None) -> Scan:
    """Read one DICOM file.

    Args:
        path: The file.
        frame: Which frame, from 0. Without it, several grey frames are a volume.
        window: A preset's name, ``(centre, width)``, or one that the file declares, by its name or
            its index. Given any, no VOI look-up table is applied but one that it names.

    Returns:
        A film, or the volume of a multi-frame file.

    Raises:
        UnsupportedFormatError: Not DICOM, a missing decoder, or colours that are not RGB or YBR.
        InputError: Damaged, no pixels, no such frame or window, or several frames and none chosen.

    Example:
        >>> from pydicom.data import get_testdata_file
        >>> read_dicom(Path(get_testdata_file("CT_small.dcm", download=False))).modality
        'CT'
    """

    def read(notes: list[str]) -> Scan:
        header = _open(path)
        _check_is_file(header)
        count = frame_count(header)
        order, affine = [pick_frame(frame or 0, count, path.name)], None
        if count > 1 and frame is None:
            order, affine = frame_stack(header, count, path.name, notes)
        planes = (read_plane(header, k, window, notes) for k in order)
        stacked = joined(planes, len(order), notes)
        return _scan(header, order[0], stacked, affine, notes, path.name)

    return _noted(read, path.name)


def dicom_size(path: Path) -> tuple[int, ...]:
    """Return ``(columns, rows)`` of a DICOM file, and its frames where there are several; no pixel is read.

    Raises:
        InputError: Not DICOM, damaged, or without rows and columns.
    """

    def read(notes: list[str]) -> tuple[int, ...]:
        header = _open(path, pixels=False)
        _check_is_file(header)
        size = (int(header.Columns), int(header.Rows))
        count = int(header.get("NumberOfFrames") or 1)
        return (*size, count) if count > 1 else size

    return _quietly(read, path.name)[0]


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
    name = paths[0].parent.name

    def read(notes: list[str]) -> Scan:
        first, ordered, affine = _placed(paths, name, notes)
        # Opened again, one at a time: pixels kept from the first pass would be a second volume.
        planes = (read_plane(_open(path), 0, window, notes) for path in ordered)
        stacked = joined(planes, len(ordered), notes)
        return _scan(first, 0, stacked, affine, notes, name)

    return _noted(read, name)


def _placed(paths: list[Path], name: str, notes: list[str]) -> tuple[_Header, list[Path], Affine]:
    """Return the first slice's header, the files in the order of their slices, and the affine."""
    headers = [(_open(path, pixels=False), path) for path in paths]
    pictures = [(header, path) for header, path in headers if "Rows" in header]
    if len(pictures) < len(headers):
        notes.append(f"series: {len(headers) - len(pictures)} files without a picture left out")
    order, affine = stack([header for header, _ in pictures], name, notes)
    return pictures[order[0]][0], [pictures[k][1] for k in order], affine


def _scan(
    header: _Header,
    frame: int,
    stacked: tuple[NDArray[Any], Levels | None],
    affine: Affine | None,
    notes: list[str],
    name: str,
) -> Scan:
    voxels, shown = stacked
    spacing: tuple[float, ...] | None = None
    directions: str | None = None
    if affine is None:
        spacing = film_spacing(header, frame, notes)
    if len(voxels) == 1:
        directions = film_directions(header, frame, notes)
    if spacing and len(voxels) > 1:  # a stack without positions: z only if the file says so
        between = float(header.get("SpacingBetweenSlices") or 0)
        spacing = (*spacing, between) if between > 0 else None
    modality = str(header.get("Modality") or "")
    return Scan(
        voxels,
        spacing=spacing,
        affine=affine,
        affine_source=None if affine is None else "dicom",
        modality=modality if modality.isalnum() and len(modality) <= 16 else None,
        window=None if shown is None else (shown.low, shown.high),
        curve="line" if shown is None else shown.curve,
        inverted=header.get("PhotometricInterpretation") == "MONOCHROME1",
        name=name,
        directions=directions,
    )


def _noted(read: Callable[[list[str]], Scan], name: str) -> Scan:
    found, notes = _quietly(read, name)
    return replace(found, warnings=tuple(dict.fromkeys(notes)))


def _quietly(read: Callable[[list[str]], _Read], name: str) -> tuple[_Read, list[str]]:
    """Turn what pydicom raises, logs and warns into ours; its own texts quote a patient's values.

    Our error is raised where no header is in reach: neither its context nor its traceback's locals
    lead to one.
    """
    from pydicom.errors import BytesLengthException, InvalidDicomError

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
        except InvalidDicomError:
            found = UnsupportedFormatError(
                "expected a DICOM file, got one without its preamble",
                code="not_dicom",
                where=name,
                hint="Save it again as a DICOM Part 10 file.",
            )
        except (BytesLengthException, *_BROKEN) as error:
            found = InputError(
                f"expected a whole DICOM file, got one that breaks off or is malformed "
                f"({type(error).__name__})",
                code="malformed",
                where=name,
                hint="Fetch the file again.",
            )
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


def _open(path: Path, *, pixels: bool = True) -> _Header:
    from pydicom import dcmread

    check_inflated(path)
    return dcmread(path, stop_before_pixels=not pixels, specific_tags=list(_tags()))


@cache
def _tags() -> tuple[int, ...]:
    from pydicom.datadict import tag_for_keyword

    return tuple(tag for tag in map(tag_for_keyword, _TAGS) if tag is not None)


def _check_is_file(header: _Header) -> None:
    from pydicom.uid import MediaStorageDirectoryStorage

    if header.file_meta.get("MediaStorageSOPClassUID") == MediaStorageDirectoryStorage:
        raise InputError(
            "expected a DICOM picture, got a DICOMDIR, whose references are not followed",
            code="dicomdir",
            hint="Pass the folder of one series, or one of its files.",
        )
