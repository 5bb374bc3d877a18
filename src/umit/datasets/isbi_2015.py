"""IEEE ISBI 2015 cephalometric challenge: 19 landmarks on 400 lateral skulls, by two doctors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from umit.datasets.dataset import Choice, Dataset, Sample, Split
from umit.datasets.pictures import Files
from umit.errors import DatasetError
from umit.geometry import Point2D, Space
from umit.queries import Locate
from umit.results import Landmark, Landmarks
from umit.tasks.landmarks import CEPHALOMETRIC

__all__ = ["DATASET"]

#: Numbers of the films of each split: the challenge's training, first and second test data.
_SPLITS: Final[dict[Split, tuple[int, int]]] = {
    "train": (1, 150),
    "validation": (151, 300),
    "test": (301, 400),
}
_DOCTORS: Final = ("senior", "junior")
_PARENTS: Final = ("AnnotationsByMD", ".")
_FOLDERS: Final = ("RawImage/TrainingData", "RawImage/Test1Data", "RawImage/Test2Data", "TrainingData", "Test1Data", "Test2Data", "RawImage", ".")  # fmt: skip
_SUFFIXES: Final = (".bmp", ".jpg", ".png")
_SIZE: Final = (1935, 2400)
_SPACING: Final = (0.1, 0.1)  # mm; the challenge's description
_POINT: Final = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*,\s*(-?\d+(?:\.\d+)?)\s*")
#: The files name pixels; a pixel's middle is half a pixel further in umit's coordinates.
_MIDDLE: Final = 0.5


def read(choice: Choice) -> Iterator[Sample[Any, Any]]:
    """Yield one landmark a film and language."""
    found = False
    for split, (first, last) in _SPLITS.items():
        for number in range(first, last + 1):
            name = f"{number:03d}"
            if not choice.wants(split, name):
                continue
            points = _points(choice, name)
            if points is None:
                continue
            found = True
            source = Files((_picture(choice, name),), spacing=_SPACING)
            for landmark, point in zip(CEPHALOMETRIC, points, strict=True):
                for language in choice.languages:
                    yield Sample(
                        id=f"{name}-{landmark}-{language}",
                        query=Locate(landmark, language=language),
                        gold=Landmarks(items=(Landmark(name=landmark, point=point),)),
                        source=source,
                        group=name,
                        place=f"{name}.txt line {CEPHALOMETRIC.index(landmark) + 1}",
                        facts=(("landmark", landmark), ("challenge", _part(number))),
                    )
    if not found and _folder(choice, _DOCTORS[0]) is None and _folder(choice, _DOCTORS[1]) is None:
        raise DatasetError(
            f"expected AnnotationsByMD/400_senior and 400_junior in {choice.root.path.name!r}, found neither"
        )


def _part(number: int) -> str:
    return "train" if number <= 150 else "test1" if number <= 300 else "test2"


def _folder(choice: Choice, doctor: str) -> Path | None:
    names = [f"{parent}/400_{doctor}" for parent in _PARENTS]
    return next(choice.root.existing(names), None)


def _points(choice: Choice, name: str) -> list[Point2D] | None:
    """Return the landmarks of one film by one doctor, or their mean; ``None`` if a file is missing."""
    doctors = _DOCTORS if choice.variant == "mean" else (choice.variant,)
    read_by: list[list[tuple[float, float]]] = []
    for doctor in doctors:
        folder = _folder(choice, doctor)
        path = None if folder is None else folder / f"{name}.txt"
        if path is None or not path.is_file():
            if read_by:
                raise DatasetError(
                    f"expected {name}.txt by both doctors, found one", file=f"{name}.txt"
                )
            return None
        read_by.append(_lines(path))
    return [
        Point2D(
            sum(p[0] for p in marks) / len(marks) + _MIDDLE,
            sum(p[1] for p in marks) / len(marks) + _MIDDLE,
            space=Space(size=_SIZE, spacing=_SPACING),
        )
        for marks in zip(*read_by, strict=True)
    ]


def _lines(path: Path) -> list[tuple[float, float]]:
    """Return the first 19 lines; the classes of the patient that follow are not read."""
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    found = []
    for number, line in enumerate(lines[: len(CEPHALOMETRIC)], start=1):
        match = _POINT.fullmatch(line)
        if match is None:
            raise DatasetError(
                f"expected x,y, got {line[:40]!r}", file=f"{path.name} line {number}"
            )
        found.append((float(match[1]), float(match[2])))
    if len(found) < len(CEPHALOMETRIC):
        raise DatasetError(
            f"expected {len(CEPHALOMETRIC)} landmarks, got {len(found)}", file=path.name
        )
    return found


def _picture(choice: Choice, name: str) -> Path:
    names = [f"{folder}/{name}{suffix}" for folder in _FOLDERS for suffix in _SUFFIXES]
    return next(choice.root.existing(names), choice.root.path / f"{name}.bmp")


DATASET: Final = Dataset(
    name="isbi-2015",
    title="IEEE ISBI 2015 cephalometric X-rays",
    tasks=("landmark",),
    languages=("en", "zh"),
    dimensions="2D",
    splits={"train": 150, "validation": 150, "test": 100},
    splitting="official, by film; the challenge's first test data (151 to 300) is here called validation",
    licence="none stated that permits redistribution; research use",
    citation="Wang et al., Medical Image Analysis 31, 63-76 (2016)",
    home="figshare 3471833",
    read=read,
    variants=("mean", "senior", "junior"),
)
