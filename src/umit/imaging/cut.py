"""Some slices of a volume; where they lie follows them."""

from __future__ import annotations

from dataclasses import replace

from umit.errors import InputError
from umit.geometry import Affine, Positions, Space
from umit.imaging.orientation import OPPOSITE
from umit.imaging.scan import Scan

__all__ = ["cut"]


def cut(scan: Scan, slices: slice | tuple[int, int] | None) -> Scan:
    """Keep some slices; the affine and the spacing follow them."""
    if slices is None:
        return scan
    if not scan.has_depth:
        raise InputError("expected slices= with a volume, got a film", code="film", where=scan.name)
    kept = range(scan.voxels.shape[0])[slices if isinstance(slices, slice) else slice(*slices)]
    if len(kept) == 0:
        raise InputError(
            f"expected some of {scan.voxels.shape[0]} slices, got none",
            code="slices",
            where="slices",
            hint="Count from 0; the stop is left out.",
        )
    affine, spacing, positions = scan.affine, scan.spacing, scan.positions
    if positions is not None:
        affine, positions = _some_positions(scan.space, kept)
        spacing = None  # the affine's own
    elif affine is not None:
        *upper, last = affine
        affine = (*((x, y, z * kept.step, t + z * kept.start) for x, y, z, t in upper), last)
    if spacing is not None:
        spacing = (*spacing[:2], spacing[2] * abs(kept.step))
    directions = scan.directions
    if directions is not None and len(directions) == 3 and kept.step < 0:
        directions = directions[:2] + OPPOSITE[directions[2]]
    return replace(
        scan,
        directions=directions,
        voxels=scan.voxels[kept.start :: kept.step][: len(kept)],
        affine=affine,
        spacing=spacing,
        presentation=replace(scan.presentation, slices=None),  # it counted the slices of the whole
        positions=positions,
    )


def _some_positions(space: Space, kept: range) -> tuple[Affine, Positions | None]:
    """Return the mean step and the places of some uneven slices; one alone is as thick as it was."""
    places = tuple((space.positions or ())[k] for k in kept)
    ends: tuple[tuple[float, ...], ...] = (places[0], places[-1])
    if len(kept) == 1:
        ends = tuple(space.place(0, 0, kept[0] + side * kept.step, kept[0]) for side in (-0.5, 0.5))
    *upper, last = space.affine or ()
    rows = [
        (row[0], row[1], (b - a) / max(len(kept) - 1, 1), start)
        for row, a, b, start in zip(upper, *ends, places[0], strict=True)
    ]
    return (*rows, last), places if len(kept) > 1 else None
