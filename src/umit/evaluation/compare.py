"""Two runs on the same items: each metric's difference with its paired interval, and McNemar's test by Holm."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from umit.errors import InputError
from umit.evaluation.journal import gaps, manifest_of, records
from umit.evaluation.record import pair_of
from umit.metrics.bootstrap import bootstrap
from umit.metrics.metric import Measures, Metric, mean
from umit.metrics.significance import holm, mcnemar
from umit.tasks.table import TASKS
from umit.tasks.task import TaskName

__all__ = ["Comparison", "Difference", "compare"]

#: What a manifest says of the data; the rest is about the model, or how much of the data was asked.
_DATA: Final = ("dataset", "split", "languages", "variant", "resplit", "seed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One metric of two runs.

    Args:
        task: The task that was asked.
        language: Of the questions; ``""`` for all.
        metric: Its name.
        protocol: Whose rule it is.
        unit: ``""`` for shares.
        best: The value of a perfect model, which says whether more is better; ``None`` as in
            :class:`umit.metrics.metric.Metric`.
        a: The first run's number, over the answers that count in both.
        b: The second run's.
        difference: ``b - a``.
        low: Lower end of its 95 % interval, by bootstrap over groups, both runs drawn together.
        high: Upper end.
        p: Of McNemar's exact test, two-sided, for metrics that are 0 or 1 an answer; ``nan`` for others. Answers of
            one group are swapped together. Of this row alone.
        p_holm: The same corrected by Holm for all rows in which the runs differ at all; others cannot alarm falsely
            (Tarone 1990, doi:10.2307/2531456).
        n: Answers that count in both runs.
        groups: Pictures or patients that they are of.
    """

    task: TaskName
    language: str
    metric: str
    protocol: str
    unit: str
    best: float | None
    a: float
    b: float
    difference: float
    low: float
    high: float
    p: float
    p_holm: float
    n: int
    groups: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """All differences of two runs.

    Args:
        rows: By task, language and metric.
        items: Items that both runs have an answer to.
        only_a: Items that only the first run has an answer to; they are left out.
        only_b: Likewise of the second run.
        manifests: Of both runs.
        gaps: In words, what either run has not asked yet; nothing if both are whole.
    """

    rows: tuple[Difference, ...]
    items: int
    only_a: int
    only_b: int
    manifests: tuple[Mapping[str, Any], Mapping[str, Any]]
    gaps: tuple[str, ...] = ()


def compare(a: Path | str, b: Path | str, *, seed: int = 0) -> Comparison:
    """Compare two runs, or all shards of each, on the items that both have an answer to.

    Args:
        a: Folder of a journal.
        b: Folder of another one.
        seed: Of the intervals.

    Raises:
        InputError: No run there, a damaged journal, runs of different data, or no item in common.
    """
    first, second = Path(a), Path(b)
    mine, theirs = _answers(first), _answers(second)
    manifests = manifest_of(first), manifest_of(second)
    _same_data(manifests, (first, second))
    common = [name for name in mine if name in theirs]
    if not common:
        raise InputError(
            "expected runs with items in common, got none",
            code="no_items", where=f"{first.name}, {second.name}",
            hint="Let both runs answer the same items.",
        )  # fmt: skip
    _same_questions(mine, theirs, common)
    by_task: dict[TaskName, list[str]] = {}
    for name in common:
        by_task.setdefault(mine[name]["task"], []).append(name)
    rows = [
        row
        for task, names in by_task.items()
        for row in _task_rows(task, [mine[n] for n in names], [theirs[n] for n in names], seed)
    ]
    tested = [row for row in rows if row.p_holm != row.p and not np.isnan(row.p)]
    corrected = dict(zip(map(id, tested), holm([row.p for row in tested]), strict=True))
    return Comparison(
        rows=tuple(replace(row, p_holm=corrected.get(id(row), row.p)) for row in rows), items=len(common), only_a=len(mine) - len(common),
        only_b=len(theirs) - len(common), manifests=manifests,
        gaps=tuple(f"{side}: {gap}" for side, run in (("A", first), ("B", second)) for gap in gaps(run)),
    )  # fmt: skip


def _answers(run: Path) -> dict[str, dict[str, Any]]:
    found = {record["id"]: record for record in records(run) if record["ok"]}
    for record in found.values():
        pair_of(record)  # refuses what is no record of ours before anything of it is looked at
    return found


def _same_data(manifests: tuple[Mapping[str, Any], Mapping[str, Any]], runs: tuple[Path, Path]) -> None:
    one, other = manifests
    differing = [key for key in _DATA if one.get(key) != other.get(key)]
    if differing:
        told = ", ".join(f"{key} {one.get(key)!r} and {other.get(key)!r}" for key in differing)
        raise InputError(
            f"expected runs of the same data, got {told}",
            code="data", where=f"{runs[0].name}, {runs[1].name}",
            hint="Evaluate both checkpoints on the same data set, split, variant and languages.",
        )  # fmt: skip


def _same_questions(
    mine: Mapping[str, dict[str, Any]], theirs: Mapping[str, dict[str, Any]], names: Sequence[str]
) -> None:
    for name in names:
        one, other = mine[name], theirs[name]
        if any(one[key] != other[key] for key in ("task", "query", "gold", "group")):
            raise InputError(
                "expected the same question and truth in both runs, got others",
                code="data", where=name,
                hint="The data changed between the runs; evaluate the older one again.",
            )  # fmt: skip


def _task_rows(
    task: TaskName, mine: Sequence[Mapping[str, Any]], theirs: Sequence[Mapping[str, Any]], seed: int
) -> Iterator[Difference]:
    pairs = [pair_of(record) for record in mine], [pair_of(record) for record in theirs]
    groups = np.unique([record["group"] for record in mine], return_inverse=True)[1]
    languages = np.array([pair.query.language for pair in pairs[0]])
    parts = [("", np.ones(len(groups), bool))]
    if len(spoken := sorted(set(languages.tolist()))) > 1:
        parts += [(one, languages == one) for one in spoken]
    seen: tuple[dict[object, Measures], dict[object, Measures]] = {}, {}
    for metric in TASKS[task].metrics:
        a, b = (metric.measures(side, known) for side, known in zip(pairs, seen, strict=True))
        counts = ~(np.isnan(a[:, 0]) | np.isnan(b[:, 0]))
        for language, part in parts:
            chosen = counts & part
            if chosen.any():
                named = groups[chosen].tolist()
                yield _row(task, language, metric, a[chosen], b[chosen], named, seed)


def _row(
    task: TaskName, language: str, metric: Metric[Any], a: Measures, b: Measures, groups: list[int], seed: int
) -> Difference:  # fmt: skip
    found = bootstrap(metric.apart(b, a), groups, seed=seed)
    zero_or_one = metric.total is mean and bool(np.isin([a[:, 0], b[:, 0]], (0, 1)).all())
    p = mcnemar(a[:, 0].tolist(), b[:, 0].tolist(), groups) if zero_or_one else np.nan
    never = zero_or_one and bool((a[:, 0] == b[:, 0]).all())
    one, other = metric.total(a), metric.total(b)
    return Difference(
        task=task, language=language, metric=metric.name, protocol=metric.protocol, unit=metric.unit,
        best=1.0 if metric.best is None else metric.best, a=one, b=other, difference=other - one,
        low=found.low, high=found.high, p=p, p_holm=p if never else np.nan, n=len(a), groups=len(set(groups)),
    )  # fmt: skip
