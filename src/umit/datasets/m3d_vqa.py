"""M3D-VQA: questions on prepared CT volumes, with their choices or open."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, Final

from umit.datasets.dataset import Choice, Dataset, Sample, Split
from umit.datasets.m3d_cap import places
from umit.datasets.pictures import Voxels
from umit.datasets.rows import csv_rows, text
from umit.errors import DatasetError, InputError
from umit.queries import Ask
from umit.results import Answer

__all__ = ["DATASET"]

_FILES: Final[dict[Split, tuple[str, ...]]] = {
    "train": ("M3D_VQA_train.csv", "M3D_VQA/M3D_VQA_train.csv"),
    "validation": ("M3D_VQA_val.csv", "M3D_VQA/M3D_VQA_val.csv"),
    "test": (*("M3D_VQA_test.csv", "M3D_VQA/M3D_VQA_test.csv"), *("M3D_VQA_test5k.csv", "M3D_VQA/M3D_VQA_test5k.csv")),
}
_CUT: Final = "M3D_VQA_test5k.csv"
_LETTERS: Final = ("A", "B", "C", "D")
#: All but ``Text``: it is the report, which holds the answer, and no sample may have it.
_COLUMNS: Final = (
    "Image Path", "Question Type", "Question", *(f"Choice {c}" for c in _LETTERS), "Answer", "Answer Choice",
)  # fmt: skip
_TYPES: Final = {"1": "plane", "2": "phase", "3": "organ", "4": "abnormality", "5": "location"}
#: How a missing choice is spelled. It is text here: tables elsewhere make nothing of it, and of an answer "None".
_MISSING: Final = "NA"


def read(choice: Choice) -> Iterator[Sample[Any, Any]]:
    """Yield the questions of each split's table."""
    tables = {split: path for split in _FILES if (path := _table(choice, split)) is not None}
    if not tables:
        choice.root.first([name for names in _FILES.values() for name in names[:1]])
    for split, path in tables.items():
        for place, row in csv_rows(path, _COLUMNS):
            name = text(row, "Image Path", place)
            if choice.wants(split, _case(name)):
                yield from _sample(choice, row, place, split, name)


def _table(choice: Choice, split: Split) -> Path | None:
    if not choice.holds(split):
        return None
    path = next(choice.root.existing(_FILES[split]), None)
    if path is None and choice.split is not None and not choice.resplit:
        choice.root.first(_FILES[split])  # says what is expected and what is there
    if path is None:
        choice.tell(f"{_FILES[split][0]}: left out, this copy has no such file")
    elif path.name == _CUT:
        choice.tell(f"{_CUT}: taken for the test split, whose own table is not in this copy")
    return path


def _sample(choice: Choice, row: dict[str, Any], place: str, split: Split, name: str) -> Iterator[Sample[Any, Any]]:
    asked, answer = text(row, "Question", place), text(row, "Answer", place)
    if not asked or not answer:
        choice.tell(f"{place}: skipped, its {'answer' if asked else 'question'} is empty")
        return
    options: tuple[str, ...] = ()
    gold = Answer(text=answer)
    if choice.variant == "closed":
        options, right = _choices(row, place)
        if right not in options:
            choice.tell(f"{place}: skipped, the choice that is right is missing")
            return
        if right.casefold() != " ".join(answer.split()).casefold():
            choice.tell(f"{place}: its answer is another than its choice, which is taken")
        gold = Answer(text=right, option=options.index(right))
    try:
        query = Ask(asked, options)
    except InputError as error:  # mostly choices that repeat
        choice.tell(f"{place}: skipped, {error.message}")
        return
    kind = text(row, "Question Type", place)
    yield Sample(
        id=f"{split}-{choice.variant}-{place.rsplit(' ', 1)[1]}",
        query=query,
        gold=gold,
        source=_volume(choice, name, place),
        group=_case(name),
        place=place,
        facts=(*(("answer_type", choice.variant), ("question_type", _TYPES.get(kind, kind))), ("modality", "CT")),
    )


def _choices(row: dict[str, Any], place: str) -> tuple[tuple[str, ...], str]:
    """Return the choices that there are, and the right one."""
    letter = text(row, "Answer Choice", place).upper()
    if letter not in _LETTERS:
        raise DatasetError(f"expected an answer choice A to D, got {letter!r}", file=place)
    every = [" ".join(text(row, f"Choice {one}", place).split()) for one in _LETTERS]
    return tuple(one for one in every if one not in ("", _MISSING)), every[_LETTERS.index(letter)]


def _case(name: str) -> str:
    """Return the case's folders, as M3D-Cap groups its reports; some rows leave the first folder out."""
    return "/".join(PurePosixPath(name.replace("\\", "/")).parts[-3:-1])


def _volume(choice: Choice, name: str, place: str) -> Voxels:
    """Return the prepared array; some copies leave the first folder out, some accents."""
    there = next(places(choice.root, name, place), None)
    return Voxels(there or choice.root.inside(name, place=place), as_stored=True)


DATASET: Final = Dataset(
    name="m3d-vqa",
    title="M3D-VQA",
    tasks=("answer_closed", "answer_open"),
    languages=("en",),
    dimensions="3D",
    splits={"train": None, "validation": None, "test": 13814},
    splitting="official; resplit divides by case, whose series share one report, as M3D-Cap's does",
    licence="Apache-2.0 is stated; texts and pictures come from Radiopaedia, see M3D-Cap",
    citation="Bai et al., arXiv:2404.00578 (2024)",
    home="Hugging Face: GoodBaiBai88/M3D-VQA",
    read=read,
    variants=("closed", "open"),
)
