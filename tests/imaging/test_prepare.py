"""M3D's preparation of a volume, against the formulas of its scripts written out voxel by voxel."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from umit.geometry import Box3D
from umit.imaging.orientation import to_affine
from umit.imaging.prepare import foreground, levels, luminance, stretched
from umit.imaging.scan import Scan
from umit.imaging.view import Rendering, render

Array = NDArray[np.float64]
NAN = float("nan")
M3D = Rendering(frame=(256, 256), depth=32, preparation="m3d")
SMALL = Rendering(frame=(28, 56), depth=4, min_pixels=784, preparation="m3d")


def reference(volume: NDArray[np.generic], size: tuple[int, int, int]) -> Array:
    """Min-max, CropForeground and Resize(mode="bilinear") of a ``(D, H, W)`` array, 0..1.

    MONAI makes "bilinear" of three axes trilinear; PyTorch's formula is
    ``max(0, (k + 0.5) * n / m - 0.5)``, its neighbours and their shares.
    """
    image = volume.astype(np.float64)
    image = image - image.min()
    image = image / max(image.max(), 1e-8)
    hits = np.argwhere(image > 0)
    low, high = hits.min(axis=0), hits.max(axis=0) + 1
    image = image[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
    found = np.zeros(size)
    for place in np.ndindex(size):
        at = [max(0.0, (k + 0.5) * n / m - 0.5) for k, n, m in zip(place, image.shape, size, strict=True)]
        for corner in product((0, 1), repeat=3):
            index, weight = [], 1.0
            for position, up, n in zip(at, corner, image.shape, strict=True):
                index.append(min(int(position) + up, n - 1))
                share = position - int(position)
                weight *= share if up else 1 - share
            found[place] += weight * image[tuple(index)]
    return found


def phantom(shape: tuple[int, int, int] = (9, 21, 17)) -> NDArray[np.int16]:
    """Something in the middle of nothing, at another distance from each of the six sides."""
    volume = np.full(shape, -1000, np.int16)
    inner = np.random.default_rng(4).integers(-200, 800, [n - 7 for n in shape])
    volume[3:-4, 2:-5, 1:-6] = inner
    return volume


@pytest.mark.parametrize("size", [(4, 12, 9), (2, 5, 6), (7, 21, 17), (1, 1, 1), (2, 14, 10)])
def test_pictures_are_m3d_s(size: tuple[int, int, int]) -> None:
    volume = phantom()
    black, white = levels(volume, None)
    bounds = foreground(volume, black, white)
    cut = volume[tuple(slice(*bound) for bound in bounds)]
    pictures = np.stack(list(stretched(cut, black, white, size)))
    expected = reference(volume, size) * 255
    assert pictures.shape == size
    assert np.abs(pictures - expected).max() < 0.501  # the nearest level, but for float32


def test_the_frames_of_a_scan_are_m3d_s() -> None:
    scan = Scan(phantom()).windowed("full")
    view = render(scan, SMALL)
    expected = np.floor(reference(scan.voxels, (4, 56, 28)) * 255 + 0.5)
    shown = np.stack(view.frames)[..., 0].astype(int)
    assert view.frame_size == (28, 56, 4)
    assert np.abs(shown - expected).max() <= 1


def test_pictures_in_a_window_are_prepared_as_m3d_cap_s_were() -> None:
    """Windowed to 256 levels by a viewer, then M3D's script: at most a level from our one step."""
    volume = phantom()
    scan = Scan(volume, window=(-160.0, 240.0))
    grey = np.clip((volume + 160) / 400 * 255, 0, 255)
    expected = reference(grey, (4, 56, 28)) * 255
    assert np.abs(np.stack(render(scan, SMALL).frames)[..., 0] - expected).max() <= 1


def test_the_size_of_the_released_checkpoints() -> None:
    view = render(Scan(phantom((40, 60, 50))), M3D)
    assert [frame.shape for frame in view.frames] == [(252, 252, 3)] * 32  # umit-formats.md 1.1
    assert view.frame_size == (256, 256, 32)


