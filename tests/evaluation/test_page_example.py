"""The example in the docs is a page of this code."""

from __future__ import annotations

from pathlib import Path

import umit.evaluation.page as module

PAGE = Path(__file__).parents[2] / "docs" / "examples" / "run.html"


def test_the_example_is_current_and_small() -> None:
    text = PAGE.read_text("utf-8")
    for name in ("page.css", "page.js"):
        part = Path(module.__file__).with_name(name).read_text("utf-8")
        assert part in text, "run: python docs/_example_page.py"
    assert text.count("<article ") == text.count("<img ") >= 20
    assert len(text) < 600_000 and "not a medical device" in text
