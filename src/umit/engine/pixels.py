"""Frames to the patches that Qwen2-VL's vision encoder reads, bit for bit as ms-swift 2.6.1 made them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from umit.errors import InputError

__all__ = ["MEAN", "MERGE", "PATCH", "STD", "grid", "patches"]

PATCH: Final = 14  # Qwen2-VL's patch side in pixels
MERGE: Final = 2  # patches merged along each side into one token
TEMPORAL: Final = 2  # a still picture is shown to the encoder as two equal frames

MEAN: Final = (0.48145466, 0.4578275, 0.40821073)  # CLIP's, as Qwen2-VL uses them
STD: Final = (0.26862954, 0.26130258, 0.27577711)
#: Rescaled in float64, rounded to float32, then normalised in float32: the order the reference has.
_LEVELS: Final = (
    (np.arange(256, dtype=np.float64) * 0.00392156862745098).astype(np.float32)[:, None] - np.array(MEAN, np.float32)
) / np.array(STD, np.float32)


def grid(frame: NDArray[np.uint8]) -> tuple[int, int, int]:
    """Return ``(1, rows, columns)`` of patches.

    Raises:
        InputError: The frame's sides are not multiples of 28.
    """
    height, width = frame.shape[:2]
    side = PATCH * MERGE
    if height % side or width % side or not height or not width:
        raise InputError(
            f"expected a frame whose sides are multiples of {side}, got {width} × {height}",
            code="frame",
            hint="Frames come from umit.imaging.render.",
        )
    return 1, height // PATCH, width // PATCH


def tokens(frame: NDArray[np.uint8]) -> int:
    """Return how many picture tokens the language model sees for a frame."""
    _, rows, columns = grid(frame)
    return rows * columns // MERGE**2


def patches(frames: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
    """Normalise frames and cut them into patches.

    Args:
        frames: Each uint8 ``(height, width, 3)`` RGB, sides multiples of 28.

    Returns:
        float32 ``(patches, 1176)``, the frames one after another; patches of one merged token are neighbours.

    Example:
        >>> patches([np.zeros((28, 56, 3), np.uint8)]).shape
        (8, 1176)
    """
    counts = [grid(frame) for frame in frames]
    out = np.empty((sum(r * c for _, r, c in counts), 3, TEMPORAL, PATCH, PATCH), dtype=np.float32)
    start = 0
    for frame, (_, rows, columns) in zip(frames, counts, strict=True):
        end = start + rows * columns
        _fill(out[start:end], frame, rows, columns)
        start = end
    return out.reshape(len(out), -1)


def _fill(out: NDArray[np.float32], frame: NDArray[np.uint8], rows: int, columns: int) -> None:
    """Write one frame's patches; bytes are put in order first, since floats are four times as large."""
    grey = frame.strides[2] == 0  # one channel seen three times, as umit renders films
    for channel in range(3):
        if channel == 0 or not grey:
            blocks = frame[..., channel].reshape(rows // MERGE, MERGE, PATCH, columns // MERGE, MERGE, PATCH)
            ordered = blocks.transpose(0, 3, 1, 4, 2, 5).reshape(-1, PATCH, PATCH)
        out[:, channel, 0] = _LEVELS[:, channel].take(ordered)
    out[:, :, 1:] = out[:, :, :1]
