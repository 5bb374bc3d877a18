"""A task taught and asked in Chinese: which of four tumour classes a slice of brain MRI shows.

The data are a folder a class (``glioma``, ``meningioma``, ``notumor``, ``pituitary``); the classes are called in Chinese. Slices
of one patient can't be told apart in them, so pictures of the same pixels are kept in one part and no more is known: the
number flatters. One in four pictures is taken. Research use only, not a medical device.
"""

from __future__ import annotations

import hashlib
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image

from recipes.recipe import Recipe, main, steps
from umit.datasets import Sample, load
from umit.training.parts import Part

__all__ = ["RECIPE", "draw", "read"]

_NAMES: Final = {"glioma": "胶质瘤", "meningioma": "脑膜瘤", "notumor": "无肿瘤", "pituitary": "垂体瘤"}
_ONE_OF: Final = 4  # pictures is taken


def read(root: Path) -> Part:
    """Return a question in Chinese a picture; what has the same pixels is one group."""
    part = Part.of(load(root, variant="classes", fields=_NAMES, language="zh"))

    def grouped(sample: Sample[Any, Any]) -> Sample[Any, Any]:
        with Image.open(sample.source.names[0]) as picture:
            return replace(sample, group=hashlib.sha256(picture.convert("L").tobytes()).hexdigest()[:16])

    return Part(map(grouped, list(part)[::_ONE_OF]), {**part.described, "one of": _ONE_OF})


def draw(root: Path) -> None:
    """Draw twelve small pictures a class, brighter from class to class."""
    drawn = np.random.default_rng(0)
    for place, name in enumerate(_NAMES):
        (root / name).mkdir(parents=True, exist_ok=True)
        for number in range(12):
            pixels = drawn.normal(50 + 50 * place, 20, (56, 56)).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(root / name / f"Tr-{name[:2]}_{number:04d}.png")


RECIPE: Final = Recipe(
    name="chinese",
    licence="CC0 as a public copy states, Brain Tumor MRI Dataset (M. Nickparvar)",
    read=read,
    draw=draw,
    metrics=(("accuracy", ""), ("AUC", ""), ("macro F1", "")),
    settings=steps(600),
)

if __name__ == "__main__":
    sys.exit(main(RECIPE, __doc__))
