"""Questions: open, and with options numbered from 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from umit.chat import Completion, Word
from umit.errors import InputError, ParseError
from umit.imaging.view import View
from umit.metrics.tables.answers import CLOSED, OPEN
from umit.patterns import WORDS, Pattern, one_of
from umit.queries import Ask, Language
from umit.results import Answer
from umit.tasks.dialect import Dialect
from umit.tasks.grammar import chosen, probabilities, read_option, spoken
from umit.tasks.task import Task, TaskSpec, Wording, at_least

__all__ = ["ANSWER_CLOSED", "ANSWER_OPEN"]


# The paper's figure writes both; in Chinese it puts an ASCII comma and a blank after 图像.
def _open_en(query: Ask) -> tuple[Word, ...]:
    return (f"Given this image, please answer the question: {query.question}",)


def _open_zh(query: Ask) -> tuple[Word, ...]:
    return (f"根据给定的图像, 请简洁回答问题：{query.question}",)


@dataclass(frozen=True)
class _FreeAnswer:
    """Any words; an empty answer is unreadable."""

    def encode(self, result: Answer, query: Ask, view: View) -> str:
        return spoken(result.text)

    def decode(self, completion: Completion, query: Ask, view: View) -> Answer:
        text = completion.text.strip()
        if not text:
            raise ParseError("expected an answer in words", text=completion.text)
        return Answer(text=text)

    def pattern(self, query: Ask, view: View) -> Pattern | None:
        return Pattern(WORDS)

    def options(self, query: Ask) -> tuple[tuple[Word, ...], ...]:
        return ()


@dataclass(frozen=True)
class _OptionAnswer:
    """One of the query's options with its number."""

    dialect: Dialect

    @property
    def first(self) -> int:
        return self.dialect.first_option

    def encode(self, result: Answer, query: Ask, view: View) -> str:
        if result.option is None:
            return self._write(query, chosen(result.text, query.options))
        if not 0 <= result.option < len(query.options):
            raise InputError(
                f"expected an option of 0 to {len(query.options) - 1}, got {result.option}", code="options"
            )
        return self._write(query, result.option)

    def _write(self, query: Ask, index: int) -> str:
        return self.dialect.option(index, query.options[index], first=self.first, language=query.language)

    def decode(self, completion: Completion, query: Ask, view: View) -> Answer:
        spelled = [self._write(query, i) for i in range(len(query.options))]
        index = read_option(completion, query.options, first=self.first, spelled=spelled)
        return Answer(text=query.options[index], option=index, probabilities=probabilities(completion.option_logprobs))

    def pattern(self, query: Ask, view: View) -> Pattern | None:
        return Pattern(one_of(*(self._write(query, i) for i in range(len(query.options)))))

    def options(self, query: Ask) -> tuple[tuple[Word, ...], ...]:
        return tuple((self._write(query, i),) for i in range(len(query.options)))


def answer_open(dialect: Dialect, system: str | None) -> Task[Ask, Answer]:
    """Open questions on films and volumes."""
    return Task(
        name="answer_open",
        wording={"en": Wording((_open_en,)), "zh": Wording((_open_zh,))},
        film=dialect.film,
        volume=dialect.volume,
        grammar=_FreeAnswer(),
        max_new_tokens=64,
        system=system,
    )


def answer_closed(dialect: Dialect, system: str | None) -> Task[Ask, Answer]:
    """Questions with options, numbered from the dialect's first option."""
    first: Final = dialect.first_option

    def closed_en(query: Ask) -> tuple[Word, ...]:
        options = dialect.listed(query.options, first=first, language="en")
        return (f"Given this image, choose one option from: {options} to answer the question: {query.question}",)

    def closed_zh(query: Ask) -> tuple[Word, ...]:
        options = dialect.listed(query.options, first=first, language="zh")
        return (f"根据给定的图像, 请从：{options} 中选择一个选项回答问题：{query.question}",)

    return Task(
        name="answer_closed",
        wording={"en": Wording((closed_en,)), "zh": Wording((closed_zh,))},
        film=dialect.film,
        volume=dialect.volume,
        grammar=_OptionAnswer(dialect),
        max_new_tokens=64,
        system=system,
    )


def _closed(text: str, choices: tuple[str, ...], language: Language) -> Ask:
    if not choices:
        raise InputError("expected options for answer_closed, got none", code="options")
    return Ask(text, choices, language=language)


def _line(result: Answer) -> str:
    return result.text


def _same(one: Answer, other: Answer) -> bool:
    if one.option is not None or other.option is not None:
        return one.option == other.option
    return one.text.casefold().split() == other.text.casefold().split()


_EXACT: Final = next(metric for metric in OPEN if metric.name == "exact match")
ANSWER_OPEN: Final = TaskSpec(
    name="answer_open",
    title=("open questions", "开放式问题"),
    build=answer_open,
    query=lambda text, choices, language: Ask(text, language=language),
    answers=lambda query, volume: isinstance(query, Ask) and not query.options,
    result=Answer,
    metrics=OPEN,
    headline=OPEN[0],
    rule=("the same words as the truth", "与标准答案文字相同"),
    judge=at_least(_EXACT, 1.0),
    line=_line,
    same=_same,
)
ANSWER_CLOSED: Final = TaskSpec(
    name="answer_closed",
    title=("questions with options", "选择题"),
    build=answer_closed,
    query=_closed,
    answers=lambda query, volume: isinstance(query, Ask) and bool(query.options),
    result=Answer,
    metrics=CLOSED,
    headline=CLOSED[0],
    rule=("the right option", "选项正确"),
    judge=at_least(CLOSED[0], 1.0),
    line=_line,
    same=_same,
)
