"""What the user has: a film or a volume, in the units and the order of its own file."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from umit.errors import InputError
from umit.geometry import Affine, Positions, Space
from umit.imaging.orientation import OPPOSITE, Plane, axis_letters, patient_axis, spans
from umit.imaging.presentation import Presentation, depth_axis, masked_slices, near_slices, numbered_slices
from umit.imaging.window import Curve, choose_window

__all__ = ["Padding", "Scan", "ScanLike", "within", "without"]

_WHOLE = Presentation()
#: Lowest and highest value, both included, that stand for no picture.
Padding: TypeAlias = "tuple[float, float]"


@dataclass(frozen=True, eq=False, repr=False)
class Scan:
    """One film or volume as its file holds it; the voxels are read-only.

    Args:
        voxels: ``(slice, row, column)`` or ``(slice, row, column, 3)``; a film has one slice.
            ``uint8`` is shown as it is, any other kind is in file units (HU for CT).
        spacing: Millimetres ``(x, y)`` of a film, ``(x, y, z)`` of a volume, or ``None``.
        affine: Volume only: voxel index ``(x, y, z)`` to RAS+ millimetres, or ``None``.
        affine_source: Where the affine comes from (``"sform"``, ``"qform"``, ``"dicom"``, ``"mgh"``, ``"nrrd"``,
            ``"metaimage"``).
        modality: ``"CT"``, ``"MR"``, ``"CR"``, ``"US"`` and so on, or ``None``.
        window: ``(low, high)``, the values shown as 0 and 255; ``None`` shows ``uint8`` as it is.
        curve: How grey runs through the window: ``"line"``, or ``"sigmoid"`` where DICOM declares one.
        inverted: Whether low values are shown bright (DICOM's MONOCHROME1).
        warnings: What was repaired, chosen or assumed while reading.
        name: Base name of the file, for listings only.
        directions: Where x and y of a film run to in the patient, two of R, L, A, P, S and I:
            ``"LI"``, left and inferior, is a film as it is hung; ``None`` if the file does not say.
            Three of a volume that has directions and no millimetres, and so no affine.
        presentation: Volume only: plane and slices that are shown; see :meth:`shown`.
        positions: Volume only: RAS+ millimetres of each slice's first voxel where slices are not
            evenly spaced; ``spacing`` and ``affine`` then hold their mean step.
        padding: Ranges of values that stand for no picture (DICOM PS3.3 C.7.5.1.1.2): shown
            darkest, and left out where a window is estimated.

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
    curve: Curve = "line"
    inverted: bool = False
    warnings: tuple[str, ...] = ()
    name: str = ""
    directions: str | None = None
    presentation: Presentation = _WHOLE
    positions: Positions | None = None
    padding: tuple[Padding, ...] = ()

    def __post_init__(self) -> None:
        _check_voxels(self.voxels, self.name)
        if self.affine is not None and self.spacing is None:
            object.__setattr__(self, "spacing", _lengths(self.affine))
        _check_grid(self.spacing, self.affine, self.name)
        if self.positions is not None and (self.affine is None or not 1 < len(self.positions) == len(self.voxels)):
            raise InputError(
                f"expected an affine and a position for each of {len(self.voxels)} slices, got {len(self.positions)}",
                code="position",
                where=self.name,
            )
        most = 3 if self.is_volume or len(self.spacing or ()) == 3 else 2
        _check_directions(self.directions, most, self.name)
        if self.curve not in get_args(Curve):
            raise InputError(
                f"expected a curve of {', '.join(get_args(Curve))}, got {self.curve!r}", code="window", where="curve"
            )
        if self.is_volume and len(self.spacing or (0, 0, 0)) != 3:
            raise InputError(
                f"expected a spacing (x, y, z) in mm for a volume, got {self.spacing}", code="spacing", where=self.name
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
        return Space(size=self.size, spacing=self.spacing, affine=self.affine, positions=self.positions)

    @property
    def orientation(self) -> str | None:
        """Where file x, y and z run to in the patient, such as ``"LPS"``; ``None`` if unknown."""
        return self.directions if self.affine is None else axis_letters(self.affine)

    @property
    def measured(self) -> NDArray[Any]:
        """The voxels without padding, in one row; all of them, in place, where there is none."""
        return without(self.voxels, self.padding)

    def windowed(self, window: str | tuple[float, float], *, curve: Curve = "line") -> Scan:
        """Return this scan in another window.

        Args:
            window: A preset's name such as ``"lung"``, ``"full"`` for all values, or
                ``(centre, width)`` in file units.
            curve: ``scan.curve`` keeps the one that the file declares for its own window.

        Raises:
            InputError: An unknown name or curve, no width, a CT preset on another modality, or values that a
                look-up table of the file has already replaced.

        Example:
            >>> Scan(np.zeros((1, 2, 2), np.int16), modality="CT").windowed("lung").window
            (-1350.0, 150.0)
        """
        if any(note.startswith("window: VOI look-up table") for note in self.warnings):
            raise InputError(
                "expected values in file units, got those of a VOI look-up table",
                code="window",
                where=self.name,
                hint="Read the file again with umit.load(..., window=...).",
            )
        low_high, notes = choose_window(self.measured, window, self.modality)
        kept = [note for note in self.warnings if not note.startswith("window:")]
        return replace(self, window=low_high, curve=curve, warnings=(*kept, *notes))

    def shown(
        self,
        *,
        plane: Plane = "axial",
        slices: tuple[int, int] | NDArray[Any] | Scan | None = None,
        mm: tuple[float, float] | None = None,
        as_stored: bool = False,
    ) -> Scan:
        """Return this volume shown in another plane, or a part of its slices.

        Nothing is cut: boxes still come back in voxels of the whole file.

        Args:
            plane: ``"axial"``, ``"coronal"`` or ``"sagittal"``.
            slices: ``(start, stop)`` along the file axis that crosses the plane, or a mask on the
                same grid, whose slices are taken; pictures are spread evenly over them.
            mm: Lowest and highest place of a slice's middle in RAS+ millimetres: up for axial, to the
                front for coronal, to the right for sagittal slices.
            as_stored: Shown in the file's own order, and neither cropped nor stretched: for arrays
                that were prepared elsewhere, such as M3D's.

        Raises:
            InputError: A film, no such slices, or a mask on another grid.
            MissingMetadataError: A plane or millimetres without an affine.

        Example:
            >>> scan = Scan(np.zeros((40, 8, 8), np.int16), spacing=(1, 1, 5))
            >>> scan.shown(slices=(10, 30)).presentation.slices
            (10, 30)
        """
        if not self.has_depth:
            raise InputError("expected a volume, got a film", code="film", where=self.name)
        if slices is not None and mm is not None:
            raise InputError("expected slices= or mm=, got both", code="slices", where="slices")
        chosen = Presentation(plane=plane, as_stored=as_stored)
        axis = depth_axis(self.orientation, chosen)
        part: tuple[int, int] | None = None
        if mm is not None:
            part = near_slices(mm, self.space, axis)
        elif isinstance(slices, Scan | np.ndarray):
            mask = slices if isinstance(slices, np.ndarray) else _same_grid(slices, self)
            part = masked_slices(mask, self.voxels.shape[:3], axis)
        elif slices is not None:
            part = numbered_slices(slices, self.size[axis])
        return replace(self, presentation=replace(chosen, slices=part))


ScanLike: TypeAlias = "str | os.PathLike[str] | Image.Image | Scan"


def within(values: NDArray[Any], ranges: tuple[Padding, ...]) -> NDArray[np.bool_]:
    """Return which values lie in one of some ranges, both ends included."""
    found = np.zeros(values.shape, bool)
    for low, high in ranges:
        found |= (values >= low) & (values <= high)
    return found


def without(values: NDArray[Any], ranges: tuple[Padding, ...]) -> NDArray[Any]:
    """Return the values outside some ranges, in one row; all of them as they are where none is."""
    inside = ~within(values, ranges) if ranges else None
    return values if inside is None or not inside.any() else values[inside]


def _same_grid(mask: Scan, scan: Scan) -> NDArray[Any]:
    """Return a mask's voxels; one of equal shape that lies elsewhere in the patient is refused."""
    here, there = scan.affine, mask.affine
    if here is not None and there is not None and not np.allclose(here, there, atol=1e-2):
        raise InputError(
            "expected a mask with the scan's affine, got another",
            code="mask",
            where=mask.name,
            hint="Resample the mask to the scan, or pass its array if the grids are known equal.",
        )
    return mask.voxels


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
        raise InputError(f"expected pixels, got an empty shape {voxels.shape}", code="empty", where=name)
    if voxels.dtype.kind not in "uif":
        raise InputError(
            f"expected whole or real numbers, got {voxels.dtype}",
            code="complex" if voxels.dtype.kind == "c" else "dtype",
            where=name,
            hint="Pass one real value a voxel, such as the magnitude.",
        )


def _check_grid(spacing: tuple[float, ...] | None, affine: Affine | None, name: str) -> None:
    if spacing is not None and not (len(spacing) in (2, 3) and all(np.isfinite(s) and s > 0 for s in spacing)):
        raise InputError(f"expected a positive spacing in mm for each axis, got {spacing}", code="spacing", where=name)
    if affine is None:
        return
    matrix = np.asarray(affine, dtype=np.float64)
    if matrix.shape != (4, 4) or not spans(matrix):
        raise InputError(
            "expected an invertible 4 × 4 affine, got one that is not",
            code="affine",
            where=name,
            hint="Leave it out: without an affine the volume is shown as stored.",
        )


def _check_directions(directions: str | None, most: int, name: str) -> None:
    if directions is None:
        return
    known = 2 <= len(directions) <= most and set(directions) <= OPPOSITE.keys()
    if not known or len({patient_axis(letter) for letter in directions}) != len(directions):
        raise InputError(
            f"expected two letters of R, L, A, P, S, I along two axes, or three of a volume, got {directions!r}",
            code="directions",
            where=name,
        )


def _lengths(affine: Affine) -> tuple[float, ...]:
    """Return the spacing an affine implies: the length of each of its columns, in mm."""
    return tuple(float(np.hypot.reduce([row[i] for row in affine[:3]])) for i in range(3))
