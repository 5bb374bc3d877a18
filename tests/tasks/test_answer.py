"""Answers: the words asked, and awkward texts read."""

from __future__ import annotations

import pytest

from umit.chat import Completion, spell
from umit.checkpoints import KNOWN
from umit.errors import ParseError
from umit.geometry import Space
from umit.imaging.frame import ViewGeometry
from umit.imaging.view import View
from umit.queries import Ask
from umit.results import Answer
from umit.tasks.answer import answer_closed, answer_open
from umit.tasks.dialect import UMIT

VIEW = View.of(ViewGeometry(source=Space(size=(10, 10)), frame=(10, 10)))
OPEN, CLOSED = answer_open(UMIT, ""), answer_closed(UMIT, "")
YES_NO = Ask("Is it?", ("yes", "no"))
ORGANS = Ask("Which?", ("liver", "left kidney", "spleen, enlarged", "3", "m²", "m2 area", "是"))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        pytest.param("1:yes", 0, id="as it is taught"),
        pytest.param("2:no", 1, id="the other one"),
        pytest.param(" 2:no\n", 1, id="blanks around it"),
        pytest.param("2: no", 1, id="blank after colon"),
        pytest.param("2 : no", 1, id="blank before colon"),
        pytest.param("2：no", 1, id="full-width colon"),
        pytest.param("２：ｎｏ", 1, id="all full width"),
        pytest.param("2:NO.", 1, id="upper case, stop"),
        pytest.param("2. no", 1, id="stop for colon"),
        pytest.param("2) no", 1, id="bracket for colon"),
        pytest.param("2", 1, id="number alone"),
        pytest.param("no", 1, id="words alone"),
        pytest.param("No。", 1, id="Chinese full stop"),
        pytest.param("\u200b2:no\ufeff", 1, id="zero-width characters"),
        pytest.param("**2:no**", 1, id="bold in Markdown"),
        pytest.param("(2) no", 1, id="number in brackets"),
        pytest.param("2 no", 1, id="a blank alone"),
        pytest.param("Answer: 2:no", 1, id="a lead-in"),
        pytest.param("Option 2: no", 1, id="another lead-in"),
        pytest.param("The answer is no.", 1, id="a whole sentence"),
        pytest.param("选项2：no", 1, id="a Chinese lead-in"),
        pytest.param("B", 1, id="a letter"),
        pytest.param("b. no", 1, id="letter and words"),
        pytest.param("(B) no", 1, id="letter in brackets"),
        pytest.param("C", None, id="no such letter"),
        pytest.param("A. no", None, id="letter contradicts words"),
        pytest.param("(1) no", None, id="brackets contradict words"),
        pytest.param("The answer is not no.", None, id="a denial"),
        pytest.param("", None, id="nothing at all"),
        pytest.param("1:no", None, id="number contradicts words"),
        pytest.param("3:maybe", None, id="no such option"),
        pytest.param("0:yes", None, id="counted from 0"),
        pytest.param("1:yes 2:no", None, id="both of them"),
        pytest.param("yes no", None, id="both in words"),
        pytest.param("yesterday", None, id="begins like one"),
        pytest.param("-1:yes", None, id="negative number"),
        pytest.param("1" * 50, None, id="very long number"),
        pytest.param("x" * 5000, None, id="longer than answers"),
    ],
)
def test_closed(text: str, wanted: int | None) -> None:
    if wanted is None:
        with pytest.raises(ParseError) as caught:
            CLOSED.decode(Completion(text=text), YES_NO, VIEW)
        assert caught.value.text == text
        assert caught.value.task == "answer_closed"
    else:
        found = CLOSED.decode(Completion(text=text), YES_NO, VIEW)
        assert (found.option, found.text) == (wanted, YES_NO.options[wanted])


@pytest.mark.parametrize("index", range(len(ORGANS.options)))
def test_closed_reads_what_it_writes(index: int) -> None:
    text = CLOSED.encode(Answer(text=ORGANS.options[index]), ORGANS, VIEW)
    assert text == f"{index + 1}:{ORGANS.options[index]}"
    assert CLOSED.decode(Completion(text=text), ORGANS, VIEW).option == index


