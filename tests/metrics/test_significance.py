"""Paired tests, and corrections for many of them."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest

from umit.errors import InputError
from umit.metrics.significance import adjusted, cochran_q, discordant, mcnemar, permutation


@pytest.mark.parametrize(
    ("only_a", "only_b", "expected"),
    [
        pytest.param(0, 0, 1.0, id="equal runs"),
        pytest.param(1, 0, 1.0, id="one question"),
        pytest.param(3, 3, 1.0, id="evenly split"),
        pytest.param(0, 10, 2 / 1024, id="all one way"),
        pytest.param(8, 1, 2 * 10 / 512, id="either way round"),
    ],
)
def test_mcnemar(only_a: int, only_b: int, expected: float) -> None:
    assert mcnemar(only_a, only_b) == mcnemar(only_b, only_a) == expected


def test_mcnemar_of_many_questions() -> None:
    assert mcnemar(5000, 5000) == 1.0
    # z = (5200 - 4800) / sqrt(10000) = 4; half a count of continuity
    assert mcnemar(5200, 4800) == pytest.approx(math.erfc(3.99 / math.sqrt(2)), rel=0.01)
    assert mcnemar(5200, 4800, mid=True) < mcnemar(5200, 4800)


def test_discordant_answers() -> None:
    assert discordant([1, 1, 0, 0, 1], [1, 0, 1, 0, 0]) == (2, 1)
    with pytest.raises(InputError, match="got 1 and 2"):
        discordant([True], [True, False])
    with pytest.raises(InputError, match="from 0"):
        mcnemar(-1, 3)


@pytest.mark.parametrize(
    ("x", "freedom", "expected"),
    # Upper 5 % and 1 % points of the chi-square law, as tables print them.
    [
        (3.841, 1, 0.05),
        (5.991, 2, 0.05),
        (7.815, 3, 0.05),
        (9.488, 4, 0.05),
        (15.086, 5, 0.01),
        (16.812, 6, 0.01),
        (14.067, 7, 0.05),
    ],
)
def test_cochran_q_reads_the_chi_square_law(x: float, freedom: int, expected: float) -> None:
    from umit.metrics.significance import _chi_square_tail

    assert _chi_square_tail(x, freedom) == pytest.approx(expected, rel=1e-3)
    assert _chi_square_tail(0.0, freedom) == pytest.approx(1)


@pytest.mark.parametrize(
    "right", [[[1, 1], [0, 0]], [[1, 1, 1]] * 4, np.zeros((0, 3)), [[0, 0, 0]]]
)
def test_runs_that_never_differ(right: object) -> None:
    assert cochran_q(right) == (0.0, 1.0)


@pytest.mark.parametrize("right", [[1, 0], [[1], [0]], [[1, 2]], [[0.5, 1]], [[math.nan, 1]]])
def test_no_table_of_runs(right: object) -> None:
    with pytest.raises(InputError) as refused:
        cochran_q(right)
    assert refused.value.code == "runs"


def _by_hand(gaps: list[float]) -> float:
    observed = sum(gaps)
    totals = [
        sum(sign * gap for sign, gap in zip(signs, gaps, strict=True))
        for signs in product((1, -1), repeat=len(gaps))
    ]
    lower = sum(total <= observed + 1e-9 for total in totals)
    upper = sum(total >= observed - 1e-9 for total in totals)
    return min(1.0, 2 * min(lower, upper) / len(totals))


@pytest.mark.parametrize("gaps", [[1.0], [0.0, 0.0], [0.1, 0.2, -0.3, 0.7], [0.5] * 9, [-1.0, 2.0]])
def test_every_swap(gaps: list[float]) -> None:
    assert permutation(gaps, [0.0] * len(gaps)) == pytest.approx(_by_hand(gaps))
    assert permutation([0.0] * len(gaps), gaps) == pytest.approx(_by_hand(gaps))


def test_drawn_swaps_come_near_to_every_swap() -> None:
    gaps = np.random.default_rng(8).normal(0.4, 1, 12).tolist()
    drawn = permutation(gaps, [0.0] * 12, count=4000, seed=1)
    assert drawn == pytest.approx(_by_hand(gaps), abs=0.03)
    assert permutation([0.3] * 40, [0.3] * 40) == 1.0
    assert permutation([1.0] * 40, [0.0] * 40, count=999) == 2 / 1000  # never 0 by drawing alone


def test_chunks_draw_what_one_piece_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    a = np.random.default_rng(9).normal(0.2, 1, 31)
    whole = permutation(a, a * 0, count=600)
    monkeypatch.setattr("umit.metrics.significance._AT_ONCE", 100)
    assert permutation(a, a * 0, count=600) == whole


def test_groups_are_swapped_whole() -> None:
    a, groups = [1.0] * 12, list("aaaabbbbcccc")
    assert permutation(a, [0.0] * 12, groups) == 2 / 2**3
    assert permutation(a, [0.0] * 12) == 2 / 2**12


@pytest.mark.parametrize(
    ("a", "b", "groups"), [([], [], None), ([1.0], [], None), ([1.0], [1.0], ["a", "b"])]
)
def test_pairs_must_match(a: list[float], b: list[float], groups: list[str] | None) -> None:
    with pytest.raises(InputError, match="as many of each"):
        permutation(a, b, groups)


def test_a_score_that_is_not_there() -> None:
    with pytest.raises(InputError, match="finite"):
        permutation([math.nan, 1.0], [0.0, 0.0])


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("bonferroni", (0.03, 0.12, 0.09)),
        ("holm", (0.03, 0.06, 0.06)),
        ("benjamini-hochberg", (0.03, 0.04, 0.04)),
    ],
)
def test_corrections_keep_the_order(method: str, expected: tuple[float, ...]) -> None:
    assert adjusted([0.01, 0.04, 0.03], method=method) == pytest.approx(expected)  # type: ignore[arg-type]
    assert adjusted([], method=method) == ()  # type: ignore[arg-type]
    assert adjusted([0.9, 1.0], method=method)[1] == 1.0  # type: ignore[arg-type]


@pytest.mark.parametrize("p", [[-0.1], [1.1], [math.nan]])
def test_no_p_value(p: list[float]) -> None:
    with pytest.raises(InputError, match="from 0 to 1"):
        adjusted(p)
