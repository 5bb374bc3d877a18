"""Written answers: the likeliest token that the answer's pattern leaves, one after another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from umit.backends.local.automaton import Node
from umit.backends.local.guide import Guide
from umit.backends.local.prefix import Context, read_words
from umit.chat import Completion
from umit.engine.load import Engine
from umit.errors import BackendError

__all__ = ["Draw", "write"]


@dataclass(frozen=True, slots=True, eq=False)
class Draw:
    """How tokens are drawn instead of the likeliest taken, for tests and studies.

    Args:
        temperature: Above 0; logits are divided by it.
        generator: Of the random numbers, on the CPU.
    """

    temperature: float
    generator: torch.Generator

    def shifted(self, logits: Tensor) -> Tensor:
        """Return logits whose largest is a draw: Gumbel noise added (Gumbel 1954; Maddison 2014), under a pattern, too."""
        even = torch.rand(logits.shape, generator=self.generator, dtype=torch.float64).clamp_min(1e-300)
        return logits / self.temperature - (-even.log()).log().to(logits)


@dataclass(slots=True, eq=False)
class _Row:
    """One answer while it is written."""

    limit: int
    guide: Guide | None
    ids: list[int] = field(default_factory=list)
    logprob: float = 0.0
    ended: bool = False
    forced: int = 0
    state: Node | None = None

    def __post_init__(self) -> None:
        if self.guide is not None:
            self.state = self.guide.start

    def chosen(self, token: int, logits: Tensor, stops: frozenset[int]) -> int:
        """Take the likeliest token, or under a pattern that refuses it the likeliest that may come."""
        if self.guide is not None and self.state is not None:
            state = self.state
            ends = token in stops
            following = None if ends else self.guide.after(state, token)
            if not (state.nullable if ends else following is not None):
                token = self.guide.best(state, logits)
                self.forced += 1
                following = None if token in stops else self.guide.after(state, token)
            self.state = following
        self.ended = token in stops
        if not self.ended:
            self.ids.append(token)
        return token

    @property
    def goes_on(self) -> bool:
        return not self.ended and len(self.ids) < self.limit


def write(
    engine: Engine,
    context: Context,
    logits: Tensor,
    limits: Sequence[int],
    guides: Sequence[Guide | None] = (),
    draw: Draw | None = None,
) -> list[Completion]:
    """Write every row's answer; rows that are done leave the batch.

    Args:
        engine: The weights.
        context: The questions, read.
        logits: float32 ``(B, vocabulary)`` of the first token.
        limits: The most tokens each row may have, its end token included.
        guides: What each row may write; ``None``, or no guides at all, leaves it free.
        draw: How tokens are drawn; ``None`` takes the likeliest.

    Returns:
        One completion a row, with the log-probability of its text and end token as the weights alone give it, whatever
        a pattern leaves.

    Raises:
        BackendError: The weights give no numbers, or the tokenizer cannot spell the answer.
    """
    stops = frozenset((engine.encoder.end, engine.encoder.padding))
    rows = [_Row(limit, guide) for limit, guide in zip(limits, guides or [None] * len(limits), strict=True)]
    active = rows
    while active:
        scores = logits.log_softmax(-1)
        judged = scores if draw is None else draw.shifted(logits)
        best = judged.max(-1)
        if not all(map(math.isfinite, best.values.tolist())):
            raise BackendError("expected numbers, the weights gave NaN; load them with dtype='float32'", engine="local")
        tokens = [
            row.chosen(token, judged[place], stops)
            for place, (row, token) in enumerate(zip(active, best.indices.tolist(), strict=True))
        ]
        found = scores.gather(-1, torch.tensor(tokens, device=scores.device)[:, None])[:, 0].tolist()
        for row, score in zip(active, found, strict=True):
            row.logprob += score
        going = [place for place, row in enumerate(active) if row.goes_on]
        active = [active[place] for place in going]
        if active:
            last = [row.ids[-1:] for row in active]
            context, logits = read_words(engine, context.rows(going), last)
    return [
        Completion(
            text=engine.encoder.text(row.ids),
            finish_reason="stop" if row.ended else "length",
            logprob=row.logprob,
            tokens=len(row.ids) + row.ended,
            forced=row.forced,
        )
        for row in rows
    ]
