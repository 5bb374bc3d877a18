"""The rows of each step out of samples: a function of the step's number, so that a stopped run goes on exactly."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby, islice
from typing import Any

import numpy as np

from umit.checkpoints import Checkpoint
from umit.datasets.dataset import Sample
from umit.engine.encode import Encoder
from umit.errors import DatasetError, InputError
from umit.training.augment import Augmentation
from umit.training.kinds import kind_of
from umit.training.order import pass_order
from umit.training.parts import Part
from umit.training.rows import PackedRow, Turn, pack, turns_of
from umit.training.shown import Store
from umit.training.together import pictures_of, together

__all__ = ["SampleBatches", "rows_of"]


def rows_of(sample: Sample[Any, Any], card: Checkpoint, encoder: Encoder, *, phrasing: int = 0) -> list[PackedRow]:
    """Return a sample as ``predict`` asks it: a row for each of the pictures that its questions are about.

    Args:
        sample: From any data set.
        card: Of the checkpoint that is trained.
        encoder: The checkpoint's encoder.
        phrasing: Which of each wording's phrasings.

    Raises:
        InputError: A picture cannot be read, or a mark lies outside it.
        UnsupportedTaskError: The checkpoint does not know the task.
    """
    turns = turns_of(sample, card.tasks, phrasing=phrasing, scored=card.scores_presence)
    name = sample.place or sample.id
    kind = kind_of(sample.task, sample.query)
    return [pack(list(some), encoder, name, kind) for _, some in groupby(turns, _shown)]


def _shown(turn: Turn) -> tuple[object, ...]:
    """Tell the pictures of one question from those of another: the views of a film, or its two sizes."""
    frames = turn.request.frames
    seen = tuple(f.shape for f in frames), b"".join(f.tobytes() for f in frames)
    return (turn.request.system, turn.request.lead, *seen)


class SampleBatches:
    """The rows of each step; when the samples end they begin again.

    Steps may be asked for in any order. Going on from an earlier step passes over the samples between, and reads
    none of their pictures.

    Args:
        samples: A list, a :class:`~umit.training.parts.Part` with its weights, or a
            :class:`~umit.datasets.mixture.Mixture` or anything else that gives the same samples in the same order
            each time it is passed over.
        card: Of the checkpoint that is trained.
        encoder: The checkpoint's encoder.
        size: Samples a step.
        share: This process's number, and how many processes share the rows of a step.
        seed: Draws phrasings, the order of options and of classes, and of a list each pass's order; ``None`` leaves
            all as they are. In a drawn order samples on the same pictures follow one another.
        augment: How pictures are changed, by the seed, the pass and the picture; ``None`` leaves them as they are, and
            so does no seed.
    """

    def __init__(
        self,
        samples: Iterable[Sample[Any, Any]],
        card: Checkpoint,
        encoder: Encoder,
        size: int,
        share: tuple[int, int] = (0, 1),
        seed: int | None = None,
        augment: Augmentation | None = None,
    ) -> None:
        self.samples, self.card, self.encoder = samples, card, encoder
        self.size, self.share, self.seed = size, share, seed
        self.augment, self._store = augment, Store(card)
        self._stream, self._next = _endless(samples), 0
        self._pass, self._order = -1, np.arange(0)
        self._pictures = pictures_of(samples) if isinstance(samples, Sequence) else []
        self._weights = samples.weights if isinstance(samples, Part) else None
        self._seen = samples.seen if isinstance(samples, Part) else len(samples) if isinstance(samples, Sequence) else 0

    def __call__(self, step: int) -> list[PackedRow]:
        """Return this process's rows of a step.

        Raises:
            DatasetError: There are no samples, or none in a second pass.
        """
        first, (number, count) = step * self.size, self.share
        places = range(first, first + self.size)[number::count]
        if isinstance(self.samples, Sequence):
            wanted = [self._listed(self.samples, place) for place in places]
        else:
            wanted = self._streamed(step)[number::count]
        pairs = zip(places, wanted, strict=True)
        return [row for place, sample in pairs for row in self._placed(sample, place)]

    def _placed(self, sample: Sample[Any, Any], place: int) -> list[PackedRow]:
        try:
            return self._rows(sample, place)
        except (InputError, DatasetError) as error:  # such as a picture that went away since it was looked for
            raise DatasetError(str(error), file=sample.place or sample.id) from error

    def _rows(self, sample: Sample[Any, Any], place: int) -> list[PackedRow]:
        if self.seed is None:
            return rows_of(sample, self.card, self.encoder)
        drawn = np.random.default_rng((self.seed, 1, place))
        phrasing = int(drawn.integers(1 << 16))  # a wording takes it by its own number of phrasings
        if choices := sample.query.choices:
            order = drawn.permutation(len(choices)).tolist()
            query, gold = sample.query.reordered(order), sample.gold.reordered(order)
            sample = replace(sample, query=query, gold=gold)
        if self.augment is not None:
            # What weights show several times in a pass is changed anew each time.
            number = place // self._seen if self._seen and self._weights is None else place
            sample = self.augment(sample, self._store, (self.seed, 2, number))
        return rows_of(sample, self.card, self.encoder, phrasing=phrasing)

    def _listed(self, samples: Sequence[Sample[Any, Any]], place: int) -> Sample[Any, Any]:
        if not samples:
            raise DatasetError("expected samples, got none")
        if self.seed is None:
            return samples[place % len(samples)]
        number, place = divmod(place, self._seen)
        if number != self._pass:
            drawn = pass_order(len(samples), self.seed, number, self._weights)
            self._pass, self._order = number, together(drawn, self._pictures)
        return samples[int(self._order[place])]

    def _streamed(self, step: int) -> list[Sample[Any, Any]]:
        if step < self._next:
            self._stream, self._next = _endless(self.samples), 0
        passed = (step - self._next) * self.size
        self._next = step + 1
        return list(islice(self._stream, passed, passed + self.size))

    def __reduce__(self) -> tuple[Any, ...]:
        # A worker process begins a stream of its own, with a card whose bound tasks, functions, are left behind.
        card = replace(self.card)
        given = (self.samples, card, self.encoder, self.size, self.share, self.seed, self.augment)
        return SampleBatches, given


def _endless(samples: Iterable[Sample[Any, Any]]) -> Iterator[Sample[Any, Any]]:
    while True:
        sample = None
        for sample in samples:
            yield sample
        if sample is None:
            raise DatasetError("expected samples that can be passed over again, got none")
