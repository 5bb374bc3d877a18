"""The abdomen of the CT phantoms: the trunk, and every organ's place, size and HU in a mean patient."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["ANATOMY", "BODY", "HOSTS", "ORGANS", "Grid", "Organ", "Vector", "label", "trunk"]

Vector: TypeAlias = tuple[float, float, float]
Grid: TypeAlias = NDArray[np.float32]
Organ: TypeAlias = tuple[str, float, tuple[tuple[Vector, Vector], ...]]

AIR, FAT, MUSCLE, BONE, CORD = -1000.0, -100.0, 55.0, 260.0, 30.0  # HU
BODY = (152.0, 108.0)  # mm, half axes of the trunk

# Name, HU, and ellipsoids as centre and radii, in mm from the body's middle along the patient's
# left, back and head. Later organs cover earlier ones. MedMNIST's names are written its way.
ANATOMY: tuple[Organ, ...] = (
    ("lung-right", -830.0, (((-75.0, 5.0, 135.0), (58.0, 76.0, 62.0)),)),
    ("lung-left", -830.0, (((75.0, 5.0, 135.0), (58.0, 76.0, 62.0)),)),
    (
        "bowel",
        35.0,
        tuple(
            ((30.0 * column - 75.0, -52.0 + 22.0 * (row % 2), -32.0 * row - 20.0), (17.0, 19.0, 15.0))
            for row in range(4)
            for column in range(6)
        ),
    ),
    ("stomach", 25.0, (((48.0, -38.0, 55.0), (40.0, 32.0, 38.0)),)),
    ("liver", 110.0, (((-66.0, -8.0, 45.0), (70.0, 66.0, 62.0)), ((-8.0, -42.0, 52.0), (55.0, 34.0, 34.0)))),
    ("spleen", 125.0, (((98.0, 28.0, 52.0), (28.0, 42.0, 46.0)),)),
    ("pancreas", 90.0, (((18.0, 2.0, 12.0), (52.0, 11.0, 14.0)), ((-24.0, 4.0, 2.0), (18.0, 17.0, 24.0)))),
    ("kidney-right", 165.0, (((-60.0, 46.0, -22.0), (27.0, 26.0, 50.0)),)),
    ("kidney-left", 165.0, (((60.0, 46.0, -12.0), (27.0, 26.0, 50.0)),)),
    ("aorta", 190.0, (((10.0, 30.0, 0.0), (11.0, 11.0, 1e4)),)),
)
UNLISTED = ("stomach", "bowel")  # drawn, so that not every blob is an organ that is asked for
ORGANS = tuple(name for name, _, _ in ANATOMY if name not in UNLISTED)
HOSTS = ("liver", "spleen", "kidney-left", "kidney-right")


def label(name: str) -> int:
    """Return the number of an organ among a volume's labels, from 1."""
    return 1 + [organ for organ, _, _ in ANATOMY].index(name)


def trunk(x: Grid, y: Grid, z: Grid) -> Grid:
    """Return the empty trunk in HU: skin fat, muscle, inner fat, spine and ribs."""
    narrow = (1 - np.float32(0.06) * (z / np.float32(120)) ** 2)[:, None, None]
    reach = np.hypot(x / np.float32(BODY[0]), y[:, None] / np.float32(BODY[1]))
    angle = np.arctan2(y[:, None], x)
    share = reach / narrow
    hu = np.full(share.shape, AIR, dtype=np.float32)
    hu[share < 1] = FAT
    wall = (share < 0.93) & (share > 0.86)
    hu[wall] = MUSCLE
    fall = np.cos(4 * angle + np.float32(0.08) * z[:, None, None])  # ribs cross slices obliquely
    hu[wall & (fall > 0.9) & (z > 0)[:, None, None] & (share > 0.88)] = BONE
    hu[:, ((np.abs(x) - 42) / 30) ** 2 + ((y[:, None] - 78) / 17) ** 2 < 1] = MUSCLE
    vertebra = (x / 21) ** 2 + ((y[:, None] - 58) / 17) ** 2 < 1
    process = (np.abs(x) < 5) & (np.abs(y[:, None] - 86) < 12)
    hu[:, vertebra | process] = BONE
    hu[:, (x / 9) ** 2 + ((y[:, None] - 79) / 7) ** 2 < 1] = CORD
    return hu
