"""The one place: wording, rendering, answer grammar and length of a kind of question, and all that is said of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence, Sized
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any, Final, Generic, Protocol, TypeAlias, TypeVar, cast

from umit.chat import Completion, Request, Token, Word
from umit.errors import BackendError, OutputError, TruncatedError, UnsupportedTaskError
from umit.imaging.view import Rendering, View
from umit.metrics.metric import Metric, Pair
from umit.patterns import Pattern
from umit.queries import Language, Query
from umit.results import Result, fitted
from umit.tasks.dialect import Dialect
from umit.tasks.forms import AnswerForm, joined, parted, pattern_of

__all__ = [
    "PICTURES", "Grammar", "Judge", "Task", "TaskName", "TaskSpec", "Wording", "Words", "at_least", "same_text",
]  # fmt: skip

#: As cards, data sets and journals write it; :data:`umit.tasks.table.TASKS` holds all of them.
TaskName: TypeAlias = str
#: The same in English and in Chinese.
Words: TypeAlias = tuple[str, str]
#: Whether each readable answer is right; ``None`` where no rule says.
Judge: TypeAlias = Callable[[Sequence[Pair[Any]]], list[bool | None]]

#: Where a phrasing has its pictures, if not before all of its words; no engine gets it.
PICTURES: Final = Token("<pictures>")

Q = TypeVar("Q", bound=Query)
Q_contra = TypeVar("Q_contra", bound=Query, contravariant=True)
R = TypeVar("R", bound=Result)


@dataclass(frozen=True)
class Wording(Generic[Q]):
    """The words of one language.

    Args:
        phrasings: Ways to ask; the first is canonical and the only one used outside training.
        nothing: How the answer says that there is nothing, with ``{}`` for the target.
    """

    phrasings: tuple[Callable[[Q], tuple[Word, ...]], ...]
    nothing: str = ""


class Grammar(Protocol[Q_contra, R]):
    """How an answer is written and read."""

    def encode(self, result: R, query: Q_contra, view: View) -> str:
        """Write a result as the model's text."""
        ...

    def decode(self, completion: Completion, query: Q_contra, view: View) -> R:
        """Read the model's text."""
        ...

    def pattern(self, query: Q_contra, view: View) -> Pattern | None:
        """Return the form of every written answer about a view, or ``None`` if it has none."""
        ...

    def options(self, query: Q_contra) -> tuple[tuple[Word, ...], ...]:
        """Return the whole answers to choose from, or nothing for free text."""
        ...


@dataclass(frozen=True, kw_only=True)
class Task(Generic[Q, R]):
    """Everything about one kind of question.

    Args:
        name: The task's name, as cards and data sets write it.
        wording: The words of each language.
        film: How a film is shown, or ``None`` if the task does not take films.
        volume: How a volume is shown, or ``None`` if the task does not take volumes.
        grammar: How answers are written and read.
        max_new_tokens: Where generation stops.
        temperature: What log-probabilities of options are divided by, as it was fitted; ``None`` if it was not.
        system: The system line of the checkpoint; ``None`` for what its own chat template writes.
        form: Where the answer stands in what the model writes.
    """

    name: TaskName
    wording: Mapping[Language, Wording[Q]]
    film: Rendering | None
    volume: Rendering | None
    grammar: Grammar[Q, R]
    max_new_tokens: int
    system: str | None
    form: AnswerForm = "plain"
    temperature: float | None = None

    def rendering(self, *, volume: bool) -> Rendering:
        """Return how a film or a volume is shown for this task.

        Raises:
            UnsupportedTaskError: The task does not take this kind of scan.
        """
        found = self.volume if volume else self.film
        if found is None:
            takes, came = ("films", "a volume") if volume else ("volumes", "a film")
            raise UnsupportedTaskError(f"{self.name} takes {takes}, got {came}")
        return found

    def request(self, query: Q, view: View, *, phrasing: int = 0) -> Request:
        """Return what the engine gets; training rows and inference both come from here.

        Args:
            query: What is asked.
            view: What the model sees, rendered with :meth:`rendering`.
            phrasing: Which of the wording's phrasings; only training uses others than 0.
        """
        phrasings = self.wording[query.language].phrasings
        words = phrasings[phrasing % len(phrasings)](query)
        here = words.index(PICTURES) if PICTURES in words else None
        pattern = self.grammar.pattern(query, view)
        return Request(
            frames=view.frames,
            lead=() if here is None else words[:here],
            words=words if here is None else words[here + 1 :],
            # Behind reasoning an option has no score: how likely it is depends on what was thought.
            options=self.grammar.options(query) if self.form == "plain" else (),
            pattern=pattern_of(pattern.text if pattern else None, self.form),
            corners=pattern.corners if pattern else None,
            max_new_tokens=self.max_new_tokens,
            system=self.system,
        )

    def encode(self, result: R, query: Q, view: View) -> str:
        """Write a result as the text that training teaches."""
        return joined(result.reasoning, self.grammar.encode(result, query, view), self.form)

    def decode(self, completion: Completion, query: Q, view: View) -> R:
        """Read the model's text as a result in the coordinates of the source.

        Raises:
            ParseError: The text does not follow the grammar.
            TruncatedError: The text was cut by the length limit, or ends within its reasoning.
        """
        self._check(completion, query)
        scores = completion.option_logprobs
        if self.temperature is not None and scores is not None:
            scores = tuple(score / self.temperature for score in scores)
        try:
            reasoning, answer = parted(completion.text, self.form)
            result = self.grammar.decode(replace(completion, text=answer, option_logprobs=scores), query, view)
        except OutputError as error:
            error.task, error.text = self.name, completion.text
            raise
        if self.temperature is not None and scores is not None:
            result = cast(R, fitted(result))
        return replace(result, reasoning=reasoning) if reasoning else result

    def _check(self, completion: Completion, query: Q) -> None:
        """Refuse what is no whole answer, and scores that do not tell the options apart: engines are anyone's code."""
        if not isinstance(completion, Completion) or not isinstance(completion.text, str):
            raise BackendError(f"expected a completion with a text, got {completion!r:.200}")
        if completion.finish_reason == "length":
            raise TruncatedError(
                f"expected an end within {self.max_new_tokens} tokens, the answer went on; max_new_tokens= (on the command "
                "line --max-new-tokens) gives more room",
                task=self.name,
                text=completion.text,
            )
        if completion.finish_reason != "stop":
            raise BackendError(
                f"expected an answer that ends by itself, the engine ended it by {completion.finish_reason!r}"
            )
        score, scores, count = completion.logprob, completion.option_logprobs, len(self.grammar.options(query))
        if scores is not None and not (
            isinstance(scores, Sized) and len(scores) == count and all(map(_finite, scores))
        ):
            raise BackendError(f"expected {count} finite log-probabilities, one for each option, got {scores!r:.200}")
        if score is not None and not _finite(score):
            raise BackendError(f"expected a finite log-probability or None, got {score!r:.200}")


