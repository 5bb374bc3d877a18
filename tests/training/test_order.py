"""A pass sees each sample as often as its weight says, in an order of its own."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from umit.training.order import pass_order, pass_size


def test_without_weights_each_is_seen_once_and_passes_differ() -> None:
    first, second = (pass_order(50, 7, number).tolist() for number in (0, 1))
    assert sorted(first) == sorted(second) == list(range(50)) and first != second
    assert pass_order(50, 7, 0).tolist() == first != pass_order(50, 8, 0).tolist()


@given(st.lists(st.sampled_from([0.1, 0.5, 1.0, 1.5, 2.0, 3.0, 7.25]), min_size=1, max_size=60), st.integers(0, 99))
def test_a_weight_is_rounded_up_or_down(weights: list[float], number: int) -> None:
    found = pass_order(len(weights), 3, number, weights)
    assert len(found) == pass_size(weights)
    seen, scale = Counter(found.tolist()), pass_size(weights) / sum(weights)
    for place, weight in enumerate(weights):
        assert np.floor(weight * scale - 1e-9) <= seen[place] <= np.ceil(weight * scale + 1e-9)


def test_whole_weights_are_kept_in_every_pass() -> None:
    for number in range(20):
        assert Counter(pass_order(4, 0, number, [1, 3, 2, 1]).tolist()) == {0: 1, 1: 3, 2: 2, 3: 1}


@pytest.mark.parametrize("weight", [0.5, 0.25])
def test_over_the_passes_all_are_seen_alike(weight: float) -> None:
    seen = Counter[int]()
    for number in range(40):
        seen.update(pass_order(20, 5, number, [weight] * 20).tolist())
    assert len(seen) == 20 and max(seen.values()) - min(seen.values()) <= 3
