"""How sure answers are, from their probabilities: calibration error, Brier score, risk against coverage.

The probabilities are those that the engine gave, fitted on held-out data or not; without any, there is no number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from umit.metrics.bootstrap import Draws, Numbers, Weights
from umit.metrics.calibration import (
    calibration_error,
    calibration_errors,
    risk_areas,
    risk_coverage,
)
from umit.metrics.metric import Measures, Metric, Pair, padded
from umit.queries import Ask, Choose
from umit.results import Answer, Classification, Detections, Findings

__all__ = ["SURENESS", "claims", "gold_option"]

_Pairs: TypeAlias = Sequence[Pair[Any]]
_Floats: TypeAlias = NDArray[np.float64]


def gold_option(pair: Pair[Answer]) -> int | None:
    """Return the index of the right option from 0; ``None`` if no option is the truth."""
    if pair.gold.option is not None:
        return pair.gold.option
    options = pair.query.options if isinstance(pair.query, Ask) else ()
    return options.index(pair.gold.text) if pair.gold.text in options else None


def _chances(pair: Pair[Any]) -> tuple[tuple[float, ...], int | None, int | None] | None:
    """Return the probabilities of options or labels, which one was said and which one is true."""
    found, query = pair.found, pair.query
    if not isinstance(found, Answer | Classification) or found.probabilities is None:
        return None
    if isinstance(found, Answer):
        return found.probabilities, found.option, gold_option(pair)
    labels = query.labels if isinstance(query, Choose) else ()
    said, true = (
        labels.index(label) if label in labels else None for label in (found.label, pair.gold.label)
    )
    return found.probabilities, said, true


def _yes_or_no(pair: Pair[Any]) -> list[tuple[float, bool, bool]]:
    """Return for each scored yes/no question the probability of yes, what was said and what is true."""
    found, gold = pair.found, pair.gold
    if isinstance(found, Findings):
        return [
            (mark.probability, mark.present, true.present)
            for mark, true in zip(found, gold, strict=True)
            if mark.probability is not None
        ]
    if isinstance(found, Detections):  # beside the boxes: judged by itself
        return [(p, p >= 0.5, bool(gold)) for _, p in found.presence or ()]
    return []


def claims(pair: Pair[Any]) -> list[tuple[float, float]]:
    """Return how sure a readable answer is of what it says, and whether that is right.

    Args:
        pair: An answer beside its truth.

    Returns:
        Probability and 1 or 0, one for each yes/no question that was scored, one for an answer with options or
        labels; none without probabilities.

    Example:
        >>> said = Answer(text="no", option=1, probabilities=(0.25, 0.75))
        >>> claims(Pair(Ask("Nodule?", ("yes", "no")), Answer(text="yes"), said))
        [(0.75, 0.0)]
    """
    if (chosen := _chances(pair)) is not None:
        chances, said, true = chosen
        sure = max(chances) if said is None else chances[said]
        return [(sure, float(said is not None and said == true))]
    return [(p if said else 1 - p, float(said == true)) for p, said, true in _yes_or_no(pair)]


def _claimed(pairs: _Pairs) -> Measures:
    """Return pairs of claim and verdict in each row; an unreadable answer is wrong with probability 0."""
    each = [claims(pair) for pair in pairs]
    if not any(each):
        return np.full((len(pairs), 2), np.nan)
    unread = [(0.0, 0.0)]
    return padded(
        [
            [value for claim in (unread if pair.found is None else found) for value in claim]
            for pair, found in zip(pairs, each, strict=True)
        ]
    )


def _over_claims(
    score: Callable[[_Floats, _Floats], float],
    at_once: Callable[[_Floats, _Floats], Callable[[Weights], _Floats]],
) -> dict[str, Any]:
    """Return ``total`` and ``weighed`` of a metric over the claims of all rows."""

    def total(measures: Measures) -> float:
        flat = measures.reshape(-1, 2)
        flat = flat[~np.isnan(flat[:, 0])]
        return score(flat[:, 0], flat[:, 1]) if len(flat) else float("nan")

    def weighed(measures: Measures) -> Numbers:
        flat = measures.reshape(-1, 2)
        there = np.flatnonzero(~np.isnan(flat[:, 0]))
        numbers, row = at_once(*flat[there].T), there // (measures.shape[1] // 2)
        return lambda draws: numbers(Draws(draws.times, draws.group[row]).weights())

    return {"total": total, "weighed": weighed}


def _gaps(pairs: _Pairs) -> Measures:
    if not any(map(claims, pairs)):
        return np.full((len(pairs), 1), np.nan)
    return np.array([[_gap(pair)] for pair in pairs]).reshape(-1, 1)


def _gap(pair: Pair[Any]) -> float:
    if pair.found is None:
        return 1.0
    if (chosen := _chances(pair)) is not None:
        chances, _, true = chosen
        there = np.arange(len(chances)) == true
        return float("nan") if true is None else float(np.sum((np.array(chances) - there) ** 2))
    asked = _yes_or_no(pair)
    return float(np.mean([(p - true) ** 2 for p, _, true in asked])) if asked else float("nan")


#: For answers with options, labels and presence.
SURENESS: Final[tuple[Metric[Any], ...]] = (
    Metric(
        name="ECE", measure=_claimed, **_over_claims(calibration_error, calibration_errors), best=0.0,
        unreadable="lowers it: probability 0 and wrong", note="15 equal bins of the probability of what was said",
    ),
    Metric(
        name="Brier score", measure=_gaps, best=0.0, unreadable="1",
        note="summed over options or labels, 2 at worst; of yes and no the mean gap, 1 at worst",
    ),
    Metric(
        name="risk-coverage area", measure=_claimed, best=0.0,
        **_over_claims(lambda sure, hit: risk_coverage(sure, hit).area, risk_areas),
        unreadable="wrong, and the last to be given", note="mean risk over all coverages",
    ),
)  # fmt: skip
