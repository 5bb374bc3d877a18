"""All tasks, one row each. To add one, write its file and name its row here."""

from __future__ import annotations

from typing import Any, Final

from umit.errors import InputError
from umit.queries import Query
from umit.results import Result
from umit.tasks.answer import ANSWER_CLOSED, ANSWER_OPEN
from umit.tasks.classify import CLASSIFY
from umit.tasks.detect import DETECT_2D, DETECT_3D
from umit.tasks.findings import FINDINGS
from umit.tasks.landmarks import LANDMARK
from umit.tasks.report import CAPTION, COMPARE, REPORT_CT, REPORT_FILM
from umit.tasks.task import TaskName, TaskSpec

__all__ = ["TASKS", "choose", "line"]

TASKS: Final[dict[TaskName, TaskSpec[Any, Any]]] = {
    spec.name: spec
    for spec in (
        ANSWER_OPEN,
        ANSWER_CLOSED,
        CLASSIFY,
        REPORT_FILM,
        REPORT_CT,
        DETECT_2D,
        DETECT_3D,
        LANDMARK,
        CAPTION,
        COMPARE,
        FINDINGS,  # no card names it; it comes with closed questions
    )
}


def choose(query: Query, *, volume: bool) -> TaskName:
    """Return the task that a query belongs to; where several rows answer it, the last of them.

    Args:
        query: What is asked.
        volume: Whether it is asked about a volume.

    Raises:
        InputError: No task answers it.

    Example:
        >>> from umit.queries import Find
        >>> choose(Find("nodule"), volume=True)
        'detect_3d'
    """
    for spec in reversed(TASKS.values()):
        if spec.answers(query, volume):
            return spec.name
    raise InputError(f"expected a query of one of {', '.join(TASKS)}, got {query!r:.200}", code="query")


def line(task: TaskName, result: Result) -> str:
    """Return a result in one line of text, as its task writes it; "none" where nothing was found.

    Example:
        >>> from umit.results import Detections
        >>> line("detect_2d", Detections())
        'none'
    """
    return TASKS[task].line(result) or "none"
