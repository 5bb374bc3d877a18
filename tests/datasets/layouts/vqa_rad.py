"""VQA-RAD in the two-file form: a trailing blank, whole numbers as answers, one picture in both splits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .draw import picture

LOADS: list[dict[str, Any]] = [{}, {"split": "train"}, {"split": "test"}]

_ROWS = {
    "trainset.json": [
        ("synpic1.jpg", "HEAD", "Is there a mass?", "Yes", "CLOSED ", "PRES", "freeform"),
        ("synpic1.jpg", "HEAD", "How many lesions?", 4, "OPEN", "COUNT", "freeform"),
        ("synpic2.jpg", "CHEST", "Where is the lesion?", " left lobe", "OPEN", "PRES, POS", "para"),
        ("synpic2.jpg", "CHEST", "Which side is larger?", "right", "CLOSED", "SIZE", "frame"),
    ],
    "testset.json": [
        ("synpic2.jpg", "CHEST", "Is the heart enlarged?", "no", "CLOSED", "SIZE", "freeform"),
        ("synpic3.jpg", "ABD", "What is the plane?", "axial", "OPEN", "POS, PRES", "test_para"),
    ],
}
_NAMES = ("image_name", "image_organ", "question", "answer", "answer_type", "question_type", "phrase_type")  # fmt: skip


def write(root: Path) -> None:
    """Write ``trainset.json``, ``testset.json`` and ``images/``."""
    for file, rows in _ROWS.items():
        listed = [{"qid": number, **dict(zip(_NAMES, row, strict=True))} for number, row in enumerate(rows, start=1)]
        (root / file).write_text(json.dumps(listed, indent=1), encoding="utf-8")
    for number in (1, 2, 3):
        picture(root / "images" / f"synpic{number}.jpg", seed=number)
