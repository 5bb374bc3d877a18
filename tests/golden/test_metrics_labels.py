"""Classification and calibration against MedMNIST's evaluator, scikit-learn and torchmetrics, as recorded."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from umit.metrics.calibration import calibration_error, reliability
from umit.metrics.labels import area, class_scores, confusion
from umit.metrics.metric import Pair
from umit.queries import Choose
from umit.results import Classification, Findings, Marked
from umit.tasks.table import TASKS

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


def _number(task: str, name: str, pairs: list[Pair[Any]], protocol: str | None = None) -> float:
    """A task's number, the first of its name."""
    return next(m for m in TASKS[task].metrics if m.name == name and protocol in (None, m.protocol))(pairs)


def _several(scores: Any, true: Any) -> dict[str, Any]:
    labels = tuple(f"label {i}" for i in range(true.shape[1]))
    pairs: list[Pair[Any]] = [
        Pair(
            Choose(labels, several=True),
            Findings(items=tuple(map(_mark, labels, row))),
            Findings(items=tuple(map(_mark, labels, chances > 0.5, chances))),
        )
        for chances, row in zip(scores, true, strict=True)
    ]
    hard = (scores > 0.5).astype(int)
    each = [class_scores(a, b)[-1, 2] if a.any() or b.any() else 0.0 for a, b in zip(hard.T, true.T, strict=True)]
    found = {
        "ACC": _number("findings", "accuracy", pairs),
        "accuracy_mean": _number("findings", "accuracy", pairs),
        "exact_match": _number("findings", "exact match", pairs),
        "f1_macro": float(np.mean(each)),
    }
    if ((true == 0).any(0) & (true == 1).any(0)).all():  # else ours is over the labels that can be told
        found["AUC"] = found["roc_auc_macro"] = _number("findings", "AUC", pairs)
        assert _number("findings", "macro F1", pairs) == pytest.approx(found["f1_macro"])
    return found


def _mark(label: str, present: Any, probability: float | None = None) -> Marked:
    return Marked(label=label, present=bool(present), probability=probability)


def _choices(scores: Any, true: Any) -> list[Pair[Any]]:
    labels = tuple(f"class {i}" for i in range(scores.shape[1]))
    return [
        Pair(
            Choose(labels),
            Classification(label=labels[truth]),
            Classification(label=labels[said], probabilities=tuple(row)),
        )
        for row, said, truth in zip(scores.tolist(), scores.argmax(axis=1), true, strict=True)
    ]


def _one(scores: Any, true: Any, kind: str) -> dict[str, Any]:
    if scores.ndim == 1:
        scores = np.stack([1 - scores, scores], axis=1)
    hard, classes = scores.argmax(axis=1), scores.shape[1]
    # scikit-learn's macro means are over the classes that occur on either side.
    each = class_scores(hard, true)
    pairs = _choices(scores, true)
    read = [p if any(row) else replace(p, found=None) for p, row in zip(pairs, scores, strict=True)]
    found = {
        "ACC": _number("classify", "accuracy", pairs),
        "accuracy": _number("classify", "accuracy", pairs),
        "corrected_accuracy": _number("classify", "accuracy", read),
        "balanced_accuracy": _number("classify", "balanced accuracy", pairs),
        "confusion": confusion(hard, true, classes)[:, :classes].tolist(),
    }
    areas = [area(scores[:, k], true == k) for k in range(classes)]
    if kind == "binary-class":
        found |= dict(zip(("precision", "recall", "f1"), each[-1], strict=False))
        found |= {"specificity": each[0, 1]} if len(each) > 1 else {}
        found |= {"AUC": areas[-1], "roc_auc": areas[-1]}
    else:
        found |= {
            "f1_macro": _number("classify", "macro F1", pairs),
            "precision_macro": each[:, 0].mean(),
            "recall_macro": each[:, 1].mean(),
            "AUC": float(np.mean(areas)),
            "roc_auc_ovr_macro": float(np.mean(areas)),
            "roc_auc_ovr_macro_sklearn": float(np.mean(areas)),
        }
    if not np.isnan(areas).any():
        assert _number("classify", "AUC", pairs) == pytest.approx(np.mean(areas))
    return found


def test_classification(golden: dict[str, Any]) -> None:
    compared: Counter[str] = Counter()
    for case in golden["cases"]:
        kind, name = case["task"], case["id"]
        true, scores = np.array(case["y_true"]), np.array(case["y_score"])
        several = kind.startswith("multi-label")
        found = _several(scores, true) if several else _one(scores, true.ravel(), kind)
        expected = {**case["sklearn"], **case["medmnist"]}
        if "corrected_accuracy" in case:
            expected["corrected_accuracy"] = case["corrected_accuracy"]
        for key in found.keys() & expected.keys():
            compared[key] += 1
            _near(found[key], expected[key], f"{name} {key}")
    assert compared.total() == 303


def test_calibration(golden: dict[str, Any]) -> None:
    compared = 0
    for case in golden["calibration"]:
        name, wanted = case["id"], case["expected"]
        scores, labels = np.array(case["multiclass_scores"]), np.array(case["multiclass_y"])
        of = {"binary": (case["p"], case["y"]), "multiclass": (scores.max(axis=1), scores.argmax(axis=1) == labels)}
        pairs = _choices(scores, labels)
        by_class = _number("classify", "Brier score", pairs)
        _near(by_class, wanted["multiclass_brier_sum"], name, CALIBRATION)
        _near(by_class, wanted["multiclass_brier_sklearn"], name, CALIBRATION)
        error = _number("classify", "ECE", pairs)
        _near(error, wanted["multiclass_l1_15"], name, CALIBRATION)
        for key, value in wanted.items():
            kind, _, bins = key.partition("_l1_")
            if bins:
                loose = name == ON_EDGES and bins == "10"  # README: within 0.01
                found = calibration_error(*of[kind], bins=int(bins))
                _near(found, value, f"{name} {key}", 0.01 if loose else CALIBRATION)
                compared += 1
        if name != ON_EDGES:  # scikit-learn's curve puts a value on an edge into the lower bin
            compared += _curve(case)
    assert compared == 80


def _curve(case: dict[str, Any]) -> int:
    found, expected = reliability(case["p"], case["y"], bins=10), case["calibration_curve_10"]
    for name, values in (("fraction_positive", found.hit), ("mean_predicted", found.confidence)):
        there = [value for value in values if not math.isnan(value)]
        _near(there, expected[name], f"{case['id']} {name}")
    return 2 * sum(count > 0 for count in found.count)
