"""Pictures of samples, read while the model answers about others."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain
from typing import Any, Final, TypeAlias

from umit.datasets.dataset import Sample
from umit.errors import InputError, UMITError
from umit.imaging.scan import Scan

__all__ = ["with_pictures"]

_Read: TypeAlias = tuple[Scan, ...] | UMITError
_Sample: TypeAlias = Sample[Any, Any]
_QUESTIONS: Final = 256  # held of one picture; one with more is read again


def with_pictures(samples: Iterable[_Sample], workers: int = 0) -> Iterator[tuple[_Sample, _Read]]:
    """Yield every sample with its pictures, which are read once for all its questions in a row.

    Args:
        samples: In the order in which they come out.
        workers: Pictures that are read ahead, each by a thread of its own: decoding gives up Python's lock, and
            pictures need not be copied between processes. 0: each is read when it is reached.

    Yields:
        A sample, and its pictures or why they cannot be read. What ends ``samples`` early is raised after all that
        came before it, so that every number of workers asks the same.

    Raises:
        InputError: A number of workers below 0.

    Example:
        >>> list(with_pictures([], workers=2))
        []
    """
    if workers < 0:
        raise InputError(f"expected workers from 0, got {workers}", code="workers")
    ended: list[Exception] = []
    groups = _groups(samples, ended)
    if workers == 0:
        for group in groups:
            read = _read(group)
            yield from ((sample, read) for sample in group)
    else:
        yield from _in_threads(groups, workers)
    if ended:
        raise ended[0]


def _groups(samples: Iterable[_Sample], ended: list[Exception]) -> Iterator[list[_Sample]]:
    """Yield samples in a row that show the same pictures; keep the error that ends them for later."""
    group: list[_Sample] = []
    try:
        for sample in samples:
            known = group and sample.source.names == group[0].source.names
            if group and (not known or len(group) == _QUESTIONS):
                yield group
                group = []
            group.append(sample)
    except (UMITError, OSError) as error:
        ended.append(error)
    if group:
        yield group


def _in_threads(groups: Iterator[list[_Sample]], workers: int) -> Iterator[tuple[_Sample, _Read]]:
    pool, ahead = ThreadPoolExecutor(workers), deque[tuple[list[_Sample], Future[_Read]]]()
    try:
        for group in chain(groups, [[]] * workers):  # the empty ones push the last pictures out
            ahead.append((group, pool.submit(_read, group)))
            if len(ahead) > workers:
                asked, read_ahead = ahead.popleft()
                read = read_ahead.result()
                yield from ((sample, read) for sample in asked)
    finally:
        pool.shutdown(cancel_futures=True)


def _read(group: Sequence[_Sample]) -> _Read:
    try:
        return group[0].source.scans() if group else ()
    except UMITError as error:
        return error
