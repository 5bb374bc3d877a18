"""One HTML file of a run: scores, charts and items, from the journal alone; it fetches nothing."""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from umit.evaluation.curves import charts
from umit.evaluation.gallery import ScansOf, cards, chosen, filters, tally
from umit.evaluation.markup import COSTS, TASKS, Words, both, cell, table, text
from umit.evaluation.score import Row, Score, score
from umit.evaluation.verdict import Item, items_of

__all__ = ["MOST", "shown", "write_page"]

#: Items of each task, language and verdict that the page holds.
MOST: Final = 40
_NOTICE: Final = ("Research use only, not a medical device.", "仅供研究使用，不是医疗器械。")

_STYLE: Final = """
:root { color-scheme: light dark; --line: #8886; --soft: #8882; --right: #2a7; --wrong: #d55; --main: #0072b2; }
html[lang=en] .own[lang=zh], html[lang=zh] .own[lang=en], [hidden] { display: none !important; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 76rem; margin: 0 auto; padding: 1rem; }
.notice { border: 2px solid #e69f00; border-radius: .4rem; padding: .5rem .8rem; }
.wide { overflow-x: auto; } .soft { opacity: .7; }
table { border-collapse: collapse; margin: .4rem 0; }
th, td { text-align: left; vertical-align: top; padding: .2rem .6rem; border-bottom: 1px solid var(--line); }
th { background: var(--soft); } .number { text-align: right; font-variant-numeric: tabular-nums; }
.charts { display: flex; flex-wrap: wrap; gap: 1rem; align-items: flex-start; }
figure { margin: 0; max-width: 100%; overflow-x: auto; } figure > svg:not(.counts) { width: 22rem; max-width: 100%; }
figcaption { max-width: 22rem; font-size: .85em; }
svg text { font-size: 11px; fill: currentColor; } svg .grid { stroke: var(--line); fill: none; stroke-width: .5; }
svg polyline { fill: none; stroke: var(--main); stroke-width: 2; } svg .guide { stroke: #888; stroke-dasharray: 4; }
svg circle { fill: var(--main); } svg .box { fill: var(--main); stroke: var(--line); }
button { font: inherit; margin: 0 .3rem .3rem 0; padding: .1rem .7rem; border-radius: 1rem; border: 1px solid var(--line); }
button[aria-pressed=true] { background: var(--main); color: #fff; } .filter { margin: 0; }
article { border: 1px solid var(--line); border-radius: .4rem; padding: .6rem; margin: .6rem 0; display: flex; flex-wrap: wrap; gap: 1rem; }
article > div { flex: 1 1 20rem; min-width: 0; } article img { max-width: 100%; height: auto; border-radius: .3rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem .8rem; margin: .3rem 0; }
dt { opacity: .7; } dd { margin: 0; } dd, pre { white-space: pre-wrap; overflow-wrap: anywhere; } ul { margin: .2rem 0; }
.right b { color: var(--right); } .wrong b, .unreadable b { color: var(--wrong); } p { margin: .3rem 0; }
"""
#: Filters live in the address, such as #verdict=wrong&page=zh, so that a view can be passed on.
_SCRIPT: Final = """
(() => {
  const keys = ["verdict", "task", "language"];
  const cards = [...document.querySelectorAll("article")];
  const buttons = [...document.querySelectorAll("button[data-key]")];
  const show = () => {
    const chosen = new URLSearchParams(location.hash.slice(1));
    const wanted = key => chosen.get(key) || "";
    for (const card of cards) card.hidden = keys.some(key => wanted(key) && card.dataset[key] !== wanted(key));
    document.documentElement.lang = wanted("page") === "zh" ? "zh" : "en";
    for (const button of buttons) {
      const now = button.dataset.key === "page" ? document.documentElement.lang : wanted(button.dataset.key);
      button.setAttribute("aria-pressed", String(now === button.dataset.value));
    }
    document.getElementById("shown").textContent = cards.filter(card => !card.hidden).length;
  };
  for (const button of buttons) button.addEventListener("click", () => {
    const chosen = new URLSearchParams(location.hash.slice(1));
    if (button.dataset.value) chosen.set(button.dataset.key, button.dataset.value);
    else chosen.delete(button.dataset.key);
    chosen.delete("all");
    location.hash = chosen.toString() || "all";  // an empty one would scroll to the top
    show();
  });
  addEventListener("hashchange", show);
  show();
})();
"""


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
    # Only this script runs, whatever ends up in the page, and the page can fetch nothing.
    digest = b64encode(sha256(_SCRIPT.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'"
    )
    switch = "".join(
        f'<button type="button" data-key="page" data-value="{language}">{name}</button>'
        for language, name in (("en", "English"), ("zh", "中文"))
    )
    body = [
        f'<p class="filter">{switch}</p>\n<h1>{text(title)}</h1>',
        f'<p class="notice">{text(" ".join(_NOTICE))}</p>',
        *_about(found),
        *_scores(found.rows),
        *_charts(items),
        f"<h2>{both(('Items', '逐项结果'))}</h2>",
        tally(items),
        filters(items),
        f'<p><span id="shown">{len(few)}</span> {both(_shown(len(few), len(items)))}</p>',
        *cards(few, pictures),
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{text(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(body)
        + f"\n<script>{_SCRIPT}</script>\n</body>\n</html>\n"
    )


def _shown(few: int, many: int) -> Words:
    return (
        f"of {few} items here; {many} answers in all. Orange: found, blue: true.",
        f"项，本页共 {few} 项；全部 {many} 个答案。橙色：模型结果，蓝色：真值。",
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


_HEAD: Final[Sequence[Words]] = (
    ("metric", "指标"), ("protocol", "协议"), ("part", "子集"), ("value", "数值"), ("95 % interval", "95% 区间"),
    ("answers", "答案数"), ("pictures or patients", "图像或患者数"), ("unreadable", "无法解析"),
    ("an unreadable answer costs", "无法解析的代价"),
)  # fmt: skip


def _scores(rows: Sequence[Row]) -> Iterator[str]:
    """One table a task: all answers first, then their parts, folded."""
    yield f"<h2>{both(('Scores', '得分'))}</h2>"
    for task, of_task in groupby(
        (row for row in rows if not math.isnan(row.value)), lambda r: r.task
    ):
        kept = list(of_task)
        yield f"<h3>{both(TASKS[task])}</h3>"
        yield table(_HEAD, [_cells(row) for row in kept if not (row.language or row.part)])
        if parts := [_cells(row) for row in kept if row.language or row.part]:
            yield f"<details><summary>{both(('by language and other parts', '按语言及其他子集'))}</summary>"
            yield table(_HEAD, parts) + "</details>"
    said = (
        "Intervals: bootstrap over pictures or patients; empty with fewer than two of them.",
        "区间：按图像或患者自助重抽样；不足两个时为空。",
    )
    yield f'<p class="soft">{both(said)}</p>'


def _cells(row: Row) -> list[str]:
    number = ' class="number"'
    unit = f" {row.unit}" if row.unit else ""
    between = "" if math.isnan(row.low) else f"{row.low:.3f} – {row.high:.3f}"
    cost: Mapping[str, Any] = COSTS
    return [
        cell(text(row.metric)),
        cell(text(row.protocol)),
        cell(text(" ".join(filter(None, (row.language, row.part))))),
        cell(f"{row.value:.3f}{text(unit)}", more=number),
        cell(between, more=number),
        cell(str(row.n), more=number),
        cell(str(row.groups), more=number),
        cell(str(row.unreadable), more=number),
        cell(both((row.cost, cost.get(row.cost, row.cost)))),
    ]


def _charts(items: Sequence[Item]) -> Iterator[str]:
    yield f"<h2>{both(('Charts', '图表'))}</h2>"
    for task, of_task in groupby(items, lambda item: item.task):
        drawn = list(charts(task, list(of_task)))
        if drawn:
            yield f'<h3>{both(TASKS[task])}</h3>\n<div class="charts">'
            yield "\n".join(drawn) + "</div>"
