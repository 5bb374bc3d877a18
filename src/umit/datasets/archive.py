"""Unpacking downloads: nothing is written outside the target, and nothing remains of an archive that is refused."""

from __future__ import annotations

import gzip
import lzma
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from umit.errors import DatasetError

__all__ = ["unpack"]

#: Beyond both, an archive is a bomb: deflate reaches 1,032 to 1 at most, real pictures under 20 to 1.
_RATIO: Final = 200
_SMALL: Final = 100_000_000  # bytes that may unpack at any ratio
_MEMBERS: Final = 5_000_000  # PMC-OA has 1.6 million pictures
_DAMAGE: Final = (
    tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, lzma.LZMAError, EOFError,
    NotImplementedError,
)  # fmt: skip
_ENCRYPTED: Final = 1  # bit of a zip member's flags
_FINDER: Final = "__MACOSX"  # where macOS puts its own notes on each file


class _Member(NamedTuple):
    name: str
    size: int
    plain: bool
    folder: bool
    extract: Callable[[str, Path], object]


def unpack(archive: Path | str, target: Path | str) -> Path:
    """Unpack a ``.zip`` or a tar archive of any compression into a folder that does not exist yet.

    An archive that holds one folder of the target's own name becomes that folder: ``imgs.zip`` with ``imgs/a.jpg``
    in it, unpacked to ``slake/imgs``, gives ``slake/imgs/a.jpg``.

    Args:
        archive: The file.
        target: The folder to make.

    Returns:
        The folder.

    Raises:
        DatasetError: The target exists, the file is no archive, or it unpacks to far more than its size. Or a member
            has an absolute path or ``..``, is a link or a device, is written twice or cannot be written.
    """
    source, place = Path(archive), Path(target)
    if not source.is_file():
        raise DatasetError("expected a zip or tar archive, found no file", file=source.name)
    if os.path.lexists(place):
        raise DatasetError(f"expected a new folder, {place.name!r} exists", file=source.name)
    place.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".unpack-", dir=place.parent) as around:
        part = Path(around, "all")
        part.mkdir()
        _into(source, part)
        inner = part / place.name
        alone = {path.name for path in part.iterdir()} <= {place.name, _FINDER}
        (inner if alone and inner.is_dir() else part).replace(place)
    return place


def _into(source: Path, part: Path) -> None:
    try:
        if zipfile.is_zipfile(source):
            with zipfile.ZipFile(source) as zipped:
                _write(source, part, _zipped(zipped))
        else:
            with tarfile.open(source) as tarred:
                _write(source, part, _tarred(tarred))
    except _DAMAGE as error:
        raise DatasetError(f"expected a whole zip or tar archive: {error}", file=source.name) from error


def _zipped(opened: zipfile.ZipFile) -> Iterator[_Member]:
    for info in opened.infolist():
        if info.flag_bits & _ENCRYPTED:
            raise DatasetError(f"expected open files, {info.filename[:80]!r} has a password")

        def extract(name: str, part: Path, info: zipfile.ZipInfo = info) -> None:
            info.filename = name
            opened.extract(info, part)  # writes no more than the size that is declared

        plain = stat.S_IFMT(info.external_attr >> 16) in (0, stat.S_IFREG, stat.S_IFDIR)
        # Not `filename`, which ends at a NUL.
        yield _Member(info.orig_filename, info.file_size, plain, info.is_dir(), extract)


def _tarred(opened: tarfile.TarFile) -> Iterator[_Member]:
    for info in opened:

        def extract(name: str, part: Path, info: tarfile.TarInfo = info) -> None:
            opened.extract(info.replace(name=name, deep=False), part, filter="data")

        yield _Member(info.name, info.size, info.isfile() or info.isdir(), info.isdir(), extract)


def _write(source: Path, part: Path, members: Iterator[_Member]) -> None:
    room = max(_SMALL, _RATIO * source.stat().st_size)
    for number, member in enumerate(members, start=1):
        name, short = _inside(source, member), member.name[-80:]
        if number > _MEMBERS:
            raise DatasetError(f"expected at most {_MEMBERS} members", file=source.name)
        room -= max(member.size, 0)  # a header can say less than nothing
        if room < 0:
            raise DatasetError(f"expected at most {_RATIO} times its size, {short!r} goes beyond", file=source.name)
        if not member.folder and os.path.lexists(part / name):
            raise DatasetError(f"expected each member once, {short!r} comes again", file=source.name)
        try:
            if member.folder:
                (part / name).mkdir(parents=True, exist_ok=True)
            else:
                member.extract(name, part)
        except (OSError, RecursionError) as error:  # a file beside a folder of its name, a long name, a full disk
            why = getattr(error, "strerror", None) or error  # RecursionError: makedirs goes down folder by folder
            raise DatasetError(
                f"expected a member that can be written, got {short!r}: {why}", file=source.name
            ) from error


def _inside(source: Path, member: _Member) -> str:
    """Return a member's name below the archive's own folder, with plain slashes; ``""`` is the folder itself."""
    name = member.name.replace("\\", "/")
    parts = PurePosixPath(name).parts
    windows = PureWindowsPath(member.name)
    if (
        not member.plain
        or not (parts or member.folder)
        or ".." in parts
        or "\0" in name
        or windows.drive
        or windows.root
    ):
        raise DatasetError(
            f"expected plain files below the archive's own folder, got {member.name[:120]!r}", file=source.name
        )
    return "/".join(parts)
