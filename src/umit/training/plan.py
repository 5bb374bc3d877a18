"""What a training run will take, told before any weights load."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from umit.checkpoints import Checkpoint
from umit.contradictions import check_factor
from umit.engine.encode import Encoder
from umit.errors import InputError
from umit.training.activations import SURE, activations
from umit.training.adapters import Adapter, Lora
from umit.training.batches import rows_of
from umit.training.collate import places_of
from umit.training.held import held
from umit.training.hyperparameters import Hyperparameters
from umit.training.parts import Part
from umit.training.stages import Stage, freeze

__all__ = ["Plan", "operations", "plan"]

_LOOKED: Final = 16  # samples whose rows are made, evenly from first to last
_FORWARD, _BACKWARD = 2, 4  # operations a parameter and token (arXiv 2001.08361, section 2.1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a training run will take.

    Args:
        parameters: Of the weights.
        trained: Those of them that train, of each stage by name.
        samples: In the training part.
        asked: In the validation part.
        rows: Rows a pass, each a picture or views with their questions; from the samples that were looked at.
        tokens: Mean and most tokens a row, of the samples that were looked at.
        steps: Of each stage.
        batch: Samples a step.
        memory: Bytes of weights, gradients and AdamW's state in float32, at the stage that needs most.
        kept: Bytes that a batch keeps for its gradients there, by :func:`umit.training.activations.activations`.
        room: Bytes of memory that the device has; ``None`` if it can't be told.
        seconds: The least time of all stages, by operations and the measured rate of matrix products.
        device: Where it will run.
    """

    parameters: int
    trained: dict[str, int]
    samples: int
    asked: int
    rows: float
    tokens: tuple[float, int]
    steps: int
    batch: int
    memory: int
    kept: float
    room: int | None
    seconds: float
    device: str

    def __str__(self) -> str:
        names = ", ".join(f"{count:,} in {name}" for name, count in self.trained.items())
        mean, most = self.tokens
        passes = self.steps * self.batch / self.samples
        room = "" if self.room is None else f" of {self.room / 2**30:.1f} GiB"
        return "\n".join([
            f"parameters   {self.parameters:,}, trained: {names}",
            f"samples      {self.samples:,} to train on, {self.asked:,} to validate on",
            f"rows         {self.rows:,.0f} a pass, {mean:.0f} tokens each, {most} at most of those looked at",
            f"steps        {self.steps:,} a stage, of {self.batch} samples: {passes:.1f} passes",
            f"memory       {(self.memory + self.kept) / 2**30:.2f} GiB{room}: {self.memory / 2**30:.2f} for weights, "
            f"gradients and optimizer, and about {self.kept / 2**30:.2f} that a batch keeps",
            f"time         {_clock(self.seconds)} at least on {self.device}, by its matrix products; "
            "reading pictures and validation come on top, the first steps tell",
        ])  # fmt: skip


