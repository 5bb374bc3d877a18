"""Whose folder it is: a run goes on in its own and in no other's, and overwrites nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from filelock import FileLock, Timeout

from umit.errors import InputError
from umit.whole import LEFT, clear, write_whole

__all__ = ["RUN", "alone", "another_run", "check_out", "claim", "claimed"]

#: What a run depends on.
RUN: Final = "run.json"
#: Locked while a run writes; the lock of a process that was killed is free again.
_LOCK: Final = "run.lock"
_HASH: Final = 64  # letters of a sha256, which says nothing to anybody


def claimed(file: Path) -> dict[str, Any] | None:
    """Return what the run of a file depends on; ``None`` if there is none.

    Raises:
        InputError: Something else is in the file.
    """
    if not file.is_file():
        return None
    try:
        found = json.loads(file.read_text("utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"expected JSON: {error}", code="run", where=file.name) from error
    if not isinstance(found, dict):
        raise InputError("expected what a run depends on, got other JSON", code="run", where=file.name)
    return found


@contextmanager
def alone(folder: Path, *, file: str = RUN) -> Iterator[None]:
    """Keep a folder from other runs while this one writes in it.

    Args:
        folder: Of what the run writes; made if it is not there.
        file: Where in the folder it is written what a run depends on.

    Raises:
        InputError: Another run is at work there.
    """
    path = (folder / file).with_name(_LOCK)
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise InputError(
            "expected a folder in which nobody else works, another run is writing there now",
            code="busy", where=folder.name,
            hint="Wait for it, stop it, or name another folder with --out (in Python out=)",
        ) from error  # fmt: skip
    try:
        yield
    finally:
        lock.release()


def claim(folder: Path, run: Mapping[str, Any], *, file: str = RUN) -> None:
    """Make a folder a run's own, or go on in it.

    Args:
        folder: Of what the run writes.
        run: What the result depends on, as plain values.
        file: Where in the folder that is written.

    Raises:
        InputError: A file, a folder that holds something else, or one of another run; nothing is written then.
    """
    check_out(folder, file=file)
    before, wanted = claimed(folder / file), json.loads(json.dumps(run))
    if before is None:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
    elif differing := list(_differing(before, wanted)):
        raise another_run(folder, differing)
    clear(folder)
    clear((folder / file).parent)
    if before is None:
        write_whole(folder / file, json.dumps(wanted, indent=1) + "\n")


def another_run(folder: Path, differing: Iterable[str]) -> InputError:
    """Return the error for a folder of another run.

    Args:
        folder: Which is left as it is.
        differing: How the runs differ, each in words.
    """
    return InputError(
        f"expected the run that is there, this one differs in {'; '.join(differing)}",
        code="other_run", where=folder.name,
        hint="Take the same words to go on, or name another folder with --out (in Python out=, folder=). To train "
        "what came out of a finished run further, begin with it: --model (in Python model=)",
    )  # fmt: skip


def check_out(folder: Path, *, file: str = RUN) -> None:
    """Refuse a folder that no run can begin or go on in, whatever the run is.

    Args:
        folder: Of what the run writes.
        file: Where in the folder it is written what a run depends on.

    Raises:
        InputError: A file, or a folder that holds something else.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError("expected a folder, got a file", code="out", where=folder.name)
    if not folder.is_dir() or (folder / file).is_file():
        return
    for path in sorted(folder.iterdir()):
        held = path.rglob("*") if path.is_dir() else [path]
        files = (one.relative_to(folder) for one in held if one.is_file())
        if any(file.name != _LOCK and not any(part.startswith(LEFT) for part in file.parts) for file in files):
            raise InputError(
                f"expected a new or empty folder, or one of an earlier call, got one that holds {path.name}",
                code="out", where=folder.name, hint="Name another folder with --out (in Python out=, folder=)",
            )  # fmt: skip


def _differing(before: Mapping[str, Any], now: Mapping[str, Any], within: str = "") -> Iterable[str]:
    for name in sorted(before.keys() | now.keys()):
        old, new = before.get(name), now.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            yield from _differing(old, new, f"{within}{name} ")
        elif old != new:
            hashes = any(isinstance(value, str) and len(value) == _HASH for value in (old, new))
            yield f"{within}{name}" if hashes else f"{within}{name} ({old} there, {new} now)"
