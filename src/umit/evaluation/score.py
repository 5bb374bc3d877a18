"""Scores from the journal alone: each metric with its protocol, its interval, and what unreadable text costs."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from umit.evaluation.journal import MANIFEST, records
from umit.evaluation.record import pair_of
from umit.metrics.by_task import METRICS
from umit.metrics.metric import Measures, Metric, mean
from umit.metrics.statistics import bootstrap, bootstrap_mean
from umit.tasks.task import TaskName

__all__ = ["Row", "Score", "score"]

RESAMPLES: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One number.

    Args:
        task: The task that was asked.
        language: Of the questions; ``""`` for all.
        part: A fact that the rows share, such as ``"modality=CT"``; ``""`` for all.
        metric: Its name.
        protocol: Whose rule it is.
        unit: ``""`` for shares.
        value: The number; ``nan`` if nothing could be scored.
        low: Lower end of the 95 % interval, by bootstrap over groups.
        high: Upper end.
        n: Answers.
        groups: Pictures or patients that they are of; answers about one are drawn together.
        unreadable: Answers whose text could not be read.
        cost: What an unreadable answer costs in this metric.
    """

    task: TaskName
    language: str
    part: str
    metric: str
    protocol: str
    unit: str
    value: float
    low: float
    high: float
    n: int
    groups: int
    unreadable: int
    cost: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """All numbers of a run.

    Args:
        rows: By task, language and metric.
        failed: Items that have no answer yet, such as unreadable pictures.
        manifest: What the answers depend on.
    """

    rows: tuple[Row, ...]
    failed: int
    manifest: Mapping[str, Any]

    def __getitem__(self, name: str) -> float:
        """Return the first number of a metric's name, over all languages."""
        for row in self.rows:
            if row.metric == name and not row.language and not row.part:
                return row.value
        raise KeyError(name)


def score(run: Path | str, *, by: Sequence[str] = (), seed: int = 0) -> Score:
    """Score a run, or all shards of one, without a model.

    Args:
        run: Folder of a journal.
        by: Facts to break the numbers down by, such as ``"modality"``.
        seed: Of the intervals.

    Raises:
        InputError: No run there, or a damaged journal.
    """
    folder = Path(run)
    kept: dict[TaskName, list[dict[str, Any]]] = defaultdict(list)
    missing = 0
    for record in records(folder):
        if record["ok"]:
            kept[record["task"]].append(record)
        else:
            missing += 1
    rows = [row for task, found in kept.items() for row in _task_rows(task, found, by, seed)]
    paths = [folder / MANIFEST, *sorted(folder.glob(f"*/{MANIFEST}"))]
    manifest = next(json.loads(p.read_text("utf-8")) for p in paths if p.is_file())
    return Score(rows=tuple(rows), failed=missing, manifest=manifest)


def _task_rows(
    task: TaskName, found: Sequence[Mapping[str, Any]], by: Sequence[str], seed: int
) -> Iterator[Row]:
    pairs = [pair_of(record) for record in found]
    languages = np.array([pair.query.language for pair in pairs])
    groups = np.unique([record["group"] for record in found], return_inverse=True)[1]
    parts: list[tuple[str, str, np.ndarray[Any, Any]]] = [("", "", np.ones(len(pairs), bool))]
    if len(spoken := sorted(set(languages))) > 1:
        parts += [(str(one), "", languages == one) for one in spoken]
    for fact in by:
        values = np.array([str(record["facts"].get(fact, "")) for record in found])
        parts += [("", f"{fact}={one}", values == one) for one in sorted(set(values)) if one]
    seen: dict[object, Measures] = {}
    for metric in METRICS[task]:
        measures = metric.measures(pairs, seen)
        for language, part, chosen in parts:
            unread = sum(p.found is None for p, is_in in zip(pairs, chosen, strict=True) if is_in)
            low, high = interval(metric, measures[chosen], groups[chosen], seed)
            yield Row(
                task=task, language=language, part=part, metric=metric.name,
                protocol=metric.protocol, unit=metric.unit,
                value=metric.total(measures[chosen]), low=low, high=high,
                n=int(chosen.sum()), groups=len(set(groups[chosen].tolist())),
                unreadable=unread, cost=metric.unreadable,
            )  # fmt: skip


def interval(
    metric: Metric[Any], measures: Measures, groups: np.ndarray[Any, Any], seed: int
) -> tuple[float, float]:
    """Return the 95 % percentile interval of a metric; answers of one group are drawn together.

    Args:
        metric: Puts measures together.
        measures: One row an answer.
        groups: Which group each answer belongs to.
        seed: Of the draws.
    """
    named = groups.tolist()
    if metric.total is mean:  # from the groups' sums alone
        found = bootstrap_mean(measures[:, 0], named, count=RESAMPLES, seed=seed)
    else:
        found = bootstrap(
            lambda rows: metric.total(measures[rows]), named, count=RESAMPLES, seed=seed
        )
    return found.low, found.high
