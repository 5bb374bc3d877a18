"""Law 4, structured tasks: nonsense is an ``OutputError``, never an empty result, and is decided quickly."""

from __future__ import annotations

import re
import time
import unicodedata
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from umit.chat import Completion
from umit.checkpoints import PHANTOM
from umit.errors import OutputError, ParseError, TruncatedError
from umit.geometry import Space
from umit.imaging.view import View, ViewGeometry
from umit.queries import Ask, Choose, Find, Language, Locate

from ..conftest import examples

FILM = View.of(ViewGeometry(source=Space(size=(2048, 2048)), frame=(1024, 1024)))
SKULL = View.of(ViewGeometry(source=Space(size=(1935, 2400)), frame=(600, 800)))
VOLUME = View.of(ViewGeometry(source=Space(size=(512, 512, 64)), frame=(256, 256, 32)))
LIMIT = 0.05  # seconds of processor time for any text


def _asked(name: str, language: Language) -> tuple[Any, View]:
    english = language == "en"
    if name == "answer_closed":
        options = ("yes", "no") if english else ("是", "否")
        return Ask("Nodule?", options, language=language), FILM
    if name == "classify":
        return Choose(tuple(f"organ {c}" for c in "abcdefghijkl"), language=language), FILM
    if name == "findings":
        label = "nodule" if english else "结节"
        return Choose((label,), several=True, language=language), FILM
    if name == "landmark":
        return Locate("Sella", language=language), SKULL
    return Find("nodule", language=language), VOLUME if name == "detect_3d" else FILM


STRUCTURED = ("answer_closed", "classify", "findings", "detect_2d", "detect_3d", "landmark")
EVERY = pytest.mark.parametrize("name", STRUCTURED)
BOTH = pytest.mark.parametrize("language", ["en", "zh"])


def _read(name: str, language: Language, text: str, finish: str = "stop") -> Any:
    query, view = _asked(name, language)
    return PHANTOM.tasks[name].decode(Completion(text=text, finish_reason=finish), query, view)  # type: ignore[index]


#: Refused by every structured task.
NOWHERE = {
    "": "nothing at all",
    " \n\t ": "blanks only",
    "\u200b": "an invisible character",
    "I cannot help with that.": "a refusal",
    "我不确定。": "a Chinese refusal",
    "The lungs are clear.": "a report",
    "[]": "an empty list",
    "[[]]": "nested empty lists",
    "{}": "an empty object",
    "null": "JSON's nothing",
    "None": "Python's nothing",
    "nan": "not a number",
    "[nan,nan]": "two of them",
    "[inf,1]": "endless",
    "[1e3,2]": "scientific notation",
    "[1,2": "left open",
    "[,]": "no numbers",
    "[1,2,3]": "three numbers",
    "[[1,2],[3,4],[5,6]]": "three pairs",
    "(1,2),(3,4),(5,6)": "three corners",
    "[(1,2,3),(4,5)]": "uneven corners",
    "(((1,2),(3,4)))": "nested",
    "<|box_start|><|box_end|>": "box without corners",
    "<|box_start|>(1,2)<|box_end|>": "box with one corner",
    "<|im_end|>": "a control token",
    "<|endoftext|>": "an end of text",
    "-7:yes": "a negative number",
    "99:yes": "no such option",
    "yes or no": "both options",
    "12345678901234567890": "a long number",
    "There is no": "half a sentence",
    "There is no pneumonia in this image.": "another target",
    '{"bbox_2d": [1, 2, 3, 4]}': "another model's boxes",
    "\x00\x01\x02": "control characters",
    "٣": "an Arabic digit",
}


@EVERY
@BOTH
@pytest.mark.parametrize("text", NOWHERE, ids=NOWHERE.values())
def test_nonsense_is_an_error(name: str, language: Language, text: str) -> None:
    with pytest.raises(OutputError) as caught:
        _read(name, language, text)
    assert caught.value.text == text
    assert caught.value.task == name


#: Right in form, wrong in what it says.
CONTRADICTIONS = {
    ("answer_closed", "0:yes"): "options count from 1",
    ("answer_closed", "3:yes"): "past the last",
    ("answer_closed", "1:no"): "number against words",
    ("answer_closed", "2：是"): "full width, against words",
    ("classify", "12:organ l"): "labels count from 0",
    ("classify", "1:organ k"): "one digit of two",
    ("classify", "10:organ a"): "two digits of one",
    ("findings", "nodule"): "the label alone",
    ("findings", "0:yes"): "options count from 1",
    ("findings", "1:no"): "number against words",
    ("landmark", "[700,10]"): "outside the width",
    ("landmark", "[10,1000]"): "outside the height",
    ("landmark", "[-100,10]"): "far below zero",
    ("landmark", "[100,100],[200,200]"): "two points",
    ("detect_2d", "<|box_start|>(5,5),(5,90)<|box_end|>"): "no width",
    ("detect_2d", "<|box_start|>(5,90),(50,90)<|box_end|>"): "no height",
    ("detect_2d", "<|box_start|>(1,2),(2000,30)<|box_end|>"): "far outside",
    ("detect_2d", "<|box_start|>(1,2,3),(4,5,6)<|box_end|>"): "a box of a volume",
    ("detect_2d", "<|box_start|>(1,2),(3,4)<|box_end|> and more"): "words behind it",
    ("detect_2d", "nodule"): "the name alone",
    ("detect_3d", "[(1,2,3),(4,5,60)]"): "far outside in depth",
    ("detect_3d", "[(1,2),(4,5)]"): "a box of a film",
    ("detect_3d", "[(1,2,3),(4,5,6)"): "bracket left open",
    ("detect_3d", "[(1,2,3),(4,5,6)] or [(1,2,3)"): "words and a half",
}


