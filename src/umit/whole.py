"""Files written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

__all__ = ["whole", "write_whole"]


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
    with TemporaryDirectory(prefix=".umit-", dir=folder) as stage:
        here = Path(stage)
        yield here
        files = (path.relative_to(here) for path in here.rglob("*") if path.is_file())
        for path in sorted(files, key=lambda path: (path.parts[0] == target.name, path)):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            os.replace(here / path, folder / path)


def write_whole(path: Path, text: str) -> None:
    """Write a text file as UTF-8, whole or not at all, so that a kill leaves no half of it."""
    with whole(path) as stage:
        (stage / path.name).write_text(text, "utf-8")
