"""Logistic regression, against what scikit-learn 1.9.1 printed for the same rows."""

from __future__ import annotations

import numpy as np
import pytest

from umit.training.logistic import chances

PRINTED = [
    (2, 1.0, [[0.3737, 0.6263], [0.2986, 0.7014]]),
    (2, 0.1, [[0.4819, 0.5181], [0.4454, 0.5546]]),
    (3, 1.0, [[0.6258, 0.3256, 0.0486], [0.333, 0.4869, 0.18]]),
    (3, 0.1, [[0.4328, 0.3662, 0.2011], [0.3373, 0.3641, 0.2986]]),
]


@pytest.mark.parametrize(("classes", "strength", "printed"), PRINTED)
def test_it_is_scikit_learns(classes: int, strength: float, printed: list[list[float]]) -> None:
    drawn = np.random.default_rng(0)
    truth = [place % classes for place in range(12)]
    rows = drawn.normal(0, 1, (12, 3)) + np.array(truth)[:, None] * [1.0, 0.5, 0.0]
    found = chances(rows, truth, rows[:2], strength=strength)
    assert found == pytest.approx(np.array(printed), abs=5e-4)
    far = chances(rows + 100, truth, rows[:2] + 100, strength=strength)
    assert far == pytest.approx(found, abs=5e-4), "intercepts are free"
