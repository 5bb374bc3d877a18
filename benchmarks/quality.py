"""Print the board of a checkpoint on held-out phantoms and write ``benchmarks/results/quality.json``.

    python benchmarks/quality.py [--first-seed N] [--n N] [--controls N] [--checkpoint FOLDER] [--run DIR] [--out FILE]

Every task in both languages, asked through ``evaluate`` into journals and scored from them. With ``--run`` the
journals are kept: a stopped run goes on, and ``umit score DIR/model`` gives every protocol's numbers.
``python docs/_board.py`` puts what was written into README.md, the documentation and the model card.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from board import board  # beside this file

from umit import UMIT
from umit.phantom.cases import HELD_OUT
from umit.phantom.samples import GENERATOR, Phantoms

RESULTS = Path(__file__).parent / "results" / "quality.json"
PACKAGES = ("umit", "torch", "transformers", "numpy", "pillow")
AGAINST = ("majority", "blank_picture", "other_picture", "frame_floor")


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first-seed", type=int, default=HELD_OUT)
    parser.add_argument("--n", type=int, default=400, help="phantoms of each kind")
    parser.add_argument("--controls", type=int, default=100, help="phantoms for what stands against the model")
    parser.add_argument("--checkpoint", default="umit-phantom")
    parser.add_argument("--run", type=Path, help="where answers are kept; a stopped run goes on")
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args(arguments)
    started, cpu = time.perf_counter(), time.process_time()
    phantoms = Phantoms(first=given.first_seed, count=given.n)
    with tempfile.TemporaryDirectory() as folder:
        found = board(
            UMIT.from_pretrained(given.checkpoint),
            given.run or Path(folder),
            phantoms,
            controls=given.controls,
            tell=lambda text: print(text, file=sys.stderr, flush=True),
        )
    record = {
        **found,
        "phantoms": {"first_seed": given.first_seed, "n": given.n, "controls": min(given.controls, given.n)},
        "generator": GENERATOR,
        "versions": {name: metadata.version(name) for name in PACKAGES} | {"python": platform.python_version()},
        "seconds": round(time.perf_counter() - started, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
    }
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{table(record)}\n\n{targets(record)}\n\n{note(record)}")
    print("Synthetic phantoms only. Research use only, not a medical device.")
    return 0


def table(record: dict[str, Any]) -> str:
    """Return the board as a Markdown table."""
    lines = [
        "| task | metric | English | Chinese | majority | blank picture | other picture | frame floor |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for task, languages in record["tasks"].items():
        others = [record["controls"][task][name] for name in AGAINST]
        for metric in languages["en"]:
            cells = [_cell(languages[code].get(metric), ends=True) for code in ("en", "zh")]
            cells += [_cell(other.get(metric)) for other in others]
            lines.append(f"| {task} | {metric} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def targets(record: dict[str, Any]) -> str:
    """Return what is found how well, where it is there, as a Markdown table."""
    lines = ["| task | target | n | mean IoU | answered with boxes |", "|---|---|---|---|---|"]
    for task, names in record["targets"].items():
        for name, found in names.items():
            cells = (_cell(found[key], ends=True) for key in ("mean_iou", "answered_with_boxes"))
            lines.append(f"| {task} | {name} | {found['mean_iou']['n']} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def note(record: dict[str, Any]) -> str:
    """Return what the tables are of, in one sentence."""
    of = record["phantoms"]
    return (
        f"{of['n']} held-out phantoms a task and language, controls on {of['controls']} and in English; seeds from "
        f"{of['first_seed']:,}. In brackets: 95 % intervals, by bootstrap over phantoms."
    )


def _cell(number: dict[str, float] | None, *, ends: bool = False) -> str:
    if number is None:
        return ""
    between = f" ({number['low']:.3g} to {number['high']:.3g})" if ends and "low" in number else ""
    return f"{number['value']:.3g}{between}"


if __name__ == "__main__":
    sys.exit(main())
