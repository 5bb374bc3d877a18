"""PEIR Gross: photographs of gross pathology, one sentence each, as bioCaption's crawler writes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from umit.datasets.dataset import Choice, Dataset, Sample, Split
from umit.datasets.folder import Folder
from umit.datasets.pictures import Files
from umit.datasets.rows import json_object, tsv_rows
from umit.datasets.vqa import described
from umit.errors import DatasetError

__all__ = ["DATASET"]

_TOPS: Final = ("", "peir_gross/")
_SHIPPED: Final[dict[Split, str]] = {"train": "train_images.tsv", "test": "test_images.tsv"}
_WHOLE: Final = ("peir_gross_captions.json", "peir_gross.tsv")
_FOLDERS: Final = ("peir_gross_images", "images")

Row = tuple[str, str, str]  # place, picture, caption


def read(choice: Choice) -> Iterator[Sample[Any, Any]]:
    """Yield the captions of the shipped split, or of all pictures in the order of their names."""
    names = [top + name for top in _TOPS for name in (*_SHIPPED.values(), *_WHOLE)]
    top = choice.root.first(names).parent
    files = {split: top / name for split, name in _SHIPPED.items() if (top / name).is_file()}
    if len(files) == len(_SHIPPED):
        for split, path in files.items():
            if choice.holds(split):
                yield from _samples(choice, _lines(choice, path), top, split)
        return
    path = Folder(top).first(_WHOLE)
    choice.tell(
        f"{path.name}: no train_images.tsv with test_images.tsv beside it, so umit's own split by name; "
        "published ones hang on the order of a crawl and cannot be made again"
    )
    rows = _captions(path) if path.suffix == ".json" else _lines(choice, path)
    yield from _samples(choice, sorted(rows, key=lambda row: row[1]), top, None)


def _lines(choice: Choice, path: Path) -> Iterator[Row]:
    """Yield name, tab, caption; a line without a tab goes on with the caption before it."""
    held: Row | None = None
    for place, row in tsv_rows(path, ("line",)):
        name, tab, caption = row["line"].partition("\t")
        if not tab and held is None:
            raise DatasetError("expected a name, a tab and a caption, got no tab", file=place)
        if not tab and held is not None:
            choice.tell(f"{place}: no tab, taken as the rest of the caption before it")
            held = (held[0], held[1], f"{held[2]} {name}")
            continue
        if held is not None:
            yield held
        held = (place, name, caption)
    if held is not None:
        yield held


def _captions(path: Path) -> Iterator[Row]:
    listing = json_object(path, "an object of picture and caption")
    if not all(isinstance(caption, str) for caption in listing.values()):
        raise DatasetError("expected an object of picture and caption", file=path.name)
    for number, (name, caption) in enumerate(listing.items(), start=1):
        yield f"{path.name} row {number}", name, caption


def _samples(choice: Choice, rows: Iterable[Row], top: Path, split: Split | None) -> Iterator[Sample[Any, Any]]:
    folder = Folder(top).folder(_FOLDERS)
    for place, name, caption in rows:
        if not choice.wants(split, name):
            continue
        source = Files((folder.inside(name, place=place),))
        label = f"{split or 'all'}-{place.rsplit(' ', 1)[1]}-{name}"
        yield from described(choice, caption.strip(), place, source, label, name)


DATASET: Final = Dataset(
    name="peir-gross",
    title="PEIR Gross",
    tasks=("caption",),
    languages=("en",),
    dimensions="2D",
    splits={"train": None, "test": None},
    splitting="train_images.tsv and test_images.tsv where both are there, else by picture; published "
    "splits hang on the order of a crawl",
    licence="none: the pictures belong to PEIR, University of Alabama at Birmingham",
    citation="Jing et al., ACL 2018; files: Kougia et al., SiVL 2019",
    home="peir.path.uab.edu/library, by github.com/nlpaueb/bioCaption",
    read=read,
)
