"""What a metric is: each answer measured once, the measures put together as often as wanted.

The two halves are apart so that an interval costs no second look at any text.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Generic, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from umit.errors import MissingExtraError
from umit.metrics.bootstrap import Draws, Numbers, by_rows, means
from umit.queries import Query
from umit.results import Result

__all__ = ["Measures", "Metric", "Pair", "each", "if_installed", "mean", "package", "padded", "summed"]

R = TypeVar("R", bound=Result)
_LOG = logging.getLogger(__name__)

#: One row an answer; ``nan`` in the first column leaves the row out.
Measures: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class Pair(Generic[R]):
    """An answer beside the truth.

    Args:
        query: What was asked.
        gold: The true result, in source coordinates.
        found: The model's result; ``None`` where its text could not be read.
        raw: The model's text, without end tokens that another program left behind it.
        facts: What the source says of the question beside them, such as its ``answer_type``.
    """

    query: Query
    gold: R
    found: R | None
    raw: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)


def mean(measures: Measures) -> float:
    """Return the mean of the first column over the rows that are in; ``nan`` if none is.

    Example:
        >>> mean(np.array([[1.0], [np.nan], [0.0]]))
        0.5
    """
    values = measures[:, 0]
    values = values[~np.isnan(values)]
    return float(values.mean()) if len(values) else float("nan")


def summed(close: Callable[[Measures], Measures]) -> dict[str, Any]:
    """Return ``total`` and ``weighed`` of a metric whose number depends on the sums of its rows alone.

    Args:
        close: Sums of the rows that are in, shape (resamples, columns), to a number each.

    Example:
        >>> ratio = summed(lambda sums: sums[:, 0] / sums[:, 1])
        >>> rows = np.array([[1.0, 2.0], [np.nan, 0.0], [2.0, 2.0]])
        >>> draws = Draws(np.array([[2, 0, 0], [0, 9, 0]]), np.arange(3))
        >>> ratio["total"](rows), ratio["weighed"](rows)(draws).tolist()
        (0.75, [0.5, nan])
    """

    def total(measures: Measures) -> float:
        rows = measures[~np.isnan(measures[:, 0])]
        # Column by column: numpy adds up a column that lies in one piece more exactly.
        sums = np.ascontiguousarray(rows.T).sum(axis=1)
        return float(close(sums[None])[0]) if len(rows) else float("nan")

    def weighed(measures: Measures) -> Numbers:
        there = ~np.isnan(measures[:, 0])
        rows = np.column_stack([measures[there], np.ones(there.sum())])

        def numbers(draws: Draws) -> Measures:
            sums = Draws(draws.times, draws.group[there]).sums(rows)
            some = sums[:, -1] > 0
            found = np.full(len(sums), np.nan)
            found[some] = close(sums[some, :-1])
            return found

        return numbers

    return {"total": total, "weighed": weighed}


@dataclass(frozen=True, kw_only=True)
class Metric(Generic[R]):
    """One number for many answers.

    Args:
        name: As tables print it.
        protocol: Whose rule it is, such as ``"umit"``, ``"LLaVA-Med"``; the same name under two protocols
            is two numbers.
        unit: ``""`` for shares, ``"%"`` where the source prints percent, ``"mm"``, ``"px"``.
        best: The value of a perfect model; ``None`` where it depends on the truth, as BLEU of short texts does.
        unreadable: What an unreadable answer costs, in words that are printed beside the number.
        note: What is counted where the name alone misleads; ``""`` if it does not.
        measure: All answers to one row of numbers each, in order.
        total: Rows to the number.
        column: Which column of the rows is this metric's, where several share a measure; ``total`` sees it alone.
        weighed: Rows to what gives the numbers of many resamples at once: ``total``'s but for rounding, sooner than
            from the rows of each. Means have it by themselves.
        framed: Whether the truth itself, in whole numbers of the frame that the model writes, falls short of
            ``best``: the frame's floor, which :func:`umit.evaluation.score.score` gives beside the number.
    """

    name: str
    protocol: str = "umit"
    unit: str = ""
    best: float | None = 1.0
    unreadable: str = "counts as wrong"
    note: str = ""
    measure: Callable[[Sequence[Pair[R]]], Measures]
    total: Callable[[Measures], float] = mean
    column: int | None = None
    weighed: Callable[[Measures], Numbers] | None = None
    framed: bool = False

    def measures(self, pairs: Sequence[Pair[R]], seen: dict[object, Measures] | None = None) -> Measures:
        """Return this metric's rows.

        Args:
            pairs: Answers beside the truth.
            seen: Measures of these pairs that were taken before, by measure; filled here.
        """
        known = {} if seen is None else seen
        if self.measure not in known:
            known[self.measure] = self.measure(pairs)
        rows = known[self.measure]
        return rows if self.column is None else rows[:, [self.column]]

    def over(self, measures: Measures) -> Numbers:
        """Return what gives the numbers of resamples of some measures, for :func:`umit.metrics.bootstrap.bootstrap`."""
        if self.total is mean:
            return means(measures[:, 0])
        if self.weighed is not None:
            return self.weighed(measures)
        return by_rows(lambda rows: self.total(measures[rows]))

    def apart(self, a: Measures, b: Measures) -> Numbers:
        """Return what gives the differences of two runs' numbers, ``a`` less ``b``, in resamples of the same answers."""
        if self.total is mean:
            return means(a[:, 0] - b[:, 0])
        one, other = self.over(a), self.over(b)
        return lambda draws: one(draws) - other(draws)

    def __call__(self, pairs: Sequence[Pair[R]]) -> float:
        """Return the number for some answers."""
        return self.total(self.measures(pairs))


