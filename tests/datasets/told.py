"""Samples of a data set together with what was told while reading them."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from umit.datasets import load
from umit.errors import DatasetWarning


def told(name: str | Path, root: Path | None, **options: Any) -> tuple[list[Any], list[str]]:
    """Return the samples, and the messages of all warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        samples = list(load(name, root, **options))
    assert all(issubclass(one.category, DatasetWarning) for one in caught)
    return samples, [str(one.message) for one in caught]
