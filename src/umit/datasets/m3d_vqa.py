"""M3D-VQA: questions on prepared CT volumes, with four choices or open."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from umit.datasets.dataset import Choice, Dataset, Sample, Split
from umit.datasets.m3d_cap import places
from umit.datasets.pictures import Voxels
from umit.datasets.rows import csv_rows, text
from umit.errors import DatasetError
from umit.queries import Ask
from umit.results import Answer

__all__ = ["DATASET"]

_FILES: Final[dict[Split, tuple[str, ...]]] = {
    "train": ("M3D_VQA_train.csv", "M3D_VQA/M3D_VQA_train.csv"),
    "validation": ("M3D_VQA_val.csv", "M3D_VQA/M3D_VQA_val.csv"),
    "test": (
        *("M3D_VQA_test.csv", "M3D_VQA/M3D_VQA_test.csv"),
        *("M3D_VQA_test5k.csv", "M3D_VQA/M3D_VQA_test5k.csv"),
    ),
}
_LETTERS: Final = "ABCD"
_COLUMNS: Final = (
    "Image Path", "Question Type", "Question", *(f"Choice {c}" for c in _LETTERS), "Answer", "Answer Choice",
)  # fmt: skip
_TYPES: Final = {"1": "plane", "2": "phase", "3": "organ", "4": "abnormality", "5": "location"}


def read(choice: Choice) -> Iterator[Sample[Any, Any]]:
    """Yield the questions; the column ``Text`` holds the report, and with it the answer, and is never read."""
    for split, names in _FILES.items():
        if not choice.holds(split):
            continue
        paths = list(choice.root.existing(names))
        if not paths and choice.split is not None and not choice.resplit:
            choice.root.first(names)  # says what is expected and what is there
        for path in paths[:1]:
            for place, row in csv_rows(path, _COLUMNS):
                group = text(row, "Image Path", place)
                case = group.replace("\\", "/").rsplit("/", 1)[0]
                if choice.wants(split, case):
                    yield from _sample(choice, row, place, split, group, case)


def _sample(
    choice: Choice, row: dict[str, Any], place: str, split: Split, name: str, case: str
) -> Iterator[Sample[Any, Any]]:
    asked, answer = text(row, "Question", place), text(row, "Answer", place)
    if not asked or not answer:
        choice.tell(f"{place}: skipped, its {'answer' if asked else 'question'} is empty")
        return
    query, gold = Ask(asked), Answer(text=answer)
    if choice.variant == "closed":
        # A missing choice is spelled NA, which tables elsewhere turn into nothing at all.
        choices = [text(row, f"Choice {letter}", place) for letter in _LETTERS]
        letter = text(row, "Answer Choice", place).upper()
        if letter not in _LETTERS or len(letter) != 1:
            raise DatasetError(f"expected an answer choice A to D, got {letter!r}", file=place)
        index = _LETTERS.index(letter)
        right = choices[index]
        kept = [c for c in choices if c and c != "NA"]
        if right not in kept or len(kept) < 2 or len({c.casefold() for c in kept}) < len(kept):
            choice.tell(f"{place}: skipped, its choices are missing or repeat")
            return
        query = Ask(asked, tuple(kept))
        gold = Answer(text=right, option=kept.index(right))
    kind = text(row, "Question Type", place)
    yield Sample(
        id=f"{split}-{choice.variant}-{place.rsplit(' ', 1)[1]}",
        query=query,
        gold=gold,
        source=_volume(choice, name, place),
        group=case,
        place=place,
        facts=(("answer_type", choice.variant), ("question_type", _TYPES.get(kind, kind))),
    )


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
    splitting="official; resplit divides by case, whose series share one report",
    licence="Apache-2.0 is stated; texts and pictures come from Radiopaedia, see M3D-Cap",
    citation="Bai et al., arXiv:2404.00578 (2024)",
    home="Hugging Face: GoodBaiBai88/M3D-VQA",
    read=read,
    variants=("closed", "open"),
)
