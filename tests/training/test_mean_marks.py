"""The mean shape: what a model that sees nothing would draw."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from umit.checkpoints import PHANTOM
from umit.datasets import Sample
from umit.datasets.pictures import Files
from umit.geometry import Box2D, Point2D
from umit.metrics.metric import Pair
from umit.queries import Ask, Find, Locate
from umit.results import Answer, Detection, Detections, Landmark, Landmarks
from umit.training.mean_marks import mean_marks


@pytest.fixture
def films(tmp_path: Path) -> tuple[Path, Path]:
    """A picture of 100 × 80 and one of twice its size."""
    for name, factor in (("a", 1), ("b", 2)):
        Image.new("L", (100 * factor, 80 * factor)).save(tmp_path / f"{name}.png")
    return tmp_path / "a.png", tmp_path / "b.png"


def _point(path: Path, x: float, y: float) -> Sample[Any, Any]:
    gold = Landmarks(items=(Landmark(name="Tip", point=Point2D(x, y)),))
    return Sample(id="", query=Locate("Tip"), gold=gold, source=Files((path,)), group="")


def _boxes(path: Path, *boxes: tuple[float, float, float, float]) -> Sample[Any, Any]:
    gold = Detections(items=tuple(Detection(label="cell", box=Box2D(*box)) for box in boxes))
    return Sample(id="", query=Find("cell"), gold=gold, source=Files((path,)), group="")


def _only(pairs: list[Pair[Any]] | None) -> Any:
    assert pairs is not None and len(pairs) == 1
    return pairs[0].found


def test_points_are_averaged_as_shares_of_their_pictures(films: tuple[Path, Path]) -> None:
    small, large = films
    taught = [_point(small, 20, 20), _point(large, 80, 120)]  # a fifth and a quarter; two fifths and three quarters
    found = _only(mean_marks(taught, [_point(large, 0, 0)], PHANTOM.tasks))
    assert (found["Tip"].x, found["Tip"].y) == pytest.approx((60, 80))


def test_boxes_of_pictures_that_have_one_are_averaged(films: tuple[Path, Path]) -> None:
    small, large = films
    taught = [_boxes(small, (10, 10, 30, 30)), _boxes(small, (30, 30, 50, 50)), _boxes(small)]
    found = _only(mean_marks(taught, [_boxes(large)], PHANTOM.tasks))
    assert found.items[0].box.corners == pytest.approx((40, 40, 80, 80))


def test_where_most_pictures_have_nothing_nothing_is_drawn(films: tuple[Path, Path]) -> None:
    small, _ = films
    assert not _only(
        mean_marks([_boxes(small), _boxes(small), _boxes(small, (1, 1, 9, 9))], [_boxes(small)], PHANTOM.tasks)
    )


def test_several_boxes_have_no_mean_but_a_typical_answer(films: tuple[Path, Path]) -> None:
    small, _ = films
    left, right, low = (10.0, 10.0, 30.0, 30.0), (60.0, 10.0, 80.0, 30.0), (60.0, 60.0, 90.0, 75.0)
    taught = [_boxes(small, low, (1, 60, 9, 70)), _boxes(small, left, right), _boxes(small, left, right, low)]
    found = _only(mean_marks([*taught, _boxes(small, right, left)], [_boxes(small)], PHANTOM.tasks))
    assert {item.box.corners for item in found.items} == {left, right}


def test_words_have_none_and_neither_have_questions_never_taught(films: tuple[Path, Path]) -> None:
    small, _ = films
    words = Sample(id="", query=Ask("Where?"), gold=Answer(text="left"), source=Files((small,)), group="")
    assert mean_marks([words], [words], PHANTOM.tasks) is None
    assert mean_marks([_point(small, 1, 1)], [_boxes(small, (1, 1, 9, 9))], PHANTOM.tasks) is None
