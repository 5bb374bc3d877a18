"""What cannot be taught is refused before the first step, with file and line."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any, Final

from umit.chat import answer_words
from umit.checkpoints import Checkpoint
from umit.datasets.ask import asked
from umit.datasets.dataset import Sample
from umit.datasets.pictures import Files, paths_of
from umit.engine.encode import Encoder
from umit.errors import DatasetError, DatasetWarning, UMITError, UnsupportedTaskError
from umit.imaging.header import picture_size
from umit.imaging.sniff import file_kind
from umit.tasks.table import line

__all__ = ["TRAINING", "examine"]

TRAINING: Final = "training part"
_TOLD: Final = 5  # samples that one error names
_ONE_ANSWER: Final = ("classify", "findings", "answer_open", "answer_closed")


def examine(samples: Iterable[Sample[Any, Any]], card: Checkpoint, encoder: Encoder, *, what: str = TRAINING) -> None:
    """Refuse samples that cannot be taught; pictures are looked for, and opened where coordinates need their size.

    Args:
        samples: All of a part; none is kept.
        card: Of the checkpoint that is trained.
        encoder: The checkpoint's encoder.
        what: What they are, for messages; of a training part one class only is refused.

    Raises:
        DatasetError: No samples, a missing picture, a mark outside its picture, an answer that is empty or longer
            than the task lets a model write, or one class only; the first five are named.
        UnsupportedTaskError: The checkpoint does not know the task or the language of any sample.
    """
    told, answers = list[str](), _Answers()
    count = wrong = unknown = 0
    for sample in samples:
        count += 1
        answers.add(sample)
        try:
            _look(sample, card, encoder)
        except UMITError as error:
            wrong += 1
            unknown += isinstance(error, UnsupportedTaskError)
            if wrong <= _TOLD:
                told.append(f"{sample.place or sample.id}: {error}")
    if not count:
        raise DatasetError(f"expected samples in the {what}, got none")
    if wrong:
        kind = UnsupportedTaskError if unknown == wrong else DatasetError
        more = f"; and {wrong - _TOLD} more" if wrong > _TOLD else ""
        raise kind(
            f"expected samples that can be taught, {wrong} of {count} in the {what} can't: {'; '.join(told)}{more}"
        )
    answers.tell(what)


class _Answers:
    """What is answered: to the same question on the same picture, and to all classifications."""

    def __init__(self) -> None:
        self._first: dict[int, tuple[str, str]] = {}  # answer and place, by picture and question
        self._other: list[str] = []
        self._classes: dict[str, str] = {}  # and where each is found first
        self._classified = 0

    def add(self, sample: Sample[Any, Any]) -> None:
        if sample.task not in _ONE_ANSWER:
            return
        said, place = line(sample.task, sample.gold), sample.place or sample.id
        if paths := paths_of(sample.source):
            before, where = self._first.setdefault(hash((sample.query, paths)), (said, place))
            if before != said:
                self._other.append(f"{place}: {said!r}, and {before!r} in {where}")
        if sample.task == "classify":
            self._classified += 1
            self._classes.setdefault(said, place)

    def tell(self, what: str) -> None:
        """Warn of answers that contradict each other, and refuse a training part of one class."""
        if self._other:
            warnings.warn(
                f"{len(self._other)} samples of the {what} answer otherwise than others that ask the same of the same "
                f"picture: {'; '.join(self._other[:_TOLD])}", DatasetWarning, stacklevel=4,
            )  # fmt: skip
        if what == TRAINING and len(self._classes) == 1:  # what is taught is then to say it always
            ((only, place),) = self._classes.items()
            raise DatasetError(
                f"expected two classes or more in the {what}, all {self._classified} are {only!r}", file=place
            )


def _look(sample: Sample[Any, Any], card: Checkpoint, encoder: Encoder) -> None:
    card.task(sample.task, sample.query.language)
    for path in dict.fromkeys(paths_of(sample.source)):
        if not path.exists() or (isinstance(sample.source, Files) and file_kind(path) == "raster"):
            picture_size(path)  # says what is wrong with it
    for request, answer in asked(sample, card.tasks, pixels=False, scored=card.scores_presence):
        length = len(encoder.answer(answer_words(answer)))
        if not answer.strip():
            raise DatasetError("expected an answer, got none")
        if length > request.max_new_tokens:
            raise DatasetError(
                f"expected an answer of at most {request.max_new_tokens} tokens, which is where asking stops, "
                f"got {length}; shorten it or leave it out"
            )
