"""YOLO: a text file a picture, a line a box: class number, centre and size in shares of the picture."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from umit.datasets.dataset import split_in
from umit.datasets.own.item import Boxed, Given, Item, Tell, named, natural
from umit.datasets.own.pictured import is_picture
from umit.datasets.pictures import Files
from umit.datasets.rows import number, whole_text
from umit.datasets.swift_marks import Mark
from umit.errors import DatasetError

__all__ = ["items", "there"]

_TABLES = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")
_LINE = re.compile(r"\s*-?\d+(?:\.0*)?(?:\s+(?:nan|-?[\d.]+(?:e-?\d+)?)){4,}\s*$", re.I)
_FAR = 2.0  # no share of a picture; what leaves it by less, the doctor finds
_LISTS = ("classes.txt", "obj.names", "labels/classes.txt")


def there(root: Path) -> bool:
    """Return whether pictures have texts of boxes, in a folder ``labels`` beside ``images`` or beside themselves."""
    for path in (labels for _, labels in _pairs(root) if labels.is_file()):
        with path.open("rb") as file:
            head = file.read(256).decode("utf-8-sig", "replace").splitlines()
        return not head or _LINE.match(head[0]) is not None
    return False


def items(given: Given) -> Iterator[Item]:
    """Yield a picture with its boxes; polygons become the boxes around them, a picture without a text has none."""
    root, tell = given.path, given.tell
    names = _names(root)
    bare = 0
    used: set[str] = set()
    for picture, labels in _pairs(root):
        place = labels.relative_to(root).as_posix()
        bare += not labels.is_file()
        boxes = tuple(_boxes(labels, names, place, tell)) if labels.is_file() else ()
        used.update(name for name, _ in boxes)
        yield Item(
            id=picture.relative_to(root).as_posix(),
            source=Files((picture,)),
            truth=Boxed(boxes),
            place=place,
            name=named(picture, root),
            split=split_in(picture.relative_to(root).parts[:-1]),
        )
    if bare:
        tell(f"{root.name}: {bare} pictures without a text of boxes, taken to show nothing")
    if not names:
        tell(f"{root.name}: no {' or '.join((*_TABLES[:1], *_LISTS[:1]))} names the classes {', '.join(sorted(used))}")


def _pairs(root: Path) -> Iterator[tuple[Path, Path]]:
    """Yield pictures with where their texts are: the last folder ``images`` is ``labels`` there, else beside them."""
    pictures = list(root.glob("**/images/**/*")) or list(root.glob("**/*"))
    for picture in sorted(pictures, key=lambda p: natural(str(p))):
        if is_picture(picture):
            parts = list(picture.relative_to(root).parts)
            if "images" in parts[:-1]:
                parts[len(parts) - 1 - parts[::-1].index("images")] = "labels"
            yield picture, root.joinpath(*parts).with_suffix(".txt")


def _names(root: Path) -> dict[int, str]:
    for path in (root / name for name in _TABLES):
        if path.is_file():
            return _of_table(path)
    for path in (root / name for name in _LISTS):
        if path.is_file():
            names = enumerate(whole_text(path).splitlines())
            return {number: name.strip() for number, name in names if name.strip()}
    return {}


def _of_table(path: Path) -> dict[int, str]:
    import yaml

    try:
        data = yaml.safe_load(whole_text(path))
    except yaml.YAMLError as error:
        raise DatasetError(f"expected YAML: {error}", file=path.name) from error
    names = data.get("names") if isinstance(data, dict) else None
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict) or not all(str(key).isdecimal() for key in names):
        raise DatasetError(f"expected names of classes by their number, got {names!r:.60}", file=path.name)
    return {int(key): str(name) for key, name in names.items()}


def _boxes(path: Path, names: dict[int, str], place: str, tell: Tell) -> Iterator[tuple[str, Mark]]:
    for count, line in enumerate(whole_text(path, place).splitlines(), start=1):
        where = f"{place} line {count}"
        if not line.strip():
            continue
        kind, *shares = (number(word, "class, centre and size", where) for word in line.split())
        if max(map(abs, shares), default=0) > _FAR:
            raise DatasetError(f"expected shares of the picture, 0 to 1, got {line[:60]!r}", file=where)  # fmt: skip
        if kind < 0 or not kind.is_integer() or (names and int(kind) not in names):
            raise DatasetError(f"expected a class of {', '.join(map(str, names)) or 'whole number'}, got {kind:g}", file=where)  # fmt: skip
        corners = _corners(shares, where)
        if not (corners[0] < corners[2] and corners[1] < corners[3]):
            tell(f"{where}: skipped, the box has no area")
            continue
        yield names.get(int(kind), f"class {int(kind)}"), Mark(corners, "norm1")


def _corners(shares: list[float], where: str) -> tuple[float, ...]:
    """Return left, top, right and bottom in shares: of centre and size, perhaps with a score after, or of a polygon."""
    if len(shares) in (4, 5):
        x, y, width, height = shares[:4]
        return x - width / 2, y - height / 2, x + width / 2, y + height / 2
    if len(shares) < 6 or len(shares) % 2:
        raise DatasetError(f"expected four numbers or a polygon after the class, got {len(shares)}", file=where)  # fmt: skip
    xs, ys = shares[::2], shares[1::2]
    return min(xs), min(ys), max(xs), max(ys)
