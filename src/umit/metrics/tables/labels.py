"""Numbers of classification, of one label or of several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from umit.metrics.labels import area, balanced_accuracy, macro_f1
from umit.metrics.metric import Measures, Metric, Pair, each, padded, summed
from umit.metrics.tables.confidence import CONFIDENCE
from umit.queries import Choose
from umit.results import Classification, Findings

__all__ = ["CLASSIFY", "FINDINGS"]

_Labelled = Sequence[Pair[Classification]]
_LOWEST: Final = "probability 0"


def _offered(pair: Pair[Classification]) -> tuple[str, ...]:
    return pair.query.labels if isinstance(pair.query, Choose) else (pair.gold.label,)


def _order(pairs: _Labelled) -> dict[str, int]:
    """Number the classes by first appearance."""
    order: dict[str, int] = {}
    for pair in pairs:
        for label in _offered(pair):
            order.setdefault(label, len(order))
    return order


def _right(pair: Pair[Classification]) -> float:
    return float(pair.found is not None and pair.found.label == pair.gold.label)


def _numbers(pairs: _Labelled) -> Measures:
    """True and found class; an unreadable answer is a class of its own."""
    order = _order(pairs)
    return np.array(
        [(order[pair.gold.label], -1 if pair.found is None else order[pair.found.label]) for pair in pairs], np.float64
    ).reshape(-1, 2)


def _of_classes(score: Callable[[Any, Any], float]) -> Callable[[Measures], float]:
    def total(measures: Measures) -> float:
        if not len(measures):
            return float("nan")
        return score(measures[:, 1].astype(int), measures[:, 0].astype(int))

    return total


def _chances(pairs: _Labelled) -> Measures:
    """True class, then the probability of each: ``nan`` for one that was no choice in this question."""
    order = _order(pairs)
    rows = np.full((len(pairs), 1 + len(order)), np.nan)
    if not any(pair.found is not None and pair.found.probabilities is not None for pair in pairs):
        return rows
    for row, pair in zip(rows, pairs, strict=True):
        labels, found = _offered(pair), pair.found
        chances = (0.0,) * len(labels) if found is None else found.probabilities
        if chances is not None:
            row[0] = order[pair.gold.label]
            row[[1 + order[label] for label in labels]] = chances
    return rows


def _one_against_rest(measures: Measures) -> float:
    """Mean area over the classes that can be told, each among the questions that offer it."""
    areas = []
    for number, scores in enumerate(measures[:, 1:].T):
        asked = ~np.isnan(scores)
        true = measures[asked, 0] == number
        if 0 < true.sum() < len(true):
            areas.append(area(scores[asked], true))
    return float(np.mean(areas)) if areas else float("nan")


def _share_right(pair: Pair[Findings]) -> float:
    if pair.found is None:
        return 0.0
    marks = zip(pair.found, pair.gold, strict=True)
    return float(np.mean([found.present == true.present for found, true in marks]))


def _marks(pairs: Sequence[Pair[Findings]]) -> Measures:
    """Truth and probability of every label in turn; what is unreadable ranks lowest."""
    if not any(m.probability is not None for pair in pairs for m in pair.found or ()):
        return np.full((len(pairs), 1), np.nan)
    rows = []
    for pair in pairs:
        scores = [0.0] * len(pair.gold) if pair.found is None else [
            float(m.present) if m.probability is None else m.probability for m in pair.found
        ]  # fmt: skip
        rows.append([v for m, s in zip(pair.gold, scores, strict=True) for v in (float(m.present), s)])
    return padded(rows)


def _mean_area(measures: Measures) -> float:
    """Mean over labels of the area under the ROC curve; labels of one kind only are left out."""
    areas = []
    for column in range(0, measures.shape[1] - 1, 2):
        there = ~np.isnan(measures[:, column])
        true, scores = measures[there, column], measures[there, column + 1]
        if 0 < true.sum() < len(true):
            areas.append(area(scores, true.astype(int)))
    return float(np.mean(areas)) if areas else float("nan")


def _counts(pairs: Sequence[Pair[Findings]]) -> Measures:
    """Rightly found, wrongly found and missed of every label in turn; an unreadable answer is wrong at each."""
    order: dict[str, int] = {}
    for pair in pairs:
        for mark in pair.gold:
            order.setdefault(mark.label, len(order))
    rows = np.zeros((len(pairs), max(len(order), 1), 3))
    for row, pair in zip(rows, pairs, strict=True):
        for number, true in enumerate(pair.gold):
            said = not true.present if pair.found is None else pair.found.items[number].present
            row[order[true.label]] = said and true.present, said > true.present, said < true.present
    return rows.reshape(len(pairs), rows[0].size if len(pairs) else 3)


def _f1(sums: Measures) -> Measures:
    """Return F1 of each label, shape (rows, labels); ``nan`` for one that is neither true nor found."""
    right, extra, missed = np.moveaxis(sums.reshape(len(sums), -1, 3), 2, 0)
    with np.errstate(invalid="ignore"):
        shares: Measures = 2 * right / (2 * right + extra + missed)
    return shares


def _macro(sums: Measures) -> Measures:
    each_label = [row[~np.isnan(row)] for row in _f1(sums)]
    return np.array([row.mean() if len(row) else np.nan for row in each_label])


def _micro(sums: Measures) -> Measures:
    return _f1(sums.reshape(len(sums), -1, 3).sum(axis=1))[:, 0]


#: One label of several.
CLASSIFY: Final = (
    Metric[Any](name="accuracy", measure=each(_right)),
    Metric[Any](
        name="balanced accuracy", measure=_numbers, total=_of_classes(balanced_accuracy),
        note="mean recall over the classes that are there",
    ),
    Metric[Any](name="macro F1", measure=_numbers, total=_of_classes(macro_f1)),
    Metric[Any](
        name="AUC", protocol="MedMNIST", measure=_chances, total=_one_against_rest, unreadable=_LOWEST,
        note="one class against the rest, from the probabilities of the labels; the mean over classes that can be told",
    ),
    *CONFIDENCE,
)  # fmt: skip
#: Each of several labels by itself.
FINDINGS: Final = (
    Metric[Any](
        name="accuracy", protocol="MedMNIST", measure=each(_share_right), note="share of the labels"
    ),
    Metric[Any](
        name="AUC", protocol="MedMNIST", measure=_marks, total=_mean_area, unreadable=_LOWEST,
        note="a label without a probability counts as 0 or 1; no number where no answer has one",
    ),
    Metric[Any](
        name="exact match", measure=each(lambda pair: float(_share_right(pair) == 1.0)),
        note="every label of the picture right",
    ),
    Metric[Any](
        name="macro F1", measure=_counts, **summed(_macro),
        note="mean over labels; one that is neither true nor found anywhere is left out",
    ),
    Metric[Any](name="micro F1", measure=_counts, **summed(_micro), note="all labels together"),
    *CONFIDENCE,
)  # fmt: skip
