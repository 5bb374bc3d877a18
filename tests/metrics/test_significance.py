"""McNemar's exact test, by groups, and Holm's correction."""

from __future__ import annotations

import math
from itertools import product

import pytest

from umit.errors import InputError
from umit.metrics.significance import holm, mcnemar


def _runs(only_a: int, only_b: int, both: int = 2) -> tuple[list[bool], list[bool]]:
    a = [True] * only_a + [False] * only_b + [True] * both
    return a, [False] * only_a + [True] * only_b + [True] * both


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
    a, b = _runs(only_a, only_b)
    assert mcnemar(a, b) == mcnemar(b, a) == expected


def test_mcnemar_of_many_questions() -> None:
    assert mcnemar(*_runs(1500, 1500)) == 1.0
    # z = (1600 - 1400) / sqrt(3000); half a count of continuity
    z = 199 / math.sqrt(3000)
    assert mcnemar(*_runs(1600, 1400)) == pytest.approx(math.erfc(z / math.sqrt(2)), rel=0.01)


def _by_hand(gaps: list[int]) -> float:
    totals = [
        sum(sign * gap for sign, gap in zip(signs, gaps, strict=True)) for signs in product((1, -1), repeat=len(gaps))
    ]
    lower, upper = (sum(total <= sum(gaps) for total in totals), sum(total >= sum(gaps) for total in totals))
    return min(1.0, 2 * min(lower, upper) / len(totals))


@pytest.mark.parametrize("gaps", [[3], [2, -1], [1, 1, 0, 4, -2], [2] * 6, [-3, 1, 1, -1, 5]])
def test_answers_of_one_group_are_swapped_together(gaps: list[int]) -> None:
    a, b, groups = [], [], []
    for group, gap in enumerate(gaps):
        for answer in range(abs(gap) + 2):
            differs = answer < abs(gap)
            a.append(not differs or gap > 0)
            b.append(not differs or gap < 0)
            groups.append(group)
    assert mcnemar(a, b, groups) == pytest.approx(_by_hand(gaps))
    assert mcnemar(a, b, groups) >= mcnemar(a, b) - 1e-12 or min(gaps) < 0 < max(gaps)


@pytest.mark.parametrize(("a", "b", "groups"), [([True], [], None), ([True], [True], "ab"), ([], [True], "a")])
def test_pairs_must_match(a: list[bool], b: list[bool], groups: str | None) -> None:
    with pytest.raises(InputError, match="as many of each"):
        mcnemar(a, b, groups)


def test_correction_keeps_the_order() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx((0.03, 0.06, 0.06))
    assert holm([]) == ()
    assert holm([0.9, 1.0])[1] == 1.0


@pytest.mark.parametrize("p", [[-0.1], [1.1], [math.nan]])
def test_no_p_value(p: list[float]) -> None:
    with pytest.raises(InputError, match="from 0 to 1"):
        holm(p)
