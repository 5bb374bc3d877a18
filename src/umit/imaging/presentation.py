"""Which plane and which slices of a volume are shown; the scan itself stays whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from umit.errors import InputError, MissingMetadataError
from umit.geometry import Space
from umit.imaging.arguments import numbers, whole_pair
from umit.imaging.orientation import PLANES, Plane, axis_letters, patient_axis, turn

__all__ = ["Presentation", "depth_axis", "masked_slices", "near_slices", "numbered_slices"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Presentation:
    """How a volume is shown. Coordinates stay those of the whole file whatever is chosen here.

    Args:
        plane: Of the pictures; another than axial needs an affine.
        slices: ``(start, stop)`` along the file axis that crosses the plane, in the file's own
            voxels, from which pictures are drawn; ``None`` for all.
        as_stored: Shown in the file's own order, whatever its affine says, and neither cropped nor
            stretched: for arrays that were prepared elsewhere, such as M3D's.
    """

    plane: Plane = "axial"
    slices: tuple[int, int] | None = None
    as_stored: bool = False

    def __post_init__(self) -> None:
        if self.plane not in PLANES:
            raise InputError(
                f"expected a plane of {', '.join(PLANES)}, got {self.plane!r}", code="plane", where="plane"
            )
        if self.as_stored and self.plane != "axial":
            raise InputError(
                f"expected either plane= or as_stored=, got {self.plane!r} and both",
                code="plane",
                where="plane",
                hint="As stored there is no plane to choose.",
            )


def depth_axis(orientation: str | None, chosen: Presentation) -> int:
    """Return the file axis (0 is x) that crosses the pictures."""
    known = orientation is not None and len(orientation) == 3
    if not known and chosen.plane != "axial":
        raise MissingMetadataError(
            f"expected an orientation for {chosen.plane} pictures, got a volume without one",
            code="affine",
            where="plane",
            hint="Leave plane= out: the volume is shown as stored.",
        )
    if orientation is None or not known or chosen.as_stored:
        return 2
    return turn(orientation, PLANES[chosen.plane])[0][2]


def numbered_slices(asked: Sequence[int], count: int) -> tuple[int, int]:
    """Return a range of slices by their numbers in the file, from 0; the stop is left out."""
    pair = whole_pair(asked)
    if pair is None or not 0 <= pair[0] < pair[1] <= count:
        raise InputError(
            f"expected (start, stop) within 0 and {count}, got {asked!r:.80}",
            code="slices",
            where="slices",
            hint="Count from 0; the stop is left out. Millimetres go to mm=.",
        )
    return pair


def near_slices(mm: Sequence[float], space: Space, axis: int) -> tuple[int, int]:
    """Return the slices whose middle lies between two places in the patient.

    Args:
        mm: Lowest and highest RAS+ coordinate: height for axial slices, to the front for coronal,
            to the right for sagittal ones. In an oblique volume that of the slice's centre counts.
        space: Of the volume.
        axis: The file axis that crosses the slices.
    """
    if space.affine is None:
        raise MissingMetadataError(
            "expected an affine for mm=, got a volume without one",
            code="affine",
            where="mm",
            hint="Pass slices= by number.",
        )
    patient = patient_axis(axis_letters(space.affine)[axis])
    middle = [(n - 1) / 2 for n in space.size]
    x, y, z = ([k if a == axis else middle[a] for k in range(space.size[axis])] for a in range(3))
    places = np.array([space.place(*at)[patient] for at in zip(x, y, z, strict=True)])
    inside: NDArray[Any] = np.zeros(len(places), bool)
    if len(ends := numbers(mm)) == 2:
        inside = (places >= ends[0]) & (places <= ends[1])
    if not inside.any():
        raise InputError(
            f"expected (lowest, highest) in mm around a slice between {places.min():.1f} and "
            f"{places.max():.1f}, got {mm!r:.80}",
            code="slices",
            where="mm",
            hint="RAS+ millimetres: up, to the front, or to the right.",
        )
    return _hull(inside)


def masked_slices(mask: NDArray[Any], shape: Sequence[int], axis: int) -> tuple[int, int]:
    """Return the range of slices along a file axis that a mask ``(slice, row, column)`` touches."""
    if tuple(mask.shape) != tuple(shape):
        raise InputError(
            f"expected a mask on the scan's own grid {tuple(shape)}, got {tuple(mask.shape)}",
            code="mask",
            where="slices",
        )
    others = tuple(a for a in range(3) if a != 2 - axis)  # file axis a is array axis 2 - a
    inside = np.asarray(mask.any(axis=others))
    if not inside.any():
        raise InputError("expected a mask with something in it, got an empty one", code="mask", where="slices")
    return _hull(inside)


def _hull(inside: NDArray[Any]) -> tuple[int, int]:
    found = np.flatnonzero(inside)
    return int(found[0]), int(found[-1]) + 1
