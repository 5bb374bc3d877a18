"""What can be asked: six frozen questions, each with its language."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Final, Literal, Self, TypeAlias, get_args

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
        if not isinstance(self.language, str) or self.language not in get_args(Language):
            raise InputError(f"expected language 'en' or 'zh', got {self.language!r}", code="language")

    @property
    def choices(self) -> tuple[str, ...]:
        """What exactly one is chosen from; empty for every other question."""
        return ()

    def reordered(self, order: Sequence[int]) -> Self:
        """Return the query with its choices in another order, ``order[k]`` coming k-th."""
        return self

    def mapped(self, change: Callable[[str], str]) -> Self:
        """Return the query with every text of the user changed, such as left and right changed over."""
        changed: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in ("language", "purpose"):
                continue
            if isinstance(value, str):
                changed[field.name] = change(value)
            elif isinstance(value, tuple):
                changed[field.name] = tuple(map(change, value))
        return replace(self, **changed)

    def _keep(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)


@dataclass(frozen=True, slots=True)
class Ask(_Spoken):
    """A free question, or one with options to choose from.

    Args:
        question: The user's own words; never empty.
        options: Distinct answers to choose from, in any iterable; none for an open question.
        language: ``"en"`` or ``"zh"``.

    Raises:
        InputError: The question is empty, or options are fewer than two or repeat.
    """

    question: str
    options: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _Spoken.__post_init__(self)
        _check_text("question", self.question)
        self._keep("options", _choices("options", self.options, least=0))

    @property
    def choices(self) -> tuple[str, ...]:
        """The options."""
        return self.options

    def reordered(self, order: Sequence[int]) -> Ask:
        """Return the question with its options in another order, ``order[k]`` coming k-th."""
        return replace(self, options=tuple(self.options[k] for k in order))


@dataclass(frozen=True, slots=True)
class Describe(_Spoken):
    """A request for a report, or in stage 1 for a caption.

    Raises:
        InputError: Another purpose than ``"report"`` or ``"caption"``.
    """

    purpose: Literal["report", "caption"] = "report"

    def __post_init__(self) -> None:
        _Spoken.__post_init__(self)
        if self.purpose not in ("report", "caption"):
            raise InputError(
                f"expected purpose 'report' or 'caption', got {self.purpose!r}", code="purpose", where="purpose"
            )


@dataclass(frozen=True, slots=True)
class Choose(_Spoken):
    """A classification: exactly one of the labels, or each of them by itself.

    Args:
        labels: At least two distinct labels in any iterable, numbered from 0 in this order.
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
        if not isinstance(self.several, bool):
            raise InputError(
                f"expected several to be True or False, got {self.several!r}", code="several", where="several"
            )
        self._keep("labels", _choices("labels", self.labels, least=1 if self.several else 2))
        if self.question is not None:
            _check_text("question", self.question)

    @property
    def choices(self) -> tuple[str, ...]:
        """The labels, unless any number of them may hold."""
        return () if self.several else self.labels

    def reordered(self, order: Sequence[int]) -> Choose:
        """Return the classification with its labels in another order, ``order[k]`` coming k-th."""
        return replace(self, labels=tuple(self.labels[k] for k in order))


@dataclass(frozen=True, slots=True)
class Find(_Spoken):
    """A detection: boxes around every instance of one target, or of several.

    Args:
        target: A plain name such as ``"nodule"``, or distinct names in any iterable.
        language: ``"en"`` or ``"zh"``.

    Raises:
        InputError: No name, a name that spells a control token, or names that repeat.
    """

    target: str | tuple[str, ...]

    def __post_init__(self) -> None:
        _Spoken.__post_init__(self)
        self._keep("target", _names("target", self.target))

    @property
    def targets(self) -> tuple[str, ...]:
        """The names, one or more."""
        return (self.target,) if isinstance(self.target, str) else self.target


@dataclass(frozen=True, slots=True)
class Locate(_Spoken):
    """A landmark: one named point, or several.

    Args:
        name: A plain name such as ``"Sella"``, or distinct names in any iterable.
        language: ``"en"`` or ``"zh"``.

    Raises:
        InputError: No name, a name that spells a control token, or names that repeat.
    """

    name: str | tuple[str, ...]

    def __post_init__(self) -> None:
        _Spoken.__post_init__(self)
        self._keep("name", _names("landmark", self.name))

    @property
    def names(self) -> tuple[str, ...]:
        """The names, one or more."""
        return (self.name,) if isinstance(self.name, str) else self.name


@dataclass(frozen=True, slots=True)
class Compare(_Spoken):
    """Stage 1's comparison of two pictures: similarities and differences."""


Query: TypeAlias = Ask | Describe | Choose | Find | Locate | Compare
_KINDS: Final[dict[str, type[Any]]] = {kind.__name__: kind for kind in (Ask, Describe, Choose, Find, Locate, Compare)}


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
        raise InputError(f"expected a query of {', '.join(_KINDS)}: {error}", code="query", where="query") from error
    return query


def _check_text(what: str, text: str) -> None:
    if not isinstance(text, str) or not text.strip():
        article = "an" if what[0] in "aeiou" else "a"
        raise InputError(f"expected {article} {what} with words, got {text!r:.200}", code="empty", where=what)
    if len(text) > _LONGEST:
        raise InputError(f"expected at most {_LONGEST} characters, got {len(text)}", code="too_long", where=what)
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


def _names(what: str, given: object) -> str | tuple[str, ...]:
    """Return one name as it is, several as a tuple."""
    if isinstance(given, str):
        _check_label(what, given)
        return str(given)
    return _choices(f"{what}s", given, least=1)


def _choices(what: str, given: object, *, least: int) -> tuple[str, ...]:
    """Return distinct plain names as a tuple; one is told from the other whatever its case."""
    if isinstance(given, str | bytes) or not isinstance(given, Iterable) or getattr(given, "shape", None) == ():
        raise InputError(f"expected {what} in a list, got {given!r:.200}", code="options", where=what)
    choices = tuple(given)
    if len(choices) < least or (least == 0 and len(choices) == 1):
        wanted = f"some {what}" if least == 1 else f"at least two {what}"
        raise InputError(f"expected {wanted}, got {len(choices)}", code="options", where=what)
    seen: dict[str, str] = {}
    for choice in choices:
        _check_label(what.removesuffix("s"), choice)
        folded = choice.strip().casefold()
        if folded in seen:
            raise InputError(
                f"expected distinct {what}, got {seen[folded]!r} and {choice!r}",
                code="repeated",
                where=what,
                hint="Remove one of them.",
            )
        seen[folded] = choice
    return tuple(map(str, choices))
