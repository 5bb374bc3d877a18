"""How sure answers are, from their probabilities: calibration error, Brier score, risk against coverage.

The probabilities are those that the engine gave, fitted on held-out data or not; without any, there is no number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from umit.metrics.bootstrap import Draws, Numbers, Weights
from umit.metrics.calibration import calibration_error, calibration_errors, risk_areas, risk_coverage
from umit.metrics.metric import Measures, Metric, Pair, padded
from umit.provenance import Scored

__all__ = ["CONFIDENCE", "claims"]

_Pairs: TypeAlias = Sequence[Pair[Any]]
_Floats: TypeAlias = NDArray[np.float64]


def claims(pair: Pair[Any]) -> list[tuple[float, float]]:
    """Return how sure a readable answer is of what it says, and whether that is right.

    Args:
        pair: An answer beside its truth.

    Returns:
        Probability and 1 or 0, one for each yes/no question that was scored, one for an answer with options or
        labels; none without probabilities.

    Example:
        >>> from umit.queries import Ask
        >>> from umit.results import Answer
        >>> said = Answer(text="no", option=1, probabilities=(0.25, 0.75))
        >>> claims(Pair(Ask("Nodule?", ("yes", "no")), Answer(text="yes"), said))
        [(0.75, 0.0)]
    """
    return [(_sure(*one), float(one.said is not None and one.said == one.true)) for one in _scored(pair)]


def _scored(pair: Pair[Any]) -> list[Scored]:
    return [] if pair.found is None else pair.found.scored(pair.gold, pair.query.choices)


def _sure(chances: tuple[float, ...], said: int | None, true: int | None) -> float:
    if len(chances) == 1:  # of yes
        return chances[0] if said else 1 - chances[0]
    return max(chances) if said is None else chances[said]


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
    score: Callable[[_Floats, _Floats], float], at_once: Callable[[_Floats, _Floats], Callable[[Weights], _Floats]]
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
    gaps = [_squared(*one) for one in _scored(pair)]
    return float(np.mean(gaps)) if gaps else float("nan")


def _squared(chances: tuple[float, ...], said: int | None, true: int | None) -> float:
    if len(chances) == 1:  # of yes
        return (chances[0] - bool(true)) ** 2
    there = np.arange(len(chances)) == true
    return float("nan") if true is None else float(np.sum((np.array(chances) - there) ** 2))


#: For answers with options, labels and presence.
CONFIDENCE: Final[tuple[Metric[Any], ...]] = (
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