def _finite(value: object) -> bool:
    return isinstance(value, Real) and math.isfinite(value)


@dataclass(frozen=True, kw_only=True)
class TaskSpec(Generic[Q, R]):
    """A task's row in the table: all that differs between tasks, whatever the checkpoint.

    Args:
        name: As cards, data sets and journals write it.
        title: For people, in English and Chinese.
        build: The task in a checkpoint's dialect, with its system line.
        query: A question's words, what it offers to choose from, and its language to the query; words or choices
            that the query has no place for are left.
        answers: Whether a query about a film, or about a volume, belongs to it.
        result: What it gives.
        metrics: What its answers are scored by.
        headline: The one of them that stands for all.
        rule: In words, what is called right.
        judge: Whether answers are right, by that rule.
        line: A result in one line of text; ``""`` where nothing was found.
        same: Whether two results say the same, as of a picture and its mirror image; ``None`` where no rule says.
        known_by: The task whose checkpoints know this one; ``""`` for itself, as a card names it.
        charts: What the page of a run draws of it, by the names of :mod:`umit.evaluation.charts`.
    """

    name: TaskName
    title: Words
    build: Callable[[Dialect, str | None], Task[Q, R]]
    query: Callable[[str, tuple[str, ...], Language], Q]
    answers: Callable[[Query, bool], bool]
    result: type[R]
    metrics: tuple[Metric[Any], ...]
    headline: Metric[Any]
    rule: Words
    judge: Judge
    line: Callable[[R], str]
    same: Callable[[R, R], bool | None] = lambda one, other: None
    known_by: TaskName = ""
    charts: tuple[str, ...] = ()

    @property
    def placed(self) -> bool:
        """Whether its answers are coordinates, which a frame rounds."""
        return any(metric.framed for metric in self.metrics)


def at_least(
    metric: Metric[Any], least: float, *, without: Callable[[Pair[Any]], bool | None] = lambda pair: None
) -> Judge:
    """Return a judge by a metric of each answer alone.

    Args:
        metric: What is measured.
        least: The least value that is right.
        without: Judges an answer that the metric leaves out.
    """

    def judge(pairs: Sequence[Pair[Any]]) -> list[bool | None]:
        rows = metric.measures(pairs)
        values = [metric.total(rows[k : k + 1]) for k in range(len(pairs))]
        return [
            without(pair) if math.isnan(value) else value >= least for pair, value in zip(pairs, values, strict=True)
        ]

    return judge


def same_text(pairs: Sequence[Pair[Any]]) -> list[bool | None]:
    """Judge prose: right where it has the words of the truth; no rule says when other words are as good."""
    texts = [[side.text.split() for side in (p.found, p.gold) if side is not None] for p in pairs]
    return [one == other or None for one, other in texts]
