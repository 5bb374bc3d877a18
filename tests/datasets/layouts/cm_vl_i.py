"""CM-VL-I: LLaVA's conversations with several turns; the picture's tag first or last."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .draw import picture

LOADS: list[dict[str, Any]] = [{}]

_ROWS = [
    ("PMC3_Fig1_1.jpg", [("<image>\n图中显示什么？", "肝脏囊肿。"), ("是否有出血？", "否")]),
    ("PMC4_F2_1.jpg", [("使用了哪种成像方式？\n<image>", "MRI")]),
]


def write(root: Path) -> None:
    """Write one JSON list, and the user's pictures beside it."""
    records = []
    for number, (name, pairs) in enumerate(_ROWS):
        turns = [
            {"from": who, "value": words} for pair in pairs for who, words in zip(("human", "gpt"), pair, strict=True)
        ]
        records.append({"id": str(number), "image": name, "conversations": turns})
        picture(root / name, seed=10 + number)
    text = json.dumps(records, ensure_ascii=True)
    (root / "ChiMed-VL-Instruction.json").write_text(text, encoding="utf-8")
