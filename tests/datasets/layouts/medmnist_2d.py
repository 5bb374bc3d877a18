"""MedMNIST 2D: grey, colour and several labels; far fewer rows than were published."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .draw import pixels

LOADS: list[dict[str, Any]] = [
    {"variant": "pneumoniamnist"},
    {"variant": "bloodmnist", "split": "val"},
    {"variant": "chestmnist", "split": "test"},
    {"variant": "retinamnist", "split": "train", "language": "zh"},
]

_LABELS: dict[str, list[Any]] = {
    "pneumoniamnist": [[1], [0]],
    "bloodmnist": [[7], [3]],
    "chestmnist": [[0] * 14, [0, 1, 1, *[0] * 11]],
    "retinamnist": [[4], [0]],
}


def write(root: Path) -> None:
    """Write four files of 28 × 28 pixels, two rows a split."""
    for name, labels in _LABELS.items():
        channels = 3 if name in ("bloodmnist", "retinamnist") else 0
        arrays: dict[str, NDArray[np.uint8]] = {}
        for number, split in enumerate(("train", "val", "test")):
            shown = [pixels(10 * number + k, 28, 28, channels) for k in range(len(labels))]
            arrays[f"{split}_images"] = np.stack(shown)
            arrays[f"{split}_labels"] = np.array(labels, np.uint8)
        np.savez_compressed(root / f"{name}.npz", **arrays)
