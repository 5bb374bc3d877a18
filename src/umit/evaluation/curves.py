"""Which charts a task's answers give: reliability, risk against coverage, FROC, success by distance, confusion."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np

from umit.evaluation.charts import Axis, Line, chart, counts
from umit.evaluation.markup import Words, both
from umit.evaluation.verdict import Item, measures_of
from umit.metrics.calibration import calibration_error, reliability, risk_coverage
from umit.metrics.froc import LUNA16_RATES, froc_curve, froc_score
from umit.metrics.labels import UNREADABLE, confusion
from umit.metrics.landmarks import LIMITS_MM
from umit.metrics.metric import Pair
from umit.metrics.tables.ranked import hits_of, ranks
from umit.metrics.tables.sureness import claims as said_and_right
from umit.queries import Choose
from umit.results import Classification, Detections
from umit.tasks.task import TaskName

__all__ = ["charts", "claims", "froc_points"]

_CLASSES: Final = 40  # of a confusion matrix; a larger one cannot be read
_FURTHEST: Final = 10.0  # mm of the curve of landmarks
_SHARE: Final = ("share of answers given", "作答比例")


def charts(task: TaskName, items: Sequence[Item]) -> Iterator[str]:
    """Yield the charts of one task's answers, each a figure with its words; none where nothing can be drawn.

    Args:
        task: The task that was asked.
        items: Its answers, at least one.
    """
    pairs = [item.pair for item in items]
    said, hit = claims(items)
    if said:
        yield _reliability(said, hit)
        yield _risk(said, hit)
    if task in ("detect_2d", "detect_3d"):
        yield from _froc(pairs)
    if task == "landmark":
        yield from _distances(pairs)
    if task == "classify":
        yield from _confusions(pairs)


def claims(items: Sequence[Item]) -> tuple[list[float], list[float]]:
    """Return how sure each answer is, from 0 to 1, and whether it is right.

    A yes/no probability is turned so that it is of what was said. Unreadable answers are wrong with
    probability 0; nothing comes back where no answer has a probability.

    Args:
        items: Answers of one task.
    """
    claimed: list[tuple[float, float]] = []
    unread = 0
    for item in items:
        if item.pair.found is None:
            unread += 1
        else:
            claimed += said_and_right(item.pair)
    if not claimed:
        return [], []
    claimed += [(0.0, 0.0)] * unread
    return [p for p, _ in claimed], [h for _, h in claimed]


def _figure(drawn: str, title: Words, note: Words) -> str:
    return f"<figure>{drawn}<figcaption><b>{both(title)}</b><br>{both(note)}</figcaption></figure>"


def _reliability(said: Sequence[float], hit: Sequence[float]) -> str:
    bins = reliability(said, hit)
    filled = [i for i, count in enumerate(bins.count) if count]
    points = [(bins.confidence[i], bins.hit[i]) for i in filled]
    weights = [bins.count[i] / max(bins.count) for i in filled]
    title = ("Reliability", "可靠性图")
    drawn = chart(
        [Line([(0, 0), (1, 1)], "guide"), Line(points), Line(points, "dots", weights)],
        Axis(("probability of the answer", "答案概率")),
        Axis(("share right", "正确比例")),
        title=title,
    )
    numbers, n = f"ECE {calibration_error(said, hit):.3f}", len(said)
    note = (
        f"{numbers}; {n} answers in 15 bins, a larger dot is more of them. Unreadable: probability 0, wrong.",
        f"{numbers}；{n} 个答案，15 个区间，圆点越大答案越多。无法解析：概率计 0，算错。",
    )
    return _figure(drawn, title, note)


def _risk(said: Sequence[float], hit: Sequence[float]) -> str:
    curve = risk_coverage(said, hit)
    title = ("Risk against coverage", "风险–覆盖率")
    drawn = chart(
        [Line(list(zip(curve.coverage, curve.risk, strict=True)))],
        Axis(_SHARE),
        Axis(("share wrong among them", "其中错误比例"), _round_up(max(curve.risk))),
        title=title,
    )
    note = (
        f"area {curve.area:.3f}; the least sure answers are withheld first, unreadable ones before all.",
        f"面积 {curve.area:.3f}；先扣下最不确定的答案，无法解析的最先扣下。",
    )
    return _figure(drawn, title, note)


def _round_up(value: float) -> float:
    return next((end for end in (0.05, 0.1, 0.2, 0.4) if value <= end), 1.0)


def froc_points(
    pairs: Sequence[Pair[Detections]],
) -> tuple[list[float | None], list[float]] | None:
    """Return hits and false boxes for :func:`umit.metrics.froc.froc_curve`; ``None`` where a box has no rank.

    Views of one study are apart: a box in one does not hit a true box in another.
    """
    known = ranks(pairs)
    if known is None:
        return None
    hits: list[float | None] = []
    false: list[float] = []
    for pair, confidence in zip(pairs, known, strict=True):
        hit, wrong = hits_of(pair, confidence)
        hits += hit
        false += wrong
    return hits, false


def _froc(pairs: Sequence[Pair[Detections]]) -> Iterator[str]:
    points = froc_points(pairs)
    if points is None or not points[0] or not any(pair.found for pair in pairs):
        return
    curve = froc_curve(*points, len(pairs))
    title = ("FROC", "FROC 曲线")
    far = max(1.0, min(8.0, math.ceil(max(curve.false_positives))))
    drawn = chart(
        [Line(_until(far, curve.false_positives[::-1], curve.sensitivity[::-1]))],
        Axis(("false boxes a question", "每题假阳性框数"), far),
        Axis(("share of true boxes found", "检出比例")),
        title=title,
    )
    mean, true = froc_score(curve, LUNA16_RATES), len(points[0])
    note = (
        f"mean sensitivity at LUNA16's seven rates {mean:.3f}; {true} true boxes in {len(pairs)} questions. "
        "A hit is a box whose centre lies in a true one; unreadable: finds nothing.",
        f"LUNA16 七个假阳性率下平均灵敏度 {mean:.3f}；{len(pairs)} 题共 {true} 个真实框。"
        "框中心落在真实框内算命中；无法解析：算未检出。",
    )
    yield _figure(drawn, title, note)


def _until(end: float, x: Sequence[float], y: Sequence[float]) -> list[tuple[float, float]]:
    """Return the points of a rising line up to an end; a longer line is cut on it."""
    inside = [(a, b) for a, b in zip(x, y, strict=True) if a <= end]
    return inside if len(inside) == len(x) else [*inside, (end, float(np.interp(end, x, y)))]


def _distances(pairs: Sequence[Pair[Any]]) -> Iterator[str]:
    apart = measures_of("landmark", "MRE", pairs, unit="mm")[:, 0]
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
    title = ("Success by distance", "命中率–距离")
    drawn = chart(
        [Line([(LIMITS_MM[0], 0), (LIMITS_MM[0], 1)], "guide"), Line(points)],
        Axis(("distance in mm", "距离（mm）"), _FURTHEST),
        Axis(("share of points within it (SDR)", "距离内的点的比例（SDR）")),
        title=title,
    )
    left = len(pairs) - n
    note = (
        f"{n} points, {unread} unreadable ones are misses; {left} without spacing are left out. Dashed: {LIMITS_MM[0]:g} mm.",
        f"{n} 个点，其中 {unread} 个无法解析，算未命中；{left} 个无像素间距，不计入。虚线：{LIMITS_MM[0]:g} mm。",
    )
    yield _figure(drawn, title, note)


def _confusions(pairs: Sequence[Pair[Classification]]) -> Iterator[str]:
    kinds: dict[tuple[str, ...], list[Pair[Classification]]] = {}
    for pair in pairs:
        labels = pair.query.labels if isinstance(pair.query, Choose) else ()
        if len(labels) <= _CLASSES:
            kinds.setdefault(labels, []).append(pair)
    title = ("Confusion", "混淆矩阵")
    for labels, asked in kinds.items():
        known = [p for p in asked if p.gold.label in labels]
        if not known:
            continue
        true = [labels.index(pair.gold.label) for pair in known]
        found = [
            UNREADABLE if p.found is None or p.found.label not in labels else labels.index(p.found.label)
            for p in known
        ]  # fmt: skip
        table = confusion(found, true, len(labels))
        drawn = counts(table, labels, [*labels, "?"], title=title)
        note = (
            f"rows: truth, columns: answer, ?: unreadable; {len(known)} answers.",
            f"行：真实类别；列：回答；?：无法解析；共 {len(known)} 个答案。",
        )
        yield _figure(drawn, title, note)
