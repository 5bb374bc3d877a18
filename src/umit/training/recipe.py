"""How long and how fast a stage trains; plain values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from umit.training.rows import Row

__all__ = ["Batches", "Recipe"]

#: Rows of one step, by its number from 0; the same number always gives the same rows.
Batches: TypeAlias = Callable[[int], Sequence[Row]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How long and how fast.

    Args:
        steps: Optimizer steps.
        learning_rate: The peak of a cosine that ends at a hundredth of it.
        warmup: Steps of linear warm-up.
        weight_decay: AdamW's.
        clip: Largest gradient norm.
        bf16: Whether matrix products run in bfloat16.
        save_every: Steps between checkpoints.
        log_every: Steps between log lines.
        workers: Processes that prepare batches; 0 prepares them in this one.
        seed: Seeds what is random besides the batches.
    """

    steps: int
    learning_rate: float = 1e-3
    warmup: int = 100
    weight_decay: float = 0.02
    clip: float = 1.0
    bf16: bool = False
    save_every: int = 500
    log_every: int = 25
    workers: int = 0
    seed: int = 0
