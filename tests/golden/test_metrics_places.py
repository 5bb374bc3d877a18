"""Box and landmark metrics against the recorded output of the reference scorers."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from umit.errors import InputError
from umit.geometry import Box2D, Box3D, Point2D, iou
from umit.metrics import boxes, boxes_m3d, froc, landmarks
from umit.metrics.coco import CocoScores, coco_scores
from umit.metrics.kaggle import rsna_score
from umit.results import Detection, Detections

pytestmark = pytest.mark.shared

Golden = Callable[[str], Any]

EXACT = 1e-12
#: README: torchvision adds 1e-7 to the divisors of DIoU and CIoU.
STABILISED = 1e-6
#: MONAI computes 3D overlaps in float32.
SINGLE = 2e-6


@pytest.fixture(scope="module")
def golden(shared: Path) -> Golden:
    folder = shared / "golden" / "metrics"
    return lambda name: json.loads((folder / f"{name}.json").read_text("utf-8"))


def near(value: object, tolerance: float = EXACT) -> Any:
    return pytest.approx(value, abs=tolerance, rel=0)


def _films(corners: Sequence[Sequence[float]]) -> list[Box2D]:
    return [Box2D(*one) for one in corners]


# --- detection_2d: one box a question -----------------------------------------------------------------------------


def _box(corners: Sequence[float]) -> Box2D | Box3D | None:
    """A box, or None where the reference's has no extent, which umit refuses to make."""
    kind = Box2D if len(corners) == 4 else Box3D
    half = len(corners) // 2
    if all(low < high for low, high in zip(corners[:half], corners[half:], strict=True)):
        return kind(*corners)
    with pytest.raises(InputError) as refused:
        kind(*corners)
    assert refused.value.code == "box"
    return None


def test_overlaps_of_pairs(golden: Golden) -> None:
    flat = 0
    for pair in golden("detection_2d")["rec_pairs"]:
        true, found = _box(pair["gt"]), _box(pair["pred"])
        if true is None or found is None:
            flat += 1
            assert pair["iou"] in (0.0, "NaN")  # what no box scores; NaN is counted as 0
            continue
        assert isinstance(true, Box2D) and isinstance(found, Box2D)
        assert iou(found, true) == near(pair["iou"])
        assert boxes.giou(found, true) == near(pair["giou"])
        assert boxes.diou(found, true) == near(pair["diou"], STABILISED)
        assert boxes.ciou(found, true) == near(pair["ciou"], STABILISED)
    assert flat == 2


def test_one_box_a_question(golden: Golden) -> None:
    data = golden("detection_2d")
    pairs, expected = data["rec_pairs"], data["rec"]
    usable = [(_box(pair["gt"]) or Box2D(0, 0, 1, 1), pair) for pair in pairs]
    found = [_box(pair["pred"]) if _box(pair["gt"]) else None for pair in pairs]
    overlaps = boxes.paired_iou(found, [true for true, _ in usable])
    assert len(overlaps) == expected["n"]
    assert boxes.mean_iou(overlaps) == near(expected["mean_iou"])
    for least in (0.25, 0.5, 0.75):
        assert boxes.hit_rate(overlaps, least) == near(expected[f"acc_ge_{least}"])
    assert boxes.hit_rate(overlaps, 0.5, strict=True) == near(expected["acc_gt_0.5"])
    more = (*overlaps, *boxes.paired_iou([None] * 5, [Box2D(0, 0, 1, 1)] * 5))
    worse = expected["with_5_unparsed"]
    assert len(more) == worse["n"]
    assert boxes.mean_iou(more) == near(worse["mean_iou"])
    assert boxes.hit_rate(more, 0.5) == near(worse["acc_ge_05"])


# --- detection_2d: many boxes a picture ---------------------------------------------------------------------------


def test_kaggle_score(golden: Golden) -> None:
    data = golden("detection_2d")
    pictures = {one["image_id"]: one for one in data["images"]}
    values: dict[str, list[float | None]] = {name: [] for name in data["kaggle"]}
    for expected in data["kaggle_per_image"]:
        one = pictures[expected["image_id"]]
        found, true, scores = _films(one["pred"]), _films(one["gt"]), one["score"]
        got = {
            "kaggle": rsna_score(found, true, scores=scores, ties="reversed"),
            "kaggle_all_scores_one": rsna_score(
                found, true, scores=[1.0] * len(found), ties="reversed"
            ),
            "kaggle_output_order": rsna_score(found, true),
            "kaggle_at_050": rsna_score(
                found, true, scores=scores, ties="reversed", thresholds=[0.5]
            ),
        }
        for name, value in got.items():
            same = value is expected[name] if value is None else value == near(expected[name])
            assert same, (one["name"], name)
            values[name].append(value)
    for name, total in data["kaggle"].items():
        kept = [value for value in values[name] if value is not None]
        assert len(kept) == total["n"]
        assert math.fsum(kept) / len(kept) == near(total["mean"])


