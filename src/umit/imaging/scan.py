"""What the user has: a film or a volume, in the units and the order of its own file."""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import permutations
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from umit.errors import InputError
from umit.geometry import Affine, Space

__all__ = [
    "MAX_PIXELS",
    "MAX_VOXELS",
    "Orientation",
    "Scan",
    "ScanLike",
    "closest_axes",
    "pick_frame",
    "to_affine",
]

MAX_PIXELS = 100_000_000  # one picture, ten times the largest film; 23 KB of PNG can spell more
MAX_VOXELS = 2**30  # one volume; 1024 × 1024 × 1024, twice the longest CT in common use


@dataclass(frozen=True, eq=False, repr=False)
class Scan:
    """One film or volume as its file holds it; the voxels are read-only.

    Args:
        voxels: ``(slice, row, column)`` or ``(slice, row, column, 3)``; a film has one slice.
            ``uint8`` is shown as it is, any other kind is in file units (HU for CT).
        spacing: Millimetres ``(x, y)`` of a film, ``(x, y, z)`` of a volume, or ``None``.
        affine: Volume only: voxel index ``(x, y, z)`` to RAS+ millimetres, or ``None``.
        affine_source: Where the affine comes from (``"sform"``, ``"qform"``, ``"dicom"``).
        modality: ``"CT"``, ``"MR"``, ``"CR"``, ``"US"`` and so on, or ``None``.
        window: ``(low, high)``, the values shown as 0 and 255; ``None`` shows ``uint8`` as it is.
        inverted: Whether low values are shown bright (DICOM's MONOCHROME1).
        warnings: What was repaired, chosen or assumed while reading.
        name: Base name of the file, for listings only.

    Raises:
        InputError: No pixels, an array of another shape or kind, or an affine that is no grid.

    Example:
        >>> Scan(np.zeros((1, 4, 6), np.uint8), spacing=(0.1, 0.1))
        Scan(shape=(1, 4, 6), spacing=(0.1, 0.1), orientation=None)
    """

    voxels: NDArray[Any]
    spacing: tuple[float, ...] | None = None
    affine: Affine | None = None
    affine_source: str | None = None
    modality: str | None = None
    window: tuple[float, float] | None = None
    inverted: bool = False
    warnings: tuple[str, ...] = ()
    name: str = ""

    def __post_init__(self) -> None:
        _check_voxels(self.voxels, self.name)
        if self.affine is not None and self.spacing is None:
            object.__setattr__(self, "spacing", _lengths(self.affine))
        _check_grid(self.spacing, self.affine, self.name)
        if self.is_volume and len(self.spacing or (0, 0, 0)) != 3:
            raise InputError(
                f"expected a spacing (x, y, z) in mm for a volume, got {self.spacing}",
                code="spacing",
                where=self.name,
            )
        view = self.voxels.view()
        view.flags.writeable = False  # on a view, so that the caller's own array stays writeable
        object.__setattr__(self, "voxels", view)

    def __repr__(self) -> str:
        shape, spacing, orientation = self.voxels.shape, self.spacing, self.orientation
        return f"Scan({shape=}, {spacing=}, {orientation=})"

    @property
    def is_volume(self) -> bool:
        """Whether there is more than one slice."""
        return int(self.voxels.shape[0]) > 1

    @property
    def has_depth(self) -> bool:
        """Whether z means something: several slices, or one slice of a volume's grid."""
        return self.is_volume or self.affine is not None or len(self.spacing or ()) == 3

    @property
    def size(self) -> tuple[int, ...]:
        """``(width, height)`` of a film, ``(x, y, z)`` of a volume, in pixels or voxels."""
        z, y, x = (int(n) for n in self.voxels.shape[:3])
        return (x, y, z) if self.has_depth else (x, y)

    @property
    def space(self) -> Space:
        """The grid that this scan's coordinates refer to."""
        return Space(size=self.size, spacing=self.spacing, affine=self.affine)

    @property
    def orientation(self) -> str | None:
        """Where file x, y and z run to in the patient, such as ``"LPS"``; ``None`` if unknown."""
        if self.affine is None:
            return None
        axes = closest_axes(self.affine)
        letters = [""] * 3
        names = (("R", "L"), ("A", "P"), ("S", "I"))
        for axis, forward, (plus, minus) in zip(axes.axis, axes.forward, names, strict=True):
            letters[axis] = plus if forward else minus
        return "".join(letters)


