"""Patches, against transformers' own picture processor."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from umit.engine.families import FAMILIES, QWEN2_VL, QWEN3_VL, Family
from umit.engine.pixels import grid, patches, tokens
from umit.errors import InputError


def picture(height: int, width: int) -> NDArray[np.uint8]:
    return np.random.default_rng(height).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize("family", FAMILIES.values(), ids=[*FAMILIES])
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (4, 1)])
def test_equal_to_transformers(size: tuple[int, int], family: Family) -> None:
    module = pytest.importorskip(
        "transformers.models.qwen2_vl.image_processing_pil_qwen2_vl",
        reason="this transformers names its Pillow processor otherwise",
    )
    frame = picture(size[0] * family.factor, size[1] * family.factor)
    processor = module.Qwen2VLImageProcessorPil(
        size={"shortest_edge": 28 * 28, "longest_edge": 28 * 28 * 1280},
        patch_size=family.patch, image_mean=list(family.mean), image_std=list(family.std),
    )  # fmt: skip
    wanted = processor([Image.fromarray(frame)], return_tensors="np")
    assert [tuple(g) for g in wanted["image_grid_thw"].tolist()] == [grid(frame, family)]
    np.testing.assert_allclose(patches([frame], family), wanted["pixel_values"], atol=1e-6)


def test_frames_follow_each_other() -> None:
    frames = [picture(28, 56), picture(56, 28)]
    both = np.concatenate([patches([frame], QWEN2_VL) for frame in frames])
    assert (patches(frames, QWEN2_VL) == both).all()
    assert both.shape == (16, 1176)
    assert both.dtype == np.float32


def test_four_patches_are_one_token() -> None:
    assert grid(picture(56, 84), QWEN2_VL) == (1, 4, 6)
    assert tokens(picture(56, 84), QWEN2_VL) == 6
    assert tokens(picture(64, 96), QWEN3_VL) == 6


@pytest.mark.parametrize("size", [(30, 28), (28, 14), (0, 28)])
def test_sides_that_do_not_fit(size: tuple[int, int]) -> None:
    with pytest.raises(InputError, match="multiples of 28"):
        grid(np.zeros((*size, 3), np.uint8), QWEN2_VL)


def test_a_picture_cut_for_another_family() -> None:
    with pytest.raises(InputError, match="multiples of 32, as Qwen3-VL has them, got 56 × 56"):
        grid(np.zeros((56, 56, 3), np.uint8), QWEN3_VL)


def test_one_channel_seen_three_times_gives_what_three_equal_ones_give() -> None:
    grey = np.random.default_rng(1).integers(0, 256, (56, 84), np.uint8)
    seen = np.broadcast_to(grey[..., None], (56, 84, 3))
    assert seen.strides[2] == 0  # the short way
    assert np.array_equal(patches([seen], QWEN2_VL), patches([seen.copy()], QWEN2_VL))
