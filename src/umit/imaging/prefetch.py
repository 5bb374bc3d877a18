"""Scans read once however many questions are asked about them, and ahead of the engine where threads are given."""

from __future__ import annotations

import os
import time
from collections import OrderedDict, deque
from collections.abc import Hashable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import file_digest
from pathlib import Path
from typing import Final, Protocol, TypeAlias, TypeVar, cast, runtime_checkable

from umit.errors import InputError, UMITError
from umit.imaging.read import load
from umit.imaging.scan import Scan, ScanLike

__all__ = ["Pictures", "Read", "Scans", "listed", "prefetch"]


@runtime_checkable
class Pictures(Protocol):
    """What reads itself only when it is asked to, such as the pictures of a data set's sample."""

    def scans(self) -> tuple[Scan, ...]:
        """Read one film, several views or one volume.

        Raises:
            UMITError: They cannot be read.
        """
        ...


Scans: TypeAlias = "ScanLike | Sequence[ScanLike] | Pictures"
Read: TypeAlias = tuple[Scan, ...] | UMITError
_KEPT: Final = 4  # a volume may take hundreds of megabytes
_QUESTIONS: Final = 256  # held while pictures are read ahead
#: Nanoseconds in which a file can be written twice under one time; FAT counts in steps of 2 s.
_YOUNG: Final = 2_000_000_000
Query = TypeVar("Query")


def prefetch(
    items: Iterable[tuple[Scans, Query]], workers: int = 0, ended: list[Exception] | None = None
) -> Iterator[tuple[Read, Query]]:
    """Yield what each item shows, read, with what is asked about it.

    The last few scans are kept. A file is known again by its path, time and size, and while it is young by its
    content too; :class:`Pictures` by being equal. Pillow pictures and folders can change unseen and are read
    each time.

    Args:
        items: Pairs of a scan, or several views in a list, and a query; in the order in which they come out.
        workers: Scans that are read ahead, each by a thread of its own: decoding gives up Python's lock, and
            pictures need not be copied between processes. 0: each is read when it is reached.
        ended: Gets the error that ends ``items`` early, for the caller to raise after all that came before it: raised
            here, it would pass through an engine that is fed from here, and look like the engine's own.

    Yields:
        The scans or the error in their place, and the query.

    Raises:
        InputError: A number of workers below 0.

    Example:
        >>> list(prefetch([], workers=2))
        []
    """
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 0:
        raise InputError(f"expected workers from 0, got {workers!r}", code="workers")
    return _prefetch(items, workers, [] if ended is None else ended)


def _prefetch(
    items: Iterable[tuple[Scans, Query]], workers: int, ended: list[Exception]
) -> Iterator[tuple[Read, Query]]:
    pool = ThreadPoolExecutor(workers) if workers else None
    cache = _Cache(pool)
    ahead: deque[tuple[Future[Read], Query]] = deque()
    try:
        for source, query in _kept_end(items, ended):
            ahead.append((cache.read(source), query))
            while len(ahead) > _QUESTIONS or len({id(one) for one, _ in ahead}) > workers:
                yield _next(ahead)
        while ahead:
            yield _next(ahead)
    finally:
        if pool is not None:
            pool.shutdown(cancel_futures=True)


def _next(ahead: deque[tuple[Future[Read], Query]]) -> tuple[Read, Query]:
    reading, query = ahead.popleft()
    return reading.result(), query


def _kept_end(items: Iterable[tuple[Scans, Query]], ended: list[Exception]) -> Iterator[tuple[Scans, Query]]:
    """Yield the items; keep the error that ends them for later."""
    try:
        yield from items
    except (UMITError, OSError, RuntimeError) as error:
        ended.append(error)


def listed(scans: ScanLike | Sequence[ScanLike]) -> list[ScanLike]:
    """Return one scan or several views as a list."""
    found = list(scans) if isinstance(scans, list | tuple) else [cast(ScanLike, scans)]
    if not found:
        raise InputError("expected at least one scan, got none", code="empty", where="scan")
    return found


class _Cache:
    """The last few scans, each being read or read."""

    def __init__(self, pool: ThreadPoolExecutor | None) -> None:
        self._pool = pool
        self._kept: OrderedDict[Hashable, tuple[object, Future[Read]]] = OrderedDict()

    def read(self, source: Scans) -> Future[Read]:
        key = _key(source)
        if key is not None and key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key][1]
        reading: Future[Read] = Future()
        if self._pool is not None:
            reading = self._pool.submit(_read, source)
        else:
            reading.set_result(_read(source))
        if key is not None:
            # The source is kept with its scans, so that no other source can get its id.
            self._kept[key] = source, reading
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return reading


def _read(source: Scans) -> Read:
    try:
        if isinstance(source, Pictures):
            return source.scans()
        return tuple(map(load, listed(source)))
    except UMITError as error:
        return error
    except OSError as error:
        return InputError(
            f"expected a readable file, got {error.strerror or type(error).__name__}",
            code="unreadable",
            where=os.path.basename(str(error.filename or "")),
        )


def _key(source: object) -> Hashable | None:
    """Return what a source is known by; ``None`` if it can change unseen."""
    if isinstance(source, list | tuple):
        keys = tuple(map(_key, source))
        return None if None in keys else keys
    if isinstance(source, Scan):
        return id(source)
    if isinstance(source, str | os.PathLike):
        return _signature(source)
    if not isinstance(source, Pictures):
        return None
    try:
        hash(source)
    except TypeError:
        return id(source)
    return cast(Hashable, source)


def _signature(source: str | os.PathLike[str]) -> Hashable | None:
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
