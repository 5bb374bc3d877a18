"""Reading and writing of numbers, options and free text; the forms shared by the tasks.

Text is decided in bounded time: it is cut off at :data:`LONGEST` characters, and no pattern here backtracks
over nested repetition.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Final

from umit.chat import Completion
from umit.errors import InputError, ParseError
from umit.metrics.words import half_width
from umit.queries import Language

__all__ = [
    "chosen",
    "clip",
    "fold",
    "inside",
    "numbered",
    "option_text",
    "read_option",
    "separator",
    "spoken",
    "whole",
]

LONGEST: Final = 4000  # characters; the longest structured answer is a few hundred
_OUTSIDE: Final = 0.1  # of the frame: a coordinate further out is no slip of a digit but nonsense


def fold(text: str) -> str:
    """Return a copy for parsing: full-width forms as ASCII, zero-width characters and outer blanks removed.

    Raises:
        ParseError: The text is longer than any answer.

    Example:
        >>> fold("［１２，３４］")
        '[12,34]'
    """
    if len(text) > LONGEST:
        raise ParseError(f"expected at most {LONGEST} characters, got {len(text)}", text=text)
    return half_width(text).replace("、", ",").strip()


def whole(value: float) -> int:
    """Round half up, so that neighbouring edges at ``.5`` go the same way."""
    return math.floor(value + 0.5)


def clip(
    values: Sequence[float], limits: Sequence[float], text: str
) -> tuple[tuple[float, ...], tuple[str, ...]]:
    """Clip coordinates that lie slightly outside their frame.

    Args:
        values: Coordinates.
        limits: The frame's size along each of them.
        text: The model's text, for the error.

    Returns:
        The coordinates within ``[0, limit]`` and a warning if one was moved.

    Raises:
        ParseError: A coordinate lies outside by more than a tenth of the frame.
    """
    for value, limit in zip(values, limits, strict=True):
        if not -_OUTSIDE * limit <= value <= (1 + _OUTSIDE) * limit:
            raise ParseError(f"expected coordinates within 0..{limit:g}, got {value:g}", text=text)
    clipped = tuple(min(max(v, 0.0), m) for v, m in zip(values, limits, strict=True))
    moved = clipped != tuple(values)
    return clipped, ("coordinates outside the frame were clipped",) if moved else ()


def inside(values: Sequence[float], limits: Sequence[float]) -> None:
    """Refuse a true place further outside its frame than whole numbers can tell: to clip it would teach another.

    Raises:
        InputError: A coordinate lies outside by more than 1.
    """
    for value, limit in zip(values, limits, strict=True):
        if not -1 <= value <= limit + 1:
            raise InputError(
                f"expected coordinates within the picture, 0..{limit:g} of its frame, got {value:g}",
                code="outside",
                hint="Mend the box or point in the data, or leave it out.",
            )


def spoken(text: str) -> str:
    """Return a true answer in words.

    Raises:
        InputError: It is empty, which no model may answer.
    """
    if not text.strip():
        raise InputError("expected an answer in words, got an empty one", code="empty")
    return text


def chosen(text: str, choices: Sequence[str]) -> int:
    """Return the index of a true choice.

    Raises:
        InputError: It is none of those that are offered.
    """
    if text not in choices:
        offered = ", ".join(map(repr, choices[:12]))
        raise InputError(f"expected one of {offered}, got {text!r:.200}", code="options")
    return list(choices).index(text)


def separator(language: Language) -> str:
    """Return what stands between an option's number and its words."""
    return "：" if language == "zh" else ":"


def option_text(index: int, words: str, *, first: int, language: Language) -> str:
    """Write one option, such as ``2:no`` or ``2：否``."""
    return f"{index + first}{separator(language)}{words}"


def numbered(choices: Sequence[str], *, first: int, language: Language) -> str:
    """Write the options of a prompt, joined as UMIT joins them in that language."""
    joint = " \n" if language == "zh" else "\n"
    return joint.join(
        option_text(i, words, first=first, language=language) for i, words in enumerate(choices)
    )


def read_option(completion: Completion, choices: Sequence[str], *, first: int) -> int:
    """Return the index of the option that a text names by number and words, or by one of them.

    Raises:
        ParseError: No option is named, or number and words contradict each other.

    Example:
        >>> read_option(Completion(text="2：no"), ("yes", "no"), first=1)
        1
    """
    text = fold(completion.text)
    # As we write it, first: an option may itself spell a number, or fold to another option's words.
    written = {fold(f"{i + first}:{words}"): i for i, words in enumerate(choices)}
    if text in written:
        return written[text]
    by_words = {fold(words).casefold(): i for i, words in enumerate(choices)}
    expected = ", ".join(repr(f"{i + first}:{words}") for i, words in enumerate(choices[:12]))
    bare = text.rstrip(".。").strip().casefold()
    if text.casefold() in by_words or bare in by_words:
        return by_words.get(text.casefold(), by_words.get(bare, 0))
    match = re.fullmatch(r"([0-9]{1,4})\s*(?:[:.,)]\s*(.*))?", text, flags=re.DOTALL)
    if not match:
        raise ParseError("expected one of the options", text=completion.text, expected=expected)
    index, words = int(match[1]) - first, (match[2] or "").strip().casefold()
    if not 0 <= index < len(choices):
        raise ParseError(
            f"expected a number from {first} to {first + len(choices) - 1}, got {match[1]}",
            text=completion.text,
            expected=expected,
        )
    # Against this option's own words: two options may fold to the same text, such as m² and m2.
    if words and fold(choices[index]).casefold() not in (words, words.rstrip(".。").strip()):
        raise ParseError(
            f"option {match[1]} is {choices[index]!r}, which the words contradict",
            text=completion.text,
            expected=expected,
        )
    return index


def probabilities(logprobs: tuple[float, ...] | None) -> tuple[float, ...] | None:
    """Return the softmax of whole-option log-probabilities, or ``None`` if the engine gave none."""
    if logprobs is None:
        return None
    top = max(logprobs)
    weights = [math.exp(v - top) for v in logprobs]
    total = sum(weights)
    return tuple(w / total for w in weights)
