"""Print the board of the embedded checkpoint and write ``benchmarks/results/phantom.json``.

python benchmarks/phantom.py [--first-seed N] [--n N] [--checkpoint FOLDER] [--out FILE]
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from dataclasses import asdict
from importlib import metadata
from pathlib import Path

from umit import UMIT
from umit.phantom.board import board
from umit.phantom.cases import HELD_OUT
from umit.phantom.cephalogram import CEPHALOGRAM
from umit.phantom.film import FILM
from umit.phantom.volume import VOLUME

RESULTS = Path(__file__).parent / "results" / "phantom.json"


def main() -> int:
    """Run the board."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first-seed", type=int, default=HELD_OUT)
    parser.add_argument("--n", type=int, default=400)
    parser.add_argument("--controls", type=int, default=100)
    parser.add_argument("--checkpoint", default="umit-phantom")
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    started, cpu = time.perf_counter(), time.process_time()
    found = board(
        UMIT.from_pretrained(given.checkpoint),
        first_seed=given.first_seed,
        n=given.n,
        controls=given.controls,
        tell=lambda text: print(text, file=sys.stderr, flush=True),
    )
    packages = ("umit", "torch", "transformers", "numpy", "pillow")
    record = {
        **found,
        "first_seed": given.first_seed,
        "generator": {
            "film": asdict(FILM),
            "cephalogram": asdict(CEPHALOGRAM),
            "volume": asdict(VOLUME),
        },
        "versions": {name: metadata.version(name) for name in packages}
        | {"python": platform.python_version()},
        "seconds": round(time.perf_counter() - started, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
    }
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(table(record))
    print(f"generator: {json.dumps(record['generator'])}")
    print("Synthetic phantoms only. Research use only, not a medical device.")
    return 0


def table(record: dict) -> str:
    """Return the board as a Markdown table."""
    lines = [
        "| task | metric | English | Chinese | majority | blank picture | other picture | frame floor |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for task, languages in record["tasks"].items():
        controls = record["controls"][task]
        for metric in languages["en"]:
            if metric == "n":
                continue
            cells = [f"{languages[code][metric]:.4g}" for code in ("en", "zh")]
            cells += [
                f"{controls[name][metric]:.4g}" if metric in controls[name] else ""
                for name in ("majority", "blank_picture", "other_picture", "frame_floor")
            ]
            lines.append(f"| {task} | {metric} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
