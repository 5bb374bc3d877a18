"""The slices of one DICOM series: whether they belong together, and what is not there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from umit.errors import InputError
from umit.imaging.attributes import Header, file_name, functional, numbers, values, whole, words
from umit.imaging.grid import Stack, grid
from umit.imaging.limits import check_volume

__all__ = ["CHOOSE", "Slice", "along_normal", "check_size", "dimensions", "placed", "stack"]

Slice: TypeAlias = "tuple[Header, int]"  # a file's header, and which of its frames
CHOOSE = "Choose one with umit.load(..., frame=k)."

# What tells slices at one place apart.
_APART = """
    EchoTime EchoNumbers TemporalPositionIdentifier TriggerTime FrameReferenceTime DiffusionBValue
    AcquisitionNumber AcquisitionTime ImageType
""".split()  # noqa: SIM905  (one name a line would fill a page)


def stack(slices: list[Slice], notes: list[str]) -> Stack:
    """Return the order of a series' slices along their normal, and where they lie."""
    headers = [header for header, _ in slices]
    _check_alike(headers)
    check_size(len(headers), headers[0])
    _note_missing(headers, notes)
    return placed(
        slices, notes, label=lambda k: file_name(slices[k][0]), hint=lambda a, b: _told_apart(slices[a], slices[b])
    )


def placed(
    slices: list[Slice], notes: list[str], *, label: Callable[[int], str], hint: Callable[[int, int], str]
) -> Stack:
    """Stack slices by what each says of its plane, in functional groups or by itself; see :func:`grid`."""

    def each(sequence: str, tag: str, count: int) -> NDArray[Any]:
        return np.array([numbers(functional(*one, sequence), tag, count) for one in slices])

    return grid(
        each("PlanePositionSequence", "ImagePositionPatient", 3),
        each("PlaneOrientationSequence", "ImageOrientationPatient", 6),
        each("PixelMeasuresSequence", "PixelSpacing", 2),
        notes,
        label=label,
        hint=hint,
    )


def along_normal(header: Header, first: Header, offsets: NDArray[Any], notes: list[str]) -> Stack:
    """Stack pictures at some mm along the normal of the first one.

    Args:
        header: With PixelSpacing.
        first: With the first one's ImagePositionPatient and ImageOrientationPatient.
        offsets: mm, one a picture.
        notes: Takes warnings.
    """
    turn = np.array(numbers(first, "ImageOrientationPatient", 6))
    origin, normal = numbers(first, "ImagePositionPatient", 3), np.cross(turn[:3], turn[3:])
    return grid(
        origin + offsets[:, None] * normal / (np.linalg.norm(normal) or 1.0),
        np.tile(turn, (len(offsets), 1)),
        np.tile(numbers(header, "PixelSpacing", 2), (len(offsets), 1)),
        notes,
        label=lambda k: f"frame {k}",
        hint=lambda a, b: CHOOSE,
    )


def _note_missing(headers: list[Header], notes: list[str]) -> None:
    """Say where the files themselves tell that there were more of them."""
    for tag, of in (("ImagesInAcquisition", "AcquisitionNumber"), ("NumberOfSlices", "Modality")):
        groups = [str(header.get(of)) for header in headers]
        for group in dict.fromkeys(groups):
            here = [h for h, its in zip(headers, groups, strict=True) if its == group]
            stated = max(whole(header, tag) or 0 for header in here)
            if stated > len(here):
                notes.append(f"series: {tag} says {stated}, {len(here)} are here; some may be lost")
    found = {whole(header, "InstanceNumber") for header in headers}
    known = sorted(number for number in found if number is not None)
    if len(known) == len(headers):
        first = min(1, known[0])
        lost = known[-1] - first + 1 - len(known)
        if lost:
            notes.append(
                f"series: files are numbered {known[0]} to {known[-1]} (InstanceNumber), "
                f"{lost} of {first} to {known[-1]} are not here; slices may be lost"
            )


def _told_apart(one: Slice, other: Slice) -> str:
    """Return what to do about two slices at one place, by what their headers say of them."""
    a, b = one[0], other[0]
    names = " and ".join(sorted({file_name(a), file_name(b)}))
    uid = a.get("SOPInstanceUID")
    if a is not b and uid and uid == b.get("SOPInstanceUID"):
        return f"{names} are copies of one object (SOPInstanceUID); keep one of them."
    apart = [tag for tag in _APART if a.get(tag) != b.get(tag)]
    differ = ", ".join(apart) or dimensions([one, other])
    if differ:
        return f"{names} differ in {differ}; keep one time, echo or contrast phase."
    return f"Nothing in {names} tells them apart, as with a copy; keep one of them."


def dimensions(slices: list[Slice]) -> str:
    """Name the dimensions along which frames differ, as their file does (DICOM PS3.3 C.7.6.17)."""
    rows = []
    for header, frame in slices:
        content = functional(header, frame, "FrameContentSequence")
        rows.append(values(content, "DimensionIndexValues"))
    names = [
        words(item.get("DimensionIndexPointer"))
        for k, item in enumerate(slices[0][0].get("DimensionIndexSequence") or ())
        if len({tuple(row[k : k + 1]) for row in rows}) > 1
    ]
    return " × ".join(names)


def _check_alike(headers: list[Header]) -> None:
    kinds = [values(header, "ImageType") for header in headers]
    if any("MOSAIC" in kind for kind in kinds):
        raise InputError(
            f"expected one slice a file, got mosaics of many slices in {len(headers)} files",
            code="multi_frame",
            hint="Pass one of the files.",
        )
    pairs = zip(headers, kinds, strict=True)
    scouts = [file_name(header) for header, kind in pairs if {"LOCALIZER", "SCOUT"} & set(kind)]
    if 0 < len(scouts) < len(headers):
        raise InputError(
            f"expected slices of one kind, got localizers among them: {', '.join(scouts)}",
            code="mixed_series",
            hint="Leave the localizers out.",
        )
    for tag, what in (
        ("SeriesInstanceUID", "series"),
        ("FrameOfReferenceUID", "frame of reference"),
        ("Rows", "size"),
        ("Columns", "size"),
        ("PhotometricInterpretation", "kind of picture"),
        ("SamplesPerPixel", "kind of picture"),
    ):
        found = {str(header.get(tag)) for header in headers}
        if len(found) > 1 or found & {"RGB", "3"}:
            raise InputError(
                f"expected grey slices of one {what}, got {len(found)} or colour",
                code="mixed_series",
                hint="Put each series into a folder of its own.",
            )


def check_size(count: int, header: Header) -> None:
    """Refuse a volume beyond the limit before any pixel is read."""
    check_volume(count * (whole(header, "Rows") or 0) * (whole(header, "Columns") or 0))
