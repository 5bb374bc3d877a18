"""MedMNIST 3D: cubes without a channel axis, organs under their own numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .draw import pixels

LOADS: list[dict[str, Any]] = [{"variant": "organmnist3d", "split": "test"}, {"variant": "fracturemnist3d"}]


def write(root: Path) -> None:
    """Write two files of 28 × 28 × 28 voxels, two rows a split."""
    for name, labels in (("organmnist3d", [[0], [10]]), ("fracturemnist3d", [[2], [1]])):
        arrays = {}
        for number, split in enumerate(("train", "val", "test")):
            cubes = [np.stack([pixels(1000 * number + 100 * k + z, 28, 28) for z in range(28)]) for k in range(2)]
            arrays[f"{split}_images"] = np.stack(cubes)
            arrays[f"{split}_labels"] = np.array(labels, np.uint8)
        np.savez_compressed(root / f"{name}.npz", **arrays)
