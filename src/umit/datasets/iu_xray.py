"""IU X-Ray: chest films, mostly two views a study, with their reports; four public lists of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from umit.datasets.dataset import SPLITS, Choice, Dataset, Sample, Split, split_name
from umit.datasets.pictures import Files
from umit.datasets.rows import at, json_object, json_rows, text
from umit.datasets.vqa import described
from umit.errors import DatasetError
from umit.results import Report

__all__ = ["DATASET"]

_LISTS: Final = ("train.json", "val.json", "test.json")  # MedEvalKit's, of which it ships the last


def read(choice: Choice) -> Iterator[Sample[Any, Any]]:
    """Yield one sample a study; ``XXXX``, which stands for what was taken out, is kept."""
    for path in choice.root.existing(["annotation.json"]):
        yield from _annotation(choice, path)
        return
    choice.root.first(["annotation.json", *_LISTS])
    for path in choice.root.existing(_LISTS):
        split = split_name(path.stem)
        if choice.holds(split):
            for number, (place, row) in enumerate(json_rows(path), start=1):
                yield from _study(choice, row, place, split, number)


def _annotation(choice: Choice, path: Path) -> Iterator[Sample[Any, Any]]:
    listing = json_object(path, "the keys train, val and test")
    for key, split in _splits(choice, listing, path.name).items():
        rows = listing[key]
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise DatasetError(f"expected a list of studies under {key!r}", file=path.name)
        if choice.holds(split):
            for number, row in enumerate(rows, start=1):
                yield from _study(choice, row, f"{path.name} {split} row {number}", split, number)


def _splits(choice: Choice, listing: dict[str, Any], file: str) -> dict[str, Split]:
    """Return the split of each key; a key of blanks, seen in a copy, is the only one missing."""
    with at(file):
        named = {key: split_name(key) for key in listing if key.strip()}
    blank = [key for key in listing if not key.strip()]
    missing = [split for split in SPLITS if split not in named.values()]
    if blank and (len(blank), len(missing)) != (1, 1):
        raise DatasetError(f"expected names of splits, got {list(listing)}", file=file)
    for key in blank:
        choice.tell(f"{file}: the key {key!r} is taken as {missing[0]}, the only split missing")
        named[key] = missing[0]
    return named


def _study(choice: Choice, row: dict[str, Any], place: str, split: Split, number: int) -> Iterator[Sample[Any, Any]]:
    group = text(row, "id", place)
    if not choice.wants(split, group):
        return
    names = row.get("image_path", row.get("image"))
    names = [names] if isinstance(names, str) else names
    if not names or not isinstance(names, list) or not all(isinstance(n, str) for n in names):
        raise DatasetError("expected image_path or image with names of pictures", file=place)
    folder = choice.root.folder(["images"])
    source = Files(tuple(folder.inside(n, place=place) for n in names))
    facts, label = (("modality", "X-Ray"), ("views", str(len(names)))), f"{split}-{number}-{group}"
    yield from described(choice, _report(row, place), place, source, label, group, facts)


def _report(row: dict[str, Any], place: str) -> Report:
    """Return the report; two sections are joined, as the list without them has it."""
    if "report" in row or "findings" not in row:
        return Report(text=text(row, "report", place))
    findings, impression = text(row, "findings", place), text(row, "impression", place, default="")
    return Report(text=f"{findings} {impression}".strip(), findings=findings or None, impression=impression or None)


DATASET: Final = Dataset(
    name="iu-xray",
    title="IU X-Ray",
    tasks=("report_film",),
    languages=("en",),
    dimensions="2D",
    splits={"train": 2069, "validation": 296, "test": 590},
    splitting="R2Gen's, by study: a patient may have several; resplit divides by study, too",
    licence="CC BY-NC-ND 4.0, as far as known; not bundled and not fetched",
    citation="Demner-Fushman et al., JAMIA 23, 304-310 (2016); split: Chen et al., R2Gen, EMNLP 2020",
    home="openi.nlm.nih.gov; annotation.json: github.com/cuhksz-nlp/R2Gen",
    read=read,
)
