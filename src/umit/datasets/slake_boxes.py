"""SLAKE's boxes: one ``detection.json`` a picture, diseases and organs by English name."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from umit.datasets import slake
from umit.datasets.dataset import Choice, Dataset, Sample, Split
from umit.datasets.organ_names import chinese
from umit.datasets.pictures import Files
from umit.datasets.rows import at, json_file, text
from umit.errors import DatasetError, InputError
from umit.geometry import Box2D, Space
from umit.imaging.header import picture_size
from umit.queries import Find
from umit.results import Detection, Detections

__all__ = ["DATASET"]

#: Chinese of diseases, mostly as SLAKE's own Chinese questions say it. Organs have a table already; a label in
#: neither is asked for in English only.
_DISEASES: Final = {
    "atelectasis": "肺不张", "brain edema": "脑水肿", "brain enhancing tumor": "增强型脑肿瘤",
    "brain non-enhancing tumor": "非增强型脑肿瘤", "brain tumor": "脑肿瘤", "cardiomegaly": "心脏肥大", "effusion": "积液",
    "infiltration": "浸润", "kidney cancer": "肾癌", "liver cancer": "肝癌", "lung cancer": "肺癌", "mass": "肿块",
    "nodule": "结节", "pleural effusion": "胸腔积液", "pneumonia": "肺炎", "pneumothorax": "气胸",
    "pulmonary infiltration": "肺浸润", "pulmonary mass": "肺肿块", "pulmonary nodule": "肺结节",
}  # fmt: skip


def read(choice: Choice) -> Iterator[Sample[Any, Any]]:
    """Yield one detection a label and picture, in the split that the picture has in one language's questions.

    That language is the one that is asked for; of both, English. A picture is in other splits in the other.
    """
    splits = _splits(choice)
    left: list[str] = []
    for path in _files(choice):
        folder = path.parent.name
        official = splits.get(folder)
        if official is None and choice.split is not None and not choice.resplit:
            left.append(folder)
        elif choice.wants(official, folder):
            yield from _picture(choice, path, folder)
    if left:
        choice.tell(
            f"detection.json: skipped {len(left)} pictures, no question in {_deciding(choice)} names them; "
            f"the first are {', '.join(left[:3])}"
        )


def _deciding(choice: Choice) -> str:
    return choice.languages[0] if len(choice.languages) == 1 else "en"


def _splits(choice: Choice) -> dict[str, Split]:
    found: dict[str, Split] = {}
    try:
        for split, place, row in slake.questions(Choice(root=choice.root, tell=choice.tell)):
            if slake.language(row, place) == _deciding(choice):
                found[slake.picture_folder(text(row, "img_name", place))] = split
    except DatasetError as error:
        if choice.split is not None and not choice.resplit:
            raise
        choice.tell(f"{error.file or 'train.json'}: boxes have no split, {error.message}")
    return found


def _files(choice: Choice) -> list[Path]:
    root = choice.root
    found = [p for f in slake.FOLDERS for p in (root.path / f).glob("*/detection.json")]
    if not found:
        raise DatasetError(f"expected imgs/xmlab…/detection.json in {root.path.name!r}, found none")
    inside = [root.inside(p.relative_to(root.path).as_posix(), place=p.parent.name) for p in found]
    return sorted(inside, key=lambda p: (len(p.parent.name), p.parent.name))


def _picture(choice: Choice, path: Path, folder: str) -> Iterator[Sample[Any, Any]]:
    place = f"{folder}/{path.name}"
    source = slake.picture(choice, f"{folder}/source.jpg", place)
    listed = list(_boxes(path, place))
    size = _size(source, choice, place) if listed else None
    found: dict[str, list[Box2D]] = {}
    for label, numbers in listed:
        box = _clipped(numbers, size, choice, place, label)
        if box is not None:
            found.setdefault(" ".join(label.lower().split()), []).append(box)
    for label, boxes in found.items():
        for language in choice.languages:
            target = label if language == "en" else _DISEASES.get(label) or chinese(label)
            if target is not None:
                with at(place):
                    query = Find(target, language=language)
                yield Sample(
                    id=f"{folder}-{label}-{language}",
                    query=query,
                    gold=Detections(items=tuple(Detection(label=target, box=box) for box in boxes)),
                    source=source,
                    group=folder,
                    place=place,
                    facts=(("target", label), ("boxes", str(len(boxes)))),
                )


def _boxes(path: Path, place: str) -> Iterator[tuple[str, list[float]]]:
    """Yield label and box: of objects in a list, or of one, with a box or a list of boxes a label."""
    listed = json_file(path)
    for one in listed if isinstance(listed, list) else [listed]:
        if not isinstance(one, dict):
            raise DatasetError(f"expected label and box, got {type(one).__name__}", file=place)
        for label, value in one.items():
            several = isinstance(value, list) and all(isinstance(v, list) for v in value)
            for box in value if several else [value]:
                yield label, _numbers(box, place)


def _numbers(value: Any, place: str) -> list[float]:
    numbers = value if isinstance(value, list) else []
    right = all(isinstance(v, int | float) and not isinstance(v, bool) for v in numbers)
    if len(numbers) != 4 or not right or not all(map(math.isfinite, numbers)):
        raise DatasetError(f"expected [x, y, width, height], got {str(value)[:80]}", file=place)
    return [float(v) for v in numbers]


def _size(source: Files, choice: Choice, place: str) -> tuple[int, ...] | None:
    try:
        return picture_size(source.paths[0])
    except InputError as error:
        choice.tell(f"{place}: its boxes are not checked against the picture, {error.message}")
        return None


def _clipped(box: list[float], size: tuple[int, ...] | None, choice: Choice, place: str, label: str) -> Box2D | None:
    """Return top left corner and size as corners inside the picture; an empty box is skipped."""
    x, y, width, height = box
    corners = [x, y, x + width, y + height]
    if size is not None:
        inside = [min(max(v, 0.0), float(size[i % 2])) for i, v in enumerate(corners)]
        if inside != corners:
            choice.tell(f"{place}: the box of {label!r} leaves the picture, clipped")
        corners = inside
    x1, y1, x2, y2 = corners
    if x2 <= x1 or y2 <= y1:
        choice.tell(f"{place}: the box of {label!r} is empty, skipped")
        return None
    return Box2D(x1, y1, x2, y2, space=None if size is None else Space(size=size))


DATASET: Final = Dataset(
    name="slake-boxes",
    title="SLAKE, boxes",
    tasks=("detect_2d",),
    languages=("en", "zh"),
    dimensions="2D",
    splits={"train": None, "validation": None, "test": None},
    splitting="none of its own: a picture is in the split that its English questions are in, and for "
    "Chinese alone its Chinese ones; the two differ, as SLAKE's do",
    licence="CC-BY-4.0",
    citation="Liu et al., ISBI 2021",
    home="med-vqa.com/slake; Hugging Face: BoKelvin/SLAKE",
    read=read,
)
