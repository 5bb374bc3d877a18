"""Boxes, points and millimetres."""

from __future__ import annotations

import json
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from umit.errors import InputError, MissingMetadataError
from umit.geometry import Box2D, Box3D, Point2D, Space, iou

CT = Space(
    size=(10, 20, 30),
    spacing=(2.0, 3.0, 5.0),
    affine=((-2.0, 0, 0, 100.0), (0, 3.0, 0, -50.0), (0, 0, 5.0, 7.0), (0, 0, 0, 1.0)),
)
EDGE = st.integers(0, 20)


def test_film_millimetres_start_at_the_corner() -> None:
    space = Space(size=(100, 50), spacing=(0.5, 2.0))
    assert Point2D(10, 4, space=space).to_mm() == (5.0, 8.0)
    assert Box2D(0, 0, 100, 50, space=space).to_mm() == ((0.0, 0.0), (50.0, 100.0))


def test_affine_maps_centres() -> None:
    box = Box3D(0.5, 0.5, 0.5, 1.5, 2.5, 3.5, space=CT)
    corners = box.to_mm()
    assert len(corners) == 8
    assert corners[0] == (100.0, -50.0, 7.0)
    assert corners[1] == (98.0, -50.0, 7.0)  # x varies fastest
    assert corners[7] == (98.0, -44.0, 22.0)
    assert box.to_mm("LPS")[7] == (-98.0, 44.0, 22.0)


@pytest.mark.parametrize(
    "shape",
    [
        Point2D(1, 1),
        Box2D(0, 0, 1, 1, space=Space(size=(2, 2))),
        Box3D(0, 0, 0, 1, 1, 1, space=Space(size=(2, 2, 2), spacing=(1.0, 1.0, 1.0))),
    ],
)
def test_millimetres_of_an_unknown_grid(shape: Point2D | Box2D | Box3D) -> None:
    with pytest.raises(MissingMetadataError):
        shape.to_mm()


@pytest.mark.parametrize("corners", [(1, 0, 1, 2), (2, 0, 1, 2)])
def test_box_without_area(corners: tuple[float, float, float, float]) -> None:
    with pytest.raises(InputError, match="x1 < x2"):
        Box2D(*corners)
    with pytest.raises(InputError, match="z1 < z2"):
        Box3D(0, corners[0], corners[1], 1, corners[2], corners[3])


def test_space_is_not_compared() -> None:
    assert Box2D(0, 0, 1, 1, space=CT) == Box2D(0, 0, 1, 1)
    assert pickle.loads(pickle.dumps(Box2D(0, 0, 1, 1, space=CT))).space == CT
    assert Space.from_dict(CT.to_dict()) == CT


@pytest.mark.parametrize(
    ("a", "b", "wanted"),
    [
        pytest.param(Box2D(0, 0, 2, 2), Box2D(0, 0, 2, 2), 1.0, id="same"),
        pytest.param(Box2D(0, 0, 2, 2), Box2D(2, 0, 4, 2), 0.0, id="touching"),
        pytest.param(Box2D(0, 0, 4, 4), Box2D(1, 1, 3, 3), 0.25, id="inside"),
        pytest.param(Box3D(0, 0, 0, 2, 2, 2), Box3D(1, 0, 0, 3, 2, 2), 1 / 3, id="half"),
        pytest.param(Box3D(0, 0, 0, 1, 1, 1), Box3D(5, 5, 5, 6, 6, 6), 0.0, id="apart"),
    ],
)
def test_overlap(a: Box2D | Box3D, b: Box2D | Box3D, wanted: float) -> None:
    assert iou(a, b) == pytest.approx(wanted)
    assert iou(b, a) == pytest.approx(wanted)


def test_overlap_of_two_kinds() -> None:
    with pytest.raises(InputError, match="one kind"):
        iou(Box2D(0, 0, 1, 1), Box3D(0, 0, 0, 1, 1, 1))


@given(EDGE, EDGE, st.integers(1, 9), st.integers(1, 9), EDGE, st.integers(1, 9))
def test_flat_boxes_overlap_as_their_volumes(x: int, y: int, width: int, height: int, left: int, wide: int) -> None:
    a, b = Box2D(x, y, x + width, y + height), Box2D(left, 3, left + wide, 12)
    tall = iou(Box3D(x, y, 0, x + width, y + height, 1), Box3D(left, 3, 0, left + wide, 12, 1))
    assert iou(a, b) == pytest.approx(tall)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        pytest.param(float("nan"), "finite", id="no number"),
        pytest.param(float("inf"), "finite", id="infinity"),
        pytest.param(-(10**400), "finite", id="more than a float holds"),
        pytest.param(np.float32("-inf"), "finite", id="infinity of NumPy"),
        pytest.param("1", "type", id="a string"),
        pytest.param(None, "type", id="nothing"),
        pytest.param(True, "type", id="a truth"),
        pytest.param([1, 2], "type", id="a list"),
    ],
)
def test_coordinates_are_finite_numbers(given: Any, code: str) -> None:
    for make in (lambda: Point2D(given, 1), lambda: Box2D(given, 0, 10, 10), lambda: Box3D(0, 0, given, 5, 5, 5)):
        with pytest.raises(InputError) as caught:
            make()
        assert caught.value.code == code


def test_scalars_of_numpy_become_plain_numbers() -> None:
    box = Box2D(np.float32(0.5), np.int64(1), np.float64(2.5), np.uint8(3))
    assert [type(v) for v in box.corners] == [float, int, float, int]
    assert json.loads(json.dumps(box.corners)) == [0.5, 1, 2.5, 3]
    assert box.ends == ((0.5, 1), (2.5, 3)) and Point2D(np.float32(1), 2).ends == ((1.0, 2),)
