"""COCO's numbers, by the package that the extra installs."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest

from umit.errors import InputError, MissingExtraError
from umit.geometry import Box2D, Box3D
from umit.metrics.coco import coco_scores, precision_of_drawn
from umit.results import Detection, Detections

NODULE = Detection(label="nodule", box=Box2D(0, 0, 50, 50))
MASS = Detection(label="mass", box=Box2D(100, 100, 300, 300))
NOTHING = Detections()


def _boxes(*items: Detection) -> Detections:
    return Detections(items=items)


def _scored(one: Detection, score: float) -> Detection:
    return Detection(label=one.label, box=one.box, score=score)


@pytest.fixture
def package() -> None:
    pytest.importorskip("faster_coco_eval", reason="the extra umit[coco] is not installed")


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize(
    ("found", "true", "expected"),
    [
        pytest.param([_boxes(NODULE)], [_boxes(NODULE)], 1.0, id="exactly right"),
        pytest.param([None], [_boxes(NODULE)], 0.0, id="unreadable answer"),
        pytest.param([NOTHING, None], [_boxes(NODULE)] * 2, 0.0, id="nothing found"),
        # Precision 1 up to recall 0.5: 51 of COCO's 101 recall levels.
        pytest.param([_boxes(NODULE), None], [_boxes(NODULE)] * 2, 51 / 101, id="one of two"),
        pytest.param([_boxes(NODULE, MASS)], [_boxes(NODULE, MASS)], 1.0, id="two labels"),
        pytest.param([_boxes(NODULE)], [_boxes(NODULE, MASS)], 0.5, id="mean over labels"),
        pytest.param(
            [_boxes(Detection(label="mass", box=NODULE.box))],
            [_boxes(NODULE)],
            0.0,
            id="wrong label",
        ),
    ],
)
def test_average_precision(
    found: list[Detections | None], true: list[Detections], expected: float
) -> None:
    assert coco_scores(found, true).ap == pytest.approx(expected)


@pytest.mark.usefixtures("package")
def test_sizes_without_truth_have_no_number() -> None:
    scores = coco_scores([_boxes(MASS)], [_boxes(MASS)])
    assert math.isnan(scores.ap_small) and math.isnan(scores.ar_medium)
    assert scores.ap_large == scores.ar_large == pytest.approx(1)


@pytest.mark.usefixtures("package")
def test_scores_rank_and_order_does_where_there_are_none() -> None:
    wrong = Detection(label="nodule", box=Box2D(500, 500, 600, 600))
    true = [_boxes(NODULE), NOTHING]
    surer = [_boxes(_scored(NODULE, -0.1)), _boxes(_scored(wrong, -5.0))]
    less = [_boxes(_scored(NODULE, -5.0)), _boxes(_scored(wrong, -0.1))]
    assert coco_scores(surer, true).ap == pytest.approx(1)
    assert coco_scores(less, true).ap == pytest.approx(0.5)
    assert coco_scores(less, true, use_scores=False).ap == pytest.approx(1)
    assert coco_scores(less[::-1], true[::-1], use_scores=False).ap == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("found", "true", "code"),
    [
        pytest.param([], [_boxes(NODULE)], "pictures", id="a picture short"),
        pytest.param([NOTHING], [NOTHING], "pictures", id="nothing to find"),
        pytest.param(
            [_boxes(NODULE, _scored(MASS, 0.5))], [_boxes(NODULE)], "scores", id="half scored"
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
        coco_scores(found, true)
    assert refused.value.code == code


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faster_coco_eval", None)  # what a missing package looks like
    with pytest.raises(MissingExtraError, match=r"pip install 'umit\[coco\]'"):
        coco_scores([None], [_boxes(NODULE)])


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
    ap, ap_50 = precision_of_drawn(found, true), precision_of_drawn(found, true, least=0.5)
    for count in (30, 30, 30, 4):
        drawn = rng.integers(0, 30, count)
        scores = coco_scores([found[i] for i in drawn], [true[i] for i in drawn])
        assert (ap(drawn), ap_50(drawn)) == (scores.ap, scores.ap_50) and scores.ap > 0


@pytest.mark.usefixtures("package")
def test_drawn_pictures_with_nothing_to_find_have_no_number() -> None:
    away = _scored(MASS, 0.5)
    ap = precision_of_drawn([_boxes(away), _boxes(away)], [NOTHING, _boxes(NODULE)])
    assert math.isnan(ap(np.array([0, 0]))) and ap(np.array([1, 0])) == 0
