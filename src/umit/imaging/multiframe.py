"""What the frames of one DICOM file are: slices of a volume, or something else that needs a choice."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from umit.errors import InputError, UnsupportedFormatError
from umit.imaging.attributes import Header, file_name, functional, numbers, sop_class, values, whole, words
from umit.imaging.grid import Stack
from umit.imaging.series import CHOOSE, Slice, along_normal, check_size, dimensions, placed

__all__ = ["check_parts", "check_picture", "frame_stack", "is_dose", "pictures", "slices_of"]

#: Objects whose pixels are no picture of the patient, by SOP class (DICOM PS3.6 A) or modality.
_NO_PICTURES: Final = {
    "1.2.840.10008.5.1.4.1.1.66.4": "a segmentation",
    "1.2.840.10008.5.1.4.1.1.66.7": "a label map",
    "1.2.840.10008.5.1.4.1.1.30": "a parametric map",
    "1.2.840.10008.5.1.4.1.1.81.1": "an ophthalmic thickness map",
    "1.2.840.10008.5.1.4.1.1.82.1": "a corneal topography map",
    "SEG": "a segmentation",
}
_DOSE: Final = "1.2.840.10008.5.1.4.1.1.481.2"
_SLIDE: Final = "1.2.840.10008.5.1.4.1.1.77.1.6"
_TIMES: Final = ("FrameTime", "FrameTimeVector", "CineRate")


def _no_picture(header: Header) -> str | None:
    """Return what an object is whose pixels are no picture of the patient, else ``None``."""
    by_class = _NO_PICTURES.get(sop_class(header))
    return by_class or _NO_PICTURES.get(str(header.get("Modality") or ""))


def is_dose(header: Header) -> bool:
    """Tell whether an object is an RT Dose."""
    return sop_class(header) == _DOSE or header.get("Modality") == "RTDOSE"


def check_picture(header: Header) -> None:
    """Refuse segmentations and maps by name."""
    kind = _no_picture(header)
    if kind is not None:
        raise UnsupportedFormatError(
            f"expected a picture of the patient, got {kind}",
            code="not_a_picture",
            hint="Pass the images that it was made from.",
        )


def pictures(headers: list[Header], notes: list[str]) -> list[Header]:
    """Return those of a folder that hold pictures of the patient, and name what is left out."""
    with_pixels = [header for header in headers if "Rows" in header]
    shown = [header for header in with_pixels if _no_picture(header) is None]
    if with_pixels and not shown:
        check_picture(with_pixels[0])
    kept = [header for header in shown if not is_dose(header)] or shown
    if not kept:
        raise InputError(
            f"expected DICOM pictures, got {len(headers)} files without any",
            code="no_pixels",
            hint="Reports, plans and directories hold none.",
        )
    used = set(map(id, kept))
    left = [header for header in headers if id(header) not in used]
    kinds = {(sop_class(header), header.get("Modality")) for header in kept}
    for header in left:
        if "Rows" not in header and (sop_class(header), header.get("Modality")) in kinds:
            raise InputError(
                f"expected the slices of a series, got {file_name(header)}, a slice without a picture",
                code="truncated",
                hint="It may break off; fetch it again.",
            )
    if left:
        names = ", ".join(map(file_name, left))
        notes.append(f"folder: left out {names}, no pictures of the patient")
    return kept


def slices_of(headers: list[Header], notes: list[str]) -> list[Slice]:
    """Return a series' slices: one a file, or the frames of one concatenation."""
    counts = [int(header.get("NumberOfFrames") or 1) for header in headers]
    whole = {header.get("ConcatenationUID") for header in headers}
    if len(whole) == 1 and whole != {None}:
        check_parts(headers, notes)
    elif max(counts) > 1:
        raise InputError(
            "expected one slice a file, got several files with multi-frame ones among them",
            code="multi_frame",
            hint="Pass one of the files.",
        )
    return [(header, k) for header, n in zip(headers, counts, strict=True) for k in range(n)]


def check_parts(headers: list[Header], notes: list[str]) -> None:
    """Refuse a concatenation that lacks parts (DICOM PS3.3 C.7.6.16.1.3)."""
    total = max(whole(header, "InConcatenationTotalNumber") or 0 for header in headers)
    starts = sorted(
        (whole(header, "ConcatenationFrameOffsetNumber") or 0, whole(header, "NumberOfFrames") or 1)
        for header in headers
    )
    ends = [0, *(start + count for start, count in starts[:-1])]
    if total not in (0, len(headers)) or [start for start, _ in starts] != ends:
        few = len(headers) < total
        got = f"{len(headers)} of {total}" if few else "some that overlap or leave frames out"
        raise InputError(
            f"expected all parts of a concatenation, got {got}",
            code="concatenation",
            hint="Pass the folder with all of its files, or choose one frame of a file with frame=.",
        )
    if not total:
        notes.append("series: a concatenation that does not say how many parts it has")


