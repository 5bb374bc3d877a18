"""Samples kept in order: a few in memory, many in a file, so that any number can be drawn from in any order."""

from __future__ import annotations

import mmap
import os
import pickle
import weakref
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Final, overload

from umit.datasets.dataset import Sample

__all__ = ["stored"]

#: Samples in memory; some kilobytes each, without their pictures.
_FEW: Final = 100_000


def stored(samples: Iterable[Sample[Any, Any]], *, few: int = _FEW) -> Sequence[Sample[Any, Any]]:
    """Return samples as a sequence; of more than a few each is read from the disk when it is asked for.

    Args:
        samples: Any number.
        few: So many are kept in memory.
    """
    rest = iter(samples)
    first = tuple(islice(rest, few))
    more = next(rest, None)
    return first if more is None else _OnDisk(_chained(first, more, rest))


def _chained(
    first: tuple[Sample[Any, Any], ...], more: Sample[Any, Any], rest: Iterator[Sample[Any, Any]]
) -> Iterator[Sample[Any, Any]]:
    yield from first
    yield more
    yield from rest


class _OnDisk(Sequence[Sample[Any, Any]]):
    """Samples in a file of the system's temporary folder, which goes with this object."""

    def __init__(self, samples: Iterable[Sample[Any, Any]]) -> None:
        self._ends = array("q", [0])
        with NamedTemporaryFile(prefix="umit-samples-", delete=False) as file:
            self._file = Path(file.name)
            weakref.finalize(self, _delete, self._file, os.getpid())
            for sample in samples:
                file.write(pickle.dumps(sample, pickle.HIGHEST_PROTOCOL))
                self._ends.append(file.tell())
        self._open()

    def _open(self) -> None:
        with self._file.open("rb") as file:
            self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    @overload
    def __getitem__(self, place: int) -> Sample[Any, Any]: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Sample[Any, Any]]: ...
    def __getitem__(self, place: int | slice) -> Any:
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(len(self)))]
        number = range(len(self))[place]
        # Our own bytes from some lines above; nothing from outside is unpickled.
        return pickle.loads(self._bytes[self._ends[number] : self._ends[number + 1]])

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getstate__(self) -> dict[str, Any]:
        return {"_file": self._file, "_ends": self._ends}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Read the file of the process that wrote it, such as in a worker."""
        self.__dict__.update(state)
        self._open()


def _delete(file: Path, process: int) -> None:
    if os.getpid() == process:  # not in a fork
        file.unlink(missing_ok=True)
