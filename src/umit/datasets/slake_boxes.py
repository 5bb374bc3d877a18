"""SLAKE's boxes: one ``detection.json`` a picture, diseases and organs by English name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from umit.datasets.dataset import Choice, Dataset, Sample, Split
from umit.datasets.pictures import Files
from umit.datasets.rows import json_file, text
from umit.datasets.slake import picture, questions
from umit.errors import DatasetError, InputError
from umit.geometry import Box2D, Space
from umit.imaging.header import picture_size
from umit.queries import Find
from umit.results import Detection, Detections

__all__ = ["DATASET"]

_FOLDERS: Final = ("imgs", "images", "Slake1.0/imgs", "Slake1.0/images")
#: Chinese for the labels that leave no doubt; others are asked for in English only.
_CHINESE: Final = {
    "atelectasis": "肺不张", "brain edema": "脑水肿", "pneumonia": "肺炎", "cardiomegaly": "心脏增大", "effusion": "积液",
    "pleural effusion": "胸腔积液", "mass": "肿块", "nodule": "结节", "liver": "肝脏", "spleen": "脾脏", "heart": "心脏",
    "left lung": "左肺", "right lung": "右肺", "left kidney": "左肾", "right kidney": "右肾", "stomach": "胃", "bladder": "膀胱",
    "pneumothorax": "气胸", "lung cancer": "肺癌", "liver cancer": "肝癌", "kidney cancer": "肾癌", "brain tumor": "脑肿瘤",
}  # fmt: skip


def read(choice: Choice) -> Iterator[Sample[Any, Any]]:
    """Yield one detection a label and picture, in the split that English questions give the picture."""
    splits = _splits(choice)
    for path in _files(choice):
        folder = path.parent.name
        official = splits.get(folder)
        if official is None and choice.split is not None and not choice.resplit:
            choice.tell(
                f"{path.parent.name}/{path.name}: skipped, no English question names its picture"
            )
            continue
        if not choice.wants(official, folder):
            continue
        place = f"{folder}/{path.name}"
        source = picture(choice, f"{folder}/source.jpg", place)
        boxes = _boxes(path, place)
        size = _size(source, choice, place) if boxes else None
        for label, found in boxes.items():
            kept = [b for b in (_clipped(box, size, choice, place, label) for box in found) if b]
            if kept:
                yield from _asked(choice, label, kept, source, folder, place)


def _splits(choice: Choice) -> dict[str, Split]:
    found: dict[str, Split] = {}
    try:
        whole = Choice(root=choice.root)
        for split, place, row in questions(whole):
            if row.get("q_lang") == "en":
                found[text(row, "img_name", place).split("/")[0]] = split
    except DatasetError as error:
        if choice.split is not None and not choice.resplit:
            raise
        choice.tell(f"{error.file or 'questions'}: no splits, {error.message}")
    return found


def _files(choice: Choice) -> list[Path]:
    found = [p for f in _FOLDERS for p in (choice.root.path / f).glob("*/detection.json")]
    if not found:
        raise DatasetError(
            f"expected imgs/xmlab…/detection.json in {choice.root.path.name!r}, found none"
        )
    return sorted(found, key=lambda p: (len(p.parent.name), p.parent.name))


def _boxes(path: Path, place: str) -> dict[str, list[list[float]]]:
    """Return the boxes of each label: a list of objects, with a box or a list of boxes a label."""
    found: dict[str, list[list[float]]] = defaultdict(list)
    listed = json_file(path)
    for one in listed if isinstance(listed, list) else [listed]:
        if not isinstance(one, dict):
            raise DatasetError(f"expected label and box, got {type(one).__name__}", file=place)
        for label, value in one.items():
            boxes = (
                value
                if value and isinstance(value, list) and isinstance(value[0], list)
                else [value]
            )
            for box in boxes:
                numbers = box if isinstance(box, list) else []
                if len(numbers) != 4 or not all(isinstance(v, int | float) for v in numbers):
                    raise DatasetError(f"expected [x, y, w, h], got {box!r}", file=place)
                found[label.strip()].append([float(v) for v in numbers])
    return dict(found)


def _size(source: Files, choice: Choice, place: str) -> tuple[int, ...] | None:
    try:
        return picture_size(source.paths[0])
    except InputError as error:
        choice.tell(f"{place}: the boxes are not checked against the picture, {error.message}")
        return None


def _clipped(
    box: list[float], size: tuple[int, ...] | None, choice: Choice, place: str, label: str
) -> Box2D | None:
    """Return x, y, width, height as corners inside the picture."""
    x, y, width, height = box
    corners = [x, y, x + width, y + height]
    if size is not None:
        inside = [min(max(v, 0.0), float(size[i % 2])) for i, v in enumerate(corners)]
        if inside != corners:
            choice.tell(f"{place}: the box of {label!r} leaves the picture, clipped")
        corners = inside
    if corners[2] <= corners[0] or corners[3] <= corners[1]:
        choice.tell(f"{place}: the box of {label!r} is empty, skipped")
        return None
    return Box2D(*corners, space=None if size is None else Space(size=size))


def _asked(
    choice: Choice, label: str, boxes: list[Box2D], source: Files, folder: str, place: str
) -> Iterator[Sample[Any, Any]]:
    for language in choice.languages:
        target = label.lower() if language == "en" else _CHINESE.get(label.casefold())
        if target is not None:
            yield Sample(
                id=f"{folder}-{label}-{language}",
                query=Find(target, language=language),
                gold=Detections(items=tuple(Detection(label=target, box=box) for box in boxes)),
                source=source,
                group=folder,
                place=place,
                facts=(("target", label.lower()),),
            )


DATASET: Final = Dataset(
    name="slake-boxes",
    title="SLAKE, boxes",
    tasks=("detect_2d",),
    languages=("en", "zh"),
    dimensions="2D",
    splits={"train": None, "validation": None, "test": None},
    splitting="none of its own: each picture is in the split of its English questions",
    licence="CC-BY-4.0",
    citation="Liu et al., ISBI 2021",
    home="med-vqa.com/slake; Hugging Face: BoKelvin/SLAKE",
    read=read,
)