def frame_stack(header: Header, count: int, notes: list[str]) -> Stack:
    """Return the order of the two or more frames of a file, and where they lie if it records that."""
    check_size(count, header)
    slices = [(header, frame) for frame in range(count)]
    each = header.get("PerFrameFunctionalGroupsSequence")
    if each and len(each) != count:
        raise InputError(
            f"expected functional groups for {count} frames, got {len(each)}", code="malformed", hint=CHOOSE
        )
    pointed = _pointers(header)
    if header.get("SamplesPerPixel", 1) == 1 and not _tiled(header):
        if any(functional(*one, "PlanePositionSequence") is not header for one in slices):
            over = dimensions(slices)
            hint = f"They run over {over}. {CHOOSE}" if over else CHOOSE
            return placed(slices, notes, label=lambda k: f"frame {k}", hint=lambda a, b: hint)
        if pointed == ["GridFrameOffsetVector"] or (is_dose(header) and not pointed):
            return _dose_stack(header, count, notes)
        if pointed == ["SliceVector"]:
            return _slice_vector_stack(header, count, notes)
    colour = "colour " if header.get("SamplesPerPixel", 1) != 1 else ""
    raise InputError(
        f"expected the slices of a volume, got {count} {colour}frames {_told(header, slices)}",
        code="multi_frame",
        hint=CHOOSE,
    )


def _told(header: Header, slices: list[Slice]) -> str:
    """Say what frames are that are no slices, as far as their file does."""
    if _tiled(header):
        return "that are tiles of one picture"
    over = " × ".join(map(words, _pointers(header))) or dimensions(slices)
    over = over or next((words(tag) for tag in _TIMES if tag in header), "")
    return f"over {over}" if over else "without positions or a FrameIncrementPointer that names them"


def _pointers(header: Header) -> list[Any]:
    """Return the keywords, or the private tags, that FrameIncrementPointer names."""
    from pydicom.datadict import keyword_for_tag

    return [keyword_for_tag(tag) or tag for tag in values(header, "FrameIncrementPointer")]


def _tiled(header: Header) -> bool:
    each = header.get("PerFrameFunctionalGroupsSequence") or ()
    return (
        str(header.get("DimensionOrganizationType") or "").startswith("TILED")
        or sop_class(header) == _SLIDE
        or any("PlanePositionSlideSequence" in item for item in each)
    )


def _dose_stack(header: Header, count: int, notes: list[str]) -> Stack:
    """Place dose planes by their offsets along the normal, or by z (DICOM PS3.3 C.8.8.3.2)."""
    offsets = np.array(numbers(header, "GridFrameOffsetVector", count))
    if offsets[0] != 0:
        z = numbers(header, "ImagePositionPatient", 3)[2]
        turn = numbers(header, "ImageOrientationPatient", 6)
        if abs(offsets[0] - z) > 0.01 or not np.allclose(turn, (1, 0, 0, 0, 1, 0)):
            raise InputError(
                "expected a GridFrameOffsetVector that starts with 0, or z of axial planes with that "
                f"of ImagePositionPatient, got {offsets[0]:g}",
                code="malformed",
                hint=CHOOSE,
            )
        offsets = offsets - offsets[0]
    return along_normal(header, header, offsets, notes)


def _slice_vector_stack(header: Header, count: int, notes: list[str]) -> Stack:
    """Place the frames of a reconstructed nuclear medicine volume (DICOM PS3.3 C.8.4.11, C.8.4.15)."""
    vector = np.array(values(header, "SliceVector"), dtype=np.int64)
    if sorted(vector.tolist()) != list(range(1, count + 1)):
        raise InputError(
            f"expected a SliceVector that counts {count} frames, got another", code="multi_frame", hint=CHOOSE
        )
    detector = (list(header.get("DetectorInformationSequence") or ()) or [header])[0]
    known = header.get("SpacingBetweenSlices") is not None
    step = numbers(header, "SpacingBetweenSlices", 1)[0] if known else 0.0
    if "ImagePositionPatient" in detector and "ImageOrientationPatient" in detector and step:
        return along_normal(header, detector, (vector - 1) * step, notes)
    notes.append("orientation: frames without positions, shown as stored")
    return Stack([int(k) for k in np.argsort(vector)])
