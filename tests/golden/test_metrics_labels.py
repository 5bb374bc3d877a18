"""Classification and calibration against MedMNIST's evaluator, scikit-learn and torchmetrics, as recorded."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from umit.metrics.calibration import (
    brier,
    brier_of_classes,
    calibration_error,
    reliability,
    top_choices,
)
from umit.metrics.labels import (
    accuracy,
    balanced_accuracy,
    class_scores,
    confusion,
    kappa,
    macro_f1,
    matthews,
)
from umit.metrics.ranking import (
    area,
    area_one_vs_one,
    areas_one_vs_rest,
    average_precision,
    chosen,
    log_loss,
    medmnist_accuracy,
    medmnist_auc,
)

pytestmark = pytest.mark.shared

TOLERANCE = 1e-9
CALIBRATION = 1e-6  # torchmetrics is partly float32
ON_EDGES = "s-cal-1"  # its values lie on edges, where torch's and numpy's differ by a step


@pytest.fixture(scope="module")
def golden(shared: Path) -> dict[str, Any]:
    path = shared / "golden" / "metrics" / "classification.json"
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    assert (len(found["cases"]), len(found["calibration"])) == (33, 4)
    return found


def _near(found: Any, expected: Any, what: str, tolerance: float = TOLERANCE) -> None:
    if isinstance(expected, str):
        expected = float(expected)
    elif isinstance(expected, list):
        found, expected = np.array(found), np.array(expected)
    assert found == pytest.approx(expected, abs=tolerance, rel=0, nan_ok=True), what


def _compare(found: Mapping[str, Any], expected: Mapping[str, Any], case: str) -> int:
    """Every recorded value, and no other."""
    assert found.keys() == expected.keys() - {"raises"}, case
    for name, value in expected.items():
        if name != "raises":
            _near(found[name], value, f"{case} {name}")
    return len(found)


def _of_hard(hard: Any, true: Any) -> dict[str, float]:
    return {
        "accuracy": accuracy(hard, true),
        "balanced_accuracy": balanced_accuracy(hard, true),
        "kappa": kappa(hard, true),
        "mcc": matthews(hard, true),
    }


def _binary(scores: Any, true: Any) -> dict[str, Any]:
    p = scores if scores.ndim == 1 else scores[:, -1]
    hard = (p > 0.5).astype(int)
    negative, positive = class_scores(hard, true, 2)
    return _of_hard(hard, true) | {
        "precision": positive[0],
        "recall": positive[1],
        "f1": positive[2],
        "specificity": negative[1],
        "roc_auc": area(p, true),
        "average_precision": average_precision(p, true),
        "brier": brier(p, true),
        "log_loss": log_loss(p, true),
        "confusion": confusion(hard, true, 2)[:, :2].tolist(),
    }


def _classes(scores: Any, true: Any, wanted: Mapping[str, Any]) -> dict[str, Any]:
    hard, classes = scores.argmax(axis=1), scores.shape[1]
    # scikit-learn's macro means are over the classes that occur on either side.
    each = class_scores(hard, true, classes)[np.union1d(hard, true)]
    found = _of_hard(hard, true) | {
        "f1_macro": macro_f1(hard, true),
        "f1_weighted": macro_f1(hard, true, weighted=True),
        "precision_macro": each[:, 0].mean(),
        "recall_macro": each[:, 1].mean(),
        "kappa_quadratic": kappa(hard, true, quadratic=True),
        "roc_auc_ovr_macro": areas_one_vs_rest(scores, true).mean(),
        "roc_auc_ovr_macro_sklearn": areas_one_vs_rest(scores, true).mean(),
        "roc_auc_ovo_macro_sklearn": area_one_vs_one(scores, true),
        "confusion": confusion(hard, true, classes)[:, :classes].tolist(),
    }
    # scikit-learn refuses scores that do not sum to one; ours are the same numbers as above.
    refused = wanted.get("raises", {})
    return {name: value for name, value in found.items() if name not in refused and name in wanted}


def _several(scores: Any, true: Any) -> dict[str, float]:
    hard = (scores > 0.5).astype(int)
    labels = range(true.shape[1])
    f1 = [class_scores(hard[:, i], true[:, i], 2)[1, 2] for i in labels]
    return {
        "accuracy_mean": float(np.mean(hard == true)),
        "exact_match": float(np.mean(np.all(hard == true, axis=1))),
        "roc_auc_macro": float(areas_one_vs_rest(scores, true).mean()),
        "f1_macro": float(np.mean(f1)),
        "average_precision_macro": float(
            np.mean([average_precision(scores[:, i], true[:, i]) for i in labels])
        ),
    }


def test_classification(golden: dict[str, Any]) -> None:
    compared = 0
    for case in golden["cases"]:
        kind, name, expected = case["task"], case["id"], case["sklearn"]
        true, scores = np.array(case["y_true"]), np.array(case["y_score"])
        medmnist = {
            "ACC": medmnist_accuracy(scores, true, kind),
            "AUC": medmnist_auc(scores, true, kind),
        }
        compared += _compare(medmnist, case["medmnist"], name)
        if kind.startswith("multi-label"):
            found: dict[str, Any] = _several(scores, true)
        elif kind == "binary-class":
            found = _binary(scores, true.ravel())
        else:
            found = _classes(scores, true.ravel(), expected)
        compared += _compare(found, expected, name)
        if "corrected_accuracy" in case:
            compared += 1
            _near(accuracy(chosen(scores), true), case["corrected_accuracy"], name)
    assert compared == 444


def test_calibration(golden: dict[str, Any]) -> None:
    compared = 0
    for case in golden["calibration"]:
        name, wanted = case["id"], case["expected"]
        of = {
            "binary": (case["p"], case["y"]),
            "multiclass": top_choices(case["multiclass_scores"], case["multiclass_y"]),
        }
        by_class = brier_of_classes(case["multiclass_scores"], case["multiclass_y"])
        found = {
            "brier": brier(case["p"], case["y"]),
            "log_loss": log_loss(case["p"], case["y"]),
            "multiclass_brier_sum": by_class,
            "multiclass_brier_sklearn": by_class,
        }
        for key in wanted:
            if key not in found:
                kind, norm, bins = key.split("_")
                found[key] = calibration_error(*of[kind], bins=int(bins), norm=norm)  # type: ignore[arg-type]
        assert found.keys() == wanted.keys()
        for key, value in wanted.items():
            loose = name == ON_EDGES and key.endswith("_10")  # README: within 0.01
            _near(found[key], value, f"{name} {key}", 0.01 if loose else CALIBRATION)
        compared += len(found)
        if name != ON_EDGES:  # scikit-learn's curve puts a value on an edge into the lower bin
            compared += _curve(case)
    assert compared == 136


def _curve(case: dict[str, Any]) -> int:
    found, expected = reliability(case["p"], case["y"], bins=10), case["calibration_curve_10"]
    for name, values in (
        ("fraction_positive", found.hit),
        ("mean_predicted", found.confidence),
    ):
        there = [value for value in values if not math.isnan(value)]
        _near(there, expected[name], f"{case['id']} {name}")
    return 2 * sum(count > 0 for count in found.count)
