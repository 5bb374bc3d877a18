"""One HTML page that holds everything: text in any language, pictures inside, nothing fetched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from PIL import Image

from umit.display.template import html

__all__ = ["NOTICE", "Line", "Section", "page"]

#: Stands on every page.
NOTICE: Final = "Research use only, not a medical device."
_NOTICE_ZH: Final = "仅供研究使用，不是医疗器械。"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One question with its answer.

    Args:
        task: What kind of question it is.
        question: What was asked.
        answer: What was answered, or why it could not be read.
        truth: What is true, if known.
        score: How good the answer is, in a word or a number.
        good: Whether it is right; ``None`` says nothing.
        language: Of question and answer, such as ``"zh"``.
        numbers: Of its marks in the picture, such as ``"3"`` or ``"3–5"``; ``""`` for none.
    """

    task: str
    question: str
    answer: str
    truth: str = ""
    score: str = ""
    good: bool | None = None
    language: str = "en"
    numbers: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Section:
    """One picture and what was asked about it.

    Args:
        title: Its heading.
        lines: Questions and answers, in order.
        picture: Stands above them.
        note: A sentence under the heading.
    """

    title: str
    lines: Sequence[Line] = ()
    picture: Image.Image | None = None
    note: str = ""


def page(sections: Sequence[Section], *, title: str, notices: Sequence[str] = ()) -> str:
    """Return a whole HTML page; every text in it is escaped and every picture a data URL.

    Args:
        sections: Shown in order.
        title: Of the page.
        notices: Stand on top, after :data:`NOTICE` in English and Chinese.

    Example:
        >>> "&lt;b&gt;" in page([Section(title="<b>")], title="Results")
        True
    """
    tops = (f"{NOTICE} {_NOTICE_ZH}", *notices)
    return html("display/page.html", style="display/page.css", title=title, notices=tops, sections=sections)
