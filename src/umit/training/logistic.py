"""Multinomial logistic regression with an L2 penalty: scikit-learn's default model of that name, by torch's L-BFGS."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["chances"]

_ITERATIONS: Final = 1_000
_FLAT: Final = 1e-4  # the largest gradient of the mean loss at which it has arrived; scikit-learn's


def chances(
    known: NDArray[np.float64], truth: Sequence[int], asked: NDArray[np.float64], *, strength: float = 1.0
) -> NDArray[np.float64]:
    """Fit on known rows and return the probability of each class for the asked ones.

    What is minimized is ``strength`` times the summed cross entropy, plus half the squared weights; the intercepts
    are free. Two classes have one row of weights, as in scikit-learn's ``LogisticRegression(C=strength)``: of two that
    are each other's opposite, the squares are counted twice.

    Args:
        known: ``(rows, features)``, of a scale of about 1.
        truth: The class of each, from 0 and without gaps.
        asked: ``(rows, features)``.
        strength: Above 0; a larger one trusts the rows more.

    Returns:
        ``(rows of asked, classes)``; each row sums to 1.

    Example:
        >>> rows = np.array([[0.0], [0.1], [0.9], [1.0]])
        >>> chances(rows, [0, 0, 1, 1], rows).argmax(axis=1).tolist()
        [0, 0, 1, 1]
    """
    import torch
    from torch.nn import functional

    middle = known.mean(axis=0)  # moves the intercepts alone, and is found in fewer steps
    rows, classes = torch.from_numpy(known - middle), torch.tensor(truth)
    weights = torch.zeros(known.shape[1], int(classes.max()) + 1, dtype=torch.float64, requires_grad=True)
    twice = 2 if weights.shape[1] == 2 else 1
    free = torch.zeros(weights.shape[1], dtype=torch.float64, requires_grad=True)
    found: Any = torch.optim.LBFGS(
        [weights, free], max_iter=_ITERATIONS, tolerance_grad=_FLAT, tolerance_change=0, line_search_fn="strong_wolfe"
    )

    def loss() -> torch.Tensor:
        found.zero_grad()
        penalty = twice * (weights**2).sum() / (2 * strength * len(rows))
        whole = functional.cross_entropy(rows @ weights + free, classes) + penalty
        whole.backward()  # type: ignore[no-untyped-call]
        return whole

    with torch.enable_grad():
        found.step(loss)
    with torch.no_grad():
        scores = torch.from_numpy(asked - middle) @ weights + free
    said: NDArray[np.float64] = scores.softmax(dim=1).numpy()
    return said
