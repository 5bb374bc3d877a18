"""The published scorers: each fault that they have, and the value beside it that has not."""

from __future__ import annotations

import logging
import sys

import pytest

from umit.metrics import vqa_m3d
from umit.metrics.meteor import nltk_meteor
from umit.metrics.protocol import Protocol, Reply
from umit.metrics.vqa_llava_med import LLAVA_MED, closed_by_word, closed_hit, closed_hit_pvqa, open_overlap
from umit.metrics.vqa_m3d import M3D_BENCH, choice_hit, read_choice
from umit.metrics.vqa_medevalkit import (
    MEDEVALKIT_SLAKE,
    MEDEVALKIT_VQA_RAD,
    closed_equal,
    closed_yes_no,
    extracted,
    open_answer,
    slake_rule,
    vqa_rad_rule,
)


@pytest.mark.parametrize(
    ("predicted", "true", "theirs", "pvqa", "by_word", "why"),
    [
        ("No", "No", 1, 1, 1, "plain"),
        ("I cannot tell.", "No", 1, 1, 0, "no inside cannot"),
        ("It is normal.", "No", 1, 1, 0, "no inside normal"),
        ("yes", "No", 0, None, 0, "wrong is left out"),
        ("Yes or no", "No", 1, 1, 0, "both words"),
        ("liver", "liver", 0, 0, 1, "another choice"),
        ("肺", "肺", 0, 0, 1, "Chinese choice"),
        ("left", "No", 0, 0, 0, "neither word"),
        ("", "No", 0, 0, 0, "nothing"),
    ],
)
def test_llava_med_closed(
    predicted: str, true: str, theirs: float, pvqa: float | None, by_word: float, why: str
) -> None:
    assert closed_hit(predicted, true) == theirs, why
    assert closed_hit_pvqa(predicted, true) == pvqa, why
    assert closed_by_word(predicted, true) == by_word, why


def test_llava_med_recall_grows_with_a_repeated_right_word() -> None:
    found = open_overlap("left left left", "left lower lobe")
    assert found.recall == pytest.approx(3 / 5)
    assert found.clipped_recall == pytest.approx(1 / 3)
    assert found.precision == 1
    assert found.clipped_precision == pytest.approx(1 / 3)


def test_llava_med_exact_match_is_no_equality() -> None:
    found = open_overlap("left", "left lung")
    assert (found.covered, found.equal) == (1, 0)


def test_llava_med_normalises_twice_past_32_stops() -> None:
    assert open_overlap("." * 40 + " lung", "lung").equal == 1
    assert open_overlap("." * 70 + " lung", "lung").equal == 0


def test_llava_med_total_of_pvqa_is_too_high() -> None:
    replies = [Reply(predicted=p, true="No", closed=True) for p in ("no", "yes", "yes", "left")]
    names = [column.name for column in LLAVA_MED.columns]
    rows = [dict(zip(names, LLAVA_MED.score(reply), strict=True)) for reply in replies]
    assert [row["closed accuracy"] for row in rows] == [1, 0, 0, 0]
    assert [row["closed accuracy, run_eval_pvqa"] for row in rows] == [1, None, None, 0]


@pytest.mark.parametrize(
    ("text", "expected", "why"),
    [
        ("The answer is Lung", " lung", "blank stays"),
        ("Final answer: Lung", " lung", "answer and colon"),
        ("Final answer Lung", " lung", "final answer"),
        ("**Answer:** Lung", " lung", "bold"),
        ("the answer is a; no, the answer is b", " b", "last one"),
        ("答案:肺", "肺", "ASCII colon"),
        ("答案：肺", "答案：肺", "full-width colon unknown"),
        (r"so \boxed{a {b} c}.", "a {b} c", "nested box"),
        (r"\boxed{a} or \boxed{b}", "b", "last box"),
        (r"so \boxed{a", "None", "open box"),
        ("the boxed region", "None", "no box"),
        ("<answer>A</answer> or <answer>B</answer>", "a b", "two tags"),
        ("<answer>Lung", "<answer>lung", "open tag"),
        ("<answer></answer>", "<answer></answer>", "empty tag"),
        ("", "", "nothing"),
    ],
)
def test_medevalkit_extracts(text: str, expected: str, why: str) -> None:
    assert extracted(text) == expected, why


