"""Intervals and paired tests against scipy's and statsmodels' recorded output."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from umit.metrics import significance, statistics

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
        settings = {
            "count": case["n_resamples"],
            "level": case["confidence_level"],
            "seed": case["seed"],
        }
        statistic = {"mean": np.mean, "median": np.median}[case["statistic"]]
        got = statistics.bootstrap(
            lambda rows, f=statistic, v=values: float(f(v[rows])), len(values), **settings
        )
        assert (got.low, got.high) == near((case["low"], case["high"]))
        assert got.error == near(case["standard_error"])
        if case["statistic"] == "mean":
            fast = statistics.bootstrap_mean(values, **settings)
            assert (fast.low, fast.high, fast.error) == near((got.low, got.high, got.error))
    assert compared == 10


def test_explicit_resamples(golden: Golden) -> None:
    case = golden["explicit_resamples"]
    values = np.array(case["data"])
    means = [values[rows].mean() for rows in case["index_matrix"]]
    assert sorted(means) == near(case["means_sorted"])
    for level, name in ((0.95, "percentile_95"), (0.90, "percentile_90")):
        got = statistics.interval_of(means, level)
        assert [got.low, got.high] == near(case[name])
        assert got.error == near(case["standard_error_ddof1"])


def test_paired_runs(golden: Golden) -> None:
    case = golden["paired"]
    a, b, expected = np.array(case["a"]), np.array(case["b"]), case["bootstrap_percentile_95"]
    assert float(np.mean(a - b)) == near(case["mean_difference"])
    got = statistics.paired_bootstrap(a, b, count=expected["n_resamples"], seed=expected["seed"])
    assert (got.low, got.high) == near((expected["low"], expected["high"]))
    exact = case["permutation_exact_first10"]
    first, second = np.array(exact["a"]), np.array(exact["b"])
    assert float(np.mean(first - second)) == near(exact["statistic"])
    p = significance.permutation(first, second, count=exact["n_permutations"])
    assert p == near(exact["pvalue"])
    drawn = case["permutation_random_4999_seed55"]
    assert float(np.mean(a - b)) == near(drawn["statistic"])
    assert significance.permutation(a, b, count=4999, seed=55) == near(drawn["pvalue"])


def test_mcnemar(golden: Golden) -> None:
    assert len(golden["mcnemar"]) == 7
    for case in golden["mcnemar"]:
        (both, only_a), (only_b, neither) = case["table"]
        expected = case["expected"]
        assert min(only_a, only_b) == expected["exact"]["statistic"]
        assert significance.mcnemar(only_a, only_b) == near(expected["exact"]["pvalue"])
        assert significance.mcnemar(only_a, only_b, mid=True) == near(expected["midp"])
        rows = [[1, 1]] * both + [[1, 0]] * only_a + [[0, 1]] * only_b + [[0, 0]] * neither
        got = significance.cochran_q(rows)  # of two runs it is the chi-square without correction
        plain = expected["chi2_uncorrected"]
        if only_a + only_b:
            assert got == near((plain["statistic"], plain["pvalue"]))
        else:  # 0/0 there, and p = 0 with the correction: equal runs do not differ
            assert (plain["statistic"], plain["pvalue"]) == ("NaN", "NaN")
            assert got == (0.0, 1.0)


def test_mcnemar_from_answers(golden: Golden) -> None:
    case = golden["mcnemar_from_vectors"]
    only_a, only_b = significance.discordant(case["correct_a"], case["correct_b"])
    assert [only_a, only_b] == [case["table"][0][1], case["table"][1][0]]
    assert min(only_a, only_b) == case["exact"]["statistic"]
    assert significance.mcnemar(only_a, only_b) == near(case["exact"]["pvalue"])


def test_cochran_q(golden: Golden) -> None:
    case = golden["cochran_q"]
    assert significance.cochran_q(case["x"]) == near((case["statistic"], case["pvalue"]))


def test_corrections(golden: Golden) -> None:
    case = golden["multiple_testing"]
    names = {"holm": "holm", "bonferroni": "bonferroni", "benjamini-hochberg": "fdr_bh"}
    assert set(names.values()) == case["expected"].keys()
    for method, name in names.items():
        got = significance.adjusted(case["pvalues"], method=method)  # type: ignore[arg-type]
        assert list(got) == near(case["expected"][name]["adjusted"])
        assert [p <= case["alpha"] for p in got] == case["expected"][name]["reject"]


def test_intervals_of_a_share(golden: Golden) -> None:
    assert len(golden["proportion_intervals"]) == 5
    for case in golden["proportion_intervals"]:
        count, n = case["count"], case["n"]
        assert list(statistics.wilson(count, n)) == near(case["wilson"])
        assert list(statistics.clopper_pearson(count, n)) == near(case["beta"])
