"""Expressions followed byte by byte, against Python's own regular expressions."""

from __future__ import annotations

import re
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from umit.backends.local.automaton import NOTHING
from umit.backends.local.expression import compiled
from umit.errors import InputError
from umit.patterns import WORDS, Corners, between, until

PATTERNS = [
    WORDS, until("</a>") + "x", "(a|b)*abb", "a{2,4}b?c+", "a{2}|b{1,}", r"[^a-c]\d\.x|中[一-龥]+。", r"(?:ab)+\s*",
    between(0, 42), r".*x", r"[\]^a-]+", r"\w\W\D", "", "a|", "(a?)*b", "\U0001f600|[\u0400-\uffff]x",
]  # fmt: skip
TEXT = st.lists(st.sampled_from([*"abcx<>/1.4 \n", "中", "文", "。", "]", "-", "\U0001f600", "</a>", "abb", "\u3000"]))


def reads(pattern: str, text: str, corners: Corners | None = None) -> bool:
    state = compiled(pattern, {}, corners)
    for byte in text.encode():
        state = state.after(byte)
    return state is not NOTHING and state.nullable


@pytest.mark.parametrize("pattern", PATTERNS)
@given(text=TEXT.map("".join))
def test_as_python_reads_it(pattern: str, text: str) -> None:
    ascii_ = re.ASCII if re.search(r"\\[dwDW]", pattern) else 0  # blanks are Unicode's
    assert reads(pattern, text) == bool(re.fullmatch(pattern, text, ascii_))


@pytest.mark.parametrize("least", [0, 1])
def test_corners_come_in_order(least: int) -> None:
    corners = Corners(("(", ",", "),(", ",", ")"), (11, 3), least)
    for x1, y1, x2, y2 in product((0, 1, 2, 9, 10, 11, 12), (0, 2, 3, 4), (0, 1, 2, 10, 11, 12), (0, 1, 3, 4)):
        right = x1 + least <= x2 <= 11 and y1 + least <= y2 <= 3
        assert reads(f"{corners.pattern}|none", f"({x1},{y1}),({x2},{y2})", corners) == right
    assert reads(f"{corners.pattern}|none", "none", corners)
    assert not reads(corners.pattern, "(01,1),(2,2)", corners)


@pytest.mark.parametrize(("low", "high", "decimals"), [(0, 1000, 3), (5, 100, 2), (37, 1512, 1), (12, 18, 1)])
def test_decimals_are_as_python_reads_them(low: int, high: int, decimals: int) -> None:
    corners = Corners(("", " ", ";"), (high,), low, decimals)
    for steps in range(high + 30):
        text = f"{steps / 10**decimals:.{decimals}f}"
        assert bool(re.fullmatch(between(low, high, decimals), text)) == (low <= steps <= high)
        assert reads(corners.pattern, f"{0:.{decimals}f} {text};", corners) == (low <= steps <= high)
    for text in ("1", "1.", ".5", "00.1", "0.00001"):
        assert not reads(corners.pattern, f"{0:.{decimals}f} {text};", corners)


@given(st.data())
def test_what_is_allowed_leads_to_an_end(data: st.DataObject) -> None:
    corners = Corners(("[(", ",", ",", "),(", ",", ",", ")]"), (99, 120, 31), data.draw(st.integers(0, 1)))
    state = compiled(f"{corners.pattern}(,{corners.pattern}){{0,2}}|There is no [^\\n]{{1,3}}\\.", {}, corners)
    for _ in range(120):
        symbols = [symbol for symbol in range(256) if state.first >> symbol & 1]
        if state.nullable and (not symbols or data.draw(st.booleans())):
            return
        assert symbols, "a dead end"
        state = state.after(data.draw(st.sampled_from(symbols)))
        assert state is not NOTHING
    pytest.fail("longer than anything that the pattern allows")


@pytest.mark.parametrize(
    "pattern",
    ["(a", "a)", "[a", "*a", "a{2", "a{x}", "a{3,2}", r"\b", r"(?=a)", r"(?P<n>a)", "^a", "a$", "[b-a]", "[]", "\\"],
)
def test_no_plain_expression(pattern: str) -> None:
    with pytest.raises(InputError, match="plain regular expression"):
        compiled(pattern, {})
