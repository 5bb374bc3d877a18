"""What cannot be taught is refused before the first step, with file and line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from umit.chat import answer_words
from umit.checkpoints import Checkpoint
from umit.datasets.ask import asked
from umit.datasets.dataset import Sample
from umit.datasets.pictures import paths_of
from umit.engine.encode import Encoder
from umit.errors import DatasetError, UMITError, UnsupportedTaskError
from umit.imaging.header import picture_size
from umit.imaging.sniff import file_kind
from umit.tasks.table import line
from umit.training.parts import Part

__all__ = ["examine"]

_TOLD: Final = 5  # samples that one error names


def examine(part: Part, card: Checkpoint, encoder: Encoder, *, what: str = "training") -> None:
    """Refuse samples that cannot be taught; pictures are looked for, and opened where coordinates need their size.

    Args:
        part: All samples of it.
        card: Of the checkpoint that is trained.
        encoder: The checkpoint's encoder.
        what: The part's name, for messages.

    Raises:
        DatasetError: No samples, a missing picture, a mark outside its picture, an answer that is empty or longer
            than the task lets a model write, or one class only; the first five are named.
        UnsupportedTaskError: The checkpoint does not know the task or the language of any sample.
    """
    if not part:
        raise DatasetError(f"expected samples in the {what} part, got none")
    wrong: list[str] = []
    unknown = 0
    for sample in part:
        try:
            _look(sample, card, encoder)
        except UMITError as error:
            unknown += isinstance(error, UnsupportedTaskError)
            wrong.append(f"{sample.place or sample.id}: {error}")
    if wrong:
        kind = UnsupportedTaskError if unknown == len(wrong) else DatasetError
        more = f"; and {len(wrong) - _TOLD} more" if len(wrong) > _TOLD else ""
        raise kind(
            f"expected samples that can be taught, {len(wrong)} of {len(part)} in the {what} part "
            f"can't: {'; '.join(wrong[:_TOLD])}{more}"
        )
    if what == "training":
        _refuse_one_answer(part)


def _look(sample: Sample[Any, Any], card: Checkpoint, encoder: Encoder) -> None:
    card.task(sample.task, sample.query.language)
    for path in dict.fromkeys(paths_of(sample.source)):
        if not path.exists() or file_kind(path) == "raster":
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


def _refuse_one_answer(samples: Iterable[Sample[Any, Any]]) -> None:
    """Refuse classifications that all have one true class: what is taught is then to say it always."""
    classified = [one for one in samples if one.task == "classify"]
    seen = {line(one.task, one.gold) for one in classified}
    if len(seen) == 1:
        (only,) = seen
        raise DatasetError(
            f"expected two classes or more in the training part, all {len(classified)} are {only!r}",
            file=classified[0].place,
        )
