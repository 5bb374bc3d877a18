"""Percentiles of whole volumes: exact where they are counted, and never with a copy of the volume."""

from __future__ import annotations

import tracemalloc
from itertools import permutations, product

import numpy as np
import pytest

from umit.errors import InputError
from umit.imaging import quantiles
from umit.imaging.quantiles import SAMPLE, percentiles, value_range
from umit.imaging.window import default_window

WANTED = (0, 0.5, 33.3, 50, 99.5, 100)
INF, NAN = float("inf"), float("nan")


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", ">i2", "i4", "f4", "f8"])
@pytest.mark.parametrize("shape", [(1,), (7,), (5, 4), (3, 50, 9), (3, 5, 9, 3)])
def test_small_and_whole_numbers_are_exact(dtype: str, shape: tuple[int, ...]) -> None:
    values = np.random.default_rng(5).integers(0, 120, shape).astype(dtype)
    assert percentiles(values, WANTED) == pytest.approx(np.percentile(values, WANTED))


def test_extremes_of_a_type_and_a_range_too_wide_to_count() -> None:
    for values in (
        np.array([-(2**15), 2**15 - 1], np.int16),
        np.array([0, 2**32 - 1, 7], np.uint32),
        np.array([-(2**62), 2**62], np.int64),
    ):
        assert percentiles(values, (0, 100)) == (float(values.min()), float(values.max()))


def test_a_large_volume_of_whole_numbers_is_exact_and_is_not_copied() -> None:
    volume = np.random.default_rng(1).integers(-1024, 3000, (40, 256, 256)).astype(np.int16)
    expected = np.percentile(volume, (0.5, 99.5))
    tracemalloc.start()
    found = percentiles(volume, (0.5, 99.5))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == pytest.approx(expected)
    assert peak < volume.nbytes / 2


def test_a_large_volume_of_floats_is_sampled_the_same_in_every_order() -> None:
    volume = np.random.default_rng(2).normal(size=(150, 101, 120)).astype(np.float32)
    assert volume.size > SAMPLE
    tracemalloc.start()
    first = percentiles(volume, (0.5, 99.5))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 16 * SAMPLE
    assert first == pytest.approx(np.percentile(volume, (0.5, 99.5)), abs=0.02)
    for order, flips in product(permutations(range(3)), product((1, -1), repeat=3)):
        turned = volume.transpose(order)[tuple(slice(None, None, step) for step in flips)]
        assert percentiles(turned, (0.5, 99.5)) == first


@pytest.mark.parametrize("length", range(1, 40))
def test_places_are_distinct_and_the_same_from_both_ends(length: int) -> None:
    for count in range(1, 45):
        places = quantiles._places(length, count)
        assert np.array_equal(places, (length - 1 - places)[::-1])
        assert len(set(places.tolist())) == len(places) <= min(length, count + 1)


def test_what_is_not_finite_is_left_out() -> None:
    values = np.concatenate([np.arange(201.0), [NAN, INF, -INF]])
    assert percentiles(values, (0.5, 99.5)) == (1.0, 199.0)
    assert value_range(values.reshape(4, 51)) == (0.0, 200.0)
    lonely = np.full((3, 700, 700), NAN, np.float32)
    lonely[1, 3, 5] = 8.0  # between the samples
    assert percentiles(lonely, (50,)) == (8.0,)
    for ask in (lambda: percentiles(np.full(3, NAN), (50,)), lambda: value_range(np.full(3, INF))):
        with pytest.raises(InputError) as caught:
            ask()
        assert caught.value.code == "not_finite"


def test_nothing_has_no_percentile() -> None:
    with pytest.raises(InputError, match="finite"):
        percentiles(np.zeros(0, np.int16), (50,))


def test_a_default_window_needs_a_fraction_of_the_volume() -> None:
    volume = np.random.default_rng(1).integers(0, 4000, (60, 256, 256)).astype(np.uint16)
    tracemalloc.start()
    default_window(volume, "MR")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < volume.nbytes / 2
