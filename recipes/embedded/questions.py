"""What a case is asked in each stage, each question in a random language.

Captions name what is drawn and where, in the spelling of the detection and landmark tasks: the vision encoder is
frozen after them, so whatever the five tasks need of it has to be learned there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, get_args

from numpy.random import Generator

from umit.checkpoints import PHANTOM
from umit.imaging.view import View, render
from umit.phantom import cases, words
from umit.phantom.cases import Case, QAPair
from umit.phantom.cephalogram import Cephalogram
from umit.phantom.film import Film
from umit.phantom.volume import Volume
from umit.queries import Ask, Compare, Describe, Language, Locate
from umit.results import Answer, Report
from umit.tasks.landmarks import CEPHALOMETRIC
from umit.tasks.table import choose
from umit.training.rows import Turn, turn

__all__ = [
    "caption_turns", "compare_turns", "show", "single_things", "task_turns", "to_turn",
    "with_classes", "with_reports",
]  # fmt: skip

_LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)


def show(case: Case, *, points: bool = False) -> View:
    """Render a case the way the embedded checkpoint's tasks want it.

    Args:
        case: A phantom.
        points: Whether coordinates are written in the landmarks' frame.
    """
    dialect = PHANTOM.dialect
    film = dialect.points if points else dialect.boxes
    return render(case.scans, dialect.volume if case.kind == "volume" else film)


def to_turn(pair: QAPair, case: Case, view: View, *, phrasing: int = 0) -> Turn:
    """Return a question as the embedded checkpoint's task asks and answers it."""
    task = PHANTOM.task(choose(pair.query, volume=case.kind == "volume"))
    return turn(task, pair.query, pair.gold, view, phrasing=phrasing)


# ---------------------------------------------------------------- attention supervision


def single_things(case: Case, rng: Generator) -> list[QAPair]:
    """Return questions that are each about one thing, as many about what is there as about what is not."""
    truth = case.truth
    if isinstance(truth, Film):
        return _of_film(truth, rng)
    if isinstance(truth, Cephalogram):
        return cases.some_landmarks(truth, rng, 7, _language(rng))
    lesions, *organs = cases.volume_boxes(truth, _language(rng))
    presence = cases.volume_question(truth, _language(rng))
    return [lesions, *_some(organs, rng, 4), presence]


def with_reports(case: Case, rng: Generator) -> list[QAPair]:
    """Return questions like those of :func:`single_things`, fewer about what is not there, and reports."""
    truth = case.truth
    if isinstance(truth, Film):
        pairs = _of_film(truth, rng, absent=2)
        return [*pairs, cases.film_report(truth, _language(rng))] if rng.random() < 0.6 else pairs
    if isinstance(truth, Cephalogram):
        return single_things(case, rng)
    return _of_volume(truth, rng)


def with_classes(case: Case, rng: Generator) -> list[QAPair]:
    """Return the questions of :func:`with_reports`, and on half of the cases that have one the class."""
    pairs, truth = with_reports(case, rng), case.truth
    if rng.random() < 0.5:
        return pairs
    if isinstance(truth, Film) and len(truth.findings) < 2:
        return [*pairs, cases.film_class(truth, _language(rng))]
    chosen = cases.volume_class(truth, _language(rng)) if isinstance(truth, Volume) else None
    return [*pairs, chosen] if chosen else pairs


def _of_film(film: Film, rng: Generator, absent: int | None = None) -> list[QAPair]:
    """Return questions about single things; without a number, as many of what is absent as of what is there."""
    boxes, missing = _findings(film, rng)
    return [
        *boxes,
        *_some(missing, rng, max(1, len(boxes)) if absent is None else absent),
        *_some(_film_anatomy(film, _language(rng)), rng, 1),
        cases.film_presence(film, rng, _language(rng)),
        *_some(cases.film_questions(film, rng, _language(rng))[2:], rng, 1),
    ]


def _of_volume(volume: Volume, rng: Generator) -> list[QAPair]:
    """Return lesions, three organs, whether there is a lesion, and the report."""
    lesions, *organs = cases.volume_boxes(volume, _language(rng))
    chosen = _some(organs, rng, 3)
    presence = cases.volume_question(volume, _language(rng))
    return [lesions, *chosen, presence, cases.volume_report(volume, _language(rng))]


# ---------------------------------------------------------------- the paper's stages


def caption_turns(case: Case, view: View, rng: Generator) -> list[Turn]:
    """Return stage 1's questions on one case: a caption, and on some films a report as a second one."""
    language = _language(rng)
    query, task = Describe("caption", language=language), PHANTOM.task("caption")
    turns = [turn(task, query, _caption(case, view, rng, language), view)]
    if case.kind == "film" and isinstance(case.truth, Film) and rng.random() < 0.25:
        turns.append(turn(task, query, cases.film_report(case.truth, language).gold, view, phrasing=1))
    return turns


