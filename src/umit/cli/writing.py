"""Where a command may write: never over what it reads, nor over a file that umit did not write."""

from __future__ import annotations

import csv
import os
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from umit.cli.telling import tell
from umit.errors import InputError

if TYPE_CHECKING:
    from PIL import Image


__all__ = ["add_force", "folder_for", "part_of", "real", "save_picture", "table_at", "writable", "writable_in"]

#: What the files that umit writes hold near their beginning or end, by which they are known again.
_MARKS: Final = (
    b"Software\x00umit",  # PNG
    b'name="generator" content="umit"',  # HTML
    b"file,task,name,number,",  # the table of the verbs
    b'"umit": ',  # rows for other programs, COCO's "info"
    b"umit",  # the column of a parquet file, in its footer
)
_LOOK: Final = 65_536  # bytes at each end


def add_force(parser: ArgumentParser) -> None:
    """Add what allows a file of somebody else to be replaced."""
    parser.add_argument("--force", action="store_true", help="replace files that umit did not write")


def writable(target: str | Path, *, reads: Iterable[str | Path], force: bool = False) -> Path:
    """Return a file that may be written.

    Args:
        target: The file.
        reads: Files and folders that the command reads.
        force: Whether a file that umit did not write may be replaced; an input may not.

    Raises:
        InputError: No name, an input or a place inside one, a folder, no folder for it, or a file of somebody else.
    """
    path = _writable(_named(target), _Inputs.of(reads), force)
    if not path.parent.is_dir():
        raise InputError("expected a file in a folder that exists", code="output", where=path.name)
    return path


def folder_for(target: str | Path, *, reads: Iterable[str | Path]) -> Path:
    """Return a folder that files may be written into; it need not exist.

    Args:
        target: The folder.
        reads: Files and folders that the command reads.

    Raises:
        InputError: No name, a folder that is read or lies in one, or a file.
    """
    return _folder(_named(target), _Inputs.of(reads))


def writable_in(
    target: str | Path, names: Sequence[str], *, reads: Iterable[str | Path], force: bool = False
) -> list[Path]:
    """Return files that may be written into a folder, as :func:`folder_for` and :func:`writable` say.

    Args:
        target: The folder.
        names: Of the files.
        reads: Files and folders that the command reads.
        force: Whether files that umit did not write may be replaced.

    Raises:
        InputError: As for both.
    """
    inputs = _Inputs.of(reads)
    folder = _folder(_named(target), inputs)
    return [_writable(folder / name, inputs, force) for name in names]


def save_picture(picture: Image.Image, path: Path) -> None:
    """Write a PNG that is known again as umit's own, whole or not at all."""
    from PIL.PngImagePlugin import PngInfo

    from umit.whole import whole

    about = PngInfo()
    about.add_text("Software", "umit")
    with whole(path) as folder:
        picture.save(folder / path.name, "PNG", pnginfo=about)


@contextmanager
def table_at(path: Path, columns: Sequence[str]) -> Iterator[csv.DictWriter[str]]:
    """Give a table to write, which takes its name once it is whole; what came of a stopped one is kept beside it."""
    part, done = part_of(path), False
    try:
        # A name of a file that is not UTF-8 is spelled, as on the terminal.
        with part.open("w", encoding="utf-8", newline="", errors="backslashreplace") as file:
            table = csv.DictWriter(file, columns)
            table.writeheader()
            yield table
        part.replace(path)
        done = True
    finally:
        if not done and part.exists():
            tell(f"{path.name} is not whole; what came so far is in {part.name}")


def real(path: str | Path) -> Path:
    """Return where a path leads; unlike ``Path.resolve``, of links that lead to each other too."""
    return Path(os.path.realpath(path))


def part_of(path: Path) -> Path:
    """Return where a table is while it is written."""
    return path.with_name(path.name + ".part")


@dataclass(frozen=True, slots=True)
class _Inputs:
    """What a command reads: files by device and number, whatever they are called, and folders by their place."""

    files: frozenset[tuple[int, int]]
    folders: frozenset[Path]

    @classmethod
    def of(cls, reads: Iterable[str | Path]) -> Self:
        there = [path for path in (Path(read).expanduser() for read in reads if str(read)) if _is(path)]
        return cls(frozenset(map(_identity, there)), frozenset(real(path) for path in there if path.is_dir()))


def _is(path: Path) -> bool:
    return os.path.exists(path)  # unlike Path.exists, false of a name that is too long


def _identity(path: Path) -> tuple[int, int]:
    state = path.stat()
    return state.st_dev, state.st_ino


def _named(target: str | Path) -> Path:
    if not str(target).strip():
        raise InputError(
            "expected a name to write to, got an empty one", code="empty", hint="A variable of the shell may be unset."
        )
    return Path(target).expanduser()


def _writable(path: Path, inputs: _Inputs, force: bool) -> Path:
    _check_apart(path, inputs)
    if _is(path) and not path.is_file():  # a device would be replaced by a file, by root at least
        came = "a folder" if path.is_dir() else "a device or pipe"
        raise InputError(f"expected a file to write, got {came}", code="output", where=path.name)
    if _is(path) and not force and not _ours(path):
        raise InputError(
            "expected a new file to write, got one that umit did not write",
            code="exists",
            where=path.name,
            hint="Name another, or add --force to replace it.",
        )
    return path


def _folder(path: Path, inputs: _Inputs) -> Path:
    _check_apart(path, inputs)
    if _is(path) and not path.is_dir():
        raise InputError("expected a folder, got a file", code="output", where=path.name)
    return path


def _check_apart(path: Path, inputs: _Inputs) -> None:
    """Refuse what is read, and what lies inside a folder that is read."""
    place = real(path)
    if _is(path) and _identity(path) in inputs.files:
        came = "what the command reads"
    elif within := [folder for folder in (place, *place.parents) if folder in inputs.folders]:
        came = f"a place inside {within[0].name!r}, which the command reads"
    else:
        return
    raise InputError(
        f"expected another place to write to, got {came}",
        code="input",
        where=path.name or str(path),
        hint="Name a file or folder outside the inputs.",
    )


def _ours(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(_LOOK)
        file.seek(max(0, os.fstat(file.fileno()).st_size - _LOOK))
        tail = file.read()
    marks = _MARKS if path.suffix == ".parquet" else _MARKS[:-1]
    return not head or any(mark in part for part in (head, tail) for mark in marks)
