"""What is fed, in which frame, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image

from umit.errors import InputError
from umit.geometry import Box2D, Box3D, Point2D
from umit.imaging.scan import Scan
from umit.imaging.view import Rendering, render, resize_rgb, smart_resize

from ..conftest import examples

FILM = Scan(np.zeros((1, 30, 40), np.uint8))
VOLUME = Scan(np.zeros((5, 30, 40), np.uint8))
DEEP = Rendering(frame=(256, 256), depth=32)


@pytest.mark.parametrize(
    ("size", "budget", "expected"),
    [
        ((1024, 1024), 602112, (756, 756)),  # umit-formats.md 1.1
        ((800, 600), 602112, (812, 588)),
        ((256, 256), 602112, (252, 252)),
        ((2400, 1935), 602112, (840, 672)),
        ((28, 28), 602112, (56, 56)),
        ((1, 1), 602112, (56, 56)),
        ((2000, 10), 602112, (1988, 28)),
        ((200, 1), 602112, (196, 28)),  # exactly 200 to 1
        ((20, 4000), 3136, (28, 784)),  # a side never falls to 0
    ],
)
def test_smart_resize(size: tuple[int, int], budget: int, expected: tuple[int, int]) -> None:
    assert smart_resize(*size, max_pixels=budget) == expected


@settings(max_examples=examples(300), derandomize=True)
@given(
    height=st.integers(1, 5000),
    width=st.integers(1, 5000),
    low=st.integers(1, 64).map(lambda n: n * 784),
    more=st.integers(0, 2000).map(lambda n: n * 784),
    factor=st.sampled_from([28, 32]),
)
def test_smart_resize_is_the_reference_arithmetic(height: int, width: int, low: int, more: int, factor: int) -> None:
    reference = pytest.importorskip("qwen_vl_utils.vision_process").smart_resize
    if max(height, width) / min(height, width) > 200:
        with pytest.raises(InputError) as caught:
            smart_resize(height, width)
        assert caught.value.code == "aspect_ratio"
        return
    expected = reference(height, width, factor, low, low + more)
    assume(min(expected) > 0)  # there the reference gives a picture without pixels
    found = smart_resize(height, width, factor=factor, min_pixels=low, max_pixels=low + more)
    assert found == expected


@pytest.mark.parametrize("size", [(0, 5), (5, -1)])
def test_smart_resize_refuses_nothing(size: tuple[int, int]) -> None:
    with pytest.raises(InputError, match="expected a picture"):
        smart_resize(*size)


def test_resize_takes_the_width_first_and_leaves_a_fitting_picture_alone() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (91, 133, 3), np.uint8)
    wide = Image.fromarray(picture).resize((56, 91), Image.Resampling.BICUBIC)
    expected = np.asarray(wide.resize((56, 84), Image.Resampling.BICUBIC))
    assert np.array_equal(resize_rgb(picture, 56, 84), expected)
    same = resize_rgb(picture, 133, 91)
    assert np.shares_memory(same, picture)
    assert not same.flags.writeable
    assert picture.flags.writeable


def test_a_film_is_squeezed_to_what_is_fed_and_read_in_its_frame() -> None:
    film = Scan(np.zeros((1, 2400, 1935), np.uint8), spacing=(0.1, 0.1))
    view = render(film, Rendering(frame=(600, 800), fed=(600, 800)))
    assert [frame.shape for frame in view.frames] == [(812, 588, 3)]
    assert view.frame_size == (600, 800)
    point = view.point_to_source((300, 400))
    assert (point.x, point.y) == (967.5, 1200.0)
    assert point.to_mm() == pytest.approx((96.75, 120.0))


def test_without_a_frame_the_picture_s_own_size_is_written() -> None:
    view = render(Scan(np.zeros((1, 100, 150), np.uint8)), Rendering(frame=None))
    assert view.frame_size == (150, 100)
    assert view.frames[0].shape == (112, 140, 3)
    assert view.box_to_frame(Box2D(1, 2, 3, 4)) == (1, 2, 3, 4)


def test_a_frame_alone_squeezes_no_film() -> None:
    """Thousandths, as Qwen2-VL writes them, are of the picture as it is."""
    view = render(Scan(np.zeros((1, 2400, 1000), np.uint8)), Rendering(frame=(1000, 1000)))
    assert (
        view.frames[0].shape == render(Scan(np.zeros((1, 2400, 1000), np.uint8)), Rendering(frame=None)).frames[0].shape
    )
    assert view.frames[0].shape == (1176, 476, 3)  # transformers' smart_resize(2400, 1000, 28, 3136, 602112)
    assert view.box_to_source((100, 200, 300, 400)).corners == (100, 480, 300, 960)


@pytest.mark.parametrize(("factor", "fed"), [(28, (476, 1176)), (32, (480, 1184))])
def test_the_pixels_that_are_fed_may_be_the_frame(factor: int, fed: tuple[int, int]) -> None:
    view = render(Scan(np.zeros((1, 2400, 1000), np.uint8)), Rendering(frame=None, in_fed=True, factor=factor))
    assert view.frame_size == view.frames[0].shape[1::-1] == fed
    assert view.point_to_source((fed[0] / 2, fed[1] / 4)) == Point2D(500, 600)
    with pytest.raises(InputError, match="own frame"):
        Rendering(frame=(9, 9), in_fed=True)


def test_one_resize_only() -> None:
    """Going through the frame first would blur: black and white columns stay in the fed picture."""
    stripes = np.zeros((1, 112, 112), np.uint8)
    stripes[..., ::2] = 255
    view = render(Scan(stripes), Rendering(frame=(7, 7), min_pixels=12544))
    assert view.frames[0].shape == (112, 112, 3)
    assert set(np.unique(view.frames[0])) == {0, 255}


@pytest.mark.parametrize(
    ("slices", "depth", "expected"),
    [
        (32, 32, list(range(32))),
        (64, 32, list(range(1, 64, 2))),  # centres at even borders fall into the upper slice
        (3, 6, [0, 0, 1, 1, 2, 2]),
        (5, 2, [1, 3]),
        (7, 1, [3]),
    ],
)
def test_slices_are_the_nearest_to_even_centres(slices: int, depth: int, expected: list[int]) -> None:
    voxels = np.arange(slices * 16, dtype=np.uint8).reshape(slices, 4, 4)
    view = render(Scan(voxels), Rendering(frame=(8, 8), depth=depth))
    assert list(view.geometry.slices) == expected
    assert view.warnings == ("orientation: not recorded, shown as stored",)
    whole = Box3D(0, 0, 0, 4, 4, slices)
    assert view.box_to_frame(whole) == (0, 0, 0, 8, 8, depth)


@pytest.mark.parametrize(
    ("scan", "rendering", "code"),
    [
        (VOLUME, Rendering(frame=None), "volume"),
        (FILM, DEEP, "film"),
        ([], DEEP, "empty"),
        (Scan(np.zeros((1, 1, 201), np.uint8)), Rendering(frame=None), "aspect_ratio"),
        (Scan(np.full((1, 2, 2), np.nan)), Rendering(frame=None), "not_finite"),
    ],
)
def test_render_refuses(scan: Scan, rendering: Rendering, code: str) -> None:
    with pytest.raises(InputError) as caught:
        render(scan, rendering)
    assert caught.value.code == code


def test_the_refusal_of_a_volume_says_what_to_do() -> None:
    with pytest.raises(InputError, match=r"slices=\(k, k \+ 1\)"):
        render(VOLUME, Rendering(frame=None))


def test_several_scans_have_pictures_but_no_coordinates() -> None:
    view = render([FILM, FILM], Rendering(frame=None))
    assert len(view.frames) == 2
    for ask in (
        lambda: view.box_to_source((0, 0, 1, 1)),
        lambda: view.box_to_frame(Box2D(0, 0, 1, 1)),
        lambda: view.point_to_source((0, 0)),
        lambda: view.point_to_frame(Point2D(0, 0)),
    ):
        with pytest.raises(InputError, match="got several"):
            ask()


@pytest.mark.parametrize("box", [(0, 0, 1), (0, 0, 1, 1, 2), (0, 0, 0, 1, 1, 1)])
def test_boxes_of_other_axes_are_refused(box: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match="expected coordinates of 2 axes"):
        render(FILM, Rendering(frame=None)).box_to_source(box)


@pytest.mark.parametrize(
    "fields", [{"frame": (0, 5)}, {"frame": None, "depth": 0}, {"frame": None, "min_pixels": 10**9}]
)
def test_renderings_are_checked(fields: dict[str, object]) -> None:
    with pytest.raises(InputError, match="expected positive sizes"):
        Rendering(**fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "fields",
    [
        {"frame": (8, 8), "depth": 4, "preparation": "m3D"},
        {"frame": (8, 8), "preparation": "m3d"},
        {"frame": None, "depth": 4, "preparation": "m3d"},
    ],
)
def test_preparations_are_checked(fields: dict[str, object]) -> None:
    with pytest.raises(InputError, match="expected a preparation of nearest, m3d"):
        Rendering(**fields)  # type: ignore[arg-type]


def test_a_grey_picture_gets_the_values_of_three_equal_channels() -> None:
    grey = np.random.default_rng(3).integers(0, 256, (61, 90), np.uint8)
    frame = render(Scan(grey[None]), Rendering(frame=None)).frames[0]
    expected = resize_rgb(np.repeat(grey[..., None], 3, axis=2), *frame.shape[1::-1])
    assert np.array_equal(frame, expected)
    assert not frame.flags.writeable


def test_a_picture_without_anything_in_it_is_said_so() -> None:
    assert "picture: blank" in render(FILM, Rendering(frame=None)).warnings[0]
    dark = Scan(np.arange(1200, dtype=np.int16).reshape(1, 30, 40), window=(5000.0, 6000.0))
    assert "picture: blank" in render(dark, Rendering(frame=None)).warnings[0]


def test_the_window_used_is_said() -> None:
    scan = Scan(np.arange(1200, dtype=np.int16).reshape(1, 30, 40), window=(0.0, 1500.0))
    assert render(scan, Rendering(frame=None)).warnings == ("window: shown from 0 to 1500",)


def test_reversed_corners_of_a_flipped_view_come_back_ordered() -> None:
    affine = ((1.0, 0, 0, 0), (0, 1.0, 0, 0), (0, 0, 1.0, 0), (0, 0, 0, 1.0))
    scan = Scan(np.zeros((4, 8, 8), np.uint8), affine=affine)
    view = render(scan, Rendering(frame=(8, 8), depth=4))
    assert view.box_to_frame(Box3D(0, 0, 0, 2, 3, 1)) == (6, 5, 0, 8, 8, 1)
    assert view.box_to_source((8, 8, 1, 6, 5, 0)) == Box3D(0, 0, 0, 2, 3, 1)


def test_steep_obliques_are_shown_and_said() -> None:
    turn = np.radians(30)
    affine = np.eye(4)
    affine[:2, :2] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    scan = Scan(np.zeros((2, 4, 4), np.uint8), affine=tuple(map(tuple, affine.tolist())))
    assert "oblique by 30 degrees" in render(scan, DEEP).warnings[0]


def test_frames_are_read_only_and_the_window_is_chosen_and_said() -> None:
    scan = Scan(np.linspace(-5, 5, 784).reshape(1, 28, 28).astype(np.float32))
    view = render(scan, Rendering(frame=None))
    assert view.frames[0].dtype == np.uint8
    assert view.frames[0].min() == 0
    assert view.frames[0].max() == 255
    assert "percentiles" in view.warnings[0]
    with pytest.raises(ValueError, match="read-only"):
        view.frames[0][0, 0] = 1


@pytest.mark.parametrize(
    ("voxels", "code"),
    [
        (np.zeros((4, 4), np.uint8), "shape"),
        (np.zeros((1, 4, 4, 4), np.uint8), "shape"),
        (np.zeros((0, 4, 4), np.uint8), "empty"),
        (np.zeros((1, 4, 4), np.complex64), "complex"),
        (np.zeros((1, 4, 4), object), "dtype"),
        ([[[0]]], "shape"),
    ],
)
def test_scans_check_their_voxels(voxels: object, code: str) -> None:
    with pytest.raises(InputError) as caught:
        Scan(voxels)  # type: ignore[arg-type]
    assert caught.value.code == code


@pytest.mark.parametrize(
    "fields",
    [
        {"affine": ((0.0,) * 4,) * 3 + ((0.0, 0.0, 0.0, 1.0),)},
        {"affine": ((1.0, 1.0, 0, 0), (1.0, 1.0, 0, 0), (0, 0, 1.0, 0), (0, 0, 0, 1.0))},
        {"spacing": (1.0, -1.0, 1.0)},
        {"spacing": (1.0, 1.0)},
        {"spacing": (1.0, float("nan"), 1.0)},
    ],
)
def test_scans_check_their_grid(fields: dict[str, object]) -> None:
    with pytest.raises(InputError):
        Scan(np.zeros((2, 3, 3), np.uint8), **fields)  # type: ignore[arg-type]


def test_a_scan_is_read_only_names_no_one_and_leaves_the_caller_s_array_alone() -> None:
    array = np.zeros((2, 3, 4), np.int16)
    affine = ((-2.0, 0, 0, 0), (0, 0, 3.0, 0), (0, 1.0, 0, 0), (0, 0, 0, 1.0))
    scan = Scan(array, affine=affine, name="DOE^JANE.nii")
    assert repr(scan) == "Scan(shape=(2, 3, 4), spacing=(2.0, 1.0, 3.0), orientation='LSA')"
    assert array.flags.writeable
    assert not scan.voxels.flags.writeable
    assert scan.size == (4, 3, 2)
