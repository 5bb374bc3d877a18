"""Right, wrong, unreadable or not judged: what the gallery sorts by, and the rule it states for each task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from umit.evaluation.journal import records
from umit.evaluation.record import pair_of
from umit.evaluation.words import Verdict
from umit.metrics.metric import Pair
from umit.tasks.table import TASKS
from umit.tasks.task import TaskName

__all__ = ["Item", "items_of", "verdicts"]


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


def verdicts(task: TaskName, pairs: Sequence[Pair[Any]]) -> list[Verdict]:
    """Return a verdict on each answer, by the task's own rule.

    Args:
        task: The task that was asked.
        pairs: Answers beside their truth.
    """
    judged = iter(TASKS[task].judge([pair for pair in pairs if pair.found is not None]))
    named: dict[bool | None, Verdict] = {True: "right", False: "wrong", None: "open"}
    return ["unreadable" if pair.found is None else named[next(judged)] for pair in pairs]


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
