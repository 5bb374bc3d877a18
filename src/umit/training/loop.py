"""A training loop in plain torch, for any loss, and for machines without TRL.

Under ``torchrun`` each process brings its own rows of a step, and gradients are averaged.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, distributed
from torch.utils.data import DataLoader

from umit.training.hyperparameters import Hyperparameters, optimizer_and_schedule

__all__ = ["agree", "optimize", "processes"]

_STATE = "state.pt"


def processes() -> tuple[int, int]:
    """Return this process's number and how many train together; joins those that ``torchrun`` started."""
    if not distributed.is_available():
        return 0, 1
    if distributed.is_torchelastic_launched() and not distributed.is_initialized():
        distributed.init_process_group("gloo")
    if not distributed.is_initialized():
        return 0, 1
    return distributed.get_rank(), distributed.get_world_size()


def agree(flag: bool) -> bool:
    """Return whether any process says yes; every process must ask."""
    if processes()[1] == 1:
        return flag
    votes = torch.tensor(float(flag))
    distributed.all_reduce(votes)
    return bool(votes > 0)


def optimize(
    module: torch.nn.Module,
    prepare: Callable[[int], dict[str, Tensor]],
    loss_of: Callable[[dict[str, Tensor]], Tensor],
    *,
    settings: Hyperparameters,
    folder: Path,
    tell: Callable[[int, float], bool] | None = None,
) -> list[float]:
    """Minimize a loss of a module; the same call again goes on where it stopped.

    Args:
        module: Holds Qwen2-VL and every other parameter; what requires a gradient trains.
        prepare: The batch of a step, by its number from 0; picklable where there are workers.
        loss_of: The loss of such a batch.
        settings: How long and how fast.
        folder: Where the state is written and looked for.
        tell: Called with step and loss every ``log_every`` steps; returning ``False`` saves and stops.

    Returns:
        The mean loss of each log interval of this call.
    """
    device = next(module.parameters()).device
    optimizer, schedule = optimizer_and_schedule(module, settings)
    start = _resume(folder, module, optimizer, schedule)
    losses: list[float] = []
    since: list[Tensor] = []
    module.train()
    steps: Any = range(start, settings.steps)
    made: Any = prepare  # without batches, the loader gives it one number and not a list
    loader: DataLoader[Any] = DataLoader(
        steps, None, collate_fn=made, num_workers=settings.workers, pin_memory=device.type == "cuda"
    )
    for step, batch in enumerate(loader, start=start + 1):
        moved = {name: value.to(device, non_blocking=True) for name, value in batch.items()}
        with torch.autocast(device.type, torch.bfloat16, enabled=settings.bf16):
            loss = loss_of(moved)
        loss.backward()  # type: ignore[no-untyped-call]
        _average(module)
        torch.nn.utils.clip_grad_norm_(module.parameters(), settings.clip)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        since.append(loss.detach())  # not a number yet: asking for one would wait for a GPU
        stop = False
        if step % settings.log_every == 0:
            losses.append(float(torch.stack(since).double().mean()))
            since.clear()
            stop = agree(tell is not None and not tell(step, losses[-1]))
        if stop or step % settings.save_every == 0 or step == settings.steps:
            _save(folder, step, module, optimizer, schedule)
        if stop:
            break
    return losses


def _average(module: torch.nn.Module) -> None:
    """Give every process the mean of all gradients; each process's mean loss counts the same."""
    count = processes()[1]
    if count == 1:
        return
    gradients = [p.grad for p in module.parameters() if p.grad is not None]
    flat = torch.cat([g.flatten() for g in gradients])
    distributed.all_reduce(flat)
    flat /= count
    parts = torch.split(flat, [g.numel() for g in gradients])
    for gradient, part in zip(gradients, parts, strict=True):
        gradient.copy_(part.view_as(gradient))


def _save(folder: Path, step: int, module: Any, optimizer: Any, schedule: Any) -> None:
    if processes()[0] > 0:
        return
    folder.mkdir(parents=True, exist_ok=True)
    parts = {"model": module, "optimizer": optimizer, "schedule": schedule}
    part = folder / (_STATE + ".part")
    torch.save({"step": step, **{name: one.state_dict() for name, one in parts.items()}}, part)
    part.replace(folder / _STATE)  # whole or not at all


def _resume(folder: Path, module: Any, optimizer: Any, schedule: Any) -> int:
    path = folder / _STATE
    if not path.is_file():
        return 0
    state = torch.load(path, map_location="cpu", weights_only=True)
    module.load_state_dict(state["model"], strict=True)
    optimizer.load_state_dict(state["optimizer"])
    schedule.load_state_dict(state["schedule"])
    return int(state["step"])
