"""Abdominal CT drawn from a seed, with organs and lesions, stored in one of many axis orders.

It is drawn canonically: slices from feet to head, rows from front to back, columns from the
patient's right to his left. Then axes are flipped and sometimes exchanged, and the affine says how,
so that the anatomy in millimetres is the same whatever the order. Boxes are in the stored voxels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from umit.geometry import Affine, Box3D, Space
from umit.phantom.abdomen import ANATOMY, BODY, HOSTS, ORGANS, Grid, Organ, Vector, label, trunk

__all__ = ["CROWDED_VOLUME", "VOLUME", "Lesion", "Volume", "VolumeSettings", "draw_volume"]

Range: TypeAlias = tuple[float, float]
Labels: TypeAlias = NDArray[np.uint8]
Bounds: TypeAlias = tuple[tuple[int, int], ...]  # (low, high) along x, y, z; half open

TAG = 0xC7  # keeps these random streams apart from the other phantoms'

SLIVER = 300  # voxels; an organ cut down to fewer by the scan's edge has no box
ORDERS = ((0, 2, 1), (1, 2, 0), (1, 0, 2), (2, 0, 1), (2, 1, 0))  # coronal, sagittal, and others


@dataclass(frozen=True, slots=True)
class VolumeSettings:
    """Everything that is drawn at random for a volume.

    Args:
        slices: Number of axial slices.
        side: Rows and columns of an axial slice.
        spacing: Millimetres per voxel in the axial plane, for a body of mean size.
        thickness: Millimetres from slice to slice.
        shift: Largest shift, as a share of the body's half width.
        scale: Largest relative change of size, alone for each axis by half of it.
        vary: Largest relative change of each organ's radii.
        tone: Standard deviation of an organ's mean, in HU.
        noise: Standard deviation of the noise, in HU.
        grain: Factor on the noise that is really added; 0 draws the clean volume.
        normal: Share of volumes without lesions.
        two: Share of volumes with lesions that have two.
        all: Whether volumes with lesions have one in each organ that may hold one.
        lesion: Longest diameter, as a share of the body's width.
        contrast: Absolute difference from the organ, in HU.
        tilt: Largest rotation of the scanner's frame about each axis, in degrees.
        permuted: Share of volumes whose axes are exchanged, such as coronal ones.
    """

    slices: tuple[int, int] = (40, 56)
    side: tuple[int, int] = (112, 128)
    spacing: Range = (2.8, 3.2)
    thickness: Range = (4.2, 5.5)
    shift: float = 0.10
    scale: float = 0.10
    vary: float = 0.10
    tone: float = 6.0
    noise: Range = (10.0, 25.0)
    grain: float = 1.0
    normal: float = 1 / 3
    two: float = 0.5
    all: bool = False
    lesion: Range = (0.10, 0.22)
    contrast: Range = (50.0, 120.0)
    tilt: float = 12.0
    permuted: float = 0.3


VOLUME = VolumeSettings()
#: Volumes that teach to look: a lesion in each organ that may hold one, or none.
CROWDED_VOLUME = VolumeSettings(all=True)


@dataclass(frozen=True, slots=True)
class Lesion:
    """One lesion.

    Args:
        organ: The organ that it lies in.
        box: Tight half-open box in stored voxels.
        contrast: Difference from the organ's mean, in HU.
    """

    organ: str
    box: Box3D
    contrast: float = 0.0


@dataclass(frozen=True)
class Volume:
    """A CT volume and all that is true about it.

    Args:
        voxels: ``(slice, row, column)`` as stored, int16, HU.
        spacing: Millimetres per voxel along stored ``(x, y, z)``.
        affine: Stored voxel index ``(x, y, z)`` to RAS+ millimetres.
        organs: A tight half-open box in stored voxels for each visible one of ``ORGANS``.
        lesions: In the order of ``HOSTS``; empty if normal.
        seed: The seed that draws this volume again.
    """

    voxels: NDArray[np.int16] = field(repr=False)
    spacing: tuple[float, float, float]
    affine: Affine
    organs: Mapping[str, Box3D]
    lesions: tuple[Lesion, ...]
    seed: int


def draw_volume(seed: int, *, settings: VolumeSettings = VOLUME) -> Volume:
    """Draw an abdominal CT.

    Args:
        seed: Any integer from 0; the same seed draws the same volume.
        settings: Ranges of everything that is random.

    Returns:
        The volume and its truth.

    Example:
        >>> draw_volume(1).voxels.dtype
        dtype('int16')
    """
    body, place, grain, frame = (np.random.default_rng((TAG, seed, k)) for k in range(4))
    scene = _Scene.draw(body, settings)
    for organ in ANATOMY:
        scene.add(body, organ, settings)
    found = _place(place, scene, settings)
    noise = float(body.uniform(*settings.noise)) * settings.grain
    hu = scene.hu + np.float32(noise) * grain.standard_normal(scene.hu.shape, dtype=np.float32)
    order = _Order.draw(frame, scene, settings)
    boxes = {name: scene.bounds(name) for name in ORGANS}
    return Volume(
        voxels=order.store(np.rint(hu).astype(np.int16)),
        spacing=order.spacing,
        affine=order.affine,
        organs={name: order.box(box) for name, box in boxes.items() if box is not None},
        lesions=tuple(Lesion(organ, order.box(box), contrast) for organ, box, contrast in found),
        seed=seed,
    )


@dataclass(frozen=True, slots=True)
class _Scene:
    """The canonical volume while it is drawn; arrays are ``(slice, row, column)``."""

    hu: Grid
    labels: Labels  # 1 + the index in ANATOMY
    axes: tuple[Grid, Grid, Grid]  # mm from the body's middle at each voxel's centre, along x, y, z
    spacing: Vector
    tones: dict[str, float]
    shapes: dict[str, tuple[Vector, Vector]]  # centre and radii of each organ's largest part

    @classmethod
    def draw(cls, rng: Generator, settings: VolumeSettings) -> _Scene:
        """Lay out the grid and draw the trunk."""
        rows, columns = rng.integers(settings.side[0], settings.side[1] + 1, 2)
        counts = (int(columns), int(rows), int(rng.integers(settings.slices[0], settings.slices[1] + 1)))
        plane, thick = rng.uniform(*settings.spacing), rng.uniform(*settings.thickness)
        spacing = (float(plane), float(plane), float(thick))
        size = (1 + rng.uniform(-settings.scale, settings.scale)) * (
            1 + rng.uniform(-settings.scale / 2, settings.scale / 2, 3)
        )
        size *= np.array([counts[0] / 120 * plane / 3, counts[1] / 120 * plane / 3, 1.0])
        move = rng.uniform(-settings.shift, settings.shift, 3) * (BODY[0] / 2, BODY[1] / 2, BODY[0])
        axes = tuple(
            ((np.arange(n) - (n - 1) / 2) * step / grow - off).astype(np.float32)
            for n, step, grow, off in zip(counts, spacing, size, move, strict=True)
        )
        hu = trunk(axes[0], axes[1], axes[2])
        labels = np.zeros(hu.shape, dtype=np.uint8)
        return cls(hu, labels, (axes[0], axes[1], axes[2]), spacing, {}, {})

    def window(self, centre: Vector, radii: Vector) -> tuple[tuple[slice, slice, slice], NDArray[np.bool_]]:
        """Return the part of the grid around an ellipsoid, and which of its voxels are inside."""
        parts, squares = [], []
        for axis, middle, radius in zip(self.axes, centre, radii, strict=True):
            low, high = np.searchsorted(axis, (middle - radius, middle + radius))
            parts.append(slice(int(low), int(high)))
            squares.append(((axis[low:high] - np.float32(middle)) / np.float32(radius)) ** 2)
        inside = squares[2][:, None, None] + squares[1][:, None] + squares[0] <= 1
        return (parts[2], parts[1], parts[0]), inside

    def add(self, rng: Generator, organ: Organ, settings: VolumeSettings) -> None:
        """Draw an organ, a little different in each patient."""
        name, hu, parts = organ
        tone = hu + settings.tone * rng.standard_normal()
        grow = 1 + rng.uniform(-settings.vary, settings.vary, 3)
        move = rng.uniform(-5, 5, 3)
        for k, (centre, radii) in enumerate(parts):
            middle, reach = _vector(np.add(centre, move)), _vector(np.multiply(radii, grow))
            where, inside = self.window(middle, reach)
            self.hu[where][inside] = tone
            self.labels[where][inside] = label(name)
            if k == 0:
                self.shapes[name] = middle, reach
        self.tones[name] = tone

    def bounds(self, name: str) -> Bounds | None:
        """Return the tight box of what still shows of an organ, or ``None`` for a mere sliver."""
        shown = self.labels == label(name)
        return _bounds(shown, (0, 0, 0)) if np.count_nonzero(shown) >= SLIVER else None


def _vector(values: NDArray[np.float64]) -> Vector:
    return float(values[0]), float(values[1]), float(values[2])


def _bounds(inside: NDArray[np.bool_], start: tuple[int, int, int]) -> Bounds | None:
    """Return the tight bounds of an array ``(slice, row, column)`` that starts at ``start``."""
    flat = np.asarray(inside.any(axis=0))
    spans = (flat.any(axis=0), flat.any(axis=1), inside.reshape(len(inside), -1).any(axis=1))
    if not flat.any():
        return None
    hits = [np.flatnonzero(span) for span in spans]
    return tuple(
        (first + int(hit[0]), first + int(hit[-1]) + 1) for hit, first in zip(hits, reversed(start), strict=True)
    )


def _place(rng: Generator, scene: _Scene, settings: VolumeSettings) -> list[tuple[str, Bounds, float]]:
    """Draw the lesions; return organ, bounds and contrast of each."""
    if rng.random() < settings.normal:
        return []
    picks = rng.permutation(len(HOSTS))
    if not settings.all:
        picks = picks[: 2 if rng.random() < settings.two else 1]
    found = []
    for name in (HOSTS[k] for k in sorted(picks)):
        contrast = float(rng.uniform(*settings.contrast) * rng.choice((-1, 1)))
        where, inside = _room(rng, scene, name, settings)
        scene.hu[where][inside] = scene.tones[name] + contrast
        box = _bounds(inside, (where[0].start, where[1].start, where[2].start))
        if box is not None:
            found.append((name, box, contrast))
    return found


def _room(
    rng: Generator, scene: _Scene, name: str, settings: VolumeSettings
) -> tuple[tuple[slice, slice, slice], NDArray[np.bool_]]:
    """Return the window and voxels of an ellipsoid inside an organ; the best of a few tries."""
    centre, radii = (np.array(v) for v in scene.shapes[name])
    best: tuple[float, tuple[slice, slice, slice], NDArray[np.bool_]] | None = None
    widest = min(settings.lesion[1], 0.9 * radii.min() / BODY[0])
    for _ in range(8):
        radius = rng.uniform(settings.lesion[0], max(widest, settings.lesion[0])) * BODY[0]
        reach = radius * np.concatenate([[1.0], rng.uniform(0.8, 1.0, 2)])
        way = rng.standard_normal(3)
        way *= rng.uniform(0, 0.85) / np.linalg.norm(way)
        middle = centre + way * np.maximum(radii - reach, 0)
        where, inside = scene.window(_vector(middle), _vector(reach))
        host = inside & (scene.labels[where] == label(name))
        share = host.sum() / max(inside.sum(), 1)
        if best is None or share > best[0]:
            best = share, where, host
        if share > 0.995:
            break
    if best is None:
        raise AssertionError("eight tries leave a best one")
    return best[1], best[2]


@dataclass(frozen=True, slots=True)
class _Order:
    """How canonical axes are stored: which of them each stored axis is, and which way it runs."""

    axes: tuple[int, int, int]  # the canonical axis (x, y, z) of each stored one
    flips: tuple[bool, bool, bool]
    counts: tuple[int, int, int]
    space: Space
    spacing: Vector
    affine: Affine

    @classmethod
    def draw(cls, rng: Generator, scene: _Scene, settings: VolumeSettings) -> _Order:
        """Draw an axis order and the scanner's frame, and write the affine that makes them true."""
        axes = (0, 1, 2)
        if rng.random() < settings.permuted:
            axes = ORDERS[int(rng.integers(len(ORDERS)))]
        flips = rng.random(3) < 0.5
        shape = np.array(scene.hu.shape[::-1])[list(axes)]
        turn = _rotation(np.radians(rng.uniform(-settings.tilt, settings.tilt, 3)))
        canonical = turn @ np.diag(np.array((-1.0, -1.0, 1.0)) * scene.spacing)  # left, back, head
        columns = canonical[:, list(axes)] * np.where(flips, -1.0, 1.0)
        origin = rng.uniform(-60, 60, 3) - columns @ ((shape - 1) / 2)
        rows = np.vstack([np.column_stack([columns, origin]), [0.0, 0.0, 0.0, 1.0]])
        affine = tuple(_row(row) for row in rows)
        spacing = _vector(np.array(scene.spacing)[list(axes)])
        counts = (int(shape[0]), int(shape[1]), int(shape[2]))
        space = Space(size=counts, spacing=spacing, affine=affine)
        turned = (bool(flips[0]), bool(flips[1]), bool(flips[2]))
        return cls(axes, turned, counts, space, spacing, affine)

    def store(self, voxels: NDArray[np.int16]) -> NDArray[np.int16]:
        """Return canonical voxels ``(slice, row, column)`` in stored order."""
        order = [2 - axis for axis in reversed(self.axes)]  # numpy's axes run against x, y, z
        steps = tuple(slice(None, None, -1 if flip else None) for flip in reversed(self.flips))
        return np.ascontiguousarray(voxels.transpose(order)[steps])

    def box(self, bounds: Bounds) -> Box3D:
        """Return canonical bounds in stored voxels."""
        ends = []
        for axis, flip, n in zip(self.axes, self.flips, self.counts, strict=True):
            low, high = bounds[axis]
            ends.append((n - high, n - low) if flip else (low, high))
        (x1, x2), (y1, y2), (z1, z2) = ends
        return Box3D(x1, y1, z1, x2, y2, z2, self.space)


def _rotation(angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rotation about x, then y, then z, by radians."""
    turn = np.eye(3)
    for axis, angle in enumerate(angles):
        i, k = (axis + 1) % 3, (axis + 2) % 3
        step = np.eye(3)
        step[i, i] = step[k, k] = np.cos(angle)
        step[k, i], step[i, k] = np.sin(angle), -np.sin(angle)
        turn = step @ turn
    return turn


def _row(row: NDArray[np.float64]) -> tuple[float, float, float, float]:
    return float(row[0]), float(row[1]), float(row[2]), float(row[3])
