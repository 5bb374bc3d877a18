"""M3D's overlap and spelling, kept apart from the true ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from umit.errors import InputError
from umit.geometry import Box3D, iou
from umit.metrics.boxes_m3d import M3D_UNREADABLE, m3d_fractions, m3d_iou, read_m3d_box

LOW, LENGTH = st.integers(0, 20), st.integers(1, 20)
VOLUMES = st.builds(
    lambda x, y, z, w, h, d: (x, y, z, x + w, y + h, z + d), *[LOW] * 3, *[LENGTH] * 3
)


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


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]", id="seven numbers"),
        pytest.param("[0.1,  0.2, 0.3, 0.4, 0.5, 0.6]", id="two spaces"),
        pytest.param("(0.1, 0.2, 0.3, 0.4, 0.5, 0.6)", id="round brackets"),
        pytest.param("[0.1\uff0c 0.2, 0.3, 0.4, 0.5, 0.6]", id="full-width comma"),
        pytest.param("[1e-1, 0.2, 0.3, 0.4, 0.5, 0.6]", id="an exponent"),
    ],
)
def test_other_spellings(text: str) -> None:
    assert read_m3d_box(text) is None


def test_wrong_counts() -> None:
    with pytest.raises(InputError, match="six numbers"):
        m3d_iou((0, 0, 1, 1), (0, 0, 1, 1))
    with pytest.raises(InputError, match="three sizes"):
        m3d_fractions((0, 0, 0, 1, 1, 1), (32, 256))
