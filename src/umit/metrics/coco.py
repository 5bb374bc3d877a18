"""COCO's average precision and recall, by faster-coco-eval (extra ``coco``), equal to pycocotools."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from umit.errors import InputError, MissingExtraError
from umit.geometry import Box2D
from umit.results import Detection, Detections

__all__ = ["CocoScores", "coco_scores", "installed", "precision_of_drawn"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CocoScores:
    """COCO's twelve numbers, each from 0 to 1; ``nan`` where no true box is of that size.

    Args:
        ap: Average precision, the mean over overlaps 0.50, 0.55 … 0.95 and over labels: "mAP".
        ap_50: At an overlap of 0.5.
        ap_75: At an overlap of 0.75.
        ap_small: Of true boxes under 32 × 32 pixels.
        ap_medium: Of those up to 96 × 96 pixels.
        ap_large: Of larger ones.
        ar_1: Average recall with the surest box of a picture and label.
        ar_10: With ten.
        ar_100: With a hundred.
        ar_small: Of true boxes under 32 × 32 pixels.
        ar_medium: Of those up to 96 × 96 pixels.
        ar_large: Of larger ones.
    """

    ap: float
    ap_50: float
    ap_75: float
    ap_small: float
    ap_medium: float
    ap_large: float
    ar_1: float
    ar_10: float
    ar_100: float
    ar_small: float
    ar_medium: float
    ar_large: float


def coco_scores(
    found: Sequence[Detections | None], true: Sequence[Detections], *, use_scores: bool = True
) -> CocoScores:
    """Return COCO's numbers over pictures with labelled boxes.

    A box without a score gets 1.0, as is usual for language models; the numbers then depend on the order of
    pictures and boxes, by some hundredths, and are not comparable with those of a detector that ranks its boxes.

    Args:
        found: One a picture; ``None`` for an unreadable answer, which finds nothing.
        true: One a picture; labels spelled as in ``found``.
        use_scores: Whether to rank by the boxes' scores where all have one.

    Returns:
        The twelve numbers.

    Raises:
        InputError: Not as many of one as of the other, no true box, a box that is not 2D, or scores on some
            boxes only.
        MissingExtraError: faster-coco-eval is not installed.

    Example:
        >>> from umit.results import Detection, Detections
        >>> box = Detections(items=(Detection(label="nodule", box=Box2D(0, 0, 50, 50)),))
        >>> scores = coco_scores([box, None], [box, box])  # doctest: +SKIP
        >>> round(scores.ap, 3)  # doctest: +SKIP
        0.505
    """
    return _measured(*_laid_out(found, true, use_scores))


def precision_of_drawn(
    found: Sequence[Detections | None], true: Sequence[Detections], *, least: float | None = None
) -> Callable[[NDArray[np.intp]], float]:
    """Return what gives the average precision of pictures drawn from these, some of them more than once.

    Boxes are matched here, once for all draws. What comes out is :attr:`CocoScores.ap` of the drawn pictures one
    after another, to the last bit.

    Args:
        found: As for :func:`coco_scores`, with at least one box.
        true: As for :func:`coco_scores`.
        least: One overlap to count at, such as 0.5; ``None`` for the mean over COCO's ten.

    Returns:
        A function of the numbers of pictures from 0, in the order in which they are drawn; ``nan`` where none of
        them has a true box.

    Raises:
        InputError: As for :func:`coco_scores`.
        MissingExtraError: faster-coco-eval is not installed.
    """
    truth, rows = _laid_out(found, true, True)
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
    found: Sequence[Detections | None], true: Sequence[Detections], use_scores: bool
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the truth and the found boxes as COCO's files hold them; pictures and labels count from 1."""
    if len(found) != len(true) or not any(true):
        raise InputError(
            f"expected as many found as true pictures, with at least one box, got {len(found)} and {len(true)}",
            code="pictures",
        )
    given = [() if one is None else one.items for one in found]
    there = [one.items for one in true]
    ranked = use_scores and _all_scored([box for picture in given for box in picture])
    labels = sorted({box.label for picture in (*given, *there) for box in picture})
    codes = {label: code for code, label in enumerate(labels, 1)}
    truth = {
        "images": [{"id": number} for number in range(1, len(true) + 1)],
        "categories": [{"id": code, "name": label} for label, code in codes.items()],
        "annotations": [
            {**row, "id": number, "iscrowd": 0}
            for number, row in enumerate(_rows(there, codes, False), 1)
        ],
    }
    return truth, list(_rows(given, codes, ranked))


def _all_scored(boxes: Sequence[Detection]) -> bool:
    scored = sum(box.score is not None for box in boxes)
    if scored not in (0, len(boxes)):
        raise InputError(
            f"expected a score on all boxes or on none, got {scored} of {len(boxes)}",
            code="scores",
            where="found",
            hint="Pass use_scores=False to rank by order.",
        )
    return scored > 0


def _rows(
    pictures: Sequence[Sequence[Detection]], codes: dict[str, int], ranked: bool
) -> Iterator[dict[str, Any]]:
    for number, boxes in enumerate(pictures, 1):
        for one in boxes:
            if not isinstance(one.box, Box2D):
                raise InputError(
                    f"expected 2D boxes, got {type(one.box).__name__}",
                    code="box",
                    hint="For volumes use mean_iou and hit_rate.",
                )
            yield {
                "image_id": number,
                "category_id": codes[one.label],
                "bbox": [one.box.x1, one.box.y1, one.box.x2 - one.box.x1, one.box.y2 - one.box.y1],
                "area": one.box.area,
                "score": one.score if ranked else 1.0,
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


def _measured(truth: dict[str, Any], rows: list[dict[str, Any]]) -> CocoScores:
    package = installed()
    gold = package.COCO(truth)
    run = package.COCOeval_faster(gold, gold.loadRes(rows), "bbox")
    run.run()
    values = [float(value) for value in run.stats[:12]]
    names = [field.name for field in fields(CocoScores)]
    # -1 stands for no true box of that size.
    return CocoScores(
        **{
            name: value if value >= 0 else float("nan")
            for name, value in zip(names, values, strict=True)
        }
    )
