"""Spread of landmarks' errors, and each landmark's own numbers."""

from __future__ import annotations

import math
from statistics import pstdev
from typing import Any

import pytest

from umit.geometry import Point2D, Space
from umit.metrics.metric import Pair
from umit.metrics.tables.points import LANDMARKS
from umit.queries import Locate
from umit.results import Landmark, Landmarks

FILM = Space(size=(100, 100), spacing=(0.5, 0.25))


def _pair(x: float, y: float, space: Space | None = FILM) -> Pair[Any]:
    true, found = (
        Landmarks(items=(Landmark(name="Sella", point=Point2D(*at, space=space)),)) for at in ((10, 10), (x, y))
    )
    return Pair(Locate("Sella"), true, found)


def _value(name: str, unit: str, pairs: list[Pair[Any]]) -> float:
    return next(m for m in LANDMARKS if (m.name, m.unit) == (name, unit))(pairs)


def test_mean_spread_and_rates() -> None:
    pairs = [_pair(14, 10), _pair(10, 14), _pair(13, 10)]  # 2.0, 1.0 and 1.5 mm
    assert _value("MRE", "mm", pairs) == pytest.approx(1.5)
    assert _value("radial error SD", "mm", pairs) == pytest.approx(pstdev([2.0, 1.0, 1.5]))
    assert _value("SDR 2 mm", "", pairs) == 1, "exactly the limit is a hit"
    unread = [*pairs, Pair(pairs[0].query, pairs[0].gold, None)]
    assert _value("MRE", "mm", unread) == pytest.approx(1.5), "left out"
    assert _value("SDR 2 mm", "", unread) == 3 / 4, "a miss"
    assert _value("MRE", "px", pairs) == pytest.approx(11 / 3)


def test_without_spacing_there_are_pixels_only() -> None:
    pairs = [_pair(14, 10, None)]
    assert math.isnan(_value("radial error SD", "mm", pairs))
    assert math.isnan(_value("SDR 2 mm", "", pairs))
    assert _value("MRE", "px", pairs) == 4
