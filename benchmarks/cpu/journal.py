"""The journal beside the usual way, a row of SQLite with a sync an item: cost of an item, and of resuming.

    python benchmarks/cpu/journal.py

Equal records come back from both first. Targets: at most 15 microseconds an item, 20 times cheaper, and 100,000
lines looked through in half a second. Process CPU time leaves out waiting for the disk, which the other way does
most; the wall clock is printed too. Writes ``benchmarks/results/journal.json``.
"""

from __future__ import annotations

import json
import platform
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

from umit.evaluation.journal import LINES, Journal, records

RESULTS = Path(__file__).parents[1] / "results" / "journal.json"
ITEMS, USUAL, SCANNED, RUNS = 20_000, 500, 100_000, 5


def record(number: int) -> dict[str, object]:
    """Return what one answer leaves."""
    return {
        "task": "answer_closed",
        "group": f"synpic{number % 300}.jpg",
        "facts": {"answer_type": "closed", "organ": "chest"},
        "query": {"type": "Ask", "language": "en", "question": "Is there a nodule?", "options": ["yes", "no"]},
        "gold": {"schema": 1, "type": "Answer", "text": "yes", "option": 0},
        "raw": "1:yes",
        "found": {"schema": 1, "type": "Answer", "text": "yes", "option": 0, "probabilities": [0.9, 0.1]},
    }  # fmt: skip


def ours(folder: Path, made: list[dict[str, object]]) -> tuple[float, float]:
    """Return CPU and wall seconds an item of the journal."""
    with Journal(folder, {"model": "a"}) as journal:
        cpu, wall = time.process_time(), time.perf_counter()
        for number, one in enumerate(made):
            journal.add(str(number), one)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return cpu / len(made), wall / len(made)


def usual(folder: Path, made: list[dict[str, object]]) -> tuple[float, float]:
    """Return CPU and wall seconds an item of a line with a sync, and a row of SQLite."""
    import os

    base = sqlite3.connect(folder / "cache.db")
    base.execute("create table answers (id text primary key, record text)")
    with (folder / "cache.jsonl").open("a", encoding="utf-8") as file:
        cpu, wall = time.process_time(), time.perf_counter()
        for number, one in enumerate(made):
            text = json.dumps(one)
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
            base.execute("insert or replace into answers values (?, ?)", (str(number), text))
            base.commit()
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    back = [json.loads(text) for (text,) in base.execute("select record from answers order by rowid")]
    base.close()
    if back != made:
        raise SystemExit("the records differ")
    return cpu / len(made), wall / len(made)


def main() -> int:
    """Measure both arms, the smallest of several runs."""
    made = [record(number) for number in range(ITEMS)]
    new, old, scans = [], [], []
    for _ in range(RUNS):
        with tempfile.TemporaryDirectory() as name:
            new.append(ours(Path(name), made))
            kept = ("id", "ok")
            back = [{k: v for k, v in one.items() if k not in kept} for one in records(Path(name))]
            if back != made:
                raise SystemExit("the records differ")
        with tempfile.TemporaryDirectory() as name:
            old.append(usual(Path(name), made[:USUAL]))
    with tempfile.TemporaryDirectory() as name:
        with Journal(Path(name), {"model": "a"}) as journal:
            for number in range(SCANNED):
                journal.add(str(number), made[number % ITEMS])
        size = (Path(name) / LINES).stat().st_size
        for _ in range(RUNS):
            start = time.process_time(), time.perf_counter()
            with Journal(Path(name), {"model": "a"}) as journal:
                ends = time.process_time(), time.perf_counter()
                scans.append(tuple(b - a for a, b in zip(start, ends, strict=True)))
                if len(journal.done) != SCANNED:
                    raise SystemExit("answers are missing")
    cheap, dear = (tuple(min(one[k] for one in arm) * 1e6 for k in (0, 1)) for arm in (new, old))
    found = {
        "journal": {"cpu_microseconds": round(cheap[0], 2), "wall_microseconds": round(cheap[1], 2), "target": 15},
        "sync_and_sqlite": {"cpu_microseconds": round(dear[0], 2), "wall_microseconds": round(dear[1], 2)},
        "times_cheaper": {"cpu": round(dear[0] / cheap[0], 1), "wall": round(dear[1] / cheap[1], 1), "target": 20},
        "scan_of_100000_lines": {
            "cpu_seconds": round(min(s[0] for s in scans), 3), "wall_seconds": round(min(s[1] for s in scans), 3), "megabytes": round(size / 1e6), "target": 0.5},
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
    }  # fmt: skip
    RESULTS.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
