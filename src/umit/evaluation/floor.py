"""The frame's own floor: what is left to a model that writes the exact truth in whole numbers of its frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from umit.chat import Completion
from umit.checkpoints import CARD, Checkpoint, read_card
from umit.errors import UMITError
from umit.geometry import Space
from umit.imaging.orientation import PLANES, axis_letters, turn
from umit.imaging.view import Rendering, View, ViewGeometry
from umit.metrics.metric import Pair
from umit.metrics.sizes import spaces
from umit.tasks.task import Task

__all__ = ["as_written", "card_of"]


def card_of(run: Path) -> Checkpoint | None:
    """Return the card that a run was asked with.

    Args:
        run: Folder of a journal, or of several shards of one.

    Returns:
        ``None`` for a run that keeps none.
    """
    for path in (run / CARD, *sorted(run.glob(f"*/{CARD}"))):
        if path.is_file():
            return read_card(path.parent)
    return None


def as_written(pairs: Sequence[Pair[Any]], task: Task[Any, Any]) -> list[Pair[Any] | None]:
    """Return the truth in the place of each answer, as the task writes it and reads it back.

    No pixels are needed: the picture's size, spacing and orientation come from what the journal says of it.

    Args:
        pairs: Answers of a task whose answers are coordinates.
        task: As the card has it; its frame is the one that counts.

    Returns:
        ``None`` where nothing is there to be written, and where the line does not say what was shown: answers
        that could not be read, of sets whose truth has no size, and all volumes that the card crops.
    """
    return [_written(pair, task) for pair in pairs]


def _written(pair: Pair[Any], task: Task[Any, Any]) -> Pair[Any] | None:
    space = next(spaces(pair), None)
    view = None if space is None else _view(space, task)
    if view is None or not pair.gold.marks:
        return None
    try:
        text = task.encode(pair.gold, pair.query, view)
        return Pair(pair.query, pair.gold, task.decode(Completion(text=text), pair.query, view))
    except UMITError:
        # A truth outside its picture, or too many boxes: no model could write it either.
        return None


def _view(space: Space, task: Task[Any, Any]) -> View | None:
    if task.film is not None:
        size = space.size[:2]
        flat = Space(size=size, spacing=None if space.spacing is None else space.spacing[:2])
        # A film that was turned is written in the same frame: a half may then go the other way, no more.
        return View.of(ViewGeometry(source=flat, frame=task.film.frame_of(*size), axes=(0, 1)))
    return None if task.volume is None else _volume(space, task.volume)


def _volume(space: Space, shown: Rendering) -> View | None:
    if shown.preparation == "m3d" or shown.depth is None or shown.frame is None:
        return None  # cropped to what its pixels say
    geometry = ViewGeometry(source=space, frame=(*shown.frame, shown.depth))
    if space.affine is not None:
        axes, flips = turn(axis_letters(space.affine), PLANES["axial"])
        geometry = replace(geometry, axes=axes, flips=flips)
    return View.of(geometry)
