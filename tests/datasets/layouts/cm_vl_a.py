"""CM-VL-A: one object a line under field names of somebody's own; full-width and ASCII marks mixed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .draw import picture

FIELDS = {"image": "pmc_fig", "caption": "context"}
LOADS: list[dict[str, Any]] = [{"fields": FIELDS}]

_ROWS = [
    ("PMC1_Fig1_1.jpg", "胸部CT显示右肺上叶结节，直径约12 mm."),
    ("PMC1_Fig1_2.jpg", "术后第3天的X线片（正位）。"),
    ("PMC2_F2_1.jpg", ""),
]


def write(root: Path) -> None:
    """Write the rows with a byte order mark and a blank last line, and the user's pictures."""
    lines = [json.dumps(dict(zip(FIELDS.values(), row, strict=True)), ensure_ascii=False) for row in _ROWS]
    text = "\ufeff" + "\n".join(lines) + "\n\n"
    (root / "ChiMed-VL-Alignment.jsonl").write_text(text, encoding="utf-8")
    for seed, (name, _) in enumerate(_ROWS):
        picture(root / "images" / name, seed=seed)
