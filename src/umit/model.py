"""UMIT: five verbs over one checkpoint, and ``predict`` for many questions."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence, Sized
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias, cast, get_args

from tqdm import tqdm  # type: ignore[import-untyped]

from umit.backends.backend import Backend
from umit.chat import Completion, Request
from umit.checkpoints import EMBEDDED, Checkpoint, locate
from umit.errors import BackendError, InputError, OutputError, UMITError
from umit.imaging.read import load
from umit.imaging.recent import Recent, Scans, listed
from umit.imaging.view import View
from umit.queries import Ask, Choose, Compare, Describe, Find, Language, Locate, Query
from umit.results import Answer, Classification, Detections, Landmarks, Report, Result, stamped
from umit.tasks.detect import presence
from umit.tasks.landmarks import CEPHALOMETRIC
from umit.tasks.task import Task, choose

__all__ = ["UMIT"]

#: Questions after which results are handed over even if every one of them failed before the engine.
_STRETCH: Final = 256
_Found: TypeAlias = Result | UMITError


class _Asked(NamedTuple):
    """A question that an engine has, and what its answer is read with."""

    task: Task[Any, Any]
    query: Query
    view: View


class UMIT:
    """One checkpoint behind one engine.

    Research use only; no result is a diagnosis. Wherever a verb takes a ``scan``, it may be a path, a
    folder with a DICOM series, a Pillow picture, a :class:`Scan`, or several views in a list; arrays
    come through :func:`umit.load`. Coordinates in results are pixels or voxels of that file.

    Args:
        backend: Answers requests.
        checkpoint: The card of the weights behind it.

    Example:
        >>> import numpy as np
        >>> from umit.checkpoints import PHANTOM
        >>> from umit.testing import ScriptedBackend
        >>> film = load(np.zeros((400, 400), np.uint8), axes="yx")
        >>> UMIT(ScriptedBackend(["The lung."]), PHANTOM).answer(film, "Which organ?").text
        'The lung.'
    """

    def __init__(self, backend: Backend, checkpoint: Checkpoint) -> None:
        self.backend = backend
        self.checkpoint = checkpoint

    def __repr__(self) -> str:
        return f"UMIT({self.checkpoint.name!r})"

    @classmethod
    def from_pretrained(
        cls,
        checkpoint: str | Path = EMBEDDED,
        *,
        card: Checkpoint | str | Path | None = None,
        device: str = "auto",
        dtype: str = "auto",
        revision: str | None = None,
    ) -> UMIT:
        """Load weights into this process.

        Args:
            checkpoint: The embedded ``"umit-phantom"``, a released name such as
                ``"dz-osamu/UMIT-B"``, or a folder.
            card: For weights without a card of their own: a known name, a ``.json`` file or a card.
            device: ``"auto"`` takes CUDA, else MPS, else the CPU.
            dtype: ``"auto"`` takes bfloat16 on CUDA and float32 elsewhere.
            revision: Branch, tag or commit on the hub.

        Raises:
            CheckpointError: Weights or card are missing or do not fit.
            InputError: An unknown device or dtype.
        """
        place, found = locate(checkpoint, card)
        # Imported late: a scripted or remote engine needs no torch.
        from umit.backends.local.backend import LocalBackend
        from umit.engine.load import load_engine

        engine = load_engine(place, device=device, dtype=dtype, revision=revision)
        return cls(LocalBackend(engine), found)

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
            generate: With options, let the model write freely instead and read what it wrote.

        Raises:
            InputError: An unreadable scan, an empty question, or options that repeat.
            OutputError: The model's text is no answer.
            UnsupportedTaskError: The checkpoint does not know the task.
        """
        query = Ask(
            question,
            () if options is None else _several("options", options),
            language=language,
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

    def classify(
        self,
        scan: Scans,
        labels: Sequence[str],
        *,
        question: str | None = None,
        language: Language = "en",
        generate: bool = False,
    ) -> Classification:
        """Choose one label for a scan.

        Args:
            scan: What is shown; several views are shown together.
            labels: At least two; every whole label is scored.
            question: What is to be decided; ``None`` takes the task's own question.
            language: ``"en"`` or ``"zh"``.
            generate: Let the model write freely instead and read what it wrote.

        Raises:
            InputError: An unreadable scan, or labels that repeat.
            OutputError: The model's text is none of the labels.
            UnsupportedTaskError: The checkpoint does not know the task.
        """
        query = Choose(_several("labels", labels), question, language=language)
        return cast(Classification, self._only(scan, query, generate))

    def detect(
        self, scan: Scans, target: str | Sequence[str], *, language: Language = "en"
    ) -> Detections:
        """Find every instance of one target or of several.

        Args:
            scan: A film or a volume; several views are asked apart and boxes name their view.
            target: A plain name such as ``"nodule"``, or several.
            language: ``"en"`` or ``"zh"``.

        Returns:
            Boxes, views in order and targets within them, and beside them the probability that each
            target is there, from a scored yes/no question over all views.

        Raises:
            InputError: An unreadable scan, or a target that is no plain name.
            OutputError: The model's text is no box; ``partial`` holds what could be read.
            UnsupportedTaskError: The checkpoint does not know the task.
        """
        names = (target,) if isinstance(target, str) else _several("targets", target)
        finds = [Find(name, language=language) for name in names]
        scans = [load(view) for view in listed(scan)]
        boxes: list[tuple[Scans, Query]] = [(view, find) for view in scans for find in finds]
        asks: list[tuple[Scans, Query]] = []
        if "answer_closed" in self.checkpoint.task_names:
            asks = [(scans, presence(find)) for find in finds]
        found = list(self._run([*boxes, *asks]))
        there = _presence(names, found[len(boxes) :])
        merged = _merged(Detections(presence=there), found[: len(boxes)], self.checkpoint.name)
        if len(scans) == 1:
            return merged
        return merged

    def landmarks(
        self, scan: Scans, names: Sequence[str] = CEPHALOMETRIC, *, language: Language = "en"
    ) -> Landmarks:
        """Locate named points on one film, one question a point.

        Args:
            scan: One film.
            names: Distinct names; the 19 of ISBI 2015 unless others are given.
            language: ``"en"`` or ``"zh"``; names stay as they are given.

        Raises:
            InputError: An unreadable scan, several views, or names that repeat.
            OutputError: Some points could not be read; ``partial`` holds the others.
            UnsupportedTaskError: The checkpoint does not know the task.
        """
