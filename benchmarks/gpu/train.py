"""What a step of the embedded checkpoint's training costs on a GPU, and what sharing a picture saves there.

    python benchmarks/gpu/train.py [--steps N] [--device cuda]
    python benchmarks/gpu/train.py --smoke    # a tiny model on a processor, in seconds; nothing is written

Then, and in the smoke run alone, steps of a model of Qwen2-VL-2B's configuration: ``two_billion.py``. TRL is not needed.

First INSTRUCT's rows as umit packs them, all questions of a picture behind one encoding of it, beside the same
questions a row each, as SFTTrainer's own collator has them: the losses of both, in float32, have to be equal, then
forward and backward are timed between two synchronizations. Then each stage of the build through its own command's
loop, drawing included: steps and cases a second.

Writes ``benchmarks/results/train-DEVICE.json``. ``--device cpu`` runs the same program without a GPU.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers.models.qwen2.tokenization_qwen2 import Qwen2Tokenizer

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[2]))
from ask import machine, wait
from two_billion import measure

from recipes.embedded.batches import Draws, StageBatches
from recipes.embedded.build import hyperparameters, new_heads, teach
from recipes.embedded.model import ARCHITECTURE, new_model
from recipes.embedded.record import WEIGHTS
from recipes.embedded.stages import STAGES
from umit.engine.encode import Encoder
from umit.training.collate import collate
from umit.training.loss import answer_loss
from umit.training.rows import pack

RESULTS = Path(__file__).parents[1] / "results"


def forms(step: int, encoder: Encoder, device: str) -> tuple[dict[str, Tensor], dict[str, Tensor], int]:
    """Return a step of INSTRUCT packed and a row a question, and how many questions it has."""
    turns = Draws(STAGES[-1]).turns(step)
    both = ([pack(of_one, encoder) for of_one in turns], [pack([turn], encoder) for of_one in turns for turn in of_one])
    made = [collate(rows, image_pad=encoder.image_pad) for rows in both]
    packed, single = ({k: v.to(device) for k, v in batch.items()} for batch in made)
    return packed, single, sum(map(len, turns))


def seconds(model: Any, batch: Mapping[str, Tensor], device: str) -> float:
    """Return the wall seconds of one forward and backward in bfloat16."""
    start = wait(device)
    with torch.autocast(device, torch.bfloat16):
        loss = answer_loss(model, batch)[0]
    loss.backward()
    model.zero_grad()
    return wait(device) - start


def sharing(encoder: Encoder, steps: int, device: str) -> dict[str, Any]:
    """Compare packed rows with a row a question."""
    model = new_model(ARCHITECTURE, encoder.tokenizer, 0).to(device)
    apart, times, tokens, asked = 0.0, [], [0, 0], 0
    for step in range(steps):
        packed, single, questions = forms(step, encoder, device)
        with torch.no_grad():
            losses = [float(answer_loss(model, batch)[0]) for batch in (packed, single)]
        apart = max(apart, abs(losses[0] - losses[1]))
        for batch in (packed, single):
            seconds(model, batch, device)  # what a first shape costs is not counted
        times.append((seconds(model, packed, device), seconds(model, single, device)))
        tokens = [a + b["input_ids"].numel() for a, b in zip(tokens, (packed, single), strict=True)]
        asked += questions
    return {
        "steps": steps, "questions": asked, "largest_difference_of_losses": round(apart, 7),
        "tokens": {"packed": tokens[0], "a_row_a_question": tokens[1]},
        "median_milliseconds": {
            "packed": round(statistics.median(a for a, _ in times) * 1e3, 2),
            "a_row_a_question": round(statistics.median(b for _, b in times) * 1e3, 2),
        },
        "times_faster": round(statistics.median(b / a for a, b in times), 2),
    }  # fmt: skip


def stages(encoder: Encoder, steps: int, device: str) -> dict[str, Any]:
    """Run some steps of each stage from untrained weights; the first third is not counted."""
    found: dict[str, Any] = {}
    for stage in STAGES:
        clock: list[tuple[int, float]] = []

        def tell(step: int, loss: float, clock: list[tuple[int, float]] = clock) -> bool:
            clock.append((step, wait(device)))
            return step < steps

        settings = replace(
            hyperparameters(stage, 0, smoke=False), steps=10**6, learning_rate=1e-4, log_every=max(1, steps // 15)
        )  # fmt: skip
        model = new_model(ARCHITECTURE, encoder.tokenizer, 0).to(device)
        with tempfile.TemporaryDirectory() as work:
            teach(
                stage, model, new_heads(model, 0), StageBatches(Draws(stage), encoder), settings=settings,
                folder=Path(work), tell=tell, plain=True,
            )  # fmt: skip
        (first, began), (last, ended) = clock[len(clock) // 3], clock[-1]
        a_step = (ended - began) / (last - first)
        rows = sum(share.weight * share.rows for share in stage.cases)
        found[stage.name] = {
            "milliseconds_a_step": round(a_step * 1e3, 1), "cases_a_second": round(rows / a_step, 1),
            "steps_of_the_build": stage.steps, "minutes_of_the_build": round(stage.steps * a_step / 60, 1),
        }  # fmt: skip
    return found


def main() -> int:
    """Measure both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=150, help="of each stage")
    parser.add_argument("--compared", type=int, default=12, help="steps of INSTRUCT in both forms")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--batch", type=int, default=8, help="samples a step of the large model")
    parser.add_argument("--smoke", action="store_true", help="a tiny model on a processor; nothing is written")
    given = parser.parse_args()
    if given.smoke:
        print(json.dumps(measure("cpu", steps=2, rounds=1, batch=2, smoke=True) | machine("cpu"), indent=2))
        return 0
    encoder = Encoder(Qwen2Tokenizer.from_pretrained(WEIGHTS))
    large = measure(given.device, steps=12, rounds=3, batch=given.batch, smoke=False)
    record = {
        "qwen2_vl_2b": large,
        "sharing": sharing(encoder, given.compared, given.device),
        "stages": stages(encoder, given.steps, given.device), "steps_a_stage": given.steps,
        **machine(given.device),
    }  # fmt: skip
    (RESULTS / f"train-{given.device}.json").write_text(json.dumps(record, indent=2) + "\n", "utf-8")
    print(json.dumps(record, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
