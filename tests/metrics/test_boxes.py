"""Overlaps of boxes, and what a miss and an unreadable box cost."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from umit.errors import InputError
from umit.geometry import Box2D, Box3D, iou
from umit.metrics.boxes import (
    Box,
    ciou,
    diou,
    giou,
    hit_rate,
    inclusive,
    matched_iou,
    mean_iou,
    paired_iou,
)

UNIT = Box2D(0, 0, 1, 1)
LOW, LENGTH = st.integers(0, 20), st.integers(1, 20)
FILMS = st.builds(lambda x, y, w, h: Box2D(x, y, x + w, y + h), LOW, LOW, LENGTH, LENGTH)
VOLUMES = st.builds(
    lambda x, y, z, w, h, d: Box3D(x, y, z, x + w, y + h, z + d), *[LOW] * 3, *[LENGTH] * 3
)
PAIRS = st.one_of(st.tuples(FILMS, FILMS), st.tuples(VOLUMES, VOLUMES))


@pytest.mark.parametrize(
    ("found", "true", "expected"),
    [
        pytest.param([], [], (), id="nothing at all"),
        pytest.param([], [UNIT], (0.0,), id="a miss"),
        pytest.param([UNIT, UNIT], [UNIT], (1.0,), id="found twice"),
        pytest.param([UNIT], [UNIT, UNIT], (1.0, 0.0), id="one serves one"),
        pytest.param(
            [Box2D(0, 0, 2, 1), UNIT], [UNIT, Box2D(0, 0, 4, 1)], (1.0, 0.5), id="best pair first"
        ),
        pytest.param([Box2D(1, 0, 2, 1)], [UNIT], (0.0,), id="edges only touch"),
    ],
)
def test_one_to_one(found: Sequence[Box], true: Sequence[Box], expected: tuple[float, ...]) -> None:
    assert matched_iou(found, true) == pytest.approx(expected)


def test_an_unreadable_box_costs_its_whole_overlap() -> None:
    overlaps = paired_iou([UNIT, None], [UNIT, UNIT])
    assert overlaps == (1.0, 0.0)
    assert mean_iou(overlaps) == hit_rate(overlaps) == 0.5


def test_pairs_must_match() -> None:
    with pytest.raises(InputError, match="one found box for each") as refused:
        paired_iou([UNIT], [])
    assert refused.value.code == "pairs"
    with pytest.raises(InputError, match="one kind"):
        paired_iou([UNIT], [Box3D(0, 0, 0, 1, 1, 1)])


@pytest.mark.parametrize(
    ("least", "strict", "expected"),
    [(0.25, False, 1.0), (0.5, False, 2 / 3), (0.5, True, 1 / 3), (0.75, False, 1 / 3)],
)
def test_a_hit_at_the_limit(least: float, strict: bool, expected: float) -> None:
    assert hit_rate([0.3, 0.5, 0.9], least, strict=strict) == pytest.approx(expected)


def test_no_boxes_have_no_mean() -> None:
    assert math.isnan(mean_iou([])) and math.isnan(hit_rate([]))


@pytest.mark.parametrize(
    ("corners", "expected"),
    [
        pytest.param((2, 3, 2, 3), Box2D(2, 3, 3, 4), id="one pixel"),
        pytest.param((1, 2, 5, 4, 6, 5), Box3D(1, 2, 5, 5, 7, 6), id="one slice"),
    ],
)
def test_inclusive_corners(corners: tuple[int, ...], expected: Box) -> None:
    assert inclusive(corners) == expected


@pytest.mark.parametrize(
    "corners", [(), (1, 2), (1, 2, 3, 4, 5), (3, 0, 1, 1), (0, 0, 5, 1, 1, 3), (0,) * 8]
)
def test_corners_that_make_no_box(corners: tuple[int, ...]) -> None:
    with pytest.raises(InputError) as refused:
        inclusive(corners)
    assert refused.value.code == "box"


@given(PAIRS)
def test_the_penalised_overlaps_stay_below_the_plain_one(pair: tuple[Box, Box]) -> None:
    a, b = pair
    plain = iou(a, b)
    for penalised in (giou, diou):
        assert -1 < penalised(a, b) <= plain + 1e-12
        assert penalised(a, b) == pytest.approx(penalised(b, a))
        assert penalised(a, a) == pytest.approx(1)
    if isinstance(a, Box2D) and isinstance(b, Box2D):
        assert ciou(a, b) <= diou(a, b) + 1e-12
        assert ciou(a, a) == pytest.approx(1)


def test_a_gap_costs_more_the_wider_it_is() -> None:
    for penalised in (giou, diou):
        values = [penalised(UNIT, Box2D(x, 0, x + 1, 1)) for x in range(1, 6)]
        assert values == sorted(values, reverse=True)
