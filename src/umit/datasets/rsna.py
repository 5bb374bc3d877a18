"""RSNA Pneumonia Detection Challenge 2018: chest films with boxes around opacities, or none."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final

from umit.datasets.dataset import Choice, Dataset, Sample
from umit.datasets.pictures import Files
from umit.datasets.rows import csv_rows, text
from umit.errors import DatasetError
from umit.geometry import Box2D, Space
from umit.queries import Find, Language
from umit.results import Detection, Detections

__all__ = ["DATASET"]

_LABELS: Final = ("stage_2_train_labels.csv", "train_labels.csv")
_CLASSES: Final = ("stage_2_detailed_class_info.csv",)
_PICTURES: Final = (
    "stage_2_train_images/{}.dcm",
    "stage_2_train_images_jpg/{}.jpg",
    "kaggle-pneumonia-jpg/stage_2_train_images_jpg/{}.jpg",
)
_COLUMNS: Final = ("patientId", "x", "y", "width", "height", "Target")
_TARGETS: Final[dict[Language, str]] = {"en": "pneumonia", "zh": "肺炎"}
_SIZE: Final = (1024, 1024)  # of every film of the challenge, and of the boxes


def read(choice: Choice) -> Iterator[Sample[Any, Any]]:
    """Yield one detection a film and language; a film with several rows has several boxes."""
    boxes: dict[str, list[Box2D]] = defaultdict(list)
    places: dict[str, str] = {}
    for place, row in csv_rows(choice.root.first(_LABELS), _COLUMNS):
        name = text(row, "patientId", place)
        places.setdefault(name, place)
        box = _box(row, place)
        boxes[name] += [box] if box is not None else []
    classes = _classes(choice)
    for name, place in places.items():
        if not choice.wants(None, name):
            continue
        source = Files((_picture(choice, name, place),))
        for language in choice.languages:
            target = _TARGETS[language]
            items = tuple(Detection(label=target, box=box) for box in boxes[name])
            yield Sample(
                id=f"{name}-{language}",
                query=Find(target, language=language),
                gold=Detections(items=items),
                source=source,
                group=name,
                place=place,
                facts=(("boxes", str(len(items))), *classes.get(name, ())),
            )


def _box(row: dict[str, Any], place: str) -> Box2D | None:
    """Return the row's box; empty fields and ``nan`` are a film without one."""
    values = [text(row, name, place) for name in _COLUMNS[1:5]]
    numbers = [_number(value, place) for value in values]
    positive = _number(text(row, "Target", place), place)
    known = [n for n in numbers if n is not None]
    if bool(positive) != (len(known) == 4) or 0 < len(known) < 4:
        raise DatasetError(
            f"expected a box with target 1 and none with target 0, got {values}", file=place
        )
    if not known:
        return None
    x, y, width, height = known
    if width <= 0 or height <= 0:
        raise DatasetError(f"expected a box with an area, got {values}", file=place)
    return Box2D(x, y, x + width, y + height, space=Space(size=_SIZE))


def _number(value: str, place: str) -> float | None:
    if value in ("", "nan", "NaN"):
        return None
    try:
        found = float(value)
    except ValueError as error:
        raise DatasetError(f"expected a number, got {value!r}", file=place) from error
    if not math.isfinite(found):
        raise DatasetError(f"expected a number, got {value!r}", file=place)
    return found


def _classes(choice: Choice) -> dict[str, tuple[tuple[str, str], ...]]:
    """Return each film's class; the table repeats it for every box."""
    found: dict[str, tuple[tuple[str, str], ...]] = {}
    for path in choice.root.existing(_CLASSES):
        for place, row in csv_rows(path, ("patientId", "class")):
            found[text(row, "patientId", place)] = (("class", text(row, "class", place)),)
    return found


def _picture(choice: Choice, name: str, place: str) -> Any:
    paths = [choice.root.inside(form.format(name), place=place) for form in _PICTURES]
    return next((path for path in paths if path.is_file()), paths[0])


DATASET: Final = Dataset(
    name="rsna",
    title="RSNA Pneumonia Detection Challenge 2018",
    tasks=("detect_2d",),
    languages=("en", "zh"),
    dimensions="2D",
    splits={},
    splitting="none official with labels; by film, 80 to 10 to 10, by a seed; a patient may have several films, "
    "which the files do not tell",
    licence="RSNA's terms: use with attribution to RSNA, STR and NIH; no redistribution",
    citation="Shih et al., Radiology: Artificial Intelligence 1(1), e180041 (2019)",
    home="Kaggle: rsna-pneumonia-detection-challenge",
    read=read,
)
