"""One HTML page of a run: whether it learned, curves, samples through the steps, and the answers of the best weights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from umit.display.template import html
from umit.evaluation.gallery import cards, chosen, pictures_of
from umit.evaluation.page import answers_of
from umit.evaluation.verdict import Item, items_of
from umit.evaluation.words import VERDICTS, metric_words
from umit.training.curves import figure_charts, loss_charts, who
from umit.whole import write_whole

if TYPE_CHECKING:
    from umit.training.validate import Validation

__all__ = ["PAGE", "write_training_page"]

PAGE: Final = "training.html"
_FOLLOWED: Final = 6  # samples whose answers are shown through the steps
_MOST: Final = 12  # items of each task, language and verdict


def write_training_page(
    path: Path,
    record: Mapping[str, Any],
    *,
    name: str,
    losses: Mapping[int, Mapping[str, float]],
    validation: Validation | None,
) -> None:
    """Write the page of a finished run; it holds everything, fetches nothing and names no folder of this machine.

    Args:
        path: The file.
        record: How the checkpoint was made, as ``training.json`` has it.
        name: Of the checkpoint.
        losses: By step and kind, of :class:`umit.training.board.Board`.
        validation: What was asked; ``None`` if nothing was.
    """
    figures = [] if validation is None else validation.figures
    best = None if validation is None else validation.best
    answers: dict[str, Any] = {
        "tasks": {},
        "scores": (),
        "filters": {},
        "cards": (),
        "few": 0,
        "many": 0,
        "verdicts": VERDICTS,
    }
    if validation is not None and best is not None:
        pictures = pictures_of(validation.part, {one.id for one in validation.part})
        answers = answers_of(validation.run(best), pictures, most=_MOST)
    beaten = [] if validation is None else [who(one.who) for one in validation.beaten]
    text = html(
        "training/page.html",
        style="evaluation/page.css",
        script="evaluation/page.js",
        title=name,
        best=best,
        headline=("", "") if validation is None else metric_words(validation.headline.name),
        beaten=list(dict.fromkeys(beaten)),
        metrics=list(figure_charts(figures)),
        figures=[(who(one.who), one) for one in figures],
        losses=list(loss_charts(losses)),
        followed=[] if validation is None else list(_followed(validation)),
        data=record["data"],
        settings=list(_settings(record)),
        command=record["command"],
        **answers,
    )
    write_whole(path, text)


def _settings(record: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], str]]:
    named = {"base": ("base", "基础模型"), "stages": ("stages", "阶段"), "batch": ("samples a step", "每步样本数")}
    for key, words in named.items():
        value = record[key]
        yield words, ", ".join(value) if isinstance(value, list) else str(value)
    for key, value in [*record["settings"].items(), *record["versions"].items()]:
        yield (key, key), str(value)


def _followed(validation: Validation) -> Iterator[dict[str, Any]]:
    """Yield some samples with their answers at each validation, the picture with the marks of the last."""
    runs = {step: items_of(validation.run(step)) for step in validation.table.steps if validation.run(step).is_dir()}
    if not runs:
        return
    few = _spread(runs[max(runs)])
    ids = {str(item.record["id"]) for item in few}
    pictures = pictures_of(validation.part, ids)
    shown = {step: _by_id(cards((i for i in run if i.record["id"] in ids), None)) for step, run in runs.items()}
    for one in cards(few, pictures):
        answers = [(step, by_id[str(one["id"])]) for step, by_id in shown.items() if str(one["id"]) in by_id]
        yield {"card": one, "answers": answers}


def _spread(items: Sequence[Item]) -> list[Item]:
    """Return some items of every kind, first one of each, then more."""
    found: list[Item] = []
    for most in range(1, _FOLLOWED + 1):
        for item in chosen(items, most):
            if len(found) < _FOLLOWED and item not in found:
                found.append(item)
    return found


def _by_id(shown: Iterable[dict[str, object]]) -> dict[str, dict[str, object]]:
    return {str(one["id"]): one for one in shown}
