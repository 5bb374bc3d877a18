"""Jobs done by a bounded number of threads, their results in order."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from types import TracebackType
from typing import Any, TypeVar

from umit.errors import BackendError, UMITError

__all__ = ["Threads"]

T = TypeVar("T")


class Threads:
    """Threads that die with the process: none is waited for when a reader leaves.

    Args:
        count: How many.
    """

    def __init__(self, count: int) -> None:
        self._jobs: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._count = count
        self._ended = threading.Event()

    def __enter__(self) -> Threads:
        for _ in range(self._count):
            threading.Thread(target=self._work, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        for _ in range(self._count):
            self._jobs.put(None)

    def begin(self, job: Callable[[], T]) -> Future[T]:
        """Have a job done; what it raises is raised where its result is asked for."""
        future: Future[T] = Future()
        self._jobs.put((future, job))
        return future

    def _work(self) -> None:
        while (taken := self._jobs.get()) is not None and not self._ended.is_set():
            future, job = taken
            try:
                future.set_result(job())
            except (UMITError, RuntimeError, ValueError, OSError, MemoryError) as error:
                future.set_exception(error)
            finally:
                if not future.done():  # else who waits for it would wait for ever
                    future.set_exception(BackendError("expected an answer, a thread ended before it"))
