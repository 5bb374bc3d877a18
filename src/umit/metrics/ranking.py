"""Classification from probabilities: areas under curves, as MedMNIST's evaluator and scikit-learn give them.

A language model's label alone is no probability: an area from rows of 0 and 1 is only the mean of sensitivity
and specificity. Feed the option probabilities, and say so.
"""

from __future__ import annotations

from itertools import combinations
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from umit.errors import InputError
from umit.metrics.labels import UNREADABLE

__all__ = [
    "Kind",
    "area",
    "area_one_vs_one",
    "areas_one_vs_rest",
    "average_precision",
    "chosen",
    "log_loss",
    "medmnist_accuracy",
    "medmnist_auc",
]

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
#: MedMNIST's four tasks (its ``INFO``).
Kind: TypeAlias = Literal[
    "binary-class", "multi-class", "ordinal-regression", "multi-label, binary-class"
]


def _scores(scores: ArrayLike, n: int) -> Floats:
    values = np.asarray(scores, np.float64)
    if values.ndim not in (1, 2) or len(values) != n or not n:
        raise InputError(
            f"expected one row of scores for each of {n} labels, at least one, got shape {values.shape}",
            code="scores",
        )
    return values


def area(scores: ArrayLike, true: ArrayLike) -> float:
    """Return the area under the ROC curve; ties count half.

    Args:
        scores: Shape (n,), larger for the positive class.
        true: 0 or 1, shape (n,).

    Returns:
        From 0 to 1; ``nan`` if all labels are the same.

    Raises:
        InputError: No scores, or not as many as labels.

    Example:
        >>> area([0.1, 0.4, 0.4, 0.8], [0, 0, 1, 1])
        0.875
    """
    positive = np.asarray(true).ravel() > 0
    values = _scores(scores, len(positive)).ravel()
    ones, zeros = int(positive.sum()), int((~positive).sum())
    if not ones or not zeros:
        return float("nan")
    # Mann and Whitney's U by mid-ranks.
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    rank = np.cumsum(count) - (count - 1) / 2
    return float((rank[place][positive].sum() - ones * (ones + 1) / 2) / (ones * zeros))


def areas_one_vs_rest(scores: ArrayLike, true: ArrayLike) -> Floats:
    """Return the area of each class against all others.

    Args:
        scores: Option probabilities, shape (n, classes).
        true: Class indices, shape (n,), or 0 and 1 for each label, shape (n, classes).

    Returns:
        Shape (classes,); ``nan`` for a class that is never or always true. The plain mean is then ``nan``
        as MedMNIST's is; ``numpy.nanmean`` is over the classes that can be told.

    Raises:
        InputError: Not as many scores as labels.

    Example:
        >>> areas_one_vs_rest([[0.8, 0.2], [0.3, 0.7]], [0, 1]).tolist()
        [1.0, 1.0]
    """
    labels = np.asarray(true)
    values = _scores(scores, len(labels))
    if values.ndim != 2 or (labels.ndim == 2 and labels.shape[1] not in (1, values.shape[1])):
        raise InputError(
            f"expected scores of shape (n, classes), got {values.shape} for labels of {labels.shape}",
            code="scores",
        )
    if labels.ndim == 1 or labels.shape[1] == 1:
        labels = labels.reshape(-1, 1) == np.arange(values.shape[1])
    return np.array([area(values[:, k], labels[:, k]) for k in range(values.shape[1])])


def area_one_vs_one(scores: ArrayLike, true: ArrayLike) -> float:
    """Return the mean area over all pairs of classes (Hand and Till 2001).

    Args:
        scores: Option probabilities, shape (n, classes).
        true: Class indices, shape (n,); every class is there.

    Returns:
        From 0 to 1; ``nan`` if a class is missing.

    Raises:
        InputError: Not as many scores as labels.

    Example:
        >>> area_one_vs_one([[0.8, 0.2], [0.3, 0.7]], [0, 1])
        1.0
    """
    labels = np.asarray(true, np.int64).ravel()
    values = _scores(scores, len(labels))
    pairs = []
    for a, b in combinations(range(values.shape[1]), 2):
        two = (labels == a) | (labels == b)
        if not two.any():
            return float("nan")
        pairs += [area(values[two, a], labels[two] == a), area(values[two, b], labels[two] == b)]
    return float(np.mean(pairs))


