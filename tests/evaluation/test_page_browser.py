"""The page in Chromium: what is clicked, what is seen, and that nothing from outside is obeyed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from umit.display.overlay import FOUND, TRUTH
from umit.errors import BackendError, ParseError
from umit.evaluation.gallery import pictures_of
from umit.evaluation.page import write_page
from umit.evaluation.score import score
from umit.queries import Ask, Choose, Find
from umit.results import Answer, Classification, Detection, Detections

from .runs import AWKWARD, MANIFEST, Case, boxes, case, every_task, write

pytestmark = [pytest.mark.slow, pytest.mark.tool("chromium")]

RED, GREEN = (200, 20, 20), (20, 200, 20)
#: Each runs if its place in the page obeys it: text, attribute, quoted attribute, script, address.
HOSTILE = (
    "<script>hit()</script>", "</script><script>hit()</script>", "<img src=x onerror=hit()>",
    "\"'><svg onload=hit()>", "' onmouseover='hit()' x='", "</title></style></pre><script>hit()</script>",
    "javascript:hit()", "--></textarea><iframe srcdoc='<script>parent.hit()</script>'>", AWKWARD,
)  # fmt: skip


@dataclass
class Seen:
    """A page in a browser, and what it did unasked.

    Args:
        page: Playwright's.
        heard: What it fetched, printed, threw or asked the user.
    """

    page: Any
    heard: list[str] = field(default_factory=list)

    def visible(self) -> list[str]:
        """Return the ids of the items that are shown."""
        return self.page.locator("article:visible code").all_inner_texts()

    def click(self, selector: str) -> None:
        """Click as a reader does: what is hidden or covered cannot be clicked."""
        self.page.locator(selector).click()

    def pixels(self, selector: str = "body") -> np.ndarray[Any, Any]:
        """Return what is seen of an element, shape (rows, columns, 3)."""
        with Image.open(BytesIO(self.page.locator(selector).screenshot())) as picture:
            return np.asarray(picture.convert("RGB")).astype(int)


class Browser:
    """Opens pages, each as a reader who has seen none before."""

    def __init__(self, chromium: Any) -> None:
        self._chromium = chromium

    def open(self, path: Path, address: str = "", *, width: int = 1280, **reader: Any) -> Seen:
        """Open a file; ``reader`` is a locale or a colour scheme."""
        context = self._chromium.new_context(viewport={"width": width, "height": 900}, **reader)
        context.set_default_timeout(120_000)  # ms; machines of tests are busy
        seen = Seen(context.new_page())
        own = path.as_uri()
        seen.page.on("request", lambda asked: seen.heard.append(asked.url.partition("#")[0]))
        seen.page.on("console", lambda said: seen.heard.append(said.text))
        seen.page.on("pageerror", lambda error: seen.heard.append(str(error)))
        seen.page.on("dialog", lambda box: (seen.heard.append(box.message), box.dismiss()))
        seen.page.goto(f"{own}{address}")
        seen.heard.remove(own)
        return seen


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=shutil.which("chromium"), timeout=120_000)
        yield Browser(chromium)
        chromium.close()


def _page(folder: Path, cases: Sequence[Case], **manifest: str) -> Path:
    write(folder / "run", cases, {**MANIFEST, **manifest})
    found = pictures_of([sample for sample, _ in cases], [sample.id for sample, _ in cases])
    scored = score(folder / "run", by=["size_px"])
    write_page(folder / "run", folder / "page.html", pictures=found, scored=scored)
    return folder / "page.html"


@pytest.fixture(scope="module")
def every(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of every task and verdict."""
    return _page(tmp_path_factory.mktemp("every"), every_task())


def _near(pixels: np.ndarray[Any, Any], colour: Sequence[int], by: int) -> np.ndarray[Any, Any]:
    return np.abs(pixels - np.array(colour)).max(axis=-1) < by


def test_a_filter_is_clicked(tmp_path: Path, browser: Browser) -> None:
    cases = [
        case("right", Ask("Where?"), Answer(text="x"), Answer(text="x"), colour=GREEN),
        case("wrong", Ask("Where?"), Answer(text="x"), Answer(text="y"), colour=RED),
    ]
    seen = browser.open(_page(tmp_path, cases))
    for value, left in (("", ["right", "wrong"]), ("wrong", ["wrong"]), ("right", ["right"])):
        seen.click(f'[data-key="verdict"][data-value="{value}"]')
        assert seen.visible() == left
        assert seen.page.locator("#shown").inner_text() == str(len(left))
        pressed = seen.page.locator('[data-key="verdict"][aria-pressed="true"]')
        assert pressed.get_attribute("data-value") == value
        pixels = seen.pixels(".gallery")
        for colour, name in ((GREEN, "right"), (RED, "wrong")):
            assert (_near(pixels, colour, 24).sum() > 5000) == (name in left)
    again = browser.open(tmp_path / "page.html", "#verdict=wrong")
    assert again.visible() == ["wrong"], "a view can be passed on"
    assert seen.heard == again.heard == []


