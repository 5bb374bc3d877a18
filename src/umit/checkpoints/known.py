"""The cards that umit brings, by name; and what to say to somebody whose weights have none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from umit.checkpoints.card import Checkpoint
from umit.checkpoints.released import PHANTOM, RELEASED
from umit.embedded import EMBEDDED
from umit.tasks.task import TaskName

__all__ = ["KNOWN", "advice", "model_type_in", "names", "released_for"]

#: Every card that has a name.
KNOWN: Final[dict[str, Checkpoint]] = {EMBEDDED: PHANTOM, **RELEASED}


def released_for(task: TaskName) -> list[str]:
    """Return the names of the paper's checkpoints that know a task."""
    return [card.name for card in RELEASED.values() if task in card.tasks]


def names() -> str:
    """Return all names in a line."""
    return ", ".join(KNOWN)


def model_type_in(folder: Path) -> str | None:
    """Return the architecture that the ``config.json`` of a folder names; ``None`` if it names none."""
    try:
        found: Any = json.loads((folder / "config.json").read_text("utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return None
    kind = found.get("model_type") if isinstance(found, dict) else None
    return kind if isinstance(kind, str) else None


def advice(folder: Path) -> str:
    """Return what to do about a folder of weights without a card."""
    return f"pass card= with one of: {names()}"