ScanLike: TypeAlias = "str | os.PathLike[str] | Image.Image | Scan"


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
    """Return the axis order that fits an affine best, with no resampling.

    Args:
        affine: Voxel index to RAS+ millimetres.

    Returns:
        The assignment with the largest sum of absolute cosines.

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


def to_affine(matrix: NDArray[Any]) -> Affine:
    """Return a 4 × 4 array as plain numbers.

    Args:
        matrix: Shape ``(4, 4)``, voxel index ``(x, y, z)`` to RAS+ millimetres.
    """
    return tuple((float(a), float(b), float(c), float(d)) for a, b, c, d in matrix)


def pick_frame(frame: int | None, count: int, name: str) -> int:
    """Return which of several frames, pages or volumes is meant.

    Args:
        frame: Counted from 0; ``None`` is fine where there is one only.
        count: How many the file holds.
        name: Base name of the file, for the message.

    Raises:
        InputError: Several and none chosen, or no such frame.
    """
    if frame is None and count == 1:
        return 0
    if frame is None or not 0 <= frame < count:
        raise InputError(
            f"expected frame= of 0 to {count - 1}, got {frame}",
            code="multi_frame" if frame is None else "frame",
            where=name,
            hint=f"The file holds {count}; choose one with umit.load(..., frame=k).",
        )
    return frame


def _check_voxels(voxels: Any, name: str) -> None:
    if not isinstance(voxels, np.ndarray):
        kind = type(voxels).__name__
        raise InputError(f"expected a numpy array, got {kind}", code="shape", where=name)
    if voxels.ndim not in (3, 4) or (voxels.ndim == 4 and voxels.shape[3] != 3):
        raise InputError(
            f"expected (slice, row, column) or (slice, row, column, 3), got shape {voxels.shape}",
            code="shape",
            where=name,
            hint="Pass arrays through umit.load(array, axes=...).",
        )
    if voxels.size == 0:
        raise InputError(
            f"expected pixels, got an empty shape {voxels.shape}", code="empty", where=name
        )
    if voxels.dtype.kind not in "uif":
        raise InputError(
            f"expected whole or real numbers, got {voxels.dtype}",
            code="complex" if voxels.dtype.kind == "c" else "dtype",
            where=name,
            hint="Pass one real value a voxel, such as the magnitude.",
        )


def _check_grid(spacing: tuple[float, ...] | None, affine: Affine | None, name: str) -> None:
    if spacing is not None and not (
        len(spacing) in (2, 3) and all(np.isfinite(s) and s > 0 for s in spacing)
    ):
        raise InputError(
            f"expected a positive spacing in mm for each axis, got {spacing}",
            code="spacing",
            where=name,
        )
    if affine is None:
        return
    matrix = np.asarray(affine, dtype=np.float64)
    if matrix.shape != (4, 4) or not np.isfinite(matrix).all() or _flat(matrix[:3, :3]):
        raise InputError(
            "expected an invertible 4 × 4 affine, got one that is not",
            code="affine",
            where=name,
            hint="Leave it out: without an affine the volume is shown as stored.",
        )


def _lengths(affine: Affine) -> tuple[float, ...]:
    """Return the spacing an affine implies: the length of each of its columns, in mm."""
    return tuple(float(np.hypot.reduce([row[i] for row in affine[:3]])) for i in range(3))


def _flat(matrix: NDArray[np.float64]) -> bool:
    """Whether three columns do not span space, whatever their lengths."""
    lengths = np.linalg.norm(matrix, axis=0)
    return bool((lengths == 0).any() or abs(np.linalg.det(matrix / lengths)) < 1e-6)
