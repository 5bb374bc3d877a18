"""Unpacking downloads: nothing is written outside the target, and nothing remains of an archive that is refused."""

from __future__ import annotations

import gzip
import lzma
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, Final, NamedTuple

from umit.errors import DatasetError

__all__ = ["unpack"]

#: Beyond both, an archive is a bomb: deflate reaches 1,032 to 1 at most, real pictures under 20 to 1.
_RATIO: Final = 200
_SMALL: Final = 100_000_000  # bytes that may unpack at any ratio
_MEMBERS: Final = 5_000_000  # PMC-OA has 1.6 million pictures
_CHUNK: Final = 1 << 20
_DAMAGE: Final = (
    tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, lzma.LZMAError, EOFError,
    NotImplementedError,
)  # fmt: skip
_ENCRYPTED: Final = 1  # bit of a zip member's flags


class _Member(NamedTuple):
    name: str
    size: int
    plain: bool
    folder: bool


def unpack(archive: Path | str, target: Path | str) -> Path:
    """Unpack a ``.zip`` or a tar archive of any compression into a folder that does not exist yet.

    Args:
        archive: The file.
        target: The folder to make.

    Returns:
        The folder.

    Raises:
        DatasetError: The target exists; the file is no archive; a member has an absolute path, ``..``, is a
            link or a device, or is written twice; or it unpacks to far more than its size.
    """
    source, place = Path(archive), Path(target)
    if place.exists():
        raise DatasetError(f"expected a new folder, {place.name!r} exists", file=source.name)
    place.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{place.name}-", dir=place.parent))
    try:
        _into(source, part)
        part.replace(place)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return place


def _into(source: Path, part: Path) -> None:
    try:
        if zipfile.is_zipfile(source):
            with zipfile.ZipFile(source) as opened:
                _write(source, part, _zipped(opened))
        else:
            with tarfile.open(source) as opened_tar:
                _write(source, part, _tarred(opened_tar))
    except _DAMAGE as error:
        raise DatasetError(
            f"expected a whole zip or tar archive: {error}", file=source.name
        ) from error


def _zipped(opened: zipfile.ZipFile) -> Iterator[tuple[_Member, IO[bytes] | None]]:
    for info in opened.infolist():
        if info.flag_bits & _ENCRYPTED:
            raise DatasetError(f"expected open files, {info.filename[:80]!r} has a password")
        kind = stat.S_IFMT(info.external_attr >> 16)
        plain = kind in (0, stat.S_IFREG, stat.S_IFDIR)
        member = _Member(info.orig_filename, info.file_size, plain, info.is_dir())
        yield member, None if info.is_dir() or not plain else opened.open(info)


def _tarred(opened: tarfile.TarFile) -> Iterator[tuple[_Member, IO[bytes] | None]]:
    for info in opened:
        member = _Member(info.name, info.size, info.isfile() or info.isdir(), info.isdir())
        yield member, opened.extractfile(info) if info.isfile() else None


def _write(source: Path, part: Path, members: Iterator[tuple[_Member, IO[bytes] | None]]) -> None:
    room = max(_SMALL, _RATIO * source.stat().st_size)
    for number, (member, data) in enumerate(members, start=1):
        path = _place(source, part, member)
        if number > _MEMBERS:
            raise DatasetError(f"expected at most {_MEMBERS} members", file=source.name)
        if data is None:
            path.mkdir(parents=True, exist_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with data, path.open("xb") as file:
                while chunk := data.read(_CHUNK):
                    room -= len(chunk)
                    if room < 0:  # counted as it is written: sizes in headers can lie
                        raise DatasetError(
                            f"expected at most {_RATIO} times its size, {member.name[:80]!r} goes beyond",
                            file=source.name,
                        )
                    file.write(chunk)
        except FileExistsError as error:
            raise DatasetError(
                f"expected each member once, {member.name[:80]!r} comes again", file=source.name
            ) from error


def _place(source: Path, part: Path, member: _Member) -> Path:
    name = member.name.replace("\\", "/")
    parts = PurePosixPath(name).parts
    windows = PureWindowsPath(member.name)
    if (
        not member.plain
        or not parts
        or ".." in parts
        or "\0" in name
        or PurePosixPath(name).is_absolute()
        or windows.drive
        or windows.root
    ):
        raise DatasetError(
            f"expected plain files below the archive's own folder, got {member.name[:120]!r}",
            file=source.name,
        )
    return part.joinpath(*parts)