@BOTH
@pytest.mark.parametrize(("name", "text"), CONTRADICTIONS, ids=[f"{n}-{why}" for (n, _), why in CONTRADICTIONS.items()])
def test_contradictions_are_errors(name: str, language: Language, text: str) -> None:
    with pytest.raises(ParseError):
        _read(name, language, text)


@EVERY
@BOTH
def test_text_cut_by_length_is_an_error(name: str, language: Language) -> None:
    with pytest.raises(TruncatedError):
        _read(name, language, "1:yes", finish="length")


def _says_nothing_readable(text: str) -> bool:
    """No digit in any script, no letter alone, and none of the words that are answers here."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    named = re.search("yes|no|是|否|organ|没有", folded)
    return not named and not re.search(r"[0-9]|(?<![^\W_])[a-z](?![^\W_])", folded)


@EVERY
@BOTH
@settings(derandomize=True)
@given(text=st.text(max_size=200).filter(_says_nothing_readable))
def test_random_text_is_an_error(name: str, language: Language, text: str) -> None:
    with pytest.raises(OutputError):
        _read(name, language, text)


PIECES = st.lists(
    st.sampled_from(
        ["(", ")", "[", "]", ",", ":", "：", " ", "\n", "1", "2", "12", "999", "-", ".", "yes", "no"]
        + ["<|box_start|>", "<|box_end|>", "<|object_ref_start|>", "<|object_ref_end|>", "nodule"]
        + ["(1,2)", "(30,40)", "(1,2,3)", "(30,40,9)", "organ b", "是", "否", "。", "，", "（", "）"]
    ),
    max_size=14,
).map("".join)


@EVERY
@BOTH
@settings(max_examples=examples(150), derandomize=True)
@given(text=PIECES)
def test_pieces_of_answers_are_read_or_refused(name: str, language: Language, text: str) -> None:
    """Nothing but an OutputError is ever raised, and what is read is never empty by accident."""
    try:
        result = _read(name, language, text)
    except OutputError:
        return
    if name.startswith("detect"):
        assert len(result) > 0, "only the sentence says that there is nothing"


ADVERSARIAL = {
    "letters": "a" * 100_000,
    "digits": "9" * 100_000,
    "400 nines": "9" * 400,
    "400 nines in a point": f"[{'9' * 400},{'9' * 400}]",
    "open brackets": "(" * 100_000,
    "few open brackets": "(" * 3999,
    "open lists": "[" * 3999,
    "blanks inside": f"(1{' ' * 3900}2",
    "blanks behind a name": f"<|object_ref_start|>a<|object_ref_end|>{' ' * 3900}x",
    "blanks in a point": f"[1{' ' * 1900},{' ' * 1900}x",
    "blanks in a box": f"(1,2){' ' * 1900},{' ' * 1900}x",
    "blanks behind a number": f"1{' ' * 3900}x",
    "blanks between boxes": f"<|box_start|>(1,2),(3,4)<|box_end|>{' ' * 3900}x",
    "names": "<|object_ref_start|>" * 190,
    "long name": f"<|object_ref_start|>{'a' * 3900}",
    "commas": "," * 3999,
    "half boxes": "(1,2)," * 660,
    "many boxes": "<|box_start|>(1,2),(3,4)<|box_end|>" * 100 + "x",
    "many volumes": "[(1,2,3),(4,5,6)]" * 200,
    "decimal points": f"[1.{'1' * 3900},2]",
    "minus signs": "-" * 3999,
    "ligatures": "ﷺ" * 3999,
    "joiners": "\u200d" * 3999 + "x",
    "combining marks": "e" + "\u0301\u0323" * 1990,
    "full-width": "（" * 3999,
    "emoji": "👩\u200d⚕️" * 900,
    "colons": "1" + ":" * 3990,
}


@EVERY
@BOTH
@pytest.mark.parametrize("why", ADVERSARIAL)
def test_any_text_is_decided_quickly(name: str, language: Language, why: str) -> None:
    text = ADVERSARIAL[why]
    spent = []
    for _ in range(3):  # the best of three, so that a busy machine is no failure
        start = time.thread_time()
        with pytest.raises(OutputError):
            _read(name, language, text)
        spent.append(time.thread_time() - start)
        if spent[-1] < LIMIT:
            break
    assert min(spent) < LIMIT
