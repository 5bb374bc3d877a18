"""What engines show of the questions: weights of this process everything, servers what they tell."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, Protocol

import numpy as np
import torch

from umit import chat
from umit.backends.backend import Backend, Shown
from umit.backends.local.backend import LocalBackend
from umit.backends.local.prefix import read_prefixes, read_words
from umit.chat import Completion, Request
from umit.engine.load import Engine
from umit.engine.pixels import grid, patches
from umit.errors import UMITError
from umit.verification.golden import Seen

__all__ = ["Shows", "look_at_engine", "look_at_weights"]

_LIKELIEST: Final = 20


class Shows(Backend, Protocol):
    """An engine that tells what it read."""

    def shown(self, request: Request) -> Shown:
        """Return what it tells of a prompt."""
        ...


def look_at_engine(backend: Shows, questions: Mapping[str, Request]) -> tuple[dict[str, Seen], list[UMITError]]:
    """Return what an engine shows of each question, and why it gave no answer to some.

    Raises:
        UMITError: It does not even tell what it read.
    """
    found: dict[str, Seen] = {}
    failed: list[UMITError] = []
    for name, request in questions.items():
        told = backend.shown(request)
        found[name] = Seen(prompt=told.prompt, ids=told.ids, count=told.count, first=told.first)
        try:
            found[name] = _answered(backend, request, found[name])
        except UMITError as error:  # such as of a template that makes another prompt
            failed.append(error)
    return found, failed


def look_at_weights(engine: Engine, questions: Mapping[str, Request]) -> dict[str, Seen]:
    """Return everything that is to be seen of each question in weights of this process.

    Args:
        engine: The weights.
        questions: By name.
    """
    backend = LocalBackend(engine)
    return {name: _answered(backend, request, _read(engine, request)) for name, request in questions.items()}


def _answered(backend: Backend, request: Request, seen: Seen) -> Seen:
    """Return what was seen with the answer, and the scores of the options; both are written without options, too."""
    asked = [replace(request, options=(), pattern=None), *([request] if request.options else [])]
    found: list[Completion] = []
    for one in backend.generate(asked):
        if isinstance(one, UMITError):
            raise one
        found.append(one)
    scores = found[-1].option_logprobs if request.options else None
    return replace(seen, answer=found[0].text, finish=found[0].finish_reason, options=scores)


@torch.inference_mode()
def _read(engine: Engine, request: Request) -> Seen:
    encoder, family = engine.encoder, engine.encoder.family
    context, left, _ = read_prefixes(engine, [request], {})
    _, logits = read_words(engine, context, left)
    likeliest = logits[0].log_softmax(-1).topk(min(_LIKELIEST, logits.shape[-1]))
    ids = tuple(encoder.prompt(request))
    return Seen(
        prompt=chat.spell(chat.prompt(request, encoder.form(request))),
        ids=ids,
        count=len(ids),
        pictures=tuple(_digest(frame) for frame in request.frames),
        grids=tuple(grid(frame, family) for frame in request.frames),
        pixels=tuple(_told(patches([frame], family)) for frame in request.frames),
        first=dict(zip(likeliest.indices.tolist(), likeliest.values.tolist(), strict=True)),
    )


def _digest(frame: Any) -> str:
    return hashlib.sha256(repr(frame.shape).encode() + np.ascontiguousarray(frame).tobytes()).hexdigest()


def _told(pixels: Any) -> tuple[float, ...]:
    """Return mean and standard deviation of red, green and blue, rounded beyond what libraries differ by."""
    colours = pixels.reshape(len(pixels), 3, -1).astype(np.float64)
    numbers = [*colours.mean(axis=(0, 2)), *colours.std(axis=(0, 2))]
    return tuple(round(float(value), 6) for value in numbers)
