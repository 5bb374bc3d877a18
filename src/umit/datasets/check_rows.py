"""The doctor on a file of ms-swift rows: every line is looked at, however many are wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from umit.datasets.ask import Tasks
from umit.datasets.check_pictures import Complaint, Files, beyond, out_of_order, outside
from umit.datasets.check_words import Spellings, too_long
from umit.datasets.folder import Folder
from umit.datasets.own.coco import is_coco
from umit.datasets.pictures import Files as Pictured
from umit.datasets.pictures import Pictures, Stack, paths_of
from umit.datasets.rows import tried_rows
from umit.datasets.swift import OURS, Row, Turn, row_of
from umit.datasets.swift_pictures import Places
from umit.datasets.swift_samples import RowReader
from umit.datasets.swift_turns import IMAGE
from umit.errors import DatasetError, InputError, OutputError
from umit.queries import Ask, Find, Locate, Query

__all__ = ["check_rows", "is_rows"]

_N: Final = r"\s*(-?\d+(?:\.\d+)?)\s*"
#: Qwen2-VL's box tokens, and Qwen2.5-VL's JSON.
_SPELLED: Final = re.compile(
    rf"<\|box_start\|>\s*\({_N},{_N}\)\s*,\s*\({_N},{_N}\)|\"bbox(?:_2d)?\"\s*:\s*\[{_N},{_N},{_N},{_N}\]"
)
_NUMBERED: Final = re.compile(r"\s*(\d{1,3})\s*[:：]\s*(.+?)\s*", re.DOTALL)
_SLICES: Final = 3  # pictures of one question from which they are more likely slices than views
_LAYOUTS: Final = ("messages", "conversations", "conversation", "history", "objects", OURS)
_SPLITS: Final = ("train", "validation", "validate", "valid", "val", "test")


def check_rows(path: Path, tasks: Tasks, *, pictures: Path | str | None = None) -> Iterator[Complaint]:
    """Yield what is wrong with a file of rows, and with the files of other splits beside it.

    Args:
        path: A ``.jsonl``, ``.json`` or ``.parquet`` file.
        tasks: Of the checkpoint whose prompts and frames the rows are written in.
        pictures: Where pictures are, besides the file's own folder.
    """
    checked = _Rows(tasks, pictures)
    for file in _siblings(path):
        yield from checked.run(file)
    yield from checked.files.shared()
    yield from checked.spelled.differ()


def _siblings(path: Path) -> list[Path]:
    """Return the file, and those whose names differ by the split alone."""
    found = [path]
    for name in _SPLITS:
        if name in path.stem.split("_") + path.stem.split("-") + [path.stem]:
            others = (path.with_name(path.name.replace(name, other)) for other in _SPLITS)
            found += sorted({p for p in others if p != path and p.is_file()})
            break
    return found


def is_rows(path: Path) -> bool:
    """Return whether a file's first row is in a layout of ms-swift's, or of umit's own making."""
    if not path.is_file() or path.suffix.lower() in (".csv", ".tsv") or is_coco(path):
        return False
    _, first = next(tried_rows(path), ("", {}))
    if isinstance(first, DatasetError):
        return path.suffix.lower() != ".parquet"
    said = any(first.get(key) is not None for key in _LAYOUTS)
    return said or {"query", "response"} <= first.keys()


