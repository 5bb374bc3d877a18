"""A DICOM file to its header: plain, deflated, gzipped or without a preamble, within limits of memory."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Final

from umit.errors import InputError, UnsupportedFormatError
from umit.imaging import stream
from umit.imaging.attributes import Header
from umit.imaging.faults import truncated
from umit.imaging.fragments import index_frames
from umit.imaging.limits import MAX_BYTES, check_megapixels
from umit.imaging.mosaic import CSA_TAGS
from umit.imaging.tables import PALETTES

__all__ = ["OVERLAY_BITS", "PIXELS", "looks_like_dicom", "open_dicom"]

PIXELS: Final = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_SIZES = "Rows Columns SamplesPerPixel BitsAllocated NumberOfFrames"
_NEEDED = f"{_SIZES} BitsStored HighBit PixelRepresentation RescaleSlope RescaleIntercept DoseGridScaling"
# Nothing else is read from a file, so that no patient's name is ever in memory.
_TAGS = f"""
    Modality SOPClassUID SOPInstanceUID SeriesInstanceUID FrameOfReferenceUID ImageType {_SIZES}
    FrameIncrementPointer FrameTime FrameTimeVector CineRate SliceVector
    DetectorInformationSequence DimensionOrganizationType DimensionIndexSequence
    ConcatenationUID InConcatenationTotalNumber ConcatenationFrameOffsetNumber
    ImagesInAcquisition NumberOfSlices InstanceNumber AcquisitionNumber EchoTime EchoNumbers
    AcquisitionTime FrameReferenceTime TemporalPositionIdentifier TriggerTime DiffusionBValue
    PresentationIntentType PresentationLUTShape GridFrameOffsetVector DoseGridScaling DoseUnits
    BitsStored HighBit PixelRepresentation PhotometricInterpretation PlanarConfiguration
    PixelPaddingValue PixelPaddingRangeLimit FloatPixelPaddingValue FloatPixelPaddingRangeLimit
    DoubleFloatPixelPaddingValue DoubleFloatPixelPaddingRangeLimit
    RescaleSlope RescaleIntercept RescaleType ModalityLUTSequence VOILUTSequence VOILUTFunction
    WindowCenter WindowWidth WindowCenterWidthExplanation PixelSpacing PixelSpacingCalibrationType
    ImagerPixelSpacing NominalScannedPixelSpacing SpacingBetweenSlices ImagePositionPatient
    PixelAspectRatio SequenceOfUltrasoundRegions
    ImageOrientationPatient PatientOrientation SharedFunctionalGroupsSequence
    PerFrameFunctionalGroupsSequence ExtendedOffsetTable ExtendedOffsetTableLengths
    {" ".join(f"{table}Descriptor {table}Data Segmented{table}Data" for table in PALETTES)}
    {" ".join(PIXELS)}
