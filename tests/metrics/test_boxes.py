"""Overlaps of boxes, one to one; M3D's own overlap; RSNA's score of one picture."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from umit.errors import InputError
from umit.geometry import Box2D, Box3D, iou
from umit.metrics.boxes import M3D_UNREADABLE, RSNA_THRESHOLDS, Box, m3d_iou, matched_iou, rsna_score

UNIT = Box2D(0, 0, 1, 1)
LOW, LENGTH = st.integers(0, 20), st.integers(1, 20)
VOLUMES = st.builds(lambda x, y, z, w, h, d: (x, y, z, x + w, y + h, z + d), *[LOW] * 3, *[LENGTH] * 3)


@pytest.mark.parametrize(
    ("found", "true", "expected"),
    [
        pytest.param([], [], (), id="nothing at all"),
        pytest.param([], [UNIT], (0.0,), id="a miss"),
        pytest.param([UNIT, UNIT], [UNIT], (1.0,), id="found twice"),
        pytest.param([UNIT], [UNIT, UNIT], (1.0, 0.0), id="one serves one"),
        pytest.param([Box2D(0, 0, 2, 1), UNIT], [UNIT, Box2D(0, 0, 4, 1)], (1.0, 0.5), id="best pair first"),
        pytest.param([Box2D(1, 0, 2, 1)], [UNIT], (0.0,), id="edges only touch"),
    ],
)
def test_one_to_one(found: Sequence[Box], true: Sequence[Box], expected: tuple[float, ...]) -> None:
    assert matched_iou(found, true) == pytest.approx(expected)


@given(VOLUMES, VOLUMES)
def test_never_above_the_true_overlap(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    assert m3d_iou(a, b) <= iou(Box3D(*a), Box3D(*b))


def test_an_offset_cube_is_scored_too_low() -> None:
    a, b = (0, 0, 0, 10, 10, 10), (5, 5, 5, 15, 15, 15)
    assert m3d_iou(a, b) == pytest.approx(125 / 3375)
    assert iou(Box3D(*a), Box3D(*b)) == pytest.approx(125 / 1875)


def test_a_flat_box_scores_nothing() -> None:
    flat = (1, 1, 5, 2, 2, 5)
    assert m3d_iou(flat, flat) == 0.0


def test_unreadable() -> None:
    assert m3d_iou(None, (0, 0, 0, 1, 1, 1)) == M3D_UNREADABLE == -1.0


def test_wrong_counts() -> None:
    with pytest.raises(InputError, match="six numbers"):
        m3d_iou((0, 0, 1, 1), (0, 0, 1, 1))


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


def test_the_first_box_over_the_threshold_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("umit.metrics.boxes.RSNA_THRESHOLDS", (0.7,))
    # The second truth fits only the close box. It is free as long as the first truth takes the loose one.
    second = Box2D(0, 3, 10, 10)
    first = Box2D(0, 0, 10, 9)
    found = [Box2D(0, 0, 10, 8), Box2D(0, 1, 10, 10)]
    assert rsna_score(found, [first, second]) == 1.0
    assert rsna_score(found[::-1], [first, second]) == pytest.approx(1 / 3)


def test_thresholds() -> None:
    assert tuple(round(0.4 + 0.05 * i, 2) for i in range(8)) == RSNA_THRESHOLDS
