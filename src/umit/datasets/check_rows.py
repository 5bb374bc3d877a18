"""The doctor on a file of ms-swift rows: every line is looked at, however many are wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from umit.datasets.ask import Tasks
from umit.datasets.check_pictures import Complaint, Files, out_of_order, outside
from umit.datasets.folder import Folder
from umit.datasets.pictures import Files as Pictured
from umit.datasets.pictures import Pictures, Stack
from umit.datasets.rows import tried_rows
from umit.datasets.swift import Row, Turn, row_of
from umit.datasets.swift_pictures import Places
from umit.datasets.swift_samples import RowReader
from umit.errors import DatasetError, InputError, OutputError
from umit.queries import Ask, Choose, Find, Locate, Query
from umit.results import Detections, Landmarks

__all__ = ["check_rows"]

_NUMBERED: Final = re.compile(r"\s*(\d{1,3})\s*[:：]\s*(.+?)\s*", re.DOTALL)
_SLICES: Final = 3  # pictures of one question from which they are more likely slices than views
_SPLITS: Final = ("train", "validation", "validate", "valid", "val", "test")


def check_rows(
    path: Path, tasks: Tasks, *, pictures: Path | str | None = None
) -> Iterator[Complaint]:
    """Yield what is wrong with a file of rows, and with the files of other splits beside it.

    Args:
        path: A ``.jsonl`` or ``.json`` file.
        tasks: Of the checkpoint whose prompts and frames the rows are written in.
        pictures: Where pictures are, besides the file's own folder.
    """
    checked = _Rows(tasks, pictures)
    for file in _siblings(path):
        yield from checked.run(file)
    yield from checked.files.shared()


def _siblings(path: Path) -> list[Path]:
    """Return the file, and those whose names differ by the split alone."""
    found = [path]
    for name in _SPLITS:
        if name in path.stem.split("_") + path.stem.split("-") + [path.stem]:
            others = (path.with_name(path.name.replace(name, other)) for other in _SPLITS)
            found += sorted({p for p in others if p != path and p.is_file()})
            break
    return found


class _Rows:
    """What is remembered between rows: names and sizes only."""

    def __init__(self, tasks: Tasks, pictures: Path | str | None = None) -> None:
        self.tasks, self.pictures, self.files = tasks, pictures, Files()
        self._first: dict[str, str] = {}
        self._places: dict[str, tuple[str, str]] = {}

    def run(self, path: Path) -> Iterator[Complaint]:
        """Yield complaints about one file."""
        beside = Folder.of(path)
        root = beside if self.pictures is None else Folder.of(self.pictures)
        reader = RowReader(self.tasks, Places(beside, root))
        for place, raw in tried_rows(path):
            if isinstance(raw, DatasetError):
                yield Complaint("error", "line", place, raw.message)
                continue
            try:
                row = row_of(raw, place)
                yield from self._row(row, reader, path.name)
            except DatasetError as error:
                yield Complaint("error", "row", place, error.message)

    def _row(self, row: Row, reader: RowReader, file: str) -> Iterator[Complaint]:
        source = reader.source(row)
        paths = list(source.paths) if isinstance(source, Pictured | Stack) else []
        for path in paths:
            yield from self.files.file(path, None, row.place)
            yield from self._elsewhere(path, row.place, file)
        if len(paths) >= _SLICES:
            yield from out_of_order([p.name for p in paths], row.place)
        if not row.images:
            yield Complaint("error", "no_picture", row.place, "it has no picture")
        key = f"{row.images}{row.turns}"
        if self._first.setdefault(str(hash(key)), row.place) != row.place:
            yield Complaint(
                "warning", "repeated_row", row.place, f"it is {self._first[str(hash(key))]} again"
            )
        for turn in row.turns:
            yield from self._turn(row, turn, reader, source)

    def _elsewhere(self, path: Path, place: str, file: str) -> Iterator[Complaint]:
        early, where = self._places.setdefault(str(path), (file, place))
        if early != file:
            yield Complaint("error", "shared", place, f"{path.name!r} is in {early} too: {where}")
            self._places[str(path)] = (file, place)  # once a picture

    def _turn(
        self, row: Row, turn: Turn, reader: RowReader, source: Pictures | None
    ) -> Iterator[Complaint]:
        if turn.answer is not None and not turn.answer.strip():
            yield Complaint("error", "empty", row.place, "its answer is empty")
            return
        read = None if source is None else reader.read(turn, source)
        if read is None:
            if source is not None:
                message = "its prompt is none of umit's, so it stays plain text"
                yield Complaint("warning", "prompt", row.place, message)
            return
        name, query, shown = read
        yield from _numbers(turn, query, row.place)
        paths = shown.paths if isinstance(shown, Pictured) else ()
        size = self.files.sizes.get(str(paths[0])) if len(paths) == 1 else None
        if isinstance(query, Find | Locate) and size is None:
            return  # a volume, or a picture that is missing, which was said
        try:
            gold = reader.gold(row, turn, name, query, shown)
        except (OutputError, InputError, DatasetError) as error:
            hint = _scale(turn, size)
            said = f"its answer is not {name}'s: {error.message}{hint}"
            yield Complaint("error", "answer", row.place, said)
            return
        if isinstance(gold, Detections | Landmarks) and size is not None:
            wrong = list(outside(gold, size, row.place))
            hint = _scale(turn, size) if wrong else ""
            yield from (Complaint(w.level, w.code, w.place, w.message + hint) for w in wrong)
            yield from _small(turn, row.place)


def _numbers(turn: Turn, query: Query, place: str) -> Iterator[Complaint]:
    """An answer whose number is one beside that of its words: numbered from 0 instead of 1, or the reverse."""
    choices = (
        query.options
        if isinstance(query, Ask)
        else query.labels
        if isinstance(query, Choose)
        else ()
    )
    match = _NUMBERED.fullmatch(turn.answer or "")
    if not match or match[2] not in choices:
        return
    first = 1 if isinstance(query, Ask) else 0
    apart = int(match[1]) - first - choices.index(match[2])
    if apart:
        yield Complaint(
            "error", "off_by_one" if abs(apart) == 1 else "option", place,
            f"its answer {turn.answer!r} has the number of another option; {match[2]!r} is "
            f"{choices.index(match[2]) + first}",
        )  # fmt: skip


def _scale(turn: Turn, size: tuple[int, ...] | None) -> str:
    """Guess, for the message alone, in which scale the numbers are."""
    numbers = [v for boxes in turn.marks for mark in boxes for v in mark.numbers] or [
        float(n) for n in re.findall(r"\d+(?:\.\d+)?", turn.answer or "")
    ]
    if not numbers or size is None:
        return ""
    most = max(numbers)
    if most <= 1.0:
        return "; the numbers look like shares of the picture: norm1"
    if most <= 1000 and most > max(size[:2]):
        return "; the numbers look like thousandths: norm1000"
    return f"; the numbers reach {most:g}, as on another canvas than {size[0]} x {size[1]}"


def _small(turn: Turn, place: str) -> Iterator[Complaint]:
    """Boxes given as real pixels that are all within one pixel are shares."""
    marks = [mark for boxes in turn.marks for mark in boxes]
    if marks and all(
        m.scale == "real" and 0 <= min(m.numbers) <= max(m.numbers) <= 1 for m in marks
    ):
        yield Complaint(
            "error", "scale", place, "its boxes are within 0 and 1, and are called real pixels"
        )
