"""What is taught at each stage: captions and comparisons, then the five tasks.

ALIGN's captions name what is drawn and where, in the spelling of the detection and landmark tasks: the
vision encoder is frozen afterwards, so whatever INSTRUCT needs of it has to be learned here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, get_args

from numpy.random import Generator

from umit.checkpoints import Checkpoint
from umit.imaging.view import View, render
from umit.phantom import cases, words
from umit.phantom.cases import Case, Item
from umit.phantom.cephalogram import Cephalogram
from umit.phantom.film import Film
from umit.phantom.volume import Volume
from umit.queries import Compare, Describe, Language
from umit.results import Report
from umit.tasks.table import choose
from umit.tasks.task import Task
from umit.training.rows import Turn, turn

__all__ = [
    "align_turns",
    "compare_turns",
    "drill_items",
    "instruct_turns",
    "read_items",
    "show",
    "tell_items",
    "to_turn",
]

_LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)


def show(case: Case, card: Checkpoint, *, points: bool = False) -> View:
    """Render a case the way the card's tasks want it.

    Args:
        case: A phantom.
        card: The checkpoint's card.
        points: Whether coordinates are written in the landmarks' frame.
    """
    if case.kind == "volume":
        rendering = card.dialect.volume
    else:
        rendering = card.dialect.points if points else card.dialect.boxes
    return render(case.scans, rendering)


def _language(rng: Generator) -> Language:
    return _LANGUAGES[int(rng.integers(2))]


def _shuffled(items: Sequence[Item], rng: Generator, most: int) -> list[Item]:
    return [items[i] for i in rng.permutation(len(items))[:most]]


def _phrase(item: Item, task: Task[Any, Any], view: View) -> str:
    """One caption sentence: the name and where it is, or that it is not there."""
    text = task.encode(item.gold, item.query, view)
    query = item.query
    name = getattr(query, "target", None)
    if name is None:
        name = words.point_name(query.names[0], query.language)  # type: ignore[union-attr]
    elif not item.gold:
        return text
    return f"{name}{text}"


def _caption(case: Case, card: Checkpoint, view: View, rng: Generator, language: Language) -> Turn:
    truth = case.truth
    if isinstance(truth, Film):
        head = "chest"
        boxes = cases.film_boxes(truth, language)
        items = [i for i in boxes if i.gold]
        items += _shuffled([i for i in boxes if not i.gold], rng, 2)
        items += _shuffled(cases.film_anatomy(truth, language), rng, 2)
        items = _shuffled(items, rng, len(items))
    elif isinstance(truth, Cephalogram):
        head, items = "skull", cases.some_landmarks(truth, rng, 10, language)
    else:
        head, items = "abdomen", _shuffled(cases.volume_boxes(truth, language), rng, 5)
    volume = isinstance(truth, Volume)
    sentences = [words.name(head, language)]
    sentences += [
        _phrase(item, card.task(choose(item.query, volume=volume)), view) for item in items
    ]
    text = _close(sentences, language)
    return turn(
        card.task("caption"), Describe("caption", language=language), Report(text=text), view
    )


def _close(sentences: Sequence[str], language: Language) -> str:
    mark, gap = ("。", "") if language == "zh" else (".", " ")
    return gap.join(s if s.endswith(mark) else s + mark for s in sentences)


def align_turns(case: Case, card: Checkpoint, view: View, rng: Generator) -> list[Turn]:
    """Return stage 1's questions on one case: a caption, and on some films a report as a second one."""
    language = _language(rng)
    turns = [_caption(case, card, view, rng, language)]
    if case.kind == "film" and rng.random() < 0.25:
        report = cases.film_report(case.truth, language).gold  # type: ignore[arg-type]
        query = Describe("caption", language=language)
        turns.append(turn(card.task("caption"), query, report, view, phrasing=1))
    return turns


def compare_turns(
    first: Case, second: Case, card: Checkpoint, view: View, rng: Generator
) -> list[Turn]:
    """Return stage 1's comparison of two films."""
    language = _language(rng)
    kinds = [{f.kind for f in case.truth.findings} for case in (first, second)]  # type: ignore[union-attr]
    text = words.comparison(kinds[0], kinds[1], language)
    return [turn(card.task("compare"), Compare(language=language), Report(text=text), view)]


