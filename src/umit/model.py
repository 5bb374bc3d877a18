"""UMIT: five verbs over one checkpoint, and ``predict`` for many questions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast, overload

from umit.elsewhere import Elsewhere
from umit.embedded import EMBEDDED
from umit.errors import InputError, UMITError
from umit.queries import Ask, Choose, Describe, Find, Language, Locate, Query
from umit.tasks.cephalometric import CEPHALOMETRIC

if TYPE_CHECKING:  # the others are loaded with the first weights or question: this import is quick
    from umit.checkpoints import Checkpoint
    from umit.fanout import Outcome
    from umit.imaging.prefetch import Scans
    from umit.look import Cost, Look
    from umit.results import Answer, Classification, Detections, Findings, Landmarks, Report, Result
    from umit.tasks.task import TaskName

__all__ = ["UMIT"]


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
        from umit.checkpoints import KNOWN, locate
        from umit.checkpoints.known import check_type
        from umit.checkpoints.own import with_own_pixels
        from umit.checkpoints.places import say_terms
        from umit.specialists import Loading, Specialists, cards_by_verb, one_card

        placed: dict[str, Any] = {"device": device, "dtype": dtype, "device_map": device_map, "bits": bits}
        if isinstance(checkpoint, Mapping):
            given = {**placed, "revision": revision, "constrained": constrained}
            cards = cards_by_verb(checkpoint, card)
            team = Specialists(checkpoint, load=Loading(cls.from_pretrained, cards, given))
            return cls(team, team.card)
        place, found = locate(checkpoint, one_card(card))
        if revision is not None and isinstance(place, Path):
            raise InputError("expected a revision for a name on the hub, got one for a folder", code="revision")
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
        abstain_below: float | None = None,
        max_new_tokens: int | None = None,
    ) -> Answer:
        """Answer a question about a scan.

        Args:
            scan: What is shown; several views are shown together.
            question: In the user's own words.
            options: Answers to choose from; every whole option is scored.
            language: ``"en"`` or ``"zh"``.
            generate: With options, let the model write one of them instead, and read what it wrote.
            abstain_below: With options, the probability that the likeliest must have; below it the answer abstains.
            max_new_tokens: Where generation stops; ``None`` for the task's own length.

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
        _bounded(abstain_below)
        found = cast("Answer", self._only(scan, query, generate=generate, max_new_tokens=max_new_tokens))
        return _abstaining(found, abstain_below)

    def report(self, scan: Scans, *, language: Language = "en", max_new_tokens: int | None = None) -> Report:
        """Write a report of a film, of two views, or of a CT volume.

        Args:
            scan: What is shown; several views are shown together.
            language: ``"en"`` or ``"zh"``.
            max_new_tokens: Where generation stops; ``None`` for the task's own length.

        Raises:
            InputError: An unreadable scan.
            OutputError: The model's text is empty or was cut.
            UnsupportedTaskError: The checkpoint does not know the task.
        """
        return cast("Report", self._only(scan, Describe(language=language), max_new_tokens=max_new_tokens))

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
        abstain_below: float | None = None,
        max_new_tokens: int | None = None,
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
        abstain_below: None = None,
        max_new_tokens: int | None = None,
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
        abstain_below: float | None = None,
        max_new_tokens: int | None = None,
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
            abstain_below: The probability that the likeliest label must have; below it the answer abstains. Not with
                ``several``, where each label has its own probability.
            max_new_tokens: Where generation stops; ``None`` for the task's own length.

        Returns:
            A classification; with ``several``, findings in the order of the labels.

        Raises:
            InputError: An unreadable scan, or labels that repeat.
            OutputError: The model's text is none of the labels; with ``several``, ``partial`` holds
                what could be read.
            UnsupportedTaskError: The checkpoint does not know the task.
        """
        query = Choose(labels, question, several, language=language)  # type: ignore[arg-type]
        _bounded(abstain_below)
        if several and abstain_below is not None:
            raise InputError(
                "expected abstain_below without several, got both",
                code="abstain",
                where="abstain_below",
                hint="Judge each label by its own probability",
            )
        found = self._only(scan, query, generate=generate, max_new_tokens=max_new_tokens)
        return cast("Findings", found) if several else _abstaining(cast("Classification", found), abstain_below)

    def detect(
        self, scan: Scans, target: str | Sequence[str], *, language: Language = "en", max_new_tokens: int | None = None
    ) -> Detections:
        """Find every instance of one target or of several, and how likely each target is there.

        Args:
            scan: A film or a volume; several views are asked apart and boxes name their view.
            target: A plain name such as ``"nodule"``, or several.
            language: ``"en"`` or ``"zh"``.
            max_new_tokens: Where generation stops; ``None`` for the task's own length.

        Returns:
            Boxes by view, then by target; ``presence`` from a scored yes/no over all views, where the weights were
            taught to tell.

        Raises:
            InputError: An unreadable scan, or a target that is no plain name.
            OutputError: The model's text is no box; ``partial`` holds what could be read.
            UnsupportedTaskError: The checkpoint does not know the task.
        """
        query = Find(target, language=language)  # type: ignore[arg-type]
        return cast("Detections", self._only(scan, query, max_new_tokens=max_new_tokens))

    def landmarks(
        self,
        scan: Scans,
        names: Sequence[str] = CEPHALOMETRIC,
        *,
        language: Language = "en",
        max_new_tokens: int | None = None,
    ) -> Landmarks:
        """Locate named points on one film, one question a point.

        Args:
            scan: One film.
            names: Distinct names; the 19 of ISBI 2015 unless others are given.
            language: ``"en"`` or ``"zh"``; names in the result stay as they are given.
            max_new_tokens: Where generation stops; ``None`` for the task's own length.

        Raises:
            InputError: An unreadable scan, several views, or names that repeat.
            OutputError: Some points could not be read; ``partial`` holds the others.
            UnsupportedTaskError: The checkpoint does not know the task.
        """
        query = Locate(names, language=language)  # type: ignore[arg-type]
        return cast("Landmarks", self._only(scan, query, max_new_tokens=max_new_tokens))

    def predict(
        self,
        items: Iterable[tuple[Scans, Query]] | Iterable[Scans] | str | Path,
        query: Query | None = None,
        *,
        progress: bool = True,
        workers: int = 0,
        max_new_tokens: int | None = None,
    ) -> Iterator[Result | UMITError]:
        """Answer many questions lazily, in order and in bounded memory.

        A query gives what the verb of its kind gives. Scans that come again are read once.

        Args:
            items: Pairs of a scan, or several views in a list, and a query; or, with ``query``, the scans alone: a list
                of them, a folder, whose files are taken by name, or a pattern such as ``"films/**/*.png"``.
            query: What is asked about each of the scans.
            progress: Whether a terminal gets a bar after two seconds.
            workers: Scans that threads read ahead while the engine answers.
            max_new_tokens: Where generation stops; ``None`` for each task's own length.

        Yields:
            A result for each item, or the error that stands in its place. What ends ``items`` early is raised
            after all that came before it.

        Raises:
            InputError: A number of workers below 0, items that are no pairs where no query is given, or no files.
            BackendError: The engine gave more answers than there were questions, so that none can be trusted.
        """
        from umit.imaging.gather import pairs

        given: Iterable[tuple[Scans, Query]] = pairs(items, query)
        return self._run(given, max_new_tokens=max_new_tokens, progress=progress, workers=workers)

    @contextmanager
    def look(self, scan: Scans) -> Iterator[Look]:
        """Ask one question after another about a scan, which is read once and whose pictures are encoded once.

        Args:
            scan: What is shown; several views are shown together.

        Yields:
            The verbs of this model without their ``scan``. At the end what was kept of the pictures is let go.

        Raises:
            InputError: An unreadable scan.

        Example:
            >>> import numpy as np
            >>> import umit
            >>> from umit.checkpoints import PHANTOM
            >>> from umit.testing import ScriptedBackend
            >>> film = umit.load(np.zeros((400, 400), np.uint8), axes="yx")
            >>> with UMIT(ScriptedBackend(["The lung.", "Clear."]), PHANTOM).look(film) as seen:
            ...     seen.answer("Which organ?").text, seen.report().text
            ('The lung.', 'Clear.')
        """
        from umit.look import Look, read

        try:
            yield Look(self, read(scan))
        finally:
            release = getattr(self.backend, "release", None)
            if release is not None:
                release()

    def plan(self, scan: Scans, task: TaskName = "answer_open") -> Cost:
        """Say what a question about a scan takes: tokens, memory, and the time to the first token, measured now.

        Args:
            scan: What would be shown.
            task: What would be asked; tasks may show a scan at other sizes.

        Raises:
            BackendError: The weights are not in this process.
            InputError: An unreadable scan.
            UnsupportedTaskError: The checkpoint does not know the task.
        """
        from umit.look import cost_of

        return cost_of(self.backend, self.checkpoint, scan, task)

    def _only(self, scan: Scans, query: Query, *, generate: bool = False, max_new_tokens: int | None = None) -> Result:
        (found,) = self._run([(scan, query)], generate=generate, max_new_tokens=max_new_tokens)
        if isinstance(found, UMITError):
            raise found
        return found

    def _run(
        self,
        items: Iterable[tuple[Scans, Query]],
        *,
        generate: bool = False,
        max_new_tokens: int | None = None,
        progress: bool = True,
        workers: int = 0,
    ) -> Iterator[Outcome]:
        from umit.asking import Asking
        from umit.specialists import Specialists

        if isinstance(self.backend, Specialists):
            own: dict[str, Any] = {"generate": generate, "max_new_tokens": max_new_tokens}
            own |= {"progress": progress, "workers": workers}
            yield from self.backend.run(items, lambda model, some: model._run(some, **own))
            return
        asking = Asking(
            backend=self.backend,
            checkpoint=self.checkpoint,
            constrained=self.constrained,
            generate=generate,
            max_new_tokens=max_new_tokens,
        )
        yield from asking.run(items, progress=progress, workers=workers)


Chosen = TypeVar("Chosen", "Answer", "Classification")


def _abstaining(found: Chosen, below: float | None) -> Chosen:
    """Return a choice, or none where the likeliest is too unlikely."""
    if below is None:
        return found
    if found.confidence is None:
        raise InputError(
            "expected scored options for abstain_below, got an answer without probabilities",
            code="abstain",
            where="abstain_below",
            hint="Leave generate out, and give options",
        )
    return found.withheld() if found.confidence < below else found


def _bounded(below: float | None) -> None:
    if below is not None and (isinstance(below, bool) or not isinstance(below, int | float) or not 0 <= below <= 1):
        raise InputError(f"expected abstain_below from 0 to 1, got {below!r}", code="abstain", where="abstain_below")