def plan(
    training: Part,
    validation: Part | None,
    *,
    model: Any,
    card: Checkpoint,
    encoder: Encoder,
    stages: Sequence[Stage],
    settings: Hyperparameters,
    batch: int,
    lora: Lora | None = None,
    processes: int = 1,
    shards: bool = False,
) -> Plan:
    """Return what a run will take; weights are not needed, a few pictures are read.

    Args:
        training: What is taught.
        validation: What is asked.
        model: Its shapes, from :func:`umit.engine.load.load_shell`; which of them train is changed.
        card: Of the weights.
        encoder: Of their tokenizer.
        stages: What trains.
        settings: How long each stage is, and what its steps are made in.
        batch: Samples a step, or a part of one where they are accumulated.
        lora: What trains instead of the weights.
        processes: How many share the samples of a step, each on a device like this one's.
        shards: Whether they share the weights too, as ``fsdp2.yaml`` has it.

    Raises:
        CheckpointError: A card of another architecture.
        InputError: Rows longer than the model's positions, or a step that the device has no room for.
    """
    check_factor(card, encoder.family.factor, encoder.family.title)
    if lora is not None:
        Adapter(model, lora, seed=0)
    sizes = {name: p.numel() for name, p in model.named_parameters()}
    trained = {stage.name: _trained(model, stage) for stage in stages}
    looked = training[:: max(1, len(training) // _LOOKED)]
    rows = [row for sample in looked for row in rows_of(sample, card, encoder)]
    lengths = [len(row.ids) for row in rows]
    shown = 4 * sum(int((row.ids == encoder.image_pad).sum()) for row in rows)  # patches of a token
    device, rate, room = _device()
    memory = round(held(sizes, max(trained.values()), bf16=settings.bf16, shards=processes if shards else 1))
    asks = [batch / processes / len(looked) * n for n in (sum(lengths), shown, sum(int(r.taught.sum()) for r in rows))]
    half = {"bf16": settings.bf16, "checkpointing": settings.checkpointing}
    kept = max(activations(model.config, *asks, vision=stage.vision, **half) for stage in stages)
    longest = max(int(places_of(row, encoder.image_pad).max()) + 1 for row in rows)
    _refuse(longest, model.config.text_config.max_position_embeddings, memory, kept, room, device)
    size = batch * settings.accumulate
    count = operations(sizes, stages, sum(lengths), shown, lora) / len(looked)
    return Plan(
        parameters=sum(sizes.values()), trained=trained, samples=len(training),
        asked=len(validation or ()), rows=len(rows) / len(looked) * len(training),
        tokens=(sum(lengths) / len(lengths), max(lengths)), steps=settings.steps, batch=size, memory=memory, kept=kept,
        room=room, seconds=count * size * settings.steps / rate / processes, device=device,
    )  # fmt: skip


def _trained(model: Any, stage: Stage) -> int:
    freeze(model, stage)
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def operations(
    sizes: Mapping[str, int], stages: Sequence[Stage], tokens: int, patches: int, lora: Lora | None
) -> float:
    """Return what a pass over some rows takes in all stages, without attention.

    Args:
        sizes: Numbers in each parameter, by name.
        stages: What trains.
        tokens: Of the rows.
        patches: Of their pictures.
        lora: What trains instead of the weights.
    """
    backward = _BACKWARD if lora is None else _BACKWARD // 2  # weights that stay have no gradient of their own
    tower = sum(size for name, size in sizes.items() if name.startswith("model.visual."))
    words, found = sum(sizes.values()) - tower, 0.0
    for stage in stages:
        of_tower = _FORWARD + (backward if stage.vision else 0)
        found += (_FORWARD + backward) * words * tokens + of_tower * tower * patches
    return found


def _refuse(longest: int, positions: int, memory: int, kept: float, room: int | None, device: str) -> None:
    if longest > positions:
        raise InputError(
            f"expected rows of at most {positions} positions, which the model has, got {longest}",
            code="too_long", hint="Shorten texts, or show fewer or smaller pictures",
        )  # fmt: skip
    least = memory + kept / SURE
    if room is not None and least > room:
        raise InputError(
            f"expected room for weights, optimizer and a batch, they take at least {least / 2**30:.1f} GiB and {device} "
            f"has {room / 2**30:.1f} GiB",
            code="memory", hint="Take fewer samples a batch with more to accumulate, --checkpointing, --bf16, the stage "
            "instruct, --lora, a smaller model or a larger device",
        )  # fmt: skip


def _device() -> tuple[str, float, int | None]:
    """Return where training runs, its operations a second in float32 matrix products, and its memory."""
    import torch

    cuda = torch.cuda.is_available()
    device = torch.device("cuda" if cuda else "cpu")
    one = torch.ones(1024, 1024, device=device)
    one @ one  # the first product also starts the library
    started, count = time.perf_counter(), 0
    while time.perf_counter() - started < 0.2:
        one @ one
        if cuda:
            torch.cuda.synchronize()
        count += 1
    rate = count * 2 * 1024**3 / (time.perf_counter() - started)
    if cuda:
        return torch.cuda.get_device_name(), rate, int(torch.cuda.mem_get_info()[1])
    known = getattr(os, "sysconf_names", {})  # none on Windows
    room = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if "SC_PHYS_PAGES" in known else None
    return "cpu", rate, room


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"