_COCO = {
    "AP": "ap", "AP50": "ap_50", "AP75": "ap_75",
    "AP_small": "ap_small", "AP_medium": "ap_medium", "AP_large": "ap_large",
    "AR1": "ar_1", "AR10": "ar_10", "AR100": "ar_100",
    "AR_small": "ar_small", "AR_medium": "ar_medium", "AR_large": "ar_large",
}  # fmt: skip


def _detections(corners: Sequence[Sequence[float]], scores: Sequence[float | None]) -> Detections:
    return Detections(
        items=tuple(
            Detection(label="pneumonia", box=Box2D(*one), score=score)
            for one, score in zip(corners, scores, strict=True)
        )
    )


def test_coco(golden: Golden) -> None:
    pytest.importorskip("faster_coco_eval", reason="the extra umit[coco] is not installed")
    data = golden("detection_2d")
    found = [_detections(one["pred"], one["score"]) for one in data["images"]]
    true = [_detections(one["gt"], [None] * len(one["gt"])) for one in data["images"]]
    there = [number for number, one in enumerate(true) if one]
    got = {
        "with_scores": coco_scores(found, true),
        "all_scores_one": coco_scores(found, true, use_scores=False),
        "only_images_with_truth": coco_scores([found[i] for i in there], [true[i] for i in there]),
    }
    assert got.keys() == data["coco"].keys()
    for case, scorers in data["coco"].items():
        assert scorers["pycocotools"] == scorers["faster_coco_eval"]
        assert scorers["pycocotools"].keys() == _COCO.keys()
        assert set(_COCO.values()) == set(CocoScores.__slots__)
        for printed, name in _COCO.items():
            expected, value = scorers["pycocotools"][printed], getattr(got[case], name)
            assert value == near(expected) if expected >= 0 else math.isnan(value), (case, printed)


# --- detection_3d -------------------------------------------------------------------------------------------------


def _m3d_order(corners: Sequence[int]) -> tuple[int, ...]:
    x1, y1, z1, x2, y2, z2 = corners
    return z1, y1, x1, z2, y2, x2


def test_overlaps_of_volumes(golden: Golden) -> None:
    flat = 0
    for pair in golden("detection_3d")["pairs"]:
        expected, normalised = pair["expected"], pair["expected"]["m3d_normalised_dhw"]
        whole = [boxes.inclusive(pair[side]) for side in ("pred", "gt")]
        assert iou(*whole) == near(expected["true_iou_inclusive_voxels"])
        assert boxes_m3d.m3d_iou(pair["pred"], pair["gt"]) == near(
            expected["m3d_calculate_iou_voxels"]
        )
        written = [
            boxes_m3d.m3d_fractions(_m3d_order(pair[side]), (32, 256, 256))
            for side in ("pred", "gt")
        ]
        assert written == [tuple(normalised["pred"]), tuple(normalised["gt"])]
        assert boxes_m3d.m3d_iou(*written) == near(normalised["m3d_calculate_iou"])
        found, true = _box(pair["pred"]), _box(pair["gt"])
        if found is None or true is None:
            flat += 1
            recorded = [expected["true_iou_halfopen"], expected["giou_halfopen"]]
            single = list(expected["monai_float32"].values())
            assert [*recorded, *single, normalised["true_iou"]] == [0.0] * 5
            continue
        assert iou(found, true) == near(expected["true_iou_halfopen"])
        assert boxes.giou(found, true) == near(expected["giou_halfopen"])
        assert iou(found, true) == near(expected["monai_float32"]["iou"], SINGLE)
        assert boxes.giou(found, true) == near(expected["monai_float32"]["giou"], SINGLE)
        assert iou(Box3D(*written[0]), Box3D(*written[1])) == near(normalised["true_iou"])
    assert flat == 2


