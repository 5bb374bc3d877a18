"""Write the table of ``docs/how-to/ask-many.md`` from ``benchmarks/results/ask.json``: ``python docs/_ask.py``."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PAGE, RECORD = ROOT / "docs/how-to/ask-many.md", ROOT / "benchmarks/results/ask.json"
PARTS = {
    "questions": "8 questions on each film, first token",
    "landmarks": "19 landmarks of one skull, written",
    "labels": "14 labels, scored",
    "mixed": "512 answers of mixed lengths",
}


def table(record: dict[str, Any]) -> str:
    """Return the table as Markdown."""
    models = [name for name in ("embedded", "mid") if name in record]
    sizes = " | ".join(f"{name}, {record[name]['parameters'] / 1e6:.1f} M" for name in models)
    lines = [f"| Times plain transformers | {sizes} | Target |", "|---" * (len(models) + 2) + "|"]
    for part, said in PARTS.items():
        cells = [_cell(record[name].get(part)) for name in models]
        target = next(record[name][part]["target"] for name in models if part in record[name])
        lines.append(f"| {said} | {' | '.join(cells)} | {target:g} |")
    return "\n".join(lines)


def _cell(found: dict[str, Any] | None) -> str:
    if found is None:
        return "not measured"
    ratio = found["times_reference"]
    return f"{ratio['median']} ({ratio['low']} to {ratio['high']}), {'met' if found['met'] else 'missed'}"


def written(page: str, record: dict[str, Any]) -> str:
    """Return the page with its table."""
    return re.sub(r"(<!-- ask -->\n).*?(<!-- /ask -->)", lambda m: m[1] + table(record) + "\n" + m[2], page, flags=re.S)


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text("utf-8"), json.loads(RECORD.read_text("utf-8"))), "utf-8")