def each(score: Callable[[Pair[R]], float | None]) -> Callable[[Sequence[Pair[R]]], Measures]:
    """Return a measure that looks at one answer at a time; ``None`` leaves it out.

    Example:
        >>> from umit.queries import Ask
        >>> from umit.results import Answer
        >>> right = each(lambda pair: float(pair.found == pair.gold))
        >>> right([Pair(Ask("Where?"), Answer(text="left"), None)]).tolist()
        [[0.0]]
    """

    def measure(pairs: Sequence[Pair[R]]) -> Measures:
        found = [score(pair) for pair in pairs]
        return np.array([[np.nan if one is None else one] for one in found]).reshape(-1, 1)

    return measure


def padded(rows: Sequence[Sequence[float]]) -> Measures:
    """Return rows of unlike lengths as one array, ``nan`` behind the shorter ones.

    Example:
        >>> padded([[1.0], [2.0, 3.0]]).tolist()
        [[1.0, nan], [2.0, 3.0]]
    """
    found = np.full((len(rows), max(map(len, rows), default=0) or 1), np.nan)
    for row, values in zip(found, rows, strict=True):
        row[: len(values)] = values
    return found


def package(name: str, extra: str) -> Any:
    """Return a module of an extra of umit; by name, since a pure layer holds no import of it.

    Raises:
        MissingExtraError: It is not installed; the message says how.
    """
    try:
        return import_module(name)
    except ImportError as missing:
        raise MissingExtraError(
            f"expected the package {missing.name or name}, which is not installed: pip install 'umit[{extra}]'"
        ) from missing


def if_installed(
    measure: Callable[[Sequence[Pair[R]]], Measures], *, columns: int = 1
) -> Callable[[Sequence[Pair[R]]], Measures]:
    """Return a measure that leaves all answers out, and logs why, where an extra is not installed.

    Args:
        measure: Raises :class:`~umit.errors.MissingExtraError` then.
        columns: How many it gives.
    """

    def measured(pairs: Sequence[Pair[R]]) -> Measures:
        try:
            return measure(pairs)
        except MissingExtraError as missing:
            _LOG.warning("some numbers are left out: %s", missing)
            return np.full((len(pairs), columns), np.nan)

    return measured
