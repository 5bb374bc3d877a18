"""Classification from labels and from probabilities."""

from __future__ import annotations

import math

import numpy as np
import pytest

from umit.errors import InputError
from umit.metrics.labels import (
    accuracy,
    balanced_accuracy,
    class_scores,
    confusion,
    kappa,
    macro_f1,
    matthews,
)
from umit.metrics.ranking import (
    area,
    area_one_vs_one,
    areas_one_vs_rest,
    average_precision,
    chosen,
    log_loss,
    medmnist_accuracy,
    medmnist_auc,
)

FOUND, TRUE = [0, 1, -1, 2, 1], [0, 1, 0, 2, 2]


def test_an_unreadable_answer_is_wrong_and_no_vote() -> None:
    assert accuracy(FOUND, TRUE) == pytest.approx(3 / 5)
    assert confusion(FOUND, TRUE, 3).tolist() == [[1, 0, 0, 1], [0, 1, 0, 0], [0, 1, 1, 0]]
    assert balanced_accuracy(FOUND, TRUE) == pytest.approx((1 / 2 + 1 + 1 / 2) / 3)
    precision, recall, f1, there = class_scores(FOUND, TRUE, 3)[0]
    assert (precision, recall, f1, there) == pytest.approx((1, 1 / 2, 2 / 3, 2))
    assert macro_f1(FOUND, TRUE) == pytest.approx(2 / 3)
    assert macro_f1(FOUND, TRUE, weighted=True) == pytest.approx(2 / 3)


def test_agreement_counts_unreadable_answers_as_misses() -> None:
    assert kappa([0, 1, 2, 0], [0, 1, 2, 1]) == pytest.approx(7 / 11)
    assert kappa([0, 1, 2, -1], [0, 1, 2, 1]) == pytest.approx(2 / 3)  # less is met by chance
    assert matthews([0, 1, 2, -1], [0, 1, 2, 1]) < 1
    assert kappa([0, 2], [0, 1], quadratic=True) > kappa([0, 2], [0, 0], quadratic=True)


def test_only_unreadable_answers() -> None:
    assert accuracy([-1, -1], [0, 1]) == 0
    assert macro_f1([-1, -1], [0, 1]) == 0
    assert balanced_accuracy([-1, -1], [0, 1]) == 0
    assert matthews([-1, -1], [0, 1]) == 0


def test_classes_that_never_occur_are_left_out() -> None:
    assert macro_f1([0, 2], [0, 2]) == 1
    assert balanced_accuracy([0, 2], [0, 2]) == 1


def test_chance_that_agrees_fully_is_no_number() -> None:
    assert math.isnan(kappa([1, 1], [1, 1]))
    assert matthews([1, 1], [1, 1]) == 0


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
    for metric in (accuracy, balanced_accuracy, macro_f1, kappa, matthews):
        with pytest.raises(InputError) as caught:
            metric(found, true)
        assert caught.value.code == "labels", why


def test_an_index_past_the_classes_is_refused() -> None:
    with pytest.raises(InputError, match="below 2"):
        confusion([2], [0], 2)


def test_rows_of_zeros_are_unreadable_for_us_and_class_0_for_medmnist() -> None:
    scores = [[0.0, 0.0], [0.1, 0.9]]
    assert chosen(scores).tolist() == [-1, 1]
    assert medmnist_accuracy(scores, [[0], [1]], "multi-class") == 1
    assert accuracy(chosen(scores), [0, 1]) == 0.5


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


def test_a_missing_class_leaves_no_plain_mean() -> None:
    areas = areas_one_vs_rest([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1]], [0, 1])
    assert math.isnan(areas[2]) and np.nanmean(areas) == 1
    assert math.isnan(medmnist_auc([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1]], [0, 1], "multi-class"))
    assert math.isnan(area_one_vs_one([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1]], [0, 1]))


def test_labels_as_area_are_sensitivity_and_specificity() -> None:
    true = np.array([0, 0, 0, 1, 1])
    hard = np.array([0.0, 1, 0, 1, 0])
    assert area(hard, true) == pytest.approx((2 / 3 + 1 / 2) / 2)


def test_average_precision_of_ties_and_of_nothing() -> None:
    assert average_precision([0.5, 0.5], [0, 1]) == 0.5
    assert average_precision([0.5, 0.4], [0, 0]) == 0
    assert average_precision([0.1, 0.2, 0.9], [0, 1, 1]) == 1


def test_log_loss_of_certainty_is_finite() -> None:
    assert 30 < log_loss([0.0], [1]) < 40
    assert log_loss([1.0], [1]) < 1e-12


def test_one_sample_keeps_its_axis() -> None:
    """MedMNIST's own evaluator squeezes it away."""
    assert medmnist_accuracy([[0.2, 0.8]], [[1]], "multi-class") == 1
    assert medmnist_accuracy([[0.2, 0.8]], [[0, 1]], "multi-label, binary-class") == 1


def test_bad_scores_are_refused() -> None:
    with pytest.raises(InputError, match="'multi-class'"):
        medmnist_accuracy([[1.0, 0.0]], [0], "two-class")  # type: ignore[arg-type]
    for scores, true in (([0.1], [0, 1]), ([], []), ([[[0.1]]], [0])):
        with pytest.raises(InputError) as caught:
            area(scores, true)
        assert caught.value.code == "scores"
    with pytest.raises(InputError):
        areas_one_vs_rest([[0.1, 0.9]], [[0, 1, 0]])
    with pytest.raises(InputError):
        medmnist_auc([[0.1, 0.9]], [[0]], "multi-label, binary-class")
