"""A sample as it is asked and answered: the same expression for training, conversion and the laws."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from umit.chat import Request
from umit.datasets.dataset import Sample
from umit.datasets.pictures import Files, Pictures, Voxels, array
from umit.errors import UnsupportedTaskError
from umit.geometry import Space
from umit.imaging.header import picture_size
from umit.imaging.sniff import file_kind
from umit.imaging.view import Rendering, View, ViewGeometry, render
from umit.queries import Choose, Query
from umit.results import Detections, Findings, Landmarks, Result
from umit.tasks.findings import as_closed
from umit.tasks.task import Task, TaskName, choose

__all__ = ["NOWHERE", "Tasks", "asked", "outline", "parts", "shown"]

Tasks = Mapping[TaskName, Task[Any, Any]]

#: What words without coordinates are written on.
NOWHERE: Final = View.of(ViewGeometry(source=Space(size=(1, 1)), frame=(1, 1)))


def parts(sample: Sample[Any, Any]) -> Iterator[tuple[Query, Result]]:
    """Yield a sample's questions with their answers: one a label where several may hold, else itself."""
    query, gold = sample.query, sample.gold
    if not (isinstance(query, Choose) and query.several and isinstance(gold, Findings)):
        yield query, gold
        return
    for label in query.labels:
        yield as_closed(replace(query, labels=(label,)), gold)


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


def asked(
    sample: Sample[Any, Any], tasks: Tasks, *, pixels: bool = True
) -> Iterator[tuple[Request, str]]:
    """Yield what is asked and the text that is taught.

    Args:
        sample: From any data set.
        tasks: Of a checkpoint: ``card.tasks``.
        pixels: Whether requests carry their pictures; else files are opened only where coordinates need
            their size.

    Raises:
        InputError: A picture cannot be read.
        UnsupportedTaskError: The checkpoint does not know the task.

    Example:
        >>> from umit.checkpoints import RELEASED
        >>> from umit.queries import Ask
        >>> from umit.results import Answer
        >>> sample = Sample(id="1", query=Ask("Where?"), gold=Answer(text="left"), source=Files(()), group="a")
        >>> ((request, answer),) = asked(sample, RELEASED["dz-osamu/UMIT-B"].tasks, pixels=False)
        >>> request.words, answer
        (('Given this image, please answer the question: Where?',), 'left')
    """
    volume = sample.source.is_volume
    view = shown(sample, tasks) if pixels else None
    for query, gold in parts(sample):
        task = _task(tasks, query, volume)
        if view is None:
            placed = isinstance(gold, Detections | Landmarks)
            view = outline(sample.source, task.rendering(volume=volume)) if placed else NOWHERE
        yield task.request(query, view), task.encode(gold, query, view)


def outline(source: Pictures, rendering: Rendering) -> View:
    """Return how coordinates are written on pictures: from headers where those say enough.

    Films in picture files and M3D's prepared arrays are shown whole and unturned. DICOM may be turned, and other
    volumes are turned and cropped, which only a reader knows.

    Args:
        source: One film or one volume.
        rendering: Of the task that coordinates are written for.

    Raises:
        InputError: A file is missing or unreadable.
    """
    if isinstance(source, Files) and not source.is_volume and len(source.paths) == 1:
        (path,) = source.paths
        size = picture_size(path)
        known = source.size in (None, size)  # else reading says what is wrong
        if len(size) == 2 and known and file_kind(path) == "raster":
            width, height = size
            spacing = None if source.spacing is None else source.spacing[::-1]
            geometry = ViewGeometry(
                source=Space(size=(width, height), spacing=spacing),
                frame=rendering.frame or (width, height),
                axes=(0, 1),
                flips=(False, False),
            )
            return View.of(geometry)
    if isinstance(source, Voxels) and source.as_stored and rendering.depth and rendering.frame:
        shape = array(source.path).shape[-3:]
        if len(shape) == 3:
            space = Space(size=tuple(shape[source.axes.index(axis)] for axis in "xyz"))
            return View.of(ViewGeometry(source=space, frame=(*rendering.frame, rendering.depth)))
    return View.of(render(source.scans(), rendering).geometry)


def _task(tasks: Tasks, query: Query, volume: bool) -> Task[Any, Any]:
    name = choose(query, volume=volume)
    if name not in tasks:
        raise UnsupportedTaskError(f"expected one of {', '.join(tasks)}, got {name}")
    return tasks[name]
