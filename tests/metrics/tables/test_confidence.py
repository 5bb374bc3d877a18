"""How sure answers were: claims, calibration error, Brier score and risk against coverage of each task."""

from __future__ import annotations

import math
from typing import Any

import pytest

from umit.metrics.bootstrap import bootstrap, by_rows
from umit.metrics.metric import Metric, Pair
from umit.metrics.tables.confidence import CONFIDENCE, claims
from umit.queries import Ask, Choose, Find
from umit.results import Answer, Classification, Detections, Findings, Marked
from umit.tasks.table import TASKS

SIDE = Ask("Which side?", ("left", "right"))
KIND = Choose(("normal", "nodule", "mass"))
SEVERAL = Choose(("mass", "oedema"), several=True)


def _option(index: int, *chances: float) -> Answer:
    return Answer(text=SIDE.options[index], option=index, probabilities=chances or None)


def _label(name: str, *chances: float) -> Classification:
    return Classification(label=name, probabilities=chances or None)


def _marks(*marks: tuple[bool, float | None]) -> Findings:
    return Findings(
        items=tuple(
            Marked(label=label, present=present, probability=p)
            for label, (present, p) in zip(SEVERAL.labels, marks, strict=True)
        )
    )


TRUE_MARKS = _marks((True, None), (False, None))


@pytest.mark.parametrize(
    ("pair", "expected", "gap"),
    [
        pytest.param(Pair(SIDE, _option(0), _option(0, 0.9, 0.1)), [(0.9, 1)], 0.02, id="right option"),
        pytest.param(Pair(SIDE, _option(0), _option(1, 0.4, 0.6)), [(0.6, 0)], 0.72, id="wrong option"),
        pytest.param(Pair(SIDE, Answer(text="right"), _option(1, 0.4, 0.6)), [(0.6, 1)], 0.32, id="truth by words"),
        pytest.param(Pair(SIDE, _option(0), _option(1, 0.5, 0.5)), [(0.5, 0)], 0.5, id="a tie"),
        pytest.param(Pair(KIND, _label("mass"), _label("mass", 0.2, 0.3, 0.5)), [(0.5, 1)], 0.38, id="three labels"),
        pytest.param(Pair(SEVERAL, TRUE_MARKS, _marks((True, 0.8), (True, 0.7))), [(0.8, 1), (0.7, 0)], 0.265, id="two marks"),
        pytest.param(Pair(SEVERAL, TRUE_MARKS, _marks((False, 0.4), (False, None))), [(0.6, 0)], 0.36, id="no is turned"),
        pytest.param(Pair(Find("x"), Detections(), Detections(presence=(("x", 0.1),))), [(0.9, 1)], 0.01, id="rightly absent"),
        pytest.param(Pair(Find("x"), Detections(), Detections(presence=(("x", 0.7),))), [(0.7, 0)], 0.49, id="wrongly present"),
    ],
)  # fmt: skip
def test_claims_and_gaps(pair: Pair[Any], expected: list[tuple[float, float]], gap: float) -> None:
    assert claims(pair) == [pytest.approx(one) for one in expected]
    brier = next(m for m in TASKS["classify"].metrics if m.name == "Brier score")
    assert brier([pair]) == pytest.approx(gap)


@pytest.mark.parametrize(
    "pair",
    [
        pytest.param(Pair(SIDE, _option(0), _option(0)), id="no option probabilities"),
        pytest.param(Pair(Ask("Where?"), Answer(text="a"), Answer(text="a")), id="open question"),
        pytest.param(Pair(KIND, _label("mass"), _label("mass")), id="no label probabilities"),
        pytest.param(Pair(Find("x"), Detections(), Detections()), id="no presence asked"),
        pytest.param(Pair(KIND, _label("mass"), None), id="unreadable only"),
    ],
)
def test_without_probabilities_there_is_no_number(pair: Pair[Any]) -> None:
    assert claims(pair) == []
    for metric in TASKS["classify"].metrics:
        if metric.name in ("ECE", "Brier score", "risk-coverage area"):
            assert math.isnan(metric([pair]))


def test_some_without_probabilities_are_left_out() -> None:
    sure, silent = Pair(SIDE, _option(0), _option(0, 0.9, 0.1)), Pair(SIDE, _option(0), _option(1))
    for metric in TASKS["answer_closed"].metrics:
        if metric.name in ("ECE", "Brier score", "risk-coverage area"):
            assert metric([sure, silent]) == metric([sure])


@pytest.mark.parametrize("task", ["answer_closed", "classify", "findings", "detect_2d", "detect_3d"])
def test_each_task_with_probabilities_has_them(task: str) -> None:
    assert {"ECE", "Brier score", "risk-coverage area"} <= {m.name for m in TASKS[task].metrics}


MARKED = Pair(SEVERAL, TRUE_MARKS, _marks((True, 0.8), (True, 0.8)))
HALF = Pair(SEVERAL, TRUE_MARKS, _marks((False, 0.4), (False, None)))
SILENT = Pair(SEVERAL, TRUE_MARKS, _marks((True, None), (True, None)))
UNREADABLE: Pair[Any] = Pair(SEVERAL, TRUE_MARKS, None)


@pytest.mark.parametrize("metric", [m for m in CONFIDENCE if m.weighed], ids=lambda m: m.name)
@pytest.mark.parametrize(
    "pairs",
    [
        pytest.param([MARKED, HALF, UNREADABLE, SILENT] * 5, id="rows of unlike lengths"),
        pytest.param([HALF] + [SILENT] * 9, id="resamples without a claim"),
        pytest.param([MARKED] + [UNREADABLE] * 9, id="hardly readable"),
        pytest.param([MARKED, HALF], id="two answers"),
    ],
)
def test_resamples_at_once_are_resamples_one_by_one(metric: Metric[Any], pairs: list[Pair[Any]]) -> None:
    measures, groups = metric.measures(pairs), [place // 2 * 2 % 7 for place in range(len(pairs))]
    for drawn in (groups, len(pairs)):
        one_by_one = by_rows(lambda rows: metric.total(measures[rows]))
        slow = bootstrap(one_by_one, drawn, count=200)
        fast = bootstrap(metric.over(measures), drawn, count=200)
        assert fast == pytest.approx(slow, abs=1e-12, nan_ok=True)
    assert not math.isnan(slow.low)
