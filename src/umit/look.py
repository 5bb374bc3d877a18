"""Questions about one scan, one after another, as somebody asks them who looks at it; and what a question will cost."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from umit.backends.backend import Backend
from umit.chat import Request
from umit.checkpoints import Checkpoint
from umit.errors import BackendError
from umit.imaging.prefetch import Scans, prefetch
from umit.imaging.scan import Scan
from umit.imaging.view import render
from umit.queries import Language
from umit.results import Answer, Classification, Detections, Findings, Landmarks, Report
from umit.tasks.cephalometric import CEPHALOMETRIC
from umit.tasks.task import TaskName

__all__ = ["Cost", "Look", "cost_of"]


class Look:
    """The verbs of a model, about one scan that was read once; its pictures stay encoded until another is asked about.

    Args:
        model: What is asked.
        scans: What is shown.
    """

    def __init__(self, model: Any, scans: tuple[Scan, ...]) -> None:
        self._model, self._scans = model, list(scans)

    def answer(
        self, question: str, *, options: Sequence[str] | None = None, language: Language = "en", generate: bool = False,
        abstain_below: float | None = None, max_new_tokens: int | None = None,
    ) -> Answer:  # fmt: skip
        """Answer as :meth:`umit.UMIT.answer` does."""
        found: Answer = self._model.answer(
            self._scans, question, options=options, language=language, generate=generate,
            abstain_below=abstain_below, max_new_tokens=max_new_tokens,
        )  # fmt: skip
        return found

    def report(self, *, language: Language = "en", max_new_tokens: int | None = None) -> Report:
        """Write as :meth:`umit.UMIT.report` does."""
        found: Report = self._model.report(self._scans, language=language, max_new_tokens=max_new_tokens)
        return found

    def classify(
        self, labels: Sequence[str], *, question: str | None = None, several: bool = False, language: Language = "en",
        generate: bool = False, abstain_below: float | None = None, max_new_tokens: int | None = None,
    ) -> Classification | Findings:  # fmt: skip
        """Choose as :meth:`umit.UMIT.classify` does."""
        found: Classification | Findings = self._model.classify(
            self._scans, labels, question=question, several=several, language=language, generate=generate,
            abstain_below=abstain_below, max_new_tokens=max_new_tokens,
        )  # fmt: skip
        return found

    def detect(
        self, target: str | Sequence[str], *, language: Language = "en", max_new_tokens: int | None = None
    ) -> Detections:
        """Find as :meth:`umit.UMIT.detect` does."""
        found: Detections = self._model.detect(self._scans, target, language=language, max_new_tokens=max_new_tokens)
        return found

    def landmarks(
        self, names: Sequence[str] = CEPHALOMETRIC, *, language: Language = "en", max_new_tokens: int | None = None
    ) -> Landmarks:
        """Locate as :meth:`umit.UMIT.landmarks` does."""
        found: Landmarks = self._model.landmarks(
            self._scans, names, language=language, max_new_tokens=max_new_tokens
        )  # fmt: skip
        return found


@dataclass(frozen=True, slots=True)
class Cost:
    """What a question about a scan takes.

    Args:
        pictures: How many are fed.
        tokens: Of all pictures, which the language model reads for each question that shares them once.
        kept: Bytes of keys and values of these tokens, for each question that is answered at the same time.
        weights: Bytes of the weights.
        seconds: Wall time from pixels to the first token of an answer, measured once, now.
    """

    pictures: int
    tokens: int
    kept: int
    weights: int
    seconds: float


def read(scans: Scans) -> tuple[Scan, ...]:
    """Return scans, read.

    Raises:
        InputError: They cannot be read.
    """
    ((found, _),) = prefetch([(scans, None)])
    if not isinstance(found, tuple):
        raise found
    return found


def cost_of(backend: Backend, card: Checkpoint, scans: Scans, task: TaskName) -> Cost:
    """Return what a question about a scan takes; see :meth:`umit.UMIT.plan`."""
    from umit.backends.local.backend import LocalBackend  # loads torch

    if not isinstance(backend, LocalBackend):
        raise BackendError("expected weights in this process to plan with, got another engine; ask it for its load")
    found = read(scans)
    volume = any(scan.is_volume for scan in found)
    bound = card.task(task)
    view = render(found, bound.rendering(volume=volume))
    request = Request(frames=view.frames, words=("?",), max_new_tokens=1, system=bound.system)
    backend.release()
    began = time.perf_counter()
    first = next(iter(backend.generate([request])))
    seconds = time.perf_counter() - began
    if isinstance(first, Exception):
        raise first
    pictures, tokens, kept, weights = backend.sizes(request)
    return Cost(pictures=pictures, tokens=tokens, kept=kept, weights=weights, seconds=seconds)
