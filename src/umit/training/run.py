"""One stage by the words of umit's first releases: scripts that were written for them run as they are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from umit.engine.encode import Encoder
from umit.training.recipe import Recipe
from umit.training.rows import Batches
from umit.training.stages import Stage, train_stage

if TYPE_CHECKING:
    from torch import nn

    from umit.training.progress import Tell

__all__ = ["train"]


def train(
    model: nn.Module,
    batches: Batches,
    *,
    tokenizer: Any,
    encoder: Encoder,
    stage: Stage,
    recipe: Recipe,
    folder: Path,
    tell: Tell | None = None,
) -> list[float]:
    """Train one stage by TRL: :func:`umit.training.train_stage` by its earlier name.

    Args:
        model: As for ``train_stage``.
        batches: Likewise.
        tokenizer: That of the encoder, which is the one that is taken.
        encoder: As for ``train_stage``.
        stage: Likewise.
        recipe: Its ``settings``.
        folder: As for ``train_stage``.
        tell: Likewise.
    """
    return train_stage(model, batches, encoder=encoder, stage=stage, settings=recipe, folder=folder, tell=tell)
