"""One HTML file of a run: scores, charts and items, from the journal alone; it fetches nothing."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from umit.display.template import html
from umit.evaluation.charts import charts
from umit.evaluation.gallery import ScansOf, cards, chosen
from umit.evaluation.markdown import FLOOR_NOTE
from umit.evaluation.score import FLOOR, Score, ScoreRow, score
from umit.evaluation.verdict import Item, items_of
from umit.evaluation.words import VERDICTS, Words, cost_words, metric_words
from umit.tasks.table import TASKS
from umit.whole import write_whole

__all__ = ["MOST", "answers_of", "shown", "write_page"]

#: Items of each task, language and verdict that the page holds.
MOST: Final = 40
_LANGUAGES: Final[Mapping[str, Words]] = {"en": ("English", "英文"), "zh": ("Chinese", "中文")}


def shown(run: Path | str, *, most: int = MOST) -> tuple[str, ...]:
    """Return the ids of the items that the page of a run holds, so that only their pictures are looked for.

    Args:
        run: Folder of a journal.
        most: As for :func:`write_page`.
    """
    return tuple(str(item.record["id"]) for item in chosen(items_of(run), most))


def write_page(
    run: Path | str, path: Path | str, *, pictures: ScansOf | None = None, scored: Score | None = None, most: int = MOST
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
    told = found.manifest
    text = html(
        "evaluation/page.html",
        style="evaluation/page.css",
        script="evaluation/page.js",
        title=f"{told.get('checkpoint', '')} · {told.get('dataset', '')}",
        manifest={name: _plain(value) for name, value in told.items()},
        failed=found.failed,
        gaps=found.gaps,
        floor=FLOOR_NOTE if any(row.metric.endswith(FLOOR) for row in found.rows) else "",
        **answers_of(run, pictures, scored=found, most=most),
    )
    write_whole(Path(path), text)


def answers_of(
    run: Path | str, pictures: ScansOf | None, *, scored: Score | None = None, most: int = MOST
) -> dict[str, Any]:
    """Return what ``evaluation/cards.html`` shows of a run's answers, and what is beside it, by its names.

    Args:
        run: Folder of a journal.
        pictures: As for :func:`write_page`.
        scored: Likewise.
        most: Likewise.

    Raises:
        InputError: No run there, or a damaged journal.
    """
    items = items_of(run)
    few = chosen(items, most)
    return {
        "tasks": _titles(),
        "verdicts": VERDICTS,
        "languages": _LANGUAGES,
        "tally": _tally(items),
        "filters": _filters(items),
        "scores": list(_scores((score(run) if scored is None else scored).rows, items)),
        "cards": cards(few, pictures),
        "few": len(few),
        "many": len(items),
    }


def _titles() -> dict[str, Words]:
    return {name: spec.title for name, spec in TASKS.items()}


def _plain(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _tally(items: Sequence[Item]) -> list[dict[str, Any]]:
    """Count verdicts by task and language."""
    count = Counter(item.kind for item in items)
    return [
        {
            "task": task,
            "language": language,
            "counts": {verdict: count[task, language, verdict] for verdict in VERDICTS},
            "rule": TASKS[task].rule,
        }
        for task, language in dict.fromkeys((item.task, item.kind[1]) for item in items)
    ]


def _filters(items: Sequence[Item]) -> dict[str, dict[str, Words]]:
    """Return what each filter can be set to: only what is there."""
    there = {part for item in items for part in item.kind}
    every: dict[str, Mapping[Any, Words]] = {"verdict": VERDICTS, "task": _titles(), "language": _LANGUAGES}
    return {key: {name: words for name, words in named.items() if name in there} for key, named in every.items()}


def _scores(rows: Sequence[ScoreRow], items: Sequence[Item]) -> Iterator[dict[str, Any]]:
    """Yield the numbers of each task: those of all its answers, then of their parts, then its charts."""
    kept = [row for row in rows if not math.isnan(row.value)]
    for task, group in groupby(kept, lambda row: row.task):
        of_task = list(group)
        counted = of_task[0]
        yield {
            "name": task,
            "n": counted.n,
            "groups": counted.groups,
            "unreadable": counted.unreadable,
            "whole": [_numbers(row) for row in of_task if not (row.language or row.part)],
            "parts": [_numbers(row) for row in of_task if row.language or row.part],
            "charts": list(charts(task, [item for item in items if item.task == task])),
        }


def _numbers(row: ScoreRow) -> dict[str, Any]:
    """Return a row as the page shows it; only shares from 0 to 1 are drawn."""
    ends = [one for one in (row.low, row.value, row.high) if not math.isnan(one)]
    return {
        **asdict(row),
        "metric": metric_words(row.metric),
        "cost": cost_words(row.cost),
        "named": " ".join(filter(None, (row.language, row.part))),
        "drawn": not row.unit and all(0 <= one <= 1 for one in ends),
    }
