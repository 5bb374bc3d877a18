"""What a text protocol is: one reply scored at a time, each number under its own name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

__all__ = ["Column", "Protocol", "Reply", "Row"]

#: One value for each column; ``None`` where the column does not score this reply.
Row: TypeAlias = Sequence[float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A model's text beside the truth.

    Args:
        predicted: What the model wrote, unchanged; ``""`` if nothing came.
        true: The reference answer as its source writes it.
        closed: Whether the source counts the question as closed.
        options: What could be chosen from, in the order of the prompt; none for an open question.
        gold: Index of the right option from 0.
    """

    predicted: str
    true: str
    closed: bool = False
    options: tuple[str, ...] = ()
    gold: int | None = None


class Column(NamedTuple):
    """One number of a protocol; its fields are those of :class:`umit.metrics.metric.Metric`."""

    name: str
    unreadable: str
    note: str = ""
    best: float | None = 1.0


class Protocol(NamedTuple):
    """A published way to score answers.

    Args:
        name: Whose rule it is; the same column under two protocols is two numbers.
        columns: Its numbers, all of them shares from 0 to 1.
        score: One reply to one value for each column.
    """

    name: str
    columns: tuple[Column, ...]
    score: Callable[[Reply], Row]
