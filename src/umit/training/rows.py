"""Training rows: one picture's questions share one encoding of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from umit.chat import Request, answer_words
from umit.checkpoints import Checkpoint
from umit.datasets.ask import Tasks, asked
from umit.datasets.dataset import Sample
from umit.engine.encode import Encoder
from umit.errors import DatasetError
from umit.imaging.view import View
from umit.queries import Query
from umit.results import Result
from umit.tasks.task import Task

__all__ = ["Batches", "PackedRow", "SampleBatches", "Turn", "pack", "turn", "turns_of"]


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
    """

    frames: tuple[NDArray[np.uint8], ...]
    ids: NDArray[np.int64]
    segments: NDArray[np.int64]
    taught: NDArray[np.bool_]
    name: str = ""


#: The rows of a step, by its number from 0; the same number always gives the same rows.
Batches: TypeAlias = Callable[[int], Sequence[PackedRow]]


def turn(
    task: Task[Any, Any], query: Query, gold: Result, view: View, *, phrasing: int = 0
) -> Turn:
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


def turns_of(sample: Sample[Any, Any], tasks: Tasks) -> list[Turn]:
    """Return a data set's sample as it is asked and taught; one question a label where many labels may hold.

    Args:
        sample: From :mod:`umit.datasets`.
        tasks: Of the checkpoint that is trained: ``card.tasks``.

    Raises:
        InputError: A picture cannot be read.
        UnsupportedTaskError: The checkpoint does not know the task.
    """
    return [Turn(request, answer) for request, answer in asked(sample, tasks)]


def pack(turns: Sequence[Turn], encoder: Encoder, name: str = "") -> PackedRow:
    """Pack questions on the same pictures into one row.

    Args:
        turns: At least one; all with the same system line and pictures.
        encoder: The checkpoint's encoder.
        name: Where they come from, for errors.

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
    )


def _same_pictures(a: Request, b: Request) -> bool:
    return len(a.frames) == len(b.frames) and all(
        one is other or np.array_equal(one, other)
        for one, other in zip(a.frames, b.frames, strict=True)
    )


class SampleBatches:
    """The rows of each step out of a stream of samples, one row a sample; at its end the stream begins again.

    Steps may be asked for in any order. Going on from an earlier step passes over the samples between, and reads
    none of their pictures.

    Args:
        samples: A data set, a :class:`~umit.datasets.mixture.Mixture`, or anything that gives the same samples in
            the same order each time it is passed over.
        card: Of the checkpoint that is trained.
        encoder: The checkpoint's encoder.
        size: Samples a step.
        share: This process's number, and how many processes share the rows of a step.
    """

    def __init__(
        self,
        samples: Iterable[Sample[Any, Any]],
        card: Checkpoint,
        encoder: Encoder,
        size: int,
        share: tuple[int, int] = (0, 1),
    ) -> None:
        self.samples, self.card, self.encoder = samples, card, encoder
        self.size, self.share = size, share
        self._stream, self._next = _endless(samples), 0

    def __call__(self, step: int) -> list[PackedRow]:
        """Return this process's rows of a step.

        Raises:
            DatasetError: There are no samples, or none in a second pass.
        """
        if step < self._next:
            self._stream, self._next = _endless(self.samples), 0
        passed = (step - self._next) * self.size
        wanted = list(islice(self._stream, passed, passed + self.size))
        self._next = step + 1
        number, count = self.share
        return [
            pack(turns_of(one, self.card.tasks), self.encoder, one.id)
            for one in wanted[number::count]
        ]

    def __reduce__(self) -> tuple[Any, ...]:
        # A worker process begins a stream of its own, with a card whose bound tasks, functions, are left behind.
        card = replace(self.card)
        return SampleBatches, (self.samples, card, self.encoder, self.size, self.share)


def _endless(samples: Iterable[Sample[Any, Any]]) -> Iterator[Sample[Any, Any]]:
    while True:
        sample = None
        for sample in samples:
            yield sample
        if sample is None:
            raise DatasetError("expected samples that can be passed over again, got none")
