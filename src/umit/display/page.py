"""One HTML page that holds everything: text in any language, pictures inside, nothing fetched."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from io import BytesIO
from typing import Final

from PIL import Image

__all__ = ["NOTICE", "Line", "Section", "page"]

#: Stands on every page.
NOTICE: Final = "Research use only, not a medical device."
_NOTICE_ZH: Final = "仅供研究使用，不是医疗器械。"

_STYLE: Final = """
:root { color-scheme: light dark; --line: #8886; --soft: #8882; --good: #2a7; --bad: #d55; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 0 auto; padding: 1rem; }
.notice { border: 2px solid #e69f00; border-radius: .4rem; padding: .5rem .8rem; margin: 0 0 .6rem; }
section { border-top: 1px solid var(--line); padding: .6rem 0 1.2rem; }
img { max-width: 100%; height: auto; border-radius: .3rem; }
table { border-collapse: collapse; width: 100%; margin-top: .6rem; }
th, td { text-align: left; vertical-align: top; padding: .25rem .6rem; border-bottom: 1px solid var(--line); }
th { background: var(--soft); }
td { white-space: pre-wrap; overflow-wrap: anywhere; }
.good { color: var(--good); } .bad { color: var(--bad); }
"""
_COLUMNS: Final = ("Task", "Question", "Answer", "Truth", "")


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
    """

    task: str
    question: str
    answer: str
    truth: str = ""
    score: str = ""
    good: bool | None = None
    language: str = "en"


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
    own = f"{NOTICE} {_NOTICE_ZH}"
    tops = "\n".join(f'<p class="notice">{escape(text)}</p>' for text in (own, *notices))
    body = "\n".join(part for section in sections for part in _section(section))
    # The policy forbids the page to fetch anything, whatever ends up in it.
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{escape(title)}</h1>\n{tops}\n{body}\n</body>\n</html>\n"
    )


def _section(section: Section) -> Iterator[str]:
    yield f"<section>\n<h2>{escape(section.title)}</h2>"
    if section.note:
        yield f"<p>{escape(section.note)}</p>"
    if section.picture is not None:
        yield f'<img alt="{escape(section.title)}" src="{_data_url(section.picture)}">'
    if section.lines:
        head = "".join(f"<th>{name}</th>" for name in _COLUMNS)
        rows = "\n".join(map(_line, section.lines))
        yield f"<table>\n<tr>{head}</tr>\n{rows}\n</table>"
    yield "</section>"


def _line(line: Line) -> str:
    kind = "" if line.good is None else ' class="good"' if line.good else ' class="bad"'
    spoken = f' lang="{escape(line.language)}"'
    return (
        f"<tr><td>{escape(line.task)}</td><td{spoken}>{escape(line.question)}</td>"
        f"<td{spoken}>{escape(line.answer)}</td><td{spoken}>{escape(line.truth)}</td>"
        f"<td{kind}>{escape(line.score)}</td></tr>"
    )


def _data_url(picture: Image.Image) -> str:
    held = BytesIO()
    picture.save(held, "PNG")
    return "data:image/png;base64," + b64encode(held.getvalue()).decode("ascii")
