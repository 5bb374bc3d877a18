"""Free text: reports of films and of CT, and stage 1's captions and comparisons."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from umit.chat import Completion, Word
from umit.errors import ParseError
from umit.imaging.view import View
from umit.metrics.metric import Metric
from umit.metrics.tables.prose import FILM_REPORTS, REPORTS, TEXTS
from umit.patterns import WORDS, Pattern
from umit.queries import Compare, Describe, Language, Query
from umit.results import Report
from umit.tasks.dialect import Dialect
from umit.tasks.grammar import spoken
from umit.tasks.task import Task, TaskName, TaskSpec, Wording, Words, same_text

__all__ = ["CAPTION", "COMPARE", "REPORT_CT", "REPORT_FILM"]

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
        "en": ("Given a series of medical images,  generate a report that assesses any abnormalities.",),
        "zh": ("根据给定的一系列医学图像, 生成一份评估所有异常的报告。",),
    },
    "caption": {
        "en": ("Describe this image.", "Describe what is abnormal in this image."),
        "zh": ("请描述这张图像。", "请描述这张图像的异常之处。"),
    },
    "compare": {"en": ("Compare these two images.",), "zh": ("请比较这两张图像。",)},
}


@dataclass(frozen=True)
class _ProseGrammar:
    """Any words; an empty text is unreadable."""

    def encode(self, result: Report, query: _Prose, view: View) -> str:
        return spoken(result.text)

    def decode(self, completion: Completion, query: _Prose, view: View) -> Report:
        text = completion.text.strip()
        if not text:
            raise ParseError("expected a text", text=completion.text)
        return Report(text=text)

    def pattern(self, query: _Prose, view: View) -> Pattern | None:
        return Pattern(WORDS)

    def options(self, query: _Prose) -> tuple[tuple[Word, ...], ...]:
        return ()


def _spec(
    name: TaskName,
    title: Words,
    answers: Callable[[Query, bool], bool],
    metrics: tuple[Metric[Any], ...],
    query: _Prose,
    *,
    films: bool = True,
    volumes: bool = False,
) -> TaskSpec[_Prose, Report]:
    def say(text: str) -> Callable[[_Prose], tuple[Word, ...]]:
        return lambda query: (text,)

    wording: Mapping[Language, Wording[_Prose]] = {
        language: Wording(tuple(say(text) for text in texts)) for language, texts in _WORDS[name].items()
    }

    def build(dialect: Dialect, system: str | None) -> Task[_Prose, Report]:
        return Task(
            name=name,
            wording=wording,
            film=dialect.film if films else None,
            volume=dialect.volume if volumes else None,
            grammar=_ProseGrammar(),
            max_new_tokens=512,
            system=system,
        )

    return TaskSpec(
        name=name,
        title=title,
        build=build,
        query=lambda text, choices, language: replace(query, language=language),
        answers=answers,
        result=Report,
        metrics=metrics,
        headline=metrics[0],
        rule=("the same words as the truth; other prose is not judged", "与标准文字相同；其余文字不判定"),
        judge=same_text,
        line=lambda result: result.text,
    )


def _reported(query: Query) -> bool:
    return isinstance(query, Describe) and query.purpose == "report"


#: Reports of films, one or two views.
REPORT_FILM: Final = _spec(
    "report_film",
    ("reports on films", "平片报告"),
    lambda query, volume: _reported(query) and not volume,
    FILM_REPORTS,
    Describe(),
)
#: Reports of CT volumes.
REPORT_CT: Final = _spec(
    "report_ct",
    ("reports on CT", "CT 报告"),
    lambda query, volume: _reported(query) and volume,
    REPORTS,
    Describe(),
    films=False,
    volumes=True,
)
#: Stage 1's captions.
CAPTION: Final = _spec(
    "caption",
    ("captions", "图像描述"),
    lambda query, volume: isinstance(query, Describe) and query.purpose == "caption",
    TEXTS,
    Describe("caption"),
    volumes=True,
)
#: Stage 1's comparison of two pictures.
COMPARE: Final = _spec(
    "compare", ("comparison", "图像比较"), lambda query, volume: isinstance(query, Compare), TEXTS, Compare()
)
