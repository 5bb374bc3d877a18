"""How long and how fast a stage trains, and the optimizer and schedule that follow from it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, get_args

from umit.errors import InputError
from umit.training.optimizers import OPTIMIZER, chosen

__all__ = ["Hyperparameters", "Per", "optimizer_and_schedule"]

#: What weighs the same in a loss: each taught token, or each answer however long it is.
Per: TypeAlias = Literal["token", "answer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hyperparameters:
    """How long and how fast a stage trains.

    Args:
        steps: Optimizer steps.
        learning_rate: The peak of a cosine that ends at a hundredth of it.
        warmup: Steps of linear warm-up.
        weight_decay: AdamW's; norms and biases have none.
        clip: Largest gradient norm.
        bf16: Whether matrix products run in bfloat16; weights and optimizer stay in float32.
        accumulate: Batches a step, whose gradients are summed before the weights move; as if they were one.
        checkpointing: Whether what the layers made is made again for their gradients, and not kept: less memory, a
            third more time, the same losses.
        per: What weighs the same in the loss: each taught ``"token"``, or each ``"answer"`` however long it is.
        save_every: Steps between saved states, from which a stopped call goes on.
        log_every: Steps between logged losses.
        workers: Processes that prepare batches; 0 prepares them in this one.
        seed: Seeds what is random besides the batches.
        sft: What TRL's SFTConfig offers beside these, as :func:`umit.training.passed.with_sft` keeps it.
        report_to: transformers' names of what is told of each log, such as ``"tensorboard"``.

    Raises:
        InputError: A count under 1, another ``per``, or a rate that is not above 0.
    """

    steps: int
    learning_rate: float = 1e-3
    warmup: int = 100
    weight_decay: float = 0.02
    clip: float = 1.0
    bf16: bool = False
    accumulate: int = 1
    checkpointing: bool = False
    per: Per = "token"
    save_every: int = 500
    log_every: int = 25
    workers: int = 0
    seed: int = 0
    sft: Mapping[str, Any] = field(default_factory=dict)
    report_to: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what would train nothing, or never end well."""
        for name in ("steps", "accumulate", "save_every", "log_every"):
            if getattr(self, name) < 1:
                raise InputError(f"expected {name} of at least 1, got {getattr(self, name)}")
        if self.per not in get_args(Per):
            raise InputError(f"expected per 'token' or 'answer', got {self.per!r}")
        if not 0 < self.learning_rate < math.inf:
            raise InputError(f"expected a learning_rate above 0, got {self.learning_rate}")


def optimizer_and_schedule(module: Any, settings: Hyperparameters) -> tuple[Any, Any]:
    """Return the optimizer and its schedule over what requires a gradient: AdamW and a cosine, unless ``sft`` says.

    Args:
        module: Holds Qwen2-VL.
        settings: How long and how fast.

    Raises:
        InputError: An optimizer or a schedule that ``sft`` names and nobody has.
    """
    import torch
    from transformers import get_cosine_with_min_lr_schedule_with_warmup

    trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    if settings.sft.keys() & OPTIMIZER.keys():
        return chosen(groups, settings)
    betas = (OPTIMIZER["adam_beta1"], OPTIMIZER["adam_beta2"])
    optimizer = torch.optim.AdamW(groups, lr=settings.learning_rate, betas=betas, eps=OPTIMIZER["adam_epsilon"])
    schedule = get_cosine_with_min_lr_schedule_with_warmup(
        optimizer, settings.warmup, settings.steps, **OPTIMIZER["lr_scheduler_kwargs"]
    )
    return optimizer, schedule
