"""umit's own answer metrics, and what all protocols have in common."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import pytest

from umit.metrics.protocol import Protocol, Reply
from umit.metrics.vqa import PROTOCOLS, UMIT, choice, shared_words

ORGANS = ("liver", "lung", *(f"organ {n}" for n in range(3, 10)), "spleen", "3.5 cm")


def _means(protocol: Protocol, replies: Iterable[Reply]) -> dict[str, float]:
    """Each column's mean over the replies that it scores."""
    rows = np.array([protocol.score(reply) for reply in replies], np.float64)
    kept = [column[~np.isnan(column)] for column in rows.T]
    return {
        one.name: float(values.mean()) if len(values) else math.nan
        for one, values in zip(protocol.columns, kept, strict=True)
    }


EACH = pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda one: one.name)

REPLIES = (
    Reply(predicted="", true="No", closed=True, options=("yes", "no"), gold=1),
    Reply(predicted="", true="liver", closed=True, options=("liver", "lung"), gold=0),
    Reply(predicted="", true="不是", closed=True, options=("是", "不是"), gold=1),
    Reply(predicted="", true="left lung"),
    Reply(predicted="", true="左下肺"),
)


@pytest.mark.parametrize(
    ("predicted", "expected", "why"),
    [
        ("10:spleen", (1, 1, 1), "as we write it"),
        ("10：Spleen。", (1, 1, 1), "full width"),
        ("１０: spleen", (1, 1, 1), "full-width digits"),
        ("10. spleen", (1, 1, 1), "stop for colon"),
        ("(10) spleen", (1, 1, 1), "brackets"),
        ("10", (0, 1, 0), "number alone"),
        ("10:", (0, 1, 0), "number and colon"),
        ("spleen", (0, 0, 1), "words alone"),
        ("10:liver", (0, 1, 0), "words contradict"),
        ("1:spleen", (0, 0, 1), "number contradicts"),
        ("1:liver", (0, 0, 0), "another option"),
        ("1", (0, 0, 0), "prefix of ten"),
        ("10.5 cm", (0, 0, 0), "a decimal number"),
        ("spleen or liver", (0, 0, 0), "two options"),
        ("I cannot tell.", (0, 0, 0), "refusal"),
        ("", (0, 0, 0), "nothing"),
        ("9999999999:spleen", (0, 0, 0), "too many digits"),
    ],
)
def test_choice(predicted: str, expected: tuple[float, float, float], why: str) -> None:
    assert choice(predicted, ORGANS, 9) == expected, why


def test_an_option_that_is_a_number() -> None:
    assert choice("3.5 cm", ORGANS, 10).words == 1
    assert choice("11: 3.5 cm", ORGANS, 10).strict == 1


@pytest.mark.parametrize(
    ("predicted", "true", "expected", "why"),
    [
        ("The left lung.", "left lung", (1, 1, 1), "article and stop"),
        ("lung left", "left lung", (1, 0, 1), "other order"),
        ("lung", "left lung", (2 / 3, 0, math.exp(-1)), "too short"),
        ("left left left lung", "left lung", (2 / 3, 0, 0.5), "repeats are clipped"),
        ("左肺。", "左肺", (1, 1, 1), "Chinese full stop"),
        ("ＣＴ", "CT", (1, 1, 1), "full width"),
        ("是", "不是", (2 / 3, 0, math.exp(-1)), "negation shares characters"),
        ("A", "A", (1, 1, 1), "an article as answer"),
        ("", "left lung", (0, 0, 0), "nothing"),
        ("!", "left lung", (0, 0, 0), "no word"),
        ("no", "", (0, 0, 0), "empty truth"),
    ],
)
def test_shared_words(predicted: str, true: str, expected: tuple[float, float, float], why: str) -> None:
    assert shared_words(predicted, true) == pytest.approx(expected), why


def test_an_option_number_is_no_word() -> None:
    options = {"options": ("yes", "no"), "gold": 1, "closed": True}
    row = UMIT.score(Reply(predicted="2:no", true="No", **options))
    assert row == (1, 1, 1, 1, 1, 1)
    assert UMIT.score(Reply(predicted="2:no", true="no"))[0] == 0  # without options it is text


@EACH
def test_an_empty_text_scores_nothing(protocol: Protocol) -> None:
    for reply in REPLIES:
        row = protocol.score(reply)
        assert len(row) == len(protocol.columns)
        assert not any(row), reply


@EACH
def test_the_truth_itself_has_the_best_value(protocol: Protocol) -> None:
    replies = []
    for one in REPLIES:
        text = one.true if one.gold is None else one.options[one.gold]
        if protocol is UMIT and one.gold is not None:
            text = f"{one.gold + 1}:{text}"
        replies.append(Reply(predicted=text, true=one.true, closed=one.closed,
                             options=one.options, gold=one.gold))  # fmt: skip
    found = _means(protocol, replies)
    for column in protocol.columns:
        if column.best is not None:
            assert found[column.name] == pytest.approx(column.best), column.name


@EACH
def test_every_column_says_what_an_unreadable_text_costs(protocol: Protocol) -> None:
    names = [column.name for column in protocol.columns]
    assert len(set(names)) == len(names)
    assert all(column.unreadable for column in protocol.columns)


@EACH
def test_nonsense_stays_at_or_under_shuffled_answers(protocol: Protocol) -> None:
    truths = ["No", "Yes", "left lung", "liver", "左肺", "是"]
    closed = [True, True, False, False, False, True]
    nonsense = _means(
        protocol,
        [Reply(predicted="qx zzv wq", true=true, closed=shut) for true, shut in zip(truths, closed, strict=True)],
    )
    shuffled = _means(
        protocol,
        [
            Reply(predicted=other, true=true, closed=shut)
            for true, other, shut in zip(truths, truths[1:] + truths[:1], closed, strict=True)
        ],
    )
    for name, value in nonsense.items():
        assert math.isnan(shuffled[name]) or value <= shuffled[name], name
