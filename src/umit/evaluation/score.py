"""Scores from the journal alone: each metric with its protocol, its interval, and what unreadable text costs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from umit.errors import InputError
from umit.evaluation.floor import as_written, card_of
from umit.evaluation.journal import gaps, manifest_of, records
from umit.evaluation.record import pair_of
from umit.metrics.bootstrap import bootstrap
from umit.metrics.metric import Measures, Metric, Pair
from umit.metrics.optional import optional_metric
from umit.metrics.sizes import SIZES, by_size
from umit.metrics.vqa import PROTOCOLS, UMIT
from umit.results import Answer, Detections, Findings, Report
from umit.tasks.table import TASKS
from umit.tasks.task import Task, TaskName

__all__ = ["FLOOR", "SOURCES", "ScoreRow", "Score", "protocols", "score"]

#: What the name of a metric ends in where the truth in whole numbers of the frame stands in the answers' place.
FLOOR: Final = ", frame floor"
#: Protocols of answers that others published.
_PUBLISHED: Final = frozenset(one.name for one in PROTOCOLS if one is not UMIT)
#: Where each protocol's rule comes from; versions are those that its recorded values were made with.
SOURCES: Final[Mapping[str, str]] = {
    "umit": "umit's own rules",
    "LLaVA-Med": "microsoft/LLaVA-Med, llava/eval/run_eval.py at b9a98a7",
    "MedEvalKit VQA-RAD": "alibaba-damo-academy/MedEvalKit at 9b12e3b, as it scores VQA-RAD",
    "MedEvalKit SLAKE": "alibaba-damo-academy/MedEvalKit at 9b12e3b, as it scores SLAKE",
    "M3D-Bench": "BAAI-DCAI/M3D at 63e7200",
    "MedMNIST": "medmnist 3.0.2, evaluator.py",
    "pycocoevalcap, raw": "pycocoevalcap 1.2, without its tokenizer",
    "pycocoevalcap, PTB": "pycocoevalcap 1.2, after its tokenizer",
    "R2Gen IU X-Ray": "cuhksz-nlp/R2Gen, its cleaning of IU X-Ray before pycocoevalcap",
    "rouge-score": "rouge-score 0.1.2, without its stemmer",
    "ms-swift": "ms-swift 2.6.1, over jieba's words",
    "sacrebleu": "sacrebleu 2.6",
    "COCO": "COCO's evaluation of boxes, by faster-coco-eval",
    "LUNA16": "LUNA16's seven rates of false positives (doi:10.1016/j.media.2017.06.015)",
    "RSNA Kaggle": "the RSNA pneumonia challenge of 2018",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRow:
    """One number.

    Args:
        task: The task that was asked.
        language: Of the questions; ``""`` for all.
        part: A fact that the rows share, such as ``"modality=CT"``; ``""`` for all.
        metric: Its name; with :data:`FLOOR` at its end, what the frame leaves to a model that is exactly right.
        protocol: Whose rule it is.
        unit: ``""`` for shares.
        value: The number; ``nan`` if nothing could be scored.
        low: Lower end of the 95 % interval, by bootstrap over groups.
        high: Upper end.
        n: Answers.
        groups: Pictures or patients that they are of; answers about one are drawn together.
        unreadable: Answers whose text could not be read.
        cost: What an unreadable answer costs in this metric.
    """

    task: TaskName
    language: str
    part: str
    metric: str
    protocol: str
    unit: str
    value: float
    low: float
    high: float
    n: int
    groups: int
    unreadable: int
    cost: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """All numbers of a run.

    Args:
        rows: By task, language and metric.
        failed: Items that have no answer yet, such as unreadable pictures.
        manifest: What the answers depend on.
        gaps: In words, what the run has not asked yet; nothing if it is whole.
    """

    rows: tuple[ScoreRow, ...]
    failed: int
    manifest: Mapping[str, Any]
    gaps: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether every item has an answer."""
        return not self.failed and not self.gaps

    def __getitem__(self, name: str) -> float:
        """Return the first number of a metric's name, over all languages."""
        for row in self.rows:
            if row.metric == name and not row.language and not row.part:
                return row.value
        raise KeyError(name)


def protocols(tasks: Iterable[TaskName] = tuple(TASKS)) -> dict[str, tuple[TaskName, ...]]:
    """Return the protocols of some tasks, each with those of the tasks that it scores.

    Example:
        >>> protocols(["answer_open", "detect_2d"])["RSNA Kaggle"]
        ('detect_2d',)
    """
    asked = tuple(tasks)
    names = dict.fromkeys(metric.protocol for task in asked for metric in TASKS[task].metrics)
    return {
        name: tuple(task for task in asked if any(m.protocol == name for m in TASKS[task].metrics)) for name in names
    }


