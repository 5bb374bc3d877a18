"""Areas under curves from the probabilities of labels, as MedMNIST's evaluator has them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from umit.metrics.labels import area
from umit.metrics.metric import Pair
from umit.metrics.tables.labels import CLASSIFY
from umit.queries import Choose
from umit.results import Classification

AUC = next(metric for metric in CLASSIFY if metric.name == "AUC")
LABELS = ("normal", "nodule", "mass")


def _pairs(scores: Any, true: Any, labels: tuple[str, ...] = LABELS) -> list[Pair[Any]]:
    return [
        Pair(
            Choose(labels),
            Classification(label=labels[truth]),
            Classification(label=labels[int(np.argmax(row))], probabilities=tuple(row)),
        )
        for row, truth in zip(scores.tolist(), true, strict=True)
    ]


@pytest.mark.parametrize("classes", [2, 3])
def test_it_is_medmnists(classes: int) -> None:
    rng = np.random.default_rng(0)
    scores = rng.dirichlet(np.ones(classes), 60)
    true = rng.integers(0, classes, 60)
    # One class against the rest, the plain mean; of two classes both areas are the same.
    areas = [area(scores[:, k], true == k) for k in range(classes)]
    assert AUC(_pairs(scores, true, LABELS[:classes])) == pytest.approx(np.mean(areas), abs=1e-12)


def test_the_order_of_options_does_not_matter() -> None:
    rng = np.random.default_rng(1)
    scores, true = rng.dirichlet(np.ones(3), 40), rng.integers(0, 3, 40)
    straight = _pairs(scores, true)
    turned = _pairs(scores[:, ::-1], 2 - true, LABELS[::-1])
    assert AUC(straight[:20] + turned[20:]) == AUC(straight)


def test_questions_in_two_languages_are_ranked_apart() -> None:
    scores, true = np.array([[0.6, 0.4], [0.7, 0.3]]), [0, 1]
    english = _pairs(scores, true, ("yes", "no"))
    chinese = _pairs(scores, true, ("是", "否"))
    assert AUC(english) == AUC(chinese) == AUC(english + chinese) == 0


def test_a_class_that_is_never_true_is_left_out() -> None:
    scores = np.array([[0.8, 0.2, 0.0], [0.3, 0.7, 0.0]])
    assert AUC(_pairs(scores, [0, 1])) == 1
    assert math.isnan(AUC(_pairs(scores, [0, 0])))
