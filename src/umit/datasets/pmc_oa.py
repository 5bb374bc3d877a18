"""PMC-OA: 1.6 million figures of open-access articles with their captions, streamed line by line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from umit.datasets.dataset import Choice, Dataset, Sample, Split, split_name
from umit.datasets.folder import Folder
from umit.datasets.pictures import Files
from umit.datasets.rows import json_rows, text
from umit.datasets.vqa import described

__all__ = ["DATASET"]

_SPLITS: Final = ("train", "valid", "val", "validation", "test")
#: Where ``images.zip`` is unpacked to, and the folder that lies in it; else the pictures lie beside the rows.
_INSIDE: Final = "caption_T060_filtered_top4_sep_v0_subfigures"
_FOLDERS: Final = (f"images/{_INSIDE}", _INSIDE, "images")
_ARTICLE: Final = re.compile(r"PMC\d+")


def read(choice: Choice) -> Iterator[Sample[Any, Any]]:
    """Yield the captions of whichever generation of files is there; one line is held at a time."""
    root = choice.root
    folder = root.folder(_FOLDERS)
    files = list(root.existing([f"{name}.jsonl" for name in _SPLITS]))
    if files:
        for path in files:
            split = split_name(path.stem)
            if choice.holds(split):
                yield from _captions(choice, path, folder, split)
        return
    whole = [f"{name}.jsonl" for name in (choice.variant, *DATASET.variants)]
    yield from _captions(choice, root.first([*whole, "train.jsonl"]), folder, None)


def _captions(choice: Choice, path: Path, folder: Folder, split: Split | None) -> Iterator[Sample[Any, Any]]:
    for place, row in json_rows(path):
        name = text(row, "image", place)
        article = _ARTICLE.match(name)  # a name without one stands for itself
        group = text(row, "pmcid", place, default="") or (article[0] if article else name)
        if not choice.wants(split, group):
            continue
        source = Files((folder.inside(name, place=place),))
        label = f"{path.stem}-{place.rsplit(' ', 1)[1]}"
        yield from described(choice, text(row, "caption", place), place, source, label, group)


DATASET: Final = Dataset(
    name="pmc-oa",
    title="PMC-OA",
    tasks=("caption",),
    languages=("en",),
    dimensions="2D",
    splits={"train": None, "validation": None, "test": None},
    splitting="train, valid and test files where they are there, by row: an article may be in several; "
    "else, and with resplit, by article",
    licence="each figure has its article's licence: CC BY, BY-NC or BY-NC-ND",
    citation="Lin et al., PMC-CLIP, MICCAI 2023",
    home="Hugging Face: axiong/pmc_oa_beta",
    read=read,
    variants=("pmc_oa_beta", "pmc_oa"),
)
