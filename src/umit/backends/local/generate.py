"""Written answers: the likeliest token that the answer's pattern leaves, one after another.

An answer that ends leaves its slot, and another question takes it: a step is made for as many answers as there is room
for, whatever their lengths.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from umit.backends.local.automaton import Node
from umit.backends.local.guide import Guide
from umit.backends.local.prefix import Context, read_words
from umit.chat import Completion, Request
from umit.engine.load import Engine
from umit.errors import BackendError, UMITError

__all__ = ["Draw", "Row", "Slots"]


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
class Row:
    """One answer while it is written.

    Args:
        number: Of the request.
        request: What was asked; ``max_new_tokens`` counts the end token.
        guide: What it may write; ``None`` leaves it free.
        tokens: Of its pictures.
    """

    number: int
    request: Request
    guide: Guide | None
    tokens: int = 0
    ids: list[int] = field(default_factory=list)
    logprob: float = 0.0
    ended: bool = False
    forced: int = 0
    state: Node | None = None
    failure: UMITError | None = None

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
        """Whether it has neither ended nor come to its limit."""
        return not self.ended and self.failure is None and len(self.ids) < self.request.max_new_tokens

    def completion(self, engine: Engine) -> Completion | UMITError:
        """Return what was written, with the log-probability of text and end token as the weights alone give it."""
        if self.failure is not None:
            return self.failure
        return Completion(
            text=engine.encoder.text(self.ids),
            finish_reason="stop" if self.ended else "length",
            logprob=self.logprob,
            tokens=len(self.ids) + self.ended,
            forced=self.forced,
        )


class Slots:
    """Answers that are written together.

    Args:
        engine: The weights.
        most: How many there is room for.
        ever: How many questions on the same pictures there is room for.
        draw: How tokens are drawn; ``None`` takes the likeliest.
    """

    def __init__(self, engine: Engine, most: int, ever: int, draw: Draw | None = None) -> None:
        self._engine, self._draw, self.most, self.ever = engine, draw, most, ever
        self._stops = frozenset((engine.encoder.end, engine.encoder.padding))
        self.rows: list[Row] = []
        self._context: Context | None = None
        self._logits: Tensor | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def join(self, rows: Sequence[Row], context: Context, logits: Tensor) -> None:
        """Let more questions be answered beside those that are.

        Args:
            rows: Nothing of them is written yet.
            context: The questions, read.
            logits: float32 ``(B, vocabulary)`` of the first token.
        """
        if self._context is None or self._logits is None:
            self.rows, self._context, self._logits = list(rows), context, logits
            return
        joined = self._context.beside(context)
        self.rows, self._context, self._logits = [*self.rows, *rows], joined, torch.cat([self._logits, logits])

    def clear(self) -> list[Row]:
        """Give up what is written of all, and return them."""
        left = self.rows
        self._keep([])
        return left

    def step(self) -> list[Row]:
        """Write one token of every answer, and return those that are done: ended, at their limit, or failed.

        Raises:
            BackendError: The tokenizer cannot spell an answer.
        """
        context, logits = self._context, self._logits
        if context is None or logits is None:
            return []
        scores = logits.log_softmax(-1)
        judged = scores if self._draw is None else self._draw.shifted(logits)
        best = judged.max(-1)
        tokens = []
        likeliest = zip(self.rows, best.indices.tolist(), best.values.tolist(), strict=True)
        for place, (row, token, top) in enumerate(likeliest):
            if not math.isfinite(top):
                row.failure = BackendError(
                    "expected numbers, the weights gave NaN; load them with dtype='float32'", engine="local"
                )
            tokens.append(token if row.failure else row.chosen(token, judged[place], self._stops))
        found = scores.gather(-1, torch.tensor(tokens, device=scores.device)[:, None])[:, 0].tolist()
        for row, score in zip(self.rows, found, strict=True):
            row.logprob += score
        done = [row for row in self.rows if not row.goes_on]
        self._keep([place for place, row in enumerate(self.rows) if row.goes_on])
        if self.rows and self._context is not None:
            last = [row.ids[-1:] for row in self.rows]
            self._context, self._logits = read_words(self._engine, self._context, last)
        return done

    def _keep(self, places: Sequence[int]) -> None:
        self.rows = [self.rows[place] for place in places]
        if not self.rows:
            self._context = self._logits = None
        elif self._context is not None and self._logits is not None:
            self._context, self._logits = self._context.rows(places), self._logits[list(places)]