def test_totals_of_volumes(golden: Golden) -> None:
    data = golden("detection_3d")
    pairs, expected = data["pairs"], data["aggregate"]
    sides = [[pair[side] for pair in pairs] for side in ("pred", "gt")]
    true = [boxes.inclusive(one) for one in sides[1]]
    inclusive = boxes.paired_iou([boxes.inclusive(one) for one in sides[0]], true)
    half_open = [
        0.0 if (a := _box(pred)) is None or (b := _box(gold)) is None else iou(a, b)
        for pred, gold in zip(*sides, strict=True)
    ]
    m3d = [boxes_m3d.m3d_iou(pred, gold) for pred, gold in zip(*sides, strict=True)]
    assert boxes.mean_iou(inclusive) == near(expected["mean_true_inclusive"])
    assert boxes.mean_iou(half_open) == near(expected["mean_true_halfopen"])
    assert boxes.mean_iou(m3d) == near(expected["mean_m3d"])
    assert boxes.hit_rate(inclusive, 0.25) == near(expected["acc25_inclusive"])
    assert boxes.hit_rate(inclusive, 0.5) == near(expected["acc50_inclusive"])


def test_m3d_spelling(golden: Golden) -> None:
    data = golden("detection_3d")
    assert len(data["extract_box_from_text"]) == 10
    for case in data["extract_box_from_text"]:
        got = boxes_m3d.read_m3d_box(case["text"])
        assert (None if got is None else list(got)) == case["box"], case["text"]
    for case in data["mask2box"]:
        start, size = case["filled_start"], case["filled_size"]
        last = [low + extent - 1 for low, extent in zip(start, size, strict=True)]
        got = boxes_m3d.m3d_fractions([*start, *last], case["shape"])
        assert list(got) == near(case["mask2box"])


# --- detection_froc -----------------------------------------------------------------------------------------------


def test_froc(golden: Golden) -> None:
    cases = golden("detection_froc")["cases"]
    assert len(cases) == 5
    for case in cases:
        hits, false, pictures = case["tp_probs"], case["fp_probs"], case["n_images"]
        assert len(hits) == case["n_targets"]
        curve = froc.froc_curve(hits, false, pictures, protocol="MONAI")
        assert list(curve.false_positives) == near(case["fps_per_image"])
        assert list(curve.sensitivity) == near(case["sensitivity"])
        eighth = froc.froc_score(curve, froc.LUNA16_RATES)
        quarter = froc.froc_score(curve, froc.CAMELYON16_RATES)
        assert eighth == near(case["froc_score_eighth_to_8"])
        assert quarter == near(case["froc_score_default_quarter_to_8"])
        # Ours has MONAI's points, and one more where every truth was hit: its lowest confidence.
        ours = froc.froc_curve([one or None for one in hits], false, pictures)
        points = [list(zip(one.threshold, one.sensitivity, strict=True)) for one in (curve, ours)]
        assert points[1][-len(points[0]) :] == points[0]
        assert len(points[1]) - len(points[0]) == int(0.0 not in hits)


def test_froc_hits(golden: Golden) -> None:
    cases = golden("detection_froc")["cases"][:2]
    for case, with_truth in zip(cases, (False, True), strict=True):
        hits: list[float] = []
        false: list[float] = []
        pictures = [one for one in golden("detection_2d")["images"] if one["gt"] or not with_truth]
        for one in pictures:
            found, wrong = froc.hits_by_centre(_films(one["pred"]), one["score"], _films(one["gt"]))
            hits += [score or 0.0 for score in found]
            false += wrong
        assert len(pictures) == case["n_images"]
        assert hits == case["tp_probs"]
        assert false == case["fp_probs"]


# --- landmarks ----------------------------------------------------------------------------------------------------

POINTS = 1e-9
FILM, FRAME = (1935, 2400), (600, 800)


def _scaled(points: Any, size: tuple[int, int], to: tuple[int, int]) -> list[list[float]]:
    return [[x * to[0] / size[0], y * to[1] / size[1]] for x, y in points]


def _errors(found: Any, true: Any, spacing: tuple[float, float]) -> list[float]:
    return [
        landmarks.distance_mm(Point2D(*a), Point2D(*b), spacing=spacing)
        for a, b in zip(found, true, strict=True)
    ]


def _film_errors(data: Any, case: str) -> list[list[float]]:
    """Errors of each film in mm, computed in the frame that the case names."""
    expected = data["expected"][case]
    spacing = expected["mm_per_px"]["x"], expected["mm_per_px"]["y"]
    if case == "boundaries":
        return [_errors(expected["pred"], expected["gt"], spacing)]
    true = {"gt_senior": "senior", "gt_ceil_mean": "gt_ceil_mean"}.get(case, "gt_mean")
    in_frame = case in ("anisotropic_600x800", "wrong_isotropic_for_comparison")
    return [
        _errors(film["pred_600x800"], _scaled(film[true], FILM, FRAME), spacing)
        if in_frame
        else _errors(_scaled(film["pred_600x800"], FRAME, FILM), film[true], spacing)
        for film in data["films"]
    ]


