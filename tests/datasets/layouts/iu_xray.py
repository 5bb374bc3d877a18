"""IU X-Ray in R2Gen's form, with the key ``test`` blanked as in one copy; and its two other lists."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .draw import picture

LOADS: list[dict[str, Any]] = [{}, {"split": "train"}, {"split": "val"}, {"split": "test"}]

_ROWS = {
    "train": [("CXR1_IM-0001", "The XXXX are clear. Heart size is normal."), ("CXR2_IM-0002", " ")],
    "val": [("CXR3_IM-0003", "No effusion.")],
    "    ": [("CXR4_IM-0004", "A small nodule in the left upper lobe.")],
}


def write(root: Path) -> None:
    """Write ``annotation.json`` and ``images/<id>/0.png`` and ``1.png``."""
    listing: dict[str, list[dict[str, Any]]] = {}
    for key, rows in _ROWS.items():
        for number, (name, report) in enumerate(rows):
            paths = [f"{name}/{view}.png" for view in (0, 1)]
            split = key.strip() or "test"
            row = {"id": name, "report": report, "image_path": paths, "split": split}
            listing.setdefault(key, []).append(row)
            for view, path in enumerate(paths):
                picture(root / "images" / path, seed=10 * number + view, height=60 + 10 * view)
    (root / "annotation.json").write_text(json.dumps(listing), encoding="utf-8")


def write_flat(root: Path) -> None:
    """Write the variant with flat names, one to four views and no ``split`` in its rows."""
    rows = [
        {"id": str(n), "report": "Clear.", "image_path": [f"CXR{n}_IM-1-{v}001.png" for v in range(n)]}
        for n in (1, 4)
    ]  # fmt: skip
    (root / "annotation.json").write_text(json.dumps({"train": rows, "val": rows[:1], "test": []}))


def write_sections(root: Path) -> None:
    """Write MedEvalKit's list: findings and impression apart, one of them empty."""
    rows = [
        {"id": "open_i_1", "image": ["a.png", "b.png"], "findings": "Clear.", "impression": "Normal."},
        {"id": "open_i_2", "image": ["c.png"], "findings": "", "impression": "Cardiomegaly."},
        {"id": "open_i_3", "image": ["d.png"], "findings": "", "impression": " "},
    ]  # fmt: skip
    (root / "test.json").write_text(json.dumps(rows))
