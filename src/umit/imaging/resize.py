"""Sizes that Qwen's vision towers take, and the resize that reaches them, bit for bit."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from umit.errors import InputError

__all__ = ["resize_rgb", "smart_resize"]


def smart_resize(
    height: int, width: int, *, factor: int = 28, min_pixels: int = 3136, max_pixels: int = 602112
) -> tuple[int, int]:
    """Return the fed ``(height, width)``; the arithmetic of qwen-vl-utils 0.0.8 and ms-swift 2.6.1.

    Args:
        height: Pixels, at least 1.
        width: Pixels, at least 1.
        factor: Both sides become multiples of it.
        min_pixels: Fewest pixels of the result.
        max_pixels: Most pixels; a thin picture keeps a side of ``factor`` even so.

    Raises:
        InputError: A side is below 1, or one is more than 200 times the other.

    Example:
        >>> smart_resize(1024, 1024)
        (756, 756)
    """
    if min(height, width) < 1:
        raise InputError(f"expected a picture, got {width} × {height} pixels", code="empty")
    if max(height, width) / min(height, width) > 200:  # MAX_RATIO, qwen-vl-utils
        raise InputError(
            f"expected sides of at most 200 to 1, got {width} × {height} pixels",
            code="aspect_ratio",
            hint="Crop or pad the picture.",
        )
    rows = max(factor, round(height / factor) * factor)
    columns = max(factor, round(width / factor) * factor)
    if rows * columns > max_pixels:
        beta = math.sqrt((height * width) / max_pixels)
        rows = max(factor, math.floor(height / beta / factor) * factor)
        columns = max(factor, math.floor(width / beta / factor) * factor)
    elif rows * columns < min_pixels:
        beta = math.sqrt(min_pixels / (height * width))
        rows = math.ceil(height * beta / factor) * factor
        columns = math.ceil(width * beta / factor) * factor
    return rows, columns


def resize_rgb(picture: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """Resize a picture bicubically, width first on every Pillow (13 may take height first).

    A grey ``(H, W)`` is a third of the work of ``(H, W, 3)`` and gives the values that each of three
    equal channels would get. The result is read-only, with the same values where the size is right.

    Example:
        >>> resize_rgb(np.zeros((30, 40, 3), np.uint8), 56, 28).shape
        (28, 56, 3)
    """
    if picture.shape[:2] != (height, width):
        image = Image.fromarray(picture).resize((width, picture.shape[0]), Image.Resampling.BICUBIC)
        picture = np.asarray(image.resize((width, height), Image.Resampling.BICUBIC))
    shown = picture.view()
    shown.flags.writeable = False
    return shown
