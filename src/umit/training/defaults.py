"""How long and how fast, where the user does not say."""

from __future__ import annotations

import math
from typing import Final

from umit.errors import InputError
from umit.training.hyperparameters import Hyperparameters

__all__ = ["EPOCHS", "default_settings"]

#: transformers' num_train_epochs.
EPOCHS: Final = 3.0
#: ms-swift's learning rate for all parameters; of models as small as the embedded one, whose last stage's rate
#: (recipes/embedded/stages.py) is above it.
_LARGE, _SMALL, _BORDER = 1e-5, 5e-4, 100_000_000
#: ms-swift's rates are 1e-5 for all parameters and 1e-4 for LoRA.
_LORA: Final = 10.0


def default_settings(
    samples: int,
    *,
    batch: int,
    parameters: int,
    epochs: float | None = None,
    steps: int | None = None,
    rate: float | None = None,
    seed: int = 0,
    lora: bool = False,
) -> Hyperparameters:
    """Return settings for so many samples.

    Args:
        samples: In the training part.
        batch: Samples a step.
        parameters: Of the model; small ones learn faster.
        epochs: Passes over the samples; ``None`` with no steps either for three.
        steps: Optimizer steps, instead of passes.
        rate: Peak learning rate.
        seed: Of everything that is drawn.
        lora: Whether updates of low rank train, and not the weights: ten times as fast.

    Raises:
        InputError: Both epochs and steps, or less than one step or sample.

    Example:
        >>> default_settings(200, batch=8, parameters=3_000_000).steps
        75
    """
    if batch < 1:
        raise InputError(f"expected one sample a step or more, got {batch}", code="batch")
    if epochs is not None and steps is not None:
        raise InputError("expected epochs or steps, got both", code="length", where="steps")
    passes = EPOCHS if epochs is None else epochs
    if not 0 < passes < math.inf:
        raise InputError(f"expected epochs above 0, got {passes:g}", code="length", where="epochs")
    count = steps if steps is not None else math.ceil(passes * samples / batch)
    if count < 1:
        raise InputError(f"expected one step or more, got {count}", code="length", where="steps")
    usual = (_SMALL if parameters < _BORDER else _LARGE) * (_LORA if lora else 1)
    return Hyperparameters(
        steps=count, learning_rate=usual if rate is None else rate,
        warmup=min(100, math.ceil(count / 20)), save_every=min(500, math.ceil(count / 4)),
        log_every=min(25, math.ceil(count / 20)), seed=seed,
    )  # fmt: skip
