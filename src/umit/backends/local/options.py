"""Whole options, scored with their end token, so that ``1:…`` cannot win as the beginning of ``12:…``.

Many options of a question stand in one row behind it, each seeing the question and itself only: the
question's keys and values are there once. A row is only so long, since every token of it is compared with every other.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from umit import chat
from umit.backends.local.prefix import Context, embed, read
from umit.backends.local.prefix import logits as to_logits
from umit.chat import Completion, Word
from umit.engine.load import Engine
from umit.engine.positions import packed_positions
from umit.errors import BackendError

__all__ = ["choose"]

_LONGEST: Final = 512  # tokens of options in a row: one pass for most lists, and time linear in longer ones
_AT_ONCE: Final = 256  # tokens whose logits over the whole vocabulary are in memory at a time


def choose(
    engine: Engine, context: Context, logits: Tensor, options: Sequence[Sequence[Sequence[Word]]]
) -> list[Completion]:
    """Score every option of every row.

    Args:
        engine: The weights.
        context: The questions, read.
        logits: float32 ``(B, vocabulary)`` of the first token.
        options: The options of each row, none empty.

    Returns:
        One completion a row: the likeliest option, and the log-probability of each.

    Raises:
        BackendError: The weights give no numbers.
    """
    ids = [[engine.encoder.answer(option) for option in row] for row in options]
    scores = _beginnings(logits, ids)
    parts = [list(_parts(answers)) for answers in ids]
    for number in range(max(map(len, parts))):
        rows = [row for row, own in enumerate(parts) if number < len(own)]
        spans = [parts[row][number] for row in rows]
        answers = [ids[row][span.start : span.stop] for row, span in zip(rows, spans, strict=True)]
        asked = context.rows(rows)
        fed, segments, places = _packed(answers, asked.after, engine.encoder.padding)
        _, hidden = read(engine, asked.fork(), embed(engine, fed), segments, places)
        for place, (row, span) in enumerate(zip(rows, spans, strict=True)):
            wanted = [token for answer in answers[place] for token in answer[1:]]
            rest = iter(_scores(engine, hidden[place], wanted))
            for option in span:
                scores[row][option] += sum(islice(rest, len(ids[row][option]) - 1))
    if not all(math.isfinite(score) for row in scores for score in row):
        raise BackendError("expected numbers, the weights gave NaN; load them with dtype='float32'", engine="local")
    return [_best(*row) for row in zip(options, ids, scores, strict=True)]


def _beginnings(logits: Tensor, ids: Sequence[Sequence[Sequence[int]]]) -> list[list[float]]:
    """Return the log-probability of the first token of each option."""
    first = logits.log_softmax(-1)
    return [first[row, [one[0] for one in answers]].tolist() for row, answers in enumerate(ids)]


def _best(options: Sequence[Sequence[Word]], ids: Sequence[Sequence[int]], scores: Sequence[float]) -> Completion:
    best = max(range(len(scores)), key=scores.__getitem__)
    return Completion(
        text=chat.spell(options[best]), logprob=scores[best], option_logprobs=tuple(scores), tokens=len(ids[best])
    )


def _parts(answers: Sequence[Sequence[int]]) -> Iterator[range]:
    """Yield which options stand in a row together; one that is longer stands alone."""
    start = length = 0
    for option, answer in enumerate(answers):
        if option > start and length + len(answer) - 1 > _LONGEST:
            yield range(start, option)
            start, length = option, 0
        length += len(answer) - 1
    yield range(start, len(answers))


def _packed(
    ids: Sequence[Sequence[Sequence[int]]], after: NDArray[np.int64], padding: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return ids, segments ``(B, L)`` and positions ``(3, B, L)`` of all options but their end tokens."""
    longest = max(1, *(sum(len(answer) - 1 for answer in answers) for answers in ids))
    fed = np.full((len(ids), longest), padding, np.int64)
    segments = np.full((len(ids), longest), -1, np.int64)
    places = np.zeros((3, len(ids), longest), np.int64)
    for row, answers in enumerate(ids):
        words = [token for answer in answers for token in answer[:-1]]
        numbers = np.repeat(np.arange(len(answers)) + 1, [len(a) - 1 for a in answers])
        fed[row, : len(words)], segments[row, : len(words)] = words, numbers
        places[:, row, : len(words)] = packed_positions(np.empty((3, 0), np.int64), int(after[row]), numbers)
    return fed, segments, places


def _scores(engine: Engine, hidden: Tensor, wanted: Sequence[int]) -> list[float]:
    """Return the log-probability of each wanted token, the k-th predicted by the k-th output."""
    found: list[float] = []
    for start in range(0, len(wanted), _AT_ONCE):
        some = torch.tensor(wanted[start : start + _AT_ONCE], device=hidden.device)
        outputs = hidden[start : start + len(some)]
        scores = to_logits(engine, outputs).log_softmax(-1)
        found += scores.gather(-1, some[:, None])[:, 0].tolist()
    return found
