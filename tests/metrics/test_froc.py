"""FROC: hits, the curve, the score."""

from __future__ import annotations

import pytest

from umit.errors import InputError
from umit.geometry import Box2D, Box3D
from umit.metrics.boxes import Box
from umit.metrics.froc import froc_curve, froc_score, hits_by_centre

TRUE = Box2D(0, 0, 4, 4)


@pytest.mark.parametrize(
    ("found", "scores", "true", "hits", "false"),
    [
        pytest.param([], [], [TRUE], [None], [], id="a miss"),
        pytest.param([TRUE], [0.5], [], [], [0.5], id="nothing there"),
        pytest.param([TRUE, TRUE], [0.2, 0.7], [TRUE], [0.7], [], id="surest hit counts"),
        pytest.param([TRUE], [0.5], [TRUE, TRUE], [0.5, 0.5], [], id="two truths hit"),
        pytest.param([Box2D(-2, 0, 2, 4)], [0.5], [TRUE], [0.5], [], id="on lower edge"),
        pytest.param([Box2D(2, 0, 6, 4)], [0.5], [TRUE], [None], [0.5], id="on upper edge"),
        pytest.param([Box3D(0, 0, 0, 2, 2, 2)], [-3.5], [Box3D(0, 0, 0, 4, 4, 4)], [-3.5], [], id="a volume"),
    ],
)
def test_hits(found: list[Box], scores: list[float], true: list[Box], hits: list[object], false: list[float]) -> None:
    assert hits_by_centre(found, scores, true) == (hits, false)


def test_curve_of_log_likelihoods() -> None:
    curve = froc_curve([-1.0, None, -2.0], [-1.5, -2.0], 2)
    assert curve.false_positives == (1.0, 0.5, 0.0, 0.0)
    assert curve.sensitivity == pytest.approx((2 / 3, 1 / 3, 1 / 3, 0))


@pytest.mark.parametrize(
    ("hits", "false", "expected"),
    [
        pytest.param([0.9, 0.8], [], 1.0, id="never wrong"),
        pytest.param([None, None], [], 0.0, id="nothing found"),
        pytest.param([None, None], [0.9] * 4, 0.0, id="all wrong"),
        pytest.param([1.0, None], [1.0], (0.0625 + 0.125 + 0.25 + 4 * 0.5) / 7, id="no real confidences"),
    ],
)
def test_score(hits: list[float | None], false: list[float], expected: float) -> None:
    # One false box a picture and half of the truth: straight from nothing at 0 to 0.5 at 1, level beyond.
    assert froc_score(froc_curve(hits, false, 1)) == pytest.approx(expected)


def test_wrong_use() -> None:
    with pytest.raises(InputError, match="at least one picture") as refused:
        froc_curve([1.0], [], 0)
    assert refused.value.code == "froc"
    with pytest.raises(InputError, match="one true box"):
        froc_curve([], [1.0], 3)
    with pytest.raises(InputError, match="one confidence for each of 1"):
        hits_by_centre([TRUE], [], [TRUE])
