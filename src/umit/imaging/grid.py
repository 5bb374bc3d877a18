"""Where slices lie in the patient: their order, one affine, and their own places where they are uneven."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from umit.errors import InputError
from umit.geometry import Affine, Positions
from umit.imaging.orientation import to_affine

__all__ = ["Stack", "grid"]

_Array: TypeAlias = NDArray[np.float64]

_SAME = 1e-3  # cosines, and mm between positions; scanners write 6 digits
_ROUNDED = 0.005  # cosines; what a copy written with two decimals is off by
_CLOSE = 0.01  # of the pixel spacing; the same for a spacing of 0.5 mm
_JITTER = 0.01  # of the spacing between slices, above which they are uneven
_SKEW = 0.01  # length and angle of direction cosines; more is no rounding
_TILT = 1.0  # degrees between the stack and the normal of its slices: a tilted gantry


class Stack(NamedTuple):
    """Slices in order, and where they lie in the patient.

    Args:
        order: Indices of what was stacked, along the normal of the slices.
        affine: Voxel index ``(x, y, z)`` to RAS+ mm, or ``None`` where nothing is recorded.
        positions: RAS+ mm of each slice's first voxel where no even grid fits them, else ``None``.
    """

    order: list[int]
    affine: Affine | None = None
    positions: Positions | None = None


def grid(
    positions: _Array,
    turns: _Array,
    pixel: _Array,
    notes: list[str],
    *,
    label: Callable[[int], str],
    hint: Callable[[int, int], str],
) -> Stack:
    """Sort slices along their normal and lay one affine through them; DICOM is LPS, we are RAS+.

    Args:
        positions: Of each slice's first voxel, mm, shape ``(slice, 3)``.
        turns: Direction cosines along rows, then along columns, shape ``(slice, 6)``.
        pixel: mm between rows and between columns, shape ``(slice, 2)``.
        notes: Takes warnings.
        label: What a slice is called in messages, given its index.
        hint: What to do about two slices at one place, given their indices.
    """
    _check_parallel(turns, pixel, notes, label)
    along_row, along_column, normal = _directions(turns[0])
    heights = positions @ normal
    order = np.argsort(heights, kind="stable")
    gaps = np.diff(heights[order])
    if gaps.min() < _SAME:
        twin, count = int(gaps.argmin()), 1 + int((gaps >= _SAME).sum())
        raise InputError(
            f"expected one slice at each place, got {len(order)} at {count} places",
            code="duplicate_slice",
            hint=hint(int(order[twin]), int(order[twin + 1])),
        )
    step = (positions[order[-1]] - positions[order[0]]) / (len(order) - 1)
    lean = np.degrees(np.arccos(min(1.0, abs(step @ normal) / np.linalg.norm(step))))
    if lean > _TILT:
        notes.append(f"series: slices are sheared by {lean:.0f} degrees, as by a tilted gantry")
    matrix = np.eye(4)
    matrix[:3, 0] = along_row * pixel[0, 1]  # PixelSpacing is (between rows, between columns)
    matrix[:3, 1] = along_column * pixel[0, 0]
    matrix[:3, 2] = step
    matrix[:3, 3] = positions[order[0]]
    matrix[:2] *= -1
    places: Positions | None = None
    if _uneven(positions[order], gaps, step, notes):
        ras = positions[order] * (-1, -1, 1) + 0.0
        places = tuple((float(x), float(y), float(z)) for x, y, z in ras)
    return Stack([int(k) for k in order], to_affine(matrix + 0.0), places)  # no negative zeros


def _check_parallel(turns: _Array, pixel: _Array, notes: list[str], label: Callable[[int], str]) -> None:
    """Refuse several orientations or spacings; say where a copied series rounds them differently."""
    turned, wider = float(np.ptp(turns, axis=0).max()), float(np.ptp(pixel, axis=0).max())
    if turned > _ROUNDED or wider > _CLOSE * float(pixel.min()):
        what, values = ("orientation", turns) if turned > _ROUNDED else ("pixel spacing", pixel)
        far = np.abs(values - np.median(values, axis=0)).max(axis=1)
        raise InputError(
            f"expected one orientation and pixel spacing, got several; {label(int(far.argmax()))} "
            f"has another {what} than most",
            code="mixed_orientation",
            hint="Leave localizers and other stacks out, or choose one with frame=.",
        )
    if max(turned, wider) > _SAME:
        notes.append(
            f"series: direction cosines differ by up to {turned:.4f} (at most {_ROUNDED:g} is taken) "
            f"and pixel spacings by up to {wider:.4f} mm (at most {_CLOSE:.0%}); "
            "the first slice's hold for all"
        )


def _directions(turn: _Array) -> tuple[_Array, _Array, _Array]:
    """Return unit vectors along rows, along columns and across, from ImageOrientationPatient."""
    lengths = np.linalg.norm(turn.reshape(2, 3), axis=1)
    if (np.abs(lengths - 1) > _SKEW).any() or abs(turn[:3] @ turn[3:]) > _SKEW:
        raise InputError(
            "expected two perpendicular directions of length 1 in ImageOrientationPatient, got others",
            code="orientation",
            hint="Pass one file as a film.",
        )
    along_row, along_column = turn[:3] / lengths[0], turn[3:] / lengths[1]
    normal = np.cross(along_row, along_column)
    return along_row, along_column, normal / np.linalg.norm(normal)


def _uneven(ordered: _Array, gaps: _Array, step: _Array, notes: list[str]) -> bool:
    """Say where one step between slices does not fit them all."""
    straight = ordered[0] + np.arange(len(ordered))[:, None] * step
    off = float(np.linalg.norm(ordered - straight, axis=1).max())
    typical = float(np.median(gaps))
    if np.abs(gaps - typical).max() <= _JITTER * typical and off <= _JITTER * typical:
        return False
    missing = int((np.rint(gaps / typical) - 1).clip(0).sum())
    notes.append(
        f"series: slices are unevenly spaced, {gaps.min():.2f} to {gaps.max():.2f} mm apart"
        + (f", {missing} may be missing" if missing else "")
        + f"; one even grid would put some of them {off:.2f} mm off, so each keeps its own position"
    )
    return True
