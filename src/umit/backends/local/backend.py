"""Requests answered by weights in this process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

import torch

from umit.backends.local.generate import Draw, write
from umit.backends.local.guide import Guides
from umit.backends.local.options import choose
from umit.backends.local.prefix import Pictures, read_prefixes, read_words
from umit.chat import Completion, Request
from umit.engine.load import Engine
from umit.engine.pixels import tokens
from umit.errors import BackendError, InputError

__all__ = ["LocalBackend"]

#: Questions that go together whatever their pictures' size.
_FEW: Final = 8
#: Picture tokens that a batch of more than ``_FEW`` stops at: past them a pass costs its products, not its calls.
_TOKENS: Final = 4096


class LocalBackend:
    """Answers requests in batches with transformers.

    Pictures and words that the questions of a batch share are read once; pictures are kept until a
    batch comes that does not show them. Written answers keep to the pattern of their request.

    Batches give what single calls give but for rounding, since sums are added up in another order. In float32
    log-probabilities differ by about 1e-6. In bfloat16, whose numbers have three digits, two tokens that are about
    equally likely may change places, and a text may go on otherwise from there: 3 of 40 texts did.

    Args:
        engine: From :func:`umit.engine.load.load_engine`.
        batch: The most questions answered together, at most 8 of large pictures; memory grows with it.
        temperature: 0 takes the likeliest token; above, tokens are drawn, which is for tests and studies.
        seed: Of what is drawn.

    Raises:
        InputError: ``batch`` is below 1, or ``temperature`` below 0.
    """

    def __init__(self, engine: Engine, *, batch: int = 16, temperature: float = 0.0, seed: int = 0) -> None:
        if batch < 1:
            raise InputError(f"expected a batch of 1 or more, got {batch}", code="batch")
        if not 0 <= temperature < float("inf"):
            raise InputError(f"expected a temperature from 0, got {temperature}", code="temperature")
        self._engine = engine
        self._batch = batch
        self._guides = Guides(engine.encoder)
        self._draw = Draw(temperature, torch.Generator().manual_seed(seed)) if temperature else None
        self._pictures: Pictures = {}

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Answer requests lazily and in order, at most ``batch`` of them ahead.

        Raises:
            BackendError: A single request does not fit into memory.
        """
        waiting = iter(requests)
        while group := self._next(waiting):
            yield from self._answer(group)

    def _next(self, waiting: Iterator[Request]) -> list[Request]:
        group: list[Request] = []
        shown = 0
        for request in islice(waiting, self._batch):
            group.append(request)
            shown += sum(tokens(frame, self._engine.encoder.family) for frame in request.frames)
            if len(group) >= _FEW and shown >= _TOKENS:
                break
        return group

    def _answer(self, group: Sequence[Request]) -> list[Completion]:
        try:
            return self._together(group)
        except torch.OutOfMemoryError as error:
            self._pictures = {}
            if len(group) == 1:
                raise BackendError(
                    "expected a request that fits into memory, it does not; "
                    "use a smaller picture, dtype='bfloat16' or device='cpu'",
                    engine="local",
                ) from error
        # Outside of the handler, whose traceback keeps the tensors of the failed batch.
        half = len(group) // 2
        return self._answer(group[:half]) + self._answer(group[half:])

    @torch.inference_mode()
    def _together(self, group: Sequence[Request]) -> list[Completion]:
        engine = self._engine
        context, left, self._pictures = read_prefixes(engine, group, self._pictures)
        context, logits = read_words(engine, context, left)
        scored = [i for i, request in enumerate(group) if request.options]
        written = [i for i, request in enumerate(group) if not request.options]
        found: dict[int, Completion] = {}
        if scored:
            options = [group[i].options for i in scored]
            chosen = choose(engine, context.rows(scored), logits[scored], options)
            found.update(zip(scored, chosen, strict=True))
        if written:
            limits = [group[i].max_new_tokens for i in written]
            guides = self._guides.of([(group[i].pattern, group[i].corners) for i in written])
            texts = write(engine, context.rows(written), logits[written], limits, guides, self._draw)
            found.update(zip(written, texts, strict=True))
        return [found[i] for i in range(len(group))]
