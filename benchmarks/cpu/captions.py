"""CIDEr-D, BLEU and ROUGE-L of 10,000 reports beside pycocoevalcap: seconds of one core, equal values.

    python benchmarks/cpu/captions.py

The target is three times faster for CIDEr-D and BLEU together. Without pycocoevalcap (extra ``reports``) the reference
arm is missing from the record. Writes ``benchmarks/results/captions.json``.
"""

from __future__ import annotations

import importlib
import json
import platform
import sys
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from umit.metrics.captions import Corpus, bleu_rows, cider, coco_bleu, rouge_l

RESULTS = Path(__file__).parents[1] / "results" / "captions.json"
REPORTS, WORDS, SENTENCES, RUNS, TARGET = 10_000, 2_000, 3_000, 3, 3.0


def reports() -> tuple[list[str], list[list[str]]]:
    """Return texts and one reference for each, of sentences that are as unevenly common as in real reports."""
    rng = np.random.default_rng(0)
    rank = 1 / np.arange(1, WORDS + 1)
    sentences = [
        " ".join(f"w{i}" for i in rng.choice(WORDS, size=rng.integers(3, 14), p=rank / rank.sum())) + " ."
        for _ in range(SENTENCES)
    ]
    rank = 1 / np.arange(1, SENTENCES + 1)

    def drawn(count: int) -> list[str]:
        return [sentences[i] for i in rng.choice(SENTENCES, size=count, p=rank / rank.sum())]

    found, true = [], []
    for _ in range(REPORTS):
        reference = drawn(int(rng.integers(3, 8)))
        kept = [one for one in reference if rng.random() < 0.6]
        true.append([" ".join(reference)])
        found.append(" ".join([*kept, *drawn(int(rng.integers(0, 4)))]))
    return found, true


def timed(score: Callable[[], Any], runs: int = RUNS) -> tuple[Any, float]:
    """Return what comes out, and the least CPU seconds of several runs."""
    spent = []
    for _ in range(runs):
        start = time.process_time()
        value = score()
        spent.append(time.process_time() - start)
    return value, min(spent)


def ours(found: list[str], true: list[list[str]]) -> dict[str, tuple[Any, float]]:
    """Return values and seconds; BLEU and CIDEr-D share the counts of words."""

    def both() -> tuple[Any, Any]:
        corpus = Corpus.of(found, true)
        rows = bleu_rows(corpus)
        whole = coco_bleu(rows.sum(0, keepdims=True))[0]
        return (whole, coco_bleu(rows).T), cider(corpus)

    return {"bleu_and_cider": timed(both), "rouge_l": timed(lambda: rouge_l(found, true))}


def reference(found: list[str], true: list[list[str]]) -> dict[str, tuple[Any, float]] | None:
    """Return the same of pycocoevalcap, if it is installed."""
    try:
        bleu, cider_, rouge = (
            importlib.import_module(f"pycocoevalcap.{name}.{name}") for name in ("bleu", "cider", "rouge")
        )
    except ModuleNotFoundError:
        return None
    wanted, said = dict(enumerate(true)), {i: [text] for i, text in enumerate(found)}

    def both() -> tuple[Any, Any]:
        return bleu.Bleu(4).compute_score(wanted, said, verbose=0), cider_.Cider().compute_score(wanted, said)[1]

    return {"bleu_and_cider": timed(both), "rouge_l": timed(lambda: rouge.Rouge().compute_score(wanted, said)[1], 1)}


def apart(a: dict[str, tuple[Any, float]], b: dict[str, tuple[Any, float]]) -> float:
    """Return the largest difference of any value."""
    pairs = [
        (a["bleu_and_cider"][0][0][0], b["bleu_and_cider"][0][0][0]),
        (a["bleu_and_cider"][0][0][1], b["bleu_and_cider"][0][0][1]),
        (a["bleu_and_cider"][0][1], b["bleu_and_cider"][0][1]),
        (a["rouge_l"][0], b["rouge_l"][0]),
    ]
    return max(float(np.abs(np.asarray(x) - np.asarray(y)).max()) for x, y in pairs)


def main() -> int:
    """Measure both arms."""
    found, true = reports()
    mine, theirs = ours(found, true), reference(found, true)
    record: dict[str, Any] = {
        "reports": REPORTS,
        "words": sum(len(text.split()) for text in [*found, *(one for row in true for one in row)]),
        "umit_cpu_seconds": {name: round(spent, 2) for name, (_, spent) in mine.items()},
        "target_times_faster": TARGET,
        "versions": {"numpy": metadata.version("numpy")},
        "python": platform.python_version(),
    }
    if theirs is not None:
        difference = apart(mine, theirs)
        if difference > 1e-9:
            raise SystemExit(f"values differ by {difference}")
        record |= {
            "pycocoevalcap_cpu_seconds": {name: round(spent, 2) for name, (_, spent) in theirs.items()},
            "times_faster": {name: round(theirs[name][1] / mine[name][1], 1) for name in mine},
            "largest_difference": difference,
        }
        record["met"] = record["times_faster"]["bleu_and_cider"] >= TARGET
        record["versions"]["pycocoevalcap"] = metadata.version("pycocoevalcap")
    RESULTS.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(record, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
