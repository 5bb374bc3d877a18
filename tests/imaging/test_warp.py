"""Places and pixels of a warp go the same way."""

from __future__ import annotations

import numpy as np
import pytest

from umit.imaging.warp import Warp


@pytest.mark.parametrize(
    ("warp", "there"),
    [
        (Warp(size=(80, 60)), (55.5, 20.5)),
        (Warp(size=(80, 60), degrees=90), (40 + 9.5, 30 + 15.5)),  # clockwise: what is right comes down
        (Warp(size=(80, 60), zoom=(-1.0, 1.0)), (24.5, 20.5)),
        (Warp(size=(80, 60), zoom=(1.2, 0.5), shift=(2.0, -3.0)), (40 + 1.2 * 15.5 + 2, 30 - 0.5 * 9.5 - 3)),
    ],
)
def test_a_bright_pixel_is_where_its_place_is(warp: Warp, there: tuple[float, float]) -> None:
    assert warp.point(55.5, 20.5) == pytest.approx(there)
    plane = np.zeros((60, 80), np.float32)
    plane[18:24, 53:59] = 1  # about (56, 21)
    y, x = np.nonzero(warp.pixels(plane, 0) > 0.5)
    assert (x.mean() + 0.5, y.mean() + 0.5) == pytest.approx(warp.point(56, 21), abs=0.5)


def test_nothing_is_interpolated_where_nothing_moves_and_colours_stay_colours() -> None:
    plane = np.random.default_rng(0).integers(0, 256, (9, 12, 3), np.uint8)
    assert np.array_equal(Warp(size=(12, 9)).pixels(plane, 0), plane)
    moved = Warp(size=(12, 9), shift=(2.0, 0.0)).pixels(plane, 0)
    assert np.array_equal(moved[:, 3:-1], plane[:, 1:-3]) and not moved[:, :2].any()
