"""SLAKE: questions in English and Chinese on 642 pictures of CT, MRI and X-ray."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from umit.datasets.dataset import SPLITS, Choice, Dataset, Sample, Split
from umit.datasets.pictures import Files
from umit.datasets.rows import json_rows, text
from umit.datasets.vqa import question

__all__ = ["DATASET", "picture", "questions"]

_FILES: Final[dict[Split, tuple[str, ...]]] = {
    "train": ("train.json", "Slake1.0/train.json"),
    "validation": (
        *("validate.json", "validation.json"),
        *("Slake1.0/validate.json", "Slake1.0/validation.json"),
    ),
    "test": ("test.json", "Slake1.0/test.json"),
}
_FOLDERS: Final = ("imgs", "images", "Slake1.0/imgs", "Slake1.0/images")


def read(choice: Choice) -> Iterator[Sample[Any, Any]]:
    """Yield the questions in the wanted languages."""
    for split, place, row in questions(choice):
        language = text(row, "q_lang", place)
        picture_name = text(row, "img_name", place)
        if language not in choice.languages or not choice.wants(split, _folder(picture_name)):
            continue
        facts = (
            *((name, text(row, name, place, default="")) for name in ("modality", "content_type")),
            ("organ", text(row, "location", place, default="")),
            ("base_type", text(row, "base_type", place, default="")),
        )
        yield from question(
            choice, row, place, picture(choice, picture_name, place),
            f"{split}-{text(row, 'qid', place)}", _folder(picture_name), facts,
            language="zh" if language == "zh" else "en",
        )  # fmt: skip


def questions(choice: Choice) -> Iterator[tuple[Split, str, dict[str, Any]]]:
    """Yield split, place and row of every question that can be wanted."""
    for split in SPLITS:
        if choice.holds(split):
            for place, row in json_rows(choice.root.first(_FILES[split])):
                yield split, place, row


def picture(choice: Choice, name: str, place: str) -> Files:
    """Return a picture by its name, such as ``xmlab1/source.jpg``; some copies put the number last."""
    folder = next((f for f in _FOLDERS if (choice.root.path / f).is_dir()), _FOLDERS[0])
    path = choice.root.inside(f"{folder}/{name}", place=place)
    renamed = path.with_name(f"{path.stem}_{path.parent.name}{path.suffix}")
    return Files((renamed if renamed.is_file() else path,))


def _folder(name: str) -> str:
    return name.split("/")[0]


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
