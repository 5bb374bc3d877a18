"""Runs of every task with known answers, written into a journal without a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from umit.datasets.dataset import Sample
from umit.datasets.pictures import ArrayRow
from umit.errors import ParseError, UMITError
from umit.evaluation.journal import Journal
from umit.evaluation.record import failed, record_of
from umit.geometry import Box2D, Box3D, Point2D, Space
from umit.queries import Ask, Choose, Describe, Find, Locate, Query
from umit.results import (
    Answer,
    Classification,
    Detection,
    Detections,
    Findings,
    Landmark,
    Landmarks,
    Marked,
    Report,
    Result,
)  # fmt: skip

MANIFEST: Final = {
    "checkpoint": "scripted", "dataset": "drawn", "split": "test", "languages": ["en", "zh"],
    "variant": "", "resplit": False, "seed": 0, "limit": None,
}  # fmt: skip
#: Text that breaks pages which do not expect it.
AWKWARD: Final = "</script><script>alert(1)</script>\"'><img src=x onerror=y> & \u202e\x00\u3000结节"
SPACE: Final = Space(size=(64, 64), spacing=(1.0, 1.0))

Case = tuple[Sample[Any, Any], Result | UMITError]


def case(
    name: str, query: Query, gold: Result, found: Result | UMITError | None, *, group: str = "",
    colour: Sequence[int] = (90, 90, 90), volume: bool = False,
) -> Case:  # fmt: skip
    """Return a sample with an answer to it; ``None`` is an unreadable one."""
    shape = (4, 64, 64) if volume else (64, 64, 3)
    pixels = np.broadcast_to(np.array(colour[:1] if volume else colour, np.uint8), shape).copy()
    source = ArrayRow(Path("drawn"), name, 0, pixels, "zyx" if volume else "yxc")
    sample = Sample(id=name, query=query, gold=gold, source=source, group=group or name)
    if found is None:
        found = ParseError("expected another text", task=sample.task, text=AWKWARD)
    elif not isinstance(found, UMITError):
        spoken = isinstance(found, Answer) and found.option is None
        found = replace(found, raw=found.text if spoken else f"raw of {name}")
    return sample, found


def write(folder: Path, cases: Sequence[Case], manifest: Mapping[str, Any] = MANIFEST) -> Path:
    """Write a run."""
    with Journal(folder, manifest) as journal:
        for sample, found in cases:
            journal.add(sample.id, record_of(sample, found), ok=not failed(found))
    return folder


def boxes(*corners: tuple[float, ...], score: float | None = None) -> Detections:
    """Return boxes by their corners."""
    kinds = {4: Box2D, 6: Box3D}
    return Detections(items=tuple(Detection(label="nodule", box=kinds[len(c)](*c), score=score) for c in corners))


def point(x: float, y: float, space: Space | None = SPACE) -> Landmarks:
    """Return one point."""
    return Landmarks(items=(Landmark(name="Sella", point=Point2D(x, y, space=space)),))


def every_task() -> list[Case]:
    """Return cases of every task and verdict; what each should be is the start of its id."""
    film, volume = (10.0, 10.0, 30.0, 30.0), (10.0, 10.0, 0.0, 30.0, 30.0, 2.0)
    where, side = Ask("Where?"), Ask("Which side?", ("left", "right"))
    which = Choose(("normal", "nodule"))
    several = Choose(("mass", "oedema"), several=True)
    nothing = Detections()

    def chosen(option: int, sure: float) -> Answer:
        chances = (sure, 1 - sure) if option == 0 else (1 - sure, sure)
        return Answer(text=side.options[option], option=option, probabilities=chances)

    def label(name: str, sure: float) -> Classification:
        return Classification(label=name, probabilities=(sure, 1 - sure))

    def marks(mass: bool, sure: float | None = None) -> Findings:
        return Findings(
            items=(
                Marked(label="mass", present=mass, probability=sure),
                Marked(label="oedema", present=False, probability=0.2),
            )
        )

    report = Describe()
    return [
        case("right-open", where, Answer(text="left lung"), Answer(text="left lung")),
        case("wrong-open", where, Answer(text="left lung"), Answer(text="liver")),
        case("wrong-open-zh", Ask("哪里？", language="zh"), Answer(text="左肺"), Answer(text=AWKWARD)),
        case("right-closed", side, chosen(0, 1), chosen(0, 0.9), group="a"),
        case("wrong-closed", side, chosen(0, 1), chosen(1, 0.6), group="a"),
        case("unreadable-closed", side, chosen(0, 1), None, group="b"),
        case("right-class", which, label("nodule", 0), label("nodule", 0.3)),
        case("wrong-class", which, label("nodule", 0), label("normal", 0.7)),
        case("unreadable-class", which, label("normal", 1), None),
        case("right-marks", several, marks(True), marks(True, 0.8)),
        case("wrong-marks", several, marks(True), marks(False, 0.4)),
        case("right-report", report, Report(text="Clear."), Report(text="Clear.")),
        case("open-report", report, Report(text="Clear."), Report(text="No finding.")),
        case("unreadable-report-ct", report, Report(text="Clear."), None, volume=True),
        case("right-box", Find("nodule"), boxes(film), boxes(film, score=-0.1)),
        case("wrong-box", Find("nodule"), boxes(film), boxes((40, 40, 50, 50), score=-0.5)),
        case("right-nothing", Find("nodule"), nothing, nothing),
        case("wrong-something", Find("nodule"), nothing, boxes(film, score=-0.9)),
        case("unreadable-box", Find("nodule"), boxes(film), None),
        case("right-box-3d", Find("nodule"), boxes(volume), boxes(volume), volume=True),
        case("right-point", Locate("Sella"), point(5, 5), point(6, 5)),
        case("wrong-point", Locate("Sella"), point(5, 5), point(9, 5)),
        case("open-point", Locate("Sella"), point(5, 5, None), point(5, 5, None)),
        case("unreadable-point", Locate("Sella"), point(5, 5), None),
    ]  # fmt: skip