class _Rows:
    """What is remembered between rows: names and sizes only."""

    def __init__(self, tasks: Tasks, pictures: Path | str | None = None) -> None:
        self.tasks, self.pictures, self.files = tasks, pictures, Files()
        self.spelled = Spellings()
        self._longest = max(tasks.values(), key=lambda task: task.max_new_tokens)
        self._first: dict[str, str] = {}
        self._places: dict[str, tuple[str, str]] = {}

    def run(self, path: Path) -> Iterator[Complaint]:
        """Yield complaints about one file."""
        beside = Folder.of(path)
        root = beside if self.pictures is None else Folder.of(self.pictures)
        reader = RowReader(self.tasks, Places(beside, root))
        plain: list[str] = []
        for place, raw in tried_rows(path):
            if isinstance(raw, DatasetError):
                yield Complaint("error", "line", place, raw.message)
                continue
            try:
                row = row_of(raw, place)
                yield from self._row(row, reader, path.name, plain)
            except DatasetError as error:
                yield Complaint("error", "row", place, error.message)
        if plain:
            said = f"{len(plain)} prompts are none of umit's, so they stay plain text; this is the first"
            yield Complaint("warning", "prompt", plain[0], said)

    def _row(self, row: Row, reader: RowReader, file: str, plain: list[str]) -> Iterator[Complaint]:
        source = reader.source(row)
        if source is not None:
            yield from self.files.source(source, None, row.place)
            paths = paths_of(source)
            for path in paths:
                yield from self._elsewhere(path, row.place, file)
            if len(paths) >= _SLICES and not isinstance(source, Stack):
                yield from out_of_order([p.name for p in paths], row.place)
            yield from self._marks(row, source)
        if not row.images:
            yield Complaint("error", "no_picture", row.place, "it has no picture")
        for note in row.notes:
            yield Complaint("warning", "tags" if IMAGE in note else "row", row.place, note)
        key = str(hash(f"{row.images}{row.turns}"))
        if self._first.setdefault(key, row.place) != row.place:
            yield Complaint("warning", "repeated_row", row.place, f"it is {self._first[key]} again")
        for turn in row.turns:
            yield from self._turn(row, turn, reader, source, plain)

    def _elsewhere(self, path: Path, place: str, file: str) -> Iterator[Complaint]:
        early, where = self._places.setdefault(str(path), (file, place))
        if early != file:
            yield Complaint("error", "shared", place, f"{path.name!r} is in {early} too: {where}")
            self._places[str(path)] = (file, place)  # once a picture

    def _marks(self, row: Row, source: Pictures) -> Iterator[Complaint]:
        """Look at the boxes beside the words, whatever the prompt: the row states their scale."""
        parts: Sequence[Pictures] = getattr(source, "parts", (source,))
        if isinstance(source, Pictured):
            parts = [Pictured((path,)) for path in source.paths]
        found = [mark for several in row.objects.boxes for mark in several]
        real = [mark for mark in found if mark.scale == "real"]
        if real and all(0 <= min(m.numbers) <= max(m.numbers) <= 1 for m in real):
            said = "its boxes are within 0 and 1, and are called real pixels"
            yield Complaint("error", "scale", row.place, said)
        for number, mark in enumerate(found, start=1):
            size = self.files.size(parts[mark.picture]) if mark.picture < len(parts) else None
            if size is not None and len(size) == 2:
                corners = mark.in_pixels(size)
                yield from beyond(number, corners, size, row.place, _scale(mark.numbers, size))

    def _turn(
        self, row: Row, turn: Turn, reader: RowReader, source: Pictures | None, plain: list[str]
    ) -> Iterator[Complaint]:
        if turn.answer is not None and not turn.answer.strip():
            yield Complaint("error", "empty", row.place, "its answer is empty")
            return
        read = None if source is None else reader.read(turn, source)
        task = self._longest if read is None else self.tasks[read[0]]
        yield from too_long(turn.answer or "", task, row.place)
        if read is None:
            plain += [row.place] if source is not None else []
            if source is not None and len(source.names) == 1 and not turn.marks:
                yield from _spelled(turn.answer or "", self.files.size(source), row.place)
            return
        name, query, shown = read
        self.spelled.add(query, row.place)
        yield from _numbers(turn, query, row.place)
        size = self.files.size(shown) if len(shown.names) == 1 else None
        if isinstance(query, Find | Locate) and size is None:
            return  # several views, or a picture that is missing, which was said
        try:
            gold = reader.gold(row, turn, name, query, shown)
        except (OutputError, InputError, DatasetError) as error:
            written = [float(n) for n in re.findall(r"\d+(?:\.\d+)?", turn.answer or "")]
            beside = [v for marks in turn.marks for m in marks for v in m.numbers]
            hint = _scale(beside or written, size)
            said = f"its answer is not {name}'s: {error.message}{hint}"
            yield Complaint("error", "answer", row.place, said)
            return
        if size is not None and not turn.marks:
            yield from outside(gold, size, row.place)


def _spelled(answer: str, size: Sequence[int] | None, place: str) -> Iterator[Complaint]:
    """Look at boxes that stand in the words of an answer to a prompt that is not ours, in a scale that nothing states.

    They may be pixels of the picture or thousandths of it; what lies beyond both is outside in any scale.
    """
    for number, match in enumerate(_SPELLED.finditer(answer) if size is not None and len(size) == 2 else (), start=1):
        corners = [float(one) for one in match.groups() if one is not None]
        width, height = (max(1000, side) for side in size or ())
        if any(v < 0 or v > limit for v, limit in zip(corners, (width, height) * 2, strict=True)):
            said = (
                f"box {number} of its answer, {match[0]!r:.80}, lies outside the picture in pixels and in thousandths"
            )
            yield Complaint("error", "outside", place, said)
        elif corners[0] >= corners[2] or corners[1] >= corners[3]:
            yield Complaint("error", "outside", place, f"box {number} of its answer, {match[0]!r:.80}, has no area")


def _numbers(turn: Turn, query: Query, place: str) -> Iterator[Complaint]:
    """An answer whose number is one beside that of its words: numbered from 0 instead of 1, or the reverse."""
    choices = query.choices
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


def _scale(numbers: Sequence[float], size: tuple[int, ...] | None) -> str:
    """Guess, for the message alone, in which scale the numbers are."""
    if not numbers or size is None:
        return ""
    most = max(numbers)
    if most <= 1.0:
        return "; the numbers look like shares of the picture: norm1"
    if most <= 1000 and most > max(size[:2]):
        return "; the numbers look like thousandths: norm1000"
    return f"; the numbers reach {most:g}, as on another canvas than {size[0]} x {size[1]}"
