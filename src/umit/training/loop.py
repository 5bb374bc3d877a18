"""A training loop in plain torch, for any loss, and for machines without TRL.

Under ``torchrun`` each process brings its own rows of a step, and gradients are averaged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from umit.training.hyperparameters import Hyperparameters
from umit.training.processes import agree, average, processes, share_of
from umit.training.progress import Progress, Tell, enough_memory

if TYPE_CHECKING:
    from umit.engine.encode import Encoder
    from umit.training.rows import Batches
    from umit.training.stages import Stage

__all__ = ["agree", "optimize", "processes", "train"]


def optimize(
    module: torch.nn.Module,
    prepare: Callable[[int], dict[str, Tensor]],
    loss_of: Callable[[dict[str, Tensor]], Tensor],
    *,
    settings: Hyperparameters,
    folder: Path,
    tell: Tell | None = None,
    names: Callable[[int], Sequence[str]] | None = None,
    weight_of: Callable[[dict[str, Tensor]], float] = lambda batch: 1.0,
) -> list[float]:
    """Minimize a loss of a module; the same call again goes on where it stopped.

    Args:
        module: Holds Qwen2-VL and every other parameter; what requires a gradient trains.
        prepare: The batch of a step, by its number from 0; picklable where there are workers.
        loss_of: The loss of such a batch.
        settings: How long and how fast.
        folder: Where the states are written and looked for; holds nothing else.
        tell: Called with step and loss every ``log_every`` steps; returning ``False`` saves and stops.
        names: Of the rows of a step, for an error.
        weight_of: How much a batch weighs beside those of other processes.

    Returns:
        The mean loss of each log interval of this call.

    Raises:
        CheckpointError: The folder holds another run or something else, or a state cannot be written.
        DatasetError: A loss or a gradient is no finite number.
        BackendError: A step does not fit into memory.
    """
    device = next(module.parameters()).device
    progress = Progress(module, settings=settings, folder=folder, tell=tell, names=names)
    start = progress.begin(prepare)
    optimizer, schedule = progress.optimizer, progress.schedule
    steps: Any = range(start, settings.steps)
    made: Any = prepare  # without batches, the loader gives it one number and not a list
    loader: DataLoader[Any] = DataLoader(
        steps, None, collate_fn=made, num_workers=settings.workers, pin_memory=device.type == "cuda"
    )
    for step, batch in enumerate(loader, start=start + 1):
        moved = {name: value.to(device, non_blocking=True) for name, value in batch.items()}
        progress.before()
        module.train()  # each time: `tell` may have asked the model something
        with enough_memory():
            with torch.autocast(device.type, torch.bfloat16, enabled=settings.bf16):
                loss = loss_of(moved) * share_of(weight_of(moved))
            loss.backward()  # type: ignore[no-untyped-call]
        mean = average(module, loss.detach())
        norm = torch.nn.utils.clip_grad_norm_(module.parameters(), settings.clip)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        if progress.after(step, moved, mean, norm):
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
