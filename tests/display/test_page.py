"""The page holds everything it needs, and nothing in it is taken for markup."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser
from io import BytesIO

from PIL import Image

from umit.display.page import NOTICE, Line, Section, page

EVIL = '"><script src="http://example.com/x.js">\'&'


def made() -> str:
    line = Line(task=EVIL, question=EVIL, answer="结节", truth=EVIL, score=EVIL, good=False, language="zh")
    picture = Image.new("RGB", (3, 2), (1, 2, 3))
    section = Section(title=EVIL, lines=[line], picture=picture, note=EVIL)
    return page([section, Section(title="Empty")], title=EVIL, notices=["Knows phantoms only."])


class _Seen(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [v or "" for k, v in attrs if k in ("src", "href", "srcset", "action")]

    def handle_data(self, data: str) -> None:
        self.text += data


def seen() -> _Seen:
    parser = _Seen()
    parser.feed(made())
    return parser


def test_page_fetches_nothing() -> None:
    parser = seen()
    assert parser.links and all(link.startswith("data:image/png;base64,") for link in parser.links)
    assert not {"script", "link", "iframe", "object", "form"} & set(parser.tags)
    assert "url(" not in made() and "@import" not in made()
    assert "default-src 'none'" in made()


def test_text_stays_text() -> None:
    assert seen().text.count(EVIL) == 8  # title, both headings, note and four cells
    assert '<meta charset="utf-8">' in made()


def test_pictures_are_lossless() -> None:
    url = re.search(r"base64,([^\"]+)", made())
    assert url
    with Image.open(BytesIO(base64.b64decode(url[1]))) as picture:
        assert picture.getpixel((0, 0)) == (1, 2, 3)


def test_notices_and_chinese_stand_in_the_text() -> None:
    text = seen().text
    assert text.index(NOTICE) < text.index("Knows phantoms only.") < text.index("结节")
    assert "不是医疗器械" in text
    assert 'lang="zh">结节</td>' in made()
