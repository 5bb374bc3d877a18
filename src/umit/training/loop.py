"""A training loop in plain torch, for any loss, and for machines without TRL.

Under ``torchrun`` each process brings its own rows of a step, and torch averages gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from umit.training.hyperparameters import Hyperparameters
from umit.training.kinds import KindLosses
from umit.training.processes import agree, mean, others, processes
from umit.training.progress import Progress, Tell, enough_memory
from umit.training.states import Write
from umit.training.steps import Batch, Objective, Steps

if TYPE_CHECKING:
    from umit.engine.encode import Encoder
    from umit.training.rows import Batches
    from umit.training.stages import Stage

__all__ = ["agree", "optimize", "processes", "train"]


def optimize(
    module: torch.nn.Module,
    prepare: Callable[[int], Batch],
    loss_of: Callable[[Batch], Tensor],
    *,
    settings: Hyperparameters,
    folder: Path,
    tell: Tell | None = None,
    names: Callable[[int], Sequence[str]] | None = None,
    weight_of: Callable[[Batch], float] = lambda batch: 1.0,
    write: Write | None = None, kinds: KindLosses | None = None,
) -> list[float]:  # fmt: skip
    """Minimize a loss of a module; the same call again goes on where it stopped.

    Args:
        module: Holds Qwen2-VL and every other parameter; what requires a gradient trains.
        prepare: The batch of a step, by its number from 0, or of each of its parts where they are accumulated;
            picklable where there are workers.
        loss_of: The loss of such a batch.
        settings: How long and how fast.
        folder: Where the states are written and looked for; holds nothing else.
        tell: Called with step and loss every ``log_every`` steps; returning ``False`` saves and stops.
        names: Of the rows of a batch, for an error.
        weight_of: How much a batch weighs beside those of other parts and processes.
        write: Called to write a checkpoint that loads into the folder of each state.
        kinds: Sums of the loss that ``loss_of`` keeps; they go into each state.

    Returns:
        The mean loss of each log interval of this call.

    Raises:
        CheckpointError: A state cannot be written.
        InputError: The folder holds another run or something else.
        DatasetError: A loss or a gradient is no finite number.
        BackendError: A step does not fit into memory, or another process ended.
    """
    device = next(module.parameters()).device
    steps = Steps(prepare, weight_of, settings)
    progress = Progress(module, settings=settings, folder=folder, tell=tell, names=names, write=write, kinds=kinds)
    start = progress.begin(steps.last)
    if start == settings.steps:
        return []
    objective: Any = Objective(module, lambda _, batch: loss_of(batch))
    if processes()[1] > 1:
        # A row of text reaches no vision encoder: what one process does not reach has the others' gradient.
        objective = DistributedDataParallel(objective, find_unused_parameters=True)
    loader = iter(steps.loader(start, cuda=device.type == "cuda"))
    for step in range(start + 1, settings.steps + 1):
        factors = steps.factors(parts := list(islice(loader, settings.accumulate)))
        progress.before()
        module.train()  # each time: `tell` may have asked the model something
        with enough_memory(), others():
            losses = list(_gradients(objective, parts, factors, device, settings.bf16))
        norm = torch.nn.utils.clip_grad_norm_(module.parameters(), settings.clip)
        progress.optimizer.step()
        progress.schedule.step()
        progress.optimizer.zero_grad()
        if progress.after(step, parts[-1], mean(torch.stack(losses).sum()), norm):
            break
    return progress.losses


def train(
    model: torch.nn.Module,
    batches: Batches,
    *,
    encoder: Encoder,
    stage: Stage,
    recipe: Hyperparameters,
    folder: Path,
    tell: Tell | None = None,
) -> list[float]:
    """Train one stage in plain torch: ``umit.training.train_stage(plain=True)`` by its earlier name.

    Args:
        model: As for ``train_stage``.
        batches: Likewise.
        encoder: Likewise.
        stage: Likewise.
        recipe: Its ``settings``.
        folder: As for ``train_stage``.
        tell: Likewise.
    """
    from umit.training.stages import train_stage

    return train_stage(
        model, batches, encoder=encoder, stage=stage, settings=recipe, folder=folder, tell=tell, plain=True
    )  # fmt: skip


def _gradients(
    objective: Any, parts: Sequence[Batch], factors: Sequence[float], device: torch.device, bf16: bool
) -> Iterator[Tensor]:
    """Sum the gradients of a step's parts; those of other processes come in with the last."""
    for number, (part, factor) in enumerate(zip(parts, factors, strict=True), start=1):
        moved = {name: value.to(device, non_blocking=True) for name, value in part.items()}
        waits = number < len(parts) and isinstance(objective, DistributedDataParallel)
        with objective.no_sync() if waits else nullcontext():
            with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
                loss = objective(moved) * factor
            loss.backward()
        yield loss.detach()
