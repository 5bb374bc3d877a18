"""What probabilities and likelihoods of one checkpoint mean, measured on answers whose truth is known."""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from umit.checkpoints import Checkpoint
from umit.checkpoints.confidence import Confidence
from umit.datasets.dataset import Sample
from umit.errors import InputError, UMITError
from umit.metrics.calibration import calibration_error
from umit.metrics.metric import Pair
from umit.model import UMIT
from umit.provenance import Scored
from umit.tasks.answer import ANSWER_CLOSED
from umit.tasks.table import TASKS
from umit.tasks.task import TaskName

__all__ = ["Figure", "Fitted", "fit_confidence", "temperature_of"]

Floats: TypeAlias = NDArray[np.float64]
#: Fewer answers than these say too little: of a calibration error, and of 1 in 100 right answers.
_LEAST_SCORED, _LEAST_RIGHT = 50, 100
#: The share of right answers under the bound: as many warnings in vain.
_UNDER: Final = 0.01
_TINY: Final = 1e-300


class _Choice(NamedTuple):
    """Log-probabilities of the choices, which one is true, and in which half it lies."""

    logs: Floats
    true: int
    half: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """What was measured of one task.

    Args:
        task: Its name.
        scored: Choices with probabilities.
        before: Calibration error of the probabilities as they are, from 0 to 1; ``None`` without enough choices.
        after: The same with the temperature, each half of the groups under the temperature of the other half.
        temperature: Fitted on all; ``None`` if there are too few choices or the error does not fall.
        right: Answers that are not judged wrong, with a likelihood.
        bound: The mean log-probability a token that 99 of 100 of them reach; ``None`` if there are too few.
    """

    task: TaskName
    scored: int = 0
    before: float | None = None
    after: float | None = None
    temperature: float | None = None
    right: int = 0
    bound: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A card that says how sure its answers are.

    Args:
        card: With its confidence.
        figures: By task.
        failed: Samples that could not be asked.
    """

    card: Checkpoint
    figures: tuple[Figure, ...]
    failed: int


def fit_confidence(
    model: UMIT, samples: Iterable[Sample[Any, Any]], *, data: str, limit: int | None = None, workers: int = 0
) -> Fitted:
    """Ask samples that the weights were not taught, and fit temperatures and bounds.

    Args:
        model: What is fitted; what its card says of its confidence is left aside.
        samples: Held out, with their truth.
        data: What they are, for the card.
        limit: Only so many, the first.
        workers: Pictures that are read ahead.

    Raises:
        InputError: No sample could be asked, or none says enough.
    """
    bare = replace(model.checkpoint, confidence=None)
    asked = UMIT(model.backend, bare, fingerprint=model.fingerprint, constrained=model.constrained)
    choices: dict[TaskName, list[_Choice]] = defaultdict(list)
    answers: dict[TaskName, list[tuple[Pair[Any], float]]] = defaultdict(list)
    failed = 0
    waiting: list[Sample[Any, Any]] = list(islice(samples, limit))
    for sample, found in zip(
        waiting, asked.predict(((s.source, s.query) for s in waiting), workers=workers), strict=True
    ):
        if isinstance(found, UMITError):
            failed += 1
            continue
        name = TASKS[sample.task].known_by or sample.task
        placed = ANSWER_CLOSED.name if TASKS[sample.task].placed else name  # presence is a closed question
        choices[placed] += _choices(found.scored(sample.gold, sample.query.choices), sample.group)
        if found.mean_logprob is not None:
            pair = Pair(sample.query, sample.gold, found, found.raw, dict(sample.facts))
            answers[sample.task].append((pair, found.mean_logprob))
    figures = tuple(
        _figure(name, choices[name], _right(name, answers)) for name in TASKS if choices[name] or _any(name, answers)
    )
    temperatures = tuple((f.task, f.temperature) for f in figures if f.temperature is not None)
    bounds = tuple((f.task, f.bound) for f in figures if f.bound is not None)
    if not temperatures and not bounds:
        raise InputError(
            f"expected at least {_LEAST_RIGHT} right answers of a task, got {len(waiting) - failed} answers in all",
            code="few",
            hint="Name a data set with more samples",
        )
    sure = Confidence(data=data, temperatures=temperatures, bounds=bounds)
    return Fitted(card=replace(model.checkpoint, confidence=sure), figures=figures, failed=failed)


def _choices(scored: Sequence[Scored], group: str) -> Iterator[_Choice]:
    half = hashlib.sha256(group.encode()).digest()[0] % 2
    for chances, _, true in scored:
        if true is None:
            continue
        both = chances if len(chances) > 1 else (chances[0], 1 - chances[0])
        index = int(true) if len(chances) > 1 else 0 if true else 1
        yield _Choice(np.log(np.maximum(both, _TINY)), index, half)


def _any(name: TaskName, answers: dict[TaskName, list[tuple[Pair[Any], float]]]) -> bool:
    return any(answers[task] for task, spec in TASKS.items() if (spec.known_by or task) == name)


def _right(name: TaskName, answers: dict[TaskName, list[tuple[Pair[Any], float]]]) -> list[float]:
    """Return how likely the texts were that are not judged wrong."""
    found: list[float] = []
    for task, spec in TASKS.items():
        rows = answers[task] if (spec.known_by or task) == name else []
        verdicts = spec.judge([pair for pair, _ in rows]) if rows else []
        found += [likely for (_, likely), verdict in zip(rows, verdicts, strict=True) if verdict is not False]
    return found


def _figure(name: TaskName, choices: Sequence[_Choice], right: Sequence[float]) -> Figure:
    bound = None
    if len(right) >= _LEAST_RIGHT:
        bound = math.floor(float(np.quantile(right, _UNDER)) * 1e4) / 1e4  # rounded down: it is reached
    if len(choices) < _LEAST_SCORED or len({one.half for one in choices}) < 2:
        return Figure(task=name, scored=len(choices), right=len(right), bound=bound)
    other = [temperature_of([(c.logs, c.true) for c in choices if c.half != half]) for half in (0, 1)]
    before = _error([(one.logs, one.true) for one in choices])
    after = _error([(one.logs / other[one.half], one.true) for one in choices])
    temperature = temperature_of([(c.logs, c.true) for c in choices]) if after < before else None
    return Figure(
        task=name, scored=len(choices), before=before, after=after,
        temperature=None if temperature is None else round(temperature, 4), right=len(right), bound=bound,
    )  # fmt: skip


def _chances(logs: Floats) -> Floats:
    weights = np.exp(logs - logs.max())
    found: Floats = weights / weights.sum()
    return found


def _error(choices: Sequence[tuple[Floats, int]]) -> float:
    """Return the calibration error of the likeliest choices."""
    chances = [_chances(logs) for logs, _ in choices]
    sure = [float(one.max()) for one in chances]
    hits = [int(one.argmax()) == true for one, (_, true) in zip(chances, choices, strict=True)]
    return calibration_error(np.minimum(sure, 1.0), hits)


def temperature_of(choices: Sequence[tuple[Floats, int]]) -> float:
    """Return the temperature under which the true choices are likeliest (Guo et al. 2017).

    Args:
        choices: Log-probabilities of all choices, and the index of the true one.

    Example:
        >>> sure = np.log([0.99, 0.01])
        >>> round(temperature_of([(sure, 0)] * 9 + [(sure, 1)]), 2)
        2.09
    """

    def surprise(inverse: float) -> float:
        return math.fsum(-math.log(max(_chances(logs * inverse)[true], _TINY)) for logs, true in choices)

    low, high = math.log(0.02), math.log(50.0)  # of the inverse; the sum is convex in it, so it has one valley
    ratio = (math.sqrt(5) - 1) / 2
    for _ in range(48):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        if surprise(math.exp(left)) <= surprise(math.exp(right)):
            high = right
        else:
            low = left
    return math.exp(-(low + high) / 2)
