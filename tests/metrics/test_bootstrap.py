"""Bootstrap intervals, by groups, from weights and from rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from umit.errors import InputError
from umit.metrics.bootstrap import Draws, Interval, bootstrap, by_rows, interval_of, means
from umit.metrics.metric import summed

SCORES = np.random.default_rng(3).random(40)
GROUPS = [f"patient {i % 7}" for i in range(40)]
NAN = math.nan


def _last(rows: np.ndarray) -> float:
    return float(SCORES[rows].max()) if 39 in rows else NAN


def test_groups_are_drawn_whole_and_as_often_as_there_are() -> None:
    groups = ["a", "b", "a", "c", "b", "a"]
    seen: list[list[int]] = []

    def kept(draws: Draws) -> np.ndarray:
        seen.extend(draws.weights().tolist())
        return np.zeros(len(draws.times))

    bootstrap(kept, groups, count=50, seed=4)
    assert len(seen) == 50
    for weights in seen:
        times = dict(zip(groups, weights, strict=True))
        assert weights == [times[group] for group in groups] and sum(times.values()) == 3


def test_the_draws_are_scipys() -> None:
    """``default_rng(seed).integers``, the whole of it at once."""
    drawn = np.random.default_rng(5).integers(0, 40, (300, 40))
    expected = interval_of(SCORES[drawn].mean(axis=1))
    assert bootstrap(means(SCORES), 40, count=300, seed=5) == pytest.approx(expected, rel=1e-14)


def test_the_same_answer_ten_times_is_no_more_evidence() -> None:
    repeated, owners = np.repeat(SCORES, 10), np.repeat(np.arange(40), 10).tolist()
    once = bootstrap(means(SCORES), 40, seed=1)
    assert bootstrap(means(repeated), owners, seed=1) == pytest.approx(once)
    alone = bootstrap(means(repeated), 400, seed=1)
    assert alone.high - alone.low < 0.5 * (once.high - once.low)


@pytest.mark.parametrize("groups", [40, GROUPS, list(range(40))])
@pytest.mark.parametrize("gaps", [0, 12])
def test_weights_give_what_rows_give(groups: list[str] | int, gaps: int) -> None:
    scores = SCORES.copy()
    scores[:gaps] = NAN

    def mean(rows: np.ndarray) -> float:
        there = scores[rows][~np.isnan(scores[rows])]
        return float(there.mean()) if len(there) else NAN

    rows = np.column_stack([scores, np.ones(40)])
    ratio = summed(lambda sums: sums[:, 0] / sums[:, 1])
    slow = bootstrap(by_rows(mean), groups, count=300, seed=2)
    assert bootstrap(means(scores), groups, count=300, seed=2) == pytest.approx(slow)
    assert bootstrap(ratio["weighed"](rows), groups, count=300, seed=2) == pytest.approx(slow)


@pytest.mark.parametrize("groups", [40, GROUPS])
def test_chunks_draw_what_one_piece_draws(groups: list[str] | int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = [bootstrap(numbers, groups, count=500) for numbers in (means(SCORES), by_rows(_last))]
    monkeypatch.setattr("umit.metrics.bootstrap._AT_ONCE", 97)
    again = [bootstrap(numbers, groups, count=500) for numbers in (means(SCORES), by_rows(_last))]
    # A matrix product may round its last digit by where its rows lie in memory.
    ends = [[(one.low, one.high) for one in some] for some in (again, whole)]
    np.testing.assert_allclose(ends[0], ends[1], rtol=1e-12)


def test_two_runs_share_their_draws() -> None:
    other = SCORES + 0.01 * np.random.default_rng(5).random(40)
    one, two = means(SCORES), means(other)
    got = bootstrap(lambda draws: one(draws) - two(draws), GROUPS, count=400, seed=6)
    assert got == pytest.approx(bootstrap(means(SCORES - other), GROUPS, count=400, seed=6))
    assert got.high < 0  # a small difference that the two runs' own intervals drown
    assert bootstrap(one, 40).high > bootstrap(two, 40).low


@pytest.mark.parametrize(
    "measure",
    [
        pytest.param(lambda: bootstrap(means([]), 0), id="no answers"),
        pytest.param(lambda: bootstrap(means([1.0, 0.0]), "aa"), id="one patient"),
        pytest.param(lambda: bootstrap(by_rows(lambda rows: 1.0), 1), id="one answer"),
        pytest.param(lambda: bootstrap(by_rows(lambda rows: NAN), 5, count=9), id="never a value"),
        pytest.param(lambda: bootstrap(means([NAN] * 3), 3, count=9), id="nothing scored"),
        pytest.param(lambda: bootstrap(summed(lambda s: s[:, 0])["weighed"](np.full((3, 1), NAN)), 3), id="no sums"),
    ],
)  # fmt: skip
def test_no_spread_to_see(measure: Callable[[], Interval]) -> None:
    assert measure() == pytest.approx((NAN, NAN), nan_ok=True)


def test_constant_scores() -> None:
    assert bootstrap(means([1.0] * 5), 5, count=20) == (1.0, 1.0)


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0])
def test_levels(level: float) -> None:
    for measure in (
        lambda: interval_of([1.0, 2.0], level),
        lambda: bootstrap(means([]), 0, level=level),
        lambda: bootstrap(means([1.0, 2.0]), 2, level=level),
    ):
        with pytest.raises(InputError, match="level"):
            measure()


def test_sums_are_of_the_rows_that_are_in() -> None:
    first: dict[str, Any] = summed(lambda sums: sums[:, 1])
    rows = np.array([[1.0, 5.0], [NAN, 7.0]])
    assert first["total"](rows) == 5 and math.isnan(first["total"](rows[1:]))
