"""Which metrics each task has, by the task's name: results and their text to numbers, each under its protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from umit.geometry import Box2D, Box3D
from umit.metrics.bleu import bleu_rows, coco_bleu
from umit.metrics.boxes import matched_iou
from umit.metrics.boxes_m3d import M3D_UNREADABLE, m3d_iou
from umit.metrics.captions import cider, rouge_l
from umit.metrics.kaggle import rsna_score
from umit.metrics.labels import balanced_accuracy, macro_f1
from umit.metrics.landmarks import LIMITS_MM, distance, distance_mm
from umit.metrics.metric import Measures, Metric, Pair, each
from umit.metrics.ngrams import Corpus
from umit.metrics.protocol import Protocol, Reply
from umit.metrics.ranking import area
from umit.metrics.vqa import PROTOCOLS, UMIT
from umit.queries import Ask
from umit.results import Answer, Classification, Detections, Findings, Landmarks, Report

__all__ = ["METRICS"]

_Pairs = Sequence[Pair[Any]]


def _shares(score: Callable[[Pair[Any]], float | None], name: str, **more: Any) -> Metric[Any]:
    return Metric(name=name, measure=each(score), **more)


# ---------------------------------------------------------------- answers


def _reply(pair: Pair[Answer], *, raw: bool = False) -> Reply:
    """Return the answer as scorers of text take it: an option's own words, or as the model wrote it."""
    query, gold = pair.query, pair.gold
    options = query.options if isinstance(query, Ask) else ()
    index = gold.option if gold.option is not None else None
    if index is None and gold.text in options:
        index = options.index(gold.text)
    text = pair.raw if raw or pair.found is None else pair.found.text
    return Reply(predicted=text, true=gold.text, closed=bool(options), options=options, gold=index)


def _columns(protocol: Protocol) -> tuple[Metric[Any], ...]:
    """Return a metric for each column; all of them share one look at the texts."""
    own = protocol is UMIT  # it looks at the number before an option; other scorers know no numbers

    def measure(pairs: _Pairs) -> Measures:
        rows = [protocol.score(_reply(pair, raw=own)) for pair in pairs]
        values = [[np.nan if one is None else one for one in row] for row in rows]
        return np.array(values, np.float64).reshape(len(rows), len(protocol.columns))

    return tuple(
        Metric(
            name=one.name, protocol=protocol.name, best=one.best, unreadable=one.unreadable,
            measure=measure, column=number,
        )
        for number, one in enumerate(protocol.columns)
    )  # fmt: skip


_ANSWERS: Final = tuple(metric for protocol in PROTOCOLS for metric in _columns(protocol))


def _right_option(pair: Pair[Answer]) -> float:
    wanted = _reply(pair).gold
    return float(pair.found is not None and pair.found.option == wanted)


_CLOSED: Final = (_shares(_right_option, "accuracy"), *_ANSWERS)


# ---------------------------------------------------------------- labels


def _label(pair: Pair[Classification]) -> float:
    return float(pair.found is not None and pair.found.label == pair.gold.label)


def _numbers(pairs: Sequence[Pair[Classification]]) -> Measures:
    """True and found class, numbered by first appearance; an unreadable answer is a class of its own."""
    order: dict[str, int] = {}
    for pair in pairs:
        for label in getattr(pair.query, "labels", (pair.gold.label,)):
            order.setdefault(label, len(order))
    return np.array(
        [
            (order[pair.gold.label], -1 if pair.found is None else order[pair.found.label])
            for pair in pairs
        ],
        np.float64,
    ).reshape(-1, 2)


def _of_classes(score: Callable[[Any, Any], float]) -> Callable[[Measures], float]:
    def total(measures: Measures) -> float:
        if not len(measures):
            return float("nan")
        return score(measures[:, 1].astype(int), measures[:, 0].astype(int))

    return total


def _found_marks(pairs: Sequence[Pair[Findings]]) -> Measures:
    return np.array([[_hits(pair)] for pair in pairs]).reshape(-1, 1)


def _hits(pair: Pair[Findings]) -> float:
    if pair.found is None:
        return 0.0
    return float(
        np.mean([a.present == b.present for a, b in zip(pair.found, pair.gold, strict=True)])
    )


