"""Configurations of ``accelerate launch`` for models that one GPU does not hold."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from umit.errors import InputError

__all__ = ["NAMES", "path_of"]

NAMES: Final = ("fsdp2", "zero2", "zero3")


def path_of(name: str) -> Path:
    """Return the file of a configuration.

    Args:
        name: One of :data:`NAMES`.

    Raises:
        InputError: There is no such configuration.
    """
    if name not in NAMES:
        raise InputError(f"expected {', '.join(NAMES)}, got {name!r:.99}", code="engine", where="name")
    return Path(__file__).with_name(f"{name}.yaml")
