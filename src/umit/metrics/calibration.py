"""Whether a probability means what it says: calibration error, and risk against coverage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from umit.errors import InputError
from umit.metrics.bootstrap import Weights

__all__ = ["Bins", "Curve", "calibration_error", "calibration_errors", "reliability", "risk_areas", "risk_coverage"]

Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bins:
    """A reliability diagram.

    Args:
        count: Answers in each bin.
        confidence: Mean probability in each bin; ``nan`` in an empty one.
        hit: Share of right answers in each bin; ``nan`` in an empty one.
    """

    count: tuple[int, ...]
    confidence: tuple[float, ...]
    hit: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Risk against coverage: what is wrong among the answers given, were the least sure ones withheld.

    Args:
        coverage: Share of answers given, rising to 1.
        risk: Share of wrong ones among them.
        area: Mean risk over all coverages, 0 for a perfect model; answers of one probability are given
            together, in all orders on average.
    """

    coverage: tuple[float, ...]
    risk: tuple[float, ...]
    area: float


def _pairs(probability: ArrayLike, hit: ArrayLike) -> tuple[Floats, Floats]:
    p, y = np.asarray(probability, np.float64).ravel(), np.asarray(hit, np.float64).ravel()
    if p.shape != y.shape or not len(p):
        raise InputError(
            f"expected as many probabilities as answers, at least one, got {len(p)} and {len(y)}", code="probabilities"
        )
    if not np.all((p >= 0) & (p <= 1)):
        raise InputError(
            "expected probabilities from 0 to 1, got one outside",
            code="probabilities",
            hint="An unreadable answer has probability 0.",
        )
    return p, y


def _binned(p: Floats, bins: int) -> NDArray[np.intp]:
    """In which bin each probability is."""
    # linspace misses 0.6 by a step: an edge is where it is written
    edges = np.arange(bins + 1) / bins
    return np.minimum(np.searchsorted(edges, p, side="right") - 1, bins - 1)


def reliability(probability: ArrayLike, hit: ArrayLike, *, bins: int = 15) -> Bins:
    """Return a reliability diagram over equal bins; a value on an edge belongs to the upper bin.

    Args:
        probability: Of being right, from 0 to 1, shape (n,).
        hit: 1 or 0, shape (n,).
        bins: How many; at least 1.

    Raises:
        InputError: No answers, not as many of one as of the other, or a probability outside 0..1.

    Example:
        >>> reliability([0.1, 0.5, 0.9], [0, 1, 1], bins=2).hit
        (0.0, 1.0)
    """
    p, y = _pairs(probability, hit)
    place = _binned(p, bins)
    count = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):
        confidence = np.bincount(place, p, bins) / count
        share = np.bincount(place, y, bins) / count
    return Bins(count=tuple(count.tolist()), confidence=tuple(confidence.tolist()), hit=tuple(share.tolist()))


def calibration_error(probability: ArrayLike, hit: ArrayLike, *, bins: int = 15) -> float:
    """Return the expected calibration error (ECE), from 0 to 1: the gap between saying and being right, by bins' shares.

    An unreadable answer is one with probability 0 that is wrong: it costs nothing here, so print its share
    beside this number.

    Args:
        probability: Of being right, from 0 to 1, shape (n,).
        hit: 1 or 0, shape (n,).
        bins: How many equal bins.

    Raises:
        InputError: As :func:`reliability`.

    Example:
        >>> round(calibration_error([0.9, 0.9, 0.9, 0.9], [1, 1, 1, 0]), 4)
        0.15
    """
    found = reliability(probability, hit, bins=bins)
    count = np.array(found.count, np.float64)
    there = count > 0
    gap = np.abs(np.array(found.confidence) - np.array(found.hit))[there]
    return float(count[there] / count.sum() @ gap)


