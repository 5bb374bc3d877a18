"""An answer beside the truth: both in words, how good it is, and what can be drawn of it."""

from __future__ import annotations

from typing import Final

from umit.cli.rows import marks, value
from umit.display.page import Line
from umit.errors import OutputError, UMITError
from umit.geometry import Box2D, Box3D, Point2D
from umit.metrics.boxes import matched_iou
from umit.metrics.landmarks import distance
from umit.phantom import words
from umit.phantom.cases import Case, Item
from umit.queries import Ask, Choose, Find, Locate, Query
from umit.results import Answer, Classification, Detections, Landmarks, Report, Result
from umit.several import Found

__all__ = ["compare"]

_HALF: Final = 0.5  # IoU above which a box is called right
_NEAR: Final = 2.0  # per cent of the height within which a point is called right


def compare(case: Case, item: Item, found: Found, numbers: str = "") -> Line:
    """Return one line of the demo.

    Args:
        case: What was shown.
        item: The question and its true answer.
        found: What came of it.
        numbers: Of its marks in the picture.
    """
    task, question = _asked(item.query)
    score, good = _score(case, item, found)
    return Line(
        task=task,
        question=question,
        answer=_words(found),
        truth=_words(item.gold),
        score=score,
        good=good,
        language=item.query.language,
        numbers=numbers,
    )


def _asked(query: Query) -> tuple[str, str]:
    match query:
        case Ask():
            return "question", query.question
        case Choose():
            return "classification", query.question or ""
        case Find():
            return "detection", query.target
        case Locate():
            return "landmark", words.point_name(query.name, query.language)
        case _:
            return "report", ""


def _words(found: Found) -> str:
    if isinstance(found, OutputError):
        shown = found.text if len(found.text) <= 60 else found.text[:60] + "…"
        return f"unreadable: {shown!r}"
    if isinstance(found, Detections | Landmarks) and marks(found):
        return "\n".join(map(_place, marks(found)))
    return value(found)


def _place(shape: Box2D | Box3D | Point2D) -> str:
    """Return whole pixels or voxels."""
    if isinstance(shape, Point2D):
        return f"({shape.x:.0f},{shape.y:.0f})"
    half = len(shape.corners) // 2
    ends = shape.corners[:half], shape.corners[half:]
    return "-".join("(" + ",".join(f"{v:.0f}" for v in end) + ")" for end in ends)


def _score(case: Case, item: Item, found: Found) -> tuple[str, bool]:
    gold: Result = item.gold
    match gold, found:
        case _, UMITError():
            return "unreadable", False
        case Detections(), Detections():
            true = [d.box for d in gold]
            if not true:
                return ("wrong", False) if found else ("right", True)
            overlaps = matched_iou([d.box for d in found], true)
            mean = sum(overlaps) / len(overlaps)
            return f"IoU {mean:.2f}", mean > _HALF
        case Landmarks(), Landmarks():
            far = distance(found.items[0].point, gold.items[0].point)
            percent = 100 * far / case.scans[0].size[1]
            return f"{percent:.1f} % off", percent <= _NEAR
        case Answer() | Report(), Answer() | Report():
            right = found.text == gold.text
        case Classification(), Classification():
            right = found.label == gold.label
        case _:
            right = False
    return ("right", True) if right else ("wrong", False)
