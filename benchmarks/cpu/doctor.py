"""The doctor on 100,000 ms-swift rows, and rows of PMC-OA streamed: seconds and memory.

    python benchmarks/cpu/doctor.py

There is no reference arm: nobody ships such a check. The target is 60 s of the wall clock on two cores.
Writes ``benchmarks/results/doctor.json``.
"""

from __future__ import annotations

import json
import platform
import resource
import sys
import tempfile
import time
from collections import Counter
from importlib import metadata
from pathlib import Path

import numpy as np
from PIL import Image

from umit.checkpoints import RELEASED
from umit.datasets import load
from umit.datasets.check import check

RESULTS = Path(__file__).parents[1] / "results" / "doctor.json"
ROWS, PICTURES, FAULTY = 100_000, 5_000, 100
TARGET = 60.0


def write(folder: Path) -> Path:
    """Write pictures and rows of three tasks; every thousandth row has its answer's number wrong."""
    rng = np.random.default_rng(0)
    (folder / "images").mkdir()
    for number in range(PICTURES):
        pixels = rng.integers(0, 255, (64, 64), np.uint8)
        Image.fromarray(pixels).save(folder / "images" / f"{number}.png")
    closed = "Given this image, choose one option from: 1:yes\n2:no to answer the question: Is {} there?"
    find = "Find <|object_ref_start|> pneumonia<|object_ref_end|> in this image"
    forms = (
        ("Given this image, please answer the question: where is {}?", "in the left lung"),
        (closed, "1:yes"),
        (find, "<|box_start|>(104,241),(839,782)<|box_end|>"),
    )
    path = folder / "train.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for number in range(ROWS):
            asked, answer = forms[number % 3]
            if number % (ROWS // FAULTY) == 1:
                asked, answer = closed, "0:yes"
            row = {
                "query": "<image>" + asked.format(f"lesion {number}"),
                "response": answer,
                "images": [f"images/{number % PICTURES}.png"],
            }
            file.write(json.dumps(row) + "\n")
    return path


def main() -> int:
    """Measure."""
    with tempfile.TemporaryDirectory() as name:
        path = write(Path(name))
        wall, cpu = time.perf_counter(), time.process_time()
        found = Counter(one.code for one in check(path, RELEASED["dz-osamu/UMIT-B"].tasks))
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    if found["off_by_one"] != FAULTY:
        print(f"expected {FAULTY} wrong numbers to be found, got {dict(found)}")
        return 1
    with tempfile.TemporaryDirectory() as name:
        rows = [json.dumps({"image": f"PMC{k}_Fig1_1.jpg", "caption": f"A lesion {k}."}) for k in range(ROWS)]
        (Path(name) / "pmc_oa.jsonl").write_text("\n".join(rows))
        streamed = time.process_time()
        count = sum(1 for _ in load("pmc-oa", name, variant="pmc_oa"))
        streamed = time.process_time() - streamed
    record = {
        "check": {"rows": ROWS, "pictures": PICTURES, "seconds": round(wall, 1), "cpu_seconds": round(cpu, 1),
                  "target_seconds": TARGET, "met": wall <= TARGET, "found": dict(found)},
        "pmc_oa": {"rows": count, "cpu_microseconds_a_row": round(streamed / count * 1e6, 1)},
        "peak_megabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "versions": {name: metadata.version(name) for name in ("numpy", "pillow")},
        "python": platform.python_version(),
    }  # fmt: skip
    RESULTS.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(record, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
