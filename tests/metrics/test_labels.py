"""Classification from labels and from probabilities."""

from __future__ import annotations

import math

import numpy as np
import pytest

from umit.errors import InputError
from umit.metrics.labels import area, balanced_accuracy, class_scores, confusion, macro_f1

FOUND, TRUE = [0, 1, -1, 2, 1], [0, 1, 0, 2, 2]


def test_an_unreadable_answer_is_wrong_and_no_vote() -> None:
    assert confusion(FOUND, TRUE, 3).tolist() == [[1, 0, 0, 1], [0, 1, 0, 0], [0, 1, 1, 0]]
    assert balanced_accuracy(FOUND, TRUE) == pytest.approx((1 / 2 + 1 + 1 / 2) / 3)
    precision, recall, f1, there = class_scores(FOUND, TRUE)[0]
    assert (precision, recall, f1, there) == pytest.approx((1, 1 / 2, 2 / 3, 2))
    assert macro_f1(FOUND, TRUE) == pytest.approx(2 / 3)


def test_only_unreadable_answers() -> None:
    assert macro_f1([-1, -1], [0, 1]) == 0
    assert balanced_accuracy([-1, -1], [0, 1]) == 0


def test_classes_that_never_occur_are_left_out() -> None:
    assert macro_f1([0, 2], [0, 2]) == 1
    assert balanced_accuracy([0, 2], [0, 2]) == 1


@pytest.mark.parametrize(
    ("found", "true", "why"),
    [
        ([], [], "nothing"),
        ([0], [0, 1], "lengths differ"),
        ([0], [-1], "truth unreadable"),
        ([-2], [0], "below unreadable"),
    ],
)
def test_bad_labels_are_refused(found: list[int], true: list[int], why: str) -> None:
    for metric in (balanced_accuracy, macro_f1):
        with pytest.raises(InputError) as caught:
            metric(found, true)
        assert caught.value.code == "labels", why


def test_an_index_past_the_classes_is_refused() -> None:
    with pytest.raises(InputError, match="below 2"):
        confusion([2], [0], 2)


@pytest.mark.parametrize(
    ("scores", "true", "expected", "why"),
    [
        ([0.1, 0.9], [0, 1], 1.0, "perfect"),
        ([0.9, 0.1], [0, 1], 0.0, "turned round"),
        ([0.5, 0.5], [0, 1], 0.5, "tie counts half"),
        ([0.1, 0.9], [1, 1], math.nan, "one class"),
    ],
)
def test_area(scores: list[float], true: list[int], expected: float, why: str) -> None:
    assert area(scores, true) == pytest.approx(expected, nan_ok=True), why


def test_area_is_the_share_of_pairs_in_order() -> None:
    rng = np.random.default_rng(0)
    scores, true = rng.integers(0, 6, 60) / 5, rng.integers(0, 2, 60)
    ones, zeros = scores[true == 1], scores[true == 0]
    pairs = np.subtract.outer(ones, zeros)
    assert area(scores, true) == pytest.approx(np.mean((pairs > 0) + 0.5 * (pairs == 0)))


def test_labels_as_area_are_sensitivity_and_specificity() -> None:
    true = np.array([0, 0, 0, 1, 1])
    hard = np.array([0.0, 1, 0, 1, 0])
    assert area(hard, true) == pytest.approx((2 / 3 + 1 / 2) / 2)


def test_bad_scores_are_refused() -> None:
    for scores, true in (([0.1], [0, 1]), ([], [])):
        with pytest.raises(InputError) as caught:
            area(scores, true)
        assert caught.value.code == "scores"
