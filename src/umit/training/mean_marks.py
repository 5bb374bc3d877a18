"""The mean shape: where marks lie on average, whatever the picture shows; a model that sees must beat it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import fmean, median_low
from typing import Any, Final

import numpy as np

from umit.datasets.ask import Tasks, outline
from umit.datasets.dataset import Sample
from umit.fanout import taught
from umit.geometry import Box2D, Box3D, Mark, Point2D
from umit.imaging.view import View
from umit.metrics.boxes import matched_iou
from umit.metrics.metric import Pair
from umit.queries import Query
from umit.results import Result

__all__ = ["mean_marks"]

_MOST: Final = 500  # training answers of a question that are looked at, drawn by the seed
_TYPICAL: Final = 20  # answers of several marks that are held beside each other
_Samples = Sequence[Sample[Any, Any]]
_Numbers = tuple[float, ...]


@dataclass
class _Shape:
    """The training answers to one question, each as its marks in numbers of the frame."""

    gold: list[Result] = field(default_factory=list)
    marks: list[tuple[_Numbers, ...]] = field(default_factory=list)

    def answer(self) -> tuple[Result, tuple[_Numbers, ...]]:
        """Return the answer of the usual number of marks: their mean if it is one, else the most typical answer."""
        usual = median_low(map(len, self.marks))
        places = [place for place, marks in enumerate(self.marks) if len(marks) == usual]
        if usual == 1:
            mean = tuple(map(fmean, zip(*(self.marks[place][0] for place in places), strict=True)))
            return self.gold[places[0]], (mean,)
        best = max(places[:_TYPICAL], key=self._alike) if usual else places[0]
        return self.gold[best], self.marks[best]

    def _alike(self, place: int) -> float:
        return fmean(_overlap(self.marks[place], other) for other in self.marks[:_TYPICAL])


def mean_marks(training: _Samples, asked: _Samples, tasks: Tasks, *, seed: int = 0) -> list[Pair[Any]] | None:
    """Return the mean of the training marks of each question in the answers' place.

    Marks are averaged in the frame that the model writes, so pictures of all sizes and turns count alike. Where the
    usual answer has several marks, which have no mean, it is the training answer that overlaps others most.

    Args:
        training: Of one task whose answers are coordinates.
        asked: Of the same task.
        tasks: Of the checkpoint that is trained.
        seed: Of the training answers that are looked at, where there are many.

    Returns:
        ``None`` where answers hold no coordinates, a question was never taught or is of several names, or marks lie in
        one of several views.
    """
    some = [one for one in (*training, *asked) if one.gold.marks]
    if not some or any(view is not None for one in some for view in one.gold.views):
        return None
    shapes: dict[Query, _Shape] = defaultdict(_Shape)
    for place in np.random.default_rng(seed).permutation(len(training)).tolist():
        one = training[place]
        for part, gold in taught(one.query, one.gold):  # several targets or names are questions of their own
            shape = shapes[part.query]
            if len(shape.gold) < _MOST:
                shape.gold.append(gold)
                shape.marks.append(tuple(_written(gold.marks, _view(one, tasks)) if gold.marks else ()))
    if any(one.query not in shapes for one in asked):
        return None
    answers = {query: shape.answer() for query, shape in shapes.items()}
    return [Pair(one.query, one.gold, _read(*answers[one.query], one, tasks), facts=dict(one.facts)) for one in asked]


def _view(sample: Sample[Any, Any], tasks: Tasks) -> View:
    return outline(sample.source, tasks[sample.task].rendering(volume=sample.source.is_volume))


def _written(marks: Iterable[Mark], view: View) -> list[_Numbers]:
    return [view.point_to_frame(m) if isinstance(m, Point2D) else view.box_to_frame(m) for m in marks]


def _read(result: Result, marks: Sequence[_Numbers], sample: Sample[Any, Any], tasks: Tasks) -> Result:
    if not marks:
        return result
    view, left = _view(sample, tasks), iter(marks)

    def place(mark: Mark, _: int | None) -> Mark:
        numbers = next(left)
        return view.point_to_source(numbers) if isinstance(mark, Point2D) else view.box_to_source(numbers)

    return result.moved(place)


def _overlap(one: Sequence[_Numbers], other: Sequence[_Numbers]) -> float:
    """Return the share of both answers' boxes that overlaps, each box with its own; nothing beside nothing is 1."""
    if not one and not other:
        return 1.0
    mine, theirs = (list(map(_box, side)) for side in (one, other))
    return 2 * sum(matched_iou(mine, theirs)) / (len(one) + len(other))


def _box(numbers: _Numbers) -> Box2D | Box3D:
    if len(numbers) == 4:
        return Box2D(*numbers[:4])
    x1, y1, z1, x2, y2, z2 = numbers
    return Box3D(x1, y1, z1, x2, y2, z2)
