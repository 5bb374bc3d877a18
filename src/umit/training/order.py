"""Which samples a pass sees, and in which order: a function of a seed and the pass's number."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["pass_order", "pass_size"]

#: Its multiples lie evenly between whole numbers, so that few passes see all of what is drawn less than once a pass.
_GOLDEN: Final = (math.sqrt(5) - 1) / 2


def pass_size(weights: Sequence[float]) -> int:
    """Return how many samples a pass sees, where each is seen so many times on average."""
    return max(1, round(math.fsum(weights)))


def pass_order(count: int, seed: int, number: int, weights: Sequence[float] | None = None) -> NDArray[np.int64]:
    """Return the places of the samples that a pass sees, in its order.

    Args:
        count: How many samples there are.
        seed: Of the draw.
        number: Of the pass, from 0.
        weights: How often each sample is seen in a pass, above 0; one that is no whole number is rounded, up in some
            passes and down in others. ``None`` for once.

    Example:
        >>> sorted(pass_order(3, 0, 0, weights=[2, 1, 1]).tolist())
        [0, 0, 1, 2]
    """
    drawn = np.random.default_rng((seed, 0, number))
    if weights is None:
        return drawn.permutation(count)
    # Systematic sampling: samples lie behind each other, as long as their weights, and every length of one is taken.
    total, fixed = pass_size(weights), np.random.default_rng((seed, 2))
    lying = fixed.permutation(count)
    ends = np.cumsum(np.asarray(weights, float)[lying])
    ends *= total / ends[-1]
    first = (fixed.random() + number * _GOLDEN) % 1
    taken = np.minimum(np.searchsorted(ends, np.arange(total) + first, side="right"), count - 1)
    found: NDArray[np.int64] = lying[taken][drawn.permutation(total)]
    return found
