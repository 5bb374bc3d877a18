"""The last few scans, read and rendered once however many questions are asked about them."""

from __future__ import annotations

import os
import time
from collections.abc import Hashable, Sequence
from hashlib import file_digest
from pathlib import Path
from typing import Final, TypeAlias, TypeVar, cast

from umit.errors import InputError
from umit.imaging.read import load
from umit.imaging.scan import Scan, ScanLike
from umit.imaging.view import Rendering, View, render

__all__ = ["Recent", "Scans", "listed"]

Scans: TypeAlias = "ScanLike | Sequence[ScanLike]"
_KEPT: Final = 4  # a volume may take hundreds of megabytes
#: Nanoseconds in which a file can be written twice under one time; FAT counts in steps of 2 s.
_YOUNG: Final = 2_000_000_000
Value = TypeVar("Value")


def listed(scans: Scans) -> list[ScanLike]:
    """Return one scan or several views as a list.

    Raises:
        InputError: An empty list.
    """
    found = list(scans) if isinstance(scans, list | tuple) else [cast(ScanLike, scans)]
    if not found:
        raise InputError("expected at least one scan, got none", code="empty", where="scan")
    return found


class Recent:
    """Reads and renders, and remembers the last few of both.

    A file is known again by its path, time and size, and while it is young by its content too; a
    :class:`Scan` by being the same object. Pillow pictures and folders can change unseen and are
    read each time. A view is known by its scans and its rendering, never by pixels alone: 30 × 100
    and 100 × 30 pixels can be the same bytes, and one scan in two windows is two scans.
    """

    def __init__(self) -> None:
        self._scans: dict[Hashable, Scan] = {}
        self._views: dict[Hashable, tuple[tuple[Scan, ...], View]] = {}

    def scans(self, scans: Scans) -> tuple[Scan, ...]:
        """Read one scan or several views.

        Raises:
            InputError: One of them cannot be read.
        """
        return tuple(map(self._read, listed(scans)))

    def view(self, scans: tuple[Scan, ...], rendering: Rendering) -> View:
        """Render scans that :meth:`scans` gave."""
        key = (tuple(map(id, scans)), rendering)
        if key not in self._views:
            # The scans are kept with their view, so that no other scan can get their ids.
            _keep(self._views, key, (scans, render(scans, rendering)))
        return self._views[key][1]

    def _read(self, source: ScanLike) -> Scan:
        key = _signature(source)
        if key is None:
            return load(source)
        if key not in self._scans:
            _keep(self._scans, key, load(source))
        return self._scans[key]


def _signature(source: ScanLike) -> Hashable | None:
    if not isinstance(source, str | os.PathLike):
        return None
    path = Path(source)
    try:
        if not path.is_file():
            return None
        state, content = path.stat(), b""
        if time.time_ns() - state.st_mtime_ns < _YOUNG:
            with path.open("rb") as file:
                content = file_digest(file, "blake2b").digest()
    except (OSError, ValueError):
        return None  # load says what is wrong with it
    return str(path), state.st_mtime_ns, state.st_size, state.st_ino, content


def _keep(store: dict[Hashable, Value], key: Hashable, value: Value) -> None:
    if len(store) >= _KEPT:
        store.pop(next(iter(store)))
    store[key] = value
