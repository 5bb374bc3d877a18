"""Whether two runs differ by more than chance: McNemar's exact test, and what many tests at once cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np

from umit.errors import InputError

__all__ = ["holm", "mcnemar"]


def mcnemar(a: Sequence[bool], b: Sequence[bool], groups: Sequence[Hashable] | None = None) -> float:
    """Return the p-value of McNemar's exact test: two runs' right and wrong answers to the same questions.

    Were the runs equal, each group's answers could as well be the other run's: all its answers are swapped together.

    Args:
        a: Whether each answer of a run is right; an unreadable one is not.
        b: Another run's, in the same order.
        groups: The group of each answer, such as its picture; each stands alone without, as McNemar had it.

    Returns:
        Two-sided, from the exact law of the difference over all swaps; 1 if the runs never differ.

    Raises:
        InputError: Not as many of each.

    Example:
        >>> mcnemar([True] * 6, [False] * 6), mcnemar([True] * 6, [False] * 6, "aaabbc")
        (0.03125, 0.25)
    """
    labels = range(len(a)) if groups is None else groups
    if not len(a) == len(b) == len(labels):
        raise InputError(f"expected as many of each, got {len(a)}, {len(b)} and {len(labels)} groups")
    gaps: Counter[Hashable] = Counter()
    for one, other, group in zip(a, b, labels, strict=True):
        gaps[group] += bool(one) - bool(other)
    steps = [abs(gap) for gap in gaps.values() if gap]
    law = np.ones(1)  # of the sum of the steps that are swapped
    for step in steps:
        law = (np.pad(law, (0, step)) + np.pad(law, (step, 0))) / 2
    few = (sum(steps) - abs(gaps.total())) // 2
    return min(1.0, 2 * float(law[: few + 1].sum()))


def holm(p: Sequence[float]) -> tuple[float, ...]:
    """Return p-values corrected for being many; compare them with the level as if each stood alone.

    Under the level, the chance of any false alarm among all of them is at most the level, whatever they share.

    Args:
        p: P-values from 0 to 1, in any order.

    Returns:
        One for each, in the same order, at most 1 (Holm 1979, jstor.org/stable/4615733).

    Raises:
        InputError: A p-value outside 0..1.

    Example:
        >>> holm([0.01, 0.04, 0.03])
        (0.03, 0.06, 0.06)
    """
    values = np.asarray(p, np.float64).ravel()
    if not ((values >= 0) & (values <= 1)).all():
        raise InputError("expected p-values from 0 to 1, got others", code="p", where="p")
    order = np.argsort(values, kind="stable")
    found = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    result = np.empty(len(values))
    result[order] = np.minimum(1.0, found)
    return tuple(result.tolist())
