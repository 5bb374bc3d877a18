"""The demo's page in Chromium: no word is broken, and no text makes a narrow page scroll sideways."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from umit.display.page import Line, Section, page

pytestmark = [pytest.mark.slow, pytest.mark.tool("chromium")]

#: Words of cells that stand on more than one line.
BROKEN = r"""() => [...document.querySelectorAll("td")].flatMap(cell => {
  const text = cell.firstChild;
  return text === null ? [] : [...text.data.matchAll(/\S+/g)].filter(word => {
    const range = document.createRange();
    range.setStart(text, word.index);
    range.setEnd(text, word.index + word[0].length);
    return range.getClientRects().length > 1;
  }).map(String);
})"""


@pytest.mark.parametrize("width", [1280, 390])
def test_no_word_is_broken(width: int, tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    prose = "The heart is normal in size. There is cavity in the left upper zone. " * 3
    lines = [
        Line(task="question", question="Is there cardiomegaly?", answer="yes", truth="yes", good=True),
        Line(task="classification", question=prose, answer=prose, truth=prose),
        Line(task="landmark", question="Sella", answer="(263,131)", numbers="12–14", score="0.4 % off"),
    ]  # fmt: skip
    path = tmp_path / "page.html"
    path.write_text(page([Section(title="x" * 300, lines=lines)], title="Demo"), "utf-8")
    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=shutil.which("chromium"), timeout=120_000)
        seen = chromium.new_page(viewport={"width": width, "height": 900})
        seen.goto(path.as_uri())
        assert seen.evaluate(BROKEN) == []
        assert seen.evaluate("document.documentElement.scrollWidth") <= width
        assert seen.locator("td.number").all_inner_texts() == ["", "", "12–14"]
        chromium.close()
