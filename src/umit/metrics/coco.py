"""COCO's average precision, by faster-coco-eval (extra ``coco``), equal to pycocotools."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from umit.errors import InputError, MissingExtraError
from umit.geometry import Box2D
from umit.results import Detection, Detections

__all__ = ["average_precision", "installed"]


def average_precision(
    found: Sequence[Detections | None], true: Sequence[Detections], *, least: float | None = None
) -> Callable[[NDArray[np.intp]], float]:
    """Return what gives COCO's average precision of pictures drawn from these, some of them more than once.

    Boxes are matched here, once for all draws. What comes out is the number of the drawn pictures one after another.

    Args:
        found: One a picture, at least one box in all, each with a score; ``None`` for an unreadable answer, which
            finds nothing.
        true: One a picture; labels spelled as in ``found``.
        least: One overlap to count at, such as 0.5; ``None`` for the mean over COCO's ten, 0.50, 0.55 … 0.95.

    Returns:
        A function of the numbers of pictures from 0, in the order in which they are drawn, to a value from 0 to 1,
        the mean over labels; ``nan`` where none of the pictures has a true box.

    Raises:
        InputError: Not as many of one as of the other, no true box, or a box that is not 2D or has no score.
        MissingExtraError: faster-coco-eval is not installed.

    Example:
        >>> box = Detections(items=(Detection(label="nodule", box=Box2D(0, 0, 50, 50), score=0.5),))
        >>> precision = average_precision([box, None], [box, box])  # doctest: +SKIP
        >>> round(precision(np.array([0, 1])), 3), precision(np.array([0, 0]))  # doctest: +SKIP
        (0.505, 1.0)
    """
    truth, rows = _laid_out(found, true)
    package = installed()
    gold = package.COCO(truth)
    run = package.COCOeval_faster(gold, gold.loadRes(rows), "bbox", separate_eval=True)
    asked = run.params
    asked.areaRng, asked.areaRngLbl, asked.maxDets = asked.areaRng[:1], ["all"], [100]
    if least is not None:
        asked.iouThrs = np.array([least])
    run.evaluate()
    there = np.zeros((len(truth["categories"]), len(true)), bool)
    for one in (*truth["annotations"], *rows):
        there[one["category_id"] - 1, one["image_id"] - 1] = True
    matched = np.empty(there.size, object)
    # By label, then by picture; the package has no public name for it.
    matched[:] = run._evalImgs_cpp
    matched = matched.reshape(there.shape)
    nothing = matched[~there].tolist()[:1]

    def precision(drawn: NDArray[np.intp]) -> float:
        # A label's pictures without a box of it add nothing; without them many labels cost no more than one.
        kept = [of[drawn[has[drawn]]].tolist() for of, has in zip(matched, there, strict=True)]
        most = max(map(len, kept))
        run._evalImgs_cpp = [one for ones in kept for one in (*ones, *nothing * (most - len(ones)))]
        run._paramsEval.imgIds = list(range(most))
        run.accumulate()
        values = run.eval["precision"]
        known = values[values > -1]  # -1: no true box of the label
        return float(known.mean()) if len(known) else float("nan")

    return precision


def _laid_out(
    found: Sequence[Detections | None], true: Sequence[Detections]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the truth and the found boxes as COCO's files hold them; pictures and labels count from 1."""
    if len(found) != len(true) or not any(true):
        raise InputError(
            f"expected as many found as true pictures, with at least one box, got {len(found)} and {len(true)}",
            code="pictures",
        )
    given = [() if one is None else one.items for one in found]
    there = [one.items for one in true]
    labels = sorted({box.label for picture in (*given, *there) for box in picture})
    codes = {label: code for code, label in enumerate(labels, 1)}
    truth = {
        "images": [{"id": number} for number in range(1, len(true) + 1)],
        "categories": [{"id": code, "name": label} for label, code in codes.items()],
        "annotations": [
            {**row, "id": number, "iscrowd": 0} for number, row in enumerate(_rows(there, codes), 1)
        ],
    }
    rows = list(_rows(given, codes))
    if any(row["score"] is None for row in rows):
        raise InputError("expected a score on every found box", code="scores", where="found")
    return truth, rows


def _rows(
    pictures: Sequence[Sequence[Detection]], codes: dict[str, int]
) -> Iterator[dict[str, Any]]:
    for number, boxes in enumerate(pictures, 1):
        for one in boxes:
            if not isinstance(one.box, Box2D):
                raise InputError(f"expected 2D boxes, got {type(one.box).__name__}", code="box")
            yield {
                "image_id": number,
                "category_id": codes[one.label],
                "bbox": [one.box.x1, one.box.y1, one.box.x2 - one.box.x1, one.box.y2 - one.box.y1],
                "area": one.box.area,
                "score": one.score,
            }


def installed() -> Any:
    """Return the package that counts.

    Raises:
        MissingExtraError: faster-coco-eval is not installed.
    """
    try:  # by name: a pure layer holds no import of it
        return importlib.import_module("faster_coco_eval")
    except ImportError as cause:
        raise MissingExtraError(
            "expected the package faster-coco-eval, which is not installed; pip install 'umit[coco]'"
        ) from cause