def average_precision(scores: ArrayLike, true: ArrayLike) -> float:
    """Return precision averaged over the steps of recall, without interpolation.

    Args:
        scores: Shape (n,), larger for the positive class.
        true: 0 or 1, shape (n,).

    Returns:
        From 0 to 1; 0 if nothing is positive, as scikit-learn has it.

    Raises:
        InputError: No scores, or not as many as labels.

    Example:
        >>> round(average_precision([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]), 4)
        0.8333
    """
    positive = np.asarray(true).ravel() > 0
    values = _scores(scores, len(positive)).ravel()
    order = np.argsort(-values, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(values[order]) != 0, True))
    right = np.cumsum(positive[order])[ends]
    if not right[-1]:
        return 0.0
    recall = right / right[-1]
    return float(np.sum(np.diff(recall, prepend=0.0) * right / (ends + 1)))


def chosen(scores: ArrayLike) -> Ints:
    """Return each row's likeliest class, and -1 for a row of zeros, which an unreadable answer leaves.

    Args:
        scores: Option probabilities, shape (n, classes).

    Returns:
        Class indices, shape (n,); the first of equals.

    Example:
        >>> chosen([[0.2, 0.8], [0.0, 0.0]]).tolist()
        [1, -1]
    """
    values = np.asarray(scores, np.float64)
    return np.where(np.any(values != 0, axis=1), np.argmax(values, axis=1), UNREADABLE)


def medmnist_accuracy(scores: ArrayLike, true: ArrayLike, kind: Kind) -> float:
    """Return accuracy as MedMNIST's evaluator gives it.

    A row of zeros counts as class 0 here; :func:`umit.metrics.labels.accuracy` of :func:`chosen` calls it
    wrong.

    Args:
        scores: Shape (n, classes); for two classes also (n,).
        true: Class indices, shape (n, 1) or (n,); for several labels 0 and 1, shape (n, labels).
        kind: MedMNIST's name of the task.

    Returns:
        From 0 to 1; with several labels, the mean over them of right decisions at 0.5.

    Raises:
        InputError: An unknown kind, or not as many scores as labels.

    Example:
        >>> medmnist_accuracy([[0.4, 0.6], [0.7, 0.3]], [[1], [1]], "binary-class")
        0.5
    """
    values, labels = _by_kind(scores, true, kind)
    if kind in ("binary-class", "multi-label, binary-class"):
        return float(np.mean((values > 0.5) == labels))  # medmnist's threshold
    return float(np.mean(np.argmax(values, axis=1) == labels))


def medmnist_auc(scores: ArrayLike, true: ArrayLike, kind: Kind) -> float:
    """Return the area under the ROC curve as MedMNIST's evaluator gives it.

    Args:
        scores: Shape (n, classes); for two classes also (n,).
        true: Class indices, shape (n, 1) or (n,); for several labels 0 and 1, shape (n, labels).
        kind: MedMNIST's name of the task.

    Returns:
        From 0 to 1: one against the rest, the plain mean over classes or labels; ``nan`` if one of them is
        never or always true.

    Raises:
        InputError: An unknown kind, or not as many scores as labels.

    Example:
        >>> medmnist_auc([[0.4, 0.6], [0.7, 0.3]], [[1], [0]], "binary-class")
        1.0
    """
    values, labels = _by_kind(scores, true, kind)
    if kind == "binary-class":
        return area(values, labels)
    return float(np.mean(areas_one_vs_rest(values, labels)))


def _by_kind(scores: ArrayLike, true: ArrayLike, kind: str) -> tuple[Floats, Ints]:
    if kind not in get_args(Kind):
        raise InputError(
            f"expected one of {', '.join(map(repr, get_args(Kind)))}, got {kind!r}", code="kind"
        )
    labels = np.asarray(true, np.int64)
    values = _scores(scores, len(labels))
    if kind.startswith("multi-label"):
        if values.shape != labels.shape:
            raise InputError(
                f"expected scores and labels of one shape, got {values.shape} and {labels.shape}",
                code="scores",
            )
        return values, labels
    if kind == "binary-class" and values.ndim == 2:
        values = values[:, -1]
    return values, labels.ravel()


def log_loss(scores: ArrayLike, true: ArrayLike) -> float:
    """Return the mean negative log-probability of what is true, in nats.

    Args:
        scores: Probability of the positive class, shape (n,).
        true: 0 or 1, shape (n,).

    Returns:
        At least 0; probabilities are kept off 0 and 1 by the smallest step of a float.

    Raises:
        InputError: No scores, or not as many as labels.

    Example:
        >>> round(log_loss([0.5, 0.5], [0, 1]), 4)
        0.6931
    """
    positive = np.asarray(true).ravel() > 0
    tiny = np.finfo(np.float64).eps
    values = np.clip(_scores(scores, len(positive)).ravel(), tiny, 1 - tiny)
    return float(-np.mean(np.log(np.where(positive, values, 1 - values))))
