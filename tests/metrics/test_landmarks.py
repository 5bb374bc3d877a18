"""Landmark errors in mm, rates, and the floor of a frame."""

from __future__ import annotations

import math
import random
from statistics import fmean

import pytest

from umit.errors import InputError, MissingMetadataError
from umit.geometry import Point2D, Space
from umit.metrics.landmarks import canvas_floor_mm, distance, distance_mm

FILM = Space(size=(1935, 2400), spacing=(0.1, 0.2))
ORIGIN = Point2D(0, 0)


def test_each_axis_is_scaled_before_the_norm() -> None:
    assert distance_mm(Point2D(30, 20), Point2D(0, 0, space=FILM)) == pytest.approx(5.0)
    assert distance(Point2D(30, 40), ORIGIN) == 50.0


def test_unknown_spacing() -> None:
    for true in (ORIGIN, Point2D(0, 0, space=Space(size=(10, 10)))):
        with pytest.raises(MissingMetadataError) as refused:
            distance_mm(ORIGIN, true)
        assert refused.value.code == "spacing"


@pytest.mark.parametrize(
    ("found", "limit"), [((1020, 1000), 2.0), ((1012, 1016), 2.0), ((1015, 1020), 2.5), ((1000, 960), 4.0)]
)
def test_an_error_of_exactly_the_limit(found: tuple[float, float], limit: float) -> None:
    film = Space(size=(1935, 2400), spacing=(0.1, 0.1))
    assert distance_mm(Point2D(*found), Point2D(1000, 1000, space=film)) == limit


def test_wrong_use() -> None:
    with pytest.raises(InputError, match="above 0"):
        canvas_floor_mm((0, 800), (1935, 2400), (0.1, 0.1))


def test_the_floor_of_umits_frame() -> None:
    # The design page's number: whole numbers of 600 x 800 on a film of the ISBI 2015 challenge.
    assert canvas_floor_mm((600, 800), (1935, 2400), (0.1, 0.1)) == pytest.approx(0.119, abs=5e-4)


@pytest.mark.parametrize(
    ("frame", "size", "spacing"), [((600, 800), (1935, 2400), (0.1, 0.1)), ((100, 800), (1935, 2400), (0.1, 0.3))]
)
def test_the_floor_is_what_rounding_costs(
    frame: tuple[int, int], size: tuple[int, int], spacing: tuple[float, float]
) -> None:
    draw = random.Random(7)
    errors = []
    for _ in range(20_000):
        spot = draw.uniform(10, size[0] - 10), draw.uniform(10, size[1] - 10)
        true = Point2D(*spot, space=Space(size=size, spacing=spacing))
        written = [
            math.floor(value * parts / whole + 0.5) * whole / parts
            for value, whole, parts in zip((true.x, true.y), size, frame, strict=True)
        ]
        errors.append(distance_mm(Point2D(*written), true))
    assert fmean(errors) == pytest.approx(canvas_floor_mm(frame, size, spacing), rel=0.01)
