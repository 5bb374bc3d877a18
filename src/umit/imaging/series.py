"""Where DICOM slices lie in the patient: their order, and one affine for all of them."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from umit.errors import InputError, MissingMetadataError
from umit.geometry import Affine
from umit.imaging.orientation import to_affine
from umit.imaging.scan import MAX_VOXELS

__all__ = ["frame_stack", "functional", "stack"]

_Header: TypeAlias = Any  # pydicom.Dataset, which is not typed
_Array: TypeAlias = NDArray[np.float64]

_SAME = 1e-3  # cosines, and mm between positions; scanners write 6 digits
_JITTER = 0.01  # of the spacing between slices, above which a gap is reported
_SKEW = 0.01  # length and angle of direction cosines; more is no rounding
_TILT = 1.0  # degrees between the stack and the normal of its slices: a tilted gantry


def stack(headers: list[_Header], name: str, notes: list[str]) -> tuple[list[int], Affine]:
    """Return the order of a series' slices along their normal, and the volume's affine.

    Args:
        headers: One a slice, any order.
        name: Base name of the folder, for messages.
        notes: Takes warnings about gaps and tilt.

    Returns:
        Indices into ``headers``, and voxel index ``(x, y, z)`` to RAS+ mm.

    Raises:
        MissingMetadataError: No position, orientation or spacing.
        InputError: Several series, sizes or orientations, colour, or two slices at one place.
    """
    if len(headers) < 2:
        raise InputError(
            f"expected several DICOM pictures, got {len(headers)}", code="series", where=name
        )
    _check_alike(headers, name)
    _check_size(len(headers), headers[0], name)
    if any(int(header.get("NumberOfFrames") or 1) > 1 for header in headers):
        raise InputError(
            "expected one slice a file, got several multi-frame files",
            code="multi_frame",
            where=name,
            hint="Pass one of the files.",
        )
    return _grid(
        np.array([_numbers(h, "ImagePositionPatient", 3, name) for h in headers]),
        np.array([_numbers(h, "ImageOrientationPatient", 6, name) for h in headers]),
        np.array([_numbers(h, "PixelSpacing", 2, name) for h in headers]),
        name,
        notes,
        hint="Keep one time, echo or contrast phase.",
    )


def frame_stack(
    header: _Header, count: int, name: str, notes: list[str]
) -> tuple[list[int], Affine | None]:
    """Return the order of a multi-frame file's frames, and the affine where it records one.

    Args:
        header: The file's.
        count: How many frames, at least two.
        name: Base name of the file, for messages.
        notes: Takes warnings.

    Raises:
        MissingMetadataError: Positions without orientation or spacing.
        InputError: Colour, frames over time, several orientations, or two frames at one place.
    """
    _check_size(count, header, name)
    over_time = any(tag in header for tag in ("FrameTime", "FrameTimeVector", "CineRate"))
    if header.get("SamplesPerPixel", 1) != 1 or over_time:
        raise InputError(
            f"expected one frame or a grey volume, got {count} frames in colour or over time",
            code="multi_frame",
            where=name,
            hint="Choose one with umit.load(..., frame=k).",
        )
    each = header.get("PerFrameFunctionalGroupsSequence")
    if each and len(each) != count:
        raise InputError(
            f"expected functional groups for {count} frames, got {len(each)}",
            code="malformed",
            where=name,
            hint="Choose one frame with umit.load(..., frame=k).",
        )
    places = [functional(header, k, "PlanePositionSequence") for k in range(count)]
    if places[0] is header:
        notes.append("orientation: frames without positions, shown as stored")
        return list(range(count)), None
    turns = [functional(header, k, "PlaneOrientationSequence") for k in range(count)]
    pixel = [functional(header, k, "PixelMeasuresSequence") for k in range(count)]
    return _grid(
        np.array([_numbers(place, "ImagePositionPatient", 3, name) for place in places]),
        np.array([_numbers(turn, "ImageOrientationPatient", 6, name) for turn in turns]),
        np.array([_numbers(measure, "PixelSpacing", 2, name) for measure in pixel]),
        name,
        notes,
        hint="Choose one frame with umit.load(..., frame=k).",
    )


def functional(header: _Header, frame: int, sequence: str) -> _Header:
    """Return what an enhanced file says of one frame, else of all frames, else the file itself."""
    each, shared = header.get("PerFrameFunctionalGroupsSequence"), None
    if each and frame < len(each):
        shared = each[frame].get(sequence)
    if not shared and header.get("SharedFunctionalGroupsSequence"):
        shared = header.SharedFunctionalGroupsSequence[0].get(sequence)
    return shared[0] if shared else header


def _grid(
    positions: _Array, turns: _Array, pixel: _Array, name: str, notes: list[str], *, hint: str
) -> tuple[list[int], Affine]:
    """Sort slices along their normal and lay one affine through them; DICOM is LPS, we are RAS+."""
    if np.ptp(turns, axis=0).max() > _SAME or np.ptp(pixel, axis=0).max() > _SAME:
        raise InputError(
            "expected one orientation and spacing, got several",
            code="mixed_orientation",
            where=name,
            hint="Leave localizers out, or choose one with frame=.",
        )
    along_row, along_column, normal = _directions(turns[0], name)
    heights = positions @ normal
    order = np.argsort(heights, kind="stable")
    gaps = np.diff(heights[order])
    if gaps.min() < _SAME:
        places = 1 + int((gaps >= _SAME).sum())
        raise InputError(
            f"expected one slice at each place, got {len(order)} at {places} places",
            code="duplicate_slice",
            where=name,
            hint=hint,
        )
    step = (positions[order[-1]] - positions[order[0]]) / (len(order) - 1)
    straight = positions[order[0]] + np.arange(len(order))[:, None] * step
    off = float(np.linalg.norm(positions[order] - straight, axis=1).max())
    _note_gaps(gaps, off, notes)
    lean = np.degrees(np.arccos(min(1.0, abs(step @ normal) / np.linalg.norm(step))))
    if lean > _TILT:
        notes.append(f"series: slices are sheared by {lean:.0f} degrees, as by a tilted gantry")
    matrix = np.eye(4)
    matrix[:3, 0] = along_row * pixel[0, 1]  # PixelSpacing is (between rows, between columns)
    matrix[:3, 1] = along_column * pixel[0, 0]
    matrix[:3, 2] = step
    matrix[:3, 3] = positions[order[0]]
    matrix[:2] *= -1
    return [int(k) for k in order], to_affine(matrix + 0.0)  # no negative zeros


def _directions(turn: _Array, name: str) -> tuple[_Array, _Array, _Array]:
    """Return unit vectors along rows, along columns and across, from ImageOrientationPatient."""
    lengths = np.linalg.norm(turn.reshape(2, 3), axis=1)
    if (np.abs(lengths - 1) > _SKEW).any() or abs(turn[:3] @ turn[3:]) > _SKEW:
        raise InputError(
            "expected two perpendicular directions of length 1 in ImageOrientationPatient, "
            "got others",
            code="orientation",
            where=name,
            hint="Pass one file as a film.",
        )
    along_row, along_column = turn[:3] / lengths[0], turn[3:] / lengths[1]
    normal = np.cross(along_row, along_column)
    return along_row, along_column, normal / np.linalg.norm(normal)


def _note_gaps(gaps: _Array, off: float, notes: list[str]) -> None:
    """Say where one step between slices does not fit them all, and by how many mm."""
    typical = float(np.median(gaps))
    uneven = bool(np.abs(gaps - typical).max() > _JITTER * typical)
    if not uneven and off <= _JITTER * typical:
        return
    missing = int((np.rint(gaps / typical) - 1).clip(0).sum())
    notes.append(
        f"series: slices are {gaps.min():.2f} to {gaps.max():.2f} mm apart"
        + (f", {missing} may be missing" if missing else "")
        + f"; one even grid puts some of them {off:.2f} mm off"
    )


def _check_alike(headers: list[_Header], name: str) -> None:
    for tag, what in (
        ("SeriesInstanceUID", "series"),
        ("FrameOfReferenceUID", "frame of reference"),
        ("Rows", "size"),
        ("Columns", "size"),
        ("PhotometricInterpretation", "kind of picture"),
        ("SamplesPerPixel", "kind of picture"),
    ):
        values = {str(header.get(tag)) for header in headers}
        if len(values) > 1 or values & {"RGB", "3"}:
            raise InputError(
                f"expected grey slices of one {what}, got {len(values)} or colour",
                code="mixed_series",
                where=name,
                hint="Put each series into a folder of its own.",
            )


def _check_size(count: int, header: _Header, name: str) -> None:
    voxels = count * int(header.Rows) * int(header.Columns)
    if voxels > MAX_VOXELS:
        raise InputError(
            f"expected at most {MAX_VOXELS} voxels, got {voxels}",
            code="volume_limit",
            where=name,
        )


def _numbers(header: _Header, tag: str, count: int, name: str) -> list[float]:
    values = [float(value) for value in header.get(tag) or ()]
    if len(values) != count or not np.isfinite(values).all():
        raise MissingMetadataError(
            f"expected {count} numbers in {tag}, which places a slice, got {len(values)}",
            code="position",
            where=name,
            hint="Pass one file as a film.",
        )
    return values