def compare_turns(number: int, rng: Generator) -> list[Turn]:
    """Return stage 1's comparison of a film, by its number, with the next one."""
    language = _language(rng)
    films = [cases.film_case(number), cases.film_case(number + 1)]
    view = show(Case("views", tuple(s for film in films for s in film.scans), films[0].truth))
    first, second = ({f.kind for f in film.truth.findings} for film in films)  # type: ignore[union-attr]
    report = Report(text=words.comparison(first, second, language))
    return [turn(PHANTOM.task("compare"), Compare(language=language), report, view)]


def task_turns(case: Case, view: View, rng: Generator) -> list[Turn]:
    """Return stage 2's questions on one case, each in a random language."""
    truth = case.truth
    if isinstance(truth, Film):
        pairs = _film_tasks(case, truth, rng)
    elif isinstance(truth, Cephalogram):
        pairs = [cases.some_landmarks(truth, rng, 1, _language(rng))[0] for _ in range(9)]
        question = _which_is_in_front(truth, rng, _language(rng))
        pairs += [question] if question else []
        pairs += _part("skull", rng)
    else:
        pairs = _of_volume(truth, rng)
        chosen = cases.volume_class(truth, _language(rng))
        pairs += [chosen] if chosen else []
        pairs += _part("abdomen", rng)
    return [to_turn(pair, case, view, phrasing=int(rng.integers(2)) * (rng.random() < 0.2)) for pair in pairs]


def _caption(case: Case, view: View, rng: Generator, language: Language) -> Report:
    truth = case.truth
    if isinstance(truth, Film):
        head, boxes = "chest", cases.film_boxes(truth, language)
        pairs = [pair for pair in boxes if pair.gold]
        pairs += _some([pair for pair in boxes if not pair.gold], rng, 2)
        pairs += _some(_film_anatomy(truth, language), rng, 2)
        pairs = _some(pairs, rng, len(pairs))
    elif isinstance(truth, Cephalogram):
        head, pairs = "skull", cases.some_landmarks(truth, rng, 10, language)
    else:
        head, pairs = "abdomen", _some(cases.volume_boxes(truth, language), rng, 5)
    mark, gap = ("。", "") if language == "zh" else (".", " ")
    sentences = [words.name(head, language), *(_sentence(pair, case, view) for pair in pairs)]
    return Report(text=gap.join(s if s.endswith(mark) else s + mark for s in sentences))


def _sentence(pair: QAPair, case: Case, view: View) -> str:
    """One sentence of a caption: a name and where it is, or that it is not there."""
    query, text = pair.query, to_turn(pair, case, view).answer
    if isinstance(query, Locate):
        return words.point_name(pair.about, query.language) + text
    return f"{query.target}{text}" if pair.gold else text  # type: ignore[union-attr]


def _film_tasks(case: Case, film: Film, rng: Generator) -> list[QAPair]:
    if case.kind == "views":
        return [cases.film_report(film, _language(rng))]
    boxes, absent = _findings(film, rng)
    pairs = boxes + _some(absent, rng, 2)
    if rng.random() < 0.2:
        pairs += _some(_film_anatomy(film, _language(rng)), rng, 1)
    pairs += [
        cases.film_presence(film, rng, _language(rng)),
        *_some(cases.film_questions(film, rng, _language(rng))[1:], rng, 2),
        cases.film_open(film, rng, _language(rng)),
        cases.film_report(film, _language(rng)),
    ]
    return [*pairs, cases.film_class(film, _language(rng))] if len(film.findings) < 2 else pairs


def _findings(film: Film, rng: Generator) -> tuple[list[QAPair], list[QAPair]]:
    """Return questions for boxes of what is there, and of what is not, each half in a language of its own."""
    there = [pair for pair in cases.film_boxes(film, _language(rng)) if pair.gold]
    return there, [pair for pair in cases.film_boxes(film, _language(rng)) if not pair.gold]


def _part(name: str, rng: Generator) -> list[QAPair]:
    return [cases.part(name, _language(rng))] if rng.random() < 0.2 else []


def _language(rng: Generator) -> Language:
    return _LANGUAGES[int(rng.integers(2))]


def _some(pairs: Sequence[QAPair], rng: Generator, most: int) -> list[QAPair]:
    return [pairs[i] for i in rng.permutation(len(pairs))[:most]]


def _film_anatomy(film: Film, language: Language) -> list[QAPair]:
    """Heart and lungs."""
    return [cases.found(part, [box], language) for part, box in film.anatomy.items()]


def _which_is_in_front(drawn: Cephalogram, rng: Generator, language: Language) -> QAPair | None:
    """Which of two points is further in front, where they differ clearly."""
    a, b = (CEPHALOMETRIC[i] for i in rng.permutation(len(CEPHALOMETRIC))[:2])
    width = drawn.pixels.shape[1]
    gap = drawn.landmarks[a].x - drawn.landmarks[b].x
    if abs(gap) < 0.03 * width:
        return None
    options = (words.point_name(a, language), words.point_name(b, language))
    index = 0 if gap > 0 else 1
    query = Ask(cases.asked("front", language), options, language=language)
    return QAPair(query, Answer(text=options[index], option=index))
