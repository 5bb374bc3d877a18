"""An answer beside the truth: both in words, how good it is, and what can be drawn of it."""

from __future__ import annotations

import math

from umit.display.page import Line
from umit.errors import OutputError, UMITError
from umit.fanout import Outcome
from umit.geometry import Mark
from umit.metrics.metric import Pair
from umit.phantom import words
from umit.phantom.cases import Case, QAPair
from umit.queries import Ask, Choose, Find, Locate, Query
from umit.results import Result
from umit.tasks.table import TASKS, choose, line
from umit.tasks.task import TaskName

__all__ = ["beside_truth"]


def beside_truth(case: Case, item: QAPair, found: Outcome, numbers: str = "") -> Line:
    """Return one line of the demo.

    Args:
        case: What was shown.
        item: The question and its true answer.
        found: What came of it.
        numbers: Of its marks in the picture.
    """
    task, question = _asked(item.query)
    name = choose(item.query, volume=any(scan.is_volume for scan in case.scans))
    score, good = _score(name, item, found)
    return Line(
        task=task,
        question=question,
        answer=_words(name, found),
        truth=_words(name, item.gold),
        score=score,
        good=good,
        language=item.query.language,
        numbers=numbers,
    )


def _asked(query: Query) -> tuple[str, str]:
    match query:
        case Ask():
            return "question", query.question
        case Choose():
            return "classification", query.question or ""
        case Find():
            return "detection", ", ".join(query.targets)
        case Locate():
            return "landmark", words.point_name(query.names[0], query.language)
        case _:
            return "report", ""


def _words(task: TaskName, found: Outcome) -> str:
    if isinstance(found, OutputError):
        shown = found.text if len(found.text) <= 60 else found.text[:60] + "…"
        return f"unreadable: {shown!r}"
    if isinstance(found, UMITError):
        return str(found)
    return "\n".join(map(_place, found.marks)) or line(task, found)


def _place(mark: Mark) -> str:
    """Return whole pixels or voxels."""
    return "-".join("(" + ",".join(f"{v:.0f}" for v in end) + ")" for end in mark.ends)


def _score(task: TaskName, item: QAPair, found: Outcome) -> tuple[str, bool | None]:
    """Return how good an answer is, by the task's own rule and first metric."""
    if isinstance(found, UMITError):
        return "unreadable", False
    spec, gold = TASKS[task], item.gold
    pair = Pair[Result](item.query, gold, found, found.raw)
    (good,) = spec.judge([pair])
    metric = spec.metrics[0]
    value = metric([pair]) if gold.marks else math.nan
    if math.isnan(value):
        return "not judged" if good is None else "right" if good else "wrong", good
    return f"{value:.2f} {metric.unit}" if metric.unit else f"{metric.name} {value:.2f}", good
