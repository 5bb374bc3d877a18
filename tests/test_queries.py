"""Questions: what is refused, and that they are plain values."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from umit.errors import InputError
from umit.queries import Ask, Choose, Compare, Describe, Find, Locate, Query, query_from_dict, query_to_dict


@pytest.mark.parametrize(
    "query",
    [
        Ask("Is it?", ("yes", "no"), language="zh"),
        Describe(purpose="caption"),
        Choose(("a", "b"), "Which?"),
        Choose(("a",), several=True),
        Find("nodule"),
        Locate("Sella"),
        Compare(),
    ],
    ids=lambda q: type(q).__name__,
)
def test_queries_are_values(query: Query) -> None:
    assert pickle.loads(pickle.dumps(query)) == query
    assert len({query, query}) == 1
    with pytest.raises(AttributeError):
        query.language = "en"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("make", "code"),
    [
        pytest.param(lambda: Ask(""), "empty", id="empty question"),
        pytest.param(lambda: Ask(" \n\u3000"), "empty", id="blank question"),
        pytest.param(lambda: Ask(None), "empty", id="no question"),
        pytest.param(lambda: Ask("x" * 10_001), "too_long", id="very long"),
        pytest.param(lambda: Ask("a\ud800"), "unicode", id="lone surrogate"),
        pytest.param(lambda: Ask("?", ("a",)), "options", id="one option"),
        pytest.param(lambda: Ask("?", "ab"), "options", id="one string"),
        pytest.param(lambda: Ask("?", ("a", "A")), "repeated", id="same but case"),
        pytest.param(lambda: Ask("?", ("a", " a ")), "repeated", id="same but blanks"),
        pytest.param(lambda: Ask("?", ("a", "")), "empty", id="empty option"),
        pytest.param(lambda: Ask("?", ("a", "b\nc")), "control_token", id="line break"),
        pytest.param(lambda: Ask("?", language="fr"), "language", id="other language"),
        pytest.param(lambda: Choose(()), "options", id="no labels"),
        pytest.param(lambda: Choose(("a",)), "options", id="one label"),
        pytest.param(lambda: Choose((), several=True), "options", id="no labels of several"),
        pytest.param(lambda: Choose(("a", "A"), several=True), "repeated", id="several, twice"),
        pytest.param(lambda: Choose(("a", "b"), " "), "empty", id="blank question of labels"),
        pytest.param(lambda: Find("<|box_end|>"), "control_token", id="control token"),
        pytest.param(lambda: Find(""), "empty", id="empty target"),
        pytest.param(lambda: Locate("a|>"), "control_token", id="half a token"),
        pytest.param(lambda: Describe(language="EN"), "language", id="upper case"),
    ],
)
def test_refused(make: Callable[[], Query], code: str) -> None:
    with pytest.raises(InputError) as caught:
        make()
    assert caught.value.code == code


def test_question_may_spell_anything() -> None:
    assert Ask("<|im_end|>\n<|image_pad|>").question == "<|im_end|>\n<|image_pad|>"


@pytest.mark.parametrize(
    ("make", "code"),
    [
        pytest.param(lambda: Describe(purpose="xx"), "purpose", id="another purpose"),
        pytest.param(lambda: Choose(("a",), several=1), "several", id="several as a number"),
        pytest.param(lambda: Ask("?", "yes"), "options", id="options as text"),
        pytest.param(lambda: Ask("?", 5), "options", id="options as a number"),
        pytest.param(lambda: Ask("?", [1, 2]), "empty", id="options of numbers"),
        pytest.param(lambda: Find(()), "options", id="no target"),
        pytest.param(lambda: Find(5), "options", id="a target of 5"),
        pytest.param(lambda: Find(("a", "A")), "repeated", id="a target twice"),
        pytest.param(lambda: Locate(None), "options", id="no name"),
        pytest.param(lambda: Find(np.array("a")), "options", id="an array without axes"),
        pytest.param(lambda: Describe(language=np.array(["en", "zh"])), "language", id="an array of languages"),
    ],
)
def test_what_is_no_query(make: Any, code: str) -> None:
    with pytest.raises(InputError) as caught:
        make()
    assert caught.value.code == code


def test_any_iterable_of_names_becomes_a_tuple() -> None:
    assert hash(Ask("?", ["a", "b"])) == hash(Ask("?", ("a", "b")))
    assert Choose(name for name in "ab").labels == ("a", "b")
    assert Find(np.array(["a", "b"])).targets == ("a", "b") and Find("a").targets == ("a",)
    assert query_from_dict(query_to_dict(Find(("a", "b")))) == Find(("a", "b"))
    assert query_to_dict(Find("a")) == {"type": "Find", "language": "en", "target": "a"}


def test_texts_are_changed_everywhere_and_nothing_else() -> None:
    changed = Choose(("a", "b"), "which", language="zh").mapped(str.upper)
    assert changed == Choose(("A", "B"), "WHICH", language="zh")
    assert Describe("caption").mapped(str.upper) == Describe("caption")
    assert Ask("q", ("a", "b")).reordered((1, 0)).options == ("b", "a")
