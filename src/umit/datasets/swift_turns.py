"""The words of an ms-swift row: the layouts it takes, and the tags inside the words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from umit.errors import DatasetError

__all__ = ["BOX", "IMAGE", "REF", "TAGS", "VIDEO", "Talk", "talk"]

IMAGE, VIDEO, BOX, REF = "<image>", "<video>", "<bbox>", "<ref-object>"
#: What ms-swift takes for a place to fill, wherever it stands in a row's words.
TAGS: Final = (IMAGE, VIDEO, "<audio>", BOX, REF)

# Field names in the order in which ms-swift prefers them; datasets.md, section 17.
_QUERY: Final = ("query", "prompt", "input", "instruction", "question", "problem")
_RESPONSE: Final = (
    "response", "answer", "output", "targets", "target", "answer_key", "answers", "solution", "text",
    "completion", "content",
)  # fmt: skip
_SYSTEM: Final = ("system", "system_prompt")
_ROLES: Final = {
    "user": "user", "human": "user", "assistant": "assistant", "gpt": "assistant", "bot": "assistant",
    "chatgpt": "assistant", "system": "system",
}  # fmt: skip
_INLINE: Final = re.compile(r"<img>(.*?)</img>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Talk:
    """The words of a row.

    Args:
        system: The system line; ``""`` for none.
        turns: Each question with its answer; the last may have none.
        pictures: Pictures named inside the words, each with an ``<image>`` in its place.
    """

    system: str
    turns: tuple[tuple[str, str | None], ...]
    pictures: tuple[Any, ...] = ()


def talk(row: Mapping[str, Any], place: str) -> Talk:
    r"""Return the words of a row: messages, ShareGPT, Alpaca, or query, response and history.

    Args:
        row: As the file has it.
        place: File and row, for messages.

    Raises:
        DatasetError: None of the layouts, words that are no text, or sides that do not take turns.

    Example:
        >>> talk({"instruction": "Describe.", "input": "Briefly.", "output": "Clear."}, "a line 1").turns
        (('Describe.\nBriefly.', 'Clear.'),)
    """
    pictures: list[Any] = []
    system = next((_text(row[k], k, place) for k in _SYSTEM if row.get(k) is not None), "")
    turns = [
        (role, _INLINE.sub(lambda found: _named(found[1], pictures), words))
        for role, words in _turns(row, place, pictures)
    ]
    if turns and turns[0][0] == "system":
        system, turns = turns[0][1], turns[1:]
    return Talk(system, _paired(turns, place), tuple(pictures))


def _paired(turns: list[tuple[str, str]], place: str) -> tuple[tuple[str, str | None], ...]:
    roles = [role for role, _ in turns]
    expected = ["user", "assistant"] * len(turns)
    if not turns or roles != expected[: len(turns)]:
        raise DatasetError(f"expected user and assistant in turn, got {', '.join(roles[:8]) or 'nobody'}", file=place)
    words: list[str | None] = [text for _, text in turns]
    words += [None] * (len(words) % 2)
    return tuple((asked or "", answer) for asked, answer in zip(words[::2], words[1::2], strict=True))


def _named(picture: Any, pictures: list[Any]) -> str:
    pictures.append(picture)
    return IMAGE


def _turns(row: Mapping[str, Any], place: str, pictures: list[Any]) -> Iterator[tuple[str, str]]:
    for key in ("messages", "conversations", "conversation"):
        if row.get(key) is not None:
            yield from _messages(row[key], key, place, pictures)
            return
    if isinstance(row.get("prompt"), list):  # TRL's prompt and completion as messages
        yield from _messages(row["prompt"], "prompt", place, pictures)
        if isinstance(row.get("completion"), list):
            yield from _messages(row["completion"], "completion", place, pictures)
            return
    else:
        yield from _history(row.get("history"), place)
        yield "user", _question(row, place)
    answer = next((row[k] for k in _RESPONSE if row.get(k) is not None), None)
    if answer is not None:
        yield "assistant", _text(answer, "response", place)


def _question(row: Mapping[str, Any], place: str) -> str:
    if row.get("instruction") is not None and "input" in row:  # Alpaca
        parts = [_text(row[k], k, place) for k in ("instruction", "input") if row[k] is not None]
        return "\n".join(part for part in parts if part)
    name = next((k for k in _QUERY if row.get(k) is not None), None)
    if name is None:
        raise DatasetError(
            f"expected messages, conversations or one of {', '.join(_QUERY)}, "
            f"got only the fields {', '.join(map(str, row))[:300]}",
            file=place,
        )
    return _text(row[name], name, place)


def _history(history: Any, place: str) -> Iterator[tuple[str, str]]:
    if history is not None and not isinstance(history, list):
        raise DatasetError(f"expected a list as history, got {_kind(history)}", file=place)
    for pair in history or ():
        if not isinstance(pair, list) or len(pair) != 2:
            raise DatasetError("expected history of [question, answer] pairs", file=place)
        yield "user", _text(pair[0], "history", place)
        yield "assistant", _text(pair[1], "history", place)


def _messages(items: Any, name: str, place: str, pictures: list[Any]) -> Iterator[tuple[str, str]]:
    if not isinstance(items, list) or not items:
        raise DatasetError(f"expected a list of turns as {name}, got {_kind(items)}", file=place)
    for item in items:
        if not isinstance(item, dict):
            raise DatasetError(f"expected turns as objects, got {_kind(item)}", file=place)
        role = item.get("role", item.get("from"))
        if role is not None:
            words = item.get("content", item.get("value"))
            yield _ROLES.get(str(role), str(role)), _content(words, place, pictures)
            continue
        said = [k for k in item if k in _ROLES]  # {"human": …, "assistant": …}
        if not said:
            raise DatasetError(
                f"expected a turn with role and content, got {', '.join(map(str, item))[:200]}", file=place
            )
        for key in sorted(said, key=lambda k: _ROLES[k] == "assistant"):
            if item[key] is not None:
                yield _ROLES[key], _content(item[key], place, pictures)


def _content(words: Any, place: str, pictures: list[Any]) -> str:
    """Return the words of a turn; a picture among typed parts leaves its tag."""
    if not isinstance(words, list):
        return "" if words is None else _text(words, "content", place)
    return "".join(_part(part, place, pictures) for part in words)


def _part(part: Any, place: str, pictures: list[Any]) -> str:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind == "text":
        return _text(part.get("text"), "text", place)
    if kind not in ("image", "image_url"):
        raise DatasetError(f"expected parts of type text or image, got {kind!r}", file=place)
    named = next((part[k] for k in ("image", "image_url", "path", "url") if part.get(k)), None)
    if isinstance(named, dict) and "url" in named:
        named = named["url"]
    return IMAGE if named is None else _named(named, pictures)


def _text(value: Any, name: str, place: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise DatasetError(f"expected text as {name}, got {_kind(value)}", file=place)
    return str(value)


def _kind(value: Any) -> str:
    empty = isinstance(value, Sequence) and not value
    return f"an empty {type(value).__name__}" if empty else type(value).__name__
