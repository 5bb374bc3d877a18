"""Items of a run to look through: question, answer, truth, raw text, and the picture with its marks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, Final, TypeAlias

from umit.datasets.dataset import Sample
from umit.datasets.pictures import Pictures
from umit.display.template import data_url
from umit.errors import UMITError
from umit.evaluation.verdict import Item
from umit.evaluation.words import Words
from umit.geometry import Box2D, Box3D
from umit.imaging.prefetch import Scans
from umit.queries import Ask, Choose, Compare, Describe, Find, Locate, Query
from umit.results import Answer, Classification, Detections, Findings, Landmarks, Report, Result

__all__ = ["ScansOf", "cards", "chosen", "pictures_of"]

#: Returns what an item was asked about, as :func:`umit.load` takes it (a Pillow picture is one), or several views.
ScansOf: TypeAlias = Callable[[str], "Scans | None"]

_SIDE: Final = 400  # pixels of the longer side of a picture
_QUALITY: Final = 65  # of its WebP, of half a JPEG's size
_PURPOSES: Final = {"report": ("report", "报告"), "caption": ("caption", "图像描述")}
_MARKED: Final = ("detect_2d", "detect_3d", "landmark")


def chosen(items: Sequence[Item], most: int) -> list[Item]:
    """Return at most so many items of each task, language and verdict, spread over the run."""
    kinds: defaultdict[tuple[str, str, str], list[Item]] = defaultdict(list)
    for item in items:
        kinds[item.kind].append(item)
    return [
        kind[number * len(kind) // min(most, len(kind))]
        for kind in kinds.values()
        for number in range(min(most, len(kind)))
    ]


def pictures_of(samples: Iterable[Sample[Any, Any]], ids: Collection[str]) -> ScansOf:
    """Return a function that gives the scans of a sample; files are read when it is called.

    Args:
        samples: Gone through once, up to the last one that is wanted.
        ids: Of the samples that are wanted; others are not kept.
    """
    wanted, sources = set(ids), dict[str, Pictures]()
    for sample in samples:
        if len(sources) == len(wanted):
            break
        if sample.id in wanted:
            sources[sample.id] = sample.source

    def find(name: str) -> Scans | None:
        return list(sources[name].scans()) if name in sources else None

    return find


def cards(items: Iterable[Item], pictures: ScansOf | None) -> Iterator[dict[str, object]]:
    """Yield what ``page.html`` shows of each item, as plain values.

    Args:
        items: From :func:`chosen`.
        pictures: Gives the scans of an item by its id.
    """
    for item in items:
        record, pair = item.record, item.pair
        question, choices = _asked(pair.query)
        unread = (record.get("error") or {}).get("message", "")
        yield {
            "id": record["id"],
            "task": item.task,
            "language": pair.query.language,
            "verdict": item.verdict,
            "marked": item.task in _MARKED,
            "picture": None if pictures is None else _picture(item, pictures),
            "question": question,
            "choices": choices,
            "answer": (unread, unread) if pair.found is None else _said(pair.found),
            "sure": _sure(pair.found),
            "truth": _said(pair.gold),
            "true": _sure(pair.gold),
            "raw": pair.raw,
        }


def _asked(query: Query) -> tuple[Words, Sequence[str]]:
    """Return a question and what was offered to choose from."""
    said, choices = "", tuple[str, ...]()
    match query:
        case Describe():
            return _PURPOSES[query.purpose], ()
        case Ask():
            said, choices = query.question, query.options
        case Choose():
            said, choices = query.question or "", query.labels
        case Find():
            said = query.target
        case Locate():
            said = query.name
        case Compare():
            pass
    return (said, said), choices


def _said(result: Result) -> Words:
    """Return a result as text."""
    match result:
        case Answer() | Report():
            said = result.text
        case Classification():
            said = result.label
        case Findings():
            said = ", ".join(mark.label for mark in result if mark.present)
        case Detections():
            said = "\n".join(f"{number}  {_place(one.box)}" for number, one in enumerate(result, 1))
        case Landmarks():
            said = "\n".join(f"({one.point.x:.1f}, {one.point.y:.1f})" for one in result)
    nothing = not said and isinstance(result, Findings | Detections)
    return ("none", "无") if nothing else (said, said)


def _place(box: Box2D | Box3D) -> str:
    half = len(box.corners) // 2
    ends = box.corners[:half], box.corners[half:]
    return " – ".join("(" + ", ".join(f"{v:.1f}" for v in end) + ")" for end in ends)


def _sure(result: Result | None) -> float | None:
    """Return the probability of what was chosen."""
    chances = isinstance(result, Answer | Classification) and result.probabilities
    return max(chances) if chances else None


def _picture(item: Item, pictures: ScansOf) -> dict[str, object] | None:
    """Return what was asked about with found and true marks; nothing where it cannot be read or drawn."""
    gold, found = item.pair.gold, item.pair.found
    try:
        scans = pictures(str(item.record["id"]))
        if scans is None:
            return None
        if isinstance(gold, Landmarks):
            drawn = (Landmarks() if found is None else found).overlay(scans, truth=gold)
        else:  # no boxes at all draw the scan as it was shown
            boxes = isinstance(gold, Detections)
            drawn = (found if boxes and found is not None else Detections()).overlay(
                scans, truth=gold if boxes else None
            )
    except UMITError:
        return None
    drawn = drawn.convert("RGB")
    drawn.thumbnail((_SIDE, _SIDE))
    url = data_url(drawn, "WEBP", quality=_QUALITY)
    return {"url": url, "width": drawn.width, "height": drawn.height}
