"""Recording a checkpoint, and holding an engine to the record."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from umit import chat
from umit.chat import Request
from umit.checkpoints import Checkpoint, locate
from umit.engine.load import Engine, load_engine
from umit.errors import InputError
from umit.verification.compare import Verdict, compare, furthest
from umit.verification.golden import Golden
from umit.verification.look import Shows, look_at_engine, look_at_weights
from umit.verification.questions import asked

__all__ = ["record", "verify_engine", "verify_weights"]

_LIBRARIES: Final = ("umit", "torch", "transformers", "tokenizers", "numpy", "pillow")


def record(checkpoint: str | Path, card: Checkpoint | str | Path | None = None, *, device: str = "auto") -> Golden:
    """Return how a checkpoint is read here, from the chat template down to the answer, in float32.

    Args:
        checkpoint: As for :meth:`umit.UMIT.from_pretrained`.
        card: Likewise.
        device: Likewise.

    Raises:
        UMITError: It does not load, or knows no question on films.
    """
    place, found = locate(checkpoint, card)
    questions = _questions(found)
    engine = load_engine(place, device=device, dtype="float32")
    seen, control, fingerprint = look_at_weights(engine, questions), _control(engine), engine.fingerprint
    del engine
    rough = look_at_weights(load_engine(place, device=device, dtype="bfloat16"), questions)
    golden = Golden(
        checkpoint=found.name, version=found.version, fingerprint=fingerprint, control=control,
        questions=seen, rounding={}, versions={name: _version(name) for name in _LIBRARIES},
    )  # fmt: skip
    moved = furthest(golden, rough)
    return Golden(**{**{name: getattr(golden, name) for name in golden.__slots__}, "rounding": moved})


def verify_weights(
    golden: Golden,
    checkpoint: str | Path,
    card: Checkpoint | str | Path | None = None,
    *,
    device: str = "auto",
    dtype: str = "float32",
) -> Verdict:
    """Hold weights in this process to a record.

    Args:
        golden: From :func:`record`.
        checkpoint: As for :meth:`umit.UMIT.from_pretrained`.
        card: Likewise.
        device: Likewise.
        dtype: Likewise.

    Raises:
        UMITError: They do not load, or the record is of other questions.
    """
    place, found = locate(checkpoint, card)
    engine = load_engine(place, device=device, dtype=dtype)
    return verify_loaded(golden, engine, _same(golden, _questions(found)))


def verify_loaded(golden: Golden, engine: Engine, questions: Mapping[str, Request]) -> Verdict:
    """Hold an engine in memory to a record; arguments of :func:`verify_weights`."""
    seen = look_at_weights(engine, questions)
    kind = str(engine.dtype).removeprefix("torch.")
    return compare(golden, seen, engine="local", dtype=kind, control=_control(engine))


def verify_engine(golden: Golden, backend: Shows, card: Checkpoint, *, name: str) -> Verdict:
    """Hold an engine that tells what it read, such as a server, to a record.

    Args:
        golden: From :func:`record`.
        backend: The engine.
        card: Of its weights.
        name: What it is called in the verdict.

    Raises:
        UMITError: It does not answer, or the record is of other questions.
    """
    seen, failed = look_at_engine(backend, _same(golden, _questions(card)))
    verdict = compare(golden, seen, engine=name)
    if failed and verdict.equal:  # else the difference tells more
        raise failed[0]
    return verdict


def _questions(card: Checkpoint) -> dict[str, Request]:
    found = asked(card)
    if not found:
        raise InputError(f"expected a card that knows a question on films, {card.name} knows none", code="card")
    return found


def _same(golden: Golden, questions: Mapping[str, Request]) -> Mapping[str, Request]:
    if golden.questions.keys() != questions.keys():
        raise InputError(
            f"expected a record of the questions {', '.join(questions)}, got one of {', '.join(golden.questions)}",
            code="golden",
            hint="Record it again with this umit and this card.",
        )
    return questions


def _control(engine: Engine) -> dict[str, int]:
    return {token.text: engine.encoder.ids((token,))[0] for token in chat.CONTROL}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:  # a checkout that is not installed
        return ""
