"""PathVQA: questions on pathology pictures, as parquet tables, as the authors' pickles, or as csv."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from umit.datasets.dataset import SPLITS, Choice, Dataset, Sample, Split
from umit.datasets.pictures import Encoded, Files
from umit.datasets.rows import csv_rows, parquet_rows, pickled_rows, text
from umit.datasets.vqa import question
from umit.errors import DatasetError

__all__ = ["DATASET"]

_SHORT: Final[dict[Split, str]] = {"train": "train", "validation": "val", "test": "test"}
#: An early release of other questions, keyed by figures of a textbook.
_EARLY: Final = "QA_pairs_vb.json"


def read(choice: Choice) -> Iterator[Sample[Any, Any]]:
    """Yield the questions of whichever form is there."""
    root = choice.root
    if any(root.existing([_EARLY])):
        raise DatasetError(
            "expected PathVQA's questions on pictures, got its early raw release, whose Image_ID "
            "names figures of a textbook; fetch the data set from its home",
            dataset=DATASET.name,
            file=_EARLY,
        )
    forms = {
        "*/train-*.parquet": _tables,
        "**/train_qa.pkl": _pickles,
        "**/train_metadata.csv": _csvs,
    }
    for form in forms.values():
        found = form(choice)
        first = next(found, None)
        if first is not None:
            yield first
            yield from found
            return
    if not any(any(root.path.glob(form.replace("train", "*"))) for form in forms):
        raise DatasetError(
            f"expected {', '.join(forms)} in {root.path.name!r}", dataset=DATASET.name
        )


def _tables(choice: Choice) -> Iterator[Sample[Any, Any]]:
    for split in SPLITS:
        for path in _found(choice, split, f"**/{split}-*.parquet"):
            for place, row in parquet_rows(path, ("image", "question", "answer")):
                name = f"{path.name}:{place.rsplit(' ', 1)[1]}"
                group = str(row["image"].get("path") or name)
                if choice.wants(split, group):
                    source = Encoded(row["image"]["bytes"], name)
                    yield from question(choice, row, place, source, name, group)


def _pickles(choice: Choice) -> Iterator[Sample[Any, Any]]:
    """The authors' form: names without a suffix, text as it was typed."""
    for split in SPLITS:
        short = _SHORT[split]
        for path in _found(choice, split, f"**/{short}_qa.pkl"):
            folder = path.parents[2] / "images" / short
            for place, row in pickled_rows(path):
                name = text(row, "image", place)
                if choice.wants(split, name):
                    yield from _pictured(choice, row, place, folder, f"{name}.jpg", split)


def _csvs(choice: Choice) -> Iterator[Sample[Any, Any]]:
    for split in SPLITS:
        for path in _found(choice, split, f"**/{_SHORT[split]}_metadata.csv"):
            for place, row in csv_rows(path, ("file_name", "question", "answer")):
                name = text(row, "file_name", place)
                if choice.wants(split, name):
                    yield from _pictured(choice, row, place, path.parent, name, split)


def _found(choice: Choice, split: Split, pattern: str) -> list[Path]:
    return sorted(choice.root.path.glob(pattern)) if choice.holds(split) else []


def _pictured(
    choice: Choice, row: dict[str, Any], place: str, folder: Path, name: str, split: Split
) -> Iterator[Sample[Any, Any]]:
    below = folder.relative_to(choice.root.path) / name
    source = Files((choice.root.inside(below.as_posix(), place=place),))
    tidy = {**row, **{key: _tidy(text(row, key, place)) for key in ("question", "answer")}}
    yield from question(choice, tidy, place, source, f"{split}-{place.rsplit(' ', 1)[1]}", name)


def _tidy(words: str) -> str:
    """Return text as the hub's tables have it: lower case, single blanks, none before a question mark."""
    return " ".join(words.split()).replace(" ?", "?").lower()


DATASET: Final = Dataset(
    name="pathvqa",
    title="PathVQA",
    tasks=("answer_closed", "answer_open"),
    languages=("en",),
    dimensions="2D",
    splits={"train": 19654, "validation": 6259, "test": 6719},
    splitting="official, by picture",
    licence="MIT for the text; the pictures belong to the publishers of two textbooks and to PEIR",
    citation="He et al., arXiv:2003.10286 (2020)",
    home="Hugging Face: flaviagiammarino/path-vqa",
    read=read,
)
