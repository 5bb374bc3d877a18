"""How sure a checkpoint's answers are, as it was measured on held-out data; :mod:`umit.evaluation.confidence` fits it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from umit.errors import CheckpointError
from umit.tasks.task import TaskName

__all__ = ["Confidence", "confidence_from"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Confidence:
    """What probabilities and likelihoods of one checkpoint mean.

    Args:
        data: What it was measured on.
        temperatures: By task: what log-probabilities of options are divided by, so that probabilities are as often
            right as they say (Guo et al. 2017). Presence and findings are closed questions, and take theirs.
        bounds: By task: the mean log-probability a token that 99 of 100 right answers reach.

    Raises:
        CheckpointError: No data, a temperature that is not above 0, or a bound above 0.
    """

    data: str
    temperatures: tuple[tuple[TaskName, float], ...] = ()
    bounds: tuple[tuple[TaskName, float], ...] = ()

    def __post_init__(self) -> None:
        """Refuse what means nothing."""
        warm = all(0 < value < math.inf for _, value in self.temperatures)
        if not self.data or not warm or not all(-math.inf < value <= 0 for _, value in self.bounds):
            raise CheckpointError(f"expected data, temperatures above 0 and bounds up to 0, got {self!r:.200}")

    def temperature(self, task: TaskName) -> float | None:
        """Return the temperature of a task; ``None`` if none was fitted."""
        return dict(self.temperatures).get(task)

    def bound(self, task: TaskName) -> float | None:
        """Return the bound of a task; ``None`` if none was measured."""
        return dict(self.bounds).get(task)


def confidence_from(data: Any) -> Confidence:
    """Read it from a card's JSON values."""
    kept = {name: tuple((str(task), float(value)) for task, value in data[name]) for name in ("temperatures", "bounds")}
    if extra := set(data) - {"data", *kept}:
        raise TypeError(f"its confidence has also {sorted(extra)}")
    return Confidence(data=str(data["data"]), **kept)
