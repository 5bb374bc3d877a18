"""RSNA's score of one picture."""

from __future__ import annotations

import pytest

from umit.errors import InputError
from umit.geometry import Box2D
from umit.metrics.kaggle import RSNA_THRESHOLDS, rsna_score

TRUE = Box2D(0, 0, 10, 10)
FAR = Box2D(50, 50, 60, 60)
#: Overlaps with TRUE by 0.6 and by 0.9.
LOOSE, CLOSE = Box2D(0, 0, 10, 6), Box2D(0, 0, 10, 9)


@pytest.mark.parametrize(
    ("found", "true", "expected"),
    [
        pytest.param([], [], None, id="nothing, rightly"),
        pytest.param([FAR], [], 0.0, id="nothing there"),
        pytest.param([], [TRUE], 0.0, id="nothing found"),
        pytest.param([TRUE], [TRUE], 1.0, id="exactly right"),
        pytest.param([LOOSE], [TRUE], 5 / 8, id="0.6 passes 0.6"),
        pytest.param([TRUE, TRUE], [TRUE], 0.5, id="found twice"),
        pytest.param([TRUE, TRUE], [TRUE, TRUE], 1.0, id="each serves one"),
        pytest.param([TRUE, FAR], [TRUE], 0.5, id="one too many"),
        pytest.param([TRUE], [TRUE, FAR], 0.5, id="one too few"),
    ],
)
def test_score(found: list[Box2D], true: list[Box2D], expected: float | None) -> None:
    assert rsna_score(found, true) == (None if expected is None else pytest.approx(expected))


def test_the_first_box_over_the_threshold_is_taken() -> None:
    # The second truth fits only the close box. It is free as long as the first truth takes the loose one.
    second = Box2D(0, 3, 10, 10)
    first = Box2D(0, 0, 10, 9)
    found = [Box2D(0, 0, 10, 8), Box2D(0, 1, 10, 10)]
    assert rsna_score(found, [first, second], thresholds=[0.7]) == 1.0
    assert rsna_score(found[::-1], [first, second], thresholds=[0.7]) == pytest.approx(1 / 3)


def test_confidence_decides_the_order() -> None:
    true = [Box2D(0, 0, 10, 9), Box2D(0, 3, 10, 10)]
    found = [Box2D(0, 1, 10, 10), Box2D(0, 0, 10, 8)]
    ordered = rsna_score(found, true, thresholds=[0.7])
    surer = rsna_score(found, true, scores=[0.1, 0.9], thresholds=[0.7])
    even = rsna_score(found, true, scores=[1, 1], thresholds=[0.7])
    kernel = rsna_score(found, true, scores=[1, 1], ties="reversed", thresholds=[0.7])
    assert ordered == even == pytest.approx(1 / 3)
    assert surer == kernel == 1.0
    assert rsna_score(found, true, scores=[1, 9], ties="reversed", thresholds=[0.7]) == 1.0


def test_wrong_use() -> None:
    with pytest.raises(InputError, match="one confidence for each of 1") as refused:
        rsna_score([TRUE], [TRUE], scores=[])
    assert refused.value.code == "scores"
    with pytest.raises(InputError, match="threshold"):
        rsna_score([TRUE], [TRUE], thresholds=[])


def test_thresholds() -> None:
    assert RSNA_THRESHOLDS == tuple(round(0.4 + 0.05 * i, 2) for i in range(8))
