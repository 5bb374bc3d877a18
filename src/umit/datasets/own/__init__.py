"""A user's own files as a data set: the layout is recognised, or named; see the how-to "Bring your own data"."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from umit.datasets.dataset import SPLITS, Choice, Dataset, Sample, Split, users_own
from umit.datasets.own import classes, coco, masks, table, voc, yolo
from umit.datasets.own.columns import FIELDS
from umit.datasets.own.item import Given, Item, Seen
from umit.errors import DatasetError

__all__ = ["LAYOUTS", "describe_own", "splits_of"]


@dataclass(frozen=True)
class Layout:
    """How a kind of folder or file is told, and read.

    Args:
        title: What it is, for people.
        there: Whether a path is one; looks at names, not at pictures.
        items: Its rows or pictures with what is true of them.
    """

    title: str
    there: Callable[[Path], bool]
    items: Callable[[Given], Iterator[Item]]


#: Every layout by its name.
LAYOUTS: Final[Mapping[str, Layout]] = {
    "table": Layout("a jsonl, json, csv or parquet file, or a folder with one", table.there, table.items),
    "classes": Layout("a folder of pictures a class", classes.there, classes.items),
    "voc": Layout("Pascal VOC: Annotations/*.xml", voc.there, voc.items),
    "coco": Layout("a COCO JSON file, or a folder with some", coco.there, coco.items),
    "yolo": Layout("YOLO: images/ and labels/*.txt", yolo.there, yolo.items),
    "masks": Layout("volumes with masks: imagesTr/ and labelsTr/", masks.there, masks.items),
}
_DEEPEST: Final = 4  # folders that hold one folder alone


def describe_own(path: Path, *, root: Path | None = None, layout: str | None = None) -> Dataset:
    """Return a description of a user's own files.

    Args:
        path: A file or a folder.
        root: Where the pictures of a table or of a COCO file are, besides its own folder.
        layout: One of :data:`LAYOUTS`; ``None`` recognises it.

    Raises:
        DatasetError: Nothing there, no known layout, or several.
    """
    found, place = _recognised(path, layout)
    if root is not None and found not in ("table", "coco"):
        raise DatasetError(f"expected a root of a table's or a COCO file's pictures alone, got one for {found}")
    name, read = path.resolve().name, partial(_read, found, place, root or place)
    title = f"{name}, {LAYOUTS[found].title}"
    own = users_own(name, title, "as the files say, else by group", read)
    return replace(own, variants=(found,), file=place if place.is_file() else None)


def splits_of(dataset: Dataset, fields: Mapping[str, str]) -> dict[Split, int | None]:
    """Return the splits that the files themselves name; no picture is opened."""
    read: Any = dataset.read
    layout, place, root = read.args
    seen = _seen(Given(place, root, fields, _quiet), layout)
    return {split: None for split in SPLITS if split in seen.splits}


def _recognised(path: Path, layout: str | None) -> tuple[str, Path]:
    if not path.exists():
        raise DatasetError(f"expected a file or a folder, found nothing at {path.name!r}")
    if layout is not None and layout not in LAYOUTS:
        raise DatasetError(f"expected a layout of {', '.join(LAYOUTS)}, got {layout!r}")
    place = path.resolve()
    for _ in range(_DEEPEST):
        names = [n for n, one in LAYOUTS.items() if layout in (None, n) and one.there(place)]
        if len(names) == 1:
            return names[0], place
        inside = place.iterdir() if place.is_dir() else ()
        inner = [p for p in inside if p.is_dir() and p.name[:1] not in "._"]
        if names or len(inner) != 1:
            break
        place = inner[0]
    known = "; ".join(f"{name}: {one.title}" for name, one in LAYOUTS.items())
    if names:
        raise DatasetError(f"expected one layout, {path.name!r} looks like {' and '.join(names)}; name it as variant")
    raise DatasetError(f"expected a layout that umit knows in {path.name!r} ({known}), got none of them")


def _seen(given: Given, layout: str) -> Seen:
    names = {key: value for key, value in given.fields.items() if key not in FIELDS}
    if layout != "table" and (taken := [k for k in given.fields if k in FIELDS and k != "group"]):
        raise DatasetError(f"expected the fields of a table, or group, got {', '.join(taken)} for {layout}")
    seen = Seen(names=names, rule=given.fields.get("group", ""))
    for item in LAYOUTS[layout].items(given):
        seen.add(item)
    seen.close()
    return seen


def _read(layout: str, path: Path, root: Path, choice: Choice) -> Iterator[Sample[Any, Any]]:
    """Yield samples: files are gone through twice, since only the whole set says its classes and groups."""
    seen = _seen(Given(path, root, choice.fields, _quiet), layout)
    for told in seen.told():
        choice.tell(f"{path.name}: {told}")
    for item in LAYOUTS[layout].items(Given(path, root, choice.fields, choice.tell)):
        yield from seen.of(item, choice)


def _quiet(message: str) -> None:
    """The first pass tells nothing: the second does."""
