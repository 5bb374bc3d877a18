"""The form of an answer as a plain regular expression, and the one thing that such an expression cannot say.

The expressions are plain: characters, classes, groups, ``|``, ``*``, ``+``, ``?`` and ``{m,n}``; no look-around, no
back reference, no anchor. Every guided decoder of a server takes them. That the far corner of a box lies beyond the
near one would take an expression of a million branches, so it stands beside the expression, in :class:`Corners`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from umit.errors import InputError

__all__ = ["WORDS", "Corners", "Pattern", "between", "literal", "one_of", "until"]

#: Any words: at least one character that is no blank. The control tokens are no characters, so none is among them.
WORDS: Final = r"[\s\S]*\S[\s\S]*"
_GOES_ON: Final = frozenset("0123456789.")
_SPECIAL: Final = frozenset("\\.+*?()|[]{}^$")


def literal(text: str) -> str:
    r"""Return the expression of a text.

    Example:
        >>> literal("<|box_start|>")
        '<\\|box_start\\|>'
    """
    return "".join("\\" + c if c in _SPECIAL else c for c in text)


def one_of(*texts: str) -> str:
    """Return the expression of one of several texts.

    Example:
        >>> one_of("1:yes", "2:no")
        '1:yes|2:no'
    """
    return "|".join(map(literal, texts))


def between(low: int, high: int, decimals: int = 0) -> str:
    r"""Return the expression of the numbers from ``low`` to ``high``, without leading zeros.

    Args:
        low: At least 0, counted in the least that the decimals tell.
        high: At least ``low``.
        decimals: How many each number has.

    Raises:
        InputError: No such numbers.

    Example:
        >>> between(0, 800)
        '([0-9]|[1-9][0-9]|[1-7][0-9]{2}|800)'
        >>> between(5, 100, decimals=2)
        '(0\\.(0[5-9]|[1-9][0-9])|1\\.00)'
    """
    if not 0 <= low <= high or decimals < 0:
        raise InputError(f"expected numbers 0 <= low <= high, got {low} and {high}", code="range")
    if decimals:
        return f"({'|'.join(_with_decimals(low, high, decimals))})"
    parts: list[str] = []
    for length in range(len(str(low)), len(str(high)) + 1):
        first = max(low, 0 if length == 1 else 10 ** (length - 1))
        parts += _of_one_length(str(first), str(min(high, 10**length - 1)))
    return f"({'|'.join(parts)})"


def _with_decimals(low: int, high: int, decimals: int) -> list[str]:
    """Return expressions of numbers with decimals: of the first whole number, of those between, of the last."""
    step = 10**decimals

    def one(whole: int, first: int, last: int) -> str:
        parts = _of_one_length(f"{first:0{decimals}}", f"{last:0{decimals}}")
        return rf"{whole}\.{parts[0] if len(parts) == 1 else '(' + '|'.join(parts) + ')'}"

    (least, first), (most, last) = divmod(low, step), divmod(high, step)
    if least == most:
        return [one(least, first, last)]
    inner = [rf"{between(least + 1, most - 1)}\.[0-9]{{{decimals}}}"] if least + 1 < most else []
    return [one(least, first, step - 1), *inner, one(most, 0, last)]


def _of_one_length(low: str, high: str) -> list[str]:
    """Return expressions of the numbers between two that have equally many digits."""
    if low == high:
        return [low]
    rest = len(low) - 1
    if low[0] == high[0]:
        return [low[0] + part for part in _of_one_length(low[1:], high[1:])]
    first, last = int(low[0]), int(high[0])
    head: list[str] = []
    tail: list[str] = []
    if low[1:] != "0" * rest:
        head = [low[0] + part for part in _of_one_length(low[1:], "9" * rest)]
        first += 1
    if high[1:] != "9" * rest:
        tail = [high[0] + part for part in _of_one_length("0" * rest, high[1:])]
        last -= 1
    if first > last:
        return head + tail
    digit = str(first) if first == last else f"[{first}-{last}]"
    digits = ("", "[0-9]")[rest] if rest < 2 else f"[0-9]{{{rest}}}"
    return [*head, digit + digits, *tail]


def until(marker: str) -> str:
    """Return the expression of any text that ends with the first occurrence of a marker.

    Args:
        marker: Such as ``"</think>"``; its first character comes in it once.

    Raises:
        InputError: An empty marker, or one whose first character comes again.

    Example:
        >>> import re
        >>> bool(re.fullmatch(until("</a>"), "a < b, <</b></a>"))
        True
        >>> bool(re.fullmatch(until("</a>"), "one </a> two </a>"))
        False
    """
    first, rest = marker[:1], marker[1:]
    if not marker or first in rest:
        raise InputError(f"expected a marker whose first character comes once, got {marker!r}", code="marker")
    begun = [literal(rest[:k] + first) for k in range(len(rest))]  # it begins anew
    missed = [literal(rest[:k]) + f"[^{_in_class(first)}{_in_class(rest[k])}]" for k in range(len(rest))]
    start = literal(first) + (f"({'|'.join(begun)})*" if begun else "")
    away = f"|{start}({'|'.join(missed)})" if missed else ""
    return f"([^{_in_class(first)}]{away})*{start}{literal(rest)}"


def _in_class(character: str) -> str:
    return "\\" + character if character in "\\]^-[" else character


@dataclass(frozen=True, slots=True)
class Corners:
    r"""A box whose far corner lies beyond its near one on every axis.

    Args:
        texts: What stands before, between and behind its numbers; what stands between has characters, and none of
            them begins as a number goes on.
        size: The largest number along each axis, counted in the least that the decimals tell; the near corner's
            numbers come first, then the far one's.
        least: How much the far corner's numbers are above the near one's at least.
        decimals: How many each number has.

    Raises:
        InputError: Not one text more than numbers, or a size that holds no box.

    Example:
        >>> Corners(("(", ",", "),(", ",", ")"), (9, 9), 1).pattern
        '\\(([0-8]),([0-8])\\),\\(([1-9]),([1-9])\\)'
    """

    texts: tuple[str, ...]
    size: tuple[int, ...]
    least: int = 1
    decimals: int = 0

    def __post_init__(self) -> None:
        inner = self.texts[1:-1]
        if len(self.texts) != 2 * len(self.size) + 1 or not all(text and text[0] not in _GOES_ON for text in inner):
            raise InputError(
                f"expected {2 * len(self.size) + 1} texts around numbers, got {self.texts}", code="corners"
            )
        if self.least < 0 or min(self.size) < self.least:
            raise InputError(f"expected a size that holds a box, got {self.size} and {self.least}", code="corners")

    def range(self, number: int) -> tuple[int, int]:
        """Return the least and the largest value of the number that comes ``number``-th, from 0."""
        axis, far = number % len(self.size), number >= len(self.size)
        return (self.least, self.size[axis]) if far else (0, self.size[axis] - self.least)

    @property
    def pattern(self) -> str:
        """The expression of one box: every number in its range, the corners in any order."""
        numbers = [between(*self.range(number), self.decimals) for number in range(2 * len(self.size))]
        pairs = zip(self.texts[1:], numbers, strict=True)
        return literal(self.texts[0]) + "".join(number + literal(text) for text, number in pairs)


@dataclass(frozen=True, slots=True)
class Pattern:
    """The form of an answer.

    Args:
        text: The regular expression that every well-formed answer matches as a whole.
        corners: What holds beside it wherever ``text`` spells ``corners.pattern``; engines that know regular
            expressions alone leave it, and the far corner is then checked when the answer is read.
    """

    text: str
    corners: Corners | None = None
