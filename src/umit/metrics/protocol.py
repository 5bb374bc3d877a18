"""What a text protocol is: one reply scored at a time, the scores averaged, each number under its own name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from typing import TypeAlias

__all__ = ["Column", "Protocol", "Reply", "mean", "mean_of_groups"]

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
        first: Number that the prompt gives the first option.
    """

    predicted: str
    true: str
    closed: bool = False
    options: tuple[str, ...] = ()
    gold: int | None = None
    first: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One number of a protocol.

    Args:
        name: As tables print it.
        unreadable: What an empty or unreadable text costs, in words that are printed beside the number.
        note: What the number really counts where its name misleads; ``""`` if it does not.
        best: The value of a perfect reply; ``None`` where that depends on the question, as BLEU-4 of one
            word does.
    """

    name: str
    unreadable: str
    note: str = ""
    best: float | None = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """A published way to score answers.

    Args:
        name: Whose rule it is; the same column under two protocols is two numbers.
        columns: Its numbers, all of them shares from 0 to 1.
        score: One reply to one value for each column.
    """

    name: str
    columns: tuple[Column, ...]
    score: Callable[[Reply], Row]

    def __call__(self, replies: Iterable[Reply]) -> dict[str, float]:
        """Return each column's mean over the replies that it scores."""
        rows = [self.score(reply) for reply in replies]
        return {
            column.name: mean([row[i] for row in rows]) for i, column in enumerate(self.columns)
        }


def mean(values: Iterable[float | None]) -> float:
    """Return the mean of the values that are there; ``nan`` if none is.

    Args:
        values: One for each reply; ``None`` leaves it out.

    Returns:
        Their mean.

    Example:
        >>> mean([1.0, None, 0.0])
        0.5
    """
    there = [value for value in values if value is not None]
    return fsum(there) / len(there) if there else float("nan")


def mean_of_groups(
    values: Iterable[float | None], groups: Iterable[Hashable]
) -> tuple[float, Mapping[Hashable, float]]:
    """Return the mean of the groups' means, as M3D-Bench reports its question types, and those means.

    Args:
        values: One for each reply; ``None`` leaves it out.
        groups: The group of each, such as its question type.

    Returns:
        The mean over groups, each of the same weight, and each group's own.

    Example:
        >>> mean_of_groups([1.0, 1.0, 0.0], ["organ", "organ", "plane"])
        (0.5, {'organ': 1.0, 'plane': 0.0})
    """
    found: defaultdict[Hashable, list[float | None]] = defaultdict(list)
    for value, group in zip(values, groups, strict=True):
        found[group].append(value)
    means = {group: mean(ones) for group, ones in found.items()}
    return mean(means.values()), means
