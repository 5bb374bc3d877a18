"""One HTML file of a run: scores, charts and items, from the journal alone; it fetches nothing."""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from umit.evaluation.charts import span
from umit.evaluation.curves import charts
from umit.evaluation.gallery import KEY, ScansOf, cards, chosen, filters, tally
from umit.evaluation.markdown import FLOOR_NOTE
from umit.evaluation.markup import COSTS, TASKS, Words, both, cell, metric_words, table, text
from umit.evaluation.score import FLOOR, Row, Score, score
from umit.evaluation.verdict import Item, items_of
from umit.tasks.task import TaskName

__all__ = ["MOST", "shown", "write_page"]

#: Items of each task, language and verdict that the page holds.
MOST: Final = 40
_NOTICE: Final = ("Research use only, not a medical device.", "仅供研究使用，不是医疗器械。")

_FLOOR: Final = (
    FLOOR_NOTE,
    "坐标网格极限：把标准答案取整到模型所写坐标网格后的得分。",
)
_FILES: Final = Path(__file__).parent


def shown(run: Path | str, *, most: int = MOST) -> tuple[str, ...]:
    """Return the ids of the items that the page of a run holds, so that only their pictures are looked for.

    Args:
        run: Folder of a journal.
        most: As for :func:`write_page`.
    """
    return tuple(str(item.record["id"]) for item in chosen(items_of(run), most))


def write_page(
    run: Path | str,
    path: Path | str,
    *,
    pictures: ScansOf | None = None,
    scored: Score | None = None,
    most: int = MOST,
) -> None:
    """Write one HTML file of a run, or of all shards of one; it holds everything and fetches nothing.

    Args:
        run: Folder of a journal.
        path: The file; written over if it is there.
        pictures: Gives the scans of an item by its id, such as
            :func:`umit.evaluation.gallery.pictures_of`; without it items have no pictures.
        scored: The run's score, if it is known already, such as by other facts.
        most: Items of each task, language and verdict that are shown; all are counted.

    Raises:
        InputError: No run there, or a damaged journal.
    """
    found = score(run) if scored is None else scored
    items = items_of(run)
    Path(path).write_text(_page(found, items, chosen(items, most), pictures), "utf-8")


