"""Procedural scans drawn from a seed, with exactly known truth.

Three generators, each in its own module; importing this package loads none of them:

- :mod:`umit.phantom.film`: frontal and lateral chest films with findings.
- :mod:`umit.phantom.cephalogram`: lateral skulls with the nineteen ISBI landmarks.
- :mod:`umit.phantom.volume`: abdominal CT volumes with organs and lesions, in many axis orders.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from umit.phantom.abdomen import ORGANS
    from umit.phantom.cephalogram import LANDMARKS, Cephalogram, draw_cephalogram
    from umit.phantom.film import FINDINGS, Film, Finding, draw_film
    from umit.phantom.volume import Lesion, Volume, draw_volume

__all__ = [
    "FINDINGS",
    "LANDMARKS",
    "ORGANS",
    "Cephalogram",
    "Film",
    "Finding",
    "Lesion",
    "Volume",
    "draw_cephalogram",
    "draw_film",
    "draw_volume",
]

_HOMES = {
    "abdomen": ("ORGANS",),
    "film": ("FINDINGS", "Film", "Finding", "draw_film"),
    "cephalogram": ("LANDMARKS", "Cephalogram", "draw_cephalogram"),
    "volume": ("Lesion", "Volume", "draw_volume"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
