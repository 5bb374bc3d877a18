"""PathVQA: questions on pathology pictures, as parquet tables, as the authors' pickles, or as csv.

Pickles and csv have the text as it was typed; it is given as the tables have it, so that every form of a question
is the same question.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from umit.datasets.dataset import SPLITS, Choice, Dataset, Sample, Split
from umit.datasets.pictures import Files
from umit.datasets.rows import csv_rows, pickled_rows, text
from umit.datasets.vqa import question, table
from umit.errors import DatasetError

__all__ = ["DATASET"]

#: Splits as the authors and others spell them in names of files.
_SHORT: Final[Mapping[Split, str]] = {"train": "train", "validation": "val", "test": "test"}
#: Where in a download the files lie; no search, since a folder may hold millions of pictures.
_TOPS: Final = (".", "data", "pvqa")
_EARLY: Final = "QA_pairs_vb.json"


def read(choice: Choice) -> Iterator[Sample[Any, Any]]:
    """Yield the questions of whichever form is there."""
    for pattern, rows in _FORMS.items():
        files = {split: _files(choice, pattern, split) for split in SPLITS}
        if any(files.values()):
            for split in SPLITS:
                for path in files[split] if choice.holds(split) else ():
                    yield from rows(choice, path, split)
            return
    if any(choice.root.existing([f"{top}/{_EARLY}" for top in _TOPS])):
        raise DatasetError(
            "expected PathVQA's questions on pictures, got its early raw release: other questions, whose "
            "Image_ID names figures of a textbook that are not in it; fetch the data set from its home",
            file=_EARLY,
        )
    choice.root.first([pattern.format(split="train", short="train") for pattern in _FORMS])


def _files(choice: Choice, pattern: str, split: Split) -> list[Path]:
    name = pattern.format(split=split, short=_SHORT[split])
    return sorted(path for top in _TOPS for path in (choice.root.path / top).glob(name))


def _pickle(choice: Choice, path: Path, split: Split) -> Iterator[Sample[Any, Any]]:
    """The authors' form: names without a suffix, in a folder beside the one of the questions."""
    folder = path.relative_to(choice.root.path).parents[2] / "images" / _SHORT[split]
    for place, row in pickled_rows(path):
        name = text(row, "image", place).removesuffix(".jpg")
        if choice.wants(split, name):
            yield from _pictured(choice, row, place, folder / f"{name}.jpg", split, name)


def _csv(choice: Choice, path: Path, split: Split) -> Iterator[Sample[Any, Any]]:
    folder = path.relative_to(choice.root.path).parent
    for place, row in csv_rows(path, ("file_name", "question", "answer")):
        name = text(row, "file_name", place)
        if choice.wants(split, name):
            yield from _pictured(choice, row, place, folder / name, split, name)


_FORMS: Final[Mapping[str, Callable[[Choice, Path, Split], Iterator[Sample[Any, Any]]]]] = {
    "{split}-*.parquet": table,
    "qas/{short}/{short}_qa.pkl": _pickle,
    "{short}_metadata.csv": _csv,
}


def _pictured(
    choice: Choice, row: dict[str, Any], place: str, below: Path, split: Split, group: str
) -> Iterator[Sample[Any, Any]]:
    source = Files((choice.root.inside(below.as_posix(), place=place),))
    tidy = {**row, **{key: _tidy(text(row, key, place)) for key in ("question", "answer")}}
    yield from question(choice, tidy, place, source, f"{split}-{place.rsplit(' ', 1)[1]}", group)


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
