"""Training steps of a model of Qwen2-VL-2B's configuration with random weights, beside a plain transformers loop.

A sample is a picture of 768 tokens, a question of 60 and an answer of 40: 868 tokens. Arms: umit's stage 1 (everything
trains), stage 2 (vision encoder frozen) and stage 2 with kept features; and the loop that TRL's trainer is without its
packing: whole rows, logits of every token, all of the same length, so that nothing is padding. Float32 weights, bfloat16
matrix products, AdamW, no gradient checkpointing in any arm. Losses of all arms are compared first, in float32.
"""

from __future__ import annotations

import itertools
import statistics
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ask import wait
from torch import Tensor
from torch.utils.data import DataLoader
from transformers import Qwen2VLConfig, Qwen2VLForConditionalGeneration

from umit.training.collate import collate
from umit.training.features import Features
from umit.training.freeze import freeze_vision
from umit.training.hyperparameters import Hyperparameters, optimizer_and_schedule
from umit.training.kept import Kept
from umit.training.loss import answer_loss
from umit.training.rows import PackedRow

__all__ = ["TARGETS", "measure"]

#: Samples a second on one H200-class GPU, half of what its measured matrix products would allow.
TARGETS = {"stage_1": 16.0, "stage_2": 29.0, "stage_2_kept_features": 48.0, "times_plain": 2.0}
IMAGE, START, END, VIDEO = 151655, 151652, 151653, 151656
QUESTION, ANSWER, POOL = 60, 40, 4  # POOL: different batches, taken again and again
VISION = {"depth": 32, "embed_dim": 1280, "num_heads": 16, "mlp_ratio": 4, "hidden_size": 1536}
TEXT = {
    "hidden_size": 1536, "intermediate_size": 8960, "num_hidden_layers": 28, "num_attention_heads": 12,
    "num_key_value_heads": 2, "vocab_size": 151936, "max_position_embeddings": 32768,
    "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [16, 24, 24]},
}  # fmt: skip
#: Of the smoke run: the same program, on a model and a picture that a processor takes in a second.
TINY_VISION = {**VISION, "depth": 1, "embed_dim": 32, "num_heads": 2, "hidden_size": 64}
TINY_TEXT = {
    **TEXT, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 1, "num_attention_heads": 2,
    "num_key_value_heads": 1, "rope_parameters": {**TEXT["rope_parameters"], "mrope_section": [4, 6, 6]},
}  # fmt: skip


class Measured:
    """The model, its samples, and each arm's seconds a step.

    Args:
        device: ``"cuda"`` or ``"cpu"``.
        smoke: Take the tiny model and a small picture.
        batch: Samples a step.
    """

    def __init__(self, device: str, batch: int, *, smoke: bool) -> None:
        config = Qwen2VLConfig(
            vision_config=TINY_VISION if smoke else VISION, text_config=TINY_TEXT if smoke else TEXT,
            image_token_id=IMAGE, video_token_id=VIDEO, vision_start_token_id=START, vision_end_token_id=END,
            tie_word_embeddings=True,
        )  # fmt: skip
        config._attn_implementation = "sdpa"
        torch.manual_seed(0)
        with torch.device(device):
            self.model = Qwen2VLForConditionalGeneration(config)
        self.device, self.batch, self.workers = device, batch, 0 if smoke else 4
        self.rows = partial(rows, (84, 112) if smoke else (672, 896), batch)
        self.prepared = partial(prepared, self.rows, None)

    def stage(self, *, vision: bool) -> None:
        """Freeze what the stage does not train."""
        self.model.requires_grad_(True).train()
        if not vision:
            freeze_vision(self.model)

    def seconds(self, loss_of: Callable[[dict[str, Tensor]], Tensor], prepare: Any, steps: int) -> float:
        """Return the median wall seconds of a step with its optimizer, between two synchronizations, after two others."""
        settings = Hyperparameters(steps=steps + 2, warmup=1, learning_rate=1e-5, bf16=True)
        optimizer, schedule = optimizer_and_schedule(self.model, settings)
        loader: Any = DataLoader(
            range(steps + 2), None, collate_fn=prepare, num_workers=self.workers, pin_memory=self.device == "cuda"
        )
        ends = []
        for batch in loader:
            moved = {name: value.to(self.device, non_blocking=True) for name, value in batch.items()}
            with torch.autocast(self.device, torch.bfloat16):
                loss = loss_of(moved)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            ends.append(wait(self.device))
        return statistics.median(b - a for a, b in itertools.pairwise(ends[1:]))

    def umit(self, batch: dict[str, Tensor]) -> Tensor:
        """Return umit's loss."""
        return answer_loss(self.model, batch)[0]

    def plain(self, batch: dict[str, Tensor]) -> Tensor:
        """Return the loss of the model's own forward."""
        names = ("input_ids", "labels", "pixel_values", "image_grid_thw", "mm_token_type_ids")
        given = {name: batch[name] for name in names}
        return self.model(**given, attention_mask=torch.ones_like(given["input_ids"]), use_cache=False).loss

    def apart(self) -> float:
        """Return the largest difference of the arms' losses in float32, of one sample each."""
        one = {name: value.to(self.device) for name, value in prepared(partial(self.rows, size=1), None, 0).items()}
        self.stage(vision=False)
        with tempfile.TemporaryDirectory() as folder, torch.no_grad():
            features = Features(Kept(folder), self.model)
            kept = features.complete(self.model, features.look_up(one))
            found = [float(loss) for loss in (self.umit(one), self.umit(kept), self.plain(one))]
        return max(found) - min(found)


