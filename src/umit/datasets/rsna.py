"""RSNA Pneumonia Detection Challenge 2018: chest films with boxes around opacities, or none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from umit.datasets.dataset import Choice, Dataset, Sample
from umit.datasets.pictures import Files
from umit.datasets.rows import csv_rows, number, text
from umit.errors import DatasetError
from umit.geometry import Box2D, Space
from umit.queries import Find, Language
from umit.results import Detection, Detections

__all__ = ["DATASET"]

_LABELS: Final = ("stage_2_train_labels.csv",)
_CLASSES: Final = ("stage_2_detailed_class_info.csv",)
#: The challenge's own films, then conversions of them.
_FILMS: Final = (
    "stage_2_train_images/{}.dcm",
    "stage_2_train_images_jpg/{}.jpg",
    "kaggle-pneumonia-jpg/stage_2_train_images_jpg/{}.jpg",
    "stage_2_train_images/{}.jpg",
    "stage_2_train_images/{}.png",
)
_BOX: Final = ("x", "y", "width", "height")
_COLUMNS: Final = ("patientId", *_BOX, "Target")
_TARGETS: Final[dict[Language, str]] = {"en": "pneumonia", "zh": "肺炎"}  # the English is UMIT's
_SIZE: Final = (1024, 1024)  # of every film, and so of the boxes


def read(choice: Choice) -> Iterator[Sample[Any, Any]]:
    """Yield one detection a film and language; the rows of a film are joined, wherever they stand."""
    boxes: dict[str, list[Box2D]] = {}
    places: dict[str, str] = {}
    for place, row in csv_rows(choice.root.first(_LABELS), _COLUMNS):
        name = text(row, "patientId", place)
        box = _box(row, place)
        before = boxes.get(name)
        if before is not None and (box is None or not before):
            raise DatasetError(
                f"expected one row or several boxes a film, got another row after {places[name]}", file=place
            )
        if box is not None and box in (before or ()):
            choice.tell(f"{place}: skipped, the same box stands in an earlier row")
            continue
        boxes.setdefault(name, []).extend([] if box is None else [box])
        places.setdefault(name, place)
    classes = _classes(choice)
    for name, place in places.items():
        if choice.wants(None, name):
            yield from _film(choice, name, boxes[name], classes.get(name, ""), place)


def _film(choice: Choice, name: str, boxes: list[Box2D], kind: str, place: str) -> Iterator[Sample[Any, Any]]:
    source = Files((_picture(choice, name, place),), size=_SIZE)
    facts = (("boxes", str(len(boxes))), *([("class", kind)] if kind else []))
    for language in choice.languages:
        target = _TARGETS[language]
        yield Sample(
            id=f"{name}-{language}",
            query=Find(target, language=language),
            gold=Detections(items=tuple(Detection(label=target, box=box) for box in boxes)),
            source=source,
            group=name,
            place=place,
            facts=facts,
        )


def _box(row: dict[str, Any], place: str) -> Box2D | None:
    """Return the row's box; a film without one has empty fields, or ``nan`` in tables saved again."""
    values = [text(row, name, place) for name in _BOX]
    numbers = [_number(value, name, place) for name, value in zip(_BOX, values, strict=True)]
    known = [one for one in numbers if one is not None]
    positive = text(row, "Target", place)
    if positive not in ("0", "1") or len(known) != 4 * int(positive):
        raise DatasetError(
            f"expected a box with Target 1 and none with Target 0, got Target {positive!r} and "
            f"{', '.join(value or 'nothing' for value in values)}",
            file=place,
        )
    if not known:
        return None
    x, y, width, height = known
    if width <= 0 or height <= 0:
        raise DatasetError(f"expected a box with an area, got {width:g} × {height:g}", file=place)
    return Box2D(x, y, x + width, y + height, space=Space(size=_SIZE))


def _number(value: str, name: str, place: str) -> float | None:
    return None if value.casefold() in ("", "nan") else number(value, name, place)


def _classes(choice: Choice) -> dict[str, str]:
    """Return each film's class; the table repeats it for every box."""
    return {
        text(row, "patientId", place): text(row, "class", place)
        for path in choice.root.existing(_CLASSES)
        for place, row in csv_rows(path, ("patientId", "class"))
    }


def _picture(choice: Choice, name: str, place: str) -> Path:
    paths = [choice.root.inside(form.format(name), place=place) for form in _FILMS]
    return next((path for path in paths if path.is_file()), paths[0])


DATASET: Final = Dataset(
    name="rsna",
    title="RSNA Pneumonia Detection Challenge 2018",
    tasks=("detect_2d",),
    languages=("en", "zh"),
    dimensions="2D",
    splits={},
    splitting="none official with labels; by film (patientId), 80 to 10 to 10 by a seed; a patient may have several "
    "films, which the files do not tell",
    licence="RSNA's terms: use with attribution to RSNA, STR and NIH; no redistribution",
    citation="Shih et al., Radiology: Artificial Intelligence 1(1), e180041 (2019)",
    home="Kaggle: rsna-pneumonia-detection-challenge",
    read=read,
)
