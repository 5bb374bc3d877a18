"""Pictures and volumes with something in them, from a seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def pixels(seed: int, height: int = 60, width: int = 80, channels: int = 0) -> NDArray[np.uint8]:
    """Return noise over a ramp; no two seeds are alike."""
    rng = np.random.default_rng(seed)
    shape = (height, width, channels) if channels else (height, width)
    ramp = np.linspace(0, 120, width)[None, :, *([None] * bool(channels))]
    return (ramp + rng.integers(0, 120, shape)).astype(np.uint8)


def picture(path: Path, seed: int, height: int = 60, width: int = 80, mode: str = "RGB") -> None:
    """Write one picture file of the kind that its suffix names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels(seed, height, width, 3)).convert(mode).save(path)