"""
OVERLAY_BITS: Final = range(0x60000102, 0x60200102, 0x00020000)  # OverlayBitPosition, PS3.3 C.9.2
_NUMBERS = {"DS", "FD", "FL", "IS", "SL", "SS", "UL", "US", "US or SS", "SV", "UV"}
_META, _FIRST, _FIRST_BIG = b"\x02\0", b"\x08\0", b"\0\x08"  # groups 2 and 8: PS3.5 7.1
_DEEPEST = 16  # sequences in sequences that are looked at; functional groups need three
_BESIDES = 2**26  # bytes that a file may hold beside its pixels: overlays, icons, other sequences


def looks_like_dicom(head: bytes) -> bool:
    """Tell from the first bytes: a preamble, or the elements that a file without one starts with."""
    if head[128:132] == b"DICM":
        return True
    if head.startswith((_META, _FIRST, _FIRST_BIG)) and head[4:6].isalpha() and head[4:6].isupper():
        return True  # a value representation
    # Implicit: a tag and its length, which leads to the next tag of the group.
    length = int.from_bytes(head[4:8], "little")
    behind = head[8 + length : 12 + length] if length < 65 else b""
    return head.startswith(_FIRST) and behind.startswith(_FIRST) and head[2:4] < behind[2:4]


def open_dicom(path: Path, notes: list[str], *, pixels: bool = True) -> Header:
    """Read the fields that umit uses, and index coded frames; what cannot be read is left out, and named.

    Raises:
        UnsupportedFormatError: Not DICOM.
        InputError: It breaks off, its structure is damaged, or it inflates beyond what it holds.
    """
    with path.open("rb") as file:
        source, meta = _unpacked(file)
        header = _read(source, pixels)
        if meta is not None:
            header.file_meta = meta
        header.filename = str(path)  # by which a series' messages name it
        _settle(header.file_meta, notes)
        if header.file_meta.get("TransferSyntaxUID") is None:
            header.file_meta.TransferSyntaxUID = _spelled_syntax(header)
            notes.append("DICOM: no transfer syntax is stated, it is taken from the bytes")
        _settle(header, notes)
        if pixels and not any(tag in header for tag in PIXELS):
            _check_ending(source)
    if pixels:
        index_frames(header, notes)
    return header


def _read(source: BinaryIO, pixels: bool, names: str = _TAGS) -> Header:
    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError

    source.seek(0)
    force = isinstance(source, BytesIO) or looks_like_dicom(source.read(132))
    source.seek(0)
    try:
        wanted: list[Any] = list(_tags(names))
        return dcmread(source, stop_before_pixels=not pixels, specific_tags=wanted, force=force)
    except InvalidDicomError:
        raise UnsupportedFormatError(
            "expected a DICOM file, got one that starts like none",
            code="not_dicom",
            hint="It has neither a preamble nor the elements that DICOM starts with.",
        ) from None
    except _broken() as error:
        raise InputError(
            f"expected a whole DICOM file, got one whose elements cannot be told apart ({type(error).__name__})",
            code="malformed",
            hint="It breaks off or is damaged; fetch the file again.",
        ) from None


@cache
def _tags(names: str) -> tuple[int, ...]:
    from pydicom.datadict import tag_for_keyword

    found = (tag_for_keyword(name) for name in names.split())
    return (*(tag for tag in found if tag is not None), *OVERLAY_BITS, *CSA_TAGS)


@cache
def _broken() -> tuple[type[Exception], ...]:
    """What pydicom is seen to raise on damaged files; only its own calls stand before these."""
    from pydicom.errors import BytesLengthException

    return (
        BytesLengthException,
        OSError,
        EOFError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        ArithmeticError,
        MemoryError,
        RuntimeError,  # NotImplementedError, and RecursionError: sequences nested hundreds deep
        struct.error,
    )


def _spelled_syntax(header: Header) -> str:
    """Return the transfer syntax of a file without group 2, as pydicom parsed its bytes."""
    from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

    implicit, little = header.original_encoding
    explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
    return ImplicitVRLittleEndian if implicit else explicit


def _settle(data: Header, notes: list[str], depth: int = 0) -> None:
    """Convert every value now, so that none raises later, within our code.

    What cannot be converted is left out, unless the pixels' numbers hang on it.
    """
    from pydicom.datadict import keyword_for_tag

    if depth > _DEEPEST:
        return
    needed, known = _tags(_NEEDED), _tags(_TAGS)
    for tag in list(data.keys()):
        try:
            element = data[tag]
            fits = element.VR == "SQ" or _fits(element)
        except _broken():
            fits = False
        if not fits and tag in needed:
            raise InputError(
                f"expected a number in {keyword_for_tag(tag)}, got something else",
                code="malformed",
                hint="The field is damaged; fetch or export the file again.",
            )
        if not fits:
            del data[tag]
            if tag in known:
                notes.append(f"DICOM: {keyword_for_tag(tag)} cannot be read, passed over")
        elif element.VR == "SQ":
            for item in element.value:
                _settle(item, notes, depth + 1)


def _fits(element: Any) -> bool:
    """Whether a value that must be one, or a number, is."""
    from pydicom.datadict import dictionary_has_tag, dictionary_VM, dictionary_VR
    from pydicom.multival import MultiValue

    tag, value = element.tag, element.value
    if not dictionary_has_tag(tag) or value is None or value == "":
        return True
    numbers = value if isinstance(value, MultiValue | list) else [value]
    count = dictionary_VM(tag)
    if count.isdecimal() and count != "2" and len(numbers) != int(count):  # film reads pairs itself
        return False
    return dictionary_VR(tag) not in _NUMBERS or all(isinstance(n, int | float) for n in numbers)


def _check_ending(source: BinaryIO) -> None:
    """Tell a file that ends within its pixels, which pydicom drops, from one that has none."""
    _read(source, pixels=False)
    if source.read(2) in (b"\xe0\x7f", b"\x7f\xe0"):
        raise truncated("a whole DICOM file", "one that ends within its pixels")


def _unpacked(file: BinaryIO) -> tuple[BinaryIO, Header | None]:
    """Return what pydicom can read, and the file meta where it stands apart from it."""
    from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

    packed = file.read(2) == stream.GZIP
    if packed:
        file.seek(0)
        file = _inflated(stream.inflated(file))
    meta = _file_meta(file)
    if meta is None or meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
        return file, None
    if packed:
        raise UnsupportedFormatError(
            "expected a DICOM file packed once, got a gzip of a deflated one",
            code="format",
            hint="Unpack it with gunzip first.",
        )
    meta.TransferSyntaxUID = ExplicitVRLittleEndian  # what is read is no longer deflated
    return _inflated(stream.inflated(file, gzipped=False)), meta


def _file_meta(file: BinaryIO) -> Header | None:
    """Return group 2, which is never deflated (PS3.10 7.1), and leave the file behind it."""
    from pydicom.dataset import FileMetaDataset
    from pydicom.filereader import read_dataset

    file.seek(0)
    if file.read(132)[128:] != b"DICM":
        file.seek(0)
    try:
        meta = FileMetaDataset(read_dataset(file, False, True, stop_when=lambda tag, *_: tag >= 0x30000))
    except _broken():
        return None
    _settle(meta, [])
    return meta


def _inflated(pieces: Iterator[bytes]) -> BytesIO:
    """Collect what a packed file holds, no more than the pixels it claims and some fields beside."""
    whole, most, looked = BytesIO(), _BESIDES, 2**20
    try:
        for piece in pieces:
            whole.write(piece)
            size = whole.tell()
            if most == _BESIDES and size >= looked:
                most, looked = max(_BESIDES, _claimed(whole)), 2 * size
                whole.seek(size)
            if size > most:
                raise InputError(
                    f"expected at most {most} bytes once unpacked, got more",
                    code="volume_limit",
                    hint="It holds far more than the picture that its header describes.",
                )
    except (EOFError, OSError, zlib.error) as error:
        got = f"one that breaks off or is damaged ({type(error).__name__})"
        raise truncated("a whole packed DICOM file", got) from None
    return whole


def _claimed(start: BinaryIO) -> int:
    """Return the bytes that the start of a file claims, 0 where its pixels are not yet in reach."""
    try:
        header = _read(start, False, _SIZES)
        rows, columns = int(header.Rows), int(header.Columns)
        frames = int(header.get("NumberOfFrames") or 1)
        size = frames * rows * columns * int(header.SamplesPerPixel) * int(header.BitsAllocated)
    except (InputError, AttributeError, TypeError, ValueError):  # not yet whole, or no picture
        return 0
    if start.read(2) not in (b"\xe0\x7f", b"\x7f\xe0"):
        return 0
    check_megapixels(rows, columns)
    if size > 8 * MAX_BYTES:
        raise InputError(
            f"expected at most {MAX_BYTES} bytes of pixels, got a header that claims {size // 8}", code="volume_limit"
        )
    return start.tell() + size // 8 + _BESIDES