def _mark_scores(pairs: Sequence[Pair[Findings]]) -> Measures:
    """Truth and probability of every label in turn; what is unreadable ranks lowest."""
    rows = []
    for pair in pairs:
        scores = [0.0] * len(pair.gold) if pair.found is None else [
            float(m.present) if m.probability is None else m.probability for m in pair.found
        ]  # fmt: skip
        rows.append(
            [v for m, s in zip(pair.gold, scores, strict=True) for v in (float(m.present), s)]
        )
    width = max(map(len, rows), default=0)
    return np.array([row + [np.nan] * (width - len(row)) for row in rows]).reshape(len(rows), -1)


def _mean_area(measures: Measures) -> float:
    """Mean over labels of the area under the ROC curve; labels of one kind only are left out."""
    areas = []
    for column in range(0, measures.shape[1], 2):
        true, scores = measures[:, column], measures[:, column + 1]
        if 0 < true.sum() < len(true):
            areas.append(area(scores, true.astype(int)))
    return float(np.mean(areas)) if areas else float("nan")


# ---------------------------------------------------------------- places


def _boxes(pair: Pair[Detections]) -> tuple[list[Box2D | Box3D], list[Box2D | Box3D]]:
    found = [] if pair.found is None else [item.box for item in pair.found]
    return found, [item.box for item in pair.gold]


def _matched(pair: Pair[Detections]) -> list[float]:
    """Overlap of every true box with its own found one; a box of one view says nothing of another's."""
    items = pair.found.items if pair.found is not None else ()
    overlaps: list[float] = []
    for view in dict.fromkeys(one.view for one in pair.gold):
        found, true = ([i.box for i in side if i.view == view] for side in (items, pair.gold))
        overlaps += matched_iou(found, true)
    return overlaps


def _overlaps(pairs: Sequence[Pair[Detections]]) -> Measures:
    """Sum of overlaps over true boxes, and their number; a target that is not there is left out."""
    matched = map(_matched, pairs)
    rows = [(sum(one), len(one)) if one else (np.nan, 0) for one in matched]
    return np.array(rows, np.float64).reshape(-1, 2)


def _over(limit: float) -> Callable[[Sequence[Pair[Detections]]], Measures]:
    def measure(pairs: Sequence[Pair[Detections]]) -> Measures:
        matched = map(_matched, pairs)
        rows = [(sum(v >= limit for v in one), len(one)) if one else (np.nan, 0) for one in matched]
        return np.array(rows, np.float64).reshape(-1, 2)

    return measure


def _ratio(measures: Measures) -> float:
    there = ~np.isnan(measures[:, 0])
    count = measures[there, 1].sum()
    return float(measures[there, 0].sum() / count) if count else float("nan")


def _false(pair: Pair[Detections]) -> float | None:
    """Whether something was drawn where nothing is; an unreadable text draws nothing."""
    found, true = _boxes(pair)
    return None if true else float(bool(found))


def _present(pair: Pair[Detections]) -> float:
    return float(pair.found is not None and bool(pair.found) == bool(pair.gold))


_DETECT: Final = (
    Metric(name="mean IoU", measure=_overlaps, total=_ratio, unreadable="0 for each true box"),
    *(
        Metric(name=f"Acc@{limit:g}", measure=_over(limit), total=_ratio, unreadable="a miss for each true box")
        for limit in (0.25, 0.5, 0.75)
    ),
    _shares(_false, "false boxes", best=0.0, unreadable="draws nothing"),
    _shares(_present, "presence accuracy"),
)  # fmt: skip


def _apart(pair: Pair[Landmarks], *, mm: bool) -> float | None:
    if pair.found is None:
        return None
    (found, *_), (true, *_) = pair.found.items, pair.gold.items
    if not mm:
        return distance(found.point, true.point)
    space = true.point.space or found.point.space  # a data set may not say what the picture does
    if space is None or space.spacing is None:
        return None
    return distance_mm(found.point, replace(true.point, space=space))


def _within(limit: float) -> Callable[[Pair[Landmarks]], float | None]:
    def score(pair: Pair[Landmarks]) -> float | None:
        apart = _apart(pair, mm=True)
        if apart is None:
            return 0.0 if pair.found is None else None
        return float(apart <= limit)

    return score


