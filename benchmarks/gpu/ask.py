"""The two hundred short questions of ``benchmarks/cpu/evaluate.py`` on a GPU, beside a plain transformers loop there.

    python benchmarks/gpu/ask.py [--pairs N] [--device cuda]

Both arms hold the same weights in float32 on the same device and answer greedily; their answers are compared with each
other and with umit's on the processor before anything is measured. Then counters, then wall seconds between two
synchronizations, an arm after the other in every pair, since on a GPU the processor's time says little. Last, umit in
bfloat16, its default on a GPU: how many of its answers are other ones.

Writes ``benchmarks/results/ask-DEVICE.json``. ``--device cpu`` runs the same program without a GPU.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

import umit
from umit import UMIT
from umit.datasets.dataset import Sample
from umit.evaluation.evaluate import ask
from umit.evaluation.journal import records

sys.path.insert(0, str(Path(__file__).parents[1] / "cpu"))
from evaluate import FILMS, WEIGHTS, Loop, calls_of, counted, questions

RESULTS = Path(__file__).parents[1] / "results"


class LoopThere(Loop):
    """The plain loop with its model on the device."""

    def __init__(self, device: str) -> None:
        super().__init__()
        self.model.to(device)
        plain = self.processor
        self.processor = lambda **given: plain(**given).to(device)
        self.processor.apply_chat_template = plain.apply_chat_template
        self.processor.batch_decode = plain.batch_decode


def wait(device: str) -> float:
    """Return the wall clock once the device has done all it was given."""
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def texts(model: UMIT, samples: list[Sample], device: str) -> tuple[list[str], float]:
    """Ask everything into a fresh journal; return the texts and the wall seconds of asking."""
    with tempfile.TemporaryDirectory() as name:
        start = wait(device)
        folder = ask(model, samples, name)
        spent = wait(device) - start
        return [str(record["raw"]) for record in records(folder)], spent


def differing(one: list[str], other: list[str]) -> int:
    """Return how many answers are not the same."""
    return sum(a != b for a, b in zip(one, other, strict=True))


def main() -> int:
    """Compare, count, measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    given = parser.parse_args()
    pairs, device = given.pairs, given.device
    exact = UMIT.from_pretrained(device=device, dtype="float32")
    loop = LoopThere(device)
    with tempfile.TemporaryDirectory() as name:
        samples = questions(Path(name))
        calls = calls_of(exact, samples)
        with counted(exact.backend._engine.model) as mine:
            found = texts(exact, samples, device)[0]
        with counted(loop.model) as theirs:
            wanted = [loop(*call) for call in calls]
        here = texts(UMIT.from_pretrained(device="cpu"), samples, "cpu")[0]
        times = []
        for _ in range(pairs):
            spent = texts(exact, samples, device)[1]
            start = wait(device)
            for call in calls:
                loop(*call)
            times.append((spent, wait(device) - start))
        default = UMIT.from_pretrained(device=device, dtype="bfloat16")
        half = texts(default, samples, device)[0]
        quick = statistics.median(texts(default, samples, device)[1] for _ in range(pairs))
    record = {
        "questions": len(samples), "films": FILMS, "weights_sha256": json.loads((WEIGHTS / "build.json").read_text("utf-8"))["weights_sha256"],
        "answers_that_differ": {"transformers_loop": differing(found, wanted), "umit_on_cpu": differing(found, here)},
        "bfloat16_answers_that_differ": differing(found, half),
        "counters": {"umit_evaluate": mine, "transformers_loop": theirs},
        "wall_seconds": {
            "umit_asking": round(statistics.median(a for a, _ in times), 3),
            "umit_asking_bfloat16": round(quick, 3),
            "transformers_loop": round(statistics.median(b for _, b in times), 3),
        },
        "times_faster": round(statistics.median(b / a for a, b in times), 2), "pairs": pairs,
        **machine(device),
    }  # fmt: skip
    (RESULTS / f"ask-{device}.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(record, indent=2))
    return 0


def machine(device: str) -> dict[str, Any]:
    """Return what it ran on."""
    there = device == "cuda"
    return {
        "device": torch.cuda.get_device_name() if there else "cpu", "processors": os.cpu_count(),
        "peak_gpu_mebibytes": round(torch.cuda.max_memory_allocated() / 2**20, 1) if there else None,
        "versions": {
            "umit": umit.__version__, "torch": torch.__version__, "transformers": transformers.__version__,
            "numpy": np.__version__, "python": platform.python_version(),
        },
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
