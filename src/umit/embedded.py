"""The checkpoint inside the package: its name, and where its files are."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from umit.errors import CheckpointError

__all__ = ["EMBEDDED", "embedded"]

EMBEDDED: Final = "umit-phantom"
_PACKAGE: Final = Path(__file__).parent


def embedded() -> Path:
    """Return the folder of the embedded weights.

    Raises:
        CheckpointError: This copy of the package has none.
    """
    folder = _PACKAGE / "phantom" / "weights"
    if not (folder / "config.json").is_file():
        raise CheckpointError(
            f"expected the weights of {EMBEDDED} inside the package, found none; "
            "install umit from its wheel, or build them in a copy of its repository: python -m recipes.embedded"
        )
    return folder
