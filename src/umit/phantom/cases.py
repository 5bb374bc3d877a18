"""Phantoms as cases: scans with the questions that can be asked of them and the true answers.

What the embedded checkpoint was trained on and what it is scored on both come from here; seeds from
:data:`HELD_OUT` on were never trained or tuned on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from numpy.random import Generator

from umit.geometry import Box2D, Box3D
from umit.imaging.scan import Scan
from umit.imaging.window import named_window
from umit.phantom import words
from umit.phantom.cephalogram import Cephalogram, draw_cephalogram
from umit.phantom.film import CROWDED, FILM, FINDINGS, Film, draw_film
from umit.phantom.volume import CROWDED_VOLUME, VOLUME, Volume, draw_volume
from umit.queries import Ask, Choose, Describe, Find, Language, Locate, Query
from umit.results import Answer, Classification, Detection, Detections, Landmark, Landmarks, Report
from umit.tasks.detect import presence
from umit.tasks.landmarks import CEPHALOMETRIC

__all__ = ["HELD_OUT", "Case", "QAPair", "Kind", "cephalogram_case", "film_case", "volume_case"]

#: Seeds from here on are for the board and the demo; training draws below.
HELD_OUT: Final = 10_000_000

Kind: TypeAlias = Literal["film", "single", "views", "crowded", "cephalogram", "volume", "crowded volume"]


@dataclass(frozen=True, slots=True)
class QAPair:
    """One question about a case and its true answer, in source coordinates.

    Args:
        query: What is asked.
        gold: The true result.
        about: English name of the one thing that it is about, if it is about one.
        sentences: Of a report: what each sentence is about, but for a last one that says that nothing is there.
    """

    query: Query
    gold: Any
    about: str = ""
    sentences: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Case:
    """A phantom ready to be asked.

    Args:
        kind: What was drawn.
        scans: One scan, or the two views of a chest.
        truth: The phantom itself.
    """

    kind: Kind
    scans: tuple[Scan, ...]
    truth: Film | Cephalogram | Volume


def film_case(seed: int, kind: Kind = "film") -> Case:
    """Draw a chest film: ``"film"``, ``"single"`` (one finding at most), ``"crowded"`` or ``"views"`` (two)."""
    most = {"single": 1, "crowded": 4}.get(kind, 3)
    settings = CROWDED if kind == "crowded" else FILM
    film = draw_film(seed, lateral=kind == "views", most=most, settings=settings)
    pictures = [film.pixels] if film.lateral is None else [film.pixels, film.lateral]
    scans = tuple(Scan(p[None], spacing=film.spacing, modality="CR", name=f"film-{seed}") for p in pictures)
    return Case("film" if kind == "crowded" else kind, scans, film)


def cephalogram_case(seed: int) -> Case:
    """Draw a lateral skull."""
    drawn = draw_cephalogram(seed)
    scan = Scan(drawn.pixels[None], spacing=drawn.spacing, modality="CR", name=f"skull-{seed}")
    return Case("cephalogram", (scan,), drawn)


def volume_case(seed: int, kind: Kind = "volume") -> Case:
    """Draw an abdominal CT: ``"volume"``, or ``"crowded volume"`` (a lesion in each organ that may hold one)."""
    drawn = draw_volume(seed, settings=VOLUME if kind == "volume" else CROWDED_VOLUME)
    scan = Scan(
        drawn.voxels,
        spacing=drawn.spacing,
        affine=drawn.affine,
        affine_source="phantom",
        modality="CT",
        window=named_window("abdomen"),
        name=f"ct-{seed}",
    )
    return Case("volume", (scan,), drawn)


def draw(kind: Kind, seed: int) -> Case:
    """Draw any kind of case."""
    if kind == "cephalogram":
        return cephalogram_case(seed)
    return volume_case(seed, kind) if kind.endswith("volume") else film_case(seed, kind)


def closed(question: str, options: Sequence[str], right: str, language: Language, about: str = "") -> QAPair:
    """A question with options; options and the right one are given by their English names."""
    spoken = words.names(options, language)
    index = list(options).index(right)
    query = Ask(question, spoken, language=language)
    return QAPair(query, Answer(text=spoken[index], option=index), about)


def asked(key: str, language: Language, about: str = "") -> str:
    """Return a question's words; ``about`` is an English name."""
    return words.QUESTIONS[key][language].format(words.name(about, language) if about else "")


def found(target: str, boxes: Sequence[Box2D | Box3D], language: Language) -> QAPair:
    """A detection with its true boxes, in the order given."""
    label = words.name(target, language)
    items = tuple(Detection(label=label, box=box) for box in boxes)
    return QAPair(Find(label, language=language), Detections(items=items), target)


def present(target: str, there: bool, language: Language) -> QAPair:
    """The yes/no question whether a target is there, as ``detect`` asks it."""
    query = presence(Find(words.name(target, language), language=language))
    index = 0 if there else 1
    return QAPair(query, Answer(text=query.options[index], option=index), target)


