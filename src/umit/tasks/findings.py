"""Findings: whether a label holds, asked as the closed question whether it is there.

There are no words of its own here. The question is :func:`umit.tasks.detect.presence`, words and answer are those of
``answer_closed``, so whatever weights know closed questions know findings, and no card names the task.
One request is about one label; several are asked one after the other, and :func:`umit.results.Findings` holds all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from umit.chat import Completion, Word
from umit.errors import InputError
from umit.imaging.view import View
from umit.metrics.tables.labels import FINDINGS as METRICS
from umit.patterns import Pattern
from umit.queries import Ask, Choose, Find
from umit.results import Answer, Findings, Marked
from umit.tasks.answer import answer_closed
from umit.tasks.detect import presence
from umit.tasks.dialect import Dialect
from umit.tasks.task import Grammar, Task, TaskSpec, Wording, at_least

__all__ = ["FINDINGS", "as_closed", "as_question", "marked"]

_Words = Callable[[Ask], tuple[Word, ...]]


def as_question(query: Choose) -> Ask:
    """Return the yes/no question about the query's only label, "yes" first."""
    if len(query.labels) != 1:
        raise InputError(
            f"expected one label a question, got {len(query.labels)}",
            code="labels",
            where="labels",
            hint="UMIT.classify(several=True) and UMIT.predict ask all of them.",
        )
    return presence(Find(query.labels[0], language=query.language))


def as_closed(query: Choose, result: Findings) -> tuple[Ask, Answer]:
    """Return a query of one label and its result as the closed question that they are.

    Raises:
        InputError: Several labels.
    """
    asked = as_question(query)
    option = 0 if result[query.labels[0]].present else 1
    return asked, Answer(text=asked.options[option], option=option)


def marked(label: str, answer: Answer) -> Findings:
    """Return the answer to the closed question about a label as findings of that label alone."""
    found = Marked(
        label=label,
        present=answer.option == 0,
        probability=answer.probabilities[0] if answer.probabilities else None,
        calibrated=answer.calibrated,
    )
    return Findings(items=(found,), raw=answer.raw, warnings=answer.warnings)


@dataclass(frozen=True)
class _YesOrNo:
    """The answer of a closed question, as whether the label holds."""

    closed: Grammar[Ask, Answer]

    def encode(self, result: Findings, query: Choose, view: View) -> str:
        asked, answer = as_closed(query, result)
        return self.closed.encode(answer, asked, view)

    def decode(self, completion: Completion, query: Choose, view: View) -> Findings:
        return marked(query.labels[0], self.closed.decode(completion, as_question(query), view))

    def pattern(self, query: Choose, view: View) -> Pattern | None:
        return self.closed.pattern(as_question(query), view)

    def options(self, query: Choose) -> tuple[tuple[Word, ...], ...]:
        return self.closed.options(as_question(query))


def findings(dialect: Dialect, system: str | None) -> Task[Choose, Findings]:
    """Findings on films and volumes."""
    closed = answer_closed(dialect, system)

    def about_a_label(words: _Words) -> Callable[[Choose], tuple[Word, ...]]:
        return lambda query: words(as_question(query))

    return Task(
        name="findings",
        wording={
            language: Wording(tuple(about_a_label(words) for words in wording.phrasings))
            for language, wording in closed.wording.items()
        },
        film=closed.film,
        volume=closed.volume,
        grammar=_YesOrNo(closed.grammar),
        max_new_tokens=closed.max_new_tokens,
        system=system,
    )


FINDINGS: Final = TaskSpec(
    name="findings",
    title=("findings", "多标签征象"),
    build=findings,
    query=lambda text, choices, language: Choose(choices or (text,), several=True, language=language),
    answers=lambda query, volume: isinstance(query, Choose) and query.several,
    result=Findings,
    metrics=METRICS,
    headline=METRICS[0],
    rule=("every label right", "所有标签均正确"),
    judge=at_least(METRICS[0], 1.0),
    line=lambda result: ", ".join(item.label for item in result if item.present),
    same=lambda one, other: [m.present for m in one] == [m.present for m in other],
    known_by="answer_closed",
)
