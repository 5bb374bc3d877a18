"""FROC and COCO's precision of ranked boxes; what ranks them; overlaps of volumes."""

from __future__ import annotations

import logging
import math
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from umit.geometry import Box2D, Box3D
from umit.metrics.bootstrap import Draws
from umit.metrics.metric import Metric, Pair
from umit.queries import Find
from umit.results import Detection, Detections
from umit.tasks.table import TASKS

QUERY = Find("nodule")
TRUE, AWAY = Box2D(0, 0, 10, 10), Box2D(50, 50, 60, 60)


def _metric(name: str, task: str = "detect_2d") -> Metric[Any]:
    return next(metric for metric in TASKS[task].metrics if metric.name == name)


def _found(*boxes: tuple[Any, float | None], presence: float | None = None, view: int | None = None) -> Detections:
    return Detections(
        items=tuple(Detection(label="nodule", box=box, score=score, view=view) for box, score in boxes),
        presence=None if presence is None else (("nodule", presence),),
    )  # fmt: skip


def _pair(gold: Detections, found: Detections | None) -> Pair[Any]:
    return Pair(QUERY, gold, found)


ONE = _found((TRUE, None))


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param([_found((TRUE, -0.1)), _found((TRUE, -0.2))], 1.0, id="both found"),
        pytest.param([_found((TRUE, -0.1)), _found()], 0.5, id="one missed"),
        pytest.param([_found((TRUE, -0.2)), _found((AWAY, -0.1))], 1 / 2 * 5 / 7, id="a surer miss"),
        pytest.param([_found((TRUE, -0.1)), _found((AWAY, -0.2))], 0.5, id="a less sure miss"),
        pytest.param([_found((TRUE, None), presence=0.9), _found((TRUE, None), presence=0.4)], 1.0, id="presence ranks"),
        pytest.param([_found((TRUE, -0.1)), _found((TRUE, None))], math.nan, id="one without rank"),
        pytest.param([_found((TRUE, None), presence=0.9), _found((TRUE, -0.1))], math.nan, id="two kinds of rank"),
        pytest.param([_found(), _found()], 0.0, id="nothing found"),
    ],
)  # fmt: skip
def test_froc(found: list[Detections], expected: float) -> None:
    value = _metric("FROC")([_pair(ONE, one) for one in found])
    assert value == pytest.approx(expected, nan_ok=True)


def test_froc_keeps_views_apart() -> None:
    pairs = [_pair(ONE, _found((TRUE, -0.1), view=1)), _pair(ONE, _found((TRUE, -0.1)))]
    # The box in the other view is as sure as the hit: half a false box a question, a straight line before.
    assert _metric("FROC")(pairs) == pytest.approx((0.125 + 0.25 + 5 * 0.5) / 7)


def test_froc_of_nothing_to_find() -> None:
    assert math.isnan(_metric("FROC")([_pair(Detections(), _found((AWAY, -0.1)))]))


def test_froc_of_volumes() -> None:
    box = Box3D(0, 0, 0, 4, 4, 4)
    assert _metric("FROC", "detect_3d")([_pair(_found((box, None)), _found((box, -0.5)))]) == 1


def test_coco_needs_ranks() -> None:
    pytest.importorskip("faster_coco_eval")
    near = Box2D(0, 0, 10, 8)
    ranked = [_pair(ONE, _found((near, -0.2))), _pair(ONE, _found((AWAY, -0.1)))]
    # Behind a surer miss a hit has precision 1/2, up to recall 1/2: 51 of COCO's 101 levels.
    assert _metric("AP@0.5")(ranked) == pytest.approx(0.5 * 51 / 101)
    assert _metric("mAP")(ranked) == pytest.approx(0.7 * 0.5 * 51 / 101), "an overlap of 0.8"
    unranked = [replace(p, found=_found(*((one.box, None) for one in p.found))) for p in ranked]
    assert math.isnan(_metric("mAP")(unranked))


def test_views_are_pictures_of_their_own() -> None:
    pytest.importorskip("faster_coco_eval")
    right = _pair(_found((TRUE, None), view=1), _found((TRUE, -0.1), view=1))
    other = _pair(_found((TRUE, None), view=1), _found((TRUE, -0.1), view=0))
    assert _metric("mAP")([right]) == pytest.approx(1)
    assert _metric("mAP")([other]) == 0


def test_a_resample_is_the_number_of_its_answers() -> None:
    pytest.importorskip("faster_coco_eval")
    away = replace(_found((AWAY, -0.5)).items[0], view=1)
    several = Detections(items=(*_found((TRUE, -0.2)).items, away))
    pairs = [
        _pair(ONE, _found((TRUE, -0.1))), _pair(ONE, several), _pair(ONE, None), _pair(Detections(), several),
    ]  # fmt: skip
    for metric in (_metric("mAP"), _metric("AP@0.5"), _metric("mean IoU")):
        measures = metric.measures(pairs)
        over = metric.over(measures)
        for rows in ([0, 1, 2, 3], [0, 1, 1, 3], [2, 2], [3, 3]):
            draws = Draws(np.bincount(rows, minlength=len(pairs))[None], np.arange(len(pairs)))
            expected = metric([pairs[row] for row in rows])
            assert over(draws)[0] == pytest.approx(expected, nan_ok=True), rows
        unread = metric.over(metric.measures([pairs[2], pairs[3]])[:1])
        assert unread(Draws(np.array([[2]]), np.arange(1))).tolist() == [0]


def test_a_missing_extra_is_left_out_and_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "faster_coco_eval", None)
    pairs = [_pair(ONE, _found((TRUE, -0.1)))]
    with caplog.at_level(logging.WARNING):
        assert math.isnan(_metric("mAP")(pairs))
    assert "umit[coco]" in caplog.text
    assert _metric("FROC")(pairs) == 1, "the others stay"


def test_true_overlap_of_volumes_beside_m3ds() -> None:
    pair = _pair(_found((Box3D(5, 5, 5, 15, 15, 15), None)), _found((Box3D(0, 0, 0, 10, 10, 10), None)))
    assert _metric("mean IoU", "detect_3d")([pair]) == pytest.approx(125 / 1875)
    assert _metric("IoU by enclosing box", "detect_3d")([pair]) == pytest.approx(125 / 3375)
