"""What a task's answers draw: reliability, risk against coverage, FROC, success by distance, confusion."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import numpy as np

from umit.evaluation.verdict import Item
from umit.metrics.calibration import calibration_error, reliability, risk_coverage
from umit.metrics.froc import froc_curve, froc_score
from umit.metrics.labels import UNREADABLE, confusion
from umit.metrics.landmarks import LIMITS_MM
from umit.metrics.metric import Pair
from umit.metrics.tables.confidence import claims as said_and_right
from umit.metrics.tables.points import LANDMARKS
from umit.metrics.tables.ranked import hits_of, ranks
from umit.results import Classification, Detections
from umit.tasks.table import TASKS
from umit.tasks.task import TaskName

__all__ = ["Line", "Matrix", "Plot", "charts", "claims", "froc_points"]

_Points: TypeAlias = Sequence[tuple[float, float]]

_CLASSES: Final = 40  # of a confusion matrix; a larger one cannot be read
_FURTHEST: Final = 10.0  # mm of the curve of landmarks
_POINTS: Final = 300  # of a line; more are not seen at this size
_LETTER: Final = 7  # width of a letter of a label
_LONGEST: Final = 18  # letters of a label; the whole is in its title


class Line(NamedTuple):
    """Points that are joined, or dots.

    Args:
        points: x and y of each.
        kind: ``"main"`` is what was measured, ``"guide"`` what it is compared with.
        radii: Of each dot; none for a line.
    """

    points: _Points
    kind: Literal["main", "guide"] = "main"
    radii: Sequence[float] = ()


@dataclass(frozen=True, slots=True)
class Plot:
    """Lines over two axes from 0.

    Args:
        name: What it is, by which ``charts.html`` has its words.
        numbers: That stand in its note.
        lines: Their points outside the axes are moved to the ends.
        ends: Of x and y, above 0.
    """

    name: str
    numbers: Mapping[str, float]
    lines: Sequence[Line]
    ends: tuple[float, float] = (1.0, 1.0)

    def placed(self) -> Iterator[Line]:
        """Yield the lines in per cent of the picture, from its upper left corner."""
        for points, kind, radii in self.lines:
            kept = np.linspace(0, len(points) - 1, min(len(points), _POINTS)).round().astype(int)
            share = np.clip(np.array(points)[kept] / self.ends, 0, 1)
            places = 100 * np.abs(share - (0, 1))
            yield Line([(x, y) for x, y in places.round(1).tolist()], kind, radii)


@dataclass(frozen=True, slots=True)
class Matrix:
    """Counts of answers; rows are the truth.

    Args:
        name: As of :class:`Plot`, and so are the numbers.
        numbers: That stand in its note.
        rows: Name of each row, from outside.
        columns: Name of each column, from outside.
        counts: One row a name.
    """

    name: str
    numbers: Mapping[str, float]
    rows: Sequence[str]
    columns: Sequence[str]
    counts: Sequence[Sequence[int]]

    @staticmethod
    def short(name: str) -> str:
        """Return a label that fits."""
        return name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"

    def longest(self, names: Sequence[str]) -> int:
        """Return the width of the longest label; a Chinese letter has that of two Latin ones."""
        return _LETTER * max(sum(1 + (c >= "\u2e80") for c in self.short(name)) for name in names)


def charts(task: TaskName, items: Sequence[Item]) -> Iterator[Plot | Matrix]:
    """Yield the charts of one task's answers; none where nothing can be drawn.

    Args:
        task: The task that was asked.
        items: Its answers, at least one.
    """
    pairs = [item.pair for item in items]
    said, hit = claims(items)
    if said:
        yield _reliability(said, hit)
        curve = risk_coverage(said, hit)
        worst = next((end for end in (0.05, 0.1, 0.2, 0.4) if max(curve.risk) <= end), 1.0)
        line = Line(list(zip(curve.coverage, curve.risk, strict=True)))
        yield Plot("risk", {"area": curve.area}, [line], (1.0, worst))
    for name in TASKS[task].charts:
        yield from _CHARTS[name](pairs)


def claims(items: Sequence[Item]) -> tuple[list[float], list[float]]:
    """Return how sure each answer is, from 0 to 1, and whether it is right.

    A yes/no probability is turned so that it is of what was said. Unreadable answers are wrong with
    probability 0; nothing comes back where no answer has a probability.

    Args:
        items: Answers of one task.
    """
    read = [item.pair for item in items if item.pair.found is not None]
    claimed = [claim for pair in read for claim in said_and_right(pair)]
    if not claimed:
        return [], []
    claimed += [(0.0, 0.0)] * (len(items) - len(read))
    return [p for p, _ in claimed], [h for _, h in claimed]


def _reliability(said: Sequence[float], hit: Sequence[float]) -> Plot:
    bins = reliability(said, hit)
    filled = [i for i, count in enumerate(bins.count) if count]
    points = [(bins.confidence[i], bins.hit[i]) for i in filled]
    # A dot's area is the share of answers in it.
    radii = [max(round(7 * math.sqrt(bins.count[i] / max(bins.count)), 1), 2) for i in filled]
    numbers = {"ece": calibration_error(said, hit), "n": len(said)}
    lines = [Line([(0, 0), (1, 1)], "guide"), Line(points), Line(points, radii=radii)]
    return Plot("reliability", numbers, lines)


def froc_points(pairs: Sequence[Pair[Detections]]) -> tuple[list[float | None], list[float]] | None:
    """Return hits and false boxes for :func:`umit.metrics.froc.froc_curve`; ``None`` where a box has no rank.

    Views of one study are apart: a box in one does not hit a true box in another.
    """
    known = ranks(pairs)
    if known is None:
        return None
    told = [hits_of(pair, confidence) for pair, confidence in zip(pairs, known, strict=True)]
    return [hit for hits, _ in told for hit in hits], [one for _, false in told for one in false]


def _froc(pairs: Sequence[Pair[Detections]]) -> Iterator[Plot]:
    points = froc_points(pairs)
    if points is None or not points[0] or not any(pair.found for pair in pairs):
        return
    curve = froc_curve(*points, len(pairs))
    far = max(1.0, min(8.0, math.ceil(max(curve.false_positives))))
    line = Line(_until(far, curve.false_positives[::-1], curve.sensitivity[::-1]))
    numbers = {"mean": froc_score(curve), "true": len(points[0]), "n": len(pairs)}
    yield Plot("froc", numbers, [line], (far, 1.0))


def _until(end: float, x: Sequence[float], y: Sequence[float]) -> _Points:
    """Return the points of a rising line up to an end; a longer line is cut on it."""
    inside = [(a, b) for a, b in zip(x, y, strict=True) if a <= end]
    return inside if len(inside) == len(x) else [*inside, (end, float(np.interp(end, x, y)))]


def _distances(pairs: Sequence[Pair[Any]]) -> Iterator[Plot]:
    apart = LANDMARKS[0].measures(pairs)[:, 0]
    unread = sum(pair.found is None for pair in pairs)
    read = np.sort(apart[~np.isnan(apart)])
    n = len(read) + unread
    if not len(read):
        return
    # A point stays a miss until its own distance is reached: the line climbs in steps.
    points = [(0.0, 0.0)]
    for number, far in enumerate(read[read <= _FURTHEST].tolist(), start=1):
        points += [(far, (number - 1) / n), (far, number / n)]
    points.append((_FURTHEST, points[-1][1]))
    limit = LIMITS_MM[0]
    numbers = {"n": n, "unread": unread, "left": len(pairs) - n, "limit": limit}
    lines = [Line([(limit, 0), (limit, 1)], "guide"), Line(points)]
    yield Plot("distances", numbers, lines, (_FURTHEST, 1.0))


def _confusions(pairs: Sequence[Pair[Classification]]) -> Iterator[Matrix]:
    kinds: dict[tuple[str, ...], list[Pair[Classification]]] = {}
    for pair in pairs:
        labels = pair.query.choices
        if len(labels) <= _CLASSES and pair.gold.label in labels:
            kinds.setdefault(labels, []).append(pair)
    for labels, known in kinds.items():
        number = {label: place for place, label in enumerate(labels)}
        found = [UNREADABLE if p.found is None else number.get(p.found.label, UNREADABLE) for p in known]  # fmt: skip
        table = confusion(found, [number[pair.gold.label] for pair in known], len(labels))
        yield Matrix("confusion", {"n": len(known)}, labels, [*labels, "?"], table.tolist())


#: By the names that tasks give.
_CHARTS: Final[Mapping[str, Callable[[Sequence[Pair[Any]]], Iterator[Plot | Matrix]]]] = {
    "froc": _froc,
    "distances": _distances,
    "confusion": _confusions,
}
