"""Intervals and paired tests against scipy's and statsmodels' recorded output."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from umit.metrics.bootstrap import bootstrap, by_rows, interval_of, means
from umit.metrics.significance import holm, mcnemar

pytestmark = pytest.mark.shared

Golden = dict[str, Any]


@pytest.fixture(scope="module")
def golden(shared: Path) -> Golden:
    found: Golden = json.loads((shared / "golden/metrics/statistics.json").read_text("utf-8"))
    return found


def near(value: object) -> Any:
    return pytest.approx(value, abs=1e-9, rel=0)


def test_percentile_bootstrap(golden: Golden) -> None:
    compared = 0
    for case in golden["bootstrap"]:
        if case["method"] != "percentile":  # umit has one kind of interval
            continue
        compared += 1
        values = np.array(golden["data"][case["data"]])
        settings = {"count": case["n_resamples"], "level": case["confidence_level"], "seed": case["seed"]}
        statistic = {"mean": np.mean, "median": np.median}[case["statistic"]]
        rows = by_rows(lambda rows, f=statistic, v=values: float(f(v[rows])))
        got = bootstrap(rows, len(values), **settings)
        assert got == near((case["low"], case["high"]))
        if case["statistic"] == "mean":
            assert bootstrap(means(values), len(values), **settings) == near(got)
    assert compared == 10


def test_explicit_resamples(golden: Golden) -> None:
    case = golden["explicit_resamples"]
    values = np.array(case["data"])
    drawn = [values[rows].mean() for rows in case["index_matrix"]]
    assert sorted(drawn) == near(case["means_sorted"])
    for level, name in ((0.95, "percentile_95"), (0.90, "percentile_90")):
        assert list(interval_of(drawn, level)) == near(case[name])


def test_paired_runs(golden: Golden) -> None:
    case = golden["paired"]
    a, b, expected = np.array(case["a"]), np.array(case["b"]), case["bootstrap_percentile_95"]
    assert float(np.mean(a - b)) == near(case["mean_difference"])
    got = bootstrap(means(a - b), len(a), count=expected["n_resamples"], seed=expected["seed"])
    assert got == near((expected["low"], expected["high"]))


def test_mcnemar(golden: Golden) -> None:
    assert len(golden["mcnemar"]) == 7
    for case in golden["mcnemar"]:
        (both, only_a), (only_b, neither) = case["table"]
        expected = case["expected"]["exact"]
        assert min(only_a, only_b) == expected["statistic"]
        rows = [(1, 1)] * both + [(1, 0)] * only_a + [(0, 1)] * only_b + [(0, 0)] * neither
        assert mcnemar(*zip(*rows, strict=True)) == near(expected["pvalue"])


def test_mcnemar_from_answers(golden: Golden) -> None:
    case = golden["mcnemar_from_vectors"]
    assert mcnemar(case["correct_a"], case["correct_b"]) == near(case["exact"]["pvalue"])


def test_holm(golden: Golden) -> None:
    case = golden["multiple_testing"]
    got, expected = holm(case["pvalues"]), case["expected"]["holm"]
    assert list(got) == near(expected["adjusted"])
    assert [p <= case["alpha"] for p in got] == expected["reject"]
