"""A folder of two classes of small films that differ in brightness, several of a patient."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

__all__ = ["write_films"]


def write_films(folder: Path, *, patients: int = 8, seed: int = 0) -> Path:
    """Write ``dark`` and ``light``: two films of each of so many patients a class."""
    drawn = np.random.default_rng(seed)
    for number, (name, level) in enumerate({"dark": 60, "light": 180}.items()):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for patient in range(patients):
            for film in range(2):
                pixels = drawn.normal(0, 12, (56, 56))
                pixels[14:42, 14:42] += level - 120  # bright or dark within the same surroundings
                grey = Image.fromarray(np.clip(pixels + 120, 0, 255).astype(np.uint8))
                grey.save(folder / name / f"person{number * 100 + patient}_{film}.png")
    return folder