def _page(
    found: Score, items: Sequence[Item], few: Sequence[Item], pictures: ScansOf | None
) -> str:
    title = f"{found.manifest.get('checkpoint', '')} · {found.manifest.get('dataset', '')}"
    style, script = (_FILES.joinpath(name).read_text("utf-8") for name in ("page.css", "page.js"))
    # Only this script runs, whatever ends up in the page, and the page can fetch nothing.
    digest = b64encode(sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'"
    )
    switch = "".join(
        f'<button type="button" data-key="page" data-value="{language}" lang="{language}">{name}</button>'
        for language, name in (("en", "English"), ("zh", "中文"))
    )
    body = [
        f'<p class="filter page">{switch}</p>\n<h1>{text(title)}</h1>',
        f'<p class="notice">{text(" ".join(_NOTICE))}</p>',
        *_about(found),
        f"<h2>{both(('Verdicts', '判定概览'))}</h2>",
        tally(items),
        *_scores(found.rows, items),
        f'<h2 id="items">{both(("Items", "逐项结果"))}</h2>',
        f'<div class="controls">{filters(items)}',
        f'<p><span id="shown">{len(few)}</span> {both(_shown(len(few), len(items)))} {KEY}</p></div>',
        '<div class="gallery">',
        *cards(few, pictures),
        "</div>",
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{text(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n"
        + "\n".join(body)
        + f"\n<script>{script}</script>\n</body>\n</html>\n"
    )


def _shown(few: int, many: int) -> Words:
    return (
        f"of {few} items here; {many} answers in all.",
        f"项，本页共 {few} 项；全部 {many} 个答案。",
    )


def _about(found: Score) -> Iterator[str]:
    rows = [
        [cell(text(name), tag="th"), cell(text(_plain(value)))]
        for name, value in found.manifest.items()
    ]
    yield f"<details><summary>{both(('What was run', '运行信息'))}</summary>"
    yield table((), rows) + "</details>"
    if found.failed:
        said = (
            f"{found.failed} items have no answer yet and are in no number.",
            f"{found.failed} 项尚无答案，未计入任何数字。",
        )
        yield f'<p class="notice" data-failed="{found.failed}">{both(said)}</p>'


def _plain(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


_NUMBER: Final[Sequence[Words]] = (
    ("metric", "指标"), ("protocol", "协议"), ("value", "数值"), ("95 % interval", "95% 区间"),
)  # fmt: skip
_HEAD: Final = (
    *_NUMBER,
    ("from 0 to 1", "0 至 1"),
    ("an unreadable answer costs", "无法解析的代价"),
)
_PARTS: Final = (
    ("part", "子集"), *_NUMBER, ("answers", "答案数"), ("pictures or patients", "图像或患者数"), ("unreadable", "无法解析"),
)  # fmt: skip


def _scores(rows: Sequence[Row], items: Sequence[Item]) -> Iterator[str]:
    """One section a task: all answers first, then their parts, folded, then charts."""
    yield f"<h2>{both(('Scores', '得分'))}</h2>"
    said = (
        "Each number by the rule of its protocol. Intervals: bootstrap over pictures or patients; empty with "
        "fewer than two of them.",
        "每个数值按其协议的规则计算。区间：按图像或患者自助重抽样；不足两个时为空。",
    )
    yield f'<p class="soft">{both(said)}</p>'
    if any(row.metric.endswith(FLOOR) for row in rows):
        yield f'<p class="soft">{both(_FLOOR)}</p>'
    kept = [row for row in rows if not math.isnan(row.value)]
    for task, of_task in groupby(kept, lambda row: row.task):
        yield from _task(task, list(of_task), [item for item in items if item.task == task])


def _task(task: TaskName, rows: Sequence[Row], items: Sequence[Item]) -> Iterator[str]:
    whole = [row for row in rows if not (row.language or row.part)]
    yield f"<h3>{both(TASKS[task])}</h3>"
    for row in whole[:1]:
        counted = (
            f"{row.n} answers about {row.groups} pictures or patients, {row.unreadable} unreadable",
            f"{row.groups} 个图像或患者，共 {row.n} 个答案，其中 {row.unreadable} 个无法解析",
        )
        yield f'<p class="soft">{both(counted)}</p>'
    yield table(_HEAD, map(_whole, whole))
    if parts := [_part(row) for row in rows if row.language or row.part]:
        yield f"<details><summary>{both(('by language and other parts', '按语言及其他子集'))}</summary>"
        yield table(_PARTS, parts) + "</details>"
    if drawn := list(charts(task, items)):
        yield '<div class="charts">' + "\n".join(drawn) + "</div>"


def _whole(row: Row) -> list[str]:
    cost: Mapping[str, Any] = COSTS
    drawn = "" if row.unit else span(row.low, row.value, row.high)
    costs = cell(both((row.cost, cost.get(row.cost, row.cost))), more=' class="long"')
    return [*_number(row), cell(drawn), costs]


def _part(row: Row) -> list[str]:
    name = cell(text(" ".join(filter(None, (row.language, row.part)))))
    counted = (row.n, row.groups, row.unreadable)
    return [name, *_number(row), *(cell(str(n), more=' class="number"') for n in counted)]


def _number(row: Row) -> list[str]:
    number = ' class="number"'
    unit = f" {row.unit}" if row.unit else ""
    between = "" if math.isnan(row.low) else f"{row.low:.3f} – {row.high:.3f}"
    return [
        cell(both(metric_words(row.metric))),
        cell(text(row.protocol)),
        cell(f"{row.value:.3f}{text(unit)}", more=number),
        cell(between, more=number),
    ]
