"""Numbers of landmarks: radial error and its spread, and detection within distances.

For each landmark apart, score by the fact ``landmark``. What whole numbers of a canvas cost a perfect model is
:func:`umit.metrics.landmarks.canvas_floor_mm` for points anywhere, and :mod:`umit.evaluation.floor` for those of a run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import numpy as np

from umit.metrics.landmarks import LIMITS_MM, distance, distance_mm
from umit.metrics.metric import Measures, Metric, Pair, each
from umit.results import Landmarks

__all__ = ["LANDMARKS"]


def _pixels(pair: Pair[Landmarks]) -> float | None:
    if pair.found is None:
        return None
    (found, *_), (true, *_) = pair.found.items, pair.gold.items
    return distance(found.point, true.point)


def _millimetres(pair: Pair[Landmarks]) -> float | None:
    if pair.found is None:
        return None
    (found, *_), (true, *_) = pair.found.items, pair.gold.items
    space = true.point.space or found.point.space  # a data set may not say what the picture does
    if space is None or space.spacing is None:
        return None
    return distance_mm(found.point, replace(true.point, space=space))


def _within(limit: float) -> Callable[[Pair[Landmarks]], float | None]:
    def score(pair: Pair[Landmarks]) -> float | None:
        apart = _millimetres(pair)
        if apart is None:
            return 0.0 if pair.found is None else None
        return float(apart <= limit)

    return score


def _spread(measures: Measures) -> float:
    values = measures[~np.isnan(measures[:, 0]), 0]
    return float(values.std()) if len(values) else float("nan")


_LEFT_OUT: Final = "left out of the mean, a miss in the rates"
_MM, _PX = each(_millimetres), each(_pixels)

#: Single named points.
LANDMARKS: Final = (
    Metric[Any](name="MRE", measure=_MM, unit="mm", best=0.0, framed=True, unreadable=_LEFT_OUT),
    Metric[Any](
        name="radial error SD", measure=_MM, total=_spread, unit="mm", best=0.0, framed=True, unreadable=_LEFT_OUT,
        note="of the population, pooled over landmarks",
    ),
    Metric[Any](name="MRE", measure=_PX, unit="px", best=0.0, framed=True, unreadable=_LEFT_OUT),
    *(
        Metric[Any](
            name=f"SDR {limit:g} mm", measure=each(_within(limit)), framed=True, unreadable="a miss"
        )
        for limit in LIMITS_MM
    ),
)  # fmt: skip
