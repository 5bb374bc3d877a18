"""How far a number can be trusted: bootstrap intervals, by groups where answers share one, and those of a share."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from umit.errors import InputError

__all__ = [
    "Interval",
    "bootstrap",
    "bootstrap_mean",
    "bootstrap_weighed",
    "clopper_pearson",
    "interval_of",
    "paired_bootstrap",
    "resamples",
    "wilson",
]

Rows: TypeAlias = NDArray[np.intp]
Floats: TypeAlias = NDArray[np.float64]

_AT_ONCE: Final = 1 << 20  # numbers drawn at a time: 8 MB


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A percentile interval.

    Args:
        low: Its lower end, in the unit of the number.
        high: Its upper end.
        error: Standard error: the spread of the number over the resamples.
    """

    low: float
    high: float
    error: float


def interval_of(draws: ArrayLike, level: float = 0.95) -> Interval:
    """Return the percentile interval of a number's resampled values.

    Args:
        draws: One value a resample, at least two; ``nan`` where a resample had nothing to score, which leaves it out.
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
        return Interval(low=np.nan, high=np.nan, error=np.nan)
    outside = 100 * (1 - level) / 2
    low, high = np.percentile(values, [outside, 100 - outside]).tolist()
    error = float(np.std(values, ddof=1)) if len(values) > 1 else np.nan
    return Interval(low=low, high=high, error=error)


def _codes(groups: Sequence[Hashable] | int) -> Rows:
    """Group of each answer, counted from 0 by first appearance."""
    if isinstance(groups, int):
        return np.arange(groups)
    seen: dict[Hashable, int] = {}
    return np.array([seen.setdefault(group, len(seen)) for group in groups], np.intp)


def resamples(
    groups: Sequence[Hashable] | int, *, count: int = 2000, seed: int = 0
) -> Iterator[Rows]:
    """Yield the answers of each resample; answers of one group, such as a patient, are drawn together.

    Args:
        groups: The group of each answer, or how many answers there are if each stands alone.
        count: How many resamples.
        seed: Of the draws; the same seed draws the same groups whatever is measured on them.

    Yields:
        Indices of answers: as many groups as there are, with replacement, and all answers of each.

    Example:
        >>> [sorted(rows.tolist()) for rows in resamples("aab", count=2, seed=1)]
        [[0, 1, 2], [2, 2]]
    """
    codes = _codes(groups)
    sizes = np.bincount(codes)
    members, starts = np.argsort(codes, kind="stable"), np.cumsum(sizes) - sizes
    alone = len(sizes) == len(codes)
    rng = np.random.default_rng(seed)
    for _ in range(count):
        drawn = rng.integers(0, len(sizes), len(sizes))  # scipy's draws: same seed, same interval
        if alone:
            yield drawn
            continue
        many = sizes[drawn]
        ends = np.cumsum(many)
        yield members[np.arange(ends[-1]) + np.repeat(starts[drawn] - ends + many, many)]


def bootstrap(
    statistic: Callable[[Rows], float],
    groups: Sequence[Hashable] | int,
    *,
    count: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Return the percentile bootstrap interval of any number.

    For the difference of two runs let the statistic score both on the same rows.

    Args:
        statistic: Rows of answers to the number; ``nan`` if there is nothing to score in them.
        groups: As for :func:`resamples`.
        count: How many resamples.
        level: Share of them inside.
        seed: Of the draws.

    Returns:
        The interval; ``nan`` with fewer than two groups, which show no spread.

    Raises:
        InputError: A level outside 0..1.

    Example:
        >>> values = np.array([1.0, 2.0, 4.0, 9.0])
        >>> bootstrap(lambda rows: float(np.median(values[rows])), 4).high
        9.0
    """
    if len(np.unique(_codes(groups))) < 2:
        return interval_of([], level)
    return interval_of(
        [statistic(rows) for rows in resamples(groups, count=count, seed=seed)], level
    )


def _drawn(number: int, count: int, seed: int, at_once: int) -> Iterator[Rows]:
    """Yield the groups that :func:`resamples` draws, some resamples at a time."""
    rng, chunk = np.random.default_rng(seed), max(1, at_once)
    for start in range(0, count, chunk):
        yield rng.integers(0, number, (min(chunk, count - start), number))


