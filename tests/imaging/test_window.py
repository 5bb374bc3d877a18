"""Grey levels from file units."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from umit.errors import InputError
from umit.imaging.read import load
from umit.imaging.window import (
    PRESETS,
    Curve,
    choose_window,
    default_window,
    hides,
    named_window,
    percentile_window,
    to_grey,
    to_uint8,
)

INF, NAN = float("inf"), float("nan")


@pytest.mark.parametrize(
    ("values", "low", "high", "inverted", "expected"),
    [
        ([-1000, 0, 50, 100, 3000], 0, 100, False, [0, 0, 128, 255, 255]),
        ([-1000, 0, 50, 100, 3000], 0, 100, True, [255, 255, 128, 0, 0]),
        ([0.0, NAN, INF, -INF], -1, 1, False, [128, 0, 255, 0]),
        ([0.0, NAN], -1, 1, True, [128, 0]),  # missing is black either way
        ([3, 4, 5], 4, 4, False, [0, 0, 255]),  # width 1: a threshold
        ([-1e308, 0.0, 1e308], -1e308, 1e308, False, [0, 128, 255]),  # the width overflows
        ([0, 65535], 0, 65535, False, [0, 255]),
        ([], 0, 1, False, []),
    ],
)
def test_to_uint8(values: list[float], low: float, high: float, inverted: bool, expected: list[int]) -> None:
    assert to_uint8(np.array(values), low, high, inverted).tolist() == expected


@pytest.mark.parametrize(
    ("values", "low", "high", "inverted", "expected"),
    [
        ([0, 25, 50, 100], 0, 100, False, [30, 69, 128, 225]),
        ([0, 25, 50, 100], 0, 100, True, [225, 186, 128, 30]),
        ([0.0, NAN, INF, -INF], -1, 1, False, [128, 0, 255, 0]),
        ([-1e308, 0.0, 1e308], -1e-3, 1e-3, False, [0, 128, 255]),  # exp overflows
        ([-1e308, 0.0, 1e308], -1e308, 1e308, False, [30, 128, 225]),  # the width overflows
        ([3, 4, 5], 4, 4, False, [0, 0, 255]),  # no width: a threshold
    ],
)
def test_along_a_sigmoid(values: list[float], low: float, high: float, inverted: bool, expected: list[int]) -> None:
    assert to_uint8(np.array(values), low, high, inverted, "sigmoid").tolist() == expected


@pytest.mark.parametrize("dtype", [np.int8, np.uint16, np.int16, np.int32, np.float32, ">i2"])
def test_to_uint8_takes_every_kind(dtype: str) -> None:
    assert to_uint8(np.array([0, 100], dtype), 0, 100).tolist() == [0, 255]


@pytest.mark.parametrize(("low", "high"), [(1, 0), (NAN, 1), (0, INF)])
def test_to_uint8_refuses(low: float, high: float) -> None:
    with pytest.raises(InputError, match="expected low <= high"):
        to_uint8(np.zeros(3), low, high)


def test_named_windows() -> None:
    assert named_window("lung") == (-1350, 150)
    assert named_window((50, 350)) == named_window("mediastinum")
    assert all(low < high for low, high in map(named_window, PRESETS))


@pytest.mark.parametrize("window", ["lungs", (40, 0), (40, -1), (NAN, 5), (0, INF)])
def test_bad_windows_are_refused(window: str | tuple[float, float]) -> None:
    with pytest.raises(InputError) as caught:
        named_window(window)
    assert caught.value.code == "window"


def test_percentiles_leave_out_what_is_not_finite() -> None:
    values = np.concatenate([np.arange(201.0), [NAN, INF, -INF]])
    assert percentile_window(values, "none")[0] == (1.0, 199.0)
    with pytest.raises(InputError, match="finite"):
        percentile_window(np.array([NAN, INF]), "none")


def test_default_windows() -> None:
    assert default_window(np.zeros(4, np.uint8), "CT") == (None, ())
    shown, notes = default_window(np.zeros(4, np.int16), "CT")
    assert shown == (-160, 240)
    assert "abdomen" in notes[0]
    shown, notes = default_window(np.arange(201, dtype=np.int16), "MR")
    assert shown == (1, 199)
    assert "percentiles" in notes[0]


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", ">i2"])
@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("curve", ["line", "sigmoid"])
def test_many_whole_numbers_go_through_a_table_with_the_same_levels(dtype: str, inverted: bool, curve: Curve) -> None:
    kind = np.dtype(dtype)
    low, high = np.iinfo(kind).min, np.iinfo(kind).max
    values = np.random.default_rng(0).integers(low, high, (200, 300), endpoint=True).astype(kind)
    values[0, :2] = low, high
    for window in ((low / 3, high / 2), (-20.5, 77.25), (3, 3), (low, high)):
        found = to_uint8(values, *window, inverted, curve)
        few = np.concatenate([to_uint8(row, *window, inverted, curve)[None] for row in values])
        assert np.array_equal(found, few)
        assert found.dtype == np.uint8


def test_chosen_windows_say_what_they_assume() -> None:
    values = np.array([-5, 300], np.int16)
    assert choose_window(values, "stroke", "CT") == ((20, 60), ())
    assert choose_window(values, "full", "MR") == ((-5, 300), ())
    assert choose_window(values, (10, 4), "MR") == ((8, 12), ())
    assert choose_window(values, "stroke")[1] == ("window: stroke taken in HU, the file records no CT",)
    with pytest.raises(InputError, match="expected CT for the window 'stroke', got MR"):
        choose_window(values, "stroke", "MR")


def test_to_grey_keeps_colours() -> None:
    colour = np.random.default_rng(0).integers(0, 256, (2, 3, 3), np.uint8)
    assert np.array_equal(to_grey(colour, None), colour)
    assert np.array_equal(to_grey(colour, None, inverted=True), 255 - colour)
    assert to_grey(np.array([[0, 9]]), (0, 9)).tolist() == [[0, 255]]


RNG = np.random.default_rng(5)
LIMB = np.where(RNG.random(40000) < 0.97, RNG.normal(-1000, 15, 40000), RNG.normal(60, 90, 40000))
VESSELS = np.where(RNG.random(40000) < 0.98, RNG.normal(90, 2, 40000), RNG.normal(600, 150, 40000))


@pytest.mark.parametrize(
    ("values", "window", "hidden"),
    [
        (np.arange(4096), (0, 4095), False),
        (np.arange(4096), (5000, 6000), True),  # beside all values
        (np.arange(4096), (-100, -1), True),
        (np.arange(4096), (0, 150), True),  # 96 % white
        (np.arange(4096), (0, 250), False),  # 94 %
        (np.arange(4096), (0, 65535), True),  # 16 of 256 levels
        (np.full(99, 7), (0, 1), False),  # there is nothing to show
        (np.array([7, 8, NAN]), (0, 1), True),
        (LIMB, (-160, 240), False),  # nine tenths are air, which lies close together
        (LIMB, (3000, 4000), True),
        (VESSELS, (200, 900), False),
        ((np.arange(4096) > 4000) * 1, (0, 1), False),  # a mask
        ((np.arange(4096) > 4000) * 1, (-160, 240), True),
        ((np.arange(4096) > 4000) * 255, (0, 255), False),
    ],
)
def test_windows_that_hide(values: Any, window: tuple[float, float], hidden: bool) -> None:
    """More than 95 % on one grey level although the values differ, and percentiles would do better."""
    assert hides(values, lambda some: to_uint8(some, *window)) == hidden
    assert hides(-values, lambda some: to_uint8(some, -window[1], -window[0])) == hidden


@pytest.mark.shared
def test_no_window_of_a_real_file_hides_it(shared: Path) -> None:
    found = [*(shared / "samples/dicom").glob("*.dcm"), *(shared / "samples/volumes").glob("*.nii*")]
    for path in found:
        scan = load(path, frame=0)
        assert not [note for note in scan.warnings if "hides" in note], path.name
