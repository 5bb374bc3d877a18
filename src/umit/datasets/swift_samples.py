"""ms-swift rows as typed samples: the prompt read back into its query, the answer into its true result."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from umit.chat import Completion
from umit.datasets.ask import Tasks
from umit.datasets.dataset import Sample, warn
from umit.datasets.folder import Folder
from umit.datasets.pictures import Encoded, Files, Pictures, Stack, Voxels
from umit.datasets.prompts import Prompts
from umit.datasets.swift import Row, picture, swift_rows
from umit.errors import DatasetError, InputError, OutputError
from umit.geometry import Box2D, Point2D, Space
from umit.imaging.header import picture_size
from umit.imaging.view import View, ViewGeometry, render
from umit.queries import Find, Locate, Query
from umit.results import Detection, Detections, Landmark, Landmarks, Result
from umit.tasks.task import Task, TaskName

__all__ = ["read_row", "swift_samples"]

_ARRAYS: Final = (".npy",)
_VOLUMES: Final = (".nii", ".nii.gz", ".mha", ".nrrd", ".mgz")
_SCALE: Final = {"norm1": 1.0, "norm1000": 1000.0}
_SLICES: Final = 3  # pictures of one question from which they are slices, not views


def swift_samples(
    path: Path | str,
    tasks: Tasks,
    *,
    root: Path | str | None = None,
    tell: Callable[[str], None] = warn,
) -> Iterator[Sample[Any, Any]]:
    """Yield the samples of a file of ms-swift rows.

    Args:
        path: A ``.jsonl`` or ``.json`` file.
        tasks: Of the checkpoint whose prompts and frames the rows are written in: ``card.tasks``.
        root: Where pictures are, besides the file's own folder.
        tell: Called with each row that is left out: its prompt is none of umit's, or its answer unreadable.

    Raises:
        DatasetError: A row that is none, with file and line.
    """
    file = Path(path)
    prompts, beside = Prompts(tasks), Folder.of(file)
    folder = beside if root is None else Folder.of(root)
    for row in swift_rows(file):
        yield from read_row(row, tasks, prompts, folder, beside, tell)


def read_row(
    row: Row,
    tasks: Tasks,
    prompts: Prompts,
    root: Folder,
    beside: Folder,
    tell: Callable[[str], None],
) -> Iterator[Sample[Any, Any]]:
    """Yield the samples of one row, one a turn."""
    source = _source(row, root, beside)
    if source is None:
        tell(f"{row.place}: left out, it has no picture")
        return
    for number, turn in enumerate(row.turns):
        last = number == len(row.turns) - 1
        true = row.label if last and row.label is not None else turn.answer
        read = prompts.read(turn.asked, volume=source.is_volume)
        if read is None and isinstance(source, Files) and len(source.paths) > 1:
            source = Stack(source.paths)  # the prompt speaks of a volume
            read = prompts.read(turn.asked, volume=True)
        if read is None:
            tell(f"{row.place}: left out, its prompt is none of umit's: {turn.asked[:60]!r}")
            continue
        name, query = read
        try:
            gold = _gold(row, true, tasks[name], query, source)
        except (OutputError, InputError) as error:
            tell(f"{row.place}: left out, its answer is not {name}'s: {error}")
            continue
        yield Sample(
            id=f"{row.place.rsplit(' ', 1)[-1]}-{number}",
            query=query,
            gold=gold,
            source=source,
            group=_group(source),
            place=row.place,
        )


def _source(row: Row, root: Folder, beside: Folder) -> Pictures | None:
    found = [picture(name, root, beside, row.place) for name in row.images]
    if not found:
        return None
    first = found[0]
    if isinstance(first, bytes):
        if len(found) > 1:
            raise DatasetError("expected one data URI, or files", file=row.place)
        return Encoded(first, row.place)
    paths = tuple(p for p in found if isinstance(p, Path))
    if len(paths) < len(found):
        raise DatasetError("expected files, or one data URI, got both", file=row.place)
    if first.suffix in _ARRAYS:
        return Voxels(first, as_stored=True)
    if first.name.lower().endswith(_VOLUMES):
        return Files(paths, is_volume=True)
    return Stack(paths) if len(paths) >= _SLICES else Files(paths)


def _group(source: Pictures) -> str:
    if isinstance(source, Encoded):
        return hashlib.sha256(source.data).hexdigest()[:16]
    return Path(source.names[0]).name


def _gold(row: Row, answer: str, task: Task[Any, Any], query: Query, source: Pictures) -> Result:
    if isinstance(query, Find | Locate) and "<bbox>" in answer and not source.is_volume:
        return _given(row, query, source)
    view = _view(task.name, task, source)
    result: Result = task.decode(Completion(text=answer), query, view)
    return result


def _view(name: TaskName, task: Task[Any, Any], source: Pictures) -> View:
    """Return the geometry that coordinates are written in; nothing is opened for words alone."""
    if name in ("detect_2d", "landmark") and isinstance(source, Files):
        size = picture_size(source.paths[0])[:2]
        frame = task.rendering(volume=False).frame or size
        return View.of(ViewGeometry(source=Space(size=size), frame=frame))
    if name in ("detect_2d", "landmark", "detect_3d"):
        return render(source.scans(), task.rendering(volume=source.is_volume))
    return View.of(ViewGeometry(source=Space(size=(1, 1)), frame=(1, 1)))


def _given(row: Row, query: Find | Locate, source: Pictures) -> Result:
    """Return boxes or a point that stand beside the text, in pixels of the picture."""
    if isinstance(source, Files):
        size = picture_size(source.paths[0])[:2]
    else:
        scan = source.scans()[0]
        size = (scan.size[0], scan.size[1])
    scale = _SCALE.get(row.box_type)
    space = Space(size=size)
    marks = [
        tuple(v if scale is None else v / scale * size[i % 2] for i, v in enumerate(box))
        for box in row.boxes
    ]
    if isinstance(query, Locate):
        points = [m if len(m) == 2 else ((m[0] + m[2]) / 2, (m[1] + m[3]) / 2) for m in marks]
        if len(points) != 1:
            raise InputError(f"expected one point, got {len(points)}", code="points")
        return Landmarks(
            items=(Landmark(name=query.name, point=Point2D(*points[0][:2], space=space)),)
        )
    if any(len(mark) != 4 for mark in marks):
        raise InputError("expected boxes, got points", code="boxes")
    return Detections(
        items=tuple(
            Detection(label=query.target, box=Box2D(m[0], m[1], m[2], m[3], space=space))
            for m in marks
        )
    )
