"""Law 6: from View to Scan and back is the identity, and one anatomy has one picture and one place."""

from __future__ import annotations

import json
from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from umit.geometry import Box2D, Box3D, Point2D
from umit.imaging.orientation import to_affine
from umit.imaging.read import load
from umit.imaging.scan import Scan
from umit.imaging.view import Rendering, View, ViewGeometry, render

from ..conftest import examples

ORDERS = [(p, s) for p in permutations(range(3)) for s in product((False, True), repeat=3)]
TINY = 1e-6  # pixels; the law allows half of one
FEW = settings(max_examples=examples(60), derandomize=True)
Array = NDArray[np.float64]


def turned(degrees: float, about: int = 2) -> Array:
    """A rotation about one patient axis."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrix = np.eye(3)
    a, b = [k for k in range(3) if k != about]
    matrix[a, a], matrix[a, b], matrix[b, a], matrix[b, b] = c, -s, s, c
    return matrix


def world(spacing: tuple[float, ...], tilt: Array) -> Array:
    """The affine of a volume stored right, front, head first."""
    affine = np.eye(4)
    affine[:3, :3] = tilt @ np.diag(spacing)
    affine[:3, 3] = (-7.0, 11.0, 3.5)
    return affine


def stored(
    xyz: NDArray[np.uint8], affine: Array, order: tuple[int, ...], backwards: tuple[bool, ...]
) -> tuple[Scan, Array]:
    """The same anatomy in another order of axes; and the map from its indices to those of ``xyz``."""
    move = np.zeros((4, 4))
    move[3, 3] = 1
    for axis, old in enumerate(order):
        move[old, axis] = -1 if backwards[axis] else 1
        move[old, 3] = xyz.shape[old] - 1 if backwards[axis] else 0
    data = xyz.transpose(order)[tuple(slice(None, None, -1 if b else 1) for b in backwards)]
    scan = Scan(data.transpose(2, 1, 0), affine=to_affine(affine @ move), affine_source="sform")
    return scan, move


def box_in(move: Array, low: tuple[float, ...], high: tuple[float, ...]) -> Box3D:
    """A box of ``xyz`` in the indices of a volume stored otherwise; indices are centres minus half."""
    inverse = np.linalg.inv(move)
    ends = [inverse[:3, :3] @ (np.array(p) - 0.5) + inverse[:3, 3] + 0.5 for p in (low, high)]
    return Box3D(*np.minimum(*ends).tolist(), *np.maximum(*ends).tolist())


@pytest.mark.parametrize("degrees", [0, 12, 44])
@pytest.mark.parametrize("about", [0, 1, 2])
def test_all_48_orders_show_the_same_pixels_and_the_same_mm(degrees: float, about: int) -> None:
    xyz = np.random.default_rng(7).integers(0, 256, (5, 7, 4), np.uint8)
    affine = world((0.7, 1.3, 4.0), turned(degrees, about))
    rendering = Rendering(frame=(32, 24), depth=6)
    low, high = (1.0, 2.25, 0.5), (3.5, 6.0, 3.0)
    first, truth = None, None
    for order, backwards in ORDERS:
        scan, move = stored(xyz, affine, order, backwards)
        view = render(scan, rendering)
        box = box_in(move, low, high)
        written = view.box_to_frame(box)
        back = view.box_to_source(written)
        assert isinstance(back, Box3D)
        assert back.corners == pytest.approx(box.corners, abs=TINY)
        mm = np.sort(np.array(back.to_mm()), axis=0)
        if first is None:
            first, truth = (view, written), mm
        assert all(map(np.array_equal, view.frames, first[0].frames))
        assert written == pytest.approx(first[1], abs=TINY)
        assert mm == pytest.approx(truth, abs=1e-6)


def test_right_front_head_is_left_top_last() -> None:
    xyz = np.zeros((6, 5, 4), np.uint8)
    xyz[-1, -1, -1] = 255  # stored right, front, head last
    frames = render(
        Scan(xyz.transpose(2, 1, 0), affine=to_affine(world((1, 1, 1), np.eye(3)))), Rendering(frame=(56, 56), depth=4)
    ).frames
    assert [frame.max() > 0 for frame in frames] == [False, False, False, True]
    assert frames[3][0, 0, 0] > 200
    assert frames[3][28:, 28:].max() == 0


def test_flipping_data_alone_mirrors_and_flipping_both_changes_nothing() -> None:
    zyx = np.random.default_rng(1).integers(0, 256, (4, 28, 28), np.uint8)
    affine = world((1, 1, 2), np.eye(3))
    flip = np.diag([-1.0, 1, 1, 1])
    flip[0, 3] = 27
    rendering = Rendering(frame=(28, 28), depth=4, min_pixels=784)
    straight = render(Scan(zyx, affine=to_affine(affine)), rendering).frames
    both = render(Scan(zyx[:, :, ::-1], affine=to_affine(affine @ flip)), rendering).frames
    alone = render(Scan(zyx[:, :, ::-1], affine=to_affine(affine)), rendering).frames
    assert all(map(np.array_equal, straight, both))
    assert all(np.array_equal(a, b[:, ::-1]) for a, b in zip(straight, alone, strict=True))


@pytest.mark.parametrize("plane", [0, 1, 2], ids=["sagittal", "coronal", "axial"])
def test_one_slice_is_shown_upright_whatever_its_order(plane: int) -> None:
    xyz = np.random.default_rng(2).integers(0, 256, (5, 7, 6), np.uint8)
    affine = world((1, 1, 1), np.eye(3))
    picture = np.take(xyz, 2, axis=plane).T[::-1, ::-1]  # front or right at the left, head up
    expected = render(Scan(picture[None]), Rendering(frame=None)).frames[0]
    for order, backwards in ORDERS:
        if order[2] != plane:
            continue
        scan, move = stored(xyz, affine, order, backwards)
        index = int(np.linalg.inv(move)[2] @ [*(2 if a == plane else 0 for a in range(3)), 1])
        one = load(scan, slices=(index, index + 1))
        view = render(one, Rendering(frame=None))
        assert np.array_equal(view.frames[0], expected)
        box = Box2D(0.5, 1.0, 3.25, 4.0)
        assert view.box_to_source(view.box_to_frame(box)) == box


@FEW
@given(
    size=st.tuples(st.integers(1, 3000), st.integers(1, 3000)),
    frame=st.none() | st.tuples(st.integers(1, 2000), st.integers(1, 2000)),
    data=st.data(),
)
def test_films_round_trip(size: tuple[int, int], frame: tuple[int, int] | None, data: st.DataObject) -> None:
    scan = Scan(np.broadcast_to(np.uint8(0), (1, size[1], size[0])), spacing=(0.1, 0.3))
    geometry = ViewGeometry(source=scan.space, frame=frame or size, axes=(0, 1), flips=(False,) * 2)
    view = again(View.of(geometry))
    x, y = (data.draw(st.floats(0, side)) for side in size)
    back = view.point_to_source(view.point_to_frame(Point2D(x, y)))
    assert (back.x, back.y) == pytest.approx((x, y), abs=TINY)
    assert back.to_mm() == pytest.approx((x * 0.1, y * 0.3), abs=TINY)
    check_box(view, size, data)


@FEW
@given(
    size=st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9)),
    spacing=st.tuples(*[st.floats(0.1, 9)] * 3),
    degrees=st.floats(0, 44),
    order=st.sampled_from(ORDERS),
    depth=st.integers(1, 40),
    data=st.data(),
)
def test_volumes_round_trip(
    size: tuple[int, int, int],
    spacing: tuple[float, float, float],
    degrees: float,
    order: tuple[tuple[int, ...], tuple[bool, ...]],
    depth: int,
    data: st.DataObject,
) -> None:
    scan, _ = stored(np.zeros(size, np.uint8), world(spacing, turned(degrees, 0)), *order)
    view = render(scan, Rendering(frame=(256, 200), depth=depth))
    assert len(view.frames) == depth
    assert view.frame_size == (256, 200, depth)
    check_box(again(view), scan.size, data)
    check_slices(view.geometry)


@FEW
@given(data=st.data(), crop=st.tuples(*[st.floats(0, 3)] * 3, *[st.floats(4, 9)] * 3))
def test_crops_round_trip(data: st.DataObject, crop: tuple[float, ...]) -> None:
    space = Scan(np.zeros((9, 9, 9), np.uint8)).space
    geometry = ViewGeometry(source=space, frame=(7, 5, 3), axes=(1, 2, 0), flips=(True, False, True), crop=crop)
    assert geometry.to_frame(geometry.to_source((0, 0, 0))) == pytest.approx((0, 0, 0), abs=TINY)
    assert geometry.to_source((7, 5, 3))[2] == pytest.approx(crop[5])
    check_box(again(View.of(geometry)), (9, 9, 9), data)


def again(view: View) -> View:
    """The view as a journal would bring it back: through JSON, without pixels."""
    written = json.loads(json.dumps(view.geometry.to_dict()))
    read = ViewGeometry.from_dict(written)
    assert read == view.geometry
    return View.of(read)


def check_box(view: View, size: tuple[int, ...], data: st.DataObject) -> None:
    low = [data.draw(st.floats(0, side - 0.5)) for side in size]
    high = [data.draw(st.floats(a + 0.25, side)) for a, side in zip(low, size, strict=True)]
    box = Box2D(*low, *high) if len(size) == 2 else Box3D(*low, *high)
    written = view.box_to_frame(box)
    assert all(a < b for a, b in zip(written, written[len(size) :], strict=False))
    back = view.box_to_source(written)
    assert back.corners == pytest.approx(box.corners, abs=TINY)
    assert back.space == view.geometry.source


def check_slices(geometry: ViewGeometry) -> None:
    """The middle of each shown slice lies in the source slice that it shows."""
    axis = geometry.axes[2]
    for k, shown in enumerate(geometry.slices):
        place = geometry.to_source((0, 0, k + 0.5))[axis]
        assert shown - TINY <= place <= shown + 1 + TINY
