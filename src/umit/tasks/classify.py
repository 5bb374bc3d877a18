"""Classification: one label, numbered from 0 as MedMNIST numbers its classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from umit.chat import Completion, Word
from umit.imaging.view import View
from umit.metrics.tables.labels import CLASSIFY as METRICS
from umit.patterns import Pattern, one_of
from umit.queries import Choose
from umit.results import Classification
from umit.tasks.dialect import Dialect
from umit.tasks.grammar import chosen, probabilities, read_option
from umit.tasks.task import Task, TaskSpec, Wording, at_least

__all__ = ["CLASSIFY", "QUESTION"]

#: Asked when the user gives labels alone; ours, since the paper has one question a data set.
QUESTION: Final = {"en": "Which class does this image show?", "zh": "这张图像属于哪一类？"}


@dataclass(frozen=True)
class _LabelGrammar:
    """One of the query's labels with its number."""

    dialect: Dialect

    @property
    def first(self) -> int:
        return self.dialect.first_class

    def encode(self, result: Classification, query: Choose, view: View) -> str:
        return self._write(query, chosen(result.label, query.labels))

    def _write(self, query: Choose, index: int) -> str:
        return self.dialect.option(index, query.labels[index], first=self.first, language=query.language)

    def decode(self, completion: Completion, query: Choose, view: View) -> Classification:
        spelled = [self._write(query, i) for i in range(len(query.labels))]
        index = read_option(completion, query.labels, first=self.first, spelled=spelled)
        return Classification(label=query.labels[index], probabilities=probabilities(completion.option_logprobs))

    def pattern(self, query: Choose, view: View) -> Pattern | None:
        return Pattern(one_of(*(self._write(query, i) for i in range(len(query.labels)))))

    def options(self, query: Choose) -> tuple[tuple[Word, ...], ...]:
        return tuple((self._write(query, i),) for i in range(len(query.labels)))


def classify(dialect: Dialect, system: str | None) -> Task[Choose, Classification]:
    """Classification on films and volumes."""
    first: Final = dialect.first_class

    def words_en(query: Choose) -> tuple[Word, ...]:
        labels = dialect.listed(query.labels, first=first, language="en")
        question = query.question or QUESTION["en"]
        # The figure has no blank between the comma and "to".
        return (f"Given this image, choose one option from the {labels},to answer the question: {question}",)

    def words_zh(query: Choose) -> tuple[Word, ...]:  # ours: the figure shows none
        labels = dialect.listed(query.labels, first=first, language="zh")
        question = query.question or QUESTION["zh"]
        return (f"根据给定的图像, 请从：{labels} 中选择一个类别回答问题：{question}",)

    return Task(
        name="classify",
        wording={"en": Wording((words_en,)), "zh": Wording((words_zh,))},
        film=dialect.film,
        volume=dialect.volume,
        grammar=_LabelGrammar(dialect),
        max_new_tokens=64,
        system=system,
    )


CLASSIFY: Final = TaskSpec(
    name="classify",
    title=("classification", "分类"),
    build=classify,
    query=lambda text, choices, language: Choose(choices, text or None, language=language),
    answers=lambda query, volume: isinstance(query, Choose) and not query.several,
    result=Classification,
    metrics=METRICS,
    headline=METRICS[0],
    rule=("the right label", "类别正确"),
    judge=at_least(METRICS[0], 1.0),
    line=lambda result: result.label,
    same=lambda one, other: one.label == other.label,
    charts=("confusion",),
)
