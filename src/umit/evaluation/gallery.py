"""Items of a run to look through: question, answer, truth, raw text, and the picture with its marks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, Final, TypeAlias

from umit.datasets.dataset import Sample
from umit.datasets.pictures import Pictures
from umit.display.overlay import Scans, draw_views
from umit.display.template import data_url
from umit.errors import UMITError
from umit.evaluation.verdict import Item
from umit.evaluation.words import Words
from umit.geometry import Mark
from umit.queries import Ask, Choose, Compare, Describe, Find, Locate, Query
from umit.results import Result
from umit.tasks.table import TASKS
from umit.tasks.task import TaskName

__all__ = ["ScansOf", "cards", "chosen", "pictures_of"]

#: Returns what an item was asked about, as :func:`umit.load` takes it (a Pillow picture is one), or several views.
ScansOf: TypeAlias = Callable[[str], "Scans | None"]

_SIDE: Final = 400  # pixels of the longer side of a picture
_QUALITY: Final = 65  # of its WebP, of half a JPEG's size
_PURPOSES: Final = {"report": ("report", "报告"), "caption": ("caption", "图像描述")}


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
            "marked": TASKS[item.task].placed,
            "picture": None if pictures is None else _picture(item, pictures),
            "question": question,
            "choices": choices,
            "answer": (unread, unread) if pair.found is None else _said(item.task, pair.found),
            "sure": None if pair.found is None else pair.found.confidence,
            "truth": _said(item.task, pair.gold),
            "true": pair.gold.confidence,
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
            said = ", ".join(query.targets)
        case Locate():
            said = ", ".join(query.names)
        case Compare():
            pass
    return (said, said), choices


def _said(task: TaskName, result: Result) -> Words:
    """Return a result as text, its marks by their numbers in the picture."""
    if result.marks:
        said = "\n".join(f"{number}  {_place(one)}" for number, one in enumerate(result.marks, 1))
        return said, said
    said = TASKS[task].line(result)
    return (said, said) if said else ("none", "无")


def _place(mark: Mark) -> str:
    return " – ".join("(" + ", ".join(f"{v:.1f}" for v in end) + ")" for end in mark.ends)


def _picture(item: Item, pictures: ScansOf) -> dict[str, object] | None:
    """Return what was asked about with found and true marks; nothing where it cannot be read or drawn."""
    try:
        scans = pictures(str(item.record["id"]))
        if scans is None:
            return None
        drawn = draw_views(scans, *(_marks(one) for one in (item.pair.found, item.pair.gold))).convert("RGB")
    except UMITError:
        return None
    drawn.thumbnail((_SIDE, _SIDE))
    url = data_url(drawn, "WEBP", quality=_QUALITY)
    return {"url": url, "width": drawn.width, "height": drawn.height}


def _marks(result: Result | None) -> list[tuple[int | None, Mark]]:
    return [] if result is None else list(zip(result.views, result.marks, strict=True))
