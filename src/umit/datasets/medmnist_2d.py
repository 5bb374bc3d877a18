"""MedMNIST's twelve sets of pictures."""

from __future__ import annotations

from typing import Final

from umit.datasets.dataset import Dataset
from umit.datasets.medmnist import published, read_set
from umit.datasets.medmnist_sets import SETS

__all__ = ["DATASET"]

_SETS: Final = tuple(name for name, one in SETS.items() if not one.slices)

DATASET: Final = Dataset(
    name="medmnist-2d",
    title="MedMNIST, two-dimensional",
    tasks=("classify", "findings"),
    languages=("en", "zh"),
    dimensions="2D",
    splits=published(_SETS),
    splitting="official, by picture; sizes are those of all twelve",
    licence="CC BY 4.0; DermaMNIST CC BY-NC 4.0",
    citation="Yang et al., Scientific Data 10, 41 (2023)",
    home="Zenodo 10519652",
    read=read_set,
    variants=_SETS,
)
