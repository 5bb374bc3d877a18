"""MedMNIST's six sets of volumes."""

from __future__ import annotations

from typing import Final

from umit.datasets.dataset import Dataset
from umit.datasets.medmnist import published, read_set
from umit.datasets.medmnist_sets import SETS

__all__ = ["DATASET"]

_SETS: Final = tuple(name for name, one in SETS.items() if one.slices)

DATASET: Final = Dataset(
    name="medmnist-3d",
    title="MedMNIST, three-dimensional",
    tasks=("classify",),
    languages=("en", "zh"),
    dimensions="3D",
    splits=published(_SETS),
    splitting="official, by volume; sizes are those of all six",
    licence="CC BY 4.0",
    citation="Yang et al., Scientific Data 10, 41 (2023)",
    home="Zenodo 10519652",
    read=read_set,
    variants=_SETS,
)
