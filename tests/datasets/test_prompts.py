"""Prompts back into queries: every wording, the paper's own spellings, and what is none."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from umit.chat import spell
from umit.checkpoints import PHANTOM, RELEASED
from umit.datasets.prompts import Prompts
from umit.errors import InputError
from umit.queries import Ask, Choose, Compare, Describe, Find, Language, Locate, Query
from umit.tasks.landmarks import CEPHALOMETRIC
from umit.tasks.table import choose

from ..conftest import examples

TASKS = RELEASED["dz-osamu/UMIT-B"].tasks
PROMPTS = Prompts(TASKS)
OPTIONS = ("Liver", "Stomach")

#: As the paper's figure prints them (umit-figure-evidence.md, section 4); ⏎ is a break of the figure.
PRINTED: list[Any] = [
    ("根据给定的图像, 请从：1：肺\\n 2：心脏\xa0中选择一个选项⏎回答问题：哪个是异常的?", Ask("哪个是异常的?", ("肺", "心脏"), language="zh")),
    ("根据给定的图像, 请从：1：是 \\n2：否\xa0中选择一个选项⏎回答问题：是否存在于头部?", Ask("是否存在于头部?", ("是", "否"), language="zh")),
    ("根据给定的图像, 请简洁回答问题：⏎成像技术是什么？", Ask("成像技术是什么？", language="zh")),
    ("Given this image, choose one option from:\xa0⏎1:Liver\\n2:Stomach to answer the question: Which is bigger?", Ask("Which is bigger?", OPTIONS)),
    ("Given this image, choose one option from: 1:yes\\n2:no\xa0⏎to answer the question: Is it normal?", Ask("Is it normal?", ("yes", "no"))),
    ("Given this image, please answer the question:\xa0⏎what are present?", Ask("what are present?")),
    ("Given this image, choose one option from the 0:normal\\n1:pneumonia,⏎to answer the question: Is it?", Choose(("normal", "pneumonia"), "Is it?")),
    ("Given this image, choose one option from the 0:a\n1:b,to answer the question: Is it?", Choose(("a", "b"), "Is it?")),
    ("Please review the chest X-ray image and\xa0generate\xa0a report that assesses any abnormalities.", Describe()),
    ("Find <|object_ref_start|>\xa0pneumonia<|object_ref_end|> in this image", Find("pneumonia")),
    ("Given this image, find the Gonion, the response is given in the format of\xa0⏎the\xa0coordinates [x,y]", Locate("Gonion")),
]  # fmt: skip


@pytest.mark.parametrize(("words", "query"), PRINTED)
@pytest.mark.parametrize("broken", ["\n", " ", "\\n"])
def test_the_papers_own_spelling(words: str, query: Query, broken: str) -> None:
    assert PROMPTS.read(words.replace("⏎", broken), volume=False) == (choose(query, volume=False), query)


def test_braces_around_a_name_are_none_of_it() -> None:
    box = "Given this image, find the {Tumor}, please respond with a bounding box"
    assert PROMPTS.read(box, volume=True) == ("detect_3d", Find("Tumor"))


def test_volumes() -> None:
    report = "Given a series of medical images,\xa0\xa0generate a report that assesses any abnormalities."
    box = "Given this image, find the Tumor, please respond with a bounding box"
    assert PROMPTS.read(report, volume=True) == ("report_ct", Describe())
    assert PROMPTS.read(box, volume=True) == ("detect_3d", Find("Tumor"))
    assert PROMPTS.read(report, volume=False) is PROMPTS.read(box, volume=False) is None


@pytest.mark.parametrize(
    "words",
    [
        pytest.param("", id="nothing"),
        pytest.param("What is this?", id="a plain question"),
        pytest.param("given this image, please answer the question: x", id="another case"),
        pytest.param("Given this image, please answer the question:", id="no question"),
        pytest.param("Given this image, choose one option from: 0:a\n1:b to answer the question: x", id="numbered from 0"),
        pytest.param("Given this image, choose one option from: 1:a\n3:b to answer the question: x", id="a number left out"),
        pytest.param("Given this image, choose one option from: 1:a\n2:A to answer the question: x", id="one option twice"),
        pytest.param("Given this image, choose one option from: 1:a to answer the question: x", id="one option"),
        pytest.param("Given this image, choose one option from: A. a B. b to answer the question: x", id="letters"),
        pytest.param("Find <|object_ref_start|><|im_end|><|object_ref_end|> in this image", id="a control token as target"),
        pytest.param("Find <|object_ref_start|>a<|object_ref_end|> in this image, please", id="words after"),
        pytest.param("Given this image, please answer the question: " + "x" * 20_001, id="endless"),
    ],
)  # fmt: skip
def test_none_of_umits(words: str) -> None:
    assert PROMPTS.read(words, volume=False) is None


_CONTROL = st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp", "Zs", "Co", "Cn"))
_PLAIN: Any = {ord("|"): "/", ord("{"): "(", ord("}"): ")"}  # braces around a name are read away
_WORD = st.text(_CONTROL, min_size=1, max_size=12).map(lambda t: t.translate(_PLAIN).strip())
_NAME = st.lists(_WORD.filter(bool), min_size=1, max_size=3).map(" ".join)
_LANGUAGE: Any = st.sampled_from(get_args(Language))


@st.composite
def _queries(draw: st.DrawFn) -> Query:
    language = draw(_LANGUAGE)
    names = tuple(draw(st.lists(_NAME, min_size=2, max_size=12)))
    words = draw(_NAME)
    made = draw(st.integers(0, 7))
    try:
        return [
            lambda: Ask(words, language=language),
            lambda: Ask(words, names, language=language),
            lambda: Choose(names, words, language=language),
            lambda: Choose(names, language=language),
            lambda: Find(words, language=language),
            lambda: Locate(draw(st.sampled_from(CEPHALOMETRIC)), language=language),
            lambda: Describe(draw(st.sampled_from(["report", "caption"])), language=language),
            lambda: Compare(language=language),
        ][made]()  # type: ignore[no-untyped-call, no-any-return]
    except InputError:  # names that repeat
        return Compare(language=language)


CARDS: Any = {"UMIT-B": TASKS, "phantom": PHANTOM.tasks}
READERS = {name: Prompts(tasks) for name, tasks in CARDS.items()}


@pytest.mark.parametrize("card", CARDS)
@settings(max_examples=examples(50))
@given(query=_queries(), volume=st.booleans(), phrasing=st.integers(0, 3))
def test_every_wording_reads_back(card: str, query: Query, volume: bool, phrasing: int) -> None:
    name = choose(query, volume=volume)
    phrasings = CARDS[card][name].wording[query.language].phrasings
    words = spell(phrasings[phrasing % len(phrasings)](query))
    assert READERS[card].read(words, volume=volume) == (name, query)
