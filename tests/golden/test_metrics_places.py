"""Box and landmark metrics against the recorded output of the reference scorers."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from umit.errors import InputError
from umit.geometry import Box2D, Box3D, Point2D, Space, iou
from umit.metrics import froc, landmarks
from umit.metrics.boxes import m3d_iou, matched_iou, rsna_score
from umit.metrics.metric import Pair
from umit.queries import Find, Locate
from umit.results import Detection, Detections, Landmark, Landmarks
from umit.tasks.table import TASKS

pytestmark = pytest.mark.shared

Golden = Callable[[str], Any]

EXACT = 1e-12
#: MONAI computes 3D overlaps in float32.
SINGLE = 2e-6


@pytest.fixture(scope="module")
def golden(shared: Path) -> Golden:
    folder = shared / "golden" / "metrics"
    return lambda name: json.loads((folder / f"{name}.json").read_text("utf-8"))


def near(value: object, tolerance: float = EXACT) -> Any:
    return pytest.approx(value, abs=tolerance, rel=0)


def _numbers(task: str, pairs: Sequence[Pair[Any]]) -> dict[str, float]:
    """The task's own numbers, by name; of two with one name the first."""
    return {metric.name: metric(pairs) for metric in reversed(TASKS[task].metrics)}


def _films(corners: Sequence[Sequence[float]]) -> list[Box2D]:
    return [Box2D(*one) for one in corners]


def _detections(boxes: Sequence[Any], scores: Sequence[float] | None = None) -> Detections:
    return Detections(
        items=tuple(
            Detection(label="lesion", box=box, score=None if scores is None else scores[number])
            for number, box in enumerate(boxes)
            if box is not None
        )
    )


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


# --- detection_2d -------------------------------------------------------------------------------------------------


def test_one_box_a_question(golden: Golden) -> None:
    data = golden("detection_2d")
    overlaps, pairs = [], []
    for one in data["rec_pairs"]:
        true, found = _box(one["gt"]), _box(one["pred"])
        if true is None or found is None:  # what no box scores; NaN is counted as 0
            assert one["iou"] in (0.0, "NaN")
            true, found = Box2D(0, 0, 1, 1), None
        else:
            assert iou(found, true) == near(one["iou"])
        overlaps += matched_iou([] if found is None else [found], [true])
        pairs.append(Pair(Find("lesion"), _detections([true]), _detections([found])))
    expected, got = data["rec"], _numbers("detect_2d", pairs)
    assert len(overlaps) == expected["n"] and sum(overlaps) / len(overlaps) == near(expected["mean_iou"])
    assert got["mean IoU"] == near(expected["mean_iou"])
    for least in (0.25, 0.5, 0.75):
        assert got[f"Acc@{least}"] == near(expected[f"acc_ge_{least}"])
    unread = [Pair(Find("lesion"), _detections([Box2D(0, 0, 1, 1)]), None)] * 5
    worse, got = expected["with_5_unparsed"], _numbers("detect_2d", [*pairs, *unread])
    assert len(pairs) + 5 == worse["n"]
    assert got["mean IoU"] == near(worse["mean_iou"])
    assert got["Acc@0.5"] == near(worse["acc_ge_05"])


def test_kaggle_score(golden: Golden) -> None:
    data = golden("detection_2d")
    pictures = {one["image_id"]: one for one in data["images"]}
    values: dict[str, list[float | None]] = {}
    for expected in data["kaggle_per_image"]:
        one = pictures[expected["image_id"]]
        found, true = _films(one["pred"]), _films(one["gt"])
        # The kernel sorts by confidence, falling, and so turns boxes of one confidence round.
        surest = [found[i] for i in np.argsort(one["score"], kind="stable")[::-1]]
        got = {
            "kaggle": rsna_score(surest, true),
            "kaggle_all_scores_one": rsna_score(found[::-1], true),
            "kaggle_output_order": rsna_score(found, true),
        }
        for name, value in got.items():
            same = value is expected[name] if value is None else value == near(expected[name])
            assert same, (one["name"], name)
            values.setdefault(name, []).append(value)
    for name, each in values.items():
        kept = [value for value in each if value is not None]
        assert len(kept) == data["kaggle"][name]["n"]
        assert math.fsum(kept) / len(kept) == near(data["kaggle"][name]["mean"])
    pairs = [
        Pair(Find("lesion"), _detections(_films(one["gt"])), _detections(_films(one["pred"]))) for one in data["images"]
    ]
    expected = data["kaggle"]["kaggle_output_order"]["mean"]
    assert _numbers("detect_2d", pairs)["mean score"] == near(expected)


