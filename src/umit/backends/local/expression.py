"""Plain regular expressions read into what :mod:`umit.backends.local.automaton` follows."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from typing import Final, TypeAlias

from umit.backends.local.automaton import EMPTY, NOTHING, Node, either, numbers, repeated, sequence, symbols
from umit.errors import InputError
from umit.patterns import Corners, literal

__all__ = ["compiled"]

Ranges: TypeAlias = "list[tuple[int, int]]"
_TOP: Final = sys.maxunicode
_BLANKS: Final = [ord(c) for c in map(chr, range(0x3001)) if c.isspace()]  # the last is U+3000
_CLASSES: Final[dict[str, Ranges]] = {
    "d": [(ord("0"), ord("9"))],
    "w": [(ord(a), ord(b)) for a, b in ("09", "AZ", "__", "az")],
    "s": [(c, c) for c in _BLANKS],
}
_LETTERS: Final = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v"}
_MOST: Final = 10_000  # repeats; more is a slip


def compiled(pattern: str, controls: Mapping[str, int], corners: Corners | None = None) -> Node:
    """Return the first state of a pattern.

    Args:
        pattern: A plain regular expression.
        controls: Control tokens by their text, with the symbol of each, from 256; where the pattern spells one, it
            is meant.
        corners: What holds wherever the pattern spells it.

    Raises:
        InputError: No plain regular expression, or one that nothing matches.
    """
    reader = _Reader(pattern, controls, corners)
    found = reader.choice()
    if reader.at < len(pattern):
        raise reader.wrong("an end")
    if found is NOTHING:
        raise reader.wrong("a pattern that something matches")
    return found


class _Reader:
    """Reads an expression from left to right."""

    def __init__(self, pattern: str, controls: Mapping[str, int], corners: Corners | None) -> None:
        self.pattern, self.at = pattern, 0
        self._controls = controls
        self._spelled = {literal(text): symbol for text, symbol in controls.items()}
        self._corners = corners
        self._box = corners.pattern if corners else ""

    def wrong(self, expected: str) -> InputError:
        """Return the error of what stands here."""
        here = self.pattern[self.at : self.at + 20]
        return InputError(
            f"expected {expected} in a plain regular expression, got {here!r} at {self.at}", code="pattern"
        )

    def choice(self) -> Node:
        """Read what stands between ``|``."""
        parts = [self._row()]
        while self._takes("|"):
            parts.append(self._row())
        return either(parts)

    def _takes(self, text: str) -> bool:
        if not text or not self.pattern.startswith(text, self.at):
            return False
        self.at += len(text)
        return True

    def _row(self) -> Node:
        found: list[Node] = []
        while self.at < len(self.pattern) and self.pattern[self.at] not in "|)":
            found.append(self._times(self._one()))
        return _row(found)

    def _one(self) -> Node:
        if self._corners is not None and self._takes(self._box):
            first, *rest = (self._text(text) for text in self._corners.texts)
            return sequence(first, numbers(self._corners, tuple(rest)))
        for spelled, symbol in self._spelled.items():
            if self._takes(spelled):
                return symbols(1 << symbol)
        if self._takes("("):
            if self.pattern.startswith("?", self.at) and not self._takes("?:"):
                raise self.wrong("a plain group")
            found = self.choice()
            if not self._takes(")"):
                raise self.wrong("')'")
            return found
        if self._takes("["):
            return _characters(self._class())
        if self._takes("."):
            return _characters(_without([(10, 10)]))
        if self.pattern[self.at] in "*+?{}]^$":
            raise self.wrong("a character")
        return _characters(self._character())

    def _times(self, one: Node) -> Node:
        least, most = 1, 1
        if self._takes("*"):
            return repeated(one, 0, None)
        if self._takes("+"):
            return repeated(one, 1, None)
        if self._takes("?"):
            return repeated(one, 0, 1)
        if self._takes("{"):
            low, comma, high = self._to("}").partition(",")
            try:
                least = int(low)
                most = int(high) if high else least
            except ValueError:
                raise self.wrong("{m}, {m,} or {m,n} before this") from None
            if not 0 <= least <= most <= _MOST:
                raise self.wrong(f"0 <= m <= n <= {_MOST} before this")
            return repeated(one, least, None if comma and not high else most)
        return one

    def _to(self, end: str) -> str:
        stop = self.pattern.find(end, self.at)
        if stop < 0:
            raise self.wrong(repr(end))
        found = self.pattern[self.at : stop]
        self.at = stop + len(end)
        return found

    def _class(self) -> Ranges:
        negated = self._takes("^")
        found: Ranges = []
        while not self._takes("]"):
            if self.at >= len(self.pattern):
                raise self.wrong("']'")
            low = self._character()
            if self.pattern.startswith("-", self.at) and not self.pattern.startswith("-]", self.at) and len(low) == 1:
                self.at += 1
                high = self._character()
                if len(high) != 1 or high[0][0] < low[0][0]:
                    raise self.wrong("a range of characters before this")
                low = [(low[0][0], high[0][0])]
            found += low
        if not found:
            raise self.wrong("a class that holds something before this")
        return _without(found) if negated else found

    def _character(self) -> Ranges:
        """Read a character, or an escape that stands for several."""
        if self.at >= len(self.pattern):
            raise self.wrong("a character")
        here = self.pattern[self.at]
        self.at += 1
        if here != "\\":
            return [(ord(here), ord(here))]
        if self.at >= len(self.pattern):
            raise self.wrong("a character after \\")
        here = self.pattern[self.at]
        self.at += 1
        if here.lower() in _CLASSES:
            ranges = _CLASSES[here.lower()]
            return ranges if here.islower() else _without(ranges)
        if here.isalnum() and here not in _LETTERS:
            raise self.wrong("a known escape before this")
        code = ord(_LETTERS.get(here, here))
        return [(code, code)]

    def _text(self, text: str) -> Node:
        found: list[Node] = []
        while text:
            control = next((c for c in self._controls if text.startswith(c)), "")
            piece = control or text[0]
            found += [symbols(1 << self._controls[control])] if control else [symbols(1 << b) for b in piece.encode()]
            text = text[len(piece) :]
        return _row(found)


def _row(parts: Sequence[Node]) -> Node:
    return reduce(lambda tail, head: sequence(head, tail), reversed(parts), EMPTY)


def _without(ranges: Ranges) -> Ranges:
    """Return all characters but these."""
    found, start = [], 0
    for low, high in sorted(ranges):
        if low > start:
            found.append((start, low - 1))
        start = max(start, high + 1)
    return [*found, (start, _TOP)] if start <= _TOP else found


def _characters(ranges: Ranges) -> Node:
    """Return one character of a set, in UTF-8."""
    rows = [row for low, high in ranges for row in _utf8(low, high)]
    return either(_row([symbols((1 << b + 1) - (1 << a)) for a, b in row]) for row in rows)


def _utf8(low: int, high: int) -> Iterator[tuple[tuple[int, int], ...]]:
    """Yield ranges of bytes, one a place, that together are the characters from low to high; no surrogates."""
    for start, stop in ((0, 0x7F), (0x80, 0x7FF), (0x800, 0xD7FF), (0xE000, 0xFFFF), (0x10000, _TOP)):
        if max(low, start) <= min(high, stop):
            yield from _of_one_length(max(low, start), min(high, stop))


def _of_one_length(low: int, high: int) -> Iterator[tuple[tuple[int, int], ...]]:
    """Yield them for characters of equally many bytes: split where the last bytes do not run through all values."""
    for place in range(1, len(chr(low).encode())):
        last = (1 << 6 * place) - 1
        if low & ~last != high & ~last:
            if low & last:
                yield from _of_one_length(low, low | last)
                yield from _of_one_length((low | last) + 1, high)
                return
            if high & last != last:
                yield from _of_one_length(low, (high & ~last) - 1)
                yield from _of_one_length(high & ~last, high)
                return
    yield tuple(zip(chr(low).encode(), chr(high).encode(), strict=True))