def score(
    run: Path | str,
    *,
    by: Sequence[str] = (),
    protocol: Sequence[str] = (),
    also: Sequence[str] = (),
    metrics: Mapping[str, Sequence[Metric[Any]]] | None = None,
    seed: int = 0,
) -> Score:
    """Score a run, or all shards of one, without a model.

    Args:
        run: Folder of a journal.
        by: Facts to break the numbers down by, such as ``"modality"``; ``"finding"`` gives those of each label,
            ``"size_px"`` and ``"size_mm"`` those of boxes by size (:mod:`umit.metrics.sizes`).
        protocol: Names of the protocols that are wanted, in any case; none for all.
        also: Names of :data:`umit.metrics.optional.OPTIONAL`, for reports, captions and comparisons.
        metrics: What tasks are scored by where a set has rules of its own; ``None`` takes the tasks' own.
        seed: Of the intervals.

    Raises:
        InputError: No run there or several, a damaged journal, a protocol that scores none of its tasks, a fact that
            no record has, or an unknown score.
        MissingExtraError: An optional score's package or program is not installed.
    """
    folder = Path(run)
    kept, missing = _kept(folder, by)
    card = card_of(folder)
    wanted = _wanted(protocol, kept)
    more = [optional_metric(name) for name in also]
    rows: list[ScoreRow] = []
    answers = [task for task, spec in TASKS.items() if task in kept and spec.result is Answer]
    for task, found in kept.items():
        spec = TASKS[task]
        own = spec.metrics if metrics is None else metrics.get(task, ())
        chosen = [metric for metric in own if metric.protocol in wanted]
        if len(answers) > 1 and task in answers:
            chosen = [metric for metric in chosen if metric.protocol not in _PUBLISHED]
        chosen += more if spec.result is Report else []
        frame = card.tasks.get(task) if card is not None and spec.placed else None
        rows += _framed_rows(task, found, list(map(pair_of, found)), by, chosen, seed, frame)
        if spec.result is Findings and "finding" in by:
            rows += _finding_rows(task, found, chosen, seed)
        if spec.result is Detections:
            rows += _size_rows(task, found, by, chosen, seed, frame)
    if len(answers) > 1:
        own = TASKS[answers[0]].metrics if metrics is None else metrics.get(answers[0], ())
        chosen = [metric for metric in own if metric.protocol in wanted & _PUBLISHED]
        rows += _pooled_rows(answers, [r for task in answers for r in kept[task]], by, chosen, seed)
        rows.sort(key=lambda row: [*kept].index(row.task))  # each task's numbers stand together
    return Score(rows=tuple(rows), failed=missing, manifest=manifest_of(folder), gaps=gaps(folder))


def _kept(folder: Path, by: Sequence[str]) -> tuple[dict[TaskName, list[dict[str, Any]]], int]:
    """Return a run's answers by task, and how many items have none."""
    kept: dict[TaskName, list[dict[str, Any]]] = defaultdict(list)
    facts, missing = {"finding", *SIZES}, 0
    for record in records(folder):
        if record.get("task") not in TASKS:
            raise InputError(
                f"expected a record of a task of {', '.join(TASKS)}, got {record.get('task')!r}",
                code="task",
                where=f"{folder.name}: {record['id']}",
            )
        facts.update(record.get("facts", ()))
        if record["ok"]:
            kept[record["task"]].append(record)
        else:
            missing += 1
    if unknown := [fact for fact in by if fact not in facts]:
        raise InputError(f"expected facts of {', '.join(sorted(facts))}, got {unknown[0]!r}", code="by", where="by")
    return kept, missing


def _wanted(given: Sequence[str], tasks: Iterable[TaskName]) -> frozenset[str]:
    known = {name.casefold(): name for name in protocols(tasks)}
    if unknown := [name for name in given if name.casefold() not in known]:
        raise InputError(
            f"expected a protocol of {'; '.join(known.values()) or 'no task at all'}, got {unknown[0]!r}",
            code="protocol",
            where="protocol",
            hint="umit score --protocols lists all of them with their tasks.",
        )
    return frozenset(known[name.casefold()] for name in given or known)


