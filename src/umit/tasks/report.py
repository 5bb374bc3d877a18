"""Free text: reports of films and of CT, and stage 1's captions and comparisons."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from umit.chat import Completion, Word
from umit.errors import ParseError
from umit.imaging.view import Rendering, View
from umit.queries import Compare, Describe, Language
from umit.results import Report
from umit.tasks.dialect import Dialect
from umit.tasks.task import Task, TaskName, Wording

__all__ = ["caption", "compare", "report_ct", "report_film"]

_Prose = Describe | Compare

#: The first English phrasing of each report is the figure's; "create" is quoted from a data row, where
#: its end is cut off. All Chinese, and all of stage 1, is ours: the paper shows none of their words.
_WORDS: Final[dict[TaskName, dict[Language, tuple[str, ...]]]] = {
    "report_film": {
        "en": (
            "Please review the chest X-ray image and generate a report that assesses any abnormalities.",
            "Please review the chest X-ray image and create a report that assesses any abnormalities.",
        ),
        "zh": ("请阅读胸部X光图像, 并生成一份评估所有异常的报告。",),
    },
    "report_ct": {
        # Two blanks after the comma, as in the figure.
        "en": (
            "Given a series of medical images,  generate a report that assesses any abnormalities.",
        ),
        "zh": ("根据给定的一系列医学图像, 生成一份评估所有异常的报告。",),
    },
    "caption": {
        "en": ("Describe this image.", "Describe what is abnormal in this image."),
        "zh": ("请描述这张图像。", "请描述这张图像的异常之处。"),
    },
    "compare": {
        "en": ("Compare these two images.",),
        "zh": ("请比较这两张图像。",),
    },
}


@dataclass(frozen=True)
class _ProseGrammar:
    """Any words; an empty text is unreadable."""

    def encode(self, result: Report, query: _Prose, view: View) -> str:
        return result.text

    def decode(self, completion: Completion, query: _Prose, view: View) -> Report:
        text = completion.text.strip()
        if not text:
            raise ParseError("expected a text", text=completion.text)
        return Report(text=text)

    def pattern(self, query: _Prose) -> str | None:
        return None

    def options(self, query: _Prose) -> tuple[tuple[Word, ...], ...]:
        return ()


def _prose(
    name: TaskName, film: Rendering | None, volume: Rendering | None, length: int, system: str
) -> Task[_Prose, Report]:
    def say(text: str) -> Callable[[_Prose], tuple[Word, ...]]:
        return lambda query: (text,)

    wording: Mapping[Language, Wording[_Prose]] = {
        language: Wording(tuple(say(text) for text in texts))
        for language, texts in _WORDS[name].items()
    }
    return Task(
        name=name,
        wording=wording,
        film=film,
        volume=volume,
        grammar=_ProseGrammar(),
        max_new_tokens=length,
        system=system,
    )


def report_film(dialect: Dialect, system: str) -> Task[_Prose, Report]:
    """Reports of films, one or two views."""
    return _prose("report_film", dialect.film, None, 512, system)


def report_ct(dialect: Dialect, system: str) -> Task[_Prose, Report]:
    """Reports of CT volumes."""
    return _prose("report_ct", None, dialect.volume, 512, system)


def caption(dialect: Dialect, system: str) -> Task[_Prose, Report]:
    """Stage 1's captions."""
    return _prose("caption", dialect.film, dialect.volume, 512, system)


def compare(dialect: Dialect, system: str) -> Task[_Prose, Report]:
    """Stage 1's comparison of two pictures."""
    return _prose("compare", dialect.film, None, 512, system)