# ---------------------------------------------------------------- films


def boxes_of(film: Film, kind: str) -> list[Box2D]:
    """Return the boxes of one kind of finding, from the picture's left to right."""
    return [f.box for f in film.findings if f.kind == kind]


def film_boxes(film: Film, language: Language) -> list[QAPair]:
    """Every finding, there or not."""
    return [found(kind, boxes_of(film, kind), language) for kind in FINDINGS]


def film_presence(film: Film, rng: Generator, language: Language) -> QAPair:
    """Whether one finding is there; there and not there are equally likely where the film allows."""
    kinds = {f.kind for f in film.findings}
    pool = [k for k in FINDINGS if (k in kinds) == (rng.random() < 0.5)] or list(FINDINGS)
    kind = pool[int(rng.integers(len(pool)))]
    return present(kind, kind in kinds, language)


def film_questions(film: Film, rng: Generator, language: Language) -> list[QAPair]:
    """Closed questions with one right answer each."""
    items = [
        film_presence(film, rng, language),
        closed(asked("normal", language), ("yes", "no"), "no" if film.findings else "yes", language),
    ]
    for finding in film.findings:
        if finding.side is None or finding.zone is None or len(boxes_of(film, finding.kind)) > 1:
            continue
        side = asked("side", language, finding.kind)
        items.append(closed(side, ("right", "left"), finding.side, language, finding.kind))
        if finding.kind != "effusion":
            zone = asked("zone", language, finding.kind)
            items.append(closed(zone, ("upper", "middle", "lower"), finding.zone, language, finding.kind))
    return items


def film_open(film: Film, rng: Generator, language: Language) -> QAPair:
    """One open question."""
    placed = [f for f in film.findings if f.side and f.zone and len(boxes_of(film, f.kind)) == 1]
    if placed and rng.random() < 0.7:
        finding = placed[int(rng.integers(len(placed)))]
        text = words.place(str(finding.side), str(finding.zone), language)
        query = Ask(asked("where", language, finding.kind), language=language)
        return QAPair(query, Answer(text=text), finding.kind)
    return part("chest", language)


def part(answer: str, language: Language) -> QAPair:
    """The open question for the part of the body."""
    query = Ask(asked("part", language), language=language)
    return QAPair(query, Answer(text=words.name(answer, language)))


def film_class(film: Film, language: Language) -> QAPair:
    """The classification of a film with at most one finding."""
    label = film.findings[0].kind if film.findings else "normal"
    query = Choose(words.names(words.CLASSES, language), asked("finding", language), language=language)
    about = "" if label == "normal" else label
    return QAPair(query, Classification(label=words.name(label, language)), about)


def film_report(film: Film, language: Language) -> QAPair:
    """The report of a film, one view or two."""
    text = words.film_report([(f.kind, f.side, f.zone) for f in film.findings], language)
    named = ("heart", *(f.kind for f in film.findings if f.side))
    return QAPair(Describe("report", language=language), Report(text=text), sentences=named)


# ---------------------------------------------------------------- cephalograms


def landmarks(drawn: Cephalogram, names: Sequence[str], language: Language) -> list[QAPair]:
    """Landmarks by their ISBI names."""
    return [
        QAPair(
            Locate(name, language=language), Landmarks(items=(Landmark(name=name, point=drawn.landmarks[name]),)), name
        )
        for name in names
    ]


def some_landmarks(drawn: Cephalogram, rng: Generator, count: int, language: Language) -> list[QAPair]:
    """``count`` different landmarks in random order."""
    chosen = rng.permutation(len(CEPHALOMETRIC))[:count]
    return landmarks(drawn, [CEPHALOMETRIC[i] for i in chosen], language)


# ---------------------------------------------------------------- volumes


def volume_boxes(volume: Volume, language: Language) -> list[QAPair]:
    """Lesions and every organ."""
    lesions = found("lesion", [lesion.box for lesion in volume.lesions], language)
    return [lesions, *(found(name, [box], language) for name, box in volume.organs.items())]


def volume_question(volume: Volume, language: Language) -> QAPair:
    """Whether there is a lesion."""
    return present("lesion", bool(volume.lesions), language)


def volume_class(volume: Volume, language: Language) -> QAPair | None:
    """Which organ holds the only lesion."""
    if len(volume.lesions) != 1:
        return None
    query = Choose(words.names(words.ORGAN_LABELS, language), asked("organ", language), language=language)
    label = words.name(volume.lesions[0].organ, language)
    return QAPair(query, Classification(label=label), "lesion")


def volume_report(volume: Volume, language: Language) -> QAPair:
    """The report of a CT."""
    text = words.volume_report([lesion.organ for lesion in volume.lesions], language)
    named = ("lesion",) * len(volume.lesions)
    return QAPair(Describe("report", language=language), Report(text=text), sentences=named)