def _framed_rows(
    task: TaskName, found: Sequence[Mapping[str, Any]], pairs: Sequence[Pair[Any]], by: Sequence[str],
    metrics: Sequence[Metric[Any]], seed: int, frame: Task[Any, Any] | None,
) -> Iterator[ScoreRow]:  # fmt: skip
    """Yield a task's numbers, each with the frame's floor behind it where one is known."""
    written = as_written(pairs, frame) if frame is not None else []
    known = [i for i, one in enumerate(written) if one is not None]
    best = [one for one in written if one is not None]
    framed = [metric for metric in metrics if metric.framed] if best else []
    floors = {
        (row.part, row.metric, row.unit): replace(row, metric=row.metric + FLOOR, cost="")
        for row in _task_rows(task, [found[i] for i in known], by, framed, seed, best)
        if not row.language and not np.isnan(row.value)
    }
    for row in _task_rows(task, found, by, metrics, seed, pairs):
        yield row
        floor = floors.get((row.part, row.metric, row.unit))
        if floor is not None and not row.language and row.protocol == floor.protocol:
            yield floor


def _task_rows(
    task: TaskName, found: Sequence[Mapping[str, Any]], by: Sequence[str], metrics: Sequence[Metric[Any]], seed: int,
    known: Sequence[Pair[Any]] | None = None,
) -> Iterator[ScoreRow]:  # fmt: skip
    pairs = [pair_of(record) for record in found] if known is None else known
    languages = np.array([pair.query.language for pair in pairs])
    groups = np.unique([record["group"] for record in found], return_inverse=True)[1]
    unread = np.array([pair.found is None for pair in pairs], bool)
    parts: list[tuple[str, str, np.ndarray[Any, Any]]] = [("", "", np.ones(len(pairs), bool))]
    if len(spoken := sorted(set(languages))) > 1:
        parts += [(str(one), "", languages == one) for one in spoken]
    for fact in by:
        values = np.array([str(record["facts"].get(fact, "")) for record in found])
        parts += [("", f"{fact}={one}", values == one) for one in sorted(set(values)) if one]
    seen: dict[object, Measures] = {}
    for metric in metrics:
        measures = metric.measures(pairs, seen)
        for language, part, chosen in parts:
            low, high = interval(metric, measures[chosen], groups[chosen], seed)
            yield ScoreRow(
                task=task, language=language, part=part, metric=metric.name,
                protocol=metric.protocol, unit=metric.unit,
                value=metric.total(measures[chosen]), low=low, high=high,
                n=int(chosen.sum()), groups=len(set(groups[chosen].tolist())),
                unreadable=int(unread[chosen].sum()), cost=metric.unreadable,
            )  # fmt: skip


def _pooled_rows(
    tasks: Sequence[TaskName], found: Sequence[Mapping[str, Any]], by: Sequence[str], metrics: Sequence[Metric[Any]],
    seed: int,
) -> Iterator[ScoreRow]:  # fmt: skip
    """Yield published numbers of answers over all questions, as their authors count them.

    They go by what the source calls closed, not by whether options were offered: a number of closed questions
    stands under the last of the tasks, and counts those that were asked without options.
    """
    for row in _task_rows(tasks[0], found, by, metrics, seed):
        yield replace(row, task=tasks[-1]) if row.metric.startswith("closed") else row


def _finding_rows(
    task: TaskName, found: Sequence[Mapping[str, Any]], metrics: Sequence[Metric[Any]], seed: int
) -> Iterator[ScoreRow]:
    """Yield the numbers of each label by itself."""
    kept: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for record in found:
        for number, label in enumerate(record["query"]["labels"]):
            one = {**record, "query": {**record["query"], "labels": [label]}}
            for side in ("gold", "found"):
                if record[side] is not None:
                    one[side] = {**record[side], "items": [record[side]["items"][number]]}
            kept[label].append(one)
    for label, records_of in kept.items():
        for row in _task_rows(task, records_of, (), metrics, seed):
            yield replace(row, part=f"finding={label}")


def _size_rows(
    task: TaskName, found: Sequence[Mapping[str, Any]], by: Sequence[str], metrics: Sequence[Metric[Any]],
    seed: int, frame: Task[Any, Any] | None,
) -> Iterator[ScoreRow]:  # fmt: skip
    """Yield the numbers of true boxes of each size; absent targets have none."""
    pairs = [pair_of(record) for record in found]
    for rule in SIZES:
        for name, chosen in by_size(pairs, rule) if rule in by else ():
            kept, some = [found[place] for place in chosen], list(chosen.values())
            for row in _framed_rows(task, kept, some, (), metrics, seed, frame):
                if not row.language:
                    yield replace(row, part=f"{rule}={name}")


def interval(metric: Metric[Any], measures: Measures, groups: np.ndarray[Any, Any], seed: int) -> tuple[float, float]:
    """Return the 95 % percentile interval of a metric; answers of one group are drawn together.

    Args:
        metric: Puts measures together.
        measures: One row an answer.
        groups: Which group each answer belongs to.
        seed: Of the draws.
    """
    if np.isnan(measures[:, 0]).all():
        return float("nan"), float("nan")
    return bootstrap(metric.over(measures), groups.tolist(), seed=seed)
