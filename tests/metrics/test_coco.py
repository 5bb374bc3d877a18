"""COCO's average precision, by the package that the extra installs."""

from __future__ import annotations

import math
import sys
from dataclasses import replace

import numpy as np
import pytest

from umit.errors import InputError, MissingExtraError
from umit.geometry import Box2D, Box3D
from umit.metrics.coco import average_precision
from umit.results import Detection, Detections

NODULE = Detection(label="nodule", box=Box2D(0, 0, 50, 50), score=0.5)
MASS = Detection(label="mass", box=Box2D(100, 100, 300, 300), score=0.5)
NOTHING = Detections()


def _boxes(*items: Detection) -> Detections:
    return Detections(items=items)


def _scored(one: Detection, score: float) -> Detection:
    return Detection(label=one.label, box=one.box, score=score)


def _whole(found: list[Detections | None], true: list[Detections]) -> float:
    return average_precision(found, true)(np.arange(len(true)))


@pytest.fixture
def package() -> None:
    pytest.importorskip("faster_coco_eval", reason="the extra umit[coco] is not installed")


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize(
    ("found", "true", "expected"),
    [
        pytest.param([_boxes(NODULE)], [_boxes(NODULE)], 1.0, id="exactly right"),
        # Precision 1 up to recall 0.5: 51 of COCO's 101 recall levels.
        pytest.param([_boxes(NODULE), None], [_boxes(NODULE)] * 2, 51 / 101, id="one of two"),
        pytest.param([_boxes(NODULE, MASS)], [_boxes(NODULE, MASS)], 1.0, id="two labels"),
        pytest.param([_boxes(NODULE)], [_boxes(NODULE, MASS)], 0.5, id="mean over labels"),
        pytest.param(
            [_boxes(Detection(label="mass", box=NODULE.box, score=0.5))],
            [_boxes(NODULE)],
            0.0,
            id="wrong label",
        ),
    ],
)
def test_average_precision(
    found: list[Detections | None], true: list[Detections], expected: float
) -> None:
    assert _whole(found, true) == pytest.approx(expected)


@pytest.mark.usefixtures("package")
def test_scores_rank_and_order_does_where_they_are_equal() -> None:
    wrong = Detection(label="nodule", box=Box2D(500, 500, 600, 600), score=0.5)
    true = [_boxes(NODULE), NOTHING]
    assert _whole([_boxes(_scored(NODULE, -0.1)), _boxes(_scored(wrong, -5.0))], true) == pytest.approx(1)
    assert _whole([_boxes(_scored(NODULE, -5.0)), _boxes(_scored(wrong, -0.1))], true) == pytest.approx(0.5)
    even = [_boxes(NODULE), _boxes(wrong)]
    assert _whole(even, true) == pytest.approx(1)
    assert _whole(even[::-1], true[::-1]) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("found", "true", "code"),
    [
        pytest.param([], [_boxes(NODULE)], "pictures", id="a picture short"),
        pytest.param([NOTHING], [NOTHING], "pictures", id="nothing to find"),
        pytest.param(
            [_boxes(NODULE, replace(MASS, score=None))], [_boxes(NODULE)], "scores", id="half scored"
        ),
        pytest.param(
            [NOTHING],
            [_boxes(Detection(label="nodule", box=Box3D(0, 0, 0, 1, 1, 1)))],
            "box",
            id="a volume",
        ),
    ],
)
def test_wrong_use(found: list[Detections], true: list[Detections], code: str) -> None:
    with pytest.raises(InputError) as refused:
        average_precision(found, true)
    assert refused.value.code == code


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faster_coco_eval", None)  # what a missing package looks like
    with pytest.raises(MissingExtraError, match=r"pip install 'umit\[coco\]'"):
        average_precision([None], [_boxes(NODULE)])


def _random(rng: np.random.Generator) -> tuple[Detections, Detections]:
    """A picture's found and true boxes, of three labels, with many equal scores; some pictures have none."""
    found, true = [], []
    for label in rng.choice(["nodule", "mass", "cyst"], rng.integers(0, 4)).tolist():
        x, y, side = rng.integers(0, 60, 3).tolist()
        box = Box2D(x, y, x + side + 4, y + side + 4)
        there, score = rng.random() < 0.8, round(float(rng.random()), 1)
        true += [Detection(label=label, box=box)] * there
        moved = Box2D(x + 2, y, x + side + 4, y + side + 5)
        found += [Detection(label=label, box=moved, score=score)] * (rng.random() < 0.8)
    return _boxes(*found), _boxes(*true)


@pytest.mark.usefixtures("package")
def test_drawn_pictures_are_as_if_laid_out_again() -> None:
    rng = np.random.default_rng(3)
    found, true = zip(*(_random(rng) for _ in range(30)), strict=True)
    for least in (None, 0.5):
        precision = average_precision(found, true, least=least)
        for count in (30, 30, 30, 4):
            drawn = rng.integers(0, 30, count)
            again = [found[i] for i in drawn], [true[i] for i in drawn]
            whole = average_precision(*again, least=least)(np.arange(count))
            assert precision(drawn) == whole > 0


@pytest.mark.usefixtures("package")
def test_drawn_pictures_with_nothing_to_find_have_no_number() -> None:
    away = _scored(MASS, 0.5)
    ap = average_precision([_boxes(away), _boxes(away)], [NOTHING, _boxes(NODULE)])
    assert math.isnan(ap(np.array([0, 0]))) and ap(np.array([1, 0])) == 0
