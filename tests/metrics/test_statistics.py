"""Bootstrap intervals, by groups, and intervals of a share."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from umit.errors import InputError
from umit.metrics.statistics import (
    Interval,
    bootstrap,
    bootstrap_mean,
    bootstrap_weighed,
    clopper_pearson,
    interval_of,
    paired_bootstrap,
    resamples,
    wilson,
)

SCORES = np.random.default_rng(3).random(40)
GROUPS = [f"patient {i % 7}" for i in range(40)]


def _same(one: Interval, other: Interval) -> None:
    assert (one.low, one.high, one.error) == pytest.approx((other.low, other.high, other.error))


def test_groups_are_drawn_whole() -> None:
    groups = ["a", "b", "a", "c", "b", "a"]
    members = {name: [i for i, one in enumerate(groups) if one == name] for name in "abc"}
    for rows in resamples(groups, count=50, seed=4):
        drawn = [groups[row] for row in rows]
        times = {name: drawn.count(name) / len(members[name]) for name in "abc"}
        assert sum(times.values()) == 3 and all(value.is_integer() for value in times.values())
        for name, inside in members.items():
            assert [row for row in rows if groups[row] == name] == inside * int(times[name])


def test_the_same_answer_ten_times_is_no_more_evidence() -> None:
    repeated, owners = np.repeat(SCORES, 10), np.repeat(np.arange(40), 10).tolist()
    once = bootstrap_mean(SCORES, seed=1)
    _same(bootstrap_mean(repeated, owners, seed=1), once)
    alone = bootstrap_mean(repeated, seed=1)
    assert alone.high - alone.low < 0.5 * (once.high - once.low)


@pytest.mark.parametrize("groups", [None, GROUPS, list(range(40))])
@pytest.mark.parametrize("gaps", [0, 12])
def test_sums_give_what_rows_give(groups: list[str] | None, gaps: int) -> None:
    scores = SCORES.copy()
    scores[:gaps] = np.nan

    def mean(rows: np.ndarray) -> float:
        there = scores[rows][~np.isnan(scores[rows])]
        return float(there.mean()) if len(there) else float("nan")

    slow = bootstrap(mean, groups if groups is not None else len(scores), count=300, seed=2)
    _same(bootstrap_mean(scores, groups, count=300, seed=2), slow)


@pytest.mark.parametrize("groups", [40, GROUPS, list(range(40))])
@pytest.mark.parametrize("at_once", [1 << 20, 97])
def test_weights_give_what_rows_give(
    groups: list[str] | int, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def last(rows: np.ndarray) -> float:
        return float(SCORES[rows].max()) if 39 in rows else float("nan")

    def lasts(weights: np.ndarray) -> np.ndarray:
        return np.where(weights[:, 39], np.where(weights, SCORES, 0).max(axis=1), np.nan)

    slow = bootstrap(last, groups, count=300, seed=2)
    monkeypatch.setattr("umit.metrics.statistics._AT_ONCE", at_once)
    _same(bootstrap_weighed(lasts, groups, count=300, seed=2), slow)


def test_chunks_draw_what_one_piece_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = bootstrap_mean(SCORES, count=500)
    monkeypatch.setattr("umit.metrics.statistics._AT_ONCE", 97)
    _same(bootstrap_mean(SCORES, count=500), whole)


def test_pairs_share_their_rows() -> None:
    other = SCORES + 0.01 * np.random.default_rng(5).random(40)
    got = paired_bootstrap(SCORES, other, GROUPS, count=400, seed=6)
    slow = bootstrap(
        lambda rows: float(SCORES[rows].mean() - other[rows].mean()), GROUPS, count=400, seed=6
    )
    _same(got, slow)
    assert got.high < 0  # a small difference that the two runs' own intervals drown
    assert bootstrap_mean(SCORES).high > bootstrap_mean(other).low


@pytest.mark.parametrize(
    "measure",
    [
        pytest.param(lambda: bootstrap_mean([]), id="no answers"),
        pytest.param(lambda: bootstrap_mean([1.0, 0.0], "aa"), id="one patient"),
        pytest.param(lambda: bootstrap(lambda rows: 1.0, 1), id="one answer"),
        pytest.param(lambda: bootstrap_weighed(lambda weights: weights[:, 0] * 1.0, 1), id="one answer, weighed"),
        pytest.param(lambda: bootstrap_weighed(lambda weights: weights[:, 0] * 1.0, []), id="no answers, weighed"),
        pytest.param(lambda: bootstrap(lambda rows: math.nan, 5, count=9), id="never a value"),
        pytest.param(lambda: bootstrap_mean([math.nan] * 3, count=9), id="nothing scored"),
    ],
)  # fmt: skip
def test_no_spread_to_see(measure: Callable[[], Interval]) -> None:
    got = measure()
    assert math.isnan(got.low) and math.isnan(got.high) and math.isnan(got.error)


def test_constant_scores() -> None:
    _same(bootstrap_mean([1.0] * 5, count=20), Interval(low=1.0, high=1.0, error=0.0))


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0])
def test_levels(level: float) -> None:
    with pytest.raises(InputError, match="level"):
        interval_of([1.0, 2.0], level)
    with pytest.raises(InputError, match="level"):
        bootstrap_mean([], level=level)
    with pytest.raises(InputError, match="level"):
        bootstrap_weighed(lambda weights: weights[:, 0] * 1.0, 2, level=level)
    with pytest.raises(InputError, match="level"):
        wilson(1, 2, level=level)


def test_lengths() -> None:
    with pytest.raises(InputError, match="got 1"):
        bootstrap_mean([1.0, 2.0], ["a"])
    with pytest.raises(InputError, match="got 1"):
        paired_bootstrap([1.0, 2.0], [1.0])


@pytest.mark.parametrize(("count", "n"), [(-1, 5), (6, 5), (0, 0)])
def test_impossible_shares(count: int, n: int) -> None:
    for interval in (wilson, clopper_pearson):
        with pytest.raises(InputError) as refused:
            interval(count, n)
        assert refused.value.code == "share"


def _reached(count: int, n: int, share: float) -> float:
    """P(at least ``count`` of ``n``), term by term."""
    return math.fsum(
        math.comb(n, i) * share**i * (1 - share) ** (n - i) for i in range(count, n + 1)
    )


@pytest.mark.parametrize(("count", "n"), [(0, 9), (1, 3), (5, 40), (39, 40), (40, 40)])
@pytest.mark.parametrize("level", [0.9, 0.99])
def test_the_exact_interval_leaves_out_what_it_says(count: int, n: int, level: float) -> None:
    low, high = clopper_pearson(count, n, level=level)
    tail = (1 - level) / 2
    assert low == 0 if count == 0 else _reached(count, n, low) == pytest.approx(tail)
    assert high == 1 if count == n else 1 - _reached(count + 1, n, high) == pytest.approx(tail)
    inner = wilson(count, n, level=level)
    assert low <= count / n <= high and inner[0] <= count / n <= inner[1]


def test_the_exact_interval_of_many_answers() -> None:
    low, high = clopper_pearson(90_000, 100_000)
    near = wilson(90_000, 100_000)
    assert (low, high) == pytest.approx(near, abs=2e-5)
    assert low < near[0] and high > near[1]  # never narrower
