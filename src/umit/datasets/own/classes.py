"""A folder of classes: one folder of pictures a class, perhaps inside folders of splits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from umit.datasets.dataset import split_in
from umit.datasets.own.item import Given, Item, Labelled, named, natural
from umit.datasets.own.pictured import is_picture, pictured

__all__ = ["items", "there"]

#: Folders that other layouts have.
_OTHERS: Final = ("images", "labels", "masks", "annotations", "imagestr", "labelstr", "imagests", "jpegimages")  # fmt: skip


def there(root: Path) -> bool:
    """Return whether two classes or more have pictures."""
    classes = {folder.name for folder in _classes(root) if any(map(is_picture, folder.rglob("*")))}
    return len(classes) > 1


def items(given: Given) -> Iterator[Item]:
    """Yield the pictures of each class, in the order of people; files of other kinds are told."""
    root, tell = given.path, given.tell
    others: Counter[str] = Counter()
    for folder in _classes(root):
        split = split_in([folder.parent.name]) if folder.parent != root else None
        for path in sorted(folder.rglob("*"), key=lambda p: natural(str(p))):
            if not path.is_file() or path.name.startswith("."):
                continue
            name = path.relative_to(root).as_posix()
            if not is_picture(path):
                others[f"{folder.name}/*{path.suffix}"] += 1
                continue
            yield Item(
                id=name, source=pictured(path), truth=Labelled((folder.name,)), place=name,
                name=named(path, folder), split=split,
            )  # fmt: skip
    for kind, count in others.items():
        tell(f"{kind}: skipped, {count} files whose names do not end as a picture's")


def _classes(root: Path) -> list[Path]:
    """Return the folders of the classes: those of the root, or of its folders of splits."""
    top = _folders(root)
    splits = [folder for folder in top if split_in([folder.name])]
    found = [one for split in splits for one in _folders(split)] if splits else top
    return [one for one in found if one.name.casefold() not in _OTHERS]


def _folders(root: Path) -> list[Path]:
    if not root.is_dir():
        return []
    found = (p for p in root.iterdir() if p.is_dir() and not p.name.startswith((".", "__")))
    return sorted(found, key=lambda p: natural(p.name))
