"""How far a number can be trusted: one bootstrap, in which answers about one patient are drawn together.

A resample is how often each group was drawn, so many resamples of a mean are one product of matrices. A number that
takes no weights is computed from the rows of each resample, by :func:`by_rows`, with the same draws.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from umit.errors import InputError

__all__ = ["Draws", "Interval", "Numbers", "Rows", "Weights", "bootstrap", "by_rows", "interval_of", "means"]

Floats: TypeAlias = NDArray[np.float64]
#: Which answers, one of them as often as it was drawn.
Rows: TypeAlias = NDArray[np.intp]
#: How often each answer is in each resample, shape (resamples, answers).
Weights: TypeAlias = NDArray[np.intp]

_AT_ONCE: Final = 1 << 20  # numbers drawn at a time: 8 MB


class Draws(NamedTuple):
    """Some resamples.

    Args:
        times: How often each group was drawn in each, shape (resamples, groups).
        group: The group of each answer, from 0, shape (answers,).
    """

    times: Weights
    group: Rows

    def weights(self) -> Weights:
        """Return how often each answer is in each resample."""
        return self.times[:, self.group]

    def sums(self, values: Floats) -> Floats:
        """Return the sums of columns, shape (answers, columns), over the answers of each resample.

        Example:
            >>> draws = Draws(np.array([[2, 0], [1, 1]]), np.array([0, 0, 1]))
            >>> draws.sums(np.array([[1.0], [2.0], [4.0]])).tolist()
            [[6.0], [7.0]]
        """
        groups = self.times.shape[1]
        each = [np.bincount(self.group, column, groups) for column in values.T]
        found: Floats = self.times.astype(np.float64) @ np.column_stack(each)
        return found


#: Resamples to the number of each, shape (resamples,); ``nan`` where there is nothing to score.
Numbers: TypeAlias = Callable[[Draws], Floats]


class Interval(NamedTuple):
    """A percentile interval.

    Args:
        low: Its lower end, in the unit of the number.
        high: Its upper end.
    """

    low: float
    high: float


def interval_of(draws: ArrayLike, level: float = 0.95) -> Interval:
    """Return the percentile interval of a number's resampled values.

    Args:
        draws: One value a resample; ``nan`` where a resample had nothing to score, which leaves it out.
        level: Share of the values inside, between 0 and 1.

    Returns:
        The interval; ``nan`` if no resample has a value.

    Raises:
        InputError: A level outside 0..1.

    Example:
        >>> round(interval_of(range(101), level=0.9).low, 6)
        5.0
    """
    if not 0 < level < 1:
        raise InputError(f"expected a level between 0 and 1, got {level}", where="level")
    values = np.asarray(draws, np.float64).ravel()
    values = values[~np.isnan(values)]
    if not len(values):
        return Interval(np.nan, np.nan)
    outside = 100 * (1 - level) / 2
    return Interval(*np.percentile(values, [outside, 100 - outside]).tolist())


def bootstrap(
    numbers: Numbers, groups: Sequence[Hashable] | int, *, count: int = 1000, level: float = 0.95, seed: int = 0
) -> Interval:
    """Return the percentile bootstrap interval of a number.

    For the difference of two runs let ``numbers`` give both from the same draws.

    Args:
        numbers: From :func:`means`, :func:`by_rows` or a metric's ``over``.
        groups: The group of each answer, such as its patient, or how many answers there are if each stands alone.
        count: How many resamples: as many groups as there are, with replacement, and all answers of each.
        level: Share of them inside.
        seed: Of the draws; the same seed draws the same groups whatever is measured on them.

    Returns:
        The interval; ``nan`` with fewer than two groups, which show no spread.

    Raises:
        InputError: A level outside 0..1.

    Example:
        >>> bootstrap(means([1.0, 1.0, 0.0, 0.0]), "aabb")
        Interval(low=0.0, high=1.0)
    """
    seen: dict[Hashable, int] = {}
    labels = range(groups) if isinstance(groups, int) else groups
    codes = np.array([seen.setdefault(group, len(seen)) for group in labels], np.intp)
    if len(seen) < 2:
        return interval_of([], level)
    rng, chunk, found = np.random.default_rng(seed), max(1, _AT_ONCE // len(seen)), []
    for start in range(0, count, chunk):
        size = min(chunk, count - start)
        drawn = rng.integers(0, len(seen), (size, len(seen)))  # scipy's: same seed, same interval
        own = drawn + len(seen) * np.arange(size)[:, None]
        times = np.bincount(own.ravel(), minlength=own.size).reshape(own.shape)
        found.append(numbers(Draws(times, codes)))
    return interval_of(np.concatenate(found), level)


def means(values: ArrayLike) -> Numbers:
    """Return what gives the means of many resamples.

    Args:
        values: One score an answer, shape (n,); ``nan`` for one that is left out.

    Example:
        >>> draws = Draws(np.array([[1, 1, 5], [2, 0, 0]]), np.arange(3))
        >>> means([1.0, 4.0, np.nan])(draws).tolist()
        [2.5, 1.0]
    """
    scores = np.asarray(values, np.float64).ravel()
    there = ~np.isnan(scores)
    columns = np.column_stack([np.where(there, scores, 0.0), there])

    def numbers(draws: Draws) -> Floats:
        sums, counts = draws.sums(columns).T
        with np.errstate(invalid="ignore"):  # a resample without a score is nan
            found: Floats = sums / counts
        return found

    return numbers


def by_rows(number: Callable[[Rows], float]) -> Numbers:
    """Return what gives any number of many resamples, one after another.

    Args:
        number: Rows of answers, ascending, one as often as it was drawn, to their number.

    Example:
        >>> values = np.array([1.0, 2.0, 4.0, 9.0])
        >>> median = by_rows(lambda rows: float(np.median(values[rows])))
        >>> median(Draws(np.array([[0, 1, 0, 3]]), np.arange(4))).tolist()
        [9.0]
    """

    def numbers(draws: Draws) -> Floats:
        places = np.arange(len(draws.group))
        return np.array([number(np.repeat(places, one[draws.group])) for one in draws.times], np.float64)

    return numbers
