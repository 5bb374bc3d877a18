"""The same training in plain torch, for machines without TRL; its losses equal the shell's (tested).

Under ``torchrun`` each process brings its own rows of a step, and gradients are averaged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, distributed
from torch.utils.data import DataLoader
from transformers import PreTrainedModel, get_cosine_with_min_lr_schedule_with_warmup

from umit.engine.attention import register
from umit.engine.encode import Encoder
from umit.training.collate import collate
from umit.training.loss import answer_loss
from umit.training.stages import Stage, freeze

if TYPE_CHECKING:
    from transformers import Qwen2VLForConditionalGeneration

    from umit.training.recipe import Batches, Recipe

__all__ = ["agree", "optimize", "optimizer_of", "processes", "train"]

_STATE = "state.pt"


def processes() -> tuple[int, int]:
    """Return this process's number and how many train together."""
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


def agree(flag: bool) -> bool:
    """Return whether any process says yes; every process must ask."""
    if processes()[1] == 1:
        return flag
    votes = torch.tensor(float(flag))
    distributed.all_reduce(votes)
    return bool(votes > 0)


def optimizer_of(model: torch.nn.Module, recipe: Recipe) -> tuple[Any, Any]:
    """Return AdamW and its schedule as SFTTrainer makes them: no decay on norms and biases."""
    trained = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    decayed = [p for n, p in trained if p.ndim > 1]
    kept = [p for n, p in trained if p.ndim <= 1]
    groups = [
        {"params": decayed, "weight_decay": recipe.weight_decay},
        {"params": kept, "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=(0.9, 0.95))
    schedule = get_cosine_with_min_lr_schedule_with_warmup(
        optimizer, recipe.warmup, recipe.steps, min_lr_rate=0.01
    )
    return optimizer, schedule


def train(
    model: Qwen2VLForConditionalGeneration,
    batches: Batches,
    *,
    encoder: Encoder,
    stage: Stage,
    recipe: Recipe,
    folder: Path,
    tell: Callable[[int, float], bool] | None = None,
) -> list[float]:
    """Train one stage; the same call again goes on where it stopped.

    Args:
        model: Qwen2-VL, on the device that is to be used; changed in place.
        batches: The rows of each step; under several processes, this one's share of them.
        encoder: Knows the placeholder and padding ids.
        stage: What trains.
        recipe: How long and how fast.
        folder: Where the state is written and looked for.
        tell: Called with step and loss every ``log_every`` steps; returning ``False`` saves and stops.

    Returns:
        The mean loss of each log interval of this call.
    """
    freeze(model, stage)

    def prepare(step: int) -> dict[str, Tensor]:
        return collate(batches(step), image_pad=encoder.image_pad, padding=encoder.padding)

    return optimize(
        model,
        prepare,
        lambda batch: answer_loss(model, batch)[0],
        recipe=recipe,
        folder=folder,
        tell=tell,
    )


def optimize(
    module: torch.nn.Module,
    prepare: Callable[[int], dict[str, Tensor]],
    loss_of: Callable[[dict[str, Tensor]], Tensor],
    *,
    recipe: Recipe,
    folder: Path,
    tell: Callable[[int, float], bool] | None = None,
) -> list[float]:
    """Minimize any loss of a module the way :func:`train` does; the same call again goes on.

    Args:
        module: Holds Qwen2-VL and every other parameter; what requires a gradient trains.
        prepare: The tensors of a step, by its number from 0; picklable where there are workers.
        loss_of: The loss of such tensors.
        recipe: How long and how fast.
        folder: Where the state is written and looked for.
        tell: As for :func:`train`.

    Returns:
        The mean loss of each log interval of this call.
    """
    device = next(module.parameters()).device
    if recipe.bf16 and device.type == "cpu":
        for part in module.modules():
            if isinstance(part, PreTrainedModel):
                part.set_attn_implementation(register())
                break
    optimizer, schedule = optimizer_of(module, recipe)
    start = _resume(folder, module, optimizer, schedule)
    losses: list[float] = []
    since: list[Tensor] = []
    module.train()
    batches = _prepared(prepare, start, recipe, pin=device.type == "cuda")
    for step, batch in enumerate(batches, start=start + 1):
        moved = {name: value.to(device, non_blocking=True) for name, value in batch.items()}
        with _precision(device.type, recipe.bf16):
            loss = loss_of(moved)
        loss.backward()  # type: ignore[no-untyped-call]
        _average(module)
        torch.nn.utils.clip_grad_norm_(module.parameters(), recipe.clip)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        since.append(loss.detach())  # not a number yet: asking for one would wait for a GPU
        stop = False
        if step % recipe.log_every == 0:
            losses.append(float(torch.stack(since).double().mean()))
            since.clear()
            stop = agree(tell is not None and not tell(step, losses[-1]))
        if stop or step % recipe.save_every == 0 or step == recipe.steps:
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


def _precision(device: str, bf16: bool) -> AbstractContextManager[Any]:
    return torch.autocast(device, torch.bfloat16, enabled=bf16)


def _prepared(
    prepare: Callable[[int], dict[str, Tensor]], start: int, recipe: Recipe, *, pin: bool
) -> Iterator[dict[str, Tensor]]:
    steps: Any = range(start, recipe.steps)
    made: Any = prepare  # without batches, the loader gives it one number and not a list
    loader: DataLoader[Any] = DataLoader(
        steps, batch_size=None, collate_fn=made, num_workers=recipe.workers, pin_memory=pin
    )
    yield from loader


def _save(folder: Path, step: int, module: Any, optimizer: Any, schedule: Any) -> None:
    if processes()[0] > 0:
        return
    folder.mkdir(parents=True, exist_ok=True)
    state = {
        "step": step,
        "model": module.state_dict(),
        "optimizer": optimizer.state_dict(),
        "schedule": schedule.state_dict(),
    }
    part = folder / (_STATE + ".part")
    torch.save(state, part)
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
