"""Patches, against transformers' own picture processor."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from umit.engine.pixels import grid, patches, tokens
from umit.errors import InputError


def picture(height: int, width: int) -> NDArray[np.uint8]:
    return np.random.default_rng(height).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize("size", [(28, 28), (56, 84), (112, 28)])
def test_equal_to_transformers(size: tuple[int, int]) -> None:
    module = pytest.importorskip(
        "transformers.models.qwen2_vl.image_processing_pil_qwen2_vl",
        reason="this transformers names its Pillow processor otherwise",
    )
    frame = picture(*size)
    processor = module.Qwen2VLImageProcessorPil(size={"shortest_edge": 28 * 28, "longest_edge": 28 * 28 * 1280})
    wanted = processor([Image.fromarray(frame)], return_tensors="np")
    assert [tuple(g) for g in wanted["image_grid_thw"].tolist()] == [grid(frame)]
    np.testing.assert_allclose(patches([frame]), wanted["pixel_values"], atol=1e-6)


def test_frames_follow_each_other() -> None:
    frames = [picture(28, 56), picture(56, 28)]
    both = np.concatenate([patches([frame]) for frame in frames])
    assert (patches(frames) == both).all()
    assert both.shape == (16, 1176)
    assert both.dtype == np.float32


def test_four_patches_are_one_token() -> None:
    assert grid(picture(56, 84)) == (1, 4, 6)
    assert tokens(picture(56, 84)) == 6


@pytest.mark.parametrize("size", [(30, 28), (28, 14), (0, 28)])
def test_sides_that_do_not_fit(size: tuple[int, int]) -> None:
    with pytest.raises(InputError, match="multiples of 28"):
        grid(np.zeros((*size, 3), np.uint8))


def test_one_channel_seen_three_times_gives_what_three_equal_ones_give() -> None:
    grey = np.random.default_rng(1).integers(0, 256, (56, 84), np.uint8)
    seen = np.broadcast_to(grey[..., None], (56, 84, 3))
    assert seen.strides[2] == 0  # the short way
    assert np.array_equal(patches([seen]), patches([seen.copy()]))
