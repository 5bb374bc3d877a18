"""PMC-OA in the form with three files: `valid`, a line break inside a caption, a picture without an article."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .draw import picture

LOADS: list[dict[str, Any]] = [{}, {"split": "train"}, {"split": "valid"}, {"split": "test"}]

_ROWS = {
    "train.jsonl": [
        ("PMC100_Fig1_1.jpg", "A. A film of the chest.\nB. The same after a week – no change.", "PMC100"),
        ("PMC100_F2_12.jpg", "An axial slice.", None),
        ("PMC200_Fig3_4.jpg", "  ", "PMC200"),
    ],
    "valid.jsonl": [("PMC300_Fig1_2.jpg", "Coronal plane.", "PMC300")],
    "test.jsonl": [("figure_1.jpg", "A smear, stained.", None)],
}  # fmt: skip


def write(root: Path) -> None:
    """Write the three files and ``images/``; all values are strings, as in the real files."""
    for file, rows in _ROWS.items():
        lines = []
        for name, caption, article in rows:
            row = {"image": name, "caption": caption}
            if article:
                row |= {"pmcid": article, "url_name": f"{article}-1.jpg"}
            lines.append(json.dumps(row, ensure_ascii=False))
            picture(root / "images" / name, seed=len(name))
        (root / file).write_text("\n".join(lines) + "\n\n", encoding="utf-8")
