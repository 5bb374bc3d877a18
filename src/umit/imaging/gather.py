"""Scans by the way they lie on a disk: the files of a folder, or what a pattern matches."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from umit.errors import InputError, UMITError
from umit.imaging.sniff import file_kind

if TYPE_CHECKING:
    from umit.imaging.prefetch import Scans

__all__ = ["gather", "pairs"]

Query = TypeVar("Query")


def pairs(items: Any, query: Query | None) -> Iterable[tuple[Scans, Query]]:
    """Return pairs of a scan and what is asked about it.

    Args:
        items: Pairs; or with a query what :func:`gather` takes.
        query: What is asked about each; ``None`` if the items say it.

    Raises:
        InputError: Something else than pairs; raised where it is met if ``items`` is no list.
    """
    if query is not None:
        found = gather(items)
        return (
            [(one, query) for one in found] if isinstance(items, str | Path | Sequence) else ((o, query) for o in found)
        )
    if isinstance(items, str | Path):
        raise _no_pair(items)
    return list(map(_pair, items)) if isinstance(items, list | tuple) else map(_pair, items)


def _pair(item: Any) -> Any:
    if isinstance(item, tuple) and len(item) == 2:
        return item
    raise _no_pair(item)


def _no_pair(item: object) -> InputError:
    came = Path(item).name if isinstance(item, str | Path) else type(item).__name__
    return InputError(
        f"expected pairs of a scan and a query, got {came!r}", code="items", where="items",
        hint='Name what is asked about each: predict(paths, Ask("Is there a nodule?"))',
    )  # fmt: skip


def gather(source: str | Path | Iterable[Scans]) -> Iterator[Scans]:
    """Yield each scan of a source, by name where it is a folder or a pattern.

    Args:
        source: Scans of any kind, which are given as they come; a file; a folder, each file of which is a scan, but for
            one of DICOM files, which is one scan; or a pattern such as ``"films/**/*.png"``. Hidden files are left out.

    Raises:
        InputError: Nothing there, a folder without files, or a pattern that matches none.

    Example:
        >>> list(gather(["a.png", ["frontal.png", "lateral.png"]]))
        ['a.png', ['frontal.png', 'lateral.png']]
    """
    if not isinstance(source, str | Path):
        yield from source
        return
    path = Path(source).expanduser()
    if path.is_dir():
        yield from _of_folder(path)
    elif path.exists() or not glob.has_magic(str(source)):
        yield path  # what is not there is told when it is read, as for any other scan
    else:
        found = sorted(one for one in glob.glob(str(path), recursive=True) if Path(one).is_file())
        if not found:
            raise InputError(f"expected files that match {path.name!r}, got none", code="missing", where=path.name)
        yield from map(Path, found)


def _of_folder(folder: Path) -> Iterator[Path]:
    files = sorted(one for one in folder.iterdir() if one.is_file() and not one.name.startswith("."))
    if not files:
        raise InputError(
            "expected files in the folder, got none", code="empty", where=folder.name,
            hint=f'Files below its folders are named by a pattern, such as "{folder.name}/**/*.png"',
        )  # fmt: skip
    yield from [folder] if next(filter(None, map(_kind, files)), None) == "dicom" else files


def _kind(path: Path) -> str | None:
    """Return which reader a file needs; ``None`` for none of ours, which is told when it is read."""
    try:
        return file_kind(path)
    except UMITError:
        return None
