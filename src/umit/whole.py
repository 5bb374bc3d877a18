"""Files and folders written whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

__all__ = ["LEFT", "MARKER", "clear", "seal", "sealed", "whole", "whole_folder", "write_whole"]

#: What a kill can leave beside a target, by the beginning of its name.
LEFT: Final = ".umit-"
#: The last file of a sealed folder.
MARKER: Final = "marker.json"


@contextmanager
def whole(target: Path) -> Iterator[Path]:
    """Give a folder to write in; at the end its files go beside the target, after an error none does.

    Args:
        target: The main file or folder, moved last: who finds it finds the rest. Older files are replaced.

    Yields:
        A folder for the target and for what belongs beside it, each under its own name.
    """
    folder = target.parent
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=LEFT, dir=folder) as stage:
        here = Path(stage)
        yield here
        files = (path.relative_to(here) for path in here.rglob("*") if path.is_file())
        for path in sorted(files, key=lambda path: (path.parts[0] == target.name, path)):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            os.replace(here / path, folder / path)


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """Give a folder to fill, which takes its name at the end, when its files are on the disk.

    Args:
        target: A folder; an older one of the name goes, once the new one is whole.

    Yields:
        The folder to fill.
    """
    with TemporaryDirectory(prefix=LEFT, dir=target.parent) as stage:
        here = Path(stage) / target.name
        here.mkdir()
        yield here
        for path in filter(Path.is_file, here.rglob("*")):
            with path.open("rb+") as file:
                os.fsync(file.fileno())
        shutil.rmtree(target, ignore_errors=True)
        here.rename(target)


def write_whole(path: Path, text: str) -> None:
    """Write a text file as UTF-8, whole or not at all, so that a kill leaves no half of it."""
    with whole(path) as stage:
        (stage / path.name).write_text(text, "utf-8")


def clear(folder: Path) -> None:
    """Delete what writers that were killed left in a folder; none may be writing there."""
    for path in folder.glob(f"{LEFT}*"):
        shutil.rmtree(path, ignore_errors=True)


def seal(folder: Path, about: Mapping[str, Any]) -> None:
    """Write a folder's marker: what it is, as plain values, and the hash of every file in it."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    said = {"about": dict(about), "sha256": {path.relative_to(folder).as_posix(): _sha256(path) for path in files}}
    (folder / MARKER).write_text(json.dumps({**said, "marker": _hash(said)}, indent=1) + "\n", "utf-8")


def sealed(folder: Path) -> dict[str, Any] | None:
    """Return what a folder's marker says, if all files are there as they were sealed; else ``None``."""
    try:
        said = dict(json.loads((folder / MARKER).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    if said.pop("marker", None) != _hash(said):
        return None
    about: dict[str, Any] = said["about"]
    hashes = {folder / name: wanted for name, wanted in said["sha256"].items()}
    return about if all(path.is_file() and _sha256(path) == wanted for path, wanted in hashes.items()) else None


def _hash(said: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
