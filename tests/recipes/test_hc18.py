"""Points on fetal heads, and the circumference that comes of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recipes import hc18
from umit.geometry import Point2D, Space
from umit.metrics.metric import Pair
from umit.queries import Locate
from umit.results import Landmark, Landmarks

pytestmark = pytest.mark.filterwarnings("ignore::umit.errors.DatasetWarning", "ignore::umit.errors.CheckpointWarning")
HALF = Space(size=(400, 300), spacing=(0.5, 0.5))


def _points(a: float, b: float) -> dict[str, Point2D]:
    ends = {"OFD_left": (-a, 0), "OFD_right": (a, 0), "BPD_top": (0, -b), "BPD_bottom": (0, b)}
    return {name: Point2D(200 + x, 150 + y, space=HALF) for name, (x, y) in ends.items()}


@pytest.mark.parametrize(("a", "b"), [(100, 100), (120, 90), (150, 60)])
def test_a_circumference_is_that_of_the_ellipse_through_the_points(a: float, b: float) -> None:
    turn = np.linspace(0, 2 * math.pi, 100_001)
    whole = np.hypot(np.diff(a * np.cos(turn)), np.diff(b * np.sin(turn))).sum() * 0.5  # mm of a pixel
    assert hc18.circumference(_points(a, b)) == pytest.approx(whole, abs=0.001)


def _answered(picture: str, hc: float, points: Sequence[Landmark], unread: str = "") -> list[Pair[Any]]:
    facts = {"picture": picture, "hc_mm": str(hc)}
    return [
        Pair(
            Locate(one.name),
            Landmarks(items=(one,)),
            None if one.name == unread else Landmarks(items=(one,)),
            facts=facts,
        )
        for one in points
    ]


def test_a_head_with_an_unreadable_point_is_counted_and_left_out() -> None:
    points = [Landmark(name=name, point=point) for name, point in _points(100, 100).items()]
    pairs = [*_answered("a", 310, points), *_answered("b", 300, points, unread="BPD_top"), *_answered("c", 318, points)]
    error, signed = hc18.heads(pairs, ["1"] * 4 + ["2"] * 4 + ["3"] * 4)
    assert (error["n"], error["unreadable"], error["groups"]) == (2, 1, 2)
    assert error["value"] == pytest.approx(4.0, abs=0.01) and signed["value"] == pytest.approx(0.16, abs=0.01)


def test_the_real_rows_are_read(shared: Path) -> None:
    part = hc18.read(shared / "samples" / "hc18")
    assert len(part) == 4 * 762 and len({one.group for one in part}) == 613
    assert dict(part[0].facts) == {"landmark": "OFD_left", "picture": "001_HC.png", "hc_mm": "56.81"}
