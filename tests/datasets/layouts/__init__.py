"""Small copies of every data set's layout, drawn by code; one module a data set.

Each module has ``write(root)``, which writes the files as the real download has them, with its quirks, and
``LOADS``, the keyword arguments of ``umit.datasets.load`` under which it is read.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType


def layout(name: str) -> ModuleType:
    """Return the layout of a data set by the name that ``load`` takes."""
    return import_module(f"{__name__}.{name.replace('-', '_')}")
