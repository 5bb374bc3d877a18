"""Classification: confusion of chosen labels and what is read off it, and the area under the ROC curve.

Labels are indices of classes from 0; ``-1`` stands for an answer that could not be read. It is never right, and
unlike in scorers that write it as a row of zeros it is no vote for class 0.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from umit.errors import InputError

__all__ = ["UNREADABLE", "area", "balanced_accuracy", "class_scores", "confusion", "macro_f1"]

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]

#: Index that stands for an answer that could not be read.
UNREADABLE: Final = -1


def _labels(found: ArrayLike, true: ArrayLike) -> tuple[Ints, Ints]:
    mine, theirs = np.asarray(found, np.int64).ravel(), np.asarray(true, np.int64).ravel()
    if mine.shape != theirs.shape or not len(mine):
        raise InputError(
            f"expected as many found labels as true ones, at least one, got {len(mine)} and {len(theirs)}",
            code="labels",
        )
    if theirs.min() < 0 or mine.min() < UNREADABLE:
        raise InputError(
            "expected class indices from 0 (found ones from -1), got a smaller one",
            code="labels",
            hint="Only a found label may be unreadable (-1).",
        )
    return mine, theirs


def confusion(found: ArrayLike, true: ArrayLike, classes: int) -> Ints:
    """Return how often each class was taken for each.

    Args:
        found: Class indices, shape (n,); -1 for an unreadable answer.
        true: Class indices, shape (n,).
        classes: How many classes there are.

    Returns:
        Counts, shape (classes, classes + 1): a row for each true class, a column for each found one, and
        unreadable answers in the last column.

    Raises:
        InputError: No labels, not as many of one as of the other, or an index past the classes.

    Example:
        >>> confusion([0, 1, -1, 1], [0, 1, 0, 0], 2).tolist()
        [[1, 1, 1], [0, 1, 0]]
    """
    mine, theirs = _labels(found, true)
    if (top := max(int(mine.max()), int(theirs.max()))) >= classes:
        raise InputError(f"expected class indices below {classes}, got {top}", code="labels", where="classes")
    columns = np.where(mine == UNREADABLE, classes, mine)
    flat = np.bincount(theirs * (classes + 1) + columns, minlength=classes * (classes + 1))
    return flat.reshape(classes, classes + 1).astype(np.int64)


def class_scores(found: ArrayLike, true: ArrayLike) -> Floats:
    """Return precision, recall and F1 of each class that is true or found somewhere, and how often it is true.

    Args:
        found: Class indices, shape (n,); -1 for an unreadable answer, which costs its true class recall.
        true: Class indices, shape (n,).

    Returns:
        Shape (classes, 4); a precision without a found label and a recall without a true one are 0.

    Raises:
        InputError: As :func:`confusion`.

    Example:
        >>> class_scores([0, 1, 1], [0, 0, 1])[0].round(3).tolist()
        [1.0, 0.5, 0.667, 2.0]
    """
    mine, theirs = _labels(found, true)
    table = confusion(mine, theirs, int(max(mine.max(), theirs.max())) + 1).astype(np.float64)
    right, given, there = np.diagonal(table), table[:, :-1].sum(0), table.sum(1)
    shares = [_divided(right, given), _divided(right, there), _divided(2 * right, given + there)]
    found_each: Floats = np.stack([*shares, there], axis=1)[given + there > 0]
    return found_each


def _divided(above: Floats, below: Floats) -> Floats:
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)


def balanced_accuracy(found: ArrayLike, true: ArrayLike) -> float:
    """Return the mean recall over the classes that are there, of labels as for :func:`class_scores`.

    Example:
        >>> balanced_accuracy([0, 0, 0, 0], [0, 0, 0, 1])
        0.5
    """
    scores = class_scores(found, true)
    return float(scores[scores[:, 3] > 0, 1].mean())


def macro_f1(found: ArrayLike, true: ArrayLike) -> float:
    """Return the mean F1 over the classes that are true or found somewhere, of labels as for :func:`class_scores`.

    Example:
        >>> round(macro_f1([0, 1, 1], [0, 0, 1]), 4)
        0.6667
    """
    return float(np.average(class_scores(found, true)[:, 2]))


def area(scores: ArrayLike, true: ArrayLike) -> float:
    """Return the area under the ROC curve, from 0 to 1; ties count half.

    Args:
        scores: Shape (n,), larger for the positive class.
        true: 0 or 1, shape (n,).

    Returns:
        ``nan`` if all labels are the same.

    Raises:
        InputError: No scores, or not as many as labels.

    Example:
        >>> area([0.1, 0.4, 0.4, 0.8], [0, 0, 1, 1])
        0.875
    """
    positive = np.asarray(true).ravel() > 0
    values = np.asarray(scores, np.float64).ravel()
    if len(values) != len(positive) or not len(values):
        raise InputError(
            f"expected one score for each of {len(positive)} labels, at least one, got {len(values)}", code="scores"
        )
    ones, zeros = int(positive.sum()), int((~positive).sum())
    if not ones or not zeros:
        return float("nan")
    # Mann and Whitney's U by mid-ranks.
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    rank = np.cumsum(count) - (count - 1) / 2
    return float((rank[place][positive].sum() - ones * (ones + 1) / 2) / (ones * zeros))
