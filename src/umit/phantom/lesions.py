"""Lesions of the lung as small masks: where each may go, its shape, and how it is painted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from umit.phantom.canvas import Plane, Points, Range, enlarge, fill
from umit.phantom.chest import SIDES, Chest, Side

__all__ = ["Patch", "draw_effusion", "draw_spot", "find_room"]

TRIES = 200  # centres looked at before a lesion is made smaller
EDGE = 2.0  # pixels over which the rim of a lesion fades


@dataclass(frozen=True, slots=True)
class Patch:
    """A lesion's shape on a window of the film; the lesion is where the mask is above a half.

    Args:
        kind: One of ``FINDINGS``.
        side: The patient's side.
        top: First row of the window, in pixels.
        left: First column of the window, in pixels.
        mask: ``(row, column)``, about 0..1; negative where darker than the lung.
        contrast: Mean contrast over the noise's standard deviation.
    """

    kind: str
    side: Side
    top: int
    left: int
    mask: Plane
    contrast: float

    def bounds(self) -> tuple[int, int, int, int]:
        """Return ``(left, top, right, bottom)`` of the lesion in pixels, half open."""
        inside = self.mask > 0.5
        rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
        top, left = self.top + int(rows[0]), self.left + int(columns[0])
        return left, top, self.left + int(columns[-1]) + 1, self.top + int(rows[-1]) + 1

    def add_to(self, picture: Plane, noise: float, left: int | None = None) -> None:
        """Paint at a mean contrast measured in the noise, at another column if asked."""
        start = self.left if left is None else left
        window = picture[self.top : self.top + self.mask.shape[0], start : start + self.mask.shape[1]]
        mask = self.mask[: window.shape[0], : window.shape[1]]
        inside = mask > 0.5
        if not inside.any():
            return
        if self.kind == "effusion":  # fluid hides most of the ribs and vessels that it covers
            window += np.float32(0.7) * mask * (window[inside].mean() - window)
        window += mask * np.float32(self.contrast * noise / mask[inside].mean())


def draw_effusion(rng: Generator, side: Side, contrast: float, chest: Chest, depths: Range) -> Patch:
    """Fill the lung's lower corner up to a meniscus that rises towards the wall.

    Args:
        rng: Where chance comes from.
        side: The patient's side.
        contrast: Mean contrast over the noise's standard deviation.
        chest: The patient.
        depths: Height of the fluid, as a share of the lung's height.
    """
    width, height = chest.pose.size
    outline = chest.outlines[f"{side} lung"]
    low = np.clip(outline.min(axis=0), 0, (width, height))
    high = np.clip(outline.max(axis=0), 0, (width, height))
    depth = rng.uniform(*depths) * (high[1] - low[1])
    # Even edges, so that the window starts on a half-size pixel.
    top, bottom = 2 * (int(high[1] - depth) // 2 - 2), min(2 * (int(high[1]) // 2 + 3), height)
    left, right = max(2 * (int(low[0]) // 2 - 2), 0), min(2 * (int(high[0]) // 2 + 3), width)
    half = fill(chest.pose.size, [(outline, 255), (chest.outlines["heart"], 0)], 0.7)
    part = half[top // 2 : bottom // 2, left // 2 : right // 2]
    lung = enlarge(np.ascontiguousarray(part), (right - left, bottom - top))
    across = (np.arange(left, right) + 0.5 - low[0]) / (high[0] - low[0])
    medial = np.clip(across if side == "right" else 1 - across, 0, 1)
    surface = high[1] - depth * (1 - rng.uniform(0.35, 0.6) * medial**1.5)
    fluid = np.clip((np.arange(top, bottom)[:, None] + 0.5 - surface) / 3 + 0.5, 0, 1)
    return Patch("effusion", side, top, left, (lung * fluid).astype(np.float32), contrast)


def draw_spot(rng: Generator, kind: str, side: Side, radius: float, contrast: float, chest: Chest) -> Patch:
    """Put a nodule, cavity or consolidation where the lung still shows.

    Args:
        rng: Where chance comes from.
        kind: Which of the three.
        side: The patient's side; the other is taken if this one has no room.
        radius: In pixels; made smaller if there is no room.
        contrast: Mean contrast over the noise's standard deviation.
        chest: The patient.
    """
    side, x, y, radius = find_room(rng, side, radius, kind == "consolidation", chest)
    reach = int(radius * 1.15) + 3
    left, top = max(int(x) - reach, 0), max(int(y) - reach, 0)
    right, bottom = (min(int(x) + reach + 1, chest.pose.size[0]), min(int(y) + reach + 1, chest.pose.size[1]))
    dx = np.arange(left, right, dtype=np.float32) + np.float32(0.5 - x)
    dy = np.arange(top, bottom, dtype=np.float32)[:, None] + np.float32(0.5 - y)
    return Patch(kind, side, top, left, _shape(rng, kind, dx, dy, radius), contrast)


def _shape(rng: Generator, kind: str, dx: Plane, dy: Plane, radius: float) -> Plane:
    far = np.hypot(dx, dy)
    if kind == "consolidation":
        angle = np.arctan2(dy, dx)
        waves = [(k, rng.uniform(0.03, 0.10) / k**0.5, rng.uniform(0, 2 * np.pi)) for k in (2, 3, 5)]
        edge = 0.95 + sum(size * np.cos(k * angle + phase) for k, size, phase in waves)
        return np.clip((edge - far / radius) / 0.35 + 0.5, 0, 1).astype(np.float32)
    disc = np.clip((radius - far) / EDGE + 0.5, 0, 1)
    if kind == "cavity":
        hole = radius * rng.uniform(0.5, 0.68)
        disc = disc - 1.4 * np.clip((hole - far) / EDGE + 0.5, 0, 1)
    return disc.astype(np.float32)


def find_room(rng: Generator, side: Side, radius: float, soft: bool, chest: Chest) -> tuple[Side, float, float, float]:
    """Return a side, a centre and a radius, in pixels, whose rim lies in visible lung.

    Args:
        rng: Where chance comes from.
        side: The side that is tried first.
        radius: Wanted; shrinks by a tenth until something fits.
        soft: Whether the rim may leave the lung a little.
        chest: The patient.
    """
    turn = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    rim = np.stack([np.cos(turn), np.sin(turn)], axis=1) * (0.85 if soft else 1.08)
    rim = np.concatenate([rim, rim / 2, [[0.0, 0.0]]])
    lungs = {one: np.argwhere(chest.free == SIDES.index(one) + 1)[:, ::-1] for one in SIDES}
    other = SIDES[1 - SIDES.index(side)]
    while True:
        for wanted in (side, other):
            if not len(lungs[wanted]):
                continue
            picks = rng.integers(len(lungs[wanted]), size=TRIES)
            centres = 2 * lungs[wanted][picks] + rng.uniform(0, 2, (TRIES, 2))
            good = _shows(centres[:, None] + rim * radius, SIDES.index(wanted) + 1, chest)
            if good.any():
                x, y = centres[int(np.argmax(good))]
                return wanted, float(x), float(y), radius
        radius *= 0.9


def _shows(points: Points, label: int, chest: Chest) -> NDArray[np.bool_]:
    """Return which rows of pixels ``(n, k, 2)`` lie wholly in one lung and in the film."""
    rows, columns = chest.free.shape
    spots = np.floor(points / 2).astype(np.int64)
    x, y = spots[..., 0], spots[..., 1]
    inside = (x >= 0) & (y >= 0) & (x < columns) & (y < rows)
    labels = chest.free[np.clip(y, 0, rows - 1), np.clip(x, 0, columns - 1)]
    shows: NDArray[np.bool_] = (inside & (labels == label)).all(axis=1)
    return shows
