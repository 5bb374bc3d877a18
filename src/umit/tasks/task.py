"""The one place: wording, rendering, answer grammar and length of a kind of question."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, Protocol, TypeAlias, TypeVar

from umit.chat import Completion, Request, Word
from umit.errors import OutputError, TruncatedError, UnsupportedTaskError
from umit.imaging.view import Rendering, View
from umit.metrics.by_task import METRICS
from umit.metrics.metric import Metric
from umit.queries import Ask, Choose, Compare, Describe, Find, Language, Locate, Query
from umit.results import Result

__all__ = ["Grammar", "Task", "TaskName", "Wording", "choose"]

TaskName: TypeAlias = Literal[
    "answer_open",
    "answer_closed",
    "classify",
    "findings",
    "report_film",
    "report_ct",
    "detect_2d",
    "detect_3d",
    "landmark",
    "caption",
    "compare",
]

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

    def pattern(self, query: Q_contra) -> str | None:
        """Return a regular expression that every written answer matches, or ``None``."""
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
        system: The system line of the checkpoint.
    """

    name: TaskName
    wording: Mapping[Language, Wording[Q]]
    film: Rendering | None
    volume: Rendering | None
    grammar: Grammar[Q, R]
    max_new_tokens: int
    system: str

    @property
    def metrics(self) -> tuple[Metric[Any], ...]:
        """What its answers are scored by; the first is the one that a table of one column shows."""
        return METRICS[self.name]

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
        return Request(
            frames=view.frames,
            words=phrasings[phrasing % len(phrasings)](query),
            options=self.grammar.options(query),
            pattern=self.grammar.pattern(query),
            max_new_tokens=self.max_new_tokens,
            system=self.system,
        )

    def encode(self, result: R, query: Q, view: View) -> str:
        """Write a result as the text that training teaches."""
        return self.grammar.encode(result, query, view)

    def decode(self, completion: Completion, query: Q, view: View) -> R:
        """Read the model's text as a result in the coordinates of the source.

        Raises:
            ParseError: The text does not follow the grammar.
            TruncatedError: The text was cut by the length limit.
        """
        if completion.finish_reason == "length":
            raise TruncatedError(
                f"expected an end within {self.max_new_tokens} tokens, the answer went on",
                task=self.name,
                text=completion.text,
            )
        try:
            return self.grammar.decode(completion, query, view)
        except OutputError as error:
            error.task = self.name
            raise


def choose(query: Query, *, volume: bool) -> TaskName:
    """Pick the task for a query on a film or a volume.

    Example:
        >>> choose(Find("nodule"), volume=True)
        'detect_3d'
    """
    match query:
        case Ask():
            return "answer_closed" if query.options else "answer_open"
        case Choose():
            return "findings" if query.several else "classify"
        case Describe(purpose="caption"):
            return "caption"
        case Describe():
            return "report_ct" if volume else "report_film"
        case Find():
            return "detect_3d" if volume else "detect_2d"
        case Locate():
            return "landmark"
        case Compare():
            return "compare"
