"""The films in two parts that share no patient, and drawn ones in their place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image
from typing_extensions import override

from umit.datasets import Samples, load
from umit.datasets.dataset import Sample
from umit.evaluation.perturb import Altered
from umit.imaging.scan import Scan
from umit.training.parts import Part, divide

__all__ = ["SICK", "Asked", "balanced", "draw", "parts"]

SICK: Final = "PNEUMONIA"
_SHARE: Final = 0.2  # of the patients


class Asked(Samples):
    """A part of a data set, as ``umit evaluate`` takes it.

    Args:
        samples: The whole.
        part: Those of it that are asked.
    """

    def __init__(self, samples: Samples, part: Part) -> None:
        super().__init__(samples.dataset, samples.choice)
        self.part = part

    @override
    def __iter__(self) -> Iterator[Sample[Any, Any]]:
        return iter(self.part)

    @property
    def described(self) -> dict[str, Any]:
        """What the part is, and its true answers."""
        return {**self.part.described, "answers": self.part.digest}


def parts(root: Path) -> tuple[Part, Asked]:
    """Return what is taught and what is asked."""
    samples = load(root)
    taught, asked = divide(Part.of(samples), _SHARE)
    return taught, Asked(samples, asked)


def balanced(part: Part) -> Part:
    """Return a part in which films of the rarer class come as often as the other's, each time changed anew.

    How many films of a class one hospital has kept says nothing about the next patient.
    """
    counts = Counter(one.gold.label for one in part)
    most = max(counts.values())
    found = list(part)
    for label, count in counts.items():
        own = [one for one in part if one.gold.label == label]
        found += [_again(own[k % count], k // count + 1) for k in range(most - count)]
    return Part(found, {**part.described, "balanced": True})


def _again(sample: Sample[Any, Any], number: int) -> Sample[Any, Any]:
    source = Altered(sample.source, f"again {number}", _same)  # another name, and so other changes
    return replace(sample, id=f"{sample.id} again {number}", source=source)


def _same(scan: Scan) -> Scan:
    return scan


def draw(root: Path) -> None:
    """Draw films of ten patients a class: the sick ones' lungs are whiter."""
    drawn = np.random.default_rng(0)
    for label, grey in (("NORMAL", 60), (SICK, 120)):
        (root / label).mkdir(parents=True, exist_ok=True)
        for patient in range(10):
            film = drawn.normal(160, 10, (64, 64))
            film[16:48, 8:28] = film[16:48, 36:56] = grey + 20 * drawn.random()
            name = f"IM-{patient:04d}-0001.png" if label == "NORMAL" else f"person{patient + 1}_virus_1.png"
            Image.fromarray(film.clip(0, 255).astype(np.uint8)).save(root / label / name)