def rows(sides: tuple[int, int], batch: int, step: int, size: int | None = None) -> list[PackedRow]:
    """Return the samples of a step, random words on random pictures."""
    rng, found = np.random.default_rng(step % POOL), []
    for _ in range(size or batch):
        frame = rng.integers(0, 256, (*sides, 3), np.uint8)
        shown = [IMAGE] * (sides[0] * sides[1] // 784)
        ids = [*rng.integers(0, 150_000, 14), START, *shown, END, *rng.integers(0, 150_000, QUESTION + ANSWER - 16)]
        place = np.arange(len(ids))
        found.append(
            PackedRow(
                frames=(frame,), ids=np.array(ids, np.int64), segments=(place > len(shown) + 15).astype(np.int64),
                taught=place >= len(ids) - ANSWER,
            )
        )  # fmt: skip
    return found


def prepared(rows_of: Callable[[int], list[PackedRow]], features: Features | None, step: int) -> dict[str, Tensor]:
    """Return a step's batch, as umit's stages make it."""
    batch = collate(rows_of(step), image_pad=IMAGE)
    return batch if features is None else features.look_up(batch)


def operations(model: Any, batch: dict[str, Tensor]) -> dict[str, float]:
    """Return the floating-point operations of one sample in each arm that are of use: logits of the answer only."""
    text, tower, samples = model.model.language_model, model.model.visual, len(batch["input_ids"])
    tokens, patches = batch["input_ids"].shape[1], len(batch["pixel_values"]) / samples
    config, taught = model.config, float((batch["labels"] >= 0).sum()) / samples
    body = sum(p.numel() for p in text.layers.parameters()) * tokens + model.lm_head.weight.numel() * taught
    mixing = config.text_config.num_hidden_layers * 2 * tokens**2 * config.text_config.hidden_size
    projector = sum(p.numel() for p in tower.merger.parameters()) * patches / 4
    seen = sum(p.numel() for p in tower.blocks.parameters()) * patches * 2
    seen += config.vision_config.depth * 4 * patches**2 * config.vision_config.embed_dim
    fixed = 6 * (body + projector) + 3 * mixing
    return {"stage_1": fixed + 3 * seen, "stage_2": fixed + seen, "stage_2_kept_features": fixed}


def product_rate(device: str, *, smoke: bool) -> float:
    """Return the operations a second of a bfloat16 matrix product."""
    side = 256 if smoke else 8192
    one = torch.randn(side, side, device=device).bfloat16()
    times = []
    for _ in range(12):
        start = wait(device)
        one @ one
        times.append(wait(device) - start)
    return 2 * side**3 / statistics.median(times[2:])


def measure(device: str, *, steps: int, rounds: int, batch: int, smoke: bool) -> dict[str, Any]:
    """Compare losses, then take the arms one after the other in each round."""
    made = Measured(device, batch, smoke=smoke)
    if (apart := made.apart()) > 1e-4:  # of 12, in float32
        raise SystemExit(f"losses of one sample differ by {apart}")
    rate, found = product_rate(device, smoke=smoke), dict[str, list[float]]()
    with tempfile.TemporaryDirectory() as folder:
        for name, seconds in [one for _ in range(rounds) for one in arms(made, Kept(Path(folder), 64 * 2**30), steps)]:
            found.setdefault(name, []).append(seconds)
    work = operations(made.model, prepared(made.rows, None, 0))
    speeds = {name: batch / statistics.median(times) for name, times in found.items()}
    return {
        "parameters": sum(p.numel() for p in made.model.parameters()),
        "tokens_a_sample": int(made.rows(0)[0].ids.size), "samples_a_step": batch, "steps": steps, "rounds": rounds,
        "largest_difference_of_losses": round(apart, 7), "matrix_product_teraflops": round(rate / 1e12, 2),
        "samples_a_second": {name: round(speed, 2) for name, speed in speeds.items()},
        "mfu": {name: round(work[name] * speeds[name] / rate, 3) for name in work},
        "times_plain": {
            "stage_1": round(speeds["stage_1"] / speeds["plain_stage_1"], 2),
            "stage_2": round(speeds["stage_2"] / speeds["plain_stage_2"], 2),
            "stage_2_kept_features": round(speeds["stage_2_kept_features"] / speeds["plain_stage_2"], 2),
        },
        "targets": TARGETS,
    }  # fmt: skip


def arms(made: Measured, kept: Kept, steps: int) -> Iterator[tuple[str, float]]:
    """Yield each arm's seconds a step."""
    for name, vision in (("stage_1", True), ("stage_2", False)):
        made.stage(vision=vision)
        yield name, made.seconds(made.umit, made.prepared, steps)
        yield f"plain_{name}", made.seconds(made.plain, made.prepared, steps)
    features = Features(kept, made.model, bf16=True)
    prepare = partial(prepared, made.rows, features)
    for step in range(POOL):  # the first pass, which is stage 2's
        batch = {name: value.to(made.device) for name, value in prepare(step).items()}
        with torch.autocast(made.device, torch.bfloat16):
            features.complete(made.model, batch)
    yield (
        "stage_2_kept_features",
        made.seconds(lambda batch: made.umit(features.complete(made.model, batch)), prepare, steps),
    )
