"""The board: held-out phantoms asked as ``evaluate`` asks and scored by ``score``, beside what stands against them.

What stands against the model is asked and scored in the same way: the model with another picture, and scripts that
reply the most frequent true answer, or the truth itself as the frame can write it.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np

from umit.chat import Request
from umit.checkpoints import Checkpoint
from umit.datasets.ask import asked
from umit.datasets.dataset import Sample
from umit.errors import BackendError
from umit.evaluation.evaluate import ask
from umit.evaluation.score import Score, ScoreRow, score
from umit.metrics.landmarks import distance
from umit.metrics.metric import Metric, Pair, each
from umit.model import UMIT
from umit.phantom import words
from umit.phantom.samples import Phantoms
from umit.queries import Find, Language, Locate
from umit.results import Detections, Landmarks, Report
from umit.tasks.table import TASKS
from umit.tasks.task import TaskName
from umit.testing import ScriptedBackend

__all__ = ["LINES", "METRICS_OF", "board", "scored"]


def _error(pair: Pair[Landmarks]) -> float:
    """Distance in per cent of the height of the picture that the truth is of."""
    (true, *_) = pair.gold.items
    space = true.point.space
    if space is None:
        raise TypeError("a phantom's points know their picture")
    far = space.size[1] / 2
    found = far if pair.found is None else distance(pair.found.items[0].point, true.point)
    return 100 * found / space.size[1]


#: A finding with its side in the reports that the embedded checkpoint was taught to write.
_PLACED: Final[Mapping[Language, str]] = {
    "en": r"There is (?P<kind>.+) in the (?P<side>right|left) (?:upper|middle|lower) zone",
    "zh": r"(?P<side>右|左)[上中下]肺野可见(?P<kind>.+)",
}


def _stated(text: str, language: Language) -> frozenset[tuple[str, str]] | None:
    """Return findings with their sides; ``None`` for a sentence that is none of the taught ones."""
    mark = {"en": ".", "zh": "。"}[language]
    plain = set(words.film_report([], language).split(mark))
    enlarged = words.film_report([("enlarged heart", None, None)], language).split(mark)[0]
    known = {words.name(word, language): word for word in words.NAMES}
    found: set[tuple[str, str]] = set()
    for sentence in filter(None, map(str.strip, text.split(mark))):
        if sentence == enlarged:
            found.add(("enlarged heart", ""))
        elif sentence not in map(str.strip, plain):
            match = re.fullmatch(_PLACED[language], sentence)
            if match is None or match["kind"] not in known:
                return None
            found.add((known[match["kind"]], known[match["side"]]))
    return frozenset(found) if text.strip() else None


def _exact(pair: Pair[Report]) -> float:
    said = None if pair.found is None else _stated(pair.found.text, pair.query.language)
    return float(said is not None and said == _stated(pair.gold.text, pair.query.language))


def _unreadable(pair: Pair[Any]) -> float:
    if isinstance(pair.found, Report):
        return float(_stated(pair.found.text, pair.query.language) is None)
    return float(pair.found is None)


def _answered(pair: Pair[Detections]) -> float | None:
    """Whether a target that is there got boxes at all."""
    return float(bool(pair.found)) if pair.gold else None


def _own(name: str, score: Callable[[Pair[Any]], float | None], **more: Any) -> Metric[Any]:
    return Metric(name=name, measure=each(score), **more)


def _named(task: TaskName, **names: str) -> tuple[Metric[Any], ...]:
    """Return umit's metrics of a task under the board's names."""
    known = {metric.name: metric for metric in TASKS[task].metrics if metric.protocol == "umit"}
    # The board asks its frame's floor like the other controls, beside the same phantoms.
    return tuple(replace(known[name], name=new, framed=False) for new, name in names.items())


_UNREADABLE: Final = _own("unreadable", _unreadable, best=0.0, unreadable="counts")
_BOXES: Final[dict[str, str]] = {
    "mean_iou": "mean IoU", "iou_over_50": "Acc@0.5", "false_boxes": "false boxes",
}  # fmt: skip
_ANSWERED: Final = _own("answered_with_boxes", _answered, unreadable="draws nothing")
_HALF: Final = "half the height"

#: What a task's numbers are: umit's own where it has them, under the board's names.
METRICS_OF: Final[Mapping[str, tuple[Metric[Any], ...]]] = {
    "answer_closed": (*_named("answer_closed", accuracy="accuracy"), _UNREADABLE),
    "classify": (*_named("classify", accuracy="accuracy"), _UNREADABLE),
    "detect_2d": (*_named("detect_2d", **_BOXES), _ANSWERED, _UNREADABLE),
    "landmark": (_own("error_percent_of_height", _error, unit="%", best=0.0, unreadable=_HALF), _UNREADABLE),
    "detect_3d": (*_named("detect_3d", **_BOXES), _ANSWERED, _UNREADABLE),
    "report_film": (_own("exact", _exact), _UNREADABLE),
}  # fmt: skip
#: The board's lines and the task that each shows.
LINES: Final[Mapping[str, TaskName]] = {
    "answer": "answer_closed", "classify": "classify", "detect_2d": "detect_2d", "landmarks": "landmark",
    "detect_3d": "detect_3d", "report": "report_film",
}  # fmt: skip

_Samples: TypeAlias = Iterable[Sample[Any, Any]]
_Numbers: TypeAlias = dict[str, dict[str, float]]


def board(
    model: UMIT, run: Path, phantoms: Phantoms, *, controls: int = 100, tell: Callable[[str], None] = lambda text: None
) -> dict[str, Any]:
    """Ask everything, or what is missing of it, and return the numbers.

    Args:
        model: The checkpoint to score.
        run: Folder of the journals, one for the model and one for each control.
        phantoms: What is asked.
        controls: So many of them, in the first language, for what stands against the model.
        tell: Called with a line of progress.

    Returns:
        ``tasks``: by line, language and metric, each with its interval; ``targets``: boxes by what is looked
        for, where it is there; ``controls``: the majority answer, a blank picture, another picture, and the
        floor of the frame, by line and metric.

    Raises:
        BackendError: A question has no answer at all.
        InputError: A journal is another run's.
    """
    few = replace(phantoms, count=min(controls, phantoms.count), languages=phantoms.languages[:1])
    placed = [isinstance(sample.query, Find | Locate) for sample in few]
    said = [sample for sample, place in zip(few, placed, strict=True) if not place]
    boxed = [sample for sample, place in zip(few, placed, strict=True) if place]
    runs: dict[str, tuple[UMIT, _Samples]] = {
        "model": (model, phantoms),
        "majority": (_knowing(said, model.checkpoint, lambda asked: asked.words), said),
        "blank_picture": (model, replace(few, shown="blank")),
        "other_picture": (model, replace(few, shown="other")),
        "frame_floor": (_knowing(boxed, model.checkpoint, _content), boxed),
    }
    found: dict[str, Score] = {}
    for name, (replier, samples) in runs.items():
        by = ["target"] if name == "model" else []  # no target of the others is told apart
        found[name] = scored(ask(replier, samples, run / name), by)
        tell(f"asked: {name}")
    own = found.pop("model")
    return {
        "tasks": {
            line: {code: _numbers(own, task, code) for code in phantoms.languages} for line, task in LINES.items()
        },
        "targets": _targets(own),
        "controls": {
            line: {name: _numbers(other, task) for name, other in found.items()} for line, task in LINES.items()
        },
    }


def scored(run: Path, by: Sequence[str] = ()) -> Score:
    """Score a journal of phantoms by the board's rules.

    Args:
        run: Its folder.
        by: Facts that scores are broken down by.

    Raises:
        BackendError: A question has no answer at all.
        InputError: No run there, or a damaged journal.
    """
    found = score(run, by=by, metrics=METRICS_OF)
    if found.failed:
        raise BackendError(f"expected an answer to every question, {found.failed} have none")
    return found


def _knowing(samples: _Samples, card: Checkpoint, seen: Callable[[Request], Hashable]) -> UMIT:
    """Return a model that replies what is true most often of what it sees of a request."""
    true: defaultdict[Hashable, Counter[str]] = defaultdict(Counter)
    for sample in samples:
        for request, text in asked(sample, card.tasks, scored=True):
            true[seen(request)][text] += 1

    def reply(request: Request) -> str:
        return true[seen(request)].most_common(1)[0][0]

    return UMIT(ScriptedBackend(reply), card)


def _content(request: Request) -> Hashable:
    digest = hashlib.sha256()
    for frame in request.frames:
        digest.update(np.ascontiguousarray(frame).data)
    return request.words, digest.digest()


def _numbers(found: Score, task: TaskName, language: str = "") -> _Numbers:
    """Return a task's numbers in one language, or in all; those that do not exist are left out."""
    rows = [row for row in found.rows if row.task == task and not row.part]
    spoken = [row for row in rows if row.language == language]  # one language alone is not told apart
    chosen = spoken or [row for row in rows if not row.language]
    return {row.metric: _number(row) for row in chosen if not math.isnan(row.value)}


def _number(row: ScoreRow) -> dict[str, float]:
    ends = {"low": row.low, "high": row.high}
    known = {name: round(end, 4) for name, end in ends.items() if not math.isnan(end)}
    return {"value": round(row.value, 4), **known}


def _targets(found: Score) -> dict[str, dict[str, _Numbers]]:
    """Return overlap, and how many got a box at all, of each target where it is there, in all languages."""
    targets: dict[str, dict[str, _Numbers]] = {}
    for row in found.rows:
        if row.part and row.metric in ("mean_iou", "answered_with_boxes"):
            named = targets.setdefault(row.task, {}).setdefault(row.part.partition("=")[2], {})
            named[row.metric] = {**_number(row), "n": row.n}
    return targets
