"""The doctor's look at words: answers longer than their task lets a model write, names spelled in two ways."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Any, Final

from umit.chat import CONTROL
from umit.datasets.check_pictures import Complaint
from umit.queries import Query
from umit.tasks.task import Task

__all__ = ["Spellings", "least_tokens", "too_long"]

#: What a query's names are called, and where it holds them.
_NAMES: Final = {"target": "targets", "landmark": "names", "label": "labels", "option": "options"}
#: Each is one token or more, whatever the tokenizer: a control token, a digit, a word, marks side by side.
_PIECE: Final = re.compile(
    "|".join([*(re.escape(token.text) for token in CONTROL), r"\d", r"[^\W\d_]+", r"(?:(?!<\|)[^\w\s]|_)+"])
)


def least_tokens(text: str) -> int:
    """Return how many tokens a text has at the least.

    Example:
        >>> least_tokens("<|box_start|>(512,256)<|box_end|>")
        11
    """
    return len(_PIECE.findall(text))


def too_long(text: str, task: Task[Any, Any], place: str) -> Iterator[Complaint]:
    """Yield a complaint about an answer that a model can't write to its end."""
    least = least_tokens(text)
    if least > task.max_new_tokens:
        yield Complaint(
            "warning", "too_long", place,
            f"its answer has at least {least} tokens, {task.name} stops at {task.max_new_tokens}",
        )  # fmt: skip


class Spellings:
    """Names of targets, landmarks, classes and options, each with its first place."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], dict[str, str]] = {}

    def add(self, query: Query, place: str) -> None:
        """Look at a question's names."""
        for kind, text in _names(query):
            self._seen.setdefault((kind, _folded(text)), {}).setdefault(text, place)

    def differ(self) -> Iterator[Complaint]:
        """Yield names that differ by case or width alone."""
        for (kind, _), texts in self._seen.items():
            if len(texts) > 1:
                (first, _), (other, place), *_ = texts.items()
                said = f"the {kind} {other!r} is also spelled {first!r}"
                yield Complaint("warning", "spelling", place, said)


def _names(query: Query) -> Iterator[tuple[str, str]]:
    for kind, names in _NAMES.items():
        yield from ((kind, name) for name in getattr(query, names, ()))


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