def test_boxes_go_through_crop_and_stretch_and_back() -> None:
    view = render(Scan(phantom()), SMALL)
    assert view.geometry.crop == (1, 2, 3, 11, 16, 5)
    whole = Box3D(1, 2, 3, 11, 16, 5)
    assert view.box_to_frame(whole) == (0, 0, 0, 28, 56, 4)
    assert view.box_to_source((0, 0, 0, 28, 56, 4)) == whole
    assert view.box_to_source((14, 28, 2, 28, 56, 4)) == Box3D(6, 9, 4, 11, 16, 5)
    assert [view.geometry.slices[k] for k in (0, 3)] == [3, 4]


def test_a_turned_volume_is_cropped_where_it_is_stored() -> None:
    """RAS voxels are shown against x and y; the box of the same place has the same millimetres."""
    flip = np.diag([-1.0, -1.0, 1.0, 1.0])
    flip[:2, 3] = (16, 20)
    plain = render(Scan(phantom(), affine=to_affine(np.eye(4))), SMALL)
    turned = render(Scan(phantom()[:, ::-1, ::-1], affine=to_affine(flip)), SMALL)
    assert all(map(np.array_equal, plain.frames, turned.frames))
    box = (3, 7, 1, 20, 30, 3)
    one, two = plain.box_to_source(box), turned.box_to_source(box)
    assert isinstance(one, Box3D) and isinstance(two, Box3D)
    assert np.allclose(sorted(one.to_mm()), sorted(two.to_mm()))


def test_inverted_values_are_cropped_by_what_is_shown() -> None:
    volume = phantom()
    dark = render(Scan(-volume, inverted=True), SMALL)
    assert all(map(np.array_equal, dark.frames, render(Scan(volume), SMALL).frames))


def test_m3d_s_own_arrays_are_shown_as_they_are() -> None:
    """A prepared array is neither cropped nor stretched again: that would move every box."""
    array = np.random.default_rng(8).random((4, 56, 28)).astype(np.float32) * 0.5
    array[0] = 0.0  # a crop would take the dark slice away
    array[:, :, :3] = 0.0
    scan = Scan(array, window=(0.0, 1.0)).shown(as_stored=True)
    view = render(scan, SMALL)
    assert view.geometry.crop is None
    expected = np.floor(array * 255 + 0.5)
    assert np.abs(np.stack(view.frames)[..., 0] - expected).max() <= 1
    assert view.box_to_source((1, 2, 1, 9, 8, 3)) == Box3D(1, 2, 1, 9, 8, 3)
    again = render(scan.shown(), SMALL)
    assert again.geometry.crop == (3, 0, 1, 28, 56, 4)


def test_slices_are_chosen_before_the_crop() -> None:
    view = render(Scan(phantom()).shown(slices=(0, 4)), SMALL)
    assert view.geometry.crop == (1, 2, 3, 11, 16, 4)


@pytest.mark.parametrize(
    ("voxels", "blank"),
    [
        (np.full((3, 4, 4), 7, np.int16), True),  # M3D's own script raises here
        (np.full((3, 4, 4), 7, np.uint8), True),
        (np.where(np.arange(48).reshape(3, 4, 4) == 5, NAN, 2.5), True),
        (np.where(np.arange(48).reshape(3, 4, 4) == 5, NAN, np.arange(48.0).reshape(3, 4, 4)), False),
        (np.where(np.arange(48).reshape(3, 4, 4) == 5, np.inf, np.arange(48.0).reshape(3, 4, 4)), False),
    ],
)  # fmt: skip
def test_awkward_volumes(voxels: NDArray[np.generic], blank: bool) -> None:
    view = render(Scan(voxels), SMALL)
    assert any("blank" in note for note in view.warnings) == blank
    assert all(np.isfinite(frame).all() for frame in view.frames)


def test_colours_become_luminance() -> None:
    colours = np.random.default_rng(6).integers(0, 256, (2, 5, 6, 3), np.uint8)
    expected = [np.asarray(Image.fromarray(plane).convert("L")) for plane in colours]
    assert np.array_equal(luminance(colours), expected)
    assert render(Scan(colours), SMALL).frames[0].shape == (56, 28, 3)
