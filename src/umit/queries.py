"""What can be asked: six frozen questions, each with its language."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, TypeAlias, get_args

from umit.errors import InputError

__all__ = [
    "Ask",
    "Choose",
    "Compare",
    "Describe",
    "Find",
    "Language",
    "Locate",
    "Query",
    "query_from_dict",
    "query_to_dict",
]

Language: TypeAlias = Literal["en", "zh"]

_LONGEST = 10_000  # characters; far above any question, far below what would stall a tokenizer


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spoken:
    language: Language = "en"

    def __post_init__(self) -> None:
        if self.language not in get_args(Language):
            raise InputError(
                f"expected language 'en' or 'zh', got {self.language!r}", code="language"
            )


@dataclass(frozen=True, slots=True)
class Ask(_Spoken):
    """A free question, or one with options to choose from.

    Args:
        question: The user's own words; never empty.
        options: Distinct answers to choose from; none for an open question.
        language: ``"en"`` or ``"zh"``.

    Raises:
        InputError: The question is empty, or options are fewer than two or repeat.
    """

    question: str
    options: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _Spoken.__post_init__(self)
        _check_text("question", self.question)
        if self.options:
            _check_choices("options", self.options)


@dataclass(frozen=True, slots=True)
class Describe(_Spoken):
    """A request for a report, or in stage 1 for a caption."""

    purpose: Literal["report", "caption"] = "report"


@dataclass(frozen=True, slots=True)
class Choose(_Spoken):
    """A classification: exactly one of the labels, or each of them by itself.

    Args:
        labels: At least two distinct labels, numbered from 0 in this order.
        question: What is to be decided; ``None`` takes the task's own question.
        several: Whether any number of them may hold: each is then asked as a yes/no question of its own.
            One label is enough, and ``question`` only tells readers what the labels are about.
        language: ``"en"`` or ``"zh"``.

    Raises:
        InputError: Too few labels, or labels that repeat.
    """

    labels: tuple[str, ...]
    question: str | None = None
    several: bool = False

    def __post_init__(self) -> None:
        _Spoken.__post_init__(self)
        _check_choices("labels", self.labels, least=1 if self.several else 2)
        if self.question is not None:
            _check_text("question", self.question)


@dataclass(frozen=True, slots=True)
class Find(_Spoken):
    """A detection: boxes around every instance of one target."""

    target: str

    def __post_init__(self) -> None:
        _Spoken.__post_init__(self)
        _check_label("target", self.target)


@dataclass(frozen=True, slots=True)
class Locate(_Spoken):
    """A landmark: one named point."""

    name: str

    def __post_init__(self) -> None:
        _Spoken.__post_init__(self)
        _check_label("landmark", self.name)


@dataclass(frozen=True, slots=True)
class Compare(_Spoken):
    """Stage 1's comparison of two pictures: similarities and differences."""


Query: TypeAlias = Ask | Describe | Choose | Find | Locate | Compare
_KINDS: Final[dict[str, type[Any]]] = {
    kind.__name__: kind for kind in (Ask, Describe, Choose, Find, Locate, Compare)
}


def query_to_dict(query: Query) -> dict[str, Any]:
    """Return a query as plain JSON values, with its ``type``."""
    return {"type": type(query).__name__, **asdict(query)}


def query_from_dict(data: dict[str, Any]) -> Query:
    """Read what :func:`query_to_dict` wrote.

    Raises:
        InputError: No query of ours.

    Example:
        >>> query_from_dict(query_to_dict(Find("nodule")))
        Find(language='en', target='nodule')
    """
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items() if k != "type"}
    try:
        query: Query = _KINDS[data["type"]](**values)
    except (KeyError, TypeError) as error:
        raise InputError(
            f"expected a query of {', '.join(_KINDS)}: {error}", code="query", where="query"
        ) from error
    return query


def _check_text(what: str, text: str) -> None:
    if not isinstance(text, str) or not text.strip():
        raise InputError(f"expected a {what} with words, got {text!r}", code="empty", where=what)
    if len(text) > _LONGEST:
        raise InputError(
            f"expected at most {_LONGEST} characters, got {len(text)}", code="too_long", where=what
        )
    if any("\ud800" <= c <= "\udfff" for c in text):
        raise InputError("expected valid Unicode, got a lone surrogate", code="unicode", where=what)


def _check_label(what: str, text: str) -> None:
    """A label is written inside our own grammar, so it may not spell a control token."""
    _check_text(what, text)
    if "<|" in text or "|>" in text or "\n" in text:
        raise InputError(
            f"expected a plain name, got {text!r}, which spells a control token or a line break",
            code="control_token",
            where=what,
            hint="Pass the name alone, such as 'nodule'.",
        )


def _check_choices(what: str, choices: tuple[str, ...] | str, *, least: int = 2) -> None:
    if isinstance(choices, str):
        raise InputError(f"expected several {what}, got one string", code="options", where=what)
    if len(choices) < least:
        wanted = f"at least two {what}" if least > 1 else f"some {what}"
        raise InputError(f"expected {wanted}, got {len(choices)}", code="options", where=what)
    for choice in choices:
        _check_label(what, choice)
    seen: dict[str, str] = {}
    for choice in choices:
        folded = choice.strip().casefold()
        if folded in seen:
            raise InputError(
                f"expected distinct {what}, got {seen[folded]!r} and {choice!r}",
                code="repeated",
                where=what,
                hint="Remove one of them.",
            )
        seen[folded] = choice
