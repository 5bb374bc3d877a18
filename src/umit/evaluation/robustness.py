"""The robustness card: a run beside the same run under each change, from the journals alone."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from umit.datasets.dataset import Samples
from umit.display.page import NOTICE
from umit.display.template import markdown
from umit.errors import InputError
from umit.evaluation.evaluate import ask
from umit.evaluation.journal import records
from umit.evaluation.perturb import CHANGES, Change, Changed, Others
from umit.evaluation.record import pair_of
from umit.evaluation.sides import mirrored
from umit.metrics.bootstrap import bootstrap
from umit.metrics.metric import Metric, Pair
from umit.model import UMIT
from umit.tasks.table import TASKS
from umit.tasks.task import TaskName
from umit.whole import write_whole

__all__ = ["FOLDER", "CardRow", "card_markdown", "perturb", "robustness"]

FOLDER: Final = "robustness"
_ORDER: Final = (*CHANGES, "wrong-organ")


@dataclass(frozen=True, slots=True, kw_only=True)
class CardRow:
    """One task under one change, over the samples that both runs answered.

    Args:
        task: The task that was asked.
        change: Name of the change.
        metric: The task's main metric.
        unit: ``""`` for shares.
        unchanged: Its value on the unchanged pictures.
        changed: Its value under the change.
        drop: How much worse it became: positive is worse, for errors too.
        low: Lower end of the drop's 95 % interval, by paired bootstrap over pictures or patients.
        high: Upper end.
        n: Samples that both answered.
        not_asked: Unchanged answers without one under the change: left out, since no truth is known, or not asked yet.
        unreadable: Share of answers under the change whose text could not be read.
        refused: Share in which the model declined to choose.
        consistent: Flip only: share of answers that are the mirrored answer; an unreadable one is not.
        compared: Flip only: answers that could be compared.
    """

    task: TaskName
    change: str
    metric: str
    unit: str
    unchanged: float
    changed: float
    drop: float
    low: float
    high: float
    n: int
    not_asked: int
    unreadable: float
    refused: float
    consistent: float
    compared: int


def perturb(
    model: UMIT,
    samples: Samples,
    run: Path | str,
    *,
    limit: int | None = None,
    workers: int = 0,
    tell: Callable[[str], None] | None = None,
) -> tuple[CardRow, ...]:
    """Ask a data set unchanged and under every change, and write the card; goes on where it stopped.

    Args:
        model: Any checkpoint behind any engine.
        samples: From :func:`umit.datasets.load`.
        run: Folder of the unchanged run; changes have folders of their own in ``robustness`` below.
        limit: Only so many unchanged samples, the first.
        workers: Pictures that are read ahead.
        tell: As for :func:`umit.evaluation.evaluate.ask`.

    Returns:
        The card, also written as ``robustness.json`` and ``robustness.md`` in the folder.

    Raises:
        InputError: A journal is another run's, or another process writes it.
    """
    folder = Path(run)
    ask(model, samples, folder, limit=limit, workers=workers, tell=tell)
    changes: dict[str, Change] = {**CHANGES, "wrong-organ": Others(samples)}
    for name, change in changes.items():
        changed = Changed(samples, name, change, limit)
        ask(model, changed, folder / FOLDER / name, limit=limit, workers=workers, tell=tell)
        told = json.dumps(dict(changed.left_out), indent=2, ensure_ascii=False, allow_nan=False)
        write_whole(folder / FOLDER / name / "left_out.json", told + "\n")
    rows = robustness(folder)
    shown = [{k: _finite(v) for k, v in asdict(row).items()} for row in rows]
    document = {"notice": NOTICE, "rows": shown, "left_out": _left_out(folder)}
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    write_whole(folder / "robustness.json", text + "\n")
    write_whole(folder / "robustness.md", card_markdown(rows, _left_out(folder)))
    return rows


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value


def _left_out(folder: Path) -> dict[str, dict[str, int]]:
    paths = {name: folder / FOLDER / name / "left_out.json" for name in _ORDER}
    return {n: json.loads(p.read_text("utf-8")) for n, p in paths.items() if p.is_file()}


def robustness(run: Path | str, *, seed: int = 0) -> tuple[CardRow, ...]:
    """Return the card of a run, from its journals alone.

    Args:
        run: Folder that :func:`perturb` was given.
        seed: Of the intervals.

    Raises:
        InputError: No run there, or a damaged journal.
    """
    folder = Path(run)
    base = {record["id"]: record for record in records(folder) if record["ok"]}
    rows: list[CardRow] = []
    for name in _ORDER:
        if not (folder / FOLDER / name).is_dir():
            continue
        other = {r["id"]: r for r in records(folder / FOLDER / name) if r["ok"]}
        for task in dict.fromkeys(record["task"] for record in base.values()):
            asked = [key for key, record in base.items() if record["task"] == task]
            both = [key for key in asked if key in other]
            mine, theirs = [base[k] for k in both], [other[k] for k in both]
            rows.append(_row(task, name, mine, theirs, len(asked) - len(both), seed))
    return tuple(rows)


def _row(
    task: TaskName, change: str, mine: Sequence[Mapping[str, Any]], theirs: Sequence[Mapping[str, Any]],
    not_asked: int, seed: int,
) -> CardRow:  # fmt: skip
    a, b = [pair_of(r) for r in mine], [pair_of(r) for r in theirs]
    metric = _main(task, a)
    first, second = metric.measures(a), metric.measures(b)
    counts = ~(np.isnan(first[:, 0]) | np.isnan(second[:, 0]))
    first, second = first[counts], second[counts]
    groups = [r["group"] for r, counted in zip(mine, counts, strict=True) if counted]
    sign = -1.0 if metric.best == 0 else 1.0
    low = high = one = two = math.nan
    if groups:
        one, two = metric.total(first), metric.total(second)
        worse = (first, second) if sign > 0 else (second, first)
        low, high = bootstrap(metric.apart(*worse), groups, seed=seed)
    alike = list(_alike(task, a, b)) if change == "flip" else []
    return CardRow(
        task=task, change=change, metric=metric.name, unit=metric.unit, unchanged=one, changed=two,
        drop=sign * (one - two), low=low, high=high, n=len(b), not_asked=not_asked,
        unreadable=_share([pair.found is None for pair in b]),
        refused=_share([bool(getattr(pair.found, "abstained", False)) for pair in b]),
        consistent=_share(alike), compared=len(alike),
    )  # fmt: skip


def _share(values: Sequence[bool]) -> float:
    return sum(values) / len(values) if values else math.nan


def _main(task: TaskName, pairs: Sequence[Pair[Any]]) -> Metric[Any]:
    """Return the headline; the first metric with a value where it has none, as without spacing."""
    spec = TASKS[task]
    ordered = (spec.headline, *spec.metrics)
    valued = (metric for metric in ordered if pairs and not math.isnan(metric(pairs)))
    return next(valued, spec.headline)


def _alike(task: TaskName, a: Sequence[Pair[Any]], b: Sequence[Pair[Any]]) -> Iterator[bool]:
    """Yield whether each answer to the flipped picture is the mirrored answer; what has no mirror is left out."""
    for one, two in zip(a, b, strict=True):
        if one.found is None or two.found is None:
            yield False
            continue
        try:
            back = mirrored(two.found)
        except InputError:
            continue
        same = TASKS[task].same(one.found, back)
        if same is not None:
            yield same


def card_markdown(rows: Sequence[CardRow], left_out: Mapping[str, Mapping[str, int]] | None = None) -> str:
    """Return the card as a Markdown table.

    Args:
        rows: From :func:`robustness`.
        left_out: For each change, why samples were left out and how many.

    Example:
        >>> card_markdown(()).splitlines()[-1]
        'Research use only, not a medical device.'
    """
    left = [(n, count, why) for n, whys in (left_out or {}).items() for why, count in whys.items()]
    return markdown("evaluation/robustness.md", rows=rows, left_out=left)
