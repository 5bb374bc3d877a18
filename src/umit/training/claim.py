"""Whose folder it is: a run goes on in its own and in no other's, and overwrites nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from umit.errors import InputError

__all__ = ["claim", "claimed"]

_RUN: Final = "run.json"
_STATE: Final = "state"


def claimed(folder: Path) -> dict[str, Any] | None:
    """Return what the run in a folder depends on; ``None`` if there is none."""
    path = folder / _STATE / _RUN
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_text("utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"expected JSON: {error}", code="run", where=_RUN) from error
    if not isinstance(found, dict):
        raise InputError("expected what a run depends on, got other JSON", code="run", where=_RUN)
    return found


def claim(folder: Path, run: Mapping[str, Any]) -> Path:
    """Make a folder a run's own, or go on in it.

    Args:
        folder: Of the checkpoint to be.
        run: What the result depends on, as plain values.

    Returns:
        The folder of the run's state.

    Raises:
        InputError: A file, a folder that holds something else, or one of another run; nothing is written then.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError("expected a folder, got a file", code="out", where=folder.name)
    before, wanted = claimed(folder), json.loads(json.dumps(run))
    if before is None:
        if folder.is_dir() and (there := sorted(path.name for path in folder.iterdir())):
            raise InputError(
                f"expected a new or empty folder, or one of an earlier call, got one that holds {there[0]}",
                code="out", where=folder.name, hint="Name another folder with --out (in Python out=)",
            )  # fmt: skip
        state = folder / _STATE
        state.mkdir(parents=True, exist_ok=True)
        part = state / f"{_RUN}.part"
        part.write_text(json.dumps(wanted, indent=1) + "\n", "utf-8")
        part.replace(state / _RUN)
        return state
    differ = sorted(name for name in before.keys() | wanted.keys() if before.get(name) != wanted.get(name))
    if differ:
        raise InputError(
            f"expected the run that is there, this one differs in {', '.join(differ)}",
            code="other_run", where=folder.name,
            hint="Name another folder with --out (in Python out=), or take the same words to go on",
        )  # fmt: skip
    return folder / _STATE
