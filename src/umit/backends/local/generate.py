"""Free text: the likeliest token, one after another."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor

from umit.backends.local.prefix import Context, read_words
from umit.chat import Completion
from umit.engine.load import Engine
from umit.errors import BackendError

__all__ = ["write"]


def write(engine: Engine, context: Context, logits: Tensor, limits: Sequence[int]) -> list[Completion]:
    """Write every row's answer; rows that are done leave the batch.

    Args:
        engine: The weights.
        context: The questions, read.
        logits: float32 ``(B, vocabulary)`` of the first token.
        limits: The most tokens each row may have, its end token included.

    Returns:
        One completion a row, with the log-probability of its text and end token.

    Raises:
        BackendError: The weights give no numbers.
    """
    stops = {engine.encoder.end, engine.encoder.padding}
    written: list[list[int]] = [[] for _ in limits]
    total = [0.0] * len(limits)
    stopped = [False] * len(limits)
    active = list(range(len(limits)))
    while active:
        best = logits.log_softmax(-1).max(-1)
        going = []
        for place, (token, score) in enumerate(zip(best.indices.tolist(), best.values.tolist(), strict=True)):
            row = active[place]
            total[row] += score
            stopped[row] = token in stops
            if not stopped[row]:
                written[row].append(token)
                if len(written[row]) < limits[row]:
                    going.append(place)
        if not all(math.isfinite(total[row]) for row in active):
            raise BackendError("expected numbers, the weights gave NaN; load them with dtype='float32'", engine="local")
        active = [active[place] for place in going]
        if active:
            last = [written[row][-1:] for row in active]
            context, logits = read_words(engine, context.rows(going), last)
    return [
        Completion(text=engine.encoder.text(ids), finish_reason="stop" if done else "length", logprob=score)
        for ids, done, score in zip(written, stopped, total, strict=True)
    ]
