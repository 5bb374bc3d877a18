"""Which way a grid's axes run in the patient, and the turn that shows them the usual way."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import Any, Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from umit.geometry import Affine

__all__ = [
    "OPPOSITE",
    "PLANES",
    "Orientation",
    "Plane",
    "axis_letters",
    "closest_axes",
    "patient_axis",
    "spans",
    "to_affine",
    "turn",
]

Plane: TypeAlias = Literal["axial", "coronal", "sagittal"]

#: Where a volume's pictures run to: across, down, and from one picture to the next. Patient right is
#: on the image's left, the front on top or on the left, the head on top; axial slices go to the head.
PLANES: Final[dict[Plane, str]] = {"axial": "LPS", "coronal": "LIP", "sagittal": "PIL"}
OPPOSITE: Final = {"R": "L", "L": "R", "A": "P", "P": "A", "S": "I", "I": "S"}
_PLUS, _MINUS = "RAS", "LPI"  # of the three patient axes; RAS+ is NIfTI's frame


@dataclass(frozen=True, slots=True)
class Orientation:
    """Which file axis runs closest to each patient axis.

    Args:
        axis: File axis (0 is x) closest to right, anterior and superior.
        forward: Whether that file axis runs to the right, to the front, to the head.
        degrees: The largest angle between a file axis and its patient axis, 0 to 90.
    """

    axis: tuple[int, int, int]
    forward: tuple[bool, bool, bool]
    degrees: float


def closest_axes(affine: Affine) -> Orientation:
    """Return the axis order that fits an affine best: with the largest sum of absolute cosines.

    Example:
        >>> closest_axes(((-1, 0, 0, 0), (0, 0, 2, 0), (0, 1, 0, 0), (0, 0, 0, 1))).axis
        (0, 2, 1)
    """
    matrix = np.asarray(affine, dtype=np.float64)[:3, :3]
    cosines = matrix / np.linalg.norm(matrix, axis=0)

    def fit(order: tuple[int, ...]) -> float:
        return float(sum(abs(cosines[patient, file]) for patient, file in enumerate(order)))

    first, second, third = max(permutations(range(3)), key=fit)
    chosen = [float(cosines[0, first]), float(cosines[1, second]), float(cosines[2, third])]
    return Orientation(
        axis=(first, second, third),
        forward=(chosen[0] > 0, chosen[1] > 0, chosen[2] > 0),
        degrees=float(np.degrees(np.arccos(min(1.0, *(abs(c) for c in chosen))))),
    )


def axis_letters(affine: Affine) -> str:
    """Return where file x, y and z run to in the patient.

    Example:
        >>> axis_letters(((-1, 0, 0, 0), (0, 0, 2, 0), (0, 1, 0, 0), (0, 0, 0, 1)))
        'LSA'
    """
    found = closest_axes(affine)
    letters = {
        axis: (_PLUS if forward else _MINUS)[patient]
        for patient, (axis, forward) in enumerate(zip(found.axis, found.forward, strict=True))
    }
    return "".join(letters[axis] for axis in range(3))


def patient_axis(letter: str) -> int:
    """Return 0 for right and left, 1 for front and back, 2 for head and feet."""
    return max(_PLUS.find(letter), _MINUS.find(letter))


def turn(own: str, shown: str) -> tuple[tuple[int, ...], tuple[bool, ...]]:
    """Return for each shown axis its source axis, and whether it runs against it.

    Args:
        own: Where each source axis runs to.
        shown: Where each shown axis is to run to: the same patient axes in any order.

    Example:
        >>> turn("RAS", "LPS")
        ((0, 1, 2), (True, True, False))
    """
    places = {patient_axis(letter): axis for axis, letter in enumerate(own)}
    axes = tuple(places[patient_axis(letter)] for letter in shown)
    return axes, tuple(own[axis] != letter for axis, letter in zip(axes, shown, strict=True))


def spans(matrix: NDArray[np.float64]) -> bool:
    """Tell whether an affine is a grid: finite, and its columns span space, whatever their lengths."""
    if not np.isfinite(matrix).all():
        return False
    lengths = np.linalg.norm(matrix[:3, :3], axis=0)
    return bool(lengths.min() > 0 and abs(np.linalg.det(matrix[:3, :3] / lengths)) >= 1e-6)


def to_affine(matrix: NDArray[Any]) -> Affine:
    """Return a 4 × 4 array, voxel index ``(x, y, z)`` to RAS+ millimetres, as plain numbers."""
    return tuple((float(a), float(b), float(c), float(d)) for a, b, c, d in matrix)
