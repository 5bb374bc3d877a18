"""Where a command may write: never over what it reads, nor over a file that umit did not write."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from umit.errors import InputError

if TYPE_CHECKING:
    from PIL import Image

    from umit.cli.parse import Parser

__all__ = ["add_force", "folder_for", "save_picture", "writable"]

#: What the files that umit writes hold near their beginning or end, by which they are known again.
_MARKS: Final = (
    b"Software\x00umit",  # PNG
    b'name="generator" content="umit"',  # HTML
    b"file,task,name,number,",  # the table of the verbs
    b'"umit": ',  # rows for other programs, COCO's "info"
    b"umit",  # the column of a parquet file, in its footer
)
_LOOK: Final = 65_536  # bytes at each end


def add_force(parser: Parser) -> None:
    """Add what allows a file of somebody else to be replaced."""
    parser.add_argument(
        "--force", action="store_true", help="replace files that umit did not write"
    )


def writable(target: str | Path, *, reads: Iterable[str | Path], force: bool = False) -> Path:
    """Return a file that may be written.

    Args:
        target: The file.
        reads: Files and folders that the command reads.
        force: Whether a file that umit did not write may be replaced; an input may not.

    Raises:
        InputError: No name, an input or a place inside one, a folder, or a file of somebody else.
    """
    path = _apart(target, reads)
    if path.is_dir():
        raise InputError("expected a file to write, got a folder", code="output", where=path.name)
    if path.exists() and not force and not _ours(path):
        raise InputError(
            "expected a new file to write, got one that umit did not write",
            code="exists",
            where=path.name,
            hint="Name another, or add --force to replace it.",
        )
    return path


def folder_for(target: str | Path, *, reads: Iterable[str | Path]) -> Path:
    """Return a folder that files may be written into; it need not exist.

    Args:
        target: The folder.
        reads: Files and folders that the command reads.

    Raises:
        InputError: No name, a folder that is read or lies in one, or a file.
    """
    path = _apart(target, reads)
    if path.exists() and not path.is_dir():
        raise InputError("expected a folder, got a file", code="output", where=path.name)
    return path


def save_picture(picture: Image.Image, path: Path) -> None:
    """Write a PNG that is known again as umit's own, whole or not at all."""
    from PIL.PngImagePlugin import PngInfo

    from umit.datasets.whole import whole

    about = PngInfo()
    about.add_text("Software", "umit")
    with whole(path) as folder:
        picture.save(folder / path.name, "PNG", pnginfo=about)


def _apart(target: str | Path, reads: Iterable[str | Path]) -> Path:
    if not str(target).strip():
        raise InputError(
            "expected a name to write to, got an empty one",
            code="empty",
            hint="A variable of the shell may be unset.",
        )
    path = Path(target).expanduser()
    for read in reads:
        source = Path(read).expanduser()
        if not str(read) or not source.exists():
            continue
        if _same(path, source):
            came = "what the command reads"
        elif source.is_dir() and path.resolve().is_relative_to(source.resolve()):
            came = (
                f"a place inside {source.name or source.resolve().name!r}, which the command reads"
            )
        else:
            continue
        raise InputError(
            f"expected another place to write to, got {came}",
            code="input",
            where=path.name or str(path),
            hint="Name a file or folder outside the inputs.",
        )
    return path


def _same(path: Path, source: Path) -> bool:
    try:
        return path.exists() and os.path.samefile(path, source)
    except OSError:
        return path.resolve() == source.resolve()


def _ours(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(_LOOK)
        file.seek(max(0, os.fstat(file.fileno()).st_size - _LOOK))
        tail = file.read()
    marks = _MARKS if path.suffix == ".parquet" else _MARKS[:-1]
    return not head or any(mark in part for part in (head, tail) for mark in marks)
