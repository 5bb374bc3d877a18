"""COCO's average precision, by faster-coco-eval (extra ``coco``), equal to pycocotools."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from umit.errors import InputError
from umit.metrics.bootstrap import Rows
from umit.metrics.metric import package

__all__ = ["average_precision"]


def average_precision(
    found: NDArray[np.float64], true: NDArray[np.float64], pictures: int, *, least: float | None = None
) -> Callable[[Rows], float]:
    """Return what gives COCO's average precision of pictures drawn from these, some of them more than once.

    Boxes are matched here, once for all draws. Found boxes of one score are ranked in their order.

    Args:
        found: Label as a whole number, picture from 0, x1, y1, x2, y2 and score of each found box, shape (boxes, 7).
        true: Label, picture and corners of each true box, shape (boxes, 6).
        pictures: How many there are.
        least: One overlap to count at, such as 0.5; ``None`` for the mean over COCO's ten, 0.50, 0.55 … 0.95.

    Returns:
        A function of the numbers of pictures to a value from 0 to 1, the mean over labels; ``nan`` where none of the
        pictures has a true box.

    Raises:
        InputError: No found box or no true one.
        MissingExtraError: faster-coco-eval is not installed.
    """
    if not len(found) or not len(true):
        raise InputError(
            f"expected at least one found and one true box, got {len(found)} and {len(true)}", code="boxes"
        )
    # As text, in COCO's order: the mean over labels is rounded in the order in which they stand.
    labels = sorted({f"{label:g}" for label in (*found[:, 0], *true[:, 0])})
    said, gold = _rows(found, labels), _rows(true, labels)
    run = _evaluated(said, gold, len(labels), pictures, least)
    there = np.zeros((len(labels), pictures), bool)
    for one in (*gold, *said):
        there[one["category_id"] - 1, one["image_id"] - 1] = True
    matched = np.empty(there.size, object)
    # By label, then by picture; the package has no public name for it.
    matched[:] = run._evalImgs_cpp
    matched = matched.reshape(there.shape)
    nothing = matched[~there].tolist()[:1]

    def precision(drawn: Rows) -> float:
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


def _evaluated(
    said: list[dict[str, Any]], gold: list[dict[str, Any]], labels: int, pictures: int, least: float | None
) -> Any:  # fmt: skip
    """Return COCO's evaluation after it has matched the boxes of each picture and label, of any size."""
    coco = package("faster_coco_eval", "coco")
    truth = coco.COCO(
        {
            "images": [{"id": number} for number in range(1, pictures + 1)],
            "categories": [{"id": code, "name": str(code)} for code in range(1, labels + 1)],
            "annotations": [{**row, "id": n, "iscrowd": 0} for n, row in enumerate(gold, 1)],
        }
    )
    run = coco.COCOeval_faster(truth, truth.loadRes(said), "bbox", separate_eval=True)
    asked = run.params
    asked.areaRng, asked.areaRngLbl, asked.maxDets = asked.areaRng[:1], ["all"], [100]
    if least is not None:
        asked.iouThrs = np.array([least])
    run.evaluate()
    return run


def _rows(boxes: NDArray[np.float64], labels: list[str]) -> list[dict[str, Any]]:
    """Return boxes as COCO's files hold them; pictures and labels count from 1 there."""
    return [
        {
            "image_id": int(picture) + 1,
            "category_id": labels.index(f"{label:g}") + 1,
            "bbox": [x1, y1, x2 - x1, y2 - y1],
            "area": (x2 - x1) * (y2 - y1),
            "score": score[0] if score else 1.0,
        }
        for label, picture, x1, y1, x2, y2, *score in boxes.tolist()
    ]