def test_options_that_fold_to_the_same_are_told_apart_by_number() -> None:
    query = Ask("Unit?", ("m²", "m2"))
    for index, text in enumerate(("1:m²", "2:m2")):
        assert CLOSED.decode(Completion(text=text), query, VIEW).option == index


@pytest.mark.parametrize(
    ("options", "text", "wanted"),
    [
        pytest.param(("3", "2", "1"), "3", None, id="third, or called 3"),
        pytest.param(("3", "2", "1"), "(3)", None, id="third, or called 3, in brackets"),
        pytest.param(("b", "a"), "(A)", None, id="first letter, or called a, in brackets"),
        pytest.param(("3", "2", "1"), "2", 1, id="second, and called 2"),
        pytest.param(("3", "2", "1"), "1:3", 0, id="as it is taught"),
        pytest.param(("0", "1"), "1", None, id="first, or called 1"),
        pytest.param(("10", "20"), "20", 1, id="no such number, a name"),
        pytest.param(("m²", "m2"), "m²", None, id="both fold to m2"),
        pytest.param(("m²", "m2"), "2", 1, id="but not their numbers"),
        pytest.param(("1 lesion", "2 lesions"), "2 lesions", 1, id="words begin with a number"),
        pytest.param(("2 lesions", "1 lesion"), "2 lesions", 0, id="of another option"),
        pytest.param(("Option B", "Option A"), "Option A", 1, id="words begin with a lead-in"),
        pytest.param(("b", "a"), "a", None, id="first letter, or called a"),
        pytest.param(("a nodule", "a mass"), "a mass", 1, id="an article is no letter"),
        pytest.param(("right  lung", "left lung"), "Right lung", 0, id="blanks in the option"),
    ],
)
def test_two_readings_are_none(options: tuple[str, ...], text: str, wanted: int | None) -> None:
    query = Ask("Which?", options)
    if wanted is None:
        with pytest.raises(ParseError, match="can be read as several"):
            CLOSED.decode(Completion(text=text), query, VIEW)
    else:
        assert CLOSED.decode(Completion(text=text), query, VIEW).option == wanted


def test_words_asked() -> None:
    assert spell(CLOSED.request(YES_NO, VIEW).words) == (
        "Given this image, choose one option from: 1:yes\n2:no to answer the question: Is it?"
    )
    chinese = Ask("是吗？", ("是", "否"), language="zh")
    assert spell(CLOSED.request(chinese, VIEW).words) == (
        "根据给定的图像, 请从：1：是 \n2：否 中选择一个选项回答问题：是吗？"
    )
    assert [spell(o) for o in CLOSED.request(chinese, VIEW).options] == ["1：是", "2：否"]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        pytest.param(" spleen \n", "spleen", id="blanks around it"),
        pytest.param("共焦荧光显微镜。", "共焦荧光显微镜。", id="full stop stays"),
        pytest.param("ＡＢ", "ＡＢ", id="never rewritten"),
        pytest.param("", None, id="nothing at all"),
        pytest.param("\n \u3000", None, id="blanks only"),
    ],
)
def test_open(text: str, wanted: str | None) -> None:
    query = Ask("What?")
    if wanted is None:
        with pytest.raises(ParseError):
            OPEN.decode(Completion(text=text), query, VIEW)
    else:
        assert OPEN.decode(Completion(text=text), query, VIEW) == Answer(text=wanted)


def test_probabilities_of_very_unlikely_options() -> None:
    found = CLOSED.decode(Completion(text="1:yes", option_logprobs=(-2000.0, -2000.0)), YES_NO, VIEW)
    assert found.probabilities == (0.5, 0.5)


def test_what_was_expected_is_spelled_as_the_card_spells_it() -> None:
    task = KNOWN["lingshu-medical-mllm/Lingshu-7B"].task("answer_closed")
    with pytest.raises(ParseError) as caught:
        task.decode(Completion(text="I cannot tell."), YES_NO, VIEW)
    written = [task.encode(Answer(text=words), YES_NO, VIEW) for words in YES_NO.options]
    assert caught.value.expected == ", ".join(map(repr, written)) and "1:yes" not in str(caught.value)
