"""Every published protocol on 100,000 answers, in one pass: seconds of one core.

    python benchmarks/cpu/answers.py

The target is 20 s. There is no reference arm: no published scorer computes more than its own numbers.
Writes ``benchmarks/results/answers.json``.
"""

from __future__ import annotations

import json
import platform
import sys
import time
from importlib import metadata
from pathlib import Path

import numpy as np

from umit.metrics.metric import Measures, Pair
from umit.queries import Ask
from umit.results import Answer
from umit.tasks.table import TASKS

RESULTS = Path(__file__).parents[1] / "results" / "answers.json"
ANSWERS, TARGET = 100_000, 20.0
TRUTHS = (
    "left lung", "yes", "no", "pleural effusion on the right side", "MRI", "肝脏", "右肺上叶", "不是",
    "in the lower lobe of the left lung, near the heart", "4",
)  # fmt: skip


def pairs() -> list[Pair[Answer]]:
    """Return half open and half closed questions, most answered with another one's words."""
    rng = np.random.default_rng(0)
    found = []
    for number in range(ANSWERS):
        true, said = (TRUTHS[i] for i in rng.integers(len(TRUTHS), size=2))
        if number % 2:
            query = Ask("Is it there?", ("yes", "no"))
            gold, answer = Answer(text="yes", option=0), Answer(text="no", option=1, raw="2:no")
        else:
            query, gold = Ask("Where is it?"), Answer(text=true)
            answer = Answer(text=said, raw=said)
        found.append(Pair(query, gold, answer, answer.raw))
    return found


def main() -> int:
    """Measure."""
    made = pairs()
    start = time.process_time()
    seen: dict[object, Measures] = {}
    numbers = [metric.total(metric.measures(made, seen)) for metric in TASKS["answer_closed"].metrics]
    spent = time.process_time() - start
    record = {
        "answers": ANSWERS,
        "numbers": len(numbers),
        "cpu_seconds": round(spent, 1),
        "target_seconds": TARGET,
        "met": spent <= TARGET,
        "versions": {"numpy": metadata.version("numpy")},
        "python": platform.python_version(),
    }
    RESULTS.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(record, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
