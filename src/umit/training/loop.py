"""The same training in plain torch, for machines without TRL; its losses equal the shell's (tested)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader
from transformers import get_cosine_with_min_lr_schedule_with_warmup

from umit.engine.attention import register
from umit.engine.encode import Encoder
from umit.training.collate import collate
from umit.training.loss import answer_loss
from umit.training.stages import Stage, freeze

if TYPE_CHECKING:
    from transformers import Qwen2VLForConditionalGeneration

    from umit.training.recipe import Batches, Recipe

__all__ = ["optimizer_of", "train"]

_STATE = "state.pt"


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
        batches: The rows of each step.
        encoder: Knows the placeholder and padding ids.
        stage: What trains.
        recipe: How long and how fast.
        folder: Where the state is written and looked for.
        tell: Called with step and loss every ``log_every`` steps; returning ``False`` saves and stops.

    Returns:
        The mean loss of each log interval of this call.
    """
    freeze(model, stage)
    if recipe.bf16 and model.device.type == "cpu":
        model.set_attn_implementation(register())
    optimizer, schedule = optimizer_of(model, recipe)
    start = _resume(folder, model, optimizer, schedule)
    losses: list[float] = []
    since: list[float] = []
    model.train()
    for step, batch in enumerate(_prepared(batches, start, recipe, encoder), start=start + 1):
        moved = {name: value.to(model.device, non_blocking=True) for name, value in batch.items()}
        with _precision(model.device.type, recipe.bf16):
            loss, _ = answer_loss(model, moved)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.clip)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        since.append(float(loss.detach()))
        stop = False
        if step % recipe.log_every == 0:
            losses.append(sum(since) / len(since))
            since.clear()
            stop = tell is not None and not tell(step, losses[-1])
        if stop or step % recipe.save_every == 0 or step == recipe.steps:
            _save(folder, step, model, optimizer, schedule)
        if stop:
            break
    return losses


def _precision(device: str, bf16: bool) -> AbstractContextManager[Any]:
    return torch.autocast(device, torch.bfloat16, enabled=bf16)


def _prepared(
    batches: Batches, start: int, recipe: Recipe, encoder: Encoder
) -> Iterator[dict[str, Tensor]]:
    def prepare(items: list[int]) -> dict[str, Tensor]:
        rows = [row for item in items for row in batches(item)]
        return collate(rows, image_pad=encoder.image_pad, padding=encoder.padding)

    steps: Any = range(start, recipe.steps)
    loader: DataLoader[Any] = DataLoader(
        steps, batch_size=1, collate_fn=prepare, num_workers=recipe.workers
    )
    yield from loader


def _save(folder: Path, step: int, model: Any, optimizer: Any, schedule: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    state = {
        "step": step,
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "schedule": schedule.state_dict(),
    }
    part = folder / (_STATE + ".part")
    torch.save(state, part)
    part.replace(folder / _STATE)  # whole or not at all


def _resume(folder: Path, model: Any, optimizer: Any, schedule: Any) -> int:
    path = folder / _STATE
    if not path.is_file():
        return 0
    state = torch.load(path, map_location=model.device, weights_only=True)
    model.load_state_dict(state["model"], strict=True)
    optimizer.load_state_dict(state["optimizer"])
    schedule.load_state_dict(state["schedule"])
    return int(state["step"])
