"""The paper's two stages, and how one is trained (arXiv 2503.15892, figure 2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from umit.engine.encode import Encoder
from umit.training.hyperparameters import Hyperparameters
from umit.training.rows import Batches

if TYPE_CHECKING:
    from torch import Tensor, nn
    from transformers import Qwen2VLForConditionalGeneration

__all__ = ["ALIGN", "INSTRUCT", "Stage", "freeze", "train_stage"]

_TOWER: Final = "model.visual."
_PROJECTOR: Final = "model.visual.merger."  # lies inside the tower's module, but is no part of it


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of training.

    Args:
        name: What it is called, such as ``"align"``.
        vision: Whether the vision encoder trains; projector and language model always do.
    """

    name: str
    vision: bool


ALIGN: Final = Stage("align", vision=True)
INSTRUCT: Final = Stage("instruct", vision=False)


def freeze(model: nn.Module, stage: Stage) -> None:
    """Let exactly the stage's parameters of a Qwen2-VL train."""
    for name, parameter in model.named_parameters():
        tower = name.startswith(_TOWER) and not name.startswith(_PROJECTOR)
        parameter.requires_grad_(stage.vision or not tower)


def train_stage(
    model: Qwen2VLForConditionalGeneration,
    batches: Batches,
    *,
    encoder: Encoder,
    stage: Stage,
    settings: Hyperparameters,
    folder: Path,
    tell: Callable[[int, float], bool] | None = None,
    plain: bool = False,
) -> list[float]:
    """Train one stage; the same call again goes on where it stopped.

    Args:
        model: Qwen2-VL, on the device that is to be used; changed in place.
        batches: The rows of each step; under many processes, this one's share of them.
        encoder: The checkpoint's encoder.
        stage: What trains.
        settings: How long and how fast.
        folder: Where states are written and looked for.
        tell: Called with step and loss every ``log_every`` steps; returning ``False`` saves and stops.
        plain: Train with the loop in plain torch and not with TRL's SFTTrainer. Many processes always do:
            SFTTrainer would deal out steps, not the rows of one.

    Returns:
        The mean loss of each log interval of this call.
    """
    from umit.training.loop import optimize, processes
    from umit.training.loss import answer_loss

    freeze(model, stage)
    prepare = partial(_batch, batches, encoder)
    if plain or processes()[1] > 1:
        return optimize(
            model, prepare, lambda batch: answer_loss(model, batch)[0], settings=settings, folder=folder, tell=tell,
        )  # fmt: skip
    from umit.training import sft  # loads TRL

    return sft.fit(
        model, prepare, tokenizer=encoder.tokenizer, settings=settings, folder=folder, tell=tell
    )


def _batch(batches: Batches, encoder: Encoder, step: int) -> dict[str, Tensor]:
    from umit.training.collate import collate

    return collate(batches(step), image_pad=encoder.image_pad, padding=encoder.padding)
