"""VQA-RAD: 2,248 questions on 315 radiology pictures, in its three public forms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from umit.datasets.dataset import Choice, Dataset, Sample, Split
from umit.datasets.pictures import Files
from umit.datasets.rows import json_rows, text
from umit.datasets.vqa import question, table

__all__ = ["DATASET"]

_OSF: Final = ("VQA_RAD Dataset Public.json", "VQA_RAD_Dataset_Public.json")
_FOLDERS: Final = ("VQA_RAD Image Folder", "VQA_RAD_Image_Folder", "images")
_FILES: Final[dict[Split, str]] = {"train": "trainset.json", "test": "testset.json"}
_TEST: Final = {"test_freeform", "test_para"}  # the original keeps its split in `phrase_type`


def read(choice: Choice) -> Iterator[Sample[Any, Any]]:
    """Yield the questions of whichever form is there."""
    root = choice.root
    for path in root.existing(_OSF):
        for place, row in json_rows(path):
            split: Split = "test" if _kind(row, place) in _TEST else "train"
            yield from _sample(choice, row, place, split)
        return
    if any(root.existing(tuple(_FILES.values()))):
        for split, name in _FILES.items():
            if choice.holds(split):
                for place, row in json_rows(root.first([name])):
                    yield from _sample(choice, row, place, split)
        return
    for split in filter(choice.holds, _FILES):  # answers lower-cased, no answer types
        root.first(["data", "test-00000-of-00001.parquet", *_OSF, *_FILES.values()])
        for path in sorted(root.path.glob(f"**/{split}-*.parquet")):
            yield from table(choice, path, split)


def _kind(row: dict[str, Any], place: str) -> str:
    return text(row, "phrase_type", place, default="").casefold()


def _sample(choice: Choice, row: dict[str, Any], place: str, split: Split) -> Iterator[Sample[Any, Any]]:
    name = text(row, "image_name", place)
    if not choice.wants(split, name):
        return
    facts = (
        ("organ", text(row, "image_organ", place, default="").casefold()),
        ("question_type", _types(text(row, "question_type", place, default=""))),
        ("phrase_type", _kind(row, place)),
    )
    number = text(row, "qid", place, default="")
    # The same qid stands in several files and beside its paraphrases.
    source = Files((choice.root.folder(_FOLDERS).inside(name, place=place),))
    label = f"{split}-{number}-{facts[2][1]}"
    yield from question(choice, row, place, source, label, name, facts)


def _types(value: str) -> str:
    """Return several question types in one order; the files have both."""
    return ", ".join(sorted(part.strip().upper() for part in value.split(",") if part.strip()))


DATASET: Final = Dataset(
    name="vqa-rad",
    title="VQA-RAD",
    tasks=("answer_closed", "answer_open"),
    languages=("en",),
    dimensions="2D",
    splits={"train": 3064, "test": 451},
    splitting="official, by question: every test picture is also a training picture; resplit divides by picture",
    licence="CC0-1.0",
    citation="Lau et al., Scientific Data 5, 180251 (2018)",
    home="osf.io/89kps",
    read=read,
)
