"""What costs nothing: the commonest answer, and the nearest pictures by their pixels; a model must beat both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from umit.datasets.dataset import Sample
from umit.imaging.view import Rendering, render
from umit.metrics.metric import Pair
from umit.queries import Choose, Query
from umit.results import Classification, Result
from umit.tasks.table import line

__all__ = ["commonest", "nearest"]

_SIDE: Final = 28  # pixels, MedMNIST's
_SHOWN: Final = Rendering(frame=None, factor=1, min_pixels=1, fed=(_SIDE, _SIDE))
_NEIGHBOURS: Final = 5
_MOST: Final = 5_000  # training pictures that are looked at, drawn by the seed
_Samples = Sequence[Sample[Any, Any]]


def commonest(training: _Samples, asked: _Samples) -> list[Pair[Any]] | None:
    """Return the commonest training answer of each question in the answers' place.

    Args:
        training: Of one task.
        asked: Of the same task.

    Returns:
        ``None`` where no answer comes twice, as in most reports, or where one holds coordinates.
    """
    by_words: dict[str, Counter[str]] = {}
    overall: Counter[str] = Counter()
    kept: dict[str, Result] = {}
    for one in training:
        text = line(one.task, one.gold)
        kept.setdefault(text, one.gold)
        overall[text] += 1
        by_words.setdefault(_words(one.query), Counter())[text] += 1
    if not overall or overall.most_common(1)[0][1] < 2:
        return None
    found = []
    for one in asked:
        counted = by_words.get(_words(one.query), overall)
        answer = kept[counted.most_common(1)[0][0]]
        answer = answer.offered(one.query.choices) if one.query.choices else answer
        found.append(Pair(one.query, one.gold, answer, facts=dict(one.facts)))
    return None if any(pair.found is not None and pair.found.marks for pair in found) else found


def _words(query: Query) -> str:
    """Tell one question from another, whatever the order of its choices."""
    return repr(query.reordered(np.argsort(query.choices).tolist()) if query.choices else query)


def nearest(training: _Samples, asked: _Samples, *, seed: int = 0) -> list[Pair[Any]] | None:
    """Return the votes of the five nearest training pictures, of 28 × 28 grey pixels, in the answers' place.

    Args:
        training: Classifications of films.
        asked: Likewise; each is asked for the classes that it offers.
        seed: Of the pictures that are looked at, where there are many.

    Returns:
        ``None`` where a sample is no classification of a film, or nothing was taught.
    """
    if not training:
        return None
    if not all(isinstance(s.query, Choose) and not s.query.several for s in (*training, *asked)):
        return None
    if any(sample.source.is_volume for sample in (*training, *asked)):
        return None
    drawn = np.random.default_rng(seed).permutation(len(training))[:_MOST]
    known = [training[int(place)] for place in drawn]
    pixels, truth = _pixels(known), [sample.gold.label for sample in known]
    found = []
    for one, picture in zip(asked, _pixels(asked), strict=True):
        near = np.argsort(((pixels - picture) ** 2).sum(axis=1), kind="stable")[:_NEIGHBOURS]
        votes = Counter(truth[int(place)] for place in near)
        chances = np.array([votes[label] for label in one.query.labels], np.float64)
        # Votes for a class that is not offered are lost; a tie goes to the nearest picture's class.
        chances = chances / chances.sum() if chances.sum() else np.full(len(chances), 1 / len(chances))
        best = max(one.query.labels, key=lambda label: (votes[label], label == truth[int(near[0])]))
        answer = Classification(label=best, probabilities=tuple(chances.tolist()))
        found.append(Pair(one.query, one.gold, answer, facts=dict(one.facts)))
    return found


def _pixels(samples: _Samples) -> NDArray[np.float64]:
    """Return each first picture at 28 × 28, less its mean and over its spread, so that exposure does not count."""
    rows = []
    for sample in samples:
        shown = render(sample.source.scans()[0], _SHOWN).frames[0]
        grey = shown.mean(axis=2).ravel()
        rows.append((grey - grey.mean()) / (grey.std() + 1.0))
    return np.array(rows, np.float64).reshape(len(samples), _SIDE * _SIDE)
