"""COCO's average precision, by the package that the extra installs."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np
import pytest

from umit.errors import InputError, MissingExtraError
from umit.metrics.coco import average_precision

#: Label and corners.
NODULE, MASS, AWAY = (0, 0, 0, 50, 50), (1, 100, 100, 300, 300), (0, 500, 500, 600, 600)


def _boxes(*boxes: tuple[Any, ...], columns: int = 7) -> np.ndarray:
    rows = np.array(boxes, np.float64).reshape(-1, columns)
    return rows[:, [1, 0, *range(2, columns)]]  # label before picture


@pytest.fixture
def package() -> None:
    pytest.importorskip("faster_coco_eval", reason="the extra umit[coco] is not installed")


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize(
    ("found", "true", "expected"),
    [
        pytest.param([(0, *NODULE, 0.5)], [(0, *NODULE)], 1.0, id="exactly right"),
        # Precision 1 up to recall 0.5: 51 of COCO's 101 recall levels.
        pytest.param([(0, *NODULE, 0.5)], [(0, *NODULE), (1, *NODULE)], 51 / 101, id="one of two"),
        pytest.param([(0, *NODULE, 0.5), (0, *MASS, 0.5)], [(0, *NODULE), (0, *MASS)], 1.0, id="two labels"),
        pytest.param([(0, *NODULE, 0.5)], [(0, *NODULE), (0, *MASS)], 0.5, id="mean over labels"),
        pytest.param([(0, 1, *NODULE[1:], 0.5)], [(0, *NODULE)], 0.0, id="wrong label"),
        pytest.param([(0, *NODULE, -0.1), (1, *AWAY, -5.0)], [(0, *NODULE)], 1.0, id="a less sure miss"),
        pytest.param([(0, *NODULE, -5.0), (1, *AWAY, -0.1)], [(0, *NODULE)], 0.5, id="a surer miss"),
        pytest.param([(0, *NODULE, 0.5), (1, *AWAY, 0.5)], [(0, *NODULE)], 1.0, id="as sure, before"),
        pytest.param([(1, *AWAY, 0.5), (0, *NODULE, 0.5)], [(0, *NODULE)], 1.0, id="pictures rank first"),
        pytest.param([(0, *AWAY, 0.5), (1, *NODULE, 0.5)], [(1, *NODULE)], 0.5, id="as sure, behind"),
    ],
)  # fmt: skip
def test_average_precision(found: list[Any], true: list[Any], expected: float) -> None:
    precision = average_precision(_boxes(*found), _boxes(*true, columns=6), 2)
    assert precision(np.arange(2)) == pytest.approx(expected)


@pytest.mark.parametrize(("found", "true"), [([], [(0, *NODULE)]), ([(0, *NODULE, 0.5)], [])])
def test_wrong_use(found: list[Any], true: list[Any]) -> None:
    with pytest.raises(InputError) as refused:
        average_precision(_boxes(*found), _boxes(*true, columns=6), 1)
    assert refused.value.code == "boxes"


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faster_coco_eval", None)  # what a missing package looks like
    with pytest.raises(MissingExtraError, match=r"pip install 'umit\[coco\]'"):
        average_precision(_boxes((0, *NODULE, 0.5)), _boxes((0, *NODULE), columns=6), 1)


def _random(rng: np.random.Generator) -> tuple[list[Any], list[Any]]:
    """Found and true boxes of thirty pictures, of three labels, with many equal scores; some pictures have none."""
    found, true = [], []
    for picture in range(30):
        for label in rng.choice(3, rng.integers(0, 4)).tolist():
            x, y, side = rng.integers(0, 60, 3).tolist()
            score = round(float(rng.random()), 1)
            true += [(picture, label, x, y, x + side + 4, y + side + 4)] * (rng.random() < 0.8)
            moved = (picture, label, x + 2, y, x + side + 4, y + side + 5, score)
            found += [moved] * (rng.random() < 0.8)
    return found, true


def _drawn(boxes: list[Any], drawn: np.ndarray) -> list[Any]:
    return [(new, *box[1:]) for new, old in enumerate(drawn) for box in boxes if box[0] == old]


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize("least", [None, 0.5])
def test_drawn_pictures_are_as_if_laid_out_again(least: float | None) -> None:
    rng = np.random.default_rng(3)
    found, true = _random(rng)
    precision = average_precision(_boxes(*found), _boxes(*true, columns=6), 30, least=least)
    for count in (30, 30, 30, 4):
        drawn = rng.integers(0, 30, count)
        again = _boxes(*_drawn(found, drawn)), _boxes(*_drawn(true, drawn), columns=6)
        whole = average_precision(*again, count, least=least)(np.arange(count))
        assert precision(drawn) == whole > 0


@pytest.mark.usefixtures("package")
def test_drawn_pictures_with_nothing_to_find_have_no_number() -> None:
    found = _boxes((0, *MASS, 0.5), (1, *MASS, 0.5))
    precision = average_precision(found, _boxes((1, *NODULE), columns=6), 2)
    assert math.isnan(precision(np.array([0, 0]))) and precision(np.array([1, 0])) == 0
