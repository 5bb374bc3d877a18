"""SLAKE's boxes: one-key objects, a list of boxes under one label, one over the border, an empty list, one object."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from . import slake

LOADS: list[dict[str, Any]] = [
    {},
    {"split": "train"},
    {"split": "train", "language": "zh"},
    {"split": "test", "language": "en"},
]

_BOXES: dict[str, Any] = {
    "xmlab1": [{"Atelectasis": [12.0, 7.0, 24.0, 20.0]}, {"Liver": [40.0, 30.0, 20.0, 16.0]}],
    "xmlab2": [{"Nodule": [[4.0, 4.0, 8.0, 8.0], [50.0, 40.0, 40.0, 10.0]]}],
    "xmlab3": [],
    "xmlab4": [{"Odd Finding": [10.0, 10.0, 30.0, 30.0]}, {"Mass": [70.0, 10.0, 0.0, 9.0]}],
    "xmlab10": {"Left Lung": [5.5, 6.5, 10.0, 12.0], "Brain Edema": [1, 2, 3, 4]},
}


def write(root: Path) -> None:
    """Write SLAKE with a ``detection.json`` beside each picture; pictures are 80 × 60."""
    slake.write(root)
    for name, boxes in _BOXES.items():
        folder = root / "imgs" / name
        folder.mkdir(exist_ok=True)  # xmlab10 has neither a picture nor a question
        (folder / "detection.json").write_text(json.dumps(boxes), encoding="utf-8")
    (root / "imgs" / "xmlab1" / ".DS_Store").write_bytes(b"")
