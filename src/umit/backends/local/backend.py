"""Requests answered by weights in this process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import torch

from umit.backends.local.generate import Draw, Row, Slots
from umit.backends.local.guide import Guides
from umit.backends.local.options import choose
from umit.backends.local.prefix import Pictures, read_prefixes, read_words
from umit.chat import Completion, Request
from umit.engine.load import Engine
from umit.engine.pixels import tokens
from umit.errors import BackendError, InputError, UMITError

__all__ = ["LocalBackend"]

#: Questions that go together whatever their pictures' size.
_FEW: Final = 8
#: Tokens of pictures, each counted once, that more than ``_FEW`` questions are read with: past them a pass costs its
#: products, not its calls.
_TOKENS: Final = 4096
#: Tokens of pictures whose keys and values more than ``_FEW`` questions hold: 1.9 GB of Qwen2-VL-2B in bfloat16.
_KEPT: Final = 65_536
#: Batches that questions may be ahead of the first that has no answer yet.
_AHEAD: Final = 4
#: Batches that questions on the same pictures may fill.
_TOGETHER: Final = 2


class LocalBackend:
    """Answers requests in batches with transformers.

    Pictures and words that the questions of a batch share are read once; pictures are kept until a
    batch comes that does not show them. Where answers have ended, other questions take their places. Written answers
    keep to the pattern of their request.

    Batches give what single calls give but for rounding, since sums are added up in another order. In float32
    log-probabilities differ by about 1e-6. In bfloat16, whose numbers have three digits, two tokens that are about
    equally likely may change places, and a text may go on otherwise from there: 3 of 40 texts did.

    Args:
        engine: From :func:`umit.engine.load.load_engine`.
        batch: Questions answered together: twice as many on the same pictures, 8 on large ones; memory grows with it.
        temperature: 0 takes the likeliest token; above, tokens are drawn, which is for tests and studies.
        seed: Of what is drawn.

    Raises:
        InputError: ``batch`` is below 1, or ``temperature`` below 0.
    """

    def __init__(self, engine: Engine, *, batch: int = 32, temperature: float = 0.0, seed: int = 0) -> None:
        if batch < 1:
            raise InputError(f"expected a batch of 1 or more, got {batch}", code="batch")
        if not 0 <= temperature < float("inf"):
            raise InputError(f"expected a temperature from 0, got {temperature}", code="temperature")
        self._engine = engine
        self._batch = batch
        self._guides = Guides(engine.encoder)
        self._draw = Draw(temperature, torch.Generator().manual_seed(seed)) if temperature else None
        self._pictures: Pictures = {}

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion | UMITError]:
        """Answer requests lazily and in order, a bounded number of them ahead.

        Yields:
            A completion; or why this one request has none, such as that it does not fit into memory, that the weights
            give no numbers, or that they have no row for one of its tokens.
        """
        waiting, slots = _Waiting(requests), Slots(self._engine, self._batch, _TOGETHER * self._batch, self._draw)
        done: dict[int, Completion | UMITError] = {}
        given = 0
        while True:
            self._refill(waiting, slots, done, given)
            while given in done:
                yield done.pop(given)
                given += 1
            if slots:
                done.update((row.number, row.completion(self._engine)) for row in self._step(slots, waiting))
            elif given == waiting.taken and waiting.ended():
                return

    def release(self) -> None:
        """Let go what is kept of pictures."""
        self._pictures = {}

    def sizes(self, request: Request) -> tuple[int, int, int, int]:
        """Return pictures and their tokens, and the bytes of these tokens' keys and values and of the weights."""
        model: Any = self._engine.model
        text = model.config.text_config
        count = sum(tokens(frame, self._engine.encoder.family) for frame in request.frames)
        width = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
        numbers = 2 * text.num_hidden_layers * text.num_key_value_heads * width
        weights = sum(p.numel() * p.element_size() for p in model.parameters())
        return len(request.frames), count, count * numbers * self._engine.dtype.itemsize, weights

    def _refill(self, waiting: _Waiting, slots: Slots, done: dict[int, Completion | UMITError], given: int) -> None:
        """Let more questions in where half of the room is free, unless too many wait for an answer before theirs."""
        if 2 * len(slots) > slots.most or waiting.taken - given >= _AHEAD * self._batch:
            return
        group = self._next(waiting, slots)
        while group:
            failure: UMITError | None = None
            try:
                done.update(self._begin(group, slots))
                return
            except torch.OutOfMemoryError as error:
                cause: Exception = error
            except UMITError as error:
                failure = error
            except (RuntimeError, ValueError, LookupError) as error:  # what torch and transformers raise of a request
                failure = _failed(error)
            # Outside of the handlers, whose tracebacks keep the tensors of the failed batch.
            self._pictures = {}
            if len(group) == 1 and failure is None and slots:  # when half of them have left there may be room
                slots.most = slots.ever = len(slots)
                waiting.back(group)
                return
            if len(group) == 1:
                done[group[0].number] = failure or _too_large(cause)
                return
            waiting.back(group[len(group) // 2 :])
            group = group[: len(group) // 2]

    def _next(self, waiting: _Waiting, slots: Slots) -> list[_Numbered]:
        """Return what is read together: what there is room for, and what goes on about the last one's pictures."""
        group: list[_Numbered] = []
        family = self._engine.encoder.family
        sizes: dict[int, int] = {}  # picture tokens of each array
        kept = sum(row.tokens for row in slots.rows)
        while one := waiting.next():
            sizes |= {id(frame): tokens(frame, family) for frame in one.request.frames if id(frame) not in sizes}
            one = replace(one, tokens=sum(sizes[id(frame)] for frame in one.request.frames))
            kept += one.tokens
            rows = len(slots) + len(group)
            same = bool(group) and _same_pictures(one.request, group[-1].request)
            full = rows >= slots.most and not (same and rows < slots.ever)
            many = rows >= _FEW and (
                kept > _KEPT or (len(group) >= _FEW and sum(sizes.values()) > _TOKENS and not same)
            )
            if group and (full or many):
                waiting.back([one])
                break
            group.append(one)
        return group

    @torch.inference_mode()
    def _begin(self, group: Sequence[_Numbered], slots: Slots) -> dict[int, Completion | UMITError]:
        """Read questions, score those with options, and let the others be written."""
        engine, requests = self._engine, [one.request for one in group]
        context, left, self._pictures = read_prefixes(engine, requests, self._pictures)
        context, logits = read_words(engine, context, left)
        scored = [place for place, request in enumerate(requests) if request.options]
        written = [place for place, request in enumerate(requests) if not request.options]
        found: dict[int, Completion | UMITError] = {}
        if scored:
            options = [requests[place].options for place in scored]
            chosen = choose(engine, context.rows(scored), logits[scored], options)
            found.update(zip((group[place].number for place in scored), chosen, strict=True))
        if written:
            guides = self._guides.of([(requests[place].pattern, requests[place].corners) for place in written])
            pairs = zip([group[place] for place in written], guides, strict=True)
            rows = [Row(one.number, one.request, guide, tokens=one.tokens) for one, guide in pairs]
            slots.join(rows, context.rows(written), logits[written])
        return found

    @torch.inference_mode()
    def _step(self, slots: Slots, waiting: _Waiting) -> list[Row]:
        """Write a token of every answer; where memory ends or one fails all begin again, half as many at a time."""
        failure: UMITError | None = None
        try:
            return slots.step()
        except torch.OutOfMemoryError as error:
            cause: Exception = error
        except UMITError as error:
            failure = error
        except (RuntimeError, ValueError, LookupError) as error:
            failure = _failed(error)
        left = slots.clear()
        if len(left) == 1:
            left[0].failure = failure or _too_large(cause)
            return left
        slots.most = slots.ever = len(left) // 2
        waiting.back([_Numbered(row.number, row.request) for row in left])
        return []


@dataclass(frozen=True, slots=True)
class _Numbered:
    """A request, its place among all, and how many picture tokens it has."""

    number: int
    request: Request
    tokens: int = 0


class _Waiting:
    """Requests that are not begun; some may come back."""

    def __init__(self, requests: Iterable[Request]) -> None:
        self._source = enumerate(requests)
        self._back: list[_Numbered] = []
        #: How many were pulled and not given back.
        self.taken = 0

    def next(self) -> _Numbered | None:
        """Return the next one; ``None`` at the end."""
        if self._back:
            self.taken += 1
            return self._back.pop()
        for number, request in self._source:
            self.taken += 1
            return _Numbered(number, request)
        return None

    def back(self, some: Sequence[_Numbered]) -> None:
        """Take some back, the first of which comes next."""
        self._back += reversed(some)
        self.taken -= len(some)

    def ended(self) -> bool:
        """Return whether nothing is left; pulls one to know it."""
        one = self.next()
        if one is not None:
            self.back([one])
        return one is None


def _same_pictures(one: Request, other: Request) -> bool:
    """Return whether both show the same arrays."""
    return bool(one.frames) and [*map(id, one.frames)] == [*map(id, other.frames)]


def _failed(cause: Exception) -> BackendError:
    error = BackendError(f"expected an answer, the weights failed: {cause}", engine="local")
    error.__cause__ = cause
    return error


def _too_large(cause: Exception) -> BackendError:
    error = BackendError(
        "expected a request that fits into memory, it does not; "
        "use a smaller picture, dtype='bfloat16' or device='cpu'",
        engine="local",
    )
    error.__cause__ = cause
    return error
