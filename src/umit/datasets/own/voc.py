"""Pascal VOC: an XML file of boxes a picture, in whole pixels counted from 1."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

from umit.datasets.dataset import Split, split_in
from umit.datasets.own.item import Boxed, Given, Item, Tell, named, natural
from umit.datasets.own.pictured import is_picture
from umit.datasets.pictures import Files
from umit.datasets.rows import number, whole_text
from umit.datasets.swift_marks import Mark
from umit.errors import DatasetError

__all__ = ["items", "there"]

_EDGES: Final = ("xmin", "ymin", "xmax", "ymax")


def there(root: Path) -> bool:
    """Return whether there are XML files of annotations."""
    for path in _files(root)[:1]:
        with path.open("rb") as file:
            return b"<annotation" in file.read(512)
    return False


def _files(root: Path) -> list[Path]:
    """Return the XML files: in ``Annotations``, else beside the pictures, perhaps in folders of splits."""
    for form in ("Annotations/**/*.xml", "*.xml", "*/*.xml"):
        if found := sorted(root.glob(form), key=lambda p: natural(str(p))):
            return found
    return []


def items(given: Given) -> Iterator[Item]:
    """Yield a picture with its boxes: ``xmin`` 1 is the left edge of the first pixel, ``xmax`` the right of its own.

    A box without an area is skipped, and told; a picture without an annotation is no part of the set, and told.
    """
    root, tell = given.path, given.tell
    splits = dict(_splits(root))
    folder = root / "JPEGImages" if (root / "JPEGImages").is_dir() else root
    pictures = defaultdict(list)
    for picture in sorted(folder.rglob("*")):
        if is_picture(picture):
            pictures[picture.stem].append(picture)
    files = _files(root)
    for path in files:
        place = path.relative_to(root).as_posix()
        tree = _tree(path, place)
        inner = Path(*[part for part in path.relative_to(root).parent.parts if part != "Annotations"])
        picture = _picture(pictures.get(path.stem, []), folder / inner, _named(tree, path), place)
        size = tuple(_number(tree, f"size/{side}", place) or 0 for side in ("width", "height"))
        yield Item(
            id=path.stem,
            source=Files((picture,), size=(int(size[0]), int(size[1])) if all(size) else None),
            truth=Boxed(tuple(_boxes(tree, place, tell))),
            place=place,
            name=named(picture, folder),
            split=splits.get(path.stem) or split_in(path.relative_to(root).parts[:-1]),
        )
    if left := sorted(pictures.keys() - {path.stem for path in files}):
        tell(f"{folder.name}: {len(left)} pictures without an annotation left out, such as {left[0]!r}")


def _tree(path: Path, place: str) -> ElementTree.Element:
    try:
        return ElementTree.parse(path).getroot()
    except (ElementTree.ParseError, OSError, ValueError) as error:
        raise DatasetError(f"expected XML: {error}", file=place) from error


def _named(tree: ElementTree.Element, path: Path) -> str:
    """Return the picture's name alone: paths in annotations are of the machine that wrote them."""
    return (tree.findtext("filename") or f"{path.stem}.jpg").replace("\\", "/").rsplit("/", 1)[-1]


def _picture(found: list[Path], folder: Path, name: str, place: str) -> Path:
    """Return the one picture of an annotation's name: of several, the one that lies as it, or is called as it says."""
    for wanted in ([p for p in found if p.parent == folder], [p for p in found if p.name == name]):
        found = wanted or found if len(found) > 1 else found
    if len(found) > 1:
        shown = ", ".join(p.relative_to(p.parents[1]).as_posix() for p in found[:3])
        raise DatasetError(f"expected one picture called {found[0].stem!r}, got {len(found)}: {shown}", file=place)
    return found[0] if found else folder / name


def _boxes(tree: ElementTree.Element, place: str, tell: Tell) -> Iterator[tuple[str, Mark]]:
    for count, one in enumerate(tree.iter("object"), start=1):
        name = (one.findtext("name") or "").strip()
        edges = [_number(one, f"bndbox/{edge}", place) for edge in _EDGES]
        known = [edge for edge in edges if edge is not None]
        if not name or len(known) != 4:
            raise DatasetError(
                f"expected an object with name and bndbox of {', '.join(_EDGES)}, got object {count} without",
                file=place,
            )
        x1, y1, x2, y2 = known
        if x1 >= x2 or y1 >= y2:
            tell(f"{place}: skipped box {count}, {name!r}: {x1:g}, {y1:g}, {x2:g}, {y2:g} has no area")
            continue
        yield name, Mark((x1 - 1, y1 - 1, x2, y2))


def _number(tree: ElementTree.Element, path: str, place: str) -> float | None:
    words = tree.findtext(path)
    return None if words is None or not words.strip() else number(words, path, place)


def _splits(root: Path) -> Iterator[tuple[str, Split]]:
    """Yield names with their split; ``trainval`` says nothing, and a class's own lists (``cat_train``) neither."""
    for path in sorted((root / "ImageSets" / "Main").glob("*.txt")):
        if (split := split_in([path.stem])) is not None:
            for line in whole_text(path).splitlines():
                if line.strip():
                    yield line.split()[0], split