def test_marks_are_seen_where_they_must_be(tmp_path: Path, browser: Browser) -> None:
    true, found = (10, 10, 30, 30), (40, 36, 56, 60)
    one = case("wrong", Find("nodule"), boxes(true), boxes(found, score=-0.5))
    seen = browser.open(_page(tmp_path, [one]))
    pixels = seen.pixels("article img")
    scale = pixels.shape[1] / 64  # the scan is 64 pixels wide; the legend stands below it
    for colour, (x1, y1, x2, y2) in ((TRUTH, true), (FOUND, found)):
        # Thin lines are pale in a small picture; the scan is grey, so their hue tells them apart.
        hue = np.sign(colour[0] - colour[2]) * (pixels[:, :, 0] - pixels[:, :, 2])
        there = hue > 50
        for x, y in ((x1, (y1 + y2) / 2), (x2, (y1 + y2) / 2), ((x1 + x2) / 2, y1)):
            a, b = round(x * scale), round(y * scale)
            assert there[b - 4 : b + 5, a - 4 : a + 5].any(), f"no edge at {x}, {y}"
        inside = there[round(y1 * scale) + 8 : round(y2 * scale) - 8, round(x1 * scale) + 8 : round(x2 * scale) - 8]
        assert not inside.any()  # fmt: skip


def test_languages_are_switched(every: Path, browser: Browser) -> None:
    seen = browser.open(every)
    for button, language, heading in (("zh", "zh", "逐项结果"), ("en", "en", "Items")):
        seen.click(f'[data-key="page"][data-value="{button}"]')
        assert seen.page.locator("html").get_attribute("lang") == language
        assert seen.page.locator("#items").inner_text() == heading
        other = "en" if language == "zh" else "zh"
        assert seen.page.locator(f'.own[lang="{other}"]:visible').count() == 0
    chinese = browser.open(every, locale="zh-CN")
    assert chinese.page.locator("#items").inner_text() == "逐项结果", "as the browser is set"
    assert seen.heard == chinese.heard == []


def test_a_count_leads_to_its_items(every: Path, browser: Browser) -> None:
    seen = browser.open(every)
    assert len(seen.visible()) == len(every_task())
    seen.click('[data-count="detect_2d en wrong"] button')
    assert sorted(seen.visible()) == ["wrong-box", "wrong-something"]
    assert seen.page.locator("#items").bounding_box()["y"] < 120
    seen.click('[data-key="verdict"][data-value=""]')
    assert {name.partition("-")[0] for name in seen.visible()} == {"right", "wrong", "unreadable"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_it_fits(width: int, scheme: str, every: Path, browser: Browser) -> None:
    seen = browser.open(every, width=width, color_scheme=scheme)
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
    ground = seen.pixels("h1")[0, -1].mean()
    assert ground < 60 if scheme == "dark" else ground > 220
    text = seen.pixels("h1")
    assert np.ptp(text) > 180, "letters stand out"
    assert seen.page.locator("svg").count() > 9 and seen.heard == []


def _hostile(text: str, number: int) -> list[Case]:
    place = boxes((1, 1, 9, 9), score=-0.5).items[0].box
    marked = Detections(items=(Detection(label=text, box=place, score=-0.5),))
    label = Classification(label=text, probabilities=(0.6, 0.4))
    cases = [
        case(f"a{text}", Ask(text), Answer(text=text), Answer(text=text)),
        case(f"b{text}", Ask(text, (text, "no")), Answer(text=text, option=0), None),
        case(f"c{text}", Choose((text, "no"), text), label, label),
        case(f"d{text}", Find(text), marked, marked),
        case(f"e{text}", Ask("x"), Answer(text="x"), BackendError(text, engine=text)),
        case(f"f{text}", Ask("x"), Answer(text="x"), ParseError(text, task="answer_open", text=text)),
    ]  # fmt: skip
    facts = (("modality", text),)
    return [(replace(s, facts=facts, group=f"{text}{number}"), found) for s, found in cases]


def test_nothing_from_outside_is_obeyed(tmp_path: Path, browser: Browser) -> None:
    cases = [one for number, text in enumerate(HOSTILE) for one in _hostile(text, number)]
    text = "".join(HOSTILE)
    names = dict.fromkeys(("checkpoint", "dataset", "split", "variant", text), text)
    seen = browser.open(_page(tmp_path, cases, **names), f"#verdict={HOSTILE[2]}")
    seen.page.evaluate("() => { window.hit = () => console.log('hit'); }")
    seen.click('[data-key="verdict"][data-value=""]')
    for details in seen.page.locator("summary").all():
        details.click()
    seen.page.locator("article").first.hover()
    for tag in ("script", "meta[http-equiv]", "style", "head > title"):
        assert seen.page.locator(tag).count() == 1, tag
    assert seen.page.locator("iframe, object, embed, link, a, form, base").count() == 0
    assert seen.page.locator("article").count() == len(cases) - len(HOSTILE), "all but failures"
    assert seen.page.title() == f"{_spelled(text)} · {_spelled(text)}" and seen.heard == []


def _spelled(text: str) -> str:
    return text.replace("\u202e", "\\u202e").replace("\x00", "\\x00")


def test_what_gets_in_all_the_same_cannot_run(every: Path, browser: Browser) -> None:
    seen, failed = browser.open(every), []
    seen.page.on("requestfailed", lambda asked: failed.append((asked.url, asked.failure)))
    seen.page.evaluate(
        """window.hits = 0;
        document.body.insertAdjacentHTML("beforeend", "<img src='https://example.org/x' onerror='hits++'>");
        const script = document.createElement("script");
        script.textContent = "hits++";
        document.body.append(script);"""
    )
    seen.page.wait_for_timeout(500)
    assert seen.page.evaluate("window.hits") == 0
    assert sum("Content Security Policy" in said for said in seen.heard) >= 3
    assert failed == [("https://example.org/x", "csp")], "refused before it was fetched"
