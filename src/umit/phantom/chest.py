"""One patient's chest: outlines in pixels, and the density seen from the front and from the side.

Body units: 1 is the film's width, the origin its centre, the patient's right has negative x.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from umit.geometry import Box2D, Space
from umit.phantom.canvas import Outline, Plane, Points, Pose, Range, band, cloud, curve, fill

__all__ = ["SIDES", "Chest", "Side", "paint_front", "paint_side"]

Side: TypeAlias = Literal["right", "left"]
SIDES: tuple[Side, Side] = ("right", "left")

# x of the lung is a share of the wall, x and y of the heart are shares of its width.
LUNG = np.array(
    [(0.40, -0.345), (0.76, -0.24), (0.96, -0.04), (1.00, 0.14), (0.985, 0.275), (0.80, 0.215)]
    + [(0.50, 0.185), (0.24, 0.215), (0.15, 0.08), (0.16, -0.05), (0.13, -0.18), (0.20, -0.29)]
)
HEART = np.array(
    [(-0.30, -0.66), (-0.08, -0.86), (0.10, -0.74), (0.36, -0.45), (0.50, -0.17), (0.42, 0.0)]
    + [(0.10, 0.05), (-0.30, 0.02), (-0.48, -0.12), (-0.50, -0.34), (-0.42, -0.52)]
)
SPINE = np.array([(-0.042, -0.7), (0.042, -0.7), (0.05, -0.1), (0.046, 0.7), (-0.046, 0.7), (-0.05, -0.1)])
WINDPIPE = np.array([(-0.014, -0.7), (0.014, -0.7), (0.016, -0.13), (-0.012, -0.13)])
HALF_TORSO = [(0.09, -0.75), (0.12, -0.42), (0.36, -0.36), (0.50, -0.26), (0.47, -0.12), (0.42, 0.0)]
TORSO = np.array([*HALF_TORSO, (0.41, 0.75), (-0.41, 0.75), *((-x, y) for x, y in reversed(HALF_TORSO))])
SIDE_TORSO = np.array(
    [(-0.09, -0.9), (0.19, -0.9), (0.20, -0.5), (0.30, -0.32), (0.34, 0.0), (0.29, 0.45)]
    + [(0.29, 0.9), (-0.31, 0.9), (-0.31, 0.25), (-0.27, -0.1), (-0.16, -0.36), (-0.10, -0.5)]
)
SIDE_LUNG = np.array(
    [(0.02, -0.34), (0.14, -0.30), (0.25, -0.12), (0.27, 0.14), (0.23, 0.29), (0.10, 0.20)]
    + [(-0.12, 0.17), (-0.22, 0.19), (-0.235, 0.05), (-0.17, -0.18), (-0.08, -0.29)]
)
SIDE_HEART = np.array([(-0.13, 0.02), (-0.09, -0.09), (0.02, -0.13), (0.10, -0.05), (0.10, 0.08), (0.0, 0.11)])
STERNUM = np.array([(-0.12, -0.27), (-0.10, -0.27), (-0.245, 0.10), (-0.265, 0.10)])
TEXTURE = 0.016  # density of the lungs' mottling, one standard deviation


@dataclass(frozen=True, slots=True)
class Chest:
    """One patient's outlines, and the map that lesions are placed by.

    Args:
        pose: Body units to pixels.
        outlines: ``"right lung"``, ``"left lung"`` and ``"heart"`` in pixels.
        wall: From the midline to the ribs' inner edge, in body units.
        ratio: Width of the heart over the width between the walls.
        free: At half size: 1 in the right lung, 2 in the left, 0 where no lesion may go.
    """

    pose: Pose
    outlines: Mapping[str, Points]
    wall: float
    ratio: float
    free: NDArray[np.uint8]

    @classmethod
    def draw(cls, rng: Generator, pose: Pose, ratio: Range) -> Chest:
        """Draw a patient whose heart takes a share of the chest's width in ``ratio``."""
        wall, tall, share = rng.uniform(0.315, 0.345), rng.uniform(0.92, 1.08), rng.uniform(*ratio)
        lungs = {f"{side} lung": pose(_lung(rng, sign, wall, tall)) for side, sign in zip(SIDES, (-1, 1), strict=True)}
        across = 2 * wall * share
        middle = (across * rng.uniform(0.14, 0.18), 0.245 * tall)
        heart = pose(curve(_exact(HEART, across, across * rng.uniform(0.88, 1.0))) + middle)
        outlines = {**lungs, "heart": heart}
        levels = [(outlines["right lung"], 1), (outlines["left lung"], 2), (heart, 0)]
        free = np.rint(fill(pose.size, levels, 0) * 255).astype(np.uint8)
        return cls(pose, outlines, wall, share, free)

    def box(self, name: str, space: Space) -> Box2D:
        """Return the box of an outline, cut to the film."""
        size = np.array(space.size)
        low = np.clip(self.outlines[name].min(axis=0), 0, size)
        high = np.clip(self.outlines[name].max(axis=0), 0, size)
        return Box2D(float(low[0]), float(low[1]), float(high[0]), float(high[1]), space)

    def close(self, left: int, top: int, right: int, bottom: int) -> None:
        """Keep later lesions out of these pixels and a small margin."""
        self.free[max(top // 2 - 2, 0) : bottom // 2 + 3, max(left // 2 - 2, 0) : right // 2 + 3] = 0


def _exact(knots: Points, wide: float, tall: float) -> Points:
    """Scale so that the curve, which bulges beyond its knots, is as wide as asked."""
    bulge = np.ptp(curve(knots)[:, 0])
    return knots * (wide / bulge, tall)


def _lung(rng: Generator, sign: int, wall: float, tall: float) -> Points:
    """Return one lung in body units; the left dome is lower, as the liver lifts the right one."""
    knots = LUNG * (wall, tall) + rng.uniform(-0.006, 0.006, LUNG.shape)
    knots[5:8, 1] += (0.0 if sign < 0 else 0.02) + rng.uniform(-0.012, 0.012)
    outline = curve(knots)
    # The walls are exact, as the heart's share is measured between them.
    return outline * (wall / outline[:, 0].max() * sign, 1.0)


def paint_front(rng: Generator, chest: Chest) -> Plane:
    """Return the density from the front at half size, 0..1, without lesions and noise."""
    pose, size = chest.pose, chest.pose.size
    right, left, heart = ((outline, 255) for outline in chest.outlines.values())
    lungs = fill(size, [right, left], 2.2)
    core = fill(size, [(pose(SPINE), 120), heart, (pose(WINDPIPE), 40)], 3.2)
    hard = fill(size, [*_vessels(rng, pose), *_bones(rng, pose, chest.wall)], 1.0)
    torso = fill(size, [(pose(TORSO * (chest.wall / 0.33, 1)), 255)], 8)
    air = lungs * (1 - np.float32(0.85) * core)
    mottled = np.float32(TEXTURE) * cloud(rng, lungs.shape, 9, 40)
    down = np.linspace(0.48, 0.62, lungs.shape[0], dtype=np.float32)[:, None]
    plane: Plane = torso * down + np.float32(0.09) * core + np.float32(0.03)
    plane += hard * (np.float32(0.05) + np.float32(0.07) * lungs)
    plane += air * (mottled + np.float32(0.13) - np.float32(0.8) * down)
    return plane


def _bones(rng: Generator, pose: Pose, wall: float) -> list[Outline]:
    """Return ribs and clavicles of both sides; the front ribs come first, as they are fainter."""
    u = np.linspace(0, 1, 9)
    thick, tilt, pitch = rng.uniform(0.017, 0.023), rng.uniform(0.8, 1.2), rng.uniform(0.064, 0.072)
    row = np.arange(10)[:, None]
    # Front ribs fall towards the midline; back ribs rise from the spine, then fall along the wall.
    front = _lines(wall * (1.02 - 0.62 * u), -0.20 + pitch * row[:7] + 0.12 * tilt * u**1.3)
    reach = wall * (1.02 - 0.35 * np.maximum(0.0, 0.9 - 0.4 * row))
    fall = 0.13 * tilt * u**2.2 - 0.035 * np.sin(u * np.pi)
    back = _lines(0.03 + (reach - 0.03) * np.sin(u * np.pi / 2), -0.355 + pitch * row + fall)
    collar = _lines(0.035 + 0.30 * u, -0.265 - 0.09 * u[None] + 0.025 * np.sin(u * 2 * np.pi))
    found: list[Outline] = []
    for lines, height, level in (front, thick * 1.1, 105), (back, thick, 175), (collar, 0.028, 235):
        for sign in (-1, 1):
            found.extend((outline, level) for outline in pose(band(lines, height) * (sign, 1)))
    return found


def _lines(x: Points, y: Points) -> Points:
    """Return lines ``(k, n, 2)`` from broadcastable coordinates."""
    return np.stack(np.broadcast_arrays(x, y), axis=-1)


def _vessels(rng: Generator, pose: Pose) -> list[Outline]:
    """Return thin wedges that spread from both roots of the lungs."""
    count, u = 18, np.linspace(0, 1, 5)
    angle, reach = rng.uniform(-1.2, 1.35, (count, 1)), rng.uniform(0.08, 0.19, (count, 1))
    x = 0.05 + rng.uniform(-0.012, 0.012, (count, 1)) + u * reach * np.cos(angle)
    y = -0.04 + rng.uniform(-0.012, 0.012, (count, 1)) + u * reach * np.sin(angle) * 1.2
    y = y + 0.03 * rng.uniform(-1, 1, (count, 1)) * u**2
    wedges = band(_lines(x, y), 0.009 * (1.15 - u))
    wedges[::2, :, 0] *= -1
    return [(outline, 75) for outline in pose(wedges)]


def paint_side(rng: Generator, chest: Chest) -> tuple[Plane, Pose]:
    """Return the density from the patient's left, facing left, at half size, and its pose."""
    size, front = chest.pose.size, chest.pose
    move = (0.5 + rng.uniform(-0.03, 0.03)) * size[0]
    pose = Pose(front.matrix, np.array([move, front.origin[1]]), size)
    u, row = np.linspace(0, 1, 7), np.arange(9)[:, None]
    ribs = _lines(0.21 - 0.40 * u, -0.32 + 0.065 * row + 0.16 * u - 0.05 * np.sin(3 * u))
    steps = np.arange(-0.8, 0.8, 0.057)
    block = np.array([(-0.035, 0.0), (0.035, 0.0), (0.035, 0.047), (-0.035, 0.047)])
    spine = block + np.stack([0.205 + 0.035 * np.cos(3 * steps), steps], axis=1)[:, None]
    bones = [(outline, 80) for outline in pose(band(ribs, 0.016))]
    bones += [(outline, 170) for outline in pose(spine)] + [(pose(STERNUM), 170)]
    grow = chest.ratio / 0.435
    heart = fill(size, [(pose(curve(SIDE_HEART * grow + (-0.07, 0.13))), 255)], 3.5)
    lungs = fill(size, [(pose(curve(SIDE_LUNG)), 255)], 2.5)
    torso = fill(size, [(pose(curve(SIDE_TORSO)), 255)], 6)
    air = lungs * (1 - np.float32(0.7) * heart)
    mottled = np.float32(TEXTURE) * cloud(rng, lungs.shape, 9, 40)
    plane: Plane = np.float32(0.03) + torso * np.float32(0.56) + air * (mottled - np.float32(0.31))
    plane += np.float32(0.10) * fill(size, bones, 1.2)
    return plane, pose
