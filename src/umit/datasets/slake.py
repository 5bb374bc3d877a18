"""SLAKE: questions in English and Chinese on 642 pictures of CT, MRI and X-ray."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, Final

from umit.datasets.dataset import SPLITS, Choice, Dataset, Sample, Split
from umit.datasets.pictures import Files
from umit.datasets.rows import json_rows, text
from umit.datasets.vqa import question
from umit.errors import DatasetError
from umit.queries import Language

__all__ = ["DATASET", "FOLDERS", "language", "picture", "picture_folder", "questions"]

_FILES: Final[dict[Split, tuple[str, ...]]] = {
    "train": ("train.json", "Slake1.0/train.json"),
    "validation": (
        *("validate.json", "validation.json"),  # the hub renamed it
        *("Slake1.0/validate.json", "Slake1.0/validation.json"),
    ),
    "test": ("test.json", "Slake1.0/test.json"),
}
_LANGUAGES: Final[dict[str, Language]] = {"en": "en", "zh": "zh"}
#: Where pictures and boxes may lie.
FOLDERS: Final = ("imgs", "images", "Slake1.0/imgs", "Slake1.0/images")


def read(choice: Choice) -> Iterator[Sample[Any, Any]]:
    """Yield the questions in the wanted languages; ``base_type`` tells knowledge questions (kvqa) apart."""
    for split, place, row in questions(choice):
        spoken = language(row, place)
        name = text(row, "img_name", place)
        folder = picture_folder(name)
        if spoken not in choice.languages or not choice.wants(split, folder):
            continue
        facts = (
            *((name, text(row, name, place, default="")) for name in ("modality", "content_type")),
            ("organ", text(row, "location", place, default="")),
            ("base_type", text(row, "base_type", place, default="")),
        )
        yield from question(
            choice, row, place, picture(choice, name, place), f"{split}-{text(row, 'qid', place)}", folder,
            facts, language=spoken,
        )  # fmt: skip


def questions(choice: Choice) -> Iterator[tuple[Split, str, dict[str, Any]]]:
    """Yield split, place and row of every question that can be wanted.

    Raises:
        DatasetError: The wanted split's file, or every file, is missing.
    """
    wanted = [split for split in SPLITS if choice.holds(split)]
    found = {split: path for split in wanted for path in [*choice.root.existing(_FILES[split])][:1]}
    if not found:
        choice.root.first([name for split in wanted for name in _FILES[split][:2]])
    for split in wanted:
        if split not in found:
            choice.tell(f"{_FILES[split][0]}: left out, this copy has no such file")
            continue
        for place, row in json_rows(found[split]):
            yield split, place, row


def language(row: dict[str, Any], place: str) -> Language:
    """Return a row's language.

    Raises:
        DatasetError: Another one than SLAKE has.
    """
    found = text(row, "q_lang", place)
    if found not in _LANGUAGES:
        raise DatasetError(f"expected q_lang en or zh, got {found!r}", file=place)
    return _LANGUAGES[found]


def picture(choice: Choice, name: str, place: str) -> Files:
    """Return a picture by its name, such as ``xmlab1/source.jpg``; some copies put the number last."""
    folder = next((f for f in FOLDERS if (choice.root.path / f).is_dir()), FOLDERS[0])
    path = choice.root.inside(f"{folder}/{name}", place=place)
    renamed = path.with_name(f"{path.stem}_{path.parent.name}{path.suffix}")
    return Files((renamed if renamed.is_file() else path,))


def picture_folder(name: str) -> str:
    """Return what a picture is known by in questions and boxes: its folder, ``xmlab1``."""
    path = PurePosixPath(name.replace("\\", "/"))
    return path.parent.name or path.name


DATASET: Final = Dataset(
    name="slake",
    title="SLAKE",
    tasks=("answer_closed", "answer_open"),
    languages=("en", "zh"),
    dimensions="2D",
    splits={"train": 9835, "validation": 2099, "test": 2094},
    splitting="official, by picture within a language; across the two, training and test share pictures: "
    "train on one language, or resplit",
    licence="CC-BY-4.0",
    citation="Liu et al., ISBI 2021",
    home="med-vqa.com/slake; Hugging Face: BoKelvin/SLAKE",
    read=read,
)
