"""Calibration and risk against coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from umit.errors import InputError
from umit.metrics.calibration import calibration_error, calibration_errors, reliability, risk_areas, risk_coverage


@pytest.mark.parametrize("bins", [5, 10, 15, 20])
def test_an_edge_belongs_to_the_upper_bin(bins: int) -> None:
    for k in range(bins):
        place = reliability([k / bins], [1], bins=bins).count
        assert place.index(1) == k
    assert reliability([1.0], [1], bins=bins).count[-1] == 1


def test_empty_bins_are_no_numbers() -> None:
    found = reliability([0.9, 0.95], [1, 0], bins=2)
    assert found.count == (0, 2)
    assert math.isnan(found.hit[0]) and math.isnan(found.confidence[0])
    assert found.hit[1] == 0.5 and found.confidence[1] == pytest.approx(0.925)


def test_gaps_weigh_by_their_bins() -> None:
    error = calibration_error([0.2, 0.2, 0.2, 0.9], [0, 0, 0, 0], bins=2)
    assert error == pytest.approx(0.75 * 0.2 + 0.25 * 0.9)


def test_a_calibrated_model_is_near_zero() -> None:
    rng = np.random.default_rng(0)
    p = rng.random(50_000)
    assert calibration_error(p, rng.random(50_000) < p) < 0.01


def test_risk_of_a_perfect_ranking() -> None:
    found = risk_coverage([0.9, 0.8, 0.2], [1, 1, 0])
    assert found.coverage == pytest.approx((1 / 3, 2 / 3, 1))
    assert found.risk == pytest.approx((0, 0, 1 / 3))
    assert found.area == pytest.approx(1 / 9)


def test_risk_of_ties_is_their_mean_over_orders() -> None:
    tied = risk_coverage([0.5] * 4, [1, 0, 1, 0])
    assert tied.risk == (0.5,) and tied.area == pytest.approx(0.5)
    rng = np.random.default_rng(0)
    orders = [risk_coverage(rng.random(4), [1, 0, 1, 0]).area for _ in range(500)]
    assert np.mean(orders) == pytest.approx(0.5, abs=0.05)


#: Edges of bins, ties, certainty, unreadable answers (probability 0) and anything else.
PROBABILITIES = st.one_of(st.integers(0, 15).map(lambda k: k / 15), st.floats(0, 1))


@given(
    st.lists(
        st.tuples(PROBABILITIES, st.integers(0, 1), *[st.integers(0, 3)] * 3),
        min_size=1, max_size=40,
    )
)  # fmt: skip
def test_resamples_at_once_are_resamples_one_by_one(answers: list[tuple[float, int, int, int, int]]) -> None:
    columns = np.array(answers)
    p, hit, weights = columns[:, 0], columns[:, 1], columns[:, 2:].T.astype(int)
    both = calibration_errors(p, hit)(weights), risk_areas(p, hit)(weights)
    for times, error, area in zip(weights, *both, strict=True):
        drawn = np.repeat(p, times), np.repeat(hit, times)
        if times.any():
            assert error == pytest.approx(calibration_error(*drawn), abs=1e-12)
            assert area == pytest.approx(risk_coverage(*drawn).area, abs=1e-12)
        else:
            assert math.isnan(error) and math.isnan(area)


@pytest.mark.parametrize(
    ("p", "hit", "why"),
    [
        ([], [], "nothing"),
        ([0.5], [1, 0], "lengths differ"),
        ([1.5], [1], "above one"),
        ([-0.1], [1], "below zero"),
        ([math.nan], [1], "no number"),
    ],
)
def test_bad_probabilities_are_refused(p: list[float], hit: list[int], why: str) -> None:
    for metric in (reliability, risk_coverage, calibration_error, calibration_errors, risk_areas):
        with pytest.raises(InputError) as caught:
            metric(p, hit)
        assert caught.value.code == "probabilities", why
