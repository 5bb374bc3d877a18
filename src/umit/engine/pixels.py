"""Frames to the patches that a vision encoder reads, bit for bit as ms-swift 2.6.1 and transformers make them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from umit.engine.families import MERGE, TEMPORAL, Family
from umit.errors import InputError

__all__ = ["grid", "patches", "tokens"]


def grid(frame: NDArray[np.uint8], family: Family) -> tuple[int, int, int]:
    """Return ``(1, rows, columns)`` of patches.

    Args:
        frame: uint8 ``(height, width, 3)`` RGB.
        family: Whose patches.

    Raises:
        InputError: The frame's sides are not multiples of the family's factor.
    """
    height, width = frame.shape[:2]
    side = family.factor
    if height % side or width % side or not height or not width:
        raise InputError(
            f"expected a frame whose sides are multiples of {side}, as {family.title} has them, got {width} × {height}",
            code="frame",
            hint="Frames come from umit.imaging.render, by a card whose renderings have this factor.",
        )
    return 1, height // family.patch, width // family.patch


def tokens(frame: NDArray[np.uint8], family: Family) -> int:
    """Return how many picture tokens the language model sees for a frame."""
    _, rows, columns = grid(frame, family)
    return rows * columns // MERGE**2


def patches(frames: Sequence[NDArray[np.uint8]], family: Family) -> NDArray[np.float32]:
    """Normalise frames and cut them into patches.

    Args:
        frames: Each uint8 ``(height, width, 3)`` RGB, sides multiples of the family's factor.
        family: Whose patches, and by which mean and deviation.

    Returns:
        float32 ``(patches, numbers)``, 1176 numbers with patches of 14 pixels and 1536 with 16; the frames one after
        another; patches of one merged token are neighbours.

    Example:
        >>> from umit.engine.families import QWEN2_VL
        >>> patches([np.zeros((28, 56, 3), np.uint8)], QWEN2_VL).shape
        (8, 1176)
    """
    counts = [grid(frame, family) for frame in frames]
    side = family.patch
    out = np.empty((sum(r * c for _, r, c in counts), 3, TEMPORAL, side, side), dtype=np.float32)
    start = 0
    for frame, (_, rows, columns) in zip(frames, counts, strict=True):
        end = start + rows * columns
        _fill(out[start:end], frame, rows, columns, _levels(family.mean, family.std))
        start = end
    return out.reshape(len(out), -1)


@lru_cache(maxsize=8)
def _levels(mean: tuple[float, ...], std: tuple[float, ...]) -> NDArray[np.float32]:
    """Return float32 ``(256, 3)``, what each grey level becomes in each channel.

    Rescaled in float64, rounded to float32, then normalised in float32: the order the reference has.
    """
    rescaled = (np.arange(256, dtype=np.float64) * 0.00392156862745098).astype(np.float32)
    centre, spread = np.array(mean, np.float32), np.array(std, np.float32)
    return (rescaled[:, None] - centre) / spread


def _fill(
    out: NDArray[np.float32], frame: NDArray[np.uint8], rows: int, columns: int, levels: NDArray[np.float32]
) -> None:
    """Write one frame's patches; bytes are put in order first, since floats are four times as large."""
    grey = frame.strides[2] == 0  # one channel seen three times, as umit renders films
    side = out.shape[-1]
    for channel in range(3):
        if channel == 0 or not grey:
            blocks = frame[..., channel].reshape(rows // MERGE, MERGE, side, columns // MERGE, MERGE, side)
            ordered = blocks.transpose(0, 3, 1, 4, 2, 5).reshape(-1, side, side)
        out[:, channel, 0] = levels[:, channel].take(ordered)
    out[:, :, 1:] = out[:, :, :1]
