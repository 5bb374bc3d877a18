"""Items of a run to look through: question, answer, truth, raw text, and the picture with its marks."""

from __future__ import annotations

from base64 import b64encode
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from io import BytesIO
from typing import Any, Final, TypeAlias

from umit.datasets.dataset import Sample
from umit.datasets.pictures import Pictures
from umit.errors import UMITError
from umit.evaluation.markup import TASKS, VERDICTS, Verdict, Words, both, cell, table, text
from umit.evaluation.verdict import Item, rule
from umit.geometry import Box2D, Box3D
from umit.imaging.prefetch import Scans
from umit.queries import Ask, Choose, Compare, Describe, Find, Locate, Query
from umit.results import Answer, Classification, Detections, Findings, Landmarks, Report, Result

__all__ = ["KEY", "ScansOf", "cards", "chosen", "filters", "pictures_of", "tally"]

#: Returns what an item was asked about, as :func:`umit.load` takes it (a Pillow picture is one), or several views.
ScansOf: TypeAlias = Callable[[str], "Scans | None"]

_SIDE: Final = 400  # pixels of the longer side of a picture
_QUALITY: Final = 65  # of its WebP, of half a JPEG's size
_PURPOSES: Final = {"report": ("report", "报告"), "caption": ("caption", "图像描述")}
_MARKED: Final = ("detect_2d", "detect_3d", "landmark")
_LANGUAGES: Final = {"en": ("English", "英文"), "zh": ("Chinese", "中文")}
#: What the colours of marks mean, as :mod:`umit.display.overlay` draws them.
KEY: Final = "".join(
    f'<span class="marked {name}">{both(words)}</span> '
    for name, words in (("found", ("answer", "回答")), ("true", ("truth", "标准答案")))
)


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


def tally(items: Sequence[Item]) -> str:
    """Return the table of verdicts by task and language, with the rule of each task; counts lead to their items."""
    count = Counter(item.kind for item in items)
    rows = []
    for task, language in dict.fromkeys((item.task, item.pair.query.language) for item in items):
        found: dict[Verdict, int] = {
            verdict: count[task, language, verdict] for verdict in VERDICTS
        }
        cells = [cell(both(TASKS[task])), cell(both(_LANGUAGES[language])), cell(_bar(found))]
        for verdict, n in found.items():
            view = text(f"verdict={verdict}&task={task}&language={language}")
            inner = f'<button type="button" data-view="{view}">{n}</button>' if n else "0"
            mark = f' class="number" data-count="{task} {language} {verdict}"'
            cells.append(cell(inner, more=mark))
        rows.append([*cells, cell(both(rule(task)), more=' class="long"')])
    head = [("task", "任务"), ("language", "语言"), ("", ""), *VERDICTS.values(), ("right is", "判为正确的条件")]  # fmt: skip
    return table(head, rows)


def _bar(found: Mapping[Verdict, int]) -> str:
    parts = "".join(
        f'<span class="{verdict}" style="flex:{n}"></span>' for verdict, n in found.items() if n
    )
    return f'<div class="bar" aria-hidden="true">{parts}</div>'


def filters(items: Sequence[Item]) -> str:
    """Return buttons for each verdict, task and language that is there."""
    there = [
        (key, {name: words for name, words in named.items() if name in met})
        for key, named, met in (
            ("verdict", VERDICTS, {item.verdict for item in items}),
            ("task", TASKS, {item.task for item in items}),
            ("language", _LANGUAGES, {item.pair.query.language for item in items}),
        )
    ]
    return "\n".join(_buttons(key, {"": ("all", "全部"), **named}) for key, named in there)


def _buttons(key: str, named: dict[str, Words]) -> str:
    made = "".join(
        f'<button type="button" data-key="{key}" data-value="{name}">{both(words)}</button>'
        for name, words in named.items()
    )
    return f'<p class="filter">{made}</p>'


def cards(items: Sequence[Item], pictures: ScansOf | None) -> Iterator[str]:
    """Yield one card an item.

    Args:
        items: From :func:`chosen`.
        pictures: Gives the scans of an item by its id.
    """
    for item in items:
        record, query = item.record, item.pair.query
        drawn = "" if pictures is None else _picture(item, pictures)
        spoken = f' lang="{query.language}"'
        error = record.get("error") or {}
        said = item.pair.found
        answer = text(error.get("message", "")) if said is None else _answer(said)
        found, true = (f' class="marked {m}"' * (item.task in _MARKED) for m in ("found", "true"))
        yield (
            f'<article data-verdict="{item.verdict}" data-task="{item.task}" data-language="{query.language}">\n'
            f'<p class="{item.verdict}"><b>{both(VERDICTS[item.verdict])}</b> · {both(TASKS[item.task])}'
            f" · <code>{text(record['id'])}</code></p>\n"
            f"{drawn}<dl>{_row(('question', '问题'), _question(query), spoken)}"
            f"{_row(('answer', '回答'), answer, spoken, found)}"
            f"{_row(('truth', '标准答案'), _answer(item.pair.gold), spoken, true)}</dl>\n"
            f"<details><summary>{both(('raw text', '原始文本'))}</summary><pre{spoken}>{text(item.pair.raw)}</pre>"
            "</details>\n</article>"
        )


def _row(name: Words, inner: str, spoken: str, more: str = "") -> str:
    return f"<dt{more}>{both(name)}</dt><dd{spoken}>{inner}</dd>"


def _question(query: Query) -> str:
    match query:
        case Ask():
            said, choices = query.question, query.options
        case Choose():
            said, choices = query.question or "", query.labels
        case Find():
            said, choices = query.target, ()
        case Locate():
            said, choices = query.name, ()
        case Describe():
            return both(_PURPOSES[query.purpose])
        case Compare():
            said, choices = "", ()
    listed = "".join(f"<li>{text(choice)}</li>" for choice in choices)
    return text(said) + (f"<ul>{listed}</ul>" if listed else "")


def _answer(result: Result) -> str:
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
    if not said and isinstance(result, Findings | Detections):
        return both(("none", "无"))
    return text(said) + _chance(result)


def _place(box: Box2D | Box3D) -> str:
    half = len(box.corners) // 2
    ends = box.corners[:half], box.corners[half:]
    return " – ".join("(" + ", ".join(f"{v:.1f}" for v in end) + ")" for end in ends)


def _chance(result: Result) -> str:
    if not isinstance(result, Answer | Classification) or not result.probabilities:
        return ""
    return f' <span class="soft">p {max(result.probabilities):.3f}</span>'


def _picture(item: Item, pictures: ScansOf) -> str:
    """Return what was asked about with found and true marks; nothing where it cannot be read or drawn."""
    gold, found = item.pair.gold, item.pair.found
    try:
        scans = pictures(str(item.record["id"]))
        if scans is None:
            return ""
        if isinstance(gold, Landmarks):
            drawn = (Landmarks() if found is None else found).overlay(scans, truth=gold)
        else:  # no boxes at all draw the scan as it was shown
            boxes = isinstance(gold, Detections)
            drawn = (found if boxes and found is not None else Detections()).overlay(
                scans, truth=gold if boxes else None
            )
    except UMITError:
        return ""
    drawn = drawn.convert("RGB")
    drawn.thumbnail((_SIDE, _SIDE))
    held = BytesIO()
    drawn.save(held, "WEBP", quality=_QUALITY)
    data = b64encode(held.getvalue()).decode("ascii")
    return f'<img alt="" width="{drawn.width}" height="{drawn.height}" src="data:image/webp;base64,{data}">\n'
