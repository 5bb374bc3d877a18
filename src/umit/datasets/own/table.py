"""A table of a user's own: jsonl, a JSON list, csv or parquet, a row a question, a class, boxes, points or a report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from umit.datasets.dataset import Split, split_in, split_name
from umit.datasets.folder import Folder
from umit.datasets.own import truths
from umit.datasets.own.coco import is_coco
from umit.datasets.own.columns import BoxForm, as_written, boxed, columns, filled
from umit.datasets.own.item import Boxed, Given, Item, named
from umit.datasets.own.pictured import Found
from umit.datasets.pictures import Files, Pictures, paths_of
from umit.datasets.rows import at, table_rows
from umit.datasets.swift import OURS
from umit.datasets.swift_pictures import source_of
from umit.datasets.swift_turns import BOX, IMAGE, REF, talk
from umit.errors import DatasetError

__all__ = ["items", "there"]

_ENDS: Final = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet")
_TALKS: Final = ("messages", "conversations", "conversation")
#: What stands for coordinates, or around them: ms-swift's, and Qwen2-VL's tokens.
_MARKS: Final = (BOX, REF, "<|box_start|>", "<|object_ref_start|>")


def there(path: Path) -> bool:
    """Return whether it is a table, or a folder with one, or with one a split."""
    return bool(_files(path))


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path] if path.suffix.lower() in _ENDS and not is_coco(path) else []
    named = (p for p in sorted(path.iterdir()) if p.name[:1] != "." and p.name != "dataset.json")
    found = [p for p in named if p.suffix.lower() in _ENDS and p.is_file() and not is_coco(p)]
    splits = [p for p in found if _split_of(p)]
    return found if len(found) == 1 else splits if splits and len(splits) == len(found) else []


def _split_of(path: Path) -> Split | None:
    return split_in(path.stem.replace("-", "_").replace(".", "_").split("_"))


def items(given: Given) -> Iterator[Item]:
    """Yield what the rows say; a row that says nothing is skipped, and told."""
    files = _files(given.path)
    for path in files:
        reader = _Reader(given, path, _split_of(path) if len(files) > 1 else None)
        yield from reader.items()


def _refuse_marks(words: str, place: str) -> None:
    """Refuse a conversation whose boxes stand beside its words or in a model's own tokens: as words they say nothing."""
    if mark := next((one for one in _MARKS if one in words), None):
        raise DatasetError(
            f"expected a conversation in plain words, got {mark}; umit.datasets.swift_samples reads such rows by a "
            "checkpoint's tasks, and a table with boxes as coordinates is read here",
            file=place,
        )


@dataclass
class _Reader:
    given: Given
    path: Path
    split: Split | None
    #: Boxes of a picture whose rows have one each, with the first row.
    _boxes: dict[str, list[tuple[str, Any]]] = field(default_factory=dict)
    _first: dict[str, Item] = field(default_factory=dict)
    _columns: dict[tuple[str, ...], dict[str, str]] = field(default_factory=dict)
    _told: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.places = Found(Folder.of(self.path), Folder.of(self.given.root))

    def items(self) -> Iterator[Item]:
        for place, row in table_rows(self.path):
            if OURS in row:
                raise DatasetError(
                    "expected rows of your own, got one that umit wrote in a checkpoint's prompts; "
                    "umit.datasets.swift_samples reads it back",
                    file=place,
                )
            yield from self._row(place, row)
        for name, item in self._first.items():
            yield replace(item, truth=Boxed(tuple(self._boxes[name])))

    def _row(self, place: str, row: dict[str, Any]) -> Iterator[Item]:
        talks = any(row.get(key) is not None for key in _TALKS)
        if (keys := tuple(row)) not in self._columns:
            self._columns[keys] = columns(keys, self.given.fields, place)
        known = self._columns[keys]
        found = {name: row.get(column) for name, column in known.items()}
        if not talks and not known.keys() & {"image", "volume"}:
            raise DatasetError(
                f"expected a picture, got the fields {', '.join(map(str, row))[:300]}; say which names it, such as image=…",
                file=place,
            )
        source = self._source(found, place)
        if source is None:
            self._say(f"{place}: skipped, it names no picture")
            return
        number = place.rsplit(" ", 1)[-1]
        item = Item(
            id=str(found["id"]) if filled(found.get("id")) else f"{self.path.stem}-{number}",
            source=source,
            truth=Boxed(),
            place=place,
            name=self._name(source.names[0]) if paths_of(source) else "",
            group=str(found["group"]).strip() if filled(found.get("group")) else "",
            split=self._split(found.get("split"), place),
            language=truths.language(found.get("language"), place),
        )
        if talks:
            for turn, (asked, answer) in enumerate(talk(row, place).turns, start=1):
                _refuse_marks(asked + (answer or ""), place)
                said = truths.turn(asked.replace(IMAGE, " ").strip(), answer)
                if said is None:
                    self._say(f"{place}: skipped turn {turn}, its question or its answer is empty")
                else:
                    yield replace(item, id=f"{item.id}-{turn}", truth=said)
            return
        if (four := boxed(row)) is not None and "question" not in found:
            self._box(item, row, four, known, place)
            return
        truth = truths.of(row, known, self.given.fields, place, self._say)
        if truth is not None:
            yield replace(item, truth=truth)

    def _box(
        self, item: Item, row: Mapping[str, Any], four: tuple[list[str], BoxForm], known: Mapping[str, str], place: str
    ) -> None:
        """Keep one row's box for its picture, which may have boxes in other rows."""
        name = str(item.source.names)
        self._first.setdefault(name, item)
        boxes = self._boxes.setdefault(name, [])
        if (found := truths.box(row, four, known, place, self._say)) is not None:
            boxes.append(found)

    def _source(self, found: Mapping[str, Any], place: str) -> Pictures | None:
        volume = as_written(found.get("volume"))
        entry = volume if filled(volume) else as_written(found.get("image"))
        if not filled(entry) or entry == []:
            return None
        names = entry if isinstance(entry, list) else [entry]
        slices = filled(volume) and isinstance(volume, list) and len(names) > 1
        if len(names) == 1 and isinstance(names[0], list):
            names, slices = names[0], True
        names = [str(one) if isinstance(one, int | float) else one for one in names]
        source = source_of(names, slices, self.places, place, prepared=False)
        if not isinstance(source, Files):
            return source
        folders = [path.is_dir() for path in source.paths]
        if len(folders) > 1 and any(folders):
            raise DatasetError("expected films or one volume, got a folder among several", file=place)
        if filled(volume) or any(folders):
            return Files(source.paths, is_volume=True)
        return Files(source.paths, size=truths.size(found, place), spacing=truths.spacing(found, place))

    def _name(self, first: str) -> str:
        path, root = Path(first), self.places.root.path
        return named(path, root if path.is_relative_to(root) else self.places.beside.path)

    def _split(self, value: Any, place: str) -> Split | None:
        if not filled(value):
            return self.split
        try:
            with at(place):
                return split_name(str(value))
        except DatasetError:
            if "split" in self.given.fields:
                raise
            self._say(f"{place}: {value!r} is no split's name, taken for none")
            return self.split

    def _say(self, message: str) -> None:
        """Tell what is assumed once a file, with its first place, and each row that is skipped."""
        kind = message.partition(": ")[2].split("'")[0]
        if "skipped" in message or kind not in self._told:
            self._told.add(kind)
            self.given.tell(message)
