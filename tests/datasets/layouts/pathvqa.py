"""PathVQA as the authors' pickles: names without a suffix, double blanks, capitals."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

from .draw import picture

LOADS: list[dict[str, Any]] = [{}, {"split": "train"}, {"split": "val"}, {"split": "test"}]

_ROWS = {
    "train": [
        ("train_0001", "Is  this  tissue normal ?", "Yes"),
        ("train_0001", "Where is the tumor ?", "In the wall of the colon"),
    ],
    "val": [("val_0001", "does this image show fibrosis?", "no")],
    "test": [("test_0001", "what is present?", "a granuloma")],
}


def write(root: Path) -> None:
    """Write ``pvqa/qas`` and ``pvqa/images``; one picture is CMYK, one is grey."""
    for split, rows in _ROWS.items():
        folder = root / "pvqa" / "qas" / split
        folder.mkdir(parents=True)
        listed = [dict(zip(("image", "question", "answer"), row, strict=True)) for row in rows]
        (folder / f"{split}_qa.pkl").write_bytes(pickle.dumps(listed))
        mode = {"train": "CMYK", "val": "L", "test": "RGB"}[split]
        picture(root / "pvqa" / "images" / split / f"{split}_0001.jpg", seed=len(split), mode=mode)
