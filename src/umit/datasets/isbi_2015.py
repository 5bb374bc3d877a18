"""IEEE ISBI 2015 cephalometric challenge: 19 landmarks on 400 lateral skulls, by two doctors.

The files name whole pixels. A pixel's centre is half a pixel to the right of and below its number in umit's
coordinates (:mod:`umit.geometry`), so ``835,996`` becomes the point (835.5, 996.5).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, TypeAlias

from umit.datasets.dataset import Choice, Dataset, Sample, Split
from umit.datasets.pictures import Files
from umit.errors import DatasetError
from umit.geometry import Point2D, Space
from umit.queries import Locate
from umit.results import Landmark, Landmarks
from umit.tasks.landmarks import CEPHALOMETRIC

__all__ = ["DATASET"]

#: The challenge's name of each part, its films' numbers, and the split it is here.
_PARTS: Final[tuple[tuple[str, range, Split], ...]] = (
    ("train", range(1, 151), "train"),
    ("test1", range(151, 301), "validation"),
    ("test2", range(301, 401), "test"),
)
_DOCTORS: Final = ("senior", "junior")
_RAW: Final = ("TrainingData", "Test1Data", "Test2Data")
_FOLDERS: Final = (*(f"RawImage/{name}" for name in _RAW), *_RAW, "RawImage", "images", ".")
_SUFFIXES: Final = (".bmp", ".jpg", ".png")
_SIZE: Final = (1935, 2400)
_SPACING: Final = (0.1, 0.1)  # mm; the challenge's description, the files do not say
_MIDDLE: Final = 0.5
_POINT: Final = re.compile(r"\s*([0-9]{1,5}(?:\.[0-9]+)?)\s*,\s*([0-9]{1,5}(?:\.[0-9]+)?)\s*")

Marks: TypeAlias = list[tuple[float, float]]


def read(choice: Choice) -> Iterator[Sample[Any, Any]]:
    """Yield one landmark a film and language; films that no doctor marked are left out, partial copies are common."""
    folders = _folders(choice)
    for part, numbers, split in _PARTS:
        for name in (f"{number:03d}" for number in numbers):
            if not choice.wants(split, name):
                continue
            files = [folder / f"{name}.txt" for folder in folders]
            there = [file for file in files if file.is_file()]
            if len(there) == len(files):
                yield from _film(choice, name, part, [_marks(file) for file in files])
            elif there:
                choice.tell(f"{name}.txt: skipped, only {there[0].parent.name} has it")


def _folders(choice: Choice) -> list[Path]:
    """Return the folders of the doctors that the variant needs."""
    doctors = _DOCTORS if choice.variant == "mean" else (choice.variant,)
    return [choice.root.first([f"AnnotationsByMD/400_{doctor}", f"400_{doctor}"]) for doctor in doctors]


def _film(choice: Choice, name: str, part: str, by_doctor: list[Marks]) -> Iterator[Sample[Any, Any]]:
    source = Files((_picture(choice, name),), spacing=_SPACING, size=_SIZE)
    space = Space(size=_SIZE, spacing=_SPACING)
    for line, landmark in enumerate(CEPHALOMETRIC, start=1):
        marks = [marks[line - 1] for marks in by_doctor]
        x, y = (sum(values) / len(marks) + _MIDDLE for values in zip(*marks, strict=True))
        gold = Landmark(name=landmark, point=Point2D(x, y, space=space))
        for language in choice.languages:
            yield Sample(
                id=f"{name}-{landmark}-{language}",
                query=Locate(landmark, language=language),
                gold=Landmarks(items=(gold,)),
                source=source,
                group=name,
                place=f"{name}.txt line {line}",
                facts=(("landmark", landmark), ("part", part)),
            )


def _marks(path: Path) -> Marks:
    """Return the first 19 lines; the patient's classes that follow are not read, whatever they look like."""
    try:
        lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    except OSError as error:
        raise DatasetError(f"expected a readable file: {error.strerror}", file=path.name) from error
    if len(lines) < len(CEPHALOMETRIC):
        raise DatasetError(f"expected {len(CEPHALOMETRIC)} landmarks, got {len(lines)} lines", file=path.name)
    found: Marks = []
    for number, line in enumerate(lines[: len(CEPHALOMETRIC)], start=1):
        match = _POINT.fullmatch(line)
        if match is None:
            raise DatasetError(f"expected x,y, got {line[:40]!r}", file=f"{path.parent.name}/{path.name} line {number}")
        found.append((float(match[1]), float(match[2])))
    return found


def _picture(choice: Choice, name: str) -> Path:
    names = [f"{folder}/{name}{suffix}" for folder in _FOLDERS for suffix in _SUFFIXES]
    return next(choice.root.existing(names), choice.root.inside(names[0]))


DATASET: Final = Dataset(
    name="isbi-2015",
    title="IEEE ISBI 2015 cephalometric X-rays",
    tasks=("landmark",),
    languages=("en", "zh"),
    dimensions="2D",
    splits={split: len(numbers) for _, numbers, split in _PARTS},
    splitting="official, by film: the challenge's first test data (151 to 300) is called validation, its second "
    "(301 to 400) test; sizes are films, of 19 landmarks each",
    licence="none stated that permits redistribution; research use",
    citation="Wang et al., Medical Image Analysis 31, 63-76 (2016)",
    home="figshare 3471833",
    read=read,
    variants=("mean", *_DOCTORS),
)
