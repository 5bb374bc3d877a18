"""One result or failure as text, as a JSON document, or as rows of a table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from umit.cli.telling import document, printable
from umit.errors import InputError, OutputError, UMITError
from umit.fanout import Outcome
from umit.geometry import Mark
from umit.results import Findings, Result
from umit.tasks.table import line
from umit.tasks.task import TaskName

__all__ = ["COLUMNS", "ResultRow", "as_json", "as_table", "as_text", "code", "numbers"]

#: Columns of the table; a point stands in ``x1`` and ``y1``.
COLUMNS: Final = (
    *("file", "task", "name", "number", "x1", "y1", "z1", "x2", "y2", "z2"),
    *("text", "probability", "error", "notice"),
)
_AXES: Final = {2: ("x1", "y1"), 4: ("x1", "y1", "x2", "y2"), 6: COLUMNS[4:10]}


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultRow:
    """What came of one question about one file.

    Args:
        file: As it was given.
        task: The command.
        name: Target or landmark; ``""`` for other tasks.
        kind: The task that was asked, by which a result is told in words.
        found: The result, or the error in its place.
        first: Number of its first mark in the file's picture.
        notice: The checkpoint's.
    """

    file: str
    task: str
    name: str
    kind: TaskName
    found: Outcome
    first: int = 1
    notice: str = ""


def code(error: UMITError) -> str:
    """Return a short stable name of an error."""
    return error.code if isinstance(error, InputError) else type(error).__name__


def as_json(row: ResultRow) -> str:
    """Return one line of JSON: the result's own fields, the file, the task and the notice."""
    about = {"file": row.file, "task": row.task, "name": row.name or None, "notice": row.notice}
    found = row.found
    if not isinstance(found, UMITError):
        return document({**about, **found.to_dict()})
    error: dict[str, Any] = {"code": code(found), "message": _line(str(found))}
    if isinstance(found, OutputError):
        error["raw"] = found.text
    named = {"schema": 1, "type": type(found).__name__, "error": error}
    return document({**about, **named})


def as_table(row: ResultRow) -> Iterator[dict[str, object]]:
    """Yield a row for each box, point or one of several labels, or a single one where there is none."""
    about: dict[str, object] = {
        "file": row.file, "task": row.task, "name": row.name, "notice": row.notice
    }  # fmt: skip
    found = row.found
    if isinstance(found, UMITError):
        yield {**about, "error": f"{code(found)}: {_line(str(found))}"}
        return
    if not found.entries:
        yield {**about, "text": line(row.kind, found), "probability": found.confidence}
    for number, entry in enumerate(found.entries, row.first):
        told = {**about, "name": row.name or entry.name, "probability": entry.probability}
        if entry.mark is None:
            yield {**told, "text": printable(entry.text)}
        else:
            ends = [value for end in entry.mark.ends for value in end]
            places = dict(zip(_AXES[len(ends)], ends, strict=True))
            yield {**told, "number": number, "text": found.raw, **places}


def as_text(row: ResultRow) -> str:
    """Return lines for people."""
    found = row.found
    head = f"{row.file}: {row.name}: " if row.name else f"{row.file}: "
    if isinstance(found, OutputError):
        return _line(f"{head}unreadable: {found}")
    if isinstance(found, UMITError):
        return _line(f"{head}failed ({code(found)}): {found}")
    marks = [f"{n}  {numbers(mark)}" for n, mark in enumerate(found.marks, row.first)]
    if marks and all(len(mark.ends) == 1 for mark in found.marks):
        return head + "  ".join(marks)
    if not marks and any(entry.name for entry in found.entries):
        return "\n".join(
            f"{_line(head + one.name)}: {one.text}{_likely(one.probability, found)}" for one in found.entries
        )
    words = "abstained" if getattr(found, "abstained", False) else printable(line(row.kind, found))
    said = f"{head}{words}{_likely(found.confidence, found)}"
    return "\n".join([said, *(f"  {mark}" for mark in marks)])


def _likely(chance: float | None, found: Result) -> str:
    if chance is None:
        return ""
    marks = found.items if isinstance(found, Findings) else (found,)
    calibrated = all(getattr(mark, "calibrated", False) for mark in marks)
    return f"  (probability {chance:.3f}{'' if calibrated else ', not calibrated'})"


def numbers(mark: Mark) -> str:
    """Return coordinates in source pixels or voxels, to a tenth."""
    return " to ".join("(" + ", ".join(f"{v:.1f}" for v in end) + ")" for end in mark.ends)


def _line(text: str) -> str:
    return " ".join(printable(text).split())
