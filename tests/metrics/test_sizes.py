"""True boxes count in their own size; what has no size is left out."""

from __future__ import annotations

import pytest

from umit.geometry import Box2D, Box3D, Space
from umit.metrics.metric import Pair
from umit.metrics.sizes import by_size, size_of
from umit.queries import Find
from umit.results import Detection, Detections
from umit.tasks.table import TASKS

FILM = Space(size=(200, 200), spacing=(0.5, 2.0))
PLAIN = Space(size=(200, 200))


@pytest.mark.parametrize(
    ("box", "spacing", "pixels", "millimetres"),
    [
        pytest.param(Box2D(0, 0, 31, 33), None, "small", None, id="no spacing"),
        pytest.param(Box2D(0, 0, 32, 32), (0.2, 0.2), "medium", "under 10 mm", id="exactly 32 x 32"),
        pytest.param(Box2D(0, 0, 96, 96), (0.1, 0.1), "medium", "under 10 mm", id="exactly 96 x 96"),
        pytest.param(Box2D(0, 0, 97, 96), (0.1, 0.1), "large", "under 10 mm", id="one column more"),
        pytest.param(Box2D(0, 0, 30, 8), (0.5, 2.0), "small", "10 to 30 mm", id="tall pixels"),
        pytest.param(Box2D(0, 0, 10, 10), (1.0, 1.0), "small", "10 to 30 mm", id="exactly 10 mm"),
        pytest.param(Box2D(0, 0, 10, 30), (1.0, 1.0), "small", "10 to 30 mm", id="exactly 30 mm"),
        pytest.param(Box2D(0, 0, 10, 30.1), (1.0, 1.0), "small", "over 30 mm", id="a mass"),
        pytest.param(Box3D(0, 0, 0, 9, 9, 2), (1.0, 1.0, 5.0), None, "10 to 30 mm", id="thick slices"),
        pytest.param(Box3D(0, 0, 0, 9, 9, 2), None, None, None, id="volume without spacing"),
        pytest.param(Box3D(0, 0, 0, 9, 9, 2), (1.0, 1.0), None, None, id="volume with a film's spacing"),
    ],
)  # fmt: skip
def test_what_a_size_is_called(
    box: Box2D | Box3D, spacing: tuple[float, ...] | None, pixels: str | None, millimetres: str | None
) -> None:  # fmt: skip
    assert size_of(box, "size_px", spacing) == pixels
    assert size_of(box, "size_mm", spacing) == millimetres


def _boxes(*sides: int, space: Space | None = None, view: int | None = None) -> Detections:
    """Squares of these sides, far from each other."""
    return Detections(
        items=tuple(
            Detection(label="nodule", box=Box2D(400 * i, 0, 400 * i + s, s, space=space), view=view)
            for i, s in enumerate(sides)
        )
    )


def _pair(gold: Detections, found: Detections | None) -> Pair[Detections]:
    return Pair(Find("nodule"), gold, found)


def _counts(pairs: list[Pair[Detections]], rule: str) -> dict[str, list[tuple[int, int | None]]]:
    """By size: true and found boxes of each answer that counts there."""
    return {
        name: [(len(p.gold), None if p.found is None else len(p.found)) for p in of.values()]
        for name, of in by_size(pairs, rule)
    }


def test_each_true_box_counts_in_its_own_size() -> None:
    pairs = [
        _pair(_boxes(20, 120), _boxes(18, 110, 5)),  # one each, and a false one that counts in both
        _pair(_boxes(20, 120), None),
        _pair(Detections(), _boxes(20)),  # nothing there has no size
        _pair(_boxes(50), Detections()),
    ]
    assert _counts(pairs, "size_px") == {
        "small": [(1, 2), (1, None)], "medium": [(1, 0)], "large": [(1, 2), (1, None)],
    }  # fmt: skip
    assert _counts(pairs, "size_mm") == {}, "no spacing"


def test_a_box_of_another_size_is_no_false_one() -> None:
    mean_iou = next(m for m in TASKS["detect_2d"].metrics if m.name == "mean IoU")
    kaggle = next(m for m in TASKS["detect_2d"].metrics if m.protocol == "RSNA Kaggle")
    pair = _pair(_boxes(20, 120), _boxes(20, 120))
    found = {name: list(of.values()) for name, of in by_size([pair], "size_px")}
    assert {name: (mean_iou(of), kaggle(of)) for name, of in found.items()} == {
        "small": (1.0, 1.0), "large": (1.0, 1.0),
    }  # fmt: skip


def test_views_are_apart() -> None:
    pair = _pair(
        Detections(items=(*_boxes(20, view=0).items, *_boxes(120, view=1).items)),
        Detections(items=(*_boxes(20, view=1).items, *_boxes(120, view=1).items)),
    )
    # The small found box lies over the small true one, but in the other view: it stays a false one of the large.
    assert _counts([pair], "size_px") == {"small": [(1, 1)], "large": [(1, 2)]}


@pytest.mark.parametrize(
    ("gold", "found", "expected"),
    [
        pytest.param(FILM, None, "over 30 mm", id="the truth says it"),
        pytest.param(PLAIN, FILM, "over 30 mm", id="the picture says it"),
        pytest.param(None, FILM, "over 30 mm", id="the truth says nothing"),
        pytest.param(None, None, None, id="neither says it"),
    ],
)
def test_where_spacing_comes_from(gold: Space | None, found: Space | None, expected: str | None) -> None:
    said = None if found is None else _boxes(5, space=found)
    names = [name for name, _ in by_size([_pair(_boxes(20, space=gold), said)], "size_mm")]
    assert names == [expected] * (expected is not None)
