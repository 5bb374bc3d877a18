"""UMIT: five verbs over one checkpoint, and ``predict`` for many questions."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import lru_cache
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, TypeAlias, cast, overload

from tqdm import tqdm  # type: ignore[import-untyped]

from umit.chat import Completion, Request
from umit.checkpoints import EMBEDDED, KNOWN, Checkpoint, locate
from umit.checkpoints.known import check_type
from umit.checkpoints.own import with_own_pixels
from umit.checkpoints.places import say_terms
from umit.elsewhere import Elsewhere
from umit.errors import BackendError, InputError, UMITError
from umit.fanout import Outcome, Part, Plan, count, expand, joined
from umit.imaging.prefetch import Read, Scans, prefetch
from umit.imaging.scan import Scan
from umit.imaging.view import View, render
from umit.queries import Ask, Choose, Describe, Find, Language, Locate, Query
from umit.results import Answer, Classification, Detections, Findings, Landmarks, Report, Result, stamped
from umit.specialists import Specialists, cards_by_verb, one_card
from umit.tasks.landmarks import CEPHALOMETRIC
from umit.tasks.table import choose
from umit.tasks.task import Task

__all__ = ["UMIT"]

#: What engines raise: a device out of memory, a prompt too long, a server that is gone.
_FAULTS: Final = (RuntimeError, ValueError, OSError, MemoryError)
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


class UMIT(Elsewhere):
    """One checkpoint behind one engine.

    Research use only; no result is a diagnosis. Wherever a verb takes a ``scan``, it may be a path, a
    folder with a DICOM series, a Pillow picture, a :class:`Scan`, or several views in a list; arrays
    come through :func:`umit.load`. Coordinates in results are pixels or voxels of that file.

    Args:
        backend: Answers requests.
        checkpoint: The card of the weights behind it.
        fingerprint: Tells these weights from others; ``""`` if it is not known.
        constrained: Whether written answers keep to their form, so that every one can be read: a box has its numbers,
            in range and in order, and an option is one of those given. A result whose likeliest tokens had another
            form says so in its warnings. ``False`` leaves the model free, to see what it would have said.

    Example:
        >>> import numpy as np
        >>> import umit
        >>> from umit.checkpoints import PHANTOM
        >>> from umit.testing import ScriptedBackend
        >>> film = umit.load(np.zeros((400, 400), np.uint8), axes="yx")
        >>> UMIT(ScriptedBackend(["The lung."]), PHANTOM).answer(film, "Which organ?").text
        'The lung.'
    """

    def __repr__(self) -> str:
        return f"UMIT({self.checkpoint.name!r})"

    @classmethod
    def from_pretrained(
        cls,
        checkpoint: str | Path | Mapping[str, str | Path | UMIT] = EMBEDDED,
        *,
        card: Checkpoint | str | Path | Mapping[str, Any] | None = None,
        device: str = "auto",
        dtype: str = "auto",
        revision: str | None = None,
        device_map: str | Mapping[str, int | str] | None = None,
        bits: int | None = None,
        constrained: bool = True,
    ) -> UMIT:
        """Load weights into this process.

        Args:
            checkpoint: The embedded ``"umit-phantom"``, a released name such as
                ``"dz-osamu/UMIT-B"``, or a folder. Several by verb, such as ``{"answer": "dz-osamu/VQA"}``: each
                verb asks its own, which is loaded when it is first asked.
            card: For weights without a card of their own: a known name, a ``.json`` file or a card; several by verb.
            device: ``"auto"`` takes CUDA, else MPS, else the CPU.
            dtype: ``"auto"`` takes bfloat16 on CUDA and float32 elsewhere.
            revision: Branch, tag or commit on the hub.
            device_map: Instead of one device, how the language model's layers are shared out: ``"auto"``, or a map.
            bits: 4 or 8 to quantise the language model, with ``umit[bits]``.
            constrained: As for :class:`UMIT`.

        Raises:
            CheckpointError: Weights or card are missing or do not fit.
            InputError: An unknown device, dtype, map or number of bits.
        """
        placed: dict[str, Any] = {"device": device, "dtype": dtype, "device_map": device_map, "bits": bits}
        if isinstance(checkpoint, Mapping):
            given = {**placed, "revision": revision, "constrained": constrained}
            cards = cards_by_verb(checkpoint, card)
            team = Specialists(checkpoint, load=lambda verb, at: cls.from_pretrained(at, card=cards.get(verb), **given))
            return cls(team, team.card)
        place, found = locate(checkpoint, one_card(card))
        from umit.backends.local.backend import LocalBackend  # late: a scripted or remote engine needs no torch
        from umit.contradictions import check_factor, own_folders, warn_of_contradictions
        from umit.engine.load import load_engine

        engine = load_engine(place, revision=revision or found.revision or None, **placed)
        check_type(found, engine.encoder.family.model_type, Path(checkpoint).name)
        check_factor(found, engine.encoder.family.factor, engine.encoder.family.title)
        if found is not KNOWN.get(str(checkpoint)):  # whose card was read beside these very files
            warn_of_contradictions(engine.encoder.tokenizer, found)
        found = say_terms(with_own_pixels(found, own_folders(engine)))
        return cls(LocalBackend(engine), found, fingerprint=engine.fingerprint, constrained=constrained)

    def answer(
        self,
        scan: Scans,
        question: str,
        *,
        options: Sequence[str] | None = None,
        language: Language = "en",
        generate: bool = False,
    ) -> Answer:
        """Answer a question about a scan.

        Args:
            scan: What is shown; several views are shown together.
            question: In the user's own words.
            options: Answers to choose from; every whole option is scored.
            language: ``"en"`` or ``"zh"``.
            generate: With options, let the model write one of them instead, and read what it wrote.

        Raises:
            InputError: An unreadable scan, an empty question, or options that repeat.
            OutputError: The model's text is no answer.
            UnsupportedTaskError: The checkpoint does not know the task.
        """
        query = Ask(question, () if options is None else options, language=language)  # type: ignore[arg-type]
        if options is not None and not query.options:
            raise InputError(
                "expected at least two options, got none",
                code="options",
                where="options",
                hint="Leave options out for an open question",
            )
        return cast(Answer, self._only(scan, query, generate))

    def report(self, scan: Scans, *, language: Language = "en") -> Report:
        """Write a report of a film, of two views, or of a CT volume.

        Args:
            scan: What is shown; several views are shown together.
            language: ``"en"`` or ``"zh"``.

        Raises:
            InputError: An unreadable scan.
            OutputError: The model's text is empty or was cut.
            UnsupportedTaskError: The checkpoint does not know the task.
        """
        return cast(Report, self._only(scan, Describe(language=language)))

    @overload
    def classify(
        self,
        scan: Scans,
        labels: Sequence[str],
        *,
        question: str | None = None,
        several: Literal[False] = False,
        language: Language = "en",
        generate: bool = False,
    ) -> Classification: ...

    @overload
    def classify(
        self,
        scan: Scans,
        labels: Sequence[str],
        *,
        question: str | None = None,
        several: Literal[True],
        language: Language = "en",
        generate: bool = False,
    ) -> Findings: ...

    def classify(
        self,
        scan: Scans,
        labels: Sequence[str],
        *,
        question: str | None = None,
        several: bool = False,
        language: Language = "en",
        generate: bool = False,
    ) -> Classification | Findings:
        """Choose one label for a scan, or say of each whether it holds.

        Args:
            scan: What is shown; several views are shown together.
            labels: At least two, every whole label is scored; with ``several``, at least one.
            question: What is to be decided; ``None`` takes the task's own question.
            several: Whether any number of labels may hold: each is asked by itself, as a yes/no question
                of its own, and ``question`` is not asked.
            language: ``"en"`` or ``"zh"``.
            generate: Let the model write one of them instead, and read what it wrote.

        Returns:
            A classification; with ``several``, findings in the order of the labels.

        Raises:
            InputError: An unreadable scan, or labels that repeat.
            OutputError: The model's text is none of the labels; with ``several``, ``partial`` holds
                what could be read.
            UnsupportedTaskError: The checkpoint does not know the task.
        """
        query = Choose(labels, question, several, language=language)  # type: ignore[arg-type]
        return cast(Classification | Findings, self._only(scan, query, generate))

    def detect(self, scan: Scans, target: str | Sequence[str], *, language: Language = "en") -> Detections:
        """Find every instance of one target or of several, and how likely each target is there.

        Args:
            scan: A film or a volume; several views are asked apart and boxes name their view.
            target: A plain name such as ``"nodule"``, or several.
            language: ``"en"`` or ``"zh"``.

        Returns:
            Boxes by view, then by target; ``presence`` from a scored yes/no over all views.

        Raises:
            InputError: An unreadable scan, or a target that is no plain name.
            OutputError: The model's text is no box; ``partial`` holds what could be read.
            UnsupportedTaskError: The checkpoint does not know the task.
        """
        query = Find(target, language=language)  # type: ignore[arg-type]
        return cast(Detections, self._only(scan, query))

    def landmarks(self, scan: Scans, names: Sequence[str] = CEPHALOMETRIC, *, language: Language = "en") -> Landmarks:
        """Locate named points on one film, one question a point.

        Args:
            scan: One film.
            names: Distinct names; the 19 of ISBI 2015 unless others are given.
            language: ``"en"`` or ``"zh"``; names in the result stay as they are given.

        Raises:
            InputError: An unreadable scan, several views, or names that repeat.
            OutputError: Some points could not be read; ``partial`` holds the others.
            UnsupportedTaskError: The checkpoint does not know the task.
        """
        query = Locate(names, language=language)  # type: ignore[arg-type]
        return cast(Landmarks, self._only(scan, query))

    def predict(
        self, items: Iterable[tuple[Scans, Query]], *, progress: bool = True, workers: int = 0
    ) -> Iterator[Result | UMITError]:
        """Answer many questions lazily, in order and in bounded memory.

        A query gives what the verb of its kind gives. Scans that come again are read once.

        Args:
            items: Pairs of a scan, or several views in a list, and a query.
            progress: Whether a terminal gets a bar after two seconds.
            workers: Scans that threads read ahead while the engine answers.

        Yields:
            A result for each item, or the error that stands in its place. What ends ``items`` early is raised
            after all that came before it.

        Raises:
            InputError: A number of workers below 0.
            BackendError: The engine gave more answers than there were questions, so that none can be trusted.
        """
        return self._run(items, progress=progress, workers=workers)

    def _only(self, scan: Scans, query: Query, generate: bool = False) -> Result:
        (found,) = self._run([(scan, query)], generate=generate)
        if isinstance(found, UMITError):
            raise found
        return found

    def _run(
        self, items: Iterable[tuple[Scans, Query]], *, generate: bool = False, progress: bool = True, workers: int = 0
    ) -> Iterator[Outcome]:
        if isinstance(self.backend, Specialists):
            own: dict[str, Any] = {"generate": generate, "progress": progress, "workers": workers}
            yield from self.backend.run(items, lambda model, some: model._run(some, **own))
            return
        scored = self.checkpoint.scores_presence
        total = count(items, scored=scored) if isinstance(items, Sequence) else None
        plan: Plan = deque()
        ended: list[Exception] = []
        read = prefetch(items, workers, ended)
        answers = self._answers(self._questions(read, plan, scored), generate)
        # None shows it on a terminal alone: in a log each step would be a line.
        hidden = True if not progress or total == 1 else None
        bar = tqdm(answers, total=total, delay=2, leave=False, unit="question", disable=hidden)
        with closing(bar):
            yield from joined(iter(bar), plan)
        if ended:
            raise ended[0]

    def _questions(
        self, read: Iterator[tuple[Read, Query]], plan: Plan, scored: bool
    ) -> Iterator[_Question | UMITError]:
        """Yield the questions of each query, or why it cannot be asked; ``plan`` says which belong together."""
        for scans, query in read:
            try:
                if isinstance(scans, UMITError):
                    raise scans
                parts = expand(query, len(scans), scored=scored)
            except UMITError as error:
                plan.append((query, (Part(query),)))
                yield error
                continue
            plan.append((query, parts))
            for part in parts:
                yield _Question(part.query, part.of(scans))

    def _answers(self, questions: Iterator[_Question | UMITError], generate: bool) -> Iterator[Outcome]:
        shown = lru_cache(maxsize=4)(render)  # by the scans themselves, never by their pixels
        for first in questions:
            stretch = chain((first,), islice(questions, _STRETCH - 1))
            pending: _Pending = deque()
            requests = self._requests(stretch, shown, pending, generate)
            yield from self._answered(requests, pending)

    def _requests(
        self, questions: Iterable[_Question | UMITError], shown: Any, pending: _Pending, generate: bool
    ) -> Iterator[Request]:
        """Yield what the engine gets; every question leaves its trace in ``pending``, in order."""
        for one in questions:
            try:
                if isinstance(one, UMITError):
                    raise one
                volume = any(scan.is_volume for scan in one.scans)
                task = self.checkpoint.task(choose(one.query, volume=volume), one.query.language)
                view = shown(one.scans, task.rendering(volume=volume))
                request = task.request(one.query, view)
            except UMITError as error:
                pending.append(error)
                continue
            pending.append(_Asked(task, one.query, view))
            yield self._posed(request, generate)

    def _posed(self, request: Request, generate: bool) -> Request:
        """Return a request as this model asks it: options to write instead of to score, and no form to keep to."""
        if generate:
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
        name, notes = self.checkpoint.name, (*asked.view.warnings, *_forced(completion), *caution)
        return cast(Result, stamped(result, raw=completion.text, checkpoint=name, warnings=notes))


def _forced(completion: Completion) -> tuple[str, ...]:
    """Return what to say of an answer that the model would have written otherwise."""
    if not completion.forced:
        return ()
    count = f"{completion.forced} token{'s' if completion.forced > 1 else ''}"
    return (f"constrained: {count} of the answer were not the likeliest, which have no place in its form",)
