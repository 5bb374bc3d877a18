"""A sample as it is asked and answered: the same expression for training, conversion and the laws."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from umit.chat import Request
from umit.datasets.dataset import Sample
from umit.datasets.pictures import Files, Pictures, Voxels, array
from umit.errors import UnsupportedTaskError
from umit.fanout import taught
from umit.geometry import Space
from umit.imaging.header import picture_size
from umit.imaging.sniff import file_kind
from umit.imaging.view import Rendering, View, ViewGeometry, render
from umit.queries import Query
from umit.tasks.table import choose
from umit.tasks.task import Task, TaskName

__all__ = ["NOWHERE", "Tasks", "asked", "outline", "rendering_of"]

Tasks = Mapping[TaskName, Task[Any, Any]]

#: What words without coordinates are written on: a film, and a volume.
NOWHERE: Final = View.of(ViewGeometry(source=Space(size=(1, 1)), frame=(1, 1)))
_NO_VOLUME: Final = View.of(ViewGeometry(source=Space(size=(1, 1, 1)), frame=(1, 1, 1)))


def asked(
    sample: Sample[Any, Any], tasks: Tasks, *, pixels: bool = True, phrasing: int = 0, scored: bool = False
) -> Iterator[tuple[Request, str]]:
    """Yield what is asked and the text that is taught.

    Args:
        sample: From any data set.
        tasks: Of a checkpoint: ``card.tasks``.
        pixels: Whether requests carry their pictures; else files are opened only where coordinates need
            their size.
        phrasing: Which of each wording's phrasings; only training takes others than 0.
        scored: Whether a detection is also asked whether each target is there, as ``predict`` asks it.

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
    source, volume = sample.source, sample.source.is_volume
    scans = source.scans() if pixels else ()
    shown = lru_cache(maxsize=2)(render)
    count = len(scans) if pixels else max(1, len(source.names))
    views = 1 if volume else count
    for part, gold in taught(sample.query, sample.gold, views, scored=scored):
        task = _task(tasks, part.query, volume)
        rendering = task.rendering(volume=volume)
        if pixels:
            view = shown(part.of(scans), rendering)
        else:
            nowhere = NOWHERE if rendering.depth is None else _NO_VOLUME
            view = outline(source, rendering, part.view) if gold.marks else nowhere
        request = task.request(part.query, view, phrasing=phrasing)
        yield request, task.encode(gold, part.query, view)


def rendering_of(sample: Sample[Any, Any], tasks: Tasks) -> Rendering:
    """Return how a sample's pictures are shown for its task.

    Raises:
        UnsupportedTaskError: The checkpoint does not know the task.
    """
    volume = sample.source.is_volume
    views = 1 if volume else len(sample.source.names)
    part, _ = next(taught(sample.query, sample.gold, views))
    return _task(tasks, part.query, volume).rendering(volume=volume)


def outline(source: Pictures, rendering: Rendering, view: int | None = None) -> View:
    """Return how coordinates are written on pictures: from headers where those say enough.

    Films in picture files and M3D's prepared arrays are shown whole and unturned. DICOM may be turned, and other
    volumes are turned and cropped, which only a reader knows.

    Args:
        source: One film or one volume, or several films.
        rendering: Of the task that coordinates are written for.
        view: Which of several films, from 0.

    Raises:
        InputError: A file is missing or unreadable.
    """
    if view is not None:
        return View.of(render(source.scans()[view], rendering).geometry)
    if isinstance(source, Files) and not source.is_volume and len(source.paths) == 1:
        (path,) = source.paths
        size = picture_size(path)
        known = source.size in (None, size)  # else reading says what is wrong
        if len(size) == 2 and known and file_kind(path) == "raster":
            width, height = size
            spacing = None if source.spacing is None else source.spacing[::-1]
            geometry = ViewGeometry(
                source=Space(size=(width, height), spacing=spacing),
                frame=rendering.frame_of(width, height),
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