def _kaggle(pair: Pair[Detections]) -> float | None:
    """RSNA's rule for one picture, in the order in which the boxes were written."""
    return rsna_score(*_boxes(pair))


def _enclosing(pair: Pair[Detections]) -> float | None:
    """M3D's overlap of the first found box with the only true one; other answers it does not score."""
    found, true = _boxes(pair)
    if len(true) != 1:
        return None
    return m3d_iou(found[0].corners, true[0].corners) if found else M3D_UNREADABLE


_DETECT_2D: Final = (
    *_DETECT,
    _shares(_kaggle, "mean score", protocol="RSNA Kaggle", unreadable="a miss for each true box"),
)
_DETECT_3D: Final = (
    *_DETECT,
    _shares(_enclosing, "IoU by enclosing box", protocol="M3D-Bench", best=None, unreadable="-1"),
)

_LEFT_OUT: Final = "left out of the mean, a miss in the rates"
_LANDMARK: Final = (
    _shares(lambda p: _apart(p, mm=True), "MRE", unit="mm", best=0.0, unreadable=_LEFT_OUT),
    _shares(lambda p: _apart(p, mm=False), "MRE", unit="px", best=0.0, unreadable=_LEFT_OUT),
    *(_shares(_within(limit), f"SDR {limit:g} mm", unreadable="a miss") for limit in LIMITS_MM),
)


# ---------------------------------------------------------------- prose


def _same(pair: Pair[Report]) -> float:
    return float(pair.found is not None and pair.found.text.split() == pair.gold.text.split())


def _texts(pairs: Sequence[Pair[Report]]) -> tuple[list[str], list[list[str]]]:
    """Return texts as pycocoevalcap gets them, split at blanks; of Chinese each character is a word."""

    def spaced(text: str, pair: Pair[Report]) -> str:
        return " ".join("".join(text.split())) if pair.query.language == "zh" else text

    found = [spaced("" if p.found is None else p.found.text, p) for p in pairs]
    return found, [[spaced(p.gold.text, p)] for p in pairs]


def _runs(pairs: Sequence[Pair[Report]]) -> Measures:
    return bleu_rows(Corpus.of(*_texts(pairs)))


def _bleu(order: int) -> Callable[[Measures], float]:
    return lambda rows: float(coco_bleu(rows)[order - 1]) if len(rows) else float("nan")


def _chain(pairs: Sequence[Pair[Report]]) -> Measures:
    return rouge_l(*_texts(pairs)).reshape(-1, 1)


def _likeness(pairs: Sequence[Pair[Report]]) -> Measures:
    return cider(Corpus.of(*_texts(pairs))).reshape(-1, 1)


_COCO: Final[dict[str, Any]] = {
    "protocol": "pycocoevalcap, raw", "best": None, "unreadable": "counts as an empty text",
}  # fmt: skip
_PROSE: Final = (
    _shares(_same, "exact match"),
    *(
        Metric(name=f"BLEU-{order}", measure=_runs, total=_bleu(order), **_COCO)
        for order in (1, 2, 3, 4)
    ),
    Metric(name="ROUGE-L", measure=_chain, **_COCO),
    Metric(name="CIDEr-D", measure=_likeness, **_COCO),
)

#: By task; the first is the one that a table of one column shows.
METRICS: Final[Mapping[str, tuple[Metric[Any], ...]]] = {
    "answer_open": _ANSWERS,
    "answer_closed": _CLOSED,
    "classify": (
        _shares(_label, "accuracy"),
        Metric(name="balanced accuracy", measure=_numbers, total=_of_classes(balanced_accuracy)),
        Metric(name="macro F1", measure=_numbers, total=_of_classes(macro_f1)),
    ),
    "findings": (
        Metric(name="accuracy", protocol="MedMNIST", measure=_found_marks),
        Metric(
            name="AUC", protocol="MedMNIST", measure=_mark_scores, total=_mean_area,
            unreadable="probability 0",
        ),
    ),
    "report_film": _PROSE,
    "report_ct": _PROSE,
    "caption": _PROSE,
    "compare": _PROSE,
    "detect_2d": _DETECT_2D,
    "detect_3d": _DETECT_3D,
    "landmark": _LANDMARK,
}  # fmt: skip
