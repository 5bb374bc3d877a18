"""What an engine shows of a question, and a file of it: from the chat template down to the answer."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from umit.errors import InputError
from umit.whole import write_whole

__all__ = ["Golden", "Seen", "read_golden", "write_golden"]

SCHEMA: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What an engine shows of one question; ``None`` where it keeps something to itself.

    Args:
        prompt: The whole prompt, control tokens spelled, one placeholder a picture.
        ids: Its token ids, a placeholder for each picture token.
        count: How many there are.
        pictures: SHA-256 of the pixels of each picture, as it is fed.
        grids: ``(1, rows, columns)`` of patches of each.
        pixels: Of each, mean and standard deviation of its normalised red, green and blue.
        first: Log-probabilities of the likeliest first tokens, by id.
        options: Log-probabilities of the options.
        answer: What it writes, the likeliest token at each place.
        finish: Why it ended.
    """

    prompt: str | None = None
    ids: tuple[int, ...] | None = None
    count: int | None = None
    pictures: tuple[str, ...] | None = None
    grids: tuple[tuple[int, int, int], ...] | None = None
    pixels: tuple[tuple[float, ...], ...] | None = None
    first: Mapping[int, float] | None = None
    options: tuple[float, ...] | None = None
    answer: str | None = None
    finish: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    """A checkpoint as it was read where it was recorded, in float32.

    Args:
        checkpoint: The card's name.
        version: The card's.
        fingerprint: Of the weights.
        control: Ids of the control tokens.
        questions: What was seen of each.
        rounding: How far bfloat16 moves the furthest log-probability of each.
        versions: Of umit and the libraries that recorded it.
    """

    checkpoint: str
    version: int
    fingerprint: str
    control: Mapping[str, int]
    questions: Mapping[str, Seen]
    rounding: Mapping[str, float]
    versions: Mapping[str, str] = field(default_factory=dict)


def write_golden(golden: Golden, path: Path) -> None:
    """Write a file that :func:`read_golden` reads."""
    write_whole(path, json.dumps({"schema": SCHEMA, **asdict(golden)}, ensure_ascii=False, indent=1) + "\n")


def read_golden(path: Path) -> Golden:
    """Read a file of :func:`write_golden`.

    Raises:
        InputError: There is none, or it is of another form.
    """
    try:
        data = json.loads(path.read_text("utf-8-sig"), parse_constant=_refuse)
        if data.pop("schema") != SCHEMA:
            raise ValueError(f"its schema is not {SCHEMA}; a newer umit may read it")
        questions = {str(name): _seen(one) for name, one in data.pop("questions").items()}
        return Golden(questions=questions, **data)
    except OSError as error:
        raise InputError(
            f"expected a file of umit verify --out, {error.strerror}", code="golden", where=path.name
        ) from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise InputError(f"expected a file of umit verify --out: {error}", code="golden", where=path.name) from error


def _seen(data: Mapping[str, Any]) -> Seen:
    if unknown := set(data) - {one.name for one in fields(Seen)}:
        raise ValueError(f"it has the unknown fields {sorted(unknown)}")
    found = {name: _tuple(value) for name, value in data.items()}
    if found.get("first") is not None:
        found["first"] = {int(token): float(score) for token, score in found["first"].items()}
        if not all(map(math.isfinite, found["first"].values())):
            raise ValueError("a log-probability is not finite")
    return Seen(**found)


def _tuple(value: Any) -> Any:
    return tuple(map(_tuple, value)) if isinstance(value, list) else value


def _refuse(name: str) -> None:
    raise ValueError(f"it holds {name}")
