"""Whether two runs, or more, differ by more than chance: paired tests, and what many tests at once cost."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Sequence
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from umit.errors import InputError

__all__ = ["adjusted", "cochran_q", "discordant", "mcnemar", "permutation"]

Floats: TypeAlias = NDArray[np.float64]

_AT_ONCE: Final = 1 << 20  # signs drawn at a time


def discordant(a: Sequence[bool], b: Sequence[bool]) -> tuple[int, int]:
    """Return on how many questions only the one run is right, and on how many only the other.

    Args:
        a: Whether each answer of a run is right; an unreadable one is not.
        b: Another run's, in the same order.

    Returns:
        Right in ``a`` alone, right in ``b`` alone.

    Raises:
        InputError: Not as many of one as of the other.

    Example:
        >>> discordant([True, True, False], [True, False, False])
        (1, 0)
    """
    if len(a) != len(b):
        raise InputError(f"expected as many answers of both runs, got {len(a)} and {len(b)}")
    pairs = [(bool(one), bool(other)) for one, other in zip(a, b, strict=True)]
    return pairs.count((True, False)), pairs.count((False, True))


def mcnemar(only_a: int, only_b: int, *, mid: bool = False) -> float:
    """Return the p-value of McNemar's exact test: two runs' right and wrong answers to the same questions.

    Args:
        only_a: Questions that only the one run answers right.
        only_b: Questions that only the other answers right.
        mid: Whether to count the observed case by half (mid-p): less cautious, nearer to its level.

    Returns:
        Two-sided, from the binomial law in whole numbers; 1 if the runs never differ.

    Raises:
        InputError: A count below 0.

    Example:
        >>> mcnemar(0, 6), mcnemar(0, 0)
        (0.03125, 1.0)
    """
    few, n = min(only_a, only_b), only_a + only_b
    if few < 0:
        raise InputError(f"expected counts from 0, got {only_a} and {only_b}", code="counts")
    term = ways = 1
    for i in range(few):
        term = term * (n - i) // (i + 1)
        ways += term
    twice = 2 * ways - (term if mid else 0)
    return min(1.0, twice / (1 << n))


def cochran_q(right: ArrayLike) -> tuple[float, float]:
    """Return Cochran's Q and its p-value: whether several runs are right equally often on the same questions.

    Args:
        right: 1 or 0, shape (questions, runs), at least two runs; an unreadable answer is 0.

    Returns:
        Q, and its p-value by the chi-square law, for many questions; ``(0.0, 1.0)`` if the runs never differ. With
        two runs Q is McNemar's chi-square without correction: prefer :func:`mcnemar`.

    Raises:
        InputError: Not two dimensions, fewer than two runs, or other numbers than 0 and 1.

    Example:
        >>> q, p = cochran_q([[1, 1, 0], [1, 0, 0], [1, 1, 1], [1, 0, 1]])
        >>> round(q, 3), round(p, 3)
        (2.667, 0.264)
    """
    table = np.asarray(right, np.float64)
    if table.ndim != 2 or table.shape[1] < 2 or not np.isin(table, (0, 1)).all():
        raise InputError(
            f"expected 0 and 1 for each question and run, at least two runs, got shape {table.shape}",
            code="runs",
        )
    runs, columns, rows = table.shape[1], table.sum(axis=0), table.sum(axis=1)
    spread = float(runs * rows.sum() - (rows**2).sum())
    if not spread:
        return 0.0, 1.0
    # Cochran 1950, doi:10.1093/biomet/37.3-4.256
    q = float((runs - 1) * (runs * (columns**2).sum() - columns.sum() ** 2) / spread)
    return q, _chi_square_tail(q, runs - 1)


def _chi_square_tail(x: float, freedom: int) -> float:
    """P(X >= x): for whole degrees of freedom the incomplete gamma function is a finite sum (DLMF 8.4.10, 8.4.15)."""
    half, odd = x / 2, freedom % 2
    total = math.erfc(math.sqrt(half)) if odd else math.exp(-half)
    term = 2 * math.sqrt(half / math.pi) * math.exp(-half) if odd else half * math.exp(-half)
    for i in range((freedom - 1) // 2):
        total += term
        term *= half / (i + (1.5 if odd else 2))
    return total


def permutation(
    a: ArrayLike,
    b: ArrayLike,
    groups: Sequence[Hashable] | None = None,
    *,
    count: int = 9999,
    seed: int = 0,
) -> float:
    """Return the p-value of the paired permutation test: whether two runs' mean scores differ.

    The runs' answers are swapped by chance, all of a group together; nothing is assumed of the scores' law.

    Args:
        a: One score an answer, shape (n,).
        b: Another run's, in the same order.
        groups: The group of each answer; each stands alone without.
        count: How many swaps to draw; all of them are looked at if there are not more.
        seed: Of the draws.

    Returns:
        Two-sided; 1 for equal runs.

    Raises:
        InputError: Not as many of each, no answers, or a score that is not finite.

    Example:
        >>> permutation([1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0])
        0.125
    """
    first, second = np.asarray(a, np.float64).ravel(), np.asarray(b, np.float64).ravel()
    labels = list(range(len(first)) if groups is None else groups)
    if not len(first) == len(second) == len(labels) or not labels:
        raise InputError(
            f"expected as many of each, at least one, got {len(first)}, {len(second)} and {len(labels)} groups"
        )
    if not np.isfinite(gaps := first - second).all():
        raise InputError(
            "expected finite scores, got others", hint="Leave such answers out of both runs."
        )
    seen: dict[Hashable, int] = {}
    sums = np.bincount([seen.setdefault(one, len(seen)) for one in labels], gaps)
    every = 2 ** len(sums) <= count
    observed, slack = sums.sum(), 1e-12 * float(np.abs(sums).sum())  # slack: sums in another order
    lower = upper = drawn = 0
    for signs in _all_signs(len(sums)) if every else _some_signs(len(sums), count, seed):
        totals = signs @ sums
        lower += int((totals <= observed + slack).sum())
        upper += int((totals >= observed - slack).sum())
        drawn += len(signs)
    itself = 0 if every else 1  # where only some swaps are drawn the observed one is counted too
    return min(1.0, 2 * (min(lower, upper) + itself) / (drawn + itself))


def _all_signs(number: int) -> Iterator[Floats]:
    patterns = np.arange(2**number)[:, None] >> np.arange(number) & 1
    yield (1 - 2 * patterns).astype(np.float64)


def _some_signs(number: int, count: int, seed: int) -> Iterator[Floats]:
    rng, chunk = np.random.default_rng(seed), max(1, _AT_ONCE // number)
    for start in range(0, count, chunk):
        size = min(chunk, count - start), number
        # The lowest bit of each word: what scipy's permutation_test takes for the same seed.
        swapped = rng.integers(0, 2**32, size, dtype=np.uint32) & 1 == 0
        yield np.where(swapped, -1.0, 1.0)


def adjusted(
    p: Sequence[float], *, method: Literal["holm", "bonferroni", "benjamini-hochberg"] = "holm"
) -> tuple[float, ...]:
    """Return p-values corrected for being many; compare them with the level as if each stood alone.

    Args:
        p: P-values from 0 to 1, in any order.
        method: ``"holm"`` and ``"bonferroni"`` bound the chance of any false alarm, Holm's never weaker;
            ``"benjamini-hochberg"`` bounds the share of false alarms among the alarms.

    Returns:
        One for each, in the same order, at most 1.

    Raises:
        InputError: A p-value outside 0..1.

    Example:
        >>> adjusted([0.01, 0.04, 0.03])
        (0.03, 0.06, 0.06)
    """
    values = np.asarray(p, np.float64).ravel()
    if not ((values >= 0) & (values <= 1)).all():
        raise InputError("expected p-values from 0 to 1, got others", code="p", where="p")
    n, order = len(values), np.argsort(values, kind="stable")
    rising, rank = values[order], np.arange(1, len(values) + 1)
    if method == "bonferroni":
        found = rising * n
    elif method == "holm":  # Holm 1979, jstor.org/stable/4615733
        found = np.maximum.accumulate(rising * (n + 1 - rank))
    else:  # Benjamini and Hochberg 1995, doi:10.1111/j.2517-6161.1995.tb02031.x
        found = np.minimum.accumulate((rising * n / rank)[::-1])[::-1]
    result = np.empty(n)
    result[order] = np.minimum(1.0, found)
    return tuple(result.tolist())
