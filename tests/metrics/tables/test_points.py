"""Spread of landmarks' errors, and each landmark's own numbers."""

from __future__ import annotations

import math
from typing import Any

import pytest

from umit.geometry import Point2D, Space
from umit.metrics.landmarks import radial
from umit.metrics.metric import Pair
from umit.metrics.tables.points import LANDMARKS
from umit.queries import Locate
from umit.results import Landmark, Landmarks

FILM = Space(size=(100, 100), spacing=(0.5, 0.25))


def _pair(x: float, y: float, space: Space | None = FILM) -> Pair[Any]:
    true, found = (
        Landmarks(items=(Landmark(name="Sella", point=Point2D(*at, space=space)),))
        for at in ((10, 10), (x, y))
    )
    return Pair(Locate("Sella"), true, found)


def _value(name: str, unit: str, pairs: list[Pair[Any]]) -> float:
    return next(m for m in LANDMARKS if (m.name, m.unit) == (name, unit))(pairs)


def test_mean_and_spread_are_radials() -> None:
    pairs = [_pair(14, 10), _pair(10, 14), _pair(13, 10)]
    expected = radial([2.0, 1.0, 1.5])
    assert _value("MRE", "mm", pairs) == pytest.approx(expected.mean)
    assert _value("radial error SD", "mm", pairs) == pytest.approx(expected.sd)
    assert _value("SDR 2 mm", "", pairs) == expected.rates[0] == 1
    assert _value("MRE", "px", pairs) == pytest.approx(11 / 3)


def test_without_spacing_there_are_pixels_only() -> None:
    pairs = [_pair(14, 10, None)]
    assert math.isnan(_value("radial error SD", "mm", pairs))
    assert math.isnan(_value("SDR 2 mm", "", pairs))
    assert _value("MRE", "px", pairs) == 4
