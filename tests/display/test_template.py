"""Whatever way a value takes into a page, it is escaped, and what would be obeyed is spelled."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from jinja2 import UndefinedError

import umit
from umit.display import template
from umit.display.template import markdown, number

ROOT = Path(umit.__file__).parent
EVIL = "<b>\"'&\u202e\x00\ud83d"
SHOWN = "&lt;b&gt;&#34;&#39;&amp;\\u202e\\x00\\ud83d"


@pytest.mark.parametrize(
    "way",
    [
        "{{ x }}",
        "{{ x ~ '' }}",
        "{{ '%s'|format(x) }}",
        "{{ [x]|join }}",
        "{% macro m(y) %}{{ y }}{% endmacro %}{{ m(x) }}",
        "{% macro m(y) %}{{ y }}{% endmacro %}{% set z = m(x) %}{{ z ~ '' }}",
        "{% macro m() %}{% endmacro %}{{ m() ~ x }}",
        "{% for y in [x] %}{{ y }}{% endfor %}",
    ],
)
def test_no_way_in_is_obeyed(way: str) -> None:
    assert template._HTML.from_string(way).render(x=EVIL) == SHOWN


def test_attributes_are_escaped() -> None:
    made = template._HTML.from_string("<p{{ {'lang': x}|xmlattr }}>").render(x=EVIL)
    assert made == f'<p lang="{SHOWN}">'


def test_line_breaks_and_chinese_stay() -> None:
    assert template._HTML.from_string("{{ x }}").render(x="a\n\t结节") == "a\n\t结节"


def test_a_value_that_is_not_given_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        template._HTML.from_string("{{ x }}").render()


def test_every_template_is_read_and_trusts_only_our_own_files() -> None:
    paths = [*ROOT.glob("display/*.html"), *ROOT.glob("evaluation/*.html")]
    assert len(paths) > 4
    trusted = {}
    for path in paths:
        template._HTML.get_template(path.relative_to(ROOT).as_posix())
        text = path.read_text("utf-8")
        assert "autoescape" not in text
        trusted[path.name] = re.findall(r"(\w+)\s*\|\s*safe", text)
    assert {name: found for name, found in trusted.items() if found} == {"base.html": ["style", "script"]}


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("a|b", r"a\|b"),
        ("<x>", r"\<x>"),
        ("answer_open", "answer_open"),
        ("_a_ __b", r"\_a\_ \_\_b"),
        ("two\nlines", "two lines"),
        ("[a](b) `c` *d*", r"\[a](b) \`c\` \*d\*"),
        ("a\\|b", r"a\\\|b"),
    ],
)
def test_markdown_keeps_a_text_in_its_cell(text: str, cell: str) -> None:
    made = markdown("evaluation/robustness.md", rows=[], left_out=[("flip", 3, text)])
    assert f"- flip: 3 left out, {cell}\n" in made


def test_numbers_that_are_none_are_not_printed() -> None:
    assert [number(0.12345), number(float("nan")), number(2.0, ".1f")] == ["0.123", "", "2.0"]
