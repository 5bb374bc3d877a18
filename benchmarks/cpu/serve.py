"""Answers a second that a server gives at 1, 8 and 64 calls at a time, beside the same weights in this process.

    python benchmarks/cpu/serve.py URL [--questions N] [--rounds N]

The server is what ``umit serve`` starts for the embedded checkpoint. The same questions go to all arms, each with a film
of its own: a third each are options (one call an option), boxes and reports. An arm after the other takes them, in so
many rounds; the answers of all arms have to be equal. Wall time, since the work is done in another process; it says how
much other work the machine had.

Writes ``benchmarks/results/serve.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
import warnings
from importlib import metadata
from pathlib import Path
from typing import Any

import httpx2

from umit import UMIT, Ask, Describe
from umit.phantom import cases
from umit.phantom.samples import Drawn
from umit.queries import Find

RESULTS = Path(__file__).parents[1] / "results" / "serve.json"
AT_ONCE = (1, 8, 64)
KINDS = (Ask("Is there nodule in this image?", ("yes", "no")), Find("effusion"), Describe())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--questions", type=int, default=96)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    items = [
        (Drawn("film", cases.HELD_OUT + k).scans()[0], KINDS[k % len(KINDS)]) for k in range(given.questions)
    ]  # fmt: skip
    arms: dict[str, UMIT] = {"in process": UMIT.from_pretrained()}
    arms |= {f"{n} at a time": UMIT.from_server(given.url, concurrency=n) for n in AT_ONCE}
    for model in arms.values():  # what is built at the first question is not what is measured
        list(model.predict(items[:6], progress=False))
    seconds: dict[str, list[float]] = {name: [] for name in arms}
    said: dict[str, list[str]] = {}
    for _ in range(given.rounds):
        for name, model in arms.items():
            begun = time.perf_counter()
            found = list(model.predict(items, progress=False))
            seconds[name].append(time.perf_counter() - begun)
            said[name] = [getattr(one, "raw", f"{type(one).__name__}: {one}") for one in found]
    alike = {name: sum(a == b for a, b in zip(said["in process"], texts, strict=True)) for name, texts in said.items()}
    write(given, seconds, alike)


def write(given: Any, seconds: dict[str, list[float]], alike: dict[str, int]) -> None:
    one = statistics.median(seconds["1 at a time"])
    rows = {
        name: {
            "questions_per_second": round(given.questions / statistics.median(some), 2),
            "seconds": [round(value, 3) for value in some],
            "times_one_at_a_time": round(one / statistics.median(some), 2),
            "answers_as_in_process": alike[name],
        }
        for name, some in seconds.items()
    }
    told = httpx2.get(f"{given.url}/version", trust_env=False).json()
    names = ("umit", "torch", "transformers", "httpx2", "pillow", "numpy")
    result = {
        "questions": given.questions, "rounds": given.rounds, "arms": rows, "server": {"vllm": told.get("version")},
        "machine": {"cores": os.cpu_count(), "processor": platform.processor() or platform.machine(),
                    "load": [round(value, 1) for value in os.getloadavg()]},
        "versions": {"python": platform.python_version(), **{name: metadata.version(name) for name in names}},
    }  # fmt: skip
    RESULTS.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
