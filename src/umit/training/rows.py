"""Training rows: one picture's questions share one encoding of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from umit.chat import Request, answer_words
from umit.datasets.ask import Tasks, asked
from umit.datasets.dataset import Sample
from umit.engine.encode import Encoder
from umit.engine.families import QWEN2_VL, Family
from umit.errors import DatasetError
from umit.imaging.view import View
from umit.queries import Query
from umit.results import Result
from umit.tasks.task import Task

__all__ = ["Batches", "PackedRow", "Turn", "kinds_of", "pack", "turn", "turns_of"]


@dataclass(frozen=True, slots=True)
class Turn:
    """One question as it is asked, with the text that is taught."""

    request: Request
    answer: str


@dataclass(frozen=True, slots=True, eq=False)
class PackedRow:
    """Questions packed behind the pictures that they share.

    Args:
        frames: uint8 pictures at their final size.
        ids: Token ids, the shared beginning first.
        segments: 0 in the shared beginning, k in the k-th question, as long as ``ids``.
        taught: Whether loss falls on a token: answers and their end token only.
        name: Where it comes from, for errors.
        kinds: Task and language of each question, such as ``"classify en"``; empty if they are not told apart.
        family: How its pictures are cut.

    Raises:
        DatasetError: Questions that do not stand one after another, or a taught token that no token of its own question
            or of the shared beginning stands before.
    """

    frames: tuple[NDArray[np.uint8], ...]
    ids: NDArray[np.int64]
    segments: NDArray[np.int64]
    taught: NDArray[np.bool_]
    name: str = ""
    kinds: tuple[str, ...] = ()
    family: Family = QWEN2_VL

    def __post_init__(self) -> None:
        """Refuse what would be taught from another question, or from nothing."""
        if not 0 < len(self.ids) == len(self.segments) == len(self.taught):
            wrong = f"{len(self.ids)} ids, {len(self.segments)} segments, {len(self.taught)} taught"
        elif (rises := np.diff(self.segments, prepend=0)).min() < 0 or rises.max() > 1:
            wrong = "segments in another order"
        elif (self.taught & (rises > 0) & (np.r_[1, self.segments[:-1]] > 0)).any() or self.taught[0]:
            wrong = "a question that begins with what is taught"
        else:
            return
        raise DatasetError(f"expected a shared beginning, then questions 1, 2 and so on, got {wrong}", file=self.name)

    @property
    def parts(self) -> list[int]:
        """How many tokens are shared, then how many each question has."""
        return [int(count) for count in np.bincount(self.segments)]


def kinds_of(row: PackedRow) -> tuple[str, ...]:
    """Return the kind of each question of a row, ``""`` where they are not told apart."""
    return row.kinds or ("",) * int(row.segments.max())


#: The rows of a step, by its number from 0; the same number always gives the same rows.
Batches: TypeAlias = Callable[[int], Sequence[PackedRow]]


def turn(task: Task[Any, Any], query: Query, gold: Result, view: View, *, phrasing: int = 0) -> Turn:
    """Return what is asked and what is taught: the same ``Task.request`` that inference sends.

    Args:
        task: A bound task.
        query: What is asked.
        gold: The true result, in source coordinates.
        view: What the model sees.
        phrasing: Which of the wording's phrasings.
    """
    request = task.request(query, view, phrasing=phrasing)
    return Turn(request, task.encode(gold, query, view))


def turns_of(sample: Sample[Any, Any], tasks: Tasks, *, phrasing: int = 0, scored: bool = False) -> list[Turn]:
    """Return a data set's sample as it is asked and taught; one question a label where many labels may hold.

    Args:
        sample: From :mod:`umit.datasets`.
        tasks: Of the checkpoint that is trained: ``card.tasks``.
        phrasing: Which of each wording's phrasings.
        scored: Whether a detection is also asked whether each target is there, as ``predict`` asks it.

    Raises:
        InputError: A picture cannot be read.
        UnsupportedTaskError: The checkpoint does not know the task.
    """
    found = asked(sample, tasks, phrasing=phrasing, scored=scored)
    return [Turn(request, answer) for request, answer in found]


def pack(turns: Sequence[Turn], encoder: Encoder, name: str = "", kind: str = "") -> PackedRow:
    """Pack questions on the same pictures into one row.

    Args:
        turns: At least one; all with the same system line and pictures.
        encoder: The checkpoint's encoder.
        name: Where they come from, for errors.
        kind: Their task and language; ``""`` if they are not told apart.

    Raises:
        DatasetError: No questions, or questions on different pictures.
    """
    prefixes = {tuple(encoder.split(t.request)[0]) for t in turns}
    if len(prefixes) != 1 or not all(_same_pictures(t.request, turns[0].request) for t in turns):
        raise DatasetError(
            f"expected questions that share their system line and pictures, got {len(turns)} that do not"
        )
    (prefix,) = prefixes
    ids, segments, taught = list(prefix), [0] * len(prefix), [False] * len(prefix)
    for number, one in enumerate(turns, start=1):
        question = encoder.split(one.request)[1]
        answer = encoder.answer(answer_words(one.answer))
        ids += question + answer
        segments += [number] * (len(question) + len(answer))
        taught += [False] * len(question) + [True] * len(answer)
    return PackedRow(
        frames=turns[0].request.frames,
        ids=np.array(ids, np.int64),
        segments=np.array(segments, np.int64),
        taught=np.array(taught, np.bool_),
        name=name,
        kinds=(kind,) * len(turns) if kind else (),
        family=encoder.family,
    )


def _same_pictures(a: Request, b: Request) -> bool:
    return len(a.frames) == len(b.frames) and all(
        one is other or np.array_equal(one, other) for one, other in zip(a.frames, b.frames, strict=True)
    )
