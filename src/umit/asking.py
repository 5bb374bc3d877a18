"""The one path from questions to results: scans read, questions asked of an engine, their answers read and joined."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain, islice
from typing import Any, Final, NamedTuple, TypeAlias, cast

from tqdm import tqdm  # type: ignore[import-untyped]

from umit.backends.backend import Backend
from umit.chat import Completion, Request
from umit.checkpoints import Checkpoint
from umit.errors import BackendError, InputError, UMITError
from umit.fanout import Outcome, Part, Plan, count, expand, joined
from umit.imaging.prefetch import Read, Scans, prefetch
from umit.imaging.scan import Scan
from umit.imaging.view import View, render
from umit.queries import Query
from umit.results import Result, stamped
from umit.tasks.table import TASKS, choose
from umit.tasks.task import Task

__all__ = ["Asking"]

#: What engines raise: a device out of memory, a prompt too long, a token without a row, a server that is gone.
_FAULTS: Final = (RuntimeError, ValueError, LookupError, ArithmeticError, OSError, MemoryError)
#: Questions after which results are handed over even if every one of them failed before the engine.
_STRETCH: Final = 256


class _Question(NamedTuple):
    """One question about scans that have been read."""

    query: Query
    scans: tuple[Scan, ...]


class _Asked(NamedTuple):
    """A question that an engine has, and what its answer is read with."""

    task: Task[Any, Any]
    query: Query
    view: View


class _Ended(NamedTuple):
    """An engine that failed, and lost what it had taken."""

    by: UMITError


_Pending: TypeAlias = deque[_Asked | UMITError]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Asking:
    """How one checkpoint behind one engine is asked.

    Args:
        backend: Answers requests.
        checkpoint: The card of the weights behind it.
        constrained: Whether written answers keep to their form.
        generate: Whether options are written instead of scored.
        max_new_tokens: Where generation stops; ``None`` for each task's own length.

    Raises:
        InputError: A length below 1.
    """

    backend: Backend
    checkpoint: Checkpoint
    constrained: bool = True
    generate: bool = False
    max_new_tokens: int | None = None

    def __post_init__(self) -> None:
        """Refuse a length that holds no answer."""
        most = self.max_new_tokens
        if most is not None and (isinstance(most, bool) or not isinstance(most, int) or most < 1):
            raise InputError(f"expected max_new_tokens from 1, got {most!r}", code="length", where="max_new_tokens")

    def run(
        self, items: Iterable[tuple[Scans, Query]], *, progress: bool = True, workers: int = 0
    ) -> Iterator[Outcome]:
        """Yield a result or an error for each pair of a scan and a query, in order; see :meth:`umit.UMIT.predict`."""
        total = count(items, scored=self._told(None)) if isinstance(items, Sequence) else None
        plan: Plan = deque()
        ended: list[Exception] = []
        read = prefetch(items, workers, ended)
        answers = self._answers(self._questions(read, plan))
        # None shows it on a terminal alone: in a log each step would be a line.
        hidden = True if not progress or total == 1 else None
        bar = tqdm(answers, total=total, delay=2, leave=False, unit="question", disable=hidden)
        with closing(bar):
            yield from joined(iter(bar), plan)
        if ended:
            raise ended[0]

    def _told(self, volume: bool | None) -> frozenset[str]:
        """Return the targets whose presence the weights were taught to tell; of films and volumes alike for ``None``."""
        if not self.checkpoint.scores_presence:
            return frozenset()
        kinds = {None: ("detect_2d", "detect_3d"), True: ("detect_3d",), False: ("detect_2d",)}[volume]
        return frozenset(target for task, target in self.checkpoint.presence if task in kinds)

    def _questions(self, read: Iterator[tuple[Read, Query]], plan: Plan) -> Iterator[_Question | UMITError]:
        """Yield the questions of each query, or why it cannot be asked; ``plan`` says which belong together."""
        for scans, query in read:
            try:
                if isinstance(scans, UMITError):
                    raise scans
                parts = expand(query, len(scans), scored=self._told(any(scan.is_volume for scan in scans)))
            except UMITError as error:
                plan.append((query, (Part(query),)))
                yield error
                continue
            plan.append((query, parts))
            for part in parts:
                yield _Question(part.query, part.of(scans))

    def _answers(self, questions: Iterator[_Question | UMITError]) -> Iterator[Outcome]:
        shown = lru_cache(maxsize=4)(render)  # by the scans themselves, never by their pixels
        for first in questions:
            stretch = chain((first,), islice(questions, _STRETCH - 1))
            pending: _Pending = deque()
            requests = self._requests(stretch, shown, pending)
            yield from self._answered(requests, pending)

    def _requests(self, questions: Iterable[_Question | UMITError], shown: Any, pending: _Pending) -> Iterator[Request]:
        """Yield what the engine gets; every question leaves its trace in ``pending``, in order."""
        for one in questions:
            try:
                if isinstance(one, UMITError):
                    raise one
                volume = any(scan.is_volume for scan in one.scans)
                task = self.checkpoint.task(choose(one.query, volume=volume), one.query.language)
                if self.max_new_tokens is not None:
                    task = replace(task, max_new_tokens=self.max_new_tokens)
                view = shown(one.scans, task.rendering(volume=volume))
                request = task.request(one.query, view)
            except UMITError as error:
                pending.append(error)
                continue
            pending.append(_Asked(task, one.query, view))
            yield self._posed(request)

    def _posed(self, request: Request) -> Request:
        """Return a request as it is asked here: options to write instead of to score, and no form to keep to."""
        if self.generate:
            request = replace(request, options=())
        return request if self.constrained else replace(request, pattern=None, corners=None)

    def _answered(self, requests: Iterator[Request], pending: _Pending) -> Iterator[Outcome]:
        """Yield what ``pending`` becomes; an engine that fails loses what it took and is asked on."""
        while True:
            failure: UMITError = BackendError("expected an answer to every request, the engine ended early")
            for completion in self._said(requests):
                while pending and isinstance(pending[0], UMITError):
                    yield cast(UMITError, pending.popleft())
                if isinstance(completion, _Ended):
                    failure = completion.by
                elif pending:
                    asked = cast(_Asked, pending.popleft())
                    yield completion if isinstance(completion, UMITError) else self._read(asked, completion)
                else:  # one answer or another went to the wrong question
                    raise BackendError("expected one answer to each request, the engine gave more")
            if not pending:
                next(requests, None)  # progress, should the engine fail before it takes anything
            if not pending:
                return
            yield from (left if isinstance(left, UMITError) else failure for left in pending)
            pending.clear()

    def _said(self, requests: Iterator[Request]) -> Iterator[Completion | UMITError | _Ended]:
        """Yield what the engine says, and last why it failed, if it did; what fails in our requests is raised."""
        ours: list[Exception] = []

        def watched() -> Iterator[Request]:
            try:
                yield from requests
            except _FAULTS as error:
                ours.append(error)
                raise

        try:
            yield from self.backend.generate(watched())
        except UMITError as error:
            yield _Ended(error)
        except _FAULTS as error:
            if ours:
                raise
            failure = BackendError(f"expected an answer, the engine failed: {error}")
            failure.__cause__ = error
            yield _Ended(failure)

    def _read(self, asked: _Asked, completion: Completion) -> Outcome:
        try:
            result = asked.task.decode(completion, asked.query, asked.view)
        except UMITError as error:
            return error
        caution = (self.checkpoint.caution,) if self.checkpoint.caution else ()
        likely = _mean(completion)
        notes = (*asked.view.warnings, *_forced(completion), *self._uncertain(asked.task, likely), *caution)
        result = replace(result, mean_logprob=likely)
        return cast(Result, stamped(result, raw=completion.text, checkpoint=self.checkpoint.name, warnings=notes))

    def _uncertain(self, task: Task[Any, Any], likely: float | None) -> tuple[str, ...]:
        """Return what to say of a text that is less likely than right answers are."""
        confidence = self.checkpoint.confidence
        bound = None if confidence is None else confidence.bound(TASKS[task.name].known_by or task.name)
        if likely is None or bound is None or likely >= bound:
            return ()
        return (f"uncertain: a mean log-probability of {likely:.2f} a token, under the {bound:.2f} of right answers",)


def _mean(completion: Completion) -> float | None:
    if completion.logprob is None or not completion.tokens:
        return None
    return completion.logprob / completion.tokens


def _forced(completion: Completion) -> tuple[str, ...]:
    """Return what to say of an answer that the model would have written otherwise."""
    if not completion.forced:
        return ()
    count = f"{completion.forced} token{'s' if completion.forced > 1 else ''}"
    return (f"constrained: {count} of the answer were not the likeliest, which have no place in its form",)
