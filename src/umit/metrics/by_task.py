"""Which metrics each task has, by the task's name: results and their text to numbers, each under its protocol."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from umit.metrics.metric import Metric
from umit.metrics.tables.answers import CLOSED, OPEN
from umit.metrics.tables.labels import CLASSIFY, FINDINGS
from umit.metrics.tables.places import FILMS, VOLUMES
from umit.metrics.tables.points import LANDMARKS
from umit.metrics.tables.prose import FILM_REPORTS, REPORTS, TEXTS

__all__ = ["METRICS"]

#: By task; the first is the one that a table of one column shows.
METRICS: Final[Mapping[str, tuple[Metric[Any], ...]]] = {
    "answer_open": OPEN,
    "answer_closed": CLOSED,
    "classify": CLASSIFY,
    "findings": FINDINGS,
    "report_film": FILM_REPORTS,
    "report_ct": REPORTS,
    "caption": TEXTS,
    "compare": TEXTS,
    "detect_2d": FILMS,
    "detect_3d": VOLUMES,
    "landmark": LANDMARKS,
}
