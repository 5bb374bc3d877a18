"""What ``umit demo`` shows: held-out phantoms, chosen by what was drawn on them, and questions about them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from umit.errors import InputError
from umit.phantom import cases, words
from umit.phantom.cases import Case, QAPair
from umit.phantom.cephalogram import Cephalogram
from umit.phantom.film import FINDINGS, Film, Finding
from umit.phantom.volume import Volume
from umit.queries import Language
from umit.tasks.landmarks import CEPHALOMETRIC

__all__ = ["FIRST", "Scene", "scenes"]

#: The demo's first seed: held out from training, and beyond those of the board.
FIRST: Final = cases.HELD_OUT + 1_000_000
_TRIES: Final = 200


@dataclass(frozen=True, eq=False)
class Scene:
    """One phantom and its questions in one language.

    Args:
        key: Short ASCII name, for files.
        title: For people.
        case: The phantom.
        language: Of the questions.
        items: Questions with their true answers.
    """

    key: str
    title: str
    case: Case
    language: Language
    items: tuple[QAPair, ...]


def scenes(seed: int, languages: Sequence[Language]) -> list[Scene]:
    """Draw the phantoms and put the questions.

    Args:
        seed: From 0; the first phantoms from there on that have something to show are taken.
        languages: Each phantom is asked in each.

    Raises:
        InputError: A negative seed, which would reach those that were trained on.
    """
    if seed < 0:
        raise InputError(f"expected a seed of 0 or more, got {seed}", code="seed", where="seed")
    found = []
    for key, title, draw, fits, ask in _PARTS:
        case = _first(draw, fits, FIRST + seed)
        for language in languages:
            found.append(Scene(key, title, case, language, tuple(ask(case, language, seed))))
    return found


def _first(draw: Callable[[int], Case], fits: Callable[[Case], bool], start: int) -> Case:
    for seed in range(start, start + _TRIES):
        case = draw(seed)
        if fits(case):
            return case
    raise InputError(f"expected a fitting phantom among {_TRIES} seeds from {start}", code="seed")


def _has_placed(case: Case) -> bool:
    """Whether a finding stands in a lung."""
    return any(f.side for f in _findings(case))


def _findings(case: Case) -> tuple[Finding, ...]:
    return case.truth.findings if isinstance(case.truth, Film) else ()


def _has_two_kinds(case: Case) -> bool:
    return _has_placed(case) and len({f.kind for f in _findings(case)}) > 1


def _has_one_lesion(case: Case) -> bool:
    return isinstance(case.truth, Volume) and len(case.truth.lesions) == 1


def _any(case: Case) -> bool:
    return True


def _film(case: Case, language: Language, seed: int) -> list[QAPair]:
    film = case.truth
    if not isinstance(film, Film):
        return []
    there = list(dict.fromkeys(f.kind for f in film.findings))
    absent = next(kind for kind in FINDINGS if kind not in there)
    boxes = dict(zip(FINDINGS, cases.film_boxes(film, language), strict=True))
    return [
        cases.present(there[0], True, language),
        cases.present(absent, False, language),
        cases.film_open(film, np.random.default_rng(seed), language),
        cases.film_report(film, language),
        *(boxes[kind] for kind in (*there, absent)),
    ]


def _single(case: Case, language: Language, seed: int) -> list[QAPair]:
    return [cases.film_class(case.truth, language)] if isinstance(case.truth, Film) else []


def _skull(case: Case, language: Language, seed: int) -> list[QAPair]:
    if not isinstance(case.truth, Cephalogram):
        return []
    return [cases.part("skull", language), *cases.landmarks(case.truth, CEPHALOMETRIC, language)]


def _volume(case: Case, language: Language, seed: int) -> list[QAPair]:
    volume = case.truth
    if not isinstance(volume, Volume):
        return []
    organ = volume.lesions[0].organ
    where = cases.volume_class(volume, language)
    return [
        cases.volume_question(volume, language),
        *([where] if where else []),
        cases.volume_report(volume, language),
        *(
            item
            for item in cases.volume_boxes(volume, language)
            if item.gold.items[0].label in words.names(("lesion", organ), language)
        ),
    ]


_Ask = Callable[[Case, Language, int], list[QAPair]]
_Part = tuple[str, str, Callable[[int], Case], Callable[[Case], bool], _Ask]
_PARTS: Final[tuple[_Part, ...]] = (
    ("film", "Chest film", cases.film_case, _has_two_kinds, _film),
    ("single", "Chest film with one finding", lambda s: cases.film_case(s, "single"), _has_placed, _single),
    ("skull", "Lateral skull", cases.cephalogram_case, _any, _skull),
    ("ct", "Abdominal CT", cases.volume_case, _has_one_lesion, _volume),
)
