"""Print the board and write its plain numbers, for programs that read them, to ``benchmarks/results/phantom.json``.

    python benchmarks/phantom.py [--first-seed N] [--n N] [--run DIR]

The same questions, answers and scores as ``benchmarks/quality.py``, which adds intervals, targets and controls; here
``{"tasks": {task: {language: {metric: value, "n": phantoms}}}}`` and what was drawn.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import quality  # beside this file

RESULTS = Path(__file__).parent / "results" / "phantom.json"


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=RESULTS)
    given, others = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "quality.json"
        quality.main([*others, "--out", str(whole)])
        record = json.loads(whole.read_text("utf-8"))
    kept = ("phantoms", "generator", "versions")
    found = {"tasks": plain(record), **{key: record[key] for key in kept}}
    given.out.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


def plain(record: dict[str, Any]) -> dict[str, dict[str, dict[str, float]]]:
    """Return the values alone."""
    count = record["phantoms"]["n"]
    return {
        task: {
            language: {**{metric: found["value"] for metric, found in metrics.items()}, "n": count}
            for language, metrics in languages.items()
        }
        for task, languages in record["tasks"].items()
    }


if __name__ == "__main__":
    sys.exit(main())
