"""Rows as ms-swift reads them: words, pictures and marks in any of its layouts, as one value.

:mod:`umit.datasets.swift_samples` makes typed samples of those whose prompt is one of umit's wordings.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final

from umit.chat import OBJECT_END, OBJECT_START
from umit.datasets.rows import table_rows
from umit.datasets.swift_marks import Mark, Marks, marks
from umit.datasets.swift_pictures import entries
from umit.datasets.swift_turns import BOX, IMAGE, REF, VIDEO, talk
from umit.errors import DatasetError

__all__ = ["OURS", "Row", "Turn", "row_of", "swift_rows"]

#: The field in which umit keeps what ms-swift has no field for: a sample's id, group and facts.
OURS: Final = "umit"
_NO_MARKS: Final = Marks()
_PICTURE: Final = re.compile(f"{IMAGE}|{VIDEO}")
_NULLS: Final = "an empty entry among images is left out"
_FRONT: Final = re.compile(rf"(?:\s*(?:{IMAGE}|{VIDEO}))*\s*")


@dataclass(frozen=True, slots=True)
class Turn:
    """One question with its answer.

    Args:
        asked: The words after the pictures' tags; names stand where ``<ref-object>`` stood.
        answer: What is true of it: the label of a result file, else the response; ``None`` for neither.
        marks: What each ``<bbox>`` of the answer stands for, in order.
    """

    asked: str
    answer: str | None
    marks: tuple[tuple[Mark, ...], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row, whatever layout it came in.

    Args:
        turns: Questions with their answers, at least one.
        system: The system line; ``""`` for none.
        objects: All that ``<ref-object>`` and ``<bbox>`` of the row stand for.
        images: Paths, data URIs or ``{"path", "bytes"}``, as the row has them; none is an address.
        slices: Whether they are one volume's slices.
        label: A class's number, or several, where the row has one beside its words.
        response: What a model answered, in a result file.
        notes: What was assumed in reading.
        place: File and line or row.
        raw: The row itself.
    """

    turns: tuple[Turn, ...]
    system: str = ""
    objects: Marks = _NO_MARKS
    images: tuple[Any, ...] = ()
    slices: bool = False
    label: int | float | tuple[int, ...] | None = None
    response: str | None = None
    notes: tuple[str, ...] = ()
    place: str = ""
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def ours(self) -> Mapping[str, Any]:
        """What :func:`umit.datasets.convert.convert` wrote beside the row; empty in rows of others."""
        found = self.raw.get(OURS)
        if isinstance(found, str):
            try:
                found = json.loads(found)
            except (ValueError, RecursionError):
                return {}
        return found if isinstance(found, dict) else {}


def swift_rows(path: Path | str) -> Iterator[Row]:
    """Yield the rows of a ``.jsonl`` or ``.json`` file, whichever of the two it is, or of a parquet table.

    Raises:
        DatasetError: A row that is none, with file and line.
    """
    file = Path(path)
    for place, raw in table_rows(file):
        yield row_of(raw, place)


def row_of(raw: Mapping[str, Any], place: str = "", *, scored: bool = False) -> Row:
    """Read one row; no file is opened.

    Args:
        raw: An object of the file.
        place: File and row, for messages.
        scored: Whether the row is to be scored, so that a label in words is the truth. Else it is that in a
            result file alone; in rows for training the answer is.

    Raises:
        DatasetError: No question, another speaker, tags that match neither pictures nor objects, an unknown
            scale, or an address.

    Example:
        >>> row_of({"query": "<image>Where?", "response": "left", "images": ["a.png"]}).turns
        (Turn(asked='Where?', answer='left', marks=()),)
    """
    said = talk(raw, place)
    images, slices = entries(raw, said.pictures, place)
    found = marks(raw.get("objects"), place, len(images))
    truth = raw.get("labels") if raw.get("labels") is not None else raw.get("label")
    turns, response = said.turns, None
    named = raw.get("images")
    notes: tuple[str, ...] = (_NULLS,) if isinstance(named, list) and None in named else ()
    # A result file: the label is true, if there is one, and the response a model's.
    result = _is_result(raw)
    if (result and truth is None) or (isinstance(truth, str) and (scored or result)):
        *before, (asked, answer) = turns
        response = raw["response"] if isinstance(raw.get("response"), str) else answer
        turns = (*before, (asked, truth))
    elif isinstance(truth, str):
        # ms-swift trains on a label of numbers alone, and its answer is what is learnt.
        notes += (f"its label {truth[:40]!r} is text beside the answer, which is kept",)
    return Row(
        turns=tuple(_filled(turns, found, place)),
        system=said.system,
        objects=found,
        images=images,
        slices=slices,
        label=None if isinstance(truth, str) else _label(truth, place),
        response=response,
        notes=(*_tags(turns, len(images), slices, place), *notes),
        place=place,
        raw=raw,
    )


def _is_result(raw: Mapping[str, Any]) -> bool:
    """Return whether a row without a label has the fields of ``swift infer``: 3.x, or 2.x."""
    return {"response", "labels"} <= raw.keys() or {"response", "label", "history"} <= raw.keys()


def _label(value: Any, place: str) -> int | float | tuple[int, ...] | None:
    several = isinstance(value, list)
    for one in value if several else [value]:
        if isinstance(one, bool) or not isinstance(one, int | float | None):
            raise DatasetError(f"expected a label of text or numbers, got {type(one).__name__}", file=place)
    return tuple(value) if several else value


def _tags(turns: tuple[tuple[str, str | None], ...], pictures: int, slices: bool, place: str) -> tuple[str, ...]:
    """Compare the tags with the pictures; ms-swift puts those that are missing in front."""
    if any(_PICTURE.search(answer or "") for _, answer in turns):
        raise DatasetError(f"expected answers without {IMAGE}, got one with it", file=place)
    count = sum(len(_PICTURE.findall(asked)) for asked, _ in turns)
    if count and not pictures:
        raise DatasetError(f"expected words without {IMAGE}, since the row has no pictures, got {count}", file=place)
    if count > pictures:
        raise DatasetError(f"expected a tag {IMAGE} for each of {pictures} pictures, got {count}", file=place)
    if count in (0, pictures) or (slices and count == 1):
        return ()
    return (f"{pictures - count} tags {IMAGE} are missing and taken to stand in front",)


def _filled(turns: tuple[tuple[str, str | None], ...], found: Marks, place: str) -> Iterator[Turn]:
    """Yield turns with names in place; boxes stay tags, since they are values beside the words."""
    words = [text for turn in turns for text in turn if text]
    refs, boxed = (sum(text.count(tag) for text in words) for tag in (REF, BOX))
    found.check(refs, boxed, place)
    names, boxes = iter(found.refs), iter(found.boxes)
    for asked, answer in turns:
        question = _named(_FRONT.sub("", asked, count=1), names)
        list(islice(boxes, asked.count(BOX)))  # boxes that are asked about are no answer
        here = tuple(islice(boxes, (answer or "").count(BOX)))
        yield Turn(question, None if answer is None else _named(answer, names), here)


def _named(words: str, names: Iterator[str]) -> str:
    """Fill in names as Qwen2-VL's template of ms-swift does: between its object tokens."""

    def fill(tag: re.Match[str]) -> str:
        bare = words[: tag.start()].endswith(OBJECT_START.text)
        name = next(names, None)
        if name is None:  # a row without objects
            return REF
        return name if bare else f"{OBJECT_START.text}{name}{OBJECT_END.text}"

    return re.sub(REF, fill, words)
