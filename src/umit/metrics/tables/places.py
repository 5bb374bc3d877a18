"""Numbers of boxes: overlaps, hits, published scores; FROC and COCO's precision where boxes are ranked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, TypeAlias

import numpy as np

from umit.metrics.boxes import M3D_UNREADABLE, Box, m3d_iou, matched_iou, rsna_score
from umit.metrics.metric import Measures, Metric, Pair, each, if_installed, summed
from umit.metrics.tables.confidence import CONFIDENCE
from umit.metrics.tables.ranked import froc, precision, precision_rows, ranked_hits
from umit.results import Detections

__all__ = ["FILMS", "VOLUMES"]

_Pairs: TypeAlias = Sequence[Pair[Detections]]
_MISS: Final = "a miss for each true box"
_RANKED: Final = "by the boxes' scores, else by presence; no number where neither came"


def _boxes(pair: Pair[Detections]) -> tuple[list[Box], list[Box]]:
    found = [] if pair.found is None else [item.box for item in pair.found]
    return found, [item.box for item in pair.gold]


def _matched(pair: Pair[Detections]) -> Iterator[float]:
    """Overlap of every true box with its own found one; a box of one view says nothing of another's."""
    items = pair.found.items if pair.found is not None else ()
    for view in dict.fromkeys(one.view for one in pair.gold):
        found, true = ([i.box for i in side if i.view == view] for side in (items, pair.gold))
        yield from matched_iou(found, true)


def _over_true(value: Callable[[float], float]) -> Callable[[_Pairs], Measures]:
    """Return the sum over true boxes, and their number; a target that is not there is left out."""

    def measure(pairs: _Pairs) -> Measures:
        matched = [list(map(value, _matched(pair))) for pair in pairs]
        rows = [(sum(one), len(one)) if one else (np.nan, 0) for one in matched]
        return np.array(rows, np.float64).reshape(-1, 2)

    return measure


def _at_least(limit: float) -> Callable[[_Pairs], Measures]:
    return _over_true(lambda overlap: float(overlap >= limit))


def _false(pair: Pair[Detections]) -> float | None:
    """Whether something was drawn where nothing is; an unreadable text draws nothing."""
    found, true = _boxes(pair)
    return None if true else float(bool(found))


def _present(pair: Pair[Detections]) -> float:
    return float(pair.found is not None and bool(pair.found) == bool(pair.gold))


def _kaggle(pair: Pair[Detections]) -> float | None:
    """RSNA's rule for one picture, in the order in which the boxes were written."""
    return rsna_score(*_boxes(pair))


def _enclosing(pair: Pair[Detections]) -> float | None:
    """M3D's overlap of the first found box with the only true one; other answers it does not score."""
    found, true = _boxes(pair)
    if len(true) != 1:
        return None
    return m3d_iou(found[0].corners, true[0].corners) if found else M3D_UNREADABLE


_RATIO: Final = summed(lambda sums: sums[:, 0] / sums[:, 1])
_ALL: Final = (
    Metric[Any](
        name="mean IoU", measure=_over_true(float), **_RATIO, framed=True, unreadable="0 for each true box",
        note="over true boxes, each with a found one of its own",
    ),
    *(
        Metric[Any](
            name=f"Acc@{limit:g}", measure=_at_least(limit), **_RATIO, framed=True, unreadable=_MISS
        )
        for limit in (0.25, 0.5, 0.75)
    ),
    Metric[Any](
        name="false boxes", measure=each(_false), best=0.0, unreadable="draws nothing",
        note="share of the questions about what is not there that got a box",
    ),
    Metric[Any](
        name="presence accuracy", measure=each(_present), note="a box where something is, none where nothing is"
    ),
    Metric[Any](
        name="FROC", protocol="LUNA16", measure=ranked_hits, total=froc, unreadable="finds nothing",
        note=f"mean sensitivity at ⅛ to 8 false boxes a question; a hit is a centre in a true box; {_RANKED}",
    ),
)  # fmt: skip
_COCO: Final[dict[str, Any]] = {
    "protocol": "COCO", "measure": if_installed(precision_rows), "unreadable": "finds nothing",
    "note": _RANKED,
}  # fmt: skip

#: On films and other pictures.
FILMS: Final = (
    *_ALL,
    Metric[Any](name="mean score", protocol="RSNA Kaggle", measure=each(_kaggle), unreadable=_MISS),
    Metric[Any](name="mAP", **precision(), **_COCO),
    Metric[Any](name="AP@0.5", **precision(0.5), **_COCO),
    *CONFIDENCE,
)
#: In volumes.
VOLUMES: Final = (
    *_ALL,
    Metric[Any](
        name="IoU by enclosing box", protocol="M3D-Bench", measure=each(_enclosing), best=None, unreadable="-1",
        note="M3D's 3D IoU: over the box around both, not the union",
    ),
    *CONFIDENCE,
)  # fmt: skip