def test_coco(golden: Golden) -> None:
    pytest.importorskip("faster_coco_eval", reason="the extra umit[coco] is not installed")
    data = golden("detection_2d")
    found = [_detections(_films(one["pred"]), one["score"]) for one in data["images"]]
    ones = [_detections(_films(o["pred"]), [1.0] * len(o["pred"])) for o in data["images"]]
    true = [_detections(_films(one["gt"])) for one in data["images"]]
    there = [number for number, one in enumerate(true) if one]
    cases = {
        "with_scores": (found, true),
        "all_scores_one": (ones, true),
        "only_images_with_truth": ([found[i] for i in there], [true[i] for i in there]),
    }
    assert cases.keys() == data["coco"].keys()
    for case, (said, gold) in cases.items():
        recorded = data["coco"][case]
        assert recorded["pycocotools"] == recorded["faster_coco_eval"]
        pairs = [Pair(Find("lesion"), t, f) for t, f in zip(gold, said, strict=True)]
        got = _numbers("detect_2d", pairs)
        assert got["mAP"] == near(recorded["pycocotools"]["AP"])
        assert got["AP@0.5"] == near(recorded["pycocotools"]["AP50"])


# --- detection_3d -------------------------------------------------------------------------------------------------


def test_overlaps_of_volumes(golden: Golden) -> None:
    flat, m3d, half_open = 0, [], []
    data = golden("detection_3d")
    for pair in data["pairs"]:
        expected, normalised = pair["expected"], pair["expected"]["m3d_normalised_dhw"]
        # umit's boxes end past the last voxel: of M3D's whole numbers one further.
        ends = [Box3D(*pair[k][:3], *(v + 1 for v in pair[k][3:])) for k in ("pred", "gt")]
        assert iou(*ends) == near(expected["true_iou_inclusive_voxels"])
        m3d.append(m3d_iou(pair["pred"], pair["gt"]))
        assert m3d[-1] == near(expected["m3d_calculate_iou_voxels"])
        written = normalised["pred"], normalised["gt"]
        assert m3d_iou(*written) == near(normalised["m3d_calculate_iou"])
        found, true = _box(pair["pred"]), _box(pair["gt"])
        half_open.append(0.0 if found is None or true is None else iou(found, true))
        assert half_open[-1] == near(expected["true_iou_halfopen"])
        assert half_open[-1] == near(expected["monai_float32"]["iou"], SINGLE)
        flat += found is None or true is None
        apart = 0.0 if found is None or true is None else iou(*(Box3D(*one) for one in written))
        assert apart == near(normalised["true_iou"])
    assert flat == 2
    assert sum(half_open) / len(half_open) == near(data["aggregate"]["mean_true_halfopen"])
    assert sum(m3d) / len(m3d) == near(data["aggregate"]["mean_m3d"])


def test_totals_of_volumes(golden: Golden) -> None:
    data = golden("detection_3d")
    sides = [
        [_detections([Box3D(*p[k][:3], *(v + 1 for v in p[k][3:]))]) for p in data["pairs"]] for k in ("gt", "pred")
    ]
    pairs = [Pair(Find("lesion"), true, found) for true, found in zip(*sides, strict=True)]
    got, expected = _numbers("detect_3d", pairs), data["aggregate"]
    assert got["mean IoU"] == near(expected["mean_true_inclusive"])
    assert got["Acc@0.25"] == near(expected["acc25_inclusive"])
    assert got["Acc@0.5"] == near(expected["acc50_inclusive"])


# --- detection_froc -----------------------------------------------------------------------------------------------


def test_froc(golden: Golden) -> None:
    cases = golden("detection_froc")["cases"]
    assert len(cases) == 5
    for case in cases:
        hits, false, pictures = case["tp_probs"], case["fp_probs"], case["n_images"]
        assert len(hits) == case["n_targets"]
        curve = froc.froc_curve([one or None for one in hits], false, pictures)
        # Ours has MONAI's points, and one more where every truth was hit: its lowest confidence.
        points = list(zip(curve.false_positives, curve.sensitivity, strict=True))
        expected = list(zip(case["fps_per_image"], case["sensitivity"], strict=True))
        more = len(points) - len(expected)
        assert more == int(0.0 not in hits)
        for point, recorded in zip(points[more:], expected, strict=True):
            assert point == near(recorded)
        if not more:
            assert froc.froc_score(curve) == near(case["froc_score_eighth_to_8"])


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


def _points(found: Any, true: Any, spacing: tuple[float, float], names: Any) -> list[Pair[Any]]:
    space = Space(size=FILM, spacing=spacing)
    return [
        Pair(
            Locate(name), *(Landmarks(items=(Landmark(name=name, point=Point2D(*one, space=space)),)) for one in (b, a))
        )
        for name, a, b in zip(names, found, true, strict=True)
    ]


