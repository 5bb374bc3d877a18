"""COCO: one JSON file of pictures, boxes ``x, y, width, height`` and categories, or one a split."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path, PureWindowsPath
from typing import Any

from umit.datasets.dataset import Split, split_in
from umit.datasets.folder import Folder
from umit.datasets.own.item import Boxed, Given, Item, Tell, named
from umit.datasets.own.pictured import Found
from umit.datasets.pictures import Files
from umit.datasets.rows import json_object, number
from umit.datasets.swift_marks import Mark
from umit.errors import DatasetError

__all__ = ["is_coco", "items", "there"]

_HEAD = 1 << 16  # bytes in which the first key of the three stands


def is_coco(path: Path) -> bool:
    """Return whether a JSON file begins as an object with COCO's lists."""
    if path.suffix.lower() != ".json" or not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(_HEAD).removeprefix(b"\xef\xbb\xbf").lstrip()
    return head.startswith(b"{") and any(k in head for k in (b'"images"', b'"annotations"', b'"categories"'))


def there(root: Path) -> bool:
    """Return whether it is such a file, or a folder with some, at the top, in ``annotations`` or in a split's."""
    return bool(_files(root))


def _files(root: Path) -> list[Path]:
    if root.is_file():
        return [root] if is_coco(root) else []
    return sorted(p for form in ("*.json", "annotations/*.json", "*/*.coco.json") for p in root.glob(form) if is_coco(p))  # fmt: skip


def items(given: Given) -> Iterator[Item]:
    """Yield a picture with its boxes; crowds and boxes without an area are skipped, and told."""
    root, tell = given.path, given.tell
    top = root if root.is_dir() else root.parent
    for path in _files(root):
        given_root = given.root if given.root.is_dir() else top
        yield from _items(path, top, Found(Folder.of(path), Folder.of(given_root)), tell)


def _items(path: Path, top: Path, places: Found, tell: Tell) -> Iterator[Item]:
    data = json_object(path, "COCO's object of lists")
    images, found, kinds = (_list(data, key, path) for key in ("images", "annotations", "categories"))  # fmt: skip
    listed, names = (_by_id(several, path.name) for several in (images, kinds))
    words = path.stem.replace(".", "_").replace("-", "_").split("_")
    split = split_in([path.parent.name, *words])
    boxes = defaultdict(list)
    for count, one in enumerate(found, start=1):
        if (box := _box(one, names, f"{path.name} annotation {count}", tell)) is not None:
            boxes[_id(one, "image_id", path.name)].append(box)
    if lost := boxes.keys() - listed.keys():
        raise DatasetError(f"expected annotations of images that are listed, got image_id {sorted(lost, key=str)[0]!r}", file=path.name)  # fmt: skip
    used = {name for several in boxes.values() for name, _ in several}
    if unused := [name for name in names.values() if name not in used]:
        tell(f"{path.name}: categories without a box are not asked for: {', '.join(unused[:10])}")
    for count, one in enumerate(images, start=1):
        place = f"{path.name} image {count}"
        picture = _picture(str(one.get("file_name", "")), path, top, places, split, place)
        yield Item(
            id=f"{path.stem}-{one['id']}",
            source=Files((picture,), size=_size(one)),
            truth=Boxed(tuple(boxes[one["id"]])),
            place=place,
            name=named(picture, top),
            split=split,
        )


def _by_id(listed: list[dict[str, Any]], place: str) -> dict[int | str, str]:
    """Return what each id stands for: a category's name, an image's file; two of one id would share their boxes."""
    found: dict[int | str, str] = {}
    for one in listed:
        number, name = _id(one, "id", place), one.get("name", one.get("file_name"))
        if number in found or not isinstance(name, str):
            raise DatasetError(f"expected each id once, with a name, got {number!r} {'again' if number in found else 'without'}", file=place)  # fmt: skip
        found[number] = name
    return found


def _id(one: Mapping[str, Any], key: str, place: str) -> int | str:
    found = one.get(key)
    if not isinstance(found, int | str):
        raise DatasetError(f"expected a number or a word as {key}, got {found!r:.40}", file=place)
    return found


def _size(one: Mapping[str, Any]) -> tuple[int, int] | None:
    width, height = one.get("width"), one.get("height")
    known = isinstance(width, int) and isinstance(height, int) and width > 0 and height > 0
    return (int(width or 0), int(height or 0)) if known else None


def _box(one: Mapping[str, Any], names: Mapping[Any, str], place: str, tell: Tell) -> tuple[str, Mark] | None:
    box, kind = one.get("bbox"), _id(one, "category_id", place)
    if not isinstance(box, list) or len(box) != 4:
        raise DatasetError(f"expected a bbox of x, y, width and height, got {str(box)[:60]}", file=place)  # fmt: skip
    if kind not in names:
        raise DatasetError(f"expected a category_id that is listed, got {kind!r}", file=place)
    x, y, width, height = (number(value, "bbox", place) for value in box)
    why = "it is a crowd" if one.get("iscrowd") else "it has no area"
    if one.get("iscrowd") or width <= 0 or height <= 0:
        tell(f"{place}: skipped, {why}: {names[kind]!r} {box}")
        return None
    return names[kind], Mark((x, y, x + width, y + height))


def _picture(name: str, path: Path, top: Path, places: Found, split: Split | None, place: str) -> Path:
    """Return where a file is: beside the list, at the top, in ``images``, or in a folder of the list's own name.

    A path that is absolute, or leads up, is looked for as those of tables are.
    """
    if ".." in name or Path(name).is_absolute() or PureWindowsPath(name).is_absolute():
        return places.find(name, place)
    last = path.stem.rsplit("_", 1)[-1]
    for base in dict.fromkeys((places.root.path, path.parent, top, path.parent.parent if path.parent != top else top)):
        for inner in ("", "images", last, f"images/{last}", f"images/{split}"):
            found = Folder(base.resolve()).inside(f"{inner}/{name}".lstrip("/"), place=place)
            if found.is_file():
                return found
    return places.root.inside(name, place=place)


def _list(data: Mapping[str, Any], key: str, path: Path) -> list[dict[str, Any]]:
    found = data.get(key)
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise DatasetError(f"expected COCO's list {key!r} of objects, got {type(found).__name__}", file=path.name)  # fmt: skip
    return found
