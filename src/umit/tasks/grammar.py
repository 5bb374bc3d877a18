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
    "chosen", "clip", "decimal", "fold", "inside", "numbered", "option_text", "read_option", "separator",     "spoken", "whole",
]  # fmt: skip

LONGEST: Final = 4000  # characters; the longest structured answer is a few hundred
_OUTSIDE: Final = 0.1  # of the frame: a coordinate further out is no slip of a digit but nonsense


def fold(text: str, *, longest: int = LONGEST) -> str:
    """Return a copy for parsing: full-width forms as ASCII, zero-width characters and outer blanks removed.

    Args:
        text: As the model wrote it.
        longest: The most characters that an answer has.

    Raises:
        ParseError: The text is longer than any answer.

    Example:
        >>> fold("［１２，３４］")
        '[12,34]'
    """
    if len(text) > longest:
        raise ParseError(f"expected at most {longest} characters, got {len(text)}", text=text)
    return half_width(text).replace("、", ",").strip()


def whole(value: float) -> int:
    """Round half up, so that neighbouring edges at ``.5`` go the same way."""
    return math.floor(value + 0.5)


def decimal(steps: int, decimals: int) -> str:
    """Write a number that is counted in the least that its decimals tell.

    Example:
        >>> decimal(7, 3), decimal(7, 0)
        ('0.007', '7')
    """
    return f"{steps / 10**decimals:.{decimals}f}"


def clip(values: Sequence[float], limits: Sequence[float], text: str) -> tuple[tuple[float, ...], tuple[str, ...]]:
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


def inside(values: Sequence[float], limits: Sequence[float], *, step: float = 1.0) -> None:
    """Refuse a true place further outside its frame than its numbers can tell: to clip it would teach another.

    Args:
        values: Coordinates.
        limits: The frame's size along each of them.
        step: The least that its numbers tell.

    Raises:
        InputError: A coordinate lies outside by more than that.
    """
    for value, limit in zip(values, limits, strict=True):
        if not -step <= value <= limit + step:
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
    return joint.join(option_text(i, words, first=first, language=language) for i, words in enumerate(choices))


#: What models write before a choice, in English and Chinese.
_LEAD: Final = re.compile(
    r"(?:the\s+)?(?:(?:correct|final|right)\s+)?(?:answer|option|choice)(?:\s+is)?[\s:]+|(?:答案|选项|选择)[是为]?:?\s*",
    re.IGNORECASE,
)
#: A number or a letter, alone or before words.
_NUMBERED: Final = re.compile(
    r"(?:([0-9]{1,4})|([a-z]))(?:\s*[:.,)]\s*(.*))?|([0-9]{1,4})\s+(.+)|\(\s*(?:([0-9]{1,4})|([a-z]))\s*\)\s*[:.,]?\s*(.*)",
    re.DOTALL,
)
_MARKUP: Final = "*_`\"' \n"


def read_option(completion: Completion, choices: Sequence[str], *, first: int, spelled: Sequence[str] = ()) -> int:
    """Return the index of the option that a text names by number or letter and words, or by one of them.

    Args:
        completion: What the model wrote.
        choices: The words of the options.
        first: Number of the first.
        spelled: How the options would be written, for the error; number and words unless given.

    Raises:
        ParseError: No option is named, number and words contradict each other, or the text can be read as two
            options, as "1" can where an option other than the first is called "1".

    Example:
        >>> read_option(Completion(text="2：no"), ("yes", "no"), first=1)
        1
    """
    text = fold(completion.text)
    # As we write it, first: an option may itself spell a number, or fold to another option's words.
    written = {fold(f"{i + first}:{words}"): i for i, words in enumerate(choices)}
    if text in written:
        return written[text]
    forms = spelled or [f"{i + first}:{words}" for i, words in enumerate(choices)]
    expected = ", ".join(map(repr, forms[:12]))
    folded = [_bare(fold(words)) for words in choices]
    found: set[int] = set()
    for said in (text, _LEAD.sub("", text.strip(_MARKUP), count=1)):
        try:
            found = _readings(_bare(said), folded, first)
        except ValueError as error:
            raise ParseError(str(error), text=completion.text, expected=expected) from None
        if found:
            break
    if len(found) != 1:
        why = "expected one of the options" + (", the text can be read as several" if found else "")
        raise ParseError(why, text=completion.text, expected=expected)
    return found.pop()


def _bare(text: str) -> str:
    return " ".join(text.strip(_MARKUP).rstrip(".。").casefold().split())


def _readings(text: str, choices: Sequence[str], first: int) -> set[int]:
    """Return the options that a text can mean.

    Raises:
        ValueError: It names one by number and another by words, or a number that is none.
    """
    found = {index for index, words in enumerate(choices) if words == text}
    match = _NUMBERED.fullmatch(text)
    if match is None:
        return found
    digits = match[1] or match[4] or match[6]
    words = _bare(match[3] or match[5] or match[8] or "")
    if not words:  # "(3)" may be the third option, or the one that is called "3"
        found |= {index for index, name in enumerate(choices) if name == (digits or match[2] or match[7])}
    if found and words:
        return found  # the option's own words begin so
    index = int(digits) - first if digits else ord(match[2] or match[7]) - ord("a")
    if not 0 <= index < len(choices):
        if found or not digits:
            return found
        raise ValueError(f"expected a number from {first} to {first + len(choices) - 1}, got {digits}")
    # Against this option's own words: two options may fold to the same text, such as m² and m2.
    if words and words != choices[index]:
        if not digits:
            return found  # a word of one letter
        raise ValueError(f"option {digits} is {choices[index]!r}, which the words contradict")
    return found | {index}


def probabilities(logprobs: tuple[float, ...] | None) -> tuple[float, ...] | None:
    """Return the softmax of whole-option log-probabilities, or ``None`` if the engine gave none."""
    if logprobs is None:
        return None
    top = max(logprobs)
    weights = [math.exp(v - top) for v in logprobs]
    total = sum(weights)
    return tuple(w / total for w in weights)
