"""Classification from chosen labels: accuracy, confusion, and what is read off it.

Labels are indices of classes from 0; ``-1`` stands for an answer that could not be read. It is never right, and
unlike in scorers that write it as a row of zeros it is no vote for class 0.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from umit.errors import InputError

__all__ = [
    "UNREADABLE",
    "accuracy",
    "balanced_accuracy",
    "class_scores",
    "confusion",
    "kappa",
    "macro_f1",
    "matthews",
]

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


def accuracy(found: ArrayLike, true: ArrayLike) -> float:
    """Return the share of right labels; an unreadable answer is wrong.

    Args:
        found: Class indices, shape (n,); -1 for an unreadable answer.
        true: Class indices, shape (n,).

    Returns:
        A share from 0 to 1.

    Raises:
        InputError: No labels, or not as many of one as of the other.

    Example:
        >>> accuracy([0, 1, -1, 1], [0, 1, 0, 0])
        0.5
    """
    mine, theirs = _labels(found, true)
    return float(np.mean(mine == theirs))


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
        raise InputError(
            f"expected class indices below {classes}, got {top}", code="labels", where="classes"
        )
    columns = np.where(mine == UNREADABLE, classes, mine)
    flat = np.bincount(theirs * (classes + 1) + columns, minlength=classes * (classes + 1))
    return flat.reshape(classes, classes + 1).astype(np.int64)


def _divided(above: Floats, below: Floats) -> Floats:
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)


def class_scores(found: ArrayLike, true: ArrayLike, classes: int) -> Floats:
    """Return precision, recall, F1 and the count of each class.

    Args:
        found: Class indices, shape (n,); -1 for an unreadable answer, which costs its true class recall.
        true: Class indices, shape (n,).
        classes: How many classes there are.

    Returns:
        Shape (classes, 4); a precision without a found label and a recall without a true one are 0.

    Raises:
        InputError: As :func:`confusion`.

    Example:
        >>> class_scores([0, 1, 1], [0, 0, 1], 2)[0].round(3).tolist()
        [1.0, 0.5, 0.667, 2.0]
    """
    table = confusion(found, true, classes).astype(np.float64)
    right, given, there = np.diagonal(table), table[:, :classes].sum(0), table.sum(1)
    f1 = _divided(2 * right, given + there)
    return np.stack([_divided(right, given), _divided(right, there), f1, there], axis=1)


def _classes(found: ArrayLike, true: ArrayLike) -> int:
    mine, theirs = _labels(found, true)
    return int(max(mine.max(), theirs.max())) + 1


def balanced_accuracy(found: ArrayLike, true: ArrayLike) -> float:
    """Return the mean recall over the classes that are there; an unreadable answer is wrong.

    Args:
        found: Class indices, shape (n,); -1 for an unreadable answer.
        true: Class indices, shape (n,).

    Returns:
        A share from 0 to 1; chance is one by the count of classes.

    Raises:
        InputError: As :func:`accuracy`.

    Example:
        >>> balanced_accuracy([0, 0, 0, 0], [0, 0, 0, 1])
        0.5
    """
    scores = class_scores(found, true, _classes(found, true))
    return float(scores[scores[:, 3] > 0, 1].mean())


def macro_f1(found: ArrayLike, true: ArrayLike, *, weighted: bool = False) -> float:
    """Return the mean F1 over the classes that are true or found somewhere.

    Args:
        found: Class indices, shape (n,); -1 for an unreadable answer, which costs its true class recall.
        true: Class indices, shape (n,).
        weighted: Whether a class weighs as often as it is true.

    Returns:
        A share from 0 to 1.

    Raises:
        InputError: As :func:`accuracy`.

    Example:
        >>> round(macro_f1([0, 1, 1], [0, 0, 1]), 4)
        0.6667
    """
    mine, theirs = _labels(found, true)
    scores = class_scores(mine, theirs, _classes(mine, theirs))
    met = np.union1d(mine[mine != UNREADABLE], theirs)
    return float(np.average(scores[met, 2], weights=scores[met, 3] if weighted else None))


def _square(found: ArrayLike, true: ArrayLike) -> Floats:
    """Return the confusion with unreadable answers as a class of their own, which no truth has."""
    classes = _classes(found, true)
    table = confusion(found, true, classes).astype(np.float64)
    if not table[:, classes].any():
        return table[:, :classes]
    return np.vstack([table, np.zeros(classes + 1)])


def kappa(found: ArrayLike, true: ArrayLike, *, quadratic: bool = False) -> float:
    """Return Cohen's kappa: agreement beyond chance.

    Args:
        found: Class indices, shape (n,); -1 for an unreadable answer: a class of its own that is never
            true, one step past the last with ``quadratic``.
        true: Class indices, shape (n,).
        quadratic: Whether a miss weighs by its squared distance, for classes in an order.

    Returns:
        At most 1; 0 is chance; ``nan`` where chance agrees fully.

    Raises:
        InputError: As :func:`accuracy`.

    Example:
        >>> kappa([0, 1, 1, 0], [0, 1, 0, 0])
        0.5
    """
    table = _square(found, true)
    size, n = len(table), table.sum()
    step = np.abs(np.subtract.outer(np.arange(size), np.arange(size)))
    weight = step**2 if quadratic else (step > 0).astype(np.int64)
    chance = np.outer(table.sum(1), table.sum(0)) / n
    expected = float((weight * chance).sum())
    return 1 - float((weight * table).sum()) / expected if expected else float("nan")


def matthews(found: ArrayLike, true: ArrayLike) -> float:
    """Return the Matthews correlation of found and true labels, for any number of classes.

    Args:
        found: Class indices, shape (n,); -1 for an unreadable answer: a class of its own, never true.
        true: Class indices, shape (n,).

    Returns:
        From -1 to 1; 0 where either side has one class only.

    Raises:
        InputError: As :func:`accuracy`.

    Example:
        >>> round(matthews([0, 1, 1, 0], [0, 1, 0, 0]), 4)
        0.5774
    """
    table = _square(found, true)
    there, given, n = table.sum(1), table.sum(0), table.sum()
    # Gorodkin 2004, as covariances of one-hot rows.
    both = np.trace(table) * n - there @ given
    spread = (n * n - given @ given) * (n * n - there @ there)
    return float(both / np.sqrt(spread)) if spread else 0.0
