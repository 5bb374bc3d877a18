"""What a DICOM film says of its pixels in the patient: their size in mm, and which way they run."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from umit.imaging.attributes import Header, functional, values
from umit.imaging.orientation import OPPOSITE, axis_letters, patient_axis, to_affine

__all__ = ["film_directions", "film_spacing"]

_CENTIMETRES = 3  # of PhysicalUnitsXDirection and Y, DICOM PS3.3 C.8.5.5.1.15
_HEAD_AND_FEET = str.maketrans("HF", "SI")


def film_spacing(header: Header, frame: int, notes: list[str]) -> tuple[float, float] | None:
    """Return mm ``(x, y)`` of one frame, and say where they were not measured in the body."""
    measured = functional(header, frame, "PixelMeasuresSequence")
    body, detector = _pair(measured, "PixelSpacing", notes), _pair(header, "ImagerPixelSpacing", [])
    if body is not None:
        kind = str(header.get("PixelSpacingCalibrationType") or "")
        if kind in ("GEOMETRY", "FIDUCIAL"):  # DICOM PS3.3 10.7.1.3
            notes.append(f"spacing: from PixelSpacing, calibrated by {kind.lower()}")
        elif body == detector:
            notes.append("spacing: from PixelSpacing, at the detector and not in the body")
        return body
    for tag, where in (
        ("ImagerPixelSpacing", "at the detector and not in the body"),
        ("NominalScannedPixelSpacing", "on the paper or film scanned"),
    ):
        pair = _pair(header, tag, notes)
        if pair is not None:
            notes.append(f"spacing: from {tag}, {where}")
            return pair
    scale = _ultrasound_spacing(header, notes)
    if scale is None:
        _note_ratio(header, notes)
    return scale


def _ultrasound_spacing(header: Header, notes: list[str]) -> tuple[float, float] | None:
    """Return mm ``(x, y)`` of the one region that is the whole picture (DICOM PS3.3 C.8.5.5)."""
    regions = list(header.get("SequenceOfUltrasoundRegions") or ())
    whole = [region for region in regions if _covers(region, header)]
    if len(whole) == 1:
        (region,) = whole
        units = (region.get("PhysicalUnitsXDirection"), region.get("PhysicalUnitsYDirection"))
        # A scale that runs against the pixels is written as a negative number.
        x, y = (abs(float(region.get(f"PhysicalDelta{axis}") or 0)) * 10 for axis in "XY")
        if units == (_CENTIMETRES, _CENTIMETRES) and 0 < x < math.inf and 0 < y < math.inf:
            notes.append("spacing: from the ultrasound region that covers the picture")
            return x, y
    if regions:
        notes.append("spacing: none known; no one ultrasound region in cm covers the picture")
    return None


def _covers(region: Header, header: Header) -> bool:
    """Whether a region reaches from the first pixel to the last; its corners are pixels inside."""
    ends = [region.get(f"RegionLocation{end}") for end in ("MinX0", "MinY0", "MaxX1", "MaxY1")]
    if not all(isinstance(end, int) for end in ends):
        return False
    left, top, right, low = ends
    inside = right < int(header.Columns) - 1 or low < int(header.Rows) - 1
    return (left, top) == (0, 0) and not inside


def _note_ratio(header: Header, notes: list[str]) -> None:
    """Say where pixels are not square although no size in mm is known."""
    ratio = _pair(header, "PixelAspectRatio", notes)
    if ratio is not None and ratio[0] != ratio[1]:
        across, down = ratio
        notes.append(
            f"spacing: none known, and pixels are not square: they are {down:g} high "
            f"and {across:g} wide (PixelAspectRatio)"
        )


def film_directions(header: Header, frame: int, notes: list[str]) -> str | None:
    """Return where x and y of one picture run to in the patient, such as ``"LI"``, if a tag tells."""
    told = _told(header)
    plane = functional(header, frame, "PlaneOrientationSequence")
    measured = _measured(plane.get("ImageOrientationPatient"))
    if told and measured and told != measured:
        notes.append("orientation: PatientOrientation and ImageOrientationPatient disagree, the second is followed")
    return measured or told


def _pair(header: Header, tag: str, notes: list[str]) -> tuple[float, float] | None:
    try:
        pair = [float(value) for value in header.get(tag) or ()]
    except (TypeError, ValueError):  # one number alone, or none: 1.5 is no PixelAspectRatio's
        pair = [math.nan]
    if len(pair) == 2 and all(0 < value < math.inf for value in pair):
        return pair[1], pair[0]  # the file says (between rows, between columns)
    if pair:
        notes.append(f"spacing: {tag} is not two positive numbers, passed over")
    return None


def _told(header: Header) -> str | None:
    """Read PatientOrientation, whose two values name their main direction first (C.7.6.1.1.1)."""
    words = [str(word) for word in values(header, "PatientOrientation")]
    letters = "".join(word[:1] for word in words).translate(_HEAD_AND_FEET)
    if not len(words) == len(letters) == 2 or not set(letters) <= OPPOSITE.keys():
        return None
    return letters if len({patient_axis(letter) for letter in letters}) == 2 else None


def _measured(value: Any) -> str | None:
    """Read the main directions of ImageOrientationPatient; DICOM is LPS, we are RAS+."""
    cosines = np.array([float(number) for number in value or ()])
    if cosines.shape != (6,) or not np.isfinite(cosines).all():
        return None
    row, column = cosines.reshape(2, 3) * (-1, -1, 1)
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack([row, column, np.cross(row, column)], axis=1)
    if abs(np.linalg.det(matrix)) < 0.5:  # no two directions; perpendicular ones give 1
        return None
    return axis_letters(to_affine(matrix))[:2]
