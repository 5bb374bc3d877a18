"""A task asked as a card says: its own words with what the question fills in, its answer form and its length."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from umit.chat import Word, answer_words
from umit.errors import InputError
from umit.queries import Ask, Choose, Find, Language, Locate, Query
from umit.tasks.classify import QUESTION
from umit.tasks.dialect import Dialect, Prompt
from umit.tasks.findings import as_question
from umit.tasks.landmarks import spoken
from umit.tasks.task import PICTURES, Task, Wording

__all__ = ["in_dialect"]


def in_dialect(task: Task[Any, Any], dialect: Dialect, *, known_by: str = "") -> Task[Any, Any]:
    """Return a task in the words, the form and the length that a dialect has for it.

    Args:
        task: As its file builds it.
        dialect: Of the checkpoint.
        known_by: The task whose prompts it is asked with; ``""`` for its own.

    Raises:
        InputError: Prompts of one task that differ in form or in length.
    """
    prompts = dialect.asked(known_by or task.name)
    changed: dict[str, Any] = {
        "form": _one("form", {p.form or dialect.form for p in prompts} or {dialect.form}),
        "max_new_tokens": _one("max_new_tokens", {p.max_new_tokens for p in prompts} or {None})
        or dialect.max_new_tokens
        or task.max_new_tokens,
    }
    if not dialect.volumes and task.film is not None:
        changed["volume"] = None
    if prompts:
        changed["wording"] = {
            language: Wording(
                tuple(_phrasing(p, dialect) for p in prompts if p.language == language), task.wording[language].nothing
            )
            for language in dict.fromkeys(p.language for p in prompts)
        }
    return replace(task, **changed)


def _one(name: str, values: set[Any]) -> Any:
    if len(values) != 1:
        raise InputError(
            f"expected one {name} for all prompts of a task, got {sorted(map(str, values))}", code="prompt"
        )
    return values.pop()


def _phrasing(prompt: Prompt, dialect: Dialect) -> Callable[[Query], tuple[Word, ...]]:
    def words(query: Query) -> tuple[Word, ...]:
        filled = {name: fill(query, dialect, prompt.language) for name, fill in _FILLED.items()}
        found: list[Word] = []
        for number, piece in enumerate(prompt.pieces):
            if number % 2 == 0:
                found.extend(answer_words(piece))
            elif piece == "pictures":
                found.append(PICTURES)
            else:
                found.append(filled[piece])
        return tuple(found)

    return words


def _question(query: Query, dialect: Dialect, language: Language) -> str:
    match query:
        case Ask(question=question):
            return question
        case Choose(several=True):
            return as_question(query).question
        case Choose(question=question):
            return question or QUESTION[language]
        case _:
            return ""


def _options(query: Query, dialect: Dialect, language: Language) -> str:
    match query:
        case Ask(options=options) if options:
            return dialect.listed(options, first=dialect.first_option, language=language)
        case Choose(several=True):
            return dialect.listed(as_question(query).options, first=dialect.first_option, language=language)
        case Choose(labels=labels):
            return dialect.listed(labels, first=dialect.first_class, language=language)
        case _:
            return ""


def _target(query: Query, dialect: Dialect, language: Language) -> str:
    return query.targets[0] if isinstance(query, Find) else ""


def _name(query: Query, dialect: Dialect, language: Language) -> str:
    return spoken(query.names[0], language) if isinstance(query, Locate) else ""


_FILLED: dict[str, Callable[[Query, Dialect, Language], str]] = {
    "question": _question,
    "options": _options,
    "target": _target,
    "name": _name,
}