def _film_pairs(data: Any, case: str) -> list[list[Pair[Any]]]:
    """Points of each film, in the frame that the case names."""
    expected, names = data["expected"][case], data["landmark_names"]
    spacing = expected["mm_per_px"]["x"], expected["mm_per_px"]["y"]
    if case == "boundaries":
        return [_points(expected["pred"], expected["gt"], spacing, names)]
    true = {"gt_senior": "senior", "gt_ceil_mean": "gt_ceil_mean"}.get(case, "gt_mean")
    in_frame = case in ("anisotropic_600x800", "wrong_isotropic_for_comparison")
    return [
        _points(film["pred_600x800"], _scaled(film[true], FILM, FRAME), spacing, names)
        if in_frame
        else _points(_scaled(film["pred_600x800"], FRAME, FILM), film[true], spacing, names)
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


def _rates(got: dict[str, float]) -> list[float]:
    return [100 * got[f"SDR {limit:g} mm"] for limit in landmarks.LIMITS_MM]


@pytest.mark.parametrize("case", CASES)
def test_radial_errors(golden: Golden, case: str) -> None:
    data = golden("landmarks")
    assert data["expected"].keys() == set(CASES)
    expected, names = data["expected"][case], data["landmark_names"]
    films = _film_pairs(data, case)
    errors = [[landmarks.distance_mm(p.found.items[0].point, p.gold.items[0].point) for p in film] for film in films]
    assert errors == [near(film, POINTS) for film in expected["radial_mm"]]
    assert [_numbers("landmark", film)["MRE"] for film in films] == near(expected["per_film_mre"], POINTS)
    pairs = [pair for film in films for pair in film]
    got = _numbers("landmark", pairs)
    for scorer in ("miracle", "pooled", "cephmark"):
        assert got["MRE"] == near(expected[scorer]["mre"], POINTS)
    assert _rates(got) == near(expected["pooled"]["sdr_percent_le"], POINTS)
    assert _rates(got) == near(expected["cephmark"]["sdr_percent_le"], POINTS)
    assert got["radial error SD"] == near(expected["pooled"]["sd_population"], POINTS)
    for one in expected["per_landmark"]:
        got = _numbers("landmark", [pair for pair in pairs if pair.query.name == one["name"]])
        assert got["MRE"] == near(one["mre"], POINTS)
        assert got["radial error SD"] == near(one["sd"], POINTS)
        assert _rates(got) == near(one["sdr_percent_le"], POINTS)
    assert len(expected["per_landmark"]) == len(names) == 19


def test_points_that_could_not_be_read(golden: Golden) -> None:
    data = golden("landmarks")
    expected = data["missing"]
    lost = {(film, index) for film, index in expected["missing"]}
    pairs = [
        replace(pair, found=None) if (film["film"], index) in lost else pair
        for film, row in zip(data["films"], _film_pairs(data, CASES[0]), strict=True)
        for index, pair in enumerate(row)
    ]
    read = [pair for pair in pairs if pair.found is not None]
    got = _numbers("landmark", pairs)
    assert (len(pairs), len(read)) == (expected["n_total"], expected["n_parsed"])
    assert got["MRE"] == near(expected["mre_parsed"], POINTS)
    assert got["radial error SD"] == near(expected["sd_parsed"], POINTS)
    assert _rates(got) == near(expected["sdr_percent_missing_as_miss"], POINTS)
    assert _rates(_numbers("landmark", read)) == near(expected["sdr_percent_parsed_only"], POINTS)
    for one in expected["per_landmark"]:
        got = _numbers("landmark", [pair for pair in pairs if pair.query.name == one["name"]])
        assert _rates(got)[0] == near(one["sdr2_missing_as_miss"], POINTS)
        if one["mre"] is None:
            assert math.isnan(got["MRE"])
        else:
            assert got["MRE"] == near(one["mre"], POINTS)


def test_canvas_floor_on_real_points(golden: Golden) -> None:
    floor = landmarks.canvas_floor_mm(FRAME, FILM, (0.1, 0.1))
    data = golden("landmarks")
    pairs = []
    for film in data["films"]:
        true = film["gt_mean"]
        numbers = [[math.floor(v + 0.5) for v in p] for p in _scaled(true, FILM, FRAME)]
        written = _scaled(numbers, FRAME, FILM)
        pairs += _points(written, true, (0.1, 0.1), data["landmark_names"])
    assert _numbers("landmark", pairs)["MRE"] == pytest.approx(floor, rel=0.05)
