"""The page states what the benchmark of asking measured, the missed targets too."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_table_is_the_records() -> None:
    spec = importlib.util.spec_from_file_location("docs_ask", ROOT / "docs/_ask.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    record = json.loads((ROOT / "benchmarks/results/ask.json").read_text("utf-8"))
    page = (ROOT / "docs/how-to/ask-many.md").read_text("utf-8")
    assert module.written(page, record) == page
    assert (
        record["embedded"]["questions"]["counters"]["umit"]["patches"] * 8
        == (record["embedded"]["questions"]["counters"]["reference"]["patches"])
    ), "each picture is encoded once"
