"""Boxes in order of confidence: what FROC and COCO's precision are counted from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

import numpy as np

from umit.metrics.bootstrap import Rows, by_rows
from umit.metrics.coco import average_precision
from umit.metrics.froc import froc_curve, froc_score, hits_by_centre
from umit.metrics.metric import Measures, Pair, package, padded
from umit.results import Detections

__all__ = ["froc", "hits_of", "precision", "precision_rows", "ranked_hits", "ranks"]

_Pairs: TypeAlias = Sequence[Pair[Detections]]
_MISSED: Final = -np.inf
_BOX: Final = 8  # numbers of a box: found or true, label, view, four corners, confidence


def ranks(pairs: _Pairs) -> list[list[float]] | None:
    """Return a confidence for each found box of some answers, all of one kind.

    Args:
        pairs: Answers beside their truth.

    Returns:
        The boxes' own scores if all have one, else the probability that their target is there; ``None`` if
        neither is at hand for all.
    """
    found = [() if pair.found is None else pair.found.items for pair in pairs]
    presence = [dict(pair.found.presence or ()) if pair.found else {} for pair in pairs]
    by_score = [[box.score for box in boxes] for boxes in found]
    by_presence = [[chances.get(box.label) for box in boxes] for boxes, chances in zip(found, presence, strict=True)]
    for kind in (by_score, by_presence):
        known = [[one for one in row if one is not None] for row in kind]
        if list(map(len, known)) == list(map(len, found)):
            return known
    return None


def hits_of(pair: Pair[Detections], confidence: Sequence[float]) -> tuple[list[float | None], list[float]]:
    """Return one answer's hits and false boxes; a box in one view does not hit a true box in another.

    Args:
        pair: An answer beside its truth.
        confidence: Of each found box, in order.
    """
    found = list(zip(() if pair.found is None else pair.found.items, confidence, strict=True))
    hits: list[float | None] = []
    false: list[float] = []
    for view in sorted({one.view or 0 for one in (*(box for box, _ in found), *pair.gold)}):
        here = [(box.box, sure) for box, sure in found if (box.view or 0) == view]
        true = [one.box for one in pair.gold if (one.view or 0) == view]
        hit, wrong = hits_by_centre([box for box, _ in here], [sure for _, sure in here], true)
        hits += hit
        false += wrong
    return hits, false


def ranked_hits(pairs: _Pairs) -> Measures:
    """Return rows of the most true boxes in one answer, a hit for each, then the false boxes."""
    known = ranks(pairs)
    if known is None:
        return np.full((len(pairs), 1), np.nan)
    each = [hits_of(pair, row) for pair, row in zip(pairs, known, strict=True)]
    wide = max((len(hits) for hits, _ in each), default=0)
    return padded(
        [
            [wide, *(_MISSED if one is None else one for one in hits), *[np.nan] * (wide - len(hits)), *false]
            for hits, false in each
        ]
    )  # fmt: skip


def froc(measures: Measures) -> float:
    """Return the mean sensitivity at LUNA16's rates of false boxes a question; ``nan`` without a true box."""
    if not len(measures) or np.isnan(measures[0, 0]):
        return float("nan")
    wide = int(measures[0, 0])
    hits, false = (part[~np.isnan(part)] for part in (measures[:, 1 : 1 + wide], measures[:, 1 + wide :]))
    if not len(hits):
        return float("nan")
    return froc_score(froc_curve(hits.tolist(), false.tolist(), len(measures)))


def precision_rows(pairs: _Pairs) -> Measures:
    """Return rows of numbers of boxes, from which COCO's evaluation is fed.

    Raises:
        MissingExtraError: faster-coco-eval is not installed.
    """
    known = ranks(pairs)
    if known is None or not any(pair.gold for pair in pairs):
        return np.full((len(pairs), 1), np.nan)
    package("faster_coco_eval", "coco")
    codes: dict[str, int] = {}
    rows = []
    for pair, confidence in zip(pairs, known, strict=True):
        found = () if pair.found is None else pair.found.items
        boxes = [(1, one, sure) for one, sure in zip(found, confidence, strict=True)]
        boxes += [(0, one, 0.0) for one in pair.gold]
        rows.append([len(boxes)] + [
            value
            for kind, one, sure in boxes
            for value in (kind, codes.setdefault(one.label, len(codes)), one.view or 0, *one.box.corners, sure)
        ])  # fmt: skip
    return padded(rows)


def precision(least: float | None = None) -> dict[str, Any]:
    """Return ``total`` and ``weighed`` of a metric over rows of boxes; boxes are matched once for all resamples.

    Args:
        least: As for :func:`umit.metrics.coco.average_precision`.
    """

    def prepared(measures: Measures) -> Callable[[Rows], float]:
        boxes, places = _laid_out(measures)
        found, true = boxes[boxes[:, 0] == 1, 1:], boxes[boxes[:, 0] == 0, 1:-1]
        if not len(true):
            return lambda rows: float("nan")
        if not len(found):  # the evaluation takes no empty list
            some = np.array([np.isin(of, true[:, 1]).any() for of in places])
            return lambda rows: 0.0 if some[rows].any() else float("nan")
        drawn = average_precision(found, true, sum(map(len, places)), least=least)
        return lambda rows: drawn(np.concatenate([places[row] for row in rows]))

    return {
        "total": lambda measures: prepared(measures)(np.arange(len(measures))),
        "weighed": lambda measures: by_rows(prepared(measures)),
    }


def _laid_out(measures: Measures) -> tuple[Measures, list[Rows]]:
    """Return all boxes, their pictures numbered from 0, and the pictures of each row.

    Each view is a picture; a question without any box is one too.
    """
    if not len(measures) or np.isnan(measures[0, 0]):
        return np.zeros((0, _BOX)), []
    boxes, places, known = [np.zeros((0, _BOX))], [], 0
    for row in measures:
        here = row[1 : 1 + int(row[0]) * _BOX].reshape(-1, _BOX).copy()
        views, here[:, 2] = np.unique(here[:, 2], return_inverse=True)
        here[:, 2] += known
        places.append(np.arange(known, known := known + max(1, len(views))))
        boxes.append(here)
    return np.concatenate(boxes), places