def calibration_errors(probability: ArrayLike, hit: ArrayLike, *, bins: int = 15) -> Callable[[Weights], Floats]:
    """Return what gives :func:`calibration_error` of many resamples at once, equal but for rounding.

    The answers are binned here, once; each resample is how often each answer is in it.

    Args:
        probability: Of being right, shape (n,).
        hit: 1 or 0, shape (n,).
        bins: How many equal bins.

    Raises:
        InputError: As :func:`reliability`.

    Example:
        >>> calibration_errors([0.75, 0.5], [1, 0])(np.array([[2, 0], [1, 1]])).tolist()
        [0.25, 0.375]
    """
    p, y = _pairs(probability, hit)
    gaps = np.zeros((len(p), bins))
    gaps[np.arange(len(p)), _binned(p, bins)] = p - y

    def errors(weights: Weights) -> Floats:
        # A bin's count cancels: its share of the answers times the gap of its two means is the gap of their sums.
        with np.errstate(invalid="ignore"):
            found: Floats = np.abs(weights @ gaps).sum(axis=1) / weights.sum(axis=1)
        return found

    return errors


def risk_coverage(probability: ArrayLike, hit: ArrayLike) -> Curve:
    """Return risk against coverage, from the surest answer to all of them: one point for each distinct probability.

    Args:
        probability: Of being right, shape (n,); 0 for an unreadable answer, which comes last and is wrong.
        hit: 1 or 0, shape (n,).

    Raises:
        InputError: As :func:`reliability`.

    Example:
        >>> risk_coverage([0.9, 0.8, 0.8, 0.4], [1, 1, 0, 0]).risk
        (0.0, 0.3333333333333333, 0.5)
    """
    p, y = _pairs(probability, hit)
    place = np.unique(-p, return_inverse=True)[1]
    count = np.bincount(place)
    given = np.cumsum(count)
    wrong = np.cumsum(np.bincount(place, 1 - y))
    # Within a tie the expected count of wrong answers grows in a straight line.
    at = np.arange(1, len(p) + 1)
    expected = np.interp(at, np.append(0, given), np.append(0.0, wrong))
    return Curve(
        coverage=tuple((given / len(p)).tolist()),
        risk=tuple((wrong / given).tolist()),
        area=float(np.mean(expected / at)),
    )


def risk_areas(probability: ArrayLike, hit: ArrayLike) -> Callable[[Weights], Floats]:
    """Return what gives the area of :func:`risk_coverage` of many resamples at once, equal but for rounding.

    Args:
        probability: Of being right, shape (n,).
        hit: 1 or 0, shape (n,).

    Raises:
        InputError: As :func:`reliability`.

    Example:
        >>> risk_areas([0.9, 0.8], [1, 0])(np.array([[1, 1], [2, 0]])).tolist()
        [0.25, 0.0]
    """
    p, y = _pairs(probability, hit)
    order = np.argsort(-p, kind="stable")
    missed = 1 - y[order]
    starts = np.flatnonzero(np.diff(-p[order], prepend=-np.inf))  # of each distinct probability

    def areas(weights: Weights) -> Floats:
        drawn = weights[:, order]
        count = np.add.reduceat(drawn, starts, axis=1)
        wrong = np.add.reduceat(drawn * missed, starts, axis=1)
        given, lost = np.cumsum(count, axis=1), np.cumsum(wrong, axis=1)
        before = given - count
        # From ``before`` to ``given`` the expected count of wrong answers is a line, offset + slope * at, so its
        # mean over at is a sum of slopes and of offset / at: differences of harmonic numbers.
        slope = wrong / np.maximum(count, 1)
        offset = lost - wrong - slope * before
        harmonic = np.append(0.0, np.cumsum(1 / np.arange(1, given.max(initial=0) + 1)))
        total = lost[:, -1] + (offset * (harmonic[given] - harmonic[before])).sum(axis=1)
        with np.errstate(invalid="ignore"):
            found: Floats = total / given[:, -1]
        return found

    return areas
