"""Held-out phantoms as a set of samples: drawn when they are reached, asked and scored like any data set."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, Final, Literal, TypeAlias, get_args

import numpy as np

from umit.datasets.dataset import Sample
from umit.evaluation.perturb import altered
from umit.imaging.scan import Scan
from umit.phantom import cases
from umit.phantom.cases import Case, Kind, QAPair
from umit.phantom.cephalogram import CEPHALOGRAM, Cephalogram
from umit.phantom.film import FILM, Film
from umit.phantom.volume import VOLUME, Volume
from umit.queries import Find, Language
from umit.tasks.landmarks import CEPHALOMETRIC

__all__ = ["GENERATOR", "Drawn", "Phantoms", "Shown", "open_questions"]

LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)
#: Settings of what draws them.
GENERATOR: Final[Mapping[str, Mapping[str, Any]]] = {
    "film": asdict(FILM), "cephalogram": asdict(CEPHALOGRAM), "volume": asdict(VOLUME),
}  # fmt: skip

#: Which picture a question is asked with: its own, a black one, or another phantom's of the same kind.
Shown: TypeAlias = Literal["own", "blank", "other"]


@lru_cache(maxsize=4)  # each is wanted for its truth, its picture and, by its neighbour, as another one
def _case(kind: Kind, seed: int) -> Case:
    return cases.draw(kind, seed)


@dataclass(frozen=True, slots=True)
class Drawn:
    """The pictures of a phantom, drawn when they are read.

    Args:
        kind: What is drawn.
        seed: Which one.

    Example:
        >>> Drawn("film", cases.HELD_OUT).scans()[0].modality
        'CR'
    """

    kind: Kind
    seed: int

    @property
    def names(self) -> tuple[str, ...]:
        """Kind and seed."""
        return (f"{self.kind}-{self.seed}",)

    @property
    def is_volume(self) -> bool:
        """Whether it is a CT."""
        return self.kind == "volume"

    def scans(self) -> tuple[Scan, ...]:
        """Draw them."""
        return _case(self.kind, self.seed).scans


@dataclass(frozen=True, kw_only=True)
class Phantoms:
    """So many phantoms of each kind with the board's questions.

    On a film: one closed question, its report, a box for each finding and for one that is not there. On a film of
    one finding at most: its class. On a skull: the nineteen landmarks. In a CT: lesions, and one organ.

    Args:
        first: Seed of the first; from :data:`umit.phantom.cases.HELD_OUT` on nothing was trained on.
        count: How many of each kind.
        languages: Each question is asked in each of them.
        shown: Which picture is asked about.

    Example:
        >>> first = next(iter(Phantoms(count=1)))
        >>> first.id, first.task, first.group
        ('film-10000000-en-answer', 'answer_closed', 'film-10000000')
    """

    first: int = cases.HELD_OUT
    count: int = 400
    languages: tuple[Language, ...] = LANGUAGES
    shown: Shown = "own"

    def __iter__(self) -> Iterator[Sample[Any, Any]]:
        # Kind of question by kind: answers that are written together are then about as long.
        for kind, questions in _QUESTIONS:
            for seed in range(self.first, self.first + self.count):
                for language in self.languages:
                    yield from self._asked(kind, seed, language, questions)

    @property
    def described(self) -> dict[str, Any]:
        """What tells these phantoms from others; a journal of others is refused."""
        drawn = json.dumps(GENERATOR, sort_keys=True).encode()
        return {
            "dataset": "phantoms", "seed": self.first, "count": self.count, "languages": list(self.languages),
            "shown": self.shown, "generator": hashlib.sha256(drawn).hexdigest(),
        }  # fmt: skip

    def _asked(self, kind: Kind, seed: int, language: Language, questions: _Questions) -> Iterator[Sample[Any, Any]]:
        following = self.first + (seed + 1 - self.first) % self.count
        source = Drawn(kind, following if self.shown == "other" else seed)
        group = f"{kind}-{seed}"
        for name, item in questions(_case(kind, seed).truth, seed, language):
            there = isinstance(item.query, Find) and bool(item.gold)
            sample = Sample(
                id=f"{group}-{language}-{name}", query=item.query, gold=item.gold, source=source, group=group,
                facts=(("target", name),) if there else (),
            )  # fmt: skip
            yield altered(sample, "blank") if self.shown == "blank" else sample


def open_questions(first: int, count: int) -> Iterator[Sample[Any, Any]]:
    """Yield what the board does not ask: open questions about films, and reports of CTs, in both languages.

    Args:
        first: Seed of the first phantom of each kind.
        count: How many of each.
    """
    for kind in ("film", "volume"):
        for seed in range(first, first + count):
            truth: Any = _case(kind, seed).truth
            for language in LANGUAGES:
                rng = np.random.default_rng((14, seed))
                item = cases.film_open(truth, rng, language) if kind == "film" else cases.volume_report(truth, language)
                group = f"{kind}-{seed}"
                yield Sample(
                    id=f"{group}-{language}-open",
                    query=item.query,
                    gold=item.gold,
                    source=Drawn(kind, seed),
                    group=group,
                )


# Each yields questions with what tells them apart on one picture; the same ones in every language.


def _answer(film: Film, seed: int, language: Language) -> Iterator[tuple[str, QAPair]]:
    rng = np.random.default_rng((11, seed))
    questions = cases.film_questions(film, rng, language)
    yield "answer", questions[int(rng.integers(len(questions)))]


def _report(film: Film, seed: int, language: Language) -> Iterator[tuple[str, QAPair]]:
    yield "report", cases.film_report(film, language)


def _boxes(film: Film, seed: int, language: Language) -> Iterator[tuple[str, QAPair]]:
    items = cases.film_boxes(film, language)
    absent = _one([item for item in items if not item.gold], 12, seed)
    yield from _named(item for item in items if item.gold or item is absent)


def _class(film: Film, seed: int, language: Language) -> Iterator[tuple[str, QAPair]]:
    yield "class", cases.film_class(film, language)


def _points(skull: Cephalogram, seed: int, language: Language) -> Iterator[tuple[str, QAPair]]:
    yield from _named(cases.landmarks(skull, CEPHALOMETRIC, language))


def _boxes_3d(volume: Volume, seed: int, language: Language) -> Iterator[tuple[str, QAPair]]:
    lesions, *organs = cases.volume_boxes(volume, language)
    yield from _named([lesions, _one(organs, 13, seed)])


def _one(items: list[QAPair], stream: int, seed: int) -> QAPair:
    return items[int(np.random.default_rng((stream, seed)).integers(len(items)))]


def _named(items: Iterable[QAPair]) -> Iterator[tuple[str, QAPair]]:
    return ((item.about, item) for item in items)


_Questions: TypeAlias = Callable[[Any, int, Language], Iterator[tuple[str, QAPair]]]
_QUESTIONS: Final[tuple[tuple[Kind, _Questions], ...]] = (
    ("film", _answer), ("single", _class), ("film", _boxes), ("cephalogram", _points), ("volume", _boxes_3d),
    ("film", _report),
)  # fmt: skip
