"""The page states the measured speeds, the missed ones too, as the benchmarks wrote them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "how-to" / "read-files.md"
NAMES = {
    "jpeg": "RGB JPEG", "png8": "8-bit grey PNG", "png16": "16-bit grey PNG", "dicom": "raw DICOM",
}  # fmt: skip


def _record(name: str) -> Any:
    path = ROOT / "benchmarks" / "results" / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8"))


def test_files() -> None:
    page, record = PAGE.read_text(encoding="utf-8"), _record("files")
    for kind, row in record["files"].items():
        numbers = f"{row['umit_ms']} | {row['reference_ms']} | {row['ratio']}"
        assert f"| {NAMES[kind]} | {numbers} |" in page
        assert row["apart_grey_levels"] == 0
    assert f"| all four, one of each | | | {record['mix']['ratio']} |" in page
    assert f"| two processes instead of one | | | {record['mix']['two_workers']} |" in page


def test_volumes() -> None:
    page, (packed, plain) = (" ".join(PAGE.read_text(encoding="utf-8").split()), _record("volume")["rows"])
    assert f"in {packed['time_over_once']} times the time of inflating it once" in page
    assert f"and {packed['time_over_once_zlib']} times that of bare zlib" in page
    assert f"takes {packed['memory_over_reference']} of the memory" in page
    assert f"a plain `.nii` takes {plain['memory_over_reference']} of it" in page
