"""A folder of files that can be made anew, with a bound on their bytes; several processes and runs may share it."""

from __future__ import annotations

import os
import warnings
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Final

from umit.errors import CheckpointWarning, InputError
from umit.whole import whole

__all__ = ["Kept"]

_SUFFIX: Final = ".features"  # no other file of the folder is ever touched
_SUM: Final = 4  # bytes of the checksum at a file's end
_SHARE: Final = 16  # of the limit: what one process writes before it looks how much all have written


class Kept:
    """Where features are kept, and how much room they may take.

    Args:
        folder: Made when something is written.
        limit: Bytes of all features in it; the oldest go. Each process beyond the first may pass it by a sixteenth
            for a while.

    Raises:
        InputError: A limit under 1, or no folder that can be made or written.
    """

    def __init__(self, folder: str | Path, limit: int = 16 * 2**30) -> None:
        if limit < 1:
            raise InputError(f"expected a limit of one byte or more, got {limit}", code="features", where="kept")
        self.folder, self.limit = Path(folder).expanduser(), limit
        self._room = 0  # bytes that may be written before all files are counted
        there = next(place for place in (self.folder, *self.folder.parents) if place.exists())
        if not there.is_dir() or not os.access(there, os.W_OK):
            raise InputError(
                f"expected a folder for features, got {there.name!r}, which "
                f"{'cannot be written' if there.is_dir() else 'is none'}",
                code="features", where="kept",
            )  # fmt: skip

    def read(self, name: str) -> bytes | None:
        """Return what was written, or ``None``; a file that is damaged is told and taken for none."""
        file = self._file(name)
        try:
            found = file.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            problem = error.strerror or type(error).__name__
        else:
            data = found[:-_SUM]
            if zlib.crc32(data).to_bytes(_SUM, "big") == found[-_SUM:]:
                return data
            problem = "its bytes are not those that were written"
        said = f"{file.name} in {self.folder.name!r} is damaged: {problem}; it is made anew"
        warnings.warn(said, CheckpointWarning, stacklevel=2)
        return None

    def write(self, name: str, data: bytes) -> None:
        """Write a file, whole or not at all; the oldest go where there is no room."""
        size = len(data) + _SUM
        if size > self._room:
            self._make_room(size)
        if size > self._room:
            return  # it alone is larger than the limit
        file = self._file(name)
        try:
            with whole(file) as stage:
                (stage / file.name).write_bytes(data + zlib.crc32(data).to_bytes(_SUM, "big"))
        except OSError as error:
            warnings.warn(
                f"features are not kept in {self.folder.name!r}: {error.strerror}; training goes on without",
                CheckpointWarning, stacklevel=2,
            )  # fmt: skip
            return
        self._room -= size

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}{_SUFFIX}"

    def _make_room(self, wanted: int) -> None:
        """Delete the oldest files until a share of the limit is free for this process."""
        if wanted > self.limit:
            return
        share, found = max(wanted, self.limit // _SHARE), []
        for place, _, names in os.walk(self.folder):
            for path in (Path(place, name) for name in names if name.endswith(_SUFFIX)):
                with suppress(FileNotFoundError):  # another process was faster
                    about = path.stat()
                    found.append((about.st_mtime_ns, about.st_size, path))
        total = sum(size for _, size, _ in found)
        for _, size, path in sorted(found):
            if total + share <= self.limit:
                break
            path.unlink(missing_ok=True)
            total -= size
        self._room = share
