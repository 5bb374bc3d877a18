"""How a picture of 8 bits looks under another exposure, and laid askew."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from umit.imaging.warp import Warp

__all__ = ["Look", "warped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What is done to the grey levels, in this order.

    Args:
        gamma: Exponent of the levels from 0 to 1.
        contrast: Factor about the middle.
        brightness: Added.
        noise: Standard deviation, of the range from black to white.
        seed: Of the noise.
    """

    gamma: float = 1.0
    contrast: float = 1.0
    brightness: float = 0.0
    noise: float = 0.0
    seed: int = 0

    def __call__(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return slices ``(slice, row, column[, 3])`` so."""
        levels = (np.arange(256) / 255) ** self.gamma
        levels = 255 * ((levels - 0.5) * self.contrast + 0.5 + self.brightness).clip(0, 1)
        if not self.noise:
            return np.rint(levels).astype(np.uint8)[pixels]
        drawn = np.random.default_rng(self.seed).standard_normal(pixels.shape, np.float32)
        noisy = levels.astype(np.float32)[pixels] + np.float32(255 * self.noise) * drawn
        return np.rint(noisy).clip(0, 255).astype(np.uint8)


def warped(pixels: NDArray[np.uint8], warp: Warp) -> NDArray[np.uint8]:
    """Return slices ``(slice, row, column[, 3])``, each moved; what comes in from outside is black."""
    return np.stack([warp.pixels(plane, 0) for plane in pixels])
