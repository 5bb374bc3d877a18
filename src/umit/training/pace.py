"""How many steps are done in some minutes, measured."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from umit.errors import InputError
from umit.training.defaults import default_settings
from umit.training.hyperparameters import Hyperparameters

if TYPE_CHECKING:
    from umit.engine.load import Engine
    from umit.training.batches import SampleBatches

__all__ = ["in_minutes"]

_SHARE_TRAINED: Final = 0.8  # of the minutes; the rest goes to validation, reading and writing


def in_minutes(
    minutes: float, settings: Hyperparameters, before: Mapping[str, Any], engine: Engine, batches: SampleBatches,
    *, stages: int,
) -> Hyperparameters:  # fmt: skip
    """Return settings with as many steps as fit into some minutes; a run that goes on keeps those it has.

    Args:
        minutes: Of all stages, validation and writing.
        settings: With other steps.
        before: What the run in the folder depends on, if there is one.
        engine: The weights; none is changed.
        batches: The rows of steps.
        stages: How many there are.

    Raises:
        InputError: No minutes.
    """
    if not 0 < minutes < math.inf:
        raise InputError(f"expected minutes above 0, got {minutes:g}", code="length", where="minutes")
    kept = before.get("settings") if before.get("minutes") == minutes else None
    if isinstance(kept, dict) and isinstance(kept.get("steps"), int):
        steps = kept["steps"]
    else:
        spent = _seconds_a_step(engine, batches) * settings.accumulate * stages
        steps = max(1, int(_SHARE_TRAINED * 60 * minutes / spent))
    fresh = default_settings(1, batch=1, parameters=1, steps=steps)
    paced = {name: getattr(fresh, name) for name in ("steps", "warmup", "save_every", "log_every")}
    return replace(settings, **paced)


def _seconds_a_step(engine: Engine, batches: SampleBatches) -> float:
    """Time gradients of three steps, the first of which also starts libraries; no weight is changed."""
    from umit.training.collate import collate
    from umit.training.loss import answer_loss
    from umit.training.together import merged

    encoder, spent = engine.encoder, []
    for step in range(3):
        started = time.perf_counter()
        batch = collate(merged(batches(step)), image_pad=encoder.image_pad)
        loss, _ = answer_loss(engine.model, {k: v.to(engine.device) for k, v in batch.items()})
        loss.backward()  # type: ignore[no-untyped-call]
        engine.model.zero_grad()
        spent.append(time.perf_counter() - started)
    return min(spent)