def instruct_turns(case: Case, card: Checkpoint, view: View, rng: Generator) -> list[Turn]:
    """Return stage 2's questions on one case, each in a random language."""
    truth = case.truth
    if isinstance(truth, Film):
        items = _film_items(case, truth, rng)
    elif isinstance(truth, Cephalogram):
        items = [cases.some_landmarks(truth, rng, 1, _language(rng))[0] for _ in range(9)]
        question = cases.cephalogram_question(truth, rng, _language(rng))
        items += [question] if question else []
        items += [cases.part("skull", _language(rng))] if rng.random() < 0.2 else []
    else:
        items = _volume_items(truth, rng)
    volume = isinstance(truth, Volume)
    return [
        to_turn(
            item, card, view, volume=volume, phrasing=int(rng.integers(2)) * (rng.random() < 0.2)
        )
        for item in items
    ]


def to_turn(item: Item, card: Checkpoint, view: View, *, volume: bool, phrasing: int = 0) -> Turn:
    """Return a question as the card's task asks and answers it."""
    task = card.task(choose(item.query, volume=volume))
    return turn(task, item.query, item.gold, view, phrasing=phrasing)


def read_items(case: Case, rng: Generator) -> list[Item]:
    """Return questions that are each about one thing, as many about what is there as about what is not."""
    truth = case.truth
    if isinstance(truth, Film):
        return _single_things(truth, rng)
    if isinstance(truth, Cephalogram):
        return cases.some_landmarks(truth, rng, 7, _language(rng))
    lesions, *organs = cases.volume_boxes(truth, _language(rng))
    asked = cases.volume_question(truth, _language(rng))
    return [lesions, *_shuffled(organs, rng, 4), asked]


def tell_items(case: Case, rng: Generator) -> list[Item]:
    """Return questions like those of :func:`read_items`, fewer about what is not there, and reports."""
    truth = case.truth
    if isinstance(truth, Film):
        items = _single_things(truth, rng, absent=2)
        return [*items, cases.film_report(truth, _language(rng))] if rng.random() < 0.6 else items
    if isinstance(truth, Cephalogram):
        return read_items(case, rng)
    lesions, *organs = cases.volume_boxes(truth, _language(rng))
    return [
        lesions,
        *_shuffled(organs, rng, 3),
        cases.volume_question(truth, _language(rng)),
        cases.volume_report(truth, _language(rng)),
    ]


def drill_items(case: Case, rng: Generator) -> list[Item]:
    """Return the questions of :func:`tell_items`, and on half of the cases that have one the class."""
    items, truth = tell_items(case, rng), case.truth
    if rng.random() < 0.5:
        return items
    if isinstance(truth, Film) and len(truth.findings) < 2:
        return [*items, cases.film_class(truth, _language(rng))]
    chosen = cases.volume_class(truth, _language(rng)) if isinstance(truth, Volume) else None
    return [*items, chosen] if chosen else items


def _single_things(film: Film, rng: Generator, absent: int | None = None) -> list[Item]:
    """Return questions that are each about one thing of a film; without a number, as many of what is absent."""
    boxes = [i for i in cases.film_boxes(film, _language(rng)) if i.gold]
    missing = [i for i in cases.film_boxes(film, _language(rng)) if not i.gold]
    return [
        *boxes,
        *_shuffled(missing, rng, max(1, len(boxes)) if absent is None else absent),
        *_shuffled(cases.film_anatomy(film, _language(rng)), rng, 1),
        cases.film_presence(film, rng, _language(rng)),
        *_shuffled(cases.film_questions(film, rng, _language(rng))[2:], rng, 1),
    ]


def _film_items(case: Case, film: Film, rng: Generator) -> list[Item]:
    if case.kind == "views":
        return [cases.film_report(film, _language(rng))]
    there = [f.kind for f in film.findings]
    boxes = [i for i in cases.film_boxes(film, _language(rng)) if i.gold]
    absent = [i for i in cases.film_boxes(film, _language(rng)) if not i.gold]
    items = boxes + _shuffled(absent, rng, 2)
    if rng.random() < 0.2:
        items += _shuffled(cases.film_anatomy(film, _language(rng)), rng, 1)
    questions = [
        cases.film_presence(film, rng, _language(rng)),
        *_shuffled(cases.film_questions(film, rng, _language(rng))[1:], rng, 2),
        cases.film_open(film, rng, _language(rng)),
        cases.film_report(film, _language(rng)),
    ]
    if len(there) < 2:
        questions.append(cases.film_class(film, _language(rng)))
    return items + questions


def _volume_items(volume: Volume, rng: Generator) -> list[Item]:
    lesions, *organs = cases.volume_boxes(volume, _language(rng))
    items = [lesions, *_shuffled(organs, rng, 3), cases.volume_question(volume, _language(rng))]
    items.append(cases.volume_report(volume, _language(rng)))
    chosen = cases.volume_class(volume, _language(rng))
    items += [chosen] if chosen else []
    items += [cases.part("abdomen", _language(rng))] if rng.random() < 0.2 else []
    return items
