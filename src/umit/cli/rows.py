"""One result or failure as text, as a JSON document, or as rows of a table."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from umit.errors import InputError, OutputError, UMITError
from umit.geometry import Box2D, Box3D, Point2D
from umit.results import Answer, Classification, Detections, Findings, Landmarks, Marked, Report
from umit.several import Found

__all__ = ["COLUMNS", "Row", "as_json", "as_table", "as_text", "code", "marks", "value"]

#: Columns of the table; a point stands in ``x1`` and ``y1``.
COLUMNS: Final = (
    *("file", "task", "name", "number", "x1", "y1", "z1", "x2", "y2", "z2"),
    *("text", "probability", "error", "notice"),
)
_AXES: Final = {2: ("x1", "y1"), 4: ("x1", "y1", "x2", "y2"), 6: COLUMNS[4:10]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What came of one question about one file.

    Args:
        file: As it was given.
        task: The command.
        name: Target or landmark; ``""`` for other tasks.
        found: The result, or the error in its place.
        first: Number of its first mark in the file's picture.
        notice: The checkpoint's.
    """

    file: str
    task: str
    name: str
    found: Found
    first: int = 1
    notice: str = ""


def marks(found: Found) -> list[Box2D | Box3D | Point2D]:
    """Return the boxes or points of a result."""
    if isinstance(found, Detections):
        return [item.box for item in found]
    return [item.point for item in found] if isinstance(found, Landmarks) else []


def code(error: UMITError) -> str:
    """Return a short stable name of an error."""
    return error.code if isinstance(error, InputError) else type(error).__name__


def as_json(row: Row) -> str:
    """Return one line of JSON: the result's own fields, the file, the task and the notice."""
    about = {"file": row.file, "task": row.task, "name": row.name or None, "notice": row.notice}
    found = row.found
    if not isinstance(found, UMITError):
        return json.dumps({**about, **found.to_dict()}, ensure_ascii=False)
    error: dict[str, Any] = {"code": code(found), "message": _line(str(found))}
    if isinstance(found, OutputError):
        error["raw"] = found.text
    named = {"schema": 1, "type": type(found).__name__, "error": error}
    return json.dumps({**about, **named}, ensure_ascii=False)


def as_table(row: Row) -> Iterator[dict[str, object]]:
    """Yield a row for each box, point or one of several labels, or a single one where there is none."""
    found = row.found
    about: dict[str, object] = {
        **{"file": row.file, "task": row.task, "name": row.name, "notice": row.notice},
        "probability": probability(found),
    }
    if isinstance(found, UMITError):
        yield {**about, "error": f"{code(found)}: {_line(str(found))}"}
        return
    if isinstance(found, Findings):
        for item in found:
            named = {"name": item.label, "probability": item.probability}
            yield {**about, **named, "text": _holds(item)}
        return
    shapes = marks(found)
    if not shapes:
        yield {**about, "text": value(found)}
    for number, shape in enumerate(shapes, row.first):
        ends = (shape.x, shape.y) if isinstance(shape, Point2D) else shape.corners
        numbers = dict(zip(_AXES[len(ends)], ends, strict=True))
        yield {**about, "number": number, "text": found.raw, **numbers}


def as_text(row: Row) -> str:
    """Return lines for people."""
    found = row.found
    head = f"{row.file}: {row.name}: " if row.name else f"{row.file}: "
    if isinstance(found, OutputError):
        return _line(f"{head}unreadable: {found}")
    if isinstance(found, UMITError):
        return _line(f"{head}failed ({code(found)}): {found}")
    if isinstance(found, Findings):
        return "\n".join(
            f"{_line(head + item.label)}: {_holds(item)}{_likely(item.probability)}"
            for item in found
        )
    shapes = marks(found)
    if isinstance(found, Landmarks):
        return head + "  ".join(f"{n}  {_numbers(s)}" for n, s in enumerate(shapes, row.first))
    lines = [f"{head}{value(found)}{_likely(probability(found))}"]
    return "\n".join([*lines, *(f"  {n}  {_numbers(s)}" for n, s in enumerate(shapes, row.first))])


def value(found: Found) -> str:
    """Return a result in words."""
    match found:
        case Answer() | Report():
            return _printable(found.text)
        case Classification():
            return found.label
        case Findings():
            return ", ".join(item.label for item in found if item.present) or "none"
        case Detections():
            count = len(found)
            return f"{count} box{'es' if count > 1 else ''}" if count else "none"
        case Landmarks():
            return ", ".join(_numbers(item.point) for item in found)
        case _:
            return _line(str(found))


def probability(found: Found) -> float | None:
    """Return the probability of the chosen answer, or that the target is there."""
    if isinstance(found, Answer | Classification) and found.probabilities:
        return max(found.probabilities)
    if isinstance(found, Detections) and found.presence:
        return found.presence[0][1]
    return None


def _holds(item: Marked) -> str:
    return "yes" if item.present else "no"


def _likely(chance: float | None) -> str:
    return "" if chance is None else f"  (probability {chance:.3f}, not calibrated)"


def _numbers(shape: Box2D | Box3D | Point2D) -> str:
    """Return coordinates in source pixels or voxels, to a tenth."""
    if isinstance(shape, Point2D):
        return f"({shape.x:.1f}, {shape.y:.1f})"
    half = len(shape.corners) // 2
    low, high = shape.corners[:half], shape.corners[half:]
    return " to ".join("(" + ", ".join(f"{v:.1f}" for v in end) + ")" for end in (low, high))


def _line(text: str) -> str:
    return " ".join(_printable(text).split())


def _printable(text: str) -> str:
    """Spell what a terminal would obey instead of showing."""
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)
