"""Another window, another plane, a part of the slices: the scan itself stays whole."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from umit.errors import InputError, MissingMetadataError
from umit.geometry import Affine, Box3D
from umit.imaging.orientation import to_affine
from umit.imaging.scan import Scan
from umit.imaging.view import Rendering, render
from umit.imaging.window import PRESETS

# Stored to the front, to the head, to the left: x is front, y is head, z is left.
MATRIX = np.array([[0, 0, -4.0, 30], [2.0, 0, 0, -5], [0, 3.0, 0, 100], [0, 0, 0, 1]])
VOXELS = np.random.default_rng(0).integers(0, 4000, (6, 5, 7)).astype(np.int16)
VOLUME = Scan(VOXELS, affine=to_affine(MATRIX), modality="CT", window=(-160.0, 240.0))
FILM = Scan(np.zeros((1, 4, 5), np.uint8))
BARE = Scan(np.zeros((6, 5, 7), np.uint8))


@pytest.mark.parametrize("name", PRESETS)
def test_presets_have_a_window_and_a_source(name: str) -> None:
    preset = PRESETS[name]
    low, high = VOLUME.windowed(name).window or (0, 0)
    assert ((low + high) / 2, high - low) == (preset.centre, preset.width)
    assert preset.source.startswith(("Radiopaedia", "OHIF"))


def test_a_window_is_another_scan_of_the_same_voxels() -> None:
    lung = VOLUME.windowed("lung")
    assert (lung.window, VOLUME.window) == ((-1350.0, 150.0), (-160.0, 240.0))
    assert np.shares_memory(lung.voxels, VOXELS)
    assert VOLUME.windowed((50, 350)).window == (-125.0, 225.0)
    assert VOLUME.windowed("full").window == (float(VOXELS.min()), float(VOXELS.max()))


def test_what_was_said_of_the_window_before_is_no_longer_true() -> None:
    scan = Scan(VOXELS, warnings=("EXIF orientation 6 applied", "window: none declared, abdomen"))
    assert scan.windowed((0, 10)).warnings == ("EXIF orientation 6 applied",)


def test_units_that_are_not_recorded_are_said() -> None:
    assert "taken in HU" in Scan(VOXELS).windowed("bone").warnings[0]
    assert Scan(VOXELS).windowed("full").warnings == ()


@pytest.mark.parametrize(
    ("scan", "window", "why"),
    [
        (VOLUME, "lungs", "expected a window of abdomen"),
        (VOLUME, (40, 0), "positive width"),
        (Scan(VOXELS, modality="MR"), "brain", "expected CT"),
        (Scan(VOXELS, modality="PT"), "liver", "expected CT"),
        (Scan(VOXELS, warnings=("window: VOI look-up table applied",)), (40, 80), "look-up table"),
    ],
)
def test_windows_that_would_show_something_else(scan: Scan, window: Any, why: str) -> None:
    with pytest.raises(InputError, match=why) as caught:
        scan.windowed(window)
    assert caught.value.code == "window"


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, None),
        ({"slices": (1, 4)}, (1, 4)),  # y crosses axial slices here
        ({"plane": "coronal", "slices": (0, 7)}, (0, 7)),
        ({"plane": "sagittal", "slices": (5, 6)}, (5, 6)),
        ({"mm": (102.9, 106.1)}, (1, 3)),  # heights are 100, 103, 106, 109 and 112
        ({"mm": (-1e9, 1e9)}, (0, 5)),
        ({"plane": "coronal", "mm": (-5, -3)}, (0, 2)),
        ({"plane": "sagittal", "mm": (10, 14)}, (4, 6)),  # z runs to the left: 30, 26 … 10
    ],
)
def test_slices_by_number_and_by_mm(asked: dict[str, Any], expected: Any) -> None:
    assert VOLUME.shown(**asked).presentation.slices == expected


@pytest.mark.parametrize(("plane", "expected"), [("axial", (2, 4)), ("coronal", (1, 6)), ("sagittal", (3, 5))])  # fmt: skip
def test_slices_of_a_mask(plane: Any, expected: tuple[int, int]) -> None:
    mask = np.zeros(VOXELS.shape, np.uint8)
    mask[3:5, 2, 1], mask[3, 3, 5] = 1, 2  # (z, y, x)
    for given in (mask, mask > 0, Scan(mask, affine=VOLUME.affine)):
        assert VOLUME.shown(plane=plane, slices=given).presentation.slices == expected


def moved(by: float) -> Affine:
    other = MATRIX.copy()
    other[0, 3] += by
    return to_affine(other)


@pytest.mark.parametrize(
    ("scan", "asked", "code"),
    [
        (FILM, {}, "film"),
        (VOLUME, {"slices": (3, 3)}, "slices"),
        (VOLUME, {"slices": (0, 6)}, "slices"),  # there are five
        (VOLUME, {"slices": (-2, 4)}, "slices"),
        (VOLUME, {"slices": (0.5, 4)}, "slices"),
        (VOLUME, {"slices": (0, 1, 2)}, "slices"),
        (VOLUME, {"slices": (0, 2), "mm": (0, 1)}, "slices"),
        (VOLUME, {"mm": (0, 50)}, "slices"),
        (VOLUME, {"mm": (106, 103)}, "slices"),
        (VOLUME, {"mm": (float("nan"), 103)}, "slices"),
        (VOLUME, {"plane": "oblique"}, "plane"),
        (VOLUME, {"plane": "coronal", "as_stored": True}, "plane"),
        (VOLUME, {"slices": np.zeros((6, 5, 7), bool)}, "mask"),
        (VOLUME, {"slices": np.ones((7, 5, 6), bool)}, "mask"),
        (VOLUME, {"slices": Scan(np.ones((6, 5, 7), np.uint8), affine=moved(4))}, "mask"),
    ],
)
def test_what_cannot_be_shown(scan: Scan, asked: dict[str, Any], code: str) -> None:
    with pytest.raises(InputError) as caught:
        scan.shown(**asked)
    assert caught.value.code == code


@pytest.mark.parametrize("asked", [{"plane": "coronal"}, {"mm": (0, 1)}])
def test_planes_and_mm_need_an_affine(asked: dict[str, Any]) -> None:
    with pytest.raises(MissingMetadataError):
        BARE.shown(**asked)


def test_boxes_of_a_part_are_in_voxels_of_the_whole_file() -> None:
    view = render(VOLUME.shown(slices=(1, 4)), Rendering(frame=(60, 70), depth=6))
    # Shown: left (z), back (against x), head (y).
    assert view.geometry.slices == (1, 1, 2, 2, 3, 3)
    assert view.box_to_source((0, 0, 0, 60, 70, 6)) == Box3D(0, 1, 0, 7, 4, 6)
    assert view.box_to_source((10, 10, 2, 20, 20, 4)) == Box3D(5, 2, 1, 6, 3, 2)


def test_a_part_shows_what_a_cut_would_show() -> None:
    part = render(VOLUME.shown(slices=(1, 4)), Rendering(frame=(60, 70), depth=3))
    whole = render(VOLUME, Rendering(frame=(60, 70), depth=5))
    assert all(map(np.array_equal, part.frames, whole.frames[1:4]))


def test_a_plane_is_a_swap_of_axes_only() -> None:
    view = render(VOLUME.shown(plane="sagittal"), Rendering(frame=(7, 5), depth=6, factor=1, min_pixels=1))
    low, high = VOLUME.window or (0, 0)
    grey = np.floor((np.clip(VOXELS, low, high) - low) / (high - low) * 255 + 0.5)
    # Pictures run to the left, which is z; front (x) on the left, head (y) on top.
    assert np.array_equal(np.stack(view.frames)[..., 0], grey[:, ::-1, ::-1])


def test_as_stored_keeps_the_file_s_order_and_its_millimetres() -> None:
    view = render(VOLUME.shown(as_stored=True), Rendering(frame=(7, 5), depth=6))
    assert (view.geometry.axes, view.geometry.flips) == ((0, 1, 2), (False,) * 3)
    assert "orientation: shown as stored, as asked" in view.warnings
    box = view.box_to_source((0, 0, 0, 1, 1, 1))
    assert isinstance(box, Box3D) and len(box.to_mm()) == 8


def test_a_choice_of_slices_does_not_outlive_a_cut() -> None:
    chosen = VOLUME.shown(plane="sagittal", slices=(3, 6))
    cut = Scan(VOXELS[:4], affine=VOLUME.affine, presentation=chosen.presentation)
    with pytest.raises(InputError, match="expected slices within 0 and 4"):
        render(cut, Rendering(frame=(7, 5), depth=6))


@pytest.mark.parametrize("directions", ["L", "LR", "XI", "LIP", ""])
def test_directions_are_checked(directions: str) -> None:
    with pytest.raises(InputError, match="two letters"):
        Scan(np.zeros((1, 4, 5), np.uint8), directions=directions)


@pytest.mark.parametrize(
    ("modality", "directions", "shown"),
    [
        ("DX", "LI", (0, 1, 2, 3)),
        ("DX", "RI", (1, 0, 3, 2)),
        ("DX", "LS", (2, 3, 0, 1)),
        ("CR", "IL", (0, 2, 1, 3)),
        (None, "RI", (1, 0, 3, 2)),
        ("DX", "AI", (0, 1, 2, 3)),  # a lateral film keeps the way the face looks
        ("DX", "PI", (0, 1, 2, 3)),
        ("DX", "AS", (2, 3, 0, 1)),
        ("CT", "RP", (1, 0, 3, 2)),  # one axial slice
        ("DX", "RP", (0, 1, 2, 3)),  # a film from above
        ("MG", "PL", (0, 1, 2, 3)),  # a breast
        ("MG", "AS", (0, 1, 2, 3)),
    ],
)
def test_films_are_turned_upright(modality: str | None, directions: str, shown: tuple[int, ...]) -> None:
    pixels = np.arange(4, dtype=np.uint8).reshape(1, 2, 2) * 80
    view = render(Scan(pixels, directions=directions, modality=modality), Rendering(frame=None, factor=1, min_pixels=1))
    assert view.frames[0][..., 0].ravel().tolist() == [80 * k for k in shown]
    assert (len(view.warnings) == 1) == (shown != (0, 1, 2, 3))
