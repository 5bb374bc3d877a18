"""Right, wrong, unreadable or not judged: what the gallery sorts by, and the rule it states for each task."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from umit.evaluation.journal import records
from umit.evaluation.record import pair_of
from umit.evaluation.words import Verdict, Words
from umit.metrics.by_task import METRICS
from umit.metrics.metric import Measures, Pair
from umit.results import Detections, Report
from umit.tasks.task import TaskName

__all__ = ["RULES", "Item", "items_of", "measures_of", "rule", "verdicts"]

#: The metric that judges, the least value that is right, and the rule in words.
RULES: Final[Mapping[TaskName, tuple[str, float, Words]]] = {
    "answer_open": ("exact match", 1.0, ("the same words as the truth", "与标准答案文字相同")),
    "answer_closed": ("accuracy", 1.0, ("the right option", "选项正确")),
    "classify": ("accuracy", 1.0, ("the right label", "类别正确")),
    "findings": ("accuracy", 1.0, ("every label right", "所有标签均正确")),
    "detect_2d": (
        "mean IoU", 0.5,
        ("mean IoU of at least 0.5, and no box where nothing is", "平均 IoU 不低于 0.5；无目标时不画框"),
    ),
    "detect_3d": (
        "mean IoU", 0.5,
        ("mean IoU of at least 0.5, and no box where nothing is", "平均 IoU 不低于 0.5；无目标时不画框"),
    ),
    "landmark": (
        "SDR 2 mm", 1.0,
        ("within 2 mm; not judged where the film has no spacing", "误差不超过 2 mm；无像素间距则不判定"),
    ),
}  # fmt: skip
_PROSE: Final = (
    "the same words as the truth; other prose is not judged",
    "与标准文字相同；其余文字不判定",
)


@dataclass(frozen=True, slots=True)
class Item:
    """One answer.

    Args:
        record: Its line of the journal.
        pair: The answer beside its truth.
        verdict: How it is sorted.
    """

    record: Mapping[str, Any]
    pair: Pair[Any]
    verdict: Verdict

    @property
    def task(self) -> TaskName:
        """The task that was asked."""
        task: TaskName = self.record["task"]
        return task

    @property
    def kind(self) -> tuple[str, str, str]:
        """Task, language and verdict."""
        return self.task, self.pair.query.language, self.verdict


def rule(task: TaskName) -> Words:
    """Return in words what is called right in a task."""
    return RULES[task][2] if task in RULES else _PROSE


def measures_of(
    task: TaskName, name: str, pairs: Sequence[Pair[Any]], *, unit: str = ""
) -> Measures:
    """Return the measures of a task's first metric of a name, which is umit's own."""
    return next(m for m in METRICS[task] if (m.name, m.unit) == (name, unit)).measures(pairs)


def verdicts(task: TaskName, pairs: Sequence[Pair[Any]]) -> list[Verdict]:
    """Return a verdict on each answer, by :func:`rule`.

    Args:
        task: The task that was asked.
        pairs: Answers beside their truth.
    """
    if task not in RULES:
        return [_prose(pair) for pair in pairs]
    name, least, _ = RULES[task]
    return [
        "unreadable" if pair.found is None else _verdict(pair, row.tolist(), least)
        for pair, row in zip(pairs, measures_of(task, name, pairs), strict=True)
    ]


def _prose(pair: Pair[Report]) -> Verdict:
    if pair.found is None:
        return "unreadable"
    return "right" if pair.found.text.split() == pair.gold.text.split() else "open"


def _verdict(pair: Pair[Any], row: list[float], least: float) -> Verdict:
    if isinstance(pair.gold, Detections):
        if not pair.gold:
            return "wrong" if pair.found else "right"
        return "right" if row[0] / row[1] >= least else "wrong"  # sum of overlaps, true boxes
    if math.isnan(row[0]):
        return "open"
    return "right" if row[0] >= least else "wrong"


def items_of(run: Path | str) -> list[Item]:
    """Return the answers of a run, or of all shards of one, by task and then in the journal's order.

    Raises:
        InputError: No run there, or a damaged journal.
    """
    kept: dict[TaskName, list[dict[str, Any]]] = {}
    for record in records(Path(run)):
        if record["ok"]:
            kept.setdefault(record["task"], []).append(record)
    found: list[Item] = []
    for task, lines in kept.items():
        pairs = [pair_of(record) for record in lines]
        found += map(Item, lines, pairs, verdicts(task, pairs))
    return found
