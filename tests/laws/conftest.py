"""One case a task and language: what is asked, what is true, and what is seen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from umit.checkpoints import PHANTOM
from umit.geometry import Box2D, Box3D, Point2D, Space
from umit.imaging.view import View, ViewGeometry
from umit.queries import Ask, Choose, Compare, Describe, Find, Language, Locate, Query
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
)
from umit.tasks.detect import presence
from umit.tasks.landmarks import CEPHALOMETRIC
from umit.tasks.task import Task

ORGANS: dict[Language, tuple[str, ...]] = {
    "en": ("bladder", "femur-left", "femur-right", "heart", "kidney-left", "kidney-right", "liver",
           "lung-left", "lung-right", "pancreas", "spleen"),
    "zh": ("膀胱", "左股骨", "右股骨", "心脏", "左肾", "右肾", "肝脏", "左肺", "右肺", "胰腺", "脾脏"),
}  # fmt: skip
WORDS: dict[str, dict[Language, str]] = {
    "open": {"en": "On which side is the nodule?", "zh": "结节在哪一侧？"},
    "right": {"en": "Right.", "zh": "右侧。"},
    "closed": {"en": "Is there a nodule?", "zh": "有结节吗？"},
    "yes": {"en": "yes", "zh": "是"},
    "no": {"en": "no", "zh": "否"},
    "organ": {"en": "Which organ is shown in this CT image?", "zh": "这张CT图像显示哪个器官？"},
    "nodule": {"en": "nodule", "zh": "结节"},
    "report": {"en": "The lungs are clear.\nThe heart is normal.", "zh": "双肺清晰。\n心影正常。"},
}


@dataclass(frozen=True)
class Case:
    """A task in a language with pairs of query and truth on one view."""

    task: Task[Any, Any]
    language: Language
    view: View
    pairs: tuple[tuple[Query, Result], ...]


def _cases() -> Iterator[Case]:
    for name, task in PHANTOM.tasks.items():
        for language in PHANTOM.languages:
            pairs = tuple(_pairs(name, {k: v[language] for k, v in WORDS.items()}, language))
            yield Case(task, language, _view(task, pictures=2 if name == "compare" else 1), pairs)


def _view(task: Task[Any, Any], pictures: int) -> View:
    """Two or three tiny pictures: what is fed does not change the words."""
    if task.film is None:
        assert task.volume is not None
        frame, count = (*task.volume.frame, task.volume.depth), 3
        size: tuple[int, ...] = (512, 512, 60)
    else:
        frame, count, size = task.film.frame, pictures, (1935, 2400)
    pixels = np.arange(28 * 56 * 3, dtype=np.uint8).reshape(28, 56, 3)
    geometry = ViewGeometry(source=Space(size=size), frame=frame)
    return View((pixels,) * count, geometry)


def _pairs(name: str, words: dict[str, str], language: Language) -> Iterator[tuple[Query, Result]]:
    found = Find(words["nodule"], language=language)
    if name == "answer_open":
        yield Ask(words["open"], language=language), Answer(text=words["right"])
    elif name == "answer_closed":
        asked = Ask(words["closed"], (words["yes"], words["no"]), language=language)
        yield asked, Answer(text=words["yes"])
        yield asked, Answer(text=words["no"], option=1)
        yield presence(found), Answer(text=words["yes"])
    elif name == "classify":
        asked_organ = Choose(ORGANS[language], words["organ"], language=language)
        yield asked_organ, Classification(label=ORGANS[language][10])
        yield Choose(ORGANS[language], language=language), Classification(label=ORGANS[language][0])
    elif name == "findings":
        asked_finding = Choose((words["nodule"],), several=True, language=language)
        for present in (True, False):
            yield asked_finding, Findings(items=(Marked(label=words["nodule"], present=present),))
    elif name == "detect_2d":
        boxes = Box2D(100.4, 200.5, 300.6, 420.7), Box2D(1500, 1000, 1935, 2400)
        for count in range(3):
            yield found, _detections(words["nodule"], boxes[:count])
    elif name == "detect_3d":
        volumes = Box3D(100, 200, 11, 160.5, 240.5, 24), Box3D(0, 0, 0, 512, 512, 60)
        for count in range(3):
            yield found, _detections(words["nodule"], volumes[:count])
    elif name == "landmark":
        for i, point in enumerate(CEPHALOMETRIC):
            gold = Landmark(name=point, point=Point2D(100.0 * i, 2400 - 100.0 * i))
            yield Locate(point, language=language), Landmarks(items=(gold,))
    elif name == "compare":
        yield Compare(language=language), Report(text=words["report"])
    else:
        purpose = "caption" if name == "caption" else "report"
        yield Describe(purpose, language=language), Report(text=words["report"])


def _detections(label: str, boxes: Any) -> Detections:
    return Detections(items=tuple(Detection(label=label, box=box) for box in boxes))


@pytest.fixture(params=_cases(), ids=lambda case: f"{case.task.name}.{case.language}")
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


@pytest.fixture(scope="session")
def cases() -> tuple[Case, ...]:
    return tuple(_cases())
