"""FROC: how many of the true boxes are found, at so many false ones a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from umit.errors import InputError
from umit.metrics.boxes import Box

__all__ = ["LUNA16_RATES", "FrocCurve", "froc_curve", "froc_score", "hits_by_centre"]

#: False positives a picture at which LUNA16 reads the curve (Setio et al. 2017, doi:10.1016/j.media.2017.06.015).
LUNA16_RATES: Final = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class FrocCurve:
    """One point for each confidence that boxes need to count, from the lowest to the highest, then nothing at all.

    Args:
        false_positives: Mean number of false boxes a picture, falling to 0.
        sensitivity: Share of true boxes that were found, falling to 0.
    """

    false_positives: tuple[float, ...]
    sensitivity: tuple[float, ...]


def hits_by_centre(
    found: Sequence[Box], scores: Sequence[float], true: Sequence[Box]
) -> tuple[list[float | None], list[float]]:
    """Return one picture's hits: a found box hits each true box that its centre lies in.

    Args:
        found: Boxes that a model gave; none for an unreadable answer, which so misses every true box.
        scores: Confidence of each, higher is surer; all the same if the model has none.
        true: Boxes that are there.

    Returns:
        For each true box the highest confidence that hit it, ``None`` if none did; and the confidence of each
        found box that hit nothing.

    Raises:
        InputError: Not one confidence for each found box.

    Example:
        >>> from umit.geometry import Box2D
        >>> hits_by_centre([Box2D(0, 0, 2, 2), Box2D(7, 7, 8, 8)], [0.9, 0.4], [Box2D(0, 0, 4, 4)])
        ([0.9], [0.4])
    """
    if len(scores) != len(found):
        raise InputError(
            f"expected one confidence for each of {len(found)} boxes, got {len(scores)}", code="scores", where="scores"
        )
    inside = [[_centre_in(box, one) for one in true] for box in found]
    hits: list[float | None] = [
        max((score for score, row in zip(scores, inside, strict=True) if row[j]), default=None)
        for j in range(len(true))
    ]
    return hits, [score for score, row in zip(scores, inside, strict=True) if not any(row)]


def _centre_in(box: Box, other: Box) -> bool:
    half = len(box.corners) // 2
    return all(
        other.corners[i] <= (box.corners[i] + box.corners[i + half]) / 2 < other.corners[i + half] for i in range(half)
    )


def froc_curve(hits: Sequence[float | None], false: Sequence[float], pictures: int) -> FrocCurve:
    """Return the curve over all pictures; MONAI's has these points but for the lowest confidence.

    Args:
        hits: For each true box the confidence that hit it, ``None`` for a missed one.
        false: Confidence of each false box.
        pictures: How many pictures were looked at, those without any box included.

    Raises:
        InputError: No pictures, or no true boxes.

    Example:
        >>> froc_curve([0.9, None], [0.4], 2).sensitivity
        (0.5, 0.5, 0.0)
    """
    if pictures < 1 or not hits:
        raise InputError(f"expected at least one picture and one true box, got {pictures} and {len(hits)}", code="froc")
    right = np.array([-np.inf if one is None else one for one in hits], np.float64)
    wrong = np.array(false, np.float64)
    levels = np.unique(np.concatenate([right, wrong]))
    levels = np.append(levels[levels > -np.inf], np.inf)
    # How many reach a level: all, less those that sort before it.
    reached = [len(one) - np.searchsorted(np.sort(one), levels) for one in (wrong, right)]
    return FrocCurve(
        false_positives=tuple((reached[0] / pictures).tolist()), sensitivity=tuple((reached[1] / len(right)).tolist())
    )


def froc_score(curve: FrocCurve) -> float:
    """Return the mean sensitivity at LUNA16's rates of false boxes, from 0 to 1, between points along straight lines.

    Past its end the curve stays level, so a model that never errs is not punished for it.

    Example:
        >>> froc_score(froc_curve([0.9, None], [0.4], 2))
        0.5
    """
    at = np.interp(LUNA16_RATES, curve.false_positives[::-1], curve.sensitivity[::-1])
    return float(np.mean(at))
