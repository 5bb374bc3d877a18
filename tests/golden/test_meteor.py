"""METEOR 1.5 by its Java program, which is started once for everything that is asked of it: that takes most of the time."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from umit.errors import MissingExtraError
from umit.metrics import optional
from umit.metrics.meteor import java_meteor, meteor_program
from umit.metrics.metric import Pair
from umit.queries import Describe
from umit.results import Report

from .test_metrics_reports import Compared, Item, Texts, cleaned, ptb, raw, read

pytestmark = [pytest.mark.slow, pytest.mark.tool("java")]

Score = Callable[[Sequence[str], Sequence[Sequence[str]]], list[float]]

AWKWARD = (
    ["the left\nlung", "the left lung", "left ||| lung", "", "左肺", "a\r\u2028b"],
    [["the left lung"]] * 4 + [["左肺"], ["a b", "c"]],
)
CLEAR = "clear lungs"


def recorded(shared: Path) -> list[tuple[Texts, Item]]:
    """Return texts of the reference scorers with what these gave."""
    corpora = read(shared, "reports_inputs")["corpora"]
    found: list[tuple[Texts, Item]] = []
    for name, one in read(shared, "reports_pycocoevalcap")["expected"].items():
        found += [(raw(corpora[name]), one["raw"]), (ptb(one), one["ptb"])]
    for name, one in read(shared, "reports_r2gen")["expected"].items():
        found.append((cleaned(corpora[name]), one))
    return found


@pytest.fixture(scope="module")
def meteor(request: pytest.FixtureRequest) -> Score:
    """Return what looks an answer of the one start up; a text that was not asked is an error."""
    try:
        meteor_program()
    except MissingExtraError as missing:
        wanted = "java" in os.environ.get("UMIT_REQUIRE_TOOLS", "")
        (pytest.fail if wanted else pytest.skip)(str(missing))
    asked: list[Texts] = [AWKWARD, ([CLEAR, ""], [[CLEAR]] * 2)]  # one that is unreadable is blank
    with suppress(pytest.skip.Exception):  # without the samples the others are asked alone
        asked += [texts for texts, _ in recorded(request.getfixturevalue("shared"))]
    found = [text for texts, _ in asked for text in texts]
    true = [references for _, rows in asked for references in rows]
    keys = [(text, *references) for text, references in zip(found, true, strict=True)]
    answers = dict(zip(keys, java_meteor(found, true), strict=True))
    return lambda found, true: [answers[t, *r] for t, r in zip(found, true, strict=True)]


def test_awkward_texts(meteor: Score) -> None:
    values = meteor(*AWKWARD)
    assert values[0] == values[1] == 1.0  # a line break neither hangs nor shifts the rest
    assert 0 < values[2] < 1 and values[3] == 0
    assert values[5] == 1.0


@pytest.mark.shared
def test_golden(meteor: Score, shared: Path) -> None:
    compare = Compared()
    for texts, expected in recorded(shared):
        compare(meteor(*texts), expected["meteor"]["per_sample"], "each")
    assert compare.values == 2 * 158 + 67


def test_as_a_metric_it_takes_english_texts_alone(meteor: Score, monkeypatch: pytest.MonkeyPatch) -> None:
    assert optional.java_meteor is java_meteor, "that is what the metric asks"
    monkeypatch.setattr(optional, "java_meteor", meteor)  # the same answers, from the one start
    gold, english, chinese = Report(text=CLEAR), Describe(), Describe(language="zh")
    pairs = [
        Pair(english, gold, Report(text=CLEAR)),
        Pair(chinese, Report(text="正常"), Report(text="正常")),
        Pair(english, gold, None),
    ]
    same, left_out, unreadable = optional.optional_metric("METEOR").measures(pairs)[:, 0]
    assert same > 0.5 and np.isnan(left_out) and unreadable == 0