def bootstrap_weighed(
    statistic: Callable[[Rows], Floats],
    groups: Sequence[Hashable] | int,
    *,
    count: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Return :func:`bootstrap`'s interval of a number that many resamples have at once.

    Args:
        statistic: How often each answer is in each of some resamples, shape (resamples, n), to their numbers, shape
            (resamples,); ``nan`` where there is nothing to score.
        groups: As for :func:`resamples`.
        count: How many resamples.
        level: Share of them inside.
        seed: Of the draws.

    Returns:
        The interval; ``nan`` with fewer than two groups.

    Raises:
        InputError: A level outside 0..1.

    Example:
        >>> values = np.array([1.0, 2.0, 4.0, 9.0])
        >>> bootstrap_weighed(lambda weights: weights @ values, 4, count=100).high > 16
        True
    """
    codes = _codes(groups)
    number = int(codes.max(initial=-1)) + 1
    if number < 2:
        return interval_of([], level)
    found: list[Floats] = []
    for drawn in _drawn(number, count, seed, _AT_ONCE // len(codes)):
        own = drawn + number * np.arange(len(drawn))[:, None]
        times = np.bincount(own.ravel(), minlength=own.size).reshape(own.shape)
        found.append(statistic(times[:, codes]))
    return interval_of(np.concatenate(found), level)


def bootstrap_mean(
    values: ArrayLike,
    groups: Sequence[Hashable] | None = None,
    *,
    count: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Return the percentile bootstrap interval of a mean: :func:`bootstrap`'s, from the groups' sums alone.

    Args:
        values: One score an answer, shape (n,); ``nan`` for one that the metric leaves out.
        groups: The group of each answer; each stands alone without.
        count: How many resamples.
        level: Share of them inside.
        seed: Of the draws.

    Returns:
        The interval; ``nan`` with fewer than two groups.

    Raises:
        InputError: Not one group for each value, or a level outside 0..1.

    Example:
        >>> bootstrap_mean([1.0, 1.0, 0.0, 0.0], "aabb").high
        1.0
    """
    scores = np.asarray(values, np.float64).ravel()
    codes = _codes(len(scores) if groups is None else groups)
    _same_length(scores, codes)
    there = ~np.isnan(scores)
    number = int(codes.max(initial=-1)) + 1
    if number < 2:
        return interval_of([], level)
    sums = np.bincount(codes, np.where(there, scores, 0.0), number)
    sizes = np.bincount(codes, there, number)
    means: list[Floats] = []
    for drawn in _drawn(number, count, seed, _AT_ONCE // number):
        with np.errstate(invalid="ignore"):  # a resample without a score is nan and left out
            means.append(sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1))
    return interval_of(np.concatenate(means), level)


def paired_bootstrap(
    a: ArrayLike,
    b: ArrayLike,
    groups: Sequence[Hashable] | None = None,
    *,
    count: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Return the interval of the mean difference between two runs on the same questions.

    Args:
        a: One score an answer, shape (n,).
        b: Another run's, in the same order; an answer that is ``nan`` in either is left out of both.
        groups: The group of each answer; each stands alone without.
        count: How many resamples.
        level: Share of them inside.
        seed: Of the draws.

    Returns:
        Of the mean of ``a - b``; an interval without 0 says that the runs differ.

    Raises:
        InputError: Not as many of one as of the other, or a level outside 0..1.

    Example:
        >>> paired_bootstrap([1.0, 0.5, 1.0], [0.0, 0.0, 0.5]).low
        0.5
    """
    first, second = np.asarray(a, np.float64).ravel(), np.asarray(b, np.float64).ravel()
    _same_length(first, second)
    return bootstrap_mean(first - second, groups, count=count, level=level, seed=seed)


def _same_length(one: Floats, other: Floats | Rows) -> None:
    if len(one) != len(other):
        raise InputError(f"expected one for each of {len(one)} answers, got {len(other)}")


def _checked(count: int, n: int, level: float) -> None:
    if not (0 <= count <= n and n > 0 and 0 < level < 1):
        raise InputError(
            f"expected 0 <= count <= n with n above 0 and a level between 0 and 1, got {count}, {n} and {level}",
            code="share",
        )


def wilson(count: int, n: int, *, level: float = 0.95) -> tuple[float, float]:
    """Return Wilson's interval of a share: about right on average, also for few answers and near 0 and 1.

    Args:
        count: Right answers.
        n: Answers, each independent of the others; for several about one picture use :func:`bootstrap_mean`.
        level: Wanted coverage, between 0 and 1.

    Returns:
        Lower and upper end (Wilson 1927, doi:10.1080/01621459.1927.10502953).

    Raises:
        InputError: A count outside 0..n, no answers, or a level outside 0..1.

    Example:
        >>> [round(end, 3) for end in wilson(0, 20)]
        [0.0, 0.161]
    """
    _checked(count, n, level)
    z = NormalDist().inv_cdf((1 + level) / 2)
    centre, half = count + z * z / 2, z * (count * (n - count) / n + z * z / 4) ** 0.5
    low, high = (centre - half) / (n + z * z), (centre + half) / (n + z * z)
    return (low if count else 0.0), (high if count < n else 1.0)  # exact there but for rounding


def clopper_pearson(count: int, n: int, *, level: float = 0.95) -> tuple[float, float]:
    """Return the exact interval of a share, which covers at least as often as it says and so is wide.

    Args:
        count: Right answers.
        n: Answers, each independent of the others.
        level: Least coverage, between 0 and 1.

    Returns:
        Lower and upper end (Clopper and Pearson 1934, doi:10.1093/biomet/26.4.404).

    Raises:
        InputError: A count outside 0..n, no answers, or a level outside 0..1.

    Example:
        >>> [round(end, 3) for end in clopper_pearson(0, 20)]
        [0.0, 0.168]
    """
    _checked(count, n, level)
    outside = (1 - level) / 2
    low = _share_with_tail(count, n, outside) if count else 0.0
    high = 1 - _share_with_tail(n - count, n, outside) if count < n else 1.0
    return low, high


def _share_with_tail(count: int, n: int, tail: float) -> float:
    """The share at which ``count`` or more of ``n`` are right with probability ``tail``."""
    logs = np.append(0.0, np.cumsum(np.log(np.arange(1, n + 1))))
    right = np.arange(count, n + 1)
    ways = logs[n] - logs[right] - logs[n - right]
    low, high = 0.0, 1.0
    while (
        low < (middle := (low + high) / 2) < high
    ):  # to the last bit: the tail grows with the share
        logp, logq = np.log(middle), np.log1p(-middle)
        if np.exp(ways + right * logp + (n - right) * logq).sum() < tail:
            low = middle
        else:
            high = middle
    return middle