@pytest.mark.parametrize(
    ("predicted", "true", "yes_no", "equal", "why"),
    [
        ("No.", "no", 1, 1, "plain"),
        ("normal", "no", 1, 0, "no inside normal"),
        ("yes and no", "no", 0, 0, "both"),
        ("Liver.", "Liver", 0, 1, "other choice"),
        ("肺。", "肺", 0, 0, "Chinese full stop"),
        ("1.5 cm", "1.5 cm", 0, 0, "stops of one side only"),
    ],
)
def test_medevalkit_closed(predicted: str, true: str, yes_no: float, equal: float, why: str) -> None:
    assert closed_yes_no(predicted, true) == yes_no, why
    assert closed_equal(predicted, true) == equal, why


def test_medevalkit_rotates_its_labels() -> None:
    found = open_answer("left lung base", "left lung")
    assert (found.precision, found.recall, found.f1) == pytest.approx((2 / 3, 1, 0.8))
    row = MEDEVALKIT_VQA_RAD.score(Reply(predicted="left lung base", true="left lung"))
    assert row[-3:] == (found.f1, found.precision, found.recall)


@pytest.mark.parametrize("predicted", ["", ".", "...", "   "])
def test_medevalkit_crashes_where_umit_gives_nothing(predicted: str) -> None:
    assert not any(open_answer(predicted, "left lung"))


def test_medevalkit_takes_rules_from_the_data_set() -> None:
    assert vqa_rad_rule("Yes", closed=False) == "yes_no"
    assert vqa_rad_rule("liver", closed=True) == "open"
    assert slake_rule("Yes", closed=True) == "equal"
    assert slake_rule("yes", closed=True) == "yes_no"
    assert slake_rule("yes", closed=False) == "open"


@pytest.mark.parametrize(("protocol", "theirs"), [(MEDEVALKIT_VQA_RAD, 1.0), (MEDEVALKIT_SLAKE, 0.0)])
def test_medevalkit_slake_misses_its_own_yes(protocol: Protocol, theirs: float) -> None:
    row = protocol.score(Reply(predicted="Yes, it is.", true="Yes", closed=True))
    found = dict(zip([column.name for column in protocol.columns], row, strict=True))
    assert found["closed accuracy"] == theirs
    assert found["closed accuracy by word"] == 1


CHOICES = ("lung", "liver", "left kidney", "none of these")


@pytest.mark.parametrize(
    ("predicted", "theirs", "read", "why"),
    [
        ("B. liver", 1, 1, "as asked"),
        ("B.", 1, 1, "letter and stop"),
        ("The answer is B.", 1, 1, "sentence"),
        ("Vitamin B.", 1, None, "letter of another word"),
        ("A.B.C.D.", 1, None, "all letters"),
        ("A. lung or B. liver", 1, None, "two choices"),
        ("B", 0, 1, "letter alone"),
        ("(B) liver", 0, 1, "brackets"),
        ("B: liver", 0, 1, "colon"),
        ("B．liver", 0, 1, "full-width stop"),
        ("b. liver", 0, 1, "small letter"),
        ("B . liver", 0, 1, "blank before stop"),
        ("Liver", 0, 1, "words alone"),
        ("B. lung", 1, None, "words contradict"),
        ("E. liver", 0, None, "no such letter"),
        ("", 0, None, "nothing"),
    ],
)
def test_m3d_closed(predicted: str, theirs: float, read: int | None, why: str) -> None:
    assert choice_hit(predicted, "B") == theirs, why
    assert read_choice(predicted, CHOICES) == read, why


def test_m3d_open_of_an_empty_text_is_nothing() -> None:
    pytest.importorskip("nltk", reason="nltk comes with the extra 'reports'")
    assert M3D_BENCH.score(Reply(predicted=" ", true="lung"))[2:] == (0, 0, 0)
    # Case counts in BLEU alone.
    assert M3D_BENCH.score(Reply(predicted="Lung", true="lung"))[2:] == (0, 1, 0.5)


def test_m3d_without_nltk_has_its_other_numbers(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for module in ("nltk", "nltk.translate.meteor_score"):
        monkeypatch.setitem(sys.modules, module, None)
    for known in (nltk_meteor, vqa_m3d._meteor):
        known.cache_clear()
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert M3D_BENCH.score(Reply(predicted="lung", true="lung"))[2:] == (1, 1, None)
    assert [record.levelname for record in caplog.records] == ["WARNING"], "told once"
    assert "umit[reports]" in caplog.text
    vqa_m3d._meteor.cache_clear()
