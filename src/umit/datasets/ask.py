"""A sample as it is asked and answered: the same expression for training, conversion and the laws."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from umit.chat import Request
from umit.datasets.dataset import Sample
from umit.errors import UnsupportedTaskError
from umit.imaging.view import View, render
from umit.queries import Choose, Find, Query
from umit.results import Answer, Findings, Result
from umit.tasks.detect import presence
from umit.tasks.task import Task, TaskName, choose

__all__ = ["Tasks", "asked", "parts", "shown"]

Tasks = Mapping[TaskName, Task[Any, Any]]


def parts(sample: Sample[Any, Any]) -> Iterator[tuple[Query, Result]]:
    """Yield a sample's questions with their answers: one a label where several may hold, else itself."""
    query, gold = sample.query, sample.gold
    if not (isinstance(query, Choose) and query.several and isinstance(gold, Findings)):
        yield query, gold
        return
    for marked in gold:
        ask = presence(Find(marked.label, language=query.language))
        option = 0 if marked.present else 1
        yield ask, Answer(text=ask.options[option], option=option)


def shown(sample: Sample[Any, Any], tasks: Tasks) -> View:
    """Read a sample's pictures and render them for its task.

    Args:
        sample: From any data set.
        tasks: Of a checkpoint: ``card.tasks``.

    Raises:
        InputError: A picture cannot be read.
        UnsupportedTaskError: The checkpoint does not know the task.
    """
    query = next(parts(sample))[0]
    volume = sample.source.is_volume
    return render(sample.source.scans(), _task(tasks, query, volume).rendering(volume=volume))


def asked(sample: Sample[Any, Any], tasks: Tasks) -> Iterator[tuple[Request, str]]:
    """Yield what is asked and the text that is taught.

    Args:
        sample: From any data set.
        tasks: Of a checkpoint: ``card.tasks``.

    Raises:
        InputError: A picture cannot be read.
        UnsupportedTaskError: The checkpoint does not know the task.
    """
    view = shown(sample, tasks)
    for query, gold in parts(sample):
        task = _task(tasks, query, sample.source.is_volume)
        yield task.request(query, view), task.encode(gold, query, view)


def _task(tasks: Tasks, query: Query, volume: bool) -> Task[Any, Any]:
    name = choose(query, volume=volume)
    if name not in tasks:
        raise UnsupportedTaskError(f"expected one of {', '.join(tasks)}, got {name}")
    return tasks[name]
