"""What an unreadable answer costs is what each metric says it costs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from umit.geometry import Box2D, Box3D, Point2D, Space
from umit.metrics.metric import Metric, Pair
from umit.queries import Ask, Choose, Compare, Describe, Find, Language, Locate, Query
from umit.results import (
    Answer,
    Classification,
    Detection,
    Detections,
    Findings,
    Landmark,
    Landmarks,
    Marked,
    Report,
    Result,
)  # fmt: skip
from umit.tasks.table import TASKS

SPACE = Space(size=(64, 64), spacing=(0.5, 0.5))
NONSENSE = "[[?]]"
Many = list[Pair[Any]]


def _boxes(kind: Any, *corners: float) -> Detections:
    box = Detection(label="nodule", box=kind(*corners), score=-0.1)
    return Detections(items=(box,), presence=(("nodule", 0.8),))


def _point(x: float) -> Landmarks:
    return Landmarks(items=(Landmark(name="Sella", point=Point2D(x, 5, space=SPACE)),))


def _marks(probability: float | None) -> Findings:
    return Findings(items=(Marked(label="mass", present=True, probability=probability),))


def _label(name: str, *chances: float) -> Classification:
    return Classification(label=name, probabilities=chances or None)


def _option(index: int, *chances: float) -> Answer:
    return Answer(text=("yes", "no")[index], option=index, probabilities=chances or None)


CLOSED = Ask("Is it there?", ("yes", "no"))
REPORTS: list[tuple[Language, str]] = [
    ("en", "The heart is enlarged. Small left effusion."),
    ("en", "There is a nodule in the right upper lobe."),  # CIDEr-D of one report is 0
    ("zh", "心影增大，左侧胸腔少量积液。"),
]

#: By task: questions, truths and good answers; none is perfect in a way that hides a cost.
READABLE: dict[str, list[tuple[Query, Result, Result]]] = {
    "answer_open": [(Ask("Where is it?"), Answer(text="left lung"), Answer(text="left lung"))],
    "answer_closed": [
        (CLOSED, _option(0), _option(0, 0.8, 0.2)),
        (CLOSED, _option(1), _option(1, 0.4, 0.6)),
    ],
    "classify": [
        (Choose(("a", "b")), _label("a"), _label("a", 0.9, 0.1)),
        (Choose(("a", "b")), _label("b"), _label("b", 0.3, 0.7)),
    ],
    "findings": [
        (Choose(("mass",), several=True), _marks(None), _marks(0.9)),
        (
            Choose(("mass",), several=True),
            Findings(items=(Marked(label="mass", present=False),)),
            Findings(items=(Marked(label="mass", present=False, probability=0.2),)),
        ),
    ],
    "detect_2d": [
        (Find("nodule"), _boxes(Box2D, 1, 1, 9, 9), _boxes(Box2D, 1, 1, 9, 9)),
        (Find("nodule"), Detections(), Detections(presence=(("nodule", 0.1),))),
    ],
    "detect_3d": [
        (Find("nodule"), _boxes(Box3D, 1, 1, 1, 9, 9, 9), _boxes(Box3D, 1, 1, 1, 9, 9, 9))
    ],
    "landmark": [(Locate("Sella"), _point(5), _point(6))],
    **{
        task: [
            (replace(query, language=language), Report(text=text), Report(text=text))
            for language, text in REPORTS
        ]
        for task, query in {
            "report_film": Describe(),
            "report_ct": Describe(),
            "caption": Describe("caption"),
            "compare": Compare(),
        }.items()
    },
}  # fmt: skip


def _good(task: str) -> Many:
    return [Pair(query, gold, found, "raw") for query, gold, found in READABLE[task]]


def _bad(task: str, raw: str = NONSENSE) -> Many:
    return [replace(pair, found=None, raw=raw) for pair in _good(task)]


def _is_zero(task: str, metric: Metric[Any]) -> None:
    assert metric(_bad(task)) == 0 < metric(_good(task))


def _is_text(task: str, metric: Metric[Any]) -> None:
    """An empty text is 0, and the right words are worth what they are worth from a readable answer."""
    empty = metric(_bad(task, ""))
    assert empty == 0 or (math.isnan(empty) and math.isnan(metric(_good(task))))
    for pair in _good(task):
        words = pair.gold.text
        read, unread = replace(pair, raw=words), replace(pair, found=None, raw=words)
        assert metric([unread]) == pytest.approx(metric([read]), nan_ok=True)


def _refused(task: str, metric: Metric[Any]) -> None:
    yes, no = _bad("answer_closed", "I cannot tell.")
    if task == "answer_closed":
        assert (metric([yes]), metric([no])) == (0, 1)
    _is_text(task, metric)


def _lettered(task: str, metric: Metric[Any]) -> None:
    if task == "answer_closed":
        yes, _ = _bad(task)
        assert (metric([yes]), metric([replace(yes, raw="Plan A. then")])) == (0, 1)
    else:
        assert math.isnan(metric(_bad(task)))


def _partly(task: str, metric: Metric[Any]) -> None:
    if task == "answer_closed":
        yes, _ = _bad(task)
        assert metric([yes]) == 0 and math.isnan(metric([replace(yes, raw="no")]))
    else:
        assert math.isnan(metric(_bad(task)))


def _lowest(task: str, metric: Metric[Any]) -> None:
    good, bad = _good(task), _bad(task)
    assert metric(good) == 1
    assert metric([*good, bad[0]]) < 1, "a true one that ranks lowest"


def _lowers(task: str, metric: Metric[Any]) -> None:
    assert metric([*_good(task), *_bad(task)]) == pytest.approx(metric(_good(task)) / 2)


def _is_one(task: str, metric: Metric[Any]) -> None:
    good = _good(task)
    assert metric.measures([*good, *_bad(task)])[len(good) :, 0].tolist() == [1] * len(good)


def _last(task: str, metric: Metric[Any]) -> None:
    good = _good(task)
    assert metric(good) == 0, "all right"
    n = len(good)
    risks = [0.0] * n + [k / (n + k) for k in range(1, n + 1)]
    assert metric([*good, *_bad(task)]) == pytest.approx(sum(risks) / (2 * n))


def _draws_nothing(task: str, metric: Metric[Any]) -> None:
    query = Find("nodule")
    drawn = READABLE[task][0][2]
    assert metric([Pair(query, Detections(), drawn)]) == 1
    assert metric([Pair(query, Detections(), None, NONSENSE)]) == 0


def _finds_nothing(task: str, metric: Metric[Any]) -> None:
    good, bad = _good(task), _bad(task)
    assert metric(good) == pytest.approx(1)
    assert metric(bad) == 0
    assert metric([*good, bad[0]]) == pytest.approx(0.5, abs=0.01), "one of two true boxes"


def _minus_one(task: str, metric: Metric[Any]) -> None:
    assert metric(_bad(task)) == -1


def _left_out(task: str, metric: Metric[Any]) -> None:
    assert metric([*_good(task), *_bad(task)]) == metric(_good(task))
    assert math.isnan(metric(_bad(task)))


def _empty(task: str, metric: Metric[Any]) -> None:
    written = [replace(pair, found=Report(text="")) for pair in _good(task)]
    unread = metric([*_good(task), *_bad(task)])
    assert unread == metric([*_good(task), *written]) < metric(_good(task))


def _states_nothing(task: str, metric: Metric[Any]) -> None:
    both, mine, theirs = metric.measures(_bad(task)).T.tolist()
    assert not any(both) and not any(mine) and min(theirs) > 0
    assert metric(_good(task)) == 1


TEXT = "scored as the text it is; an empty text is 0"
COSTS: dict[str, Callable[[str, Metric[Any]], None]] = {
    "counts as wrong": _is_zero,
    "a miss": _is_zero,
    "a miss for each true box": _is_zero,
    "0 for each true box": _is_zero,
    TEXT: _is_text,
    f"{TEXT}, where the reference crashes": _is_text,
    f"{TEXT}, where the kit's whole run crashes": _is_text,
    f"{TEXT}; a refusal that holds 'no', as 'cannot' does, is right where the answer is no": _refused,
    "wrong, unless the right letter and a full stop occur in it": _lettered,
    "wrong if it holds neither 'yes' nor 'no'; else left out where it is wrong": _partly,
    "probability 0": _lowest,
    "lowers it: probability 0 and wrong": _lowers,
    "1": _is_one,
    "wrong, and the last to be given": _last,
    "draws nothing": _draws_nothing,
    "finds nothing": _finds_nothing,
    "-1": _minus_one,
    "left out of the mean, a miss in the rates": _left_out,
    "counts as an empty text": _empty,
    "counts as an empty text, of which the cleaning makes a full stop": _empty,
    "states nothing": _states_nothing,
}


def _every() -> Iterator[Any]:
    for task, spec in TASKS.items():
        for metric in spec.metrics:
            name = f"{task}: {metric.name}, {metric.protocol}, {metric.unit}"
            yield pytest.param(task, metric, id=name)


@pytest.mark.parametrize(("task", "metric"), list(_every()))
def test_an_unreadable_answer_costs_what_is_said(task: str, metric: Metric[Any]) -> None:
    COSTS[metric.unreadable](task, metric)


def test_no_cost_is_stale() -> None:
    assert set(COSTS) == {m.unreadable for spec in TASKS.values() for m in spec.metrics}


@pytest.mark.parametrize("task", TASKS)
def test_no_answers_are_no_number(task: str) -> None:
    for metric in TASKS[task].metrics:
        assert math.isnan(metric([])), metric


@pytest.mark.parametrize("task", TASKS)
def test_names_are_told_apart(task: str) -> None:
    names = [(metric.name, metric.protocol, metric.unit) for metric in TASKS[task].metrics]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("task", TASKS)
def test_an_answer_has_one_row(task: str) -> None:
    pairs = [*_good(task), *_bad(task)]
    for metric in TASKS[task].metrics:
        assert len(metric.measures(pairs)) == len(pairs), metric