CASES = (
    "anisotropic_600x800",
    "original_pixels",
    "gt_ceil_mean",
    "gt_senior",
    "wrong_isotropic_for_comparison",
    "boundaries",
)


def _percent(rates: Sequence[float]) -> list[float]:
    return [100 * rate for rate in rates]


@pytest.mark.parametrize("case", CASES)
def test_radial_errors(golden: Golden, case: str) -> None:
    data = golden("landmarks")
    assert data["expected"].keys() == set(CASES)
    expected, names = data["expected"][case], data["landmark_names"]
    films = _film_errors(data, case)
    assert films == [near(film, POINTS) for film in expected["radial_mm"]]
    errors = [error for film in films for error in film]
    le, lt = landmarks.radial(errors), landmarks.radial(errors, strict=True)
    miracle, pooled, cephmark = expected["miracle"], expected["pooled"], expected["cephmark"]
    assert [le.mean] * 3 == near([one["mre"] for one in (miracle, pooled, cephmark)], POINTS)
    assert _percent(lt.rates) == near(miracle["sdr_percent_strict"], POINTS)
    assert _percent(le.rates) == near(pooled["sdr_percent_le"], POINTS)
    assert _percent(le.rates) == near(cephmark["sdr_percent_le"], POINTS)
    assert le.sd == near(pooled["sd_population"], POINTS)
    assert le.sd * math.sqrt(le.n / (le.n - 1)) == near(pooled["sd_sample"], POINTS)
    each = landmarks.by_landmark(names * len(films), errors)
    assert landmarks.mean_landmark_sd(each) == near(cephmark["sd_mean_of_landmark_sd"], POINTS)
    for one in expected["per_landmark"]:
        got = each[one["name"]]
        assert got.mean == near(one["mre"], POINTS)
        assert got.sd == near(one["sd"], POINTS)
        assert _percent(got.rates) == near(one["sdr_percent_le"], POINTS)
    assert len(each) == len(expected["per_landmark"]) == 19
    owners = [str(i) for i, film in enumerate(films) for _ in film]
    means = [one.mean for one in landmarks.by_landmark(owners, errors).values()]
    assert means == near(expected["per_film_mre"], POINTS)


def test_points_that_could_not_be_read(golden: Golden) -> None:
    data = golden("landmarks")
    expected, names = data["missing"], data["landmark_names"]
    lost = {(film, index) for film, index in expected["missing"]}
    errors = [
        None if (film["film"], index) in lost else error
        for film, row in zip(data["films"], _film_errors(data, CASES[0]), strict=True)
        for index, error in enumerate(row)
    ]
    got = landmarks.radial(errors)
    assert (got.n, got.read) == (expected["n_total"], expected["n_parsed"])
    assert got.read / got.n == near(expected["parse_rate"], POINTS)
    assert got.mean == near(expected["mre_parsed"], POINTS)
    assert got.sd == near(expected["sd_parsed"], POINTS)
    assert _percent(got.rates) == near(expected["sdr_percent_missing_as_miss"], POINTS)
    parsed = landmarks.radial([one for one in errors if one is not None])
    assert _percent(parsed.rates) == near(expected["sdr_percent_parsed_only"], POINTS)
    each = landmarks.by_landmark(names * len(data["films"]), errors)
    for one in expected["per_landmark"]:
        mine = each[one["name"]]
        assert mine.read == one["n_parsed"]
        assert 100 * mine.rates[0] == near(one["sdr2_missing_as_miss"], POINTS)
        if one["mre"] is None:
            assert math.isnan(mine.mean)
        else:
            assert mine.mean == near(one["mre"], POINTS)


def test_canvas_floor_on_real_points(golden: Golden) -> None:
    floor = landmarks.canvas_floor_mm(FRAME, FILM, (0.1, 0.1))
    films = [film["gt_mean"] for film in golden("landmarks")["films"]]
    written = [
        [[math.floor(v + 0.5) for v in point] for point in _scaled(film, FILM, FRAME)]
        for film in films
    ]
    errors = [
        error
        for numbers, film in zip(written, films, strict=True)
        for error in _errors(_scaled(numbers, FRAME, FILM), film, (0.1, 0.1))
    ]
    assert landmarks.radial(errors).mean == pytest.approx(floor, rel=0.05)
