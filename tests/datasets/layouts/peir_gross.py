"""PEIR Gross as bioCaption's crawler leaves it: no quoting, blanks and `#` in names, a torn caption."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .draw import picture

LOADS: list[dict[str, Any]] = [{}, {"split": "train"}, {"split": "test"}]

CAPTIONS = {
    "00000001.jpg": 'LIVER: Cirrhosis: Gross, fixed tissue, "nutmeg" pattern',
    "liver #2 cut.JPG": "LIVER: Gross natural color, opened\tduct",
    "00000003.jpg": "KIDNEY: Gross natural color,\nvery good example",
    "00000004.jpg": "",
}


def write(root: Path, *, shipped: bool = True, captions: bool = True) -> None:
    """Write ``peir_gross/``.

    Args:
        root: The folder above it.
        shipped: Whether the two files of the split are there.
        captions: Whether the captions are there as JSON, too.
    """
    top = root / "peir_gross"
    for number, name in enumerate(CAPTIONS):
        picture(top / "peir_gross_images" / name, seed=number)
    (top / "peir_gross.tsv").write_text(_lines(list(CAPTIONS)), encoding="utf-8")
    if captions:
        (top / "peir_gross_captions.json").write_text(json.dumps(CAPTIONS), encoding="utf-8")
    if shipped:
        names = list(CAPTIONS)
        (top / "train_images.tsv").write_text(_lines([names[2], names[0], names[3]]), encoding="utf-8")
        (top / "test_images.tsv").write_text(_lines([names[1]]), encoding="utf-8")


def _lines(names: list[str]) -> str:
    return "".join(f"{name}\t{CAPTIONS[name]}\n" for name in names)
