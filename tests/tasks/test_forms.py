"""Where the answer stands: each form's awkward texts, and a pattern that leaves reasoning free."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest

from umit.chat import Completion
from umit.checkpoints import PHANTOM
from umit.errors import OutputError, ParseError, TruncatedError
from umit.geometry import Space
from umit.imaging.view import View, ViewGeometry
from umit.queries import Ask
from umit.results import Answer, from_dict
from umit.tasks.forms import FORMS, AnswerForm, joined, parted, pattern_of
from umit.tasks.prompts import in_dialect
from umit.tasks.task import Task

CUT, NONE = TruncatedError, ParseError
TABLE: list[tuple[AnswerForm, str, tuple[str, str] | type[OutputError], str]] = [
    ("plain", " <answer>A</answer>", ("", " <answer>A</answer>"), "no form"),
    ("think_answer", "<think>Why.</think><answer>A</answer>", ("Why.", "A"), "as taught"),
    ("think_answer", "<think>\n  Why.\n</think>\n\n<answer> A </answer>\n", ("Why.", "A"), "blanks and breaks"),
    ("think_answer", "<think>a</think><answer>A) edema</answer>", ("a", "A) edema"), "letter with text"),
    ("think_answer", "<answer>A</answer>", ("", "A"), "no reasoning"),
    ("think_answer", "<THINK>a</THINK><Answer>A</ANSWER>", ("a", "A"), "other case"),
    (
        "think_answer",
        "<think>a<answer>B</answer>no</think><answer>A</answer>",
        ("a<answer>B</answer>no", "A"),
        "last one",
    ),
    ("think_answer", "<think>a</think><answer>A</answer></answer>", ("a", "A"), "a stray closer"),
    ("think_answer", "<think>a</think><answer>A", CUT, "closer missing"),
    ("think_answer", "<answer>A</answer> or <answer>B", CUT, "second one cut"),
    ("think_answer", "<think>It may be A, or", CUT, "cut in reasoning"),
    ("think_answer", "<think>a</think>A", NONE, "answer not marked"),
    ("think_answer", "A", NONE, "no tags"),
    ("think_answer", "A</answer>", NONE, "never opened"),
    ("think_answer", "", NONE, "nothing at all"),
    ("think", "Why.</think>\n\nB. no", ("Why.", "B. no"), "opener in prompt"),
    ("think", "<think>\nWhy.\n</think>\n\nno", ("Why.", "no"), "with its opener"),
    ("think", "</think>no", ("", "no"), "empty reasoning"),
    ("think", "a </think> b </think> c", ("a  b", "c"), "the last closer"),
    ("think", "Why, because", CUT, "cut in reasoning"),
    ("think", "no", CUT, "never closed"),
    ("boxed", r"So it is \boxed{A}.", ("So it is", "A"), "as taught"),
    ("boxed", r"\boxed{A} or rather \boxed{B}", (r"\boxed{A} or rather", "B"), "the last box"),
    ("boxed", r"so \boxed{{effusion}}", ("so", "effusion"), "double braces echoed"),
    ("boxed", r"so \boxed{\text{no change}}", ("so", "no change"), "LaTeX words"),
    ("boxed", r"so $\boxed{\mathrm{A}}$", ("so $", "A"), "LaTeX all around"),
    ("boxed", r"so \boxed{x_{1} and \{y\}}", ("so", r"x_{1} and \{y\}"), "braces inside"),
    ("boxed", r"so \boxed{A", CUT, "brace left open"),
    ("boxed", "so A", NONE, "no box"),
    (
        "think_boxed",
        r"<think>\boxed{A}?</think>The answer is: \boxed{B}",
        (r"\boxed{A}?" "\nThe answer is:", "B"),
        "both",
    ),
    ("think_boxed", r"<think>\boxed{A}</think>B", NONE, "boxed in thought only"),
    ("think_boxed", r"<think>\boxed{A}", CUT, "cut in reasoning"),
    ("think_boxed", r"\boxed{B}", ("", "B"), "no tags"),
    ("tag_answer", "<X_RAY><thinking>Why.</thinking><answer>yes</answer>", ("<X_RAY>Why.", "yes"), "as taught"),
    ("tag_answer", "<thinking>Why.</thinking><answer>yes</answer>", ("Why.", "yes"), "modality missing"),
    ("tag_answer", "<CT_SCAN><thinking>Why", CUT, "cut in reasoning"),
    ("auto", "It is normal.", ("", "It is normal."), "plain"),
    ("auto", "<think>a</think>b", ("a", "b"), "think"),
    ("auto", r"a \boxed{b}", ("a", "b"), "boxed"),
    ("auto", r"<think>\boxed{a}</think>b", (r"\boxed{a}", "b"), "boxed in thought only"),
    ("auto", "<think>a</think><answer>b</answer>", ("a", "b"), "think and answer"),
    ("auto", "<think>a", CUT, "cut in reasoning"),
]


@pytest.mark.parametrize(("form", "text", "wanted", "why"), TABLE, ids=[f"{t[0]}-{t[3]}" for t in TABLE])
def test_each_form(form: AnswerForm, text: str, wanted: tuple[str, str] | type[OutputError], why: str) -> None:
    if isinstance(wanted, tuple):
        assert parted(text, form) == wanted, why
    else:
        with pytest.raises(wanted) as caught:
            parted(text, form)
        assert caught.value.text == text


AWKWARD = ("", "Why.", "a < b, <ans", "<answe<an", "</thin <b", r"\box \boxed \bo{x}", "两肺清晰。\n" * 3)


@pytest.mark.parametrize("form", [form for form in FORMS if form not in ("plain", "auto")])
@pytest.mark.parametrize("reasoning", AWKWARD)
def test_what_is_written_is_read_and_fits_its_pattern(form: AnswerForm, reasoning: str) -> None:
    text = joined(reasoning, "A", form)
    assert parted(text, form) == (reasoning.strip(), "A")
    pattern = pattern_of("A|B", form)
    assert pattern is not None and re.fullmatch(pattern, text)
    assert not re.fullmatch(pattern, joined(reasoning, "C", form)), "only what the answer's own pattern allows"


@pytest.mark.parametrize("form", ["think_answer", "think", "boxed"])
def test_a_pattern_binds_from_the_answer_on(form: AnswerForm) -> None:
    """What opens the answer cannot be taken for reasoning, or an engine could write anything behind it."""
    pattern = pattern_of("A|B", form)
    assert pattern is not None
    assert not re.fullmatch(pattern, joined("a", "nonsense", form) + joined("", "A", form))


def test_free_text_has_no_pattern_in_any_form() -> None:
    assert {pattern_of(None, form) for form in FORMS} == {None}
    assert pattern_of("A", "plain") == "A" and pattern_of("A", "auto") is None


@pytest.mark.parametrize("text", ["<answer>" * 5000, "</think>" * 5000, r"\boxed{" * 5000, "<" * 50_000, "{" * 50_000])
@pytest.mark.parametrize("form", FORMS)
def test_decided_quickly(form: AnswerForm, text: str) -> None:
    taken = []
    for part in (text[: len(text) // 4], text):
        start = time.process_time()
        with suppress(OutputError):
            parted(part, form)
        taken.append(time.process_time() - start)
    assert taken[1] < max(0.2, 10 * taken[0]), (
        "four times the text takes about four times as long, on a slow machine too"
    )


VIEW = View((np.zeros((28, 28, 3), np.uint8),), ViewGeometry(source=Space(size=(8, 8)), frame=(8, 8)))
YES_NO = Ask("Nodule?", ("yes", "no"))


def task(form: AnswerForm) -> Task[Ask, Answer]:
    return in_dialect(PHANTOM.tasks["answer_closed"], replace(PHANTOM.dialect, form=form))


def test_reasoning_is_kept_and_the_answer_alone_is_read() -> None:
    text = "<think>1:yes would need a nodule.</think><answer>2:no</answer>"
    found = task("think_answer").decode(Completion(text=text), YES_NO, VIEW)
    assert (found.text, found.reasoning) == ("no", "1:yes would need a nodule.")
    assert from_dict(found.to_dict()).reasoning == found.reasoning
    assert task("think_answer").encode(found, YES_NO, VIEW) == text
    assert found == Answer(text="no", option=1), "how it was reasoned is not compared"
    assert Answer(text="no").reasoning == ""


def test_behind_reasoning_options_are_written_not_scored() -> None:
    asked = task("think_answer").request(YES_NO, VIEW)
    assert asked.options == () and asked.pattern is not None
    assert re.fullmatch(asked.pattern, "<think>?</think><answer>2:no</answer>")
    assert task("plain").request(YES_NO, VIEW).options


def test_an_unreadable_answer_is_told_with_all_its_text() -> None:
    text = "<think>Hm.</think><answer>perhaps</answer>"
    with pytest.raises(ParseError) as caught:
        task("think_answer").decode(Completion(text=text), YES_NO, VIEW)
    assert (caught.value.text, caught.value.task) == (text, "answer_closed")
    with pytest.raises(TruncatedError):
        task("think").decode(Completion(text="Because"), YES_NO, VIEW)
