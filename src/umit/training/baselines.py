"""What costs next to nothing: the commonest answer, the mean shape, and two ways to class pictures by 28 × 28 grey pixels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from umit.datasets.ask import Tasks
from umit.datasets.dataset import Sample
from umit.imaging.view import Rendering, render
from umit.metrics.metric import Pair
from umit.queries import Choose, Query
from umit.results import Answer, Classification, Result
from umit.tasks.table import line
from umit.training.logistic import chances
from umit.training.mean_marks import mean_marks

__all__ = ["by_pixels", "commonest", "free_answers"]

_SIDE: Final = 28  # pixels, MedMNIST's
_SHOWN: Final = Rendering(frame=None, factor=1, min_pixels=1, fed=(_SIDE, _SIDE))
_NEIGHBOURS: Final = 5
_NEARER: Final = 1e-9  # what a tie is broken by
_MOST: Final = 5_000  # training pictures that are looked at, drawn by the seed
_Samples = Sequence[Sample[Any, Any]]


def free_answers(training: _Samples, asked: _Samples, tasks: Tasks, *, seed: int = 0) -> dict[str, list[Pair[Any]]]:
    """Return all answers that cost next to nothing by what gives them; a model must beat them.

    Args:
        training: Of one task.
        asked: Of the same task.
        tasks: Of the checkpoint that is trained.
        seed: Of what is looked at, where there is much.
    """
    found = {
        "commonest answer": commonest(training, asked),
        "mean shape": mean_marks(training, asked, tasks, seed=seed),
        **by_pixels(training, asked, seed=seed),
    }
    return {who: pairs for who, pairs in found.items() if pairs is not None}


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


def by_pixels(training: _Samples, asked: _Samples, *, seed: int = 0) -> dict[str, list[Pair[Any]]]:
    """Return, in the answers' place, what the pixels of films alone say: their neighbours, and logistic regression.

    Each first picture is looked at in 28 × 28 grey pixels. The five nearest training pictures vote, less their mean
    and over their spread, so that exposure does not count. Logistic regression sees the pixels as they are, from 0 to 1.

    Args:
        training: Classifications of films, or one question with options about all of them.
        asked: Likewise; each is asked for the choices that it offers.
        seed: Of the pictures that are looked at, where there are many.

    Returns:
        Answers by the name of what gave them; none where a sample is of another kind, or one class alone is taught.
    """
    if not _one_choice([*training, *asked]):
        return {}
    drawn = np.random.default_rng(seed).permutation(len(training))[:_MOST]
    known = [training[int(place)] for place in drawn]
    truth = [_class(sample) for sample in known]
    classes = sorted(set(truth))
    if len(classes) < 2:
        return {}
    pixels, theirs, places = _pixels(known), _pixels(asked), [classes.index(one) for one in truth]
    votes = _votes(_alike(pixels), places, _alike(theirs), len(classes))
    found = {"nearest pictures": votes, "logistic regression": chances(pixels, places, theirs)}
    return {
        f"{name} ({_SIDE} × {_SIDE})": [
            Pair(one.query, one.gold, _answer(one, dict(zip(classes, row, strict=True))), facts=dict(one.facts))
            for one, row in zip(asked, rows.tolist(), strict=True)
        ]
        for name, rows in found.items()
    }


def _one_choice(samples: _Samples) -> bool:
    """Tell whether each is one choice about a film, and questions in words are all the same."""
    if not all(sample.query.choices and not sample.source.is_volume for sample in samples):
        return False
    return all(isinstance(s.query, Choose) for s in samples) or len({_words(s.query) for s in samples}) == 1


def _class(sample: Sample[Any, Any]) -> str:
    gold: Classification | Answer = sample.gold
    return gold.label if isinstance(gold, Classification) else gold.text


def _votes(
    known: NDArray[np.float64], truth: Sequence[int], asked: NDArray[np.float64], classes: int
) -> NDArray[np.float64]:
    """Return the shares of five votes; of equal ones the nearest picture's class has a little more."""
    found = np.zeros((len(asked), classes))
    for row, picture in zip(found, asked, strict=True):
        near = np.argsort(((known - picture) ** 2).sum(axis=1), kind="stable")[:_NEIGHBOURS]
        for place in near:
            row[truth[int(place)]] += 1 / len(near)
        row[truth[int(near[0])]] += _NEARER
    return found


def _answer(sample: Sample[Any, Any], shares: dict[str, float]) -> Classification | Answer:
    """Return the offered class with the largest share; shares of classes that are not offered are lost."""
    choices = sample.query.choices
    kept = np.array([shares.get(one, 0.0) for one in choices])
    told = tuple((kept / kept.sum() if kept.sum() else np.full(len(kept), 1 / len(kept))).tolist())
    best = int(kept.argmax())
    if isinstance(sample.gold, Classification):
        return Classification(label=choices[best], probabilities=told)
    return Answer(text=choices[best], option=best, probabilities=told)


def _pixels(samples: _Samples) -> NDArray[np.float64]:
    """Return each first picture at 28 × 28, from 0 to 1."""
    rows = [render(s.source.scans()[0], _SHOWN).frames[0].mean(axis=2).ravel() / 255 for s in samples]
    return np.array(rows, np.float64).reshape(len(samples), _SIDE * _SIDE)


def _alike(pixels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return pictures less their mean and over their spread."""
    middle, spread = pixels.mean(axis=1, keepdims=True), pixels.std(axis=1, keepdims=True)
    found: NDArray[np.float64] = (pixels - middle) / (spread + 1 / 255)
    return found
