"""Boxes in volumes: the anterior and the posterior part of the hippocampus in crops of MRI.

The data are Task 04 of the Medical Segmentation Decathlon, ``imagesTr`` and ``labelsTr``. They are shared alike (CC BY-SA):
weights taught on them are not shipped with umit. Research use only, not a medical device.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

import nibabel
import numpy as np

from recipes.recipe import Recipe, main, steps
from umit.datasets import load
from umit.training.parts import Part

__all__ = ["RECIPE", "draw", "read"]

_NAMES: Final = {"1": "anterior hippocampus", "2": "posterior hippocampus"}


def read(root: Path) -> Part:
    """Return a sample a part and volume, the box around it in voxels of the file; a volume is a patient."""
    return Part.of(load(root, variant="masks", fields=_NAMES))


def draw(root: Path) -> None:
    """Draw ten small volumes with two bright parts, and their masks."""
    drawn = np.random.default_rng(0)
    untyped: Any = nibabel
    for folder in ("imagesTr", "labelsTr"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for number in range(10):
        mask = np.zeros((24, 30, 20), np.uint8)
        for label, first in ((1, 18), (2, 4)):
            x, z = drawn.integers(4, 10, 2)
            mask[x : x + 8, first : first + 8, z : z + 6] = label
        voxels = drawn.normal(100, 10, mask.shape) + 60.0 * mask
        for folder, array in (("imagesTr", voxels.astype(np.float32)), ("labelsTr", mask)):
            untyped.save(untyped.Nifti1Image(array, np.eye(4)), root / folder / f"hippocampus_{number:03d}.nii.gz")


RECIPE: Final = Recipe(
    name="hippocampus",
    licence="CC BY-SA 4.0, Medical Segmentation Decathlon Task 04 (Antonelli et al. 2022); not for shipped weights",
    read=read,
    draw=draw,
    metrics=(("mean IoU", ""), ("Acc@0.5", ""), ("Acc@0.75", "")),
    settings=steps(240),
)

if __name__ == "__main__":
    sys.exit(main(RECIPE, __doc__))
