"""JSON objects in a checkpoint's own files: one way to read them, and to say what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from umit.errors import CheckpointError

__all__ = ["json_object"]


def json_object(path: Path) -> dict[str, Any] | None:
    """Return the object in a file; ``None`` if there is no file.

    Raises:
        CheckpointError: It holds no JSON, or something else than an object.

    Example:
        >>> json_object(Path("nowhere") / "config.json") is None
        True
    """
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_text("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"expected JSON in {path.name}, got: {error}") from error
    if not isinstance(found, dict):
        raise CheckpointError(f"expected a JSON object in {path.name}, got {type(found).__name__}")
    return found
