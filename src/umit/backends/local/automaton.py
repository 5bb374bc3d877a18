"""A regular expression as what may come next: derivatives (Brzozowski 1964), built as far as answers go.

A state is an expression of what is left. Symbols are the 256 bytes of UTF-8 and, above them, control tokens, each of
which is one symbol and never the characters that spell it. States that cannot be completed do not exist: whatever is
allowed leads to an end.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from umit.patterns import Corners

__all__ = ["EMPTY", "NOTHING", "Node", "either", "numbers", "repeated", "sequence", "symbols"]

_SHARED: Final = 1 << 16  # expressions that are known again by their parts; a lost one is only built twice
_DOT: Final = ord(".")
_GOES_ON: Final = frozenset(b"0123456789.")


class Node:
    """An expression of what is left.

    Attributes:
        nullable: Whether the answer may end here.
        first: Bits of the symbols that may come next.
    """

    __slots__ = ("_known", "first", "nullable")

    def __init__(self, nullable: bool, first: int) -> None:
        self.nullable, self.first = nullable, first
        self._known: dict[int, Node] = {}

    def after(self, symbol: int) -> Node:
        """Return what is left after a symbol; :data:`NOTHING` if it may not come."""
        if not self.first >> symbol & 1:
            return NOTHING
        found = self._known.get(symbol)
        if found is None:
            found = self._known[symbol] = self._derived(symbol)
        return found

    def _derived(self, symbol: int) -> Node:
        raise NotImplementedError


class _Symbols(Node):
    """One symbol of a set; of an empty set: the end, or nothing at all."""

    __slots__ = ()

    def _derived(self, symbol: int) -> Node:
        return EMPTY


#: What cannot be completed, and what is complete.
NOTHING: Final[Node] = _Symbols(False, 0)
EMPTY: Final[Node] = _Symbols(True, 0)


class _Sequence(Node):
    __slots__ = ("_head", "_tail")

    def __init__(self, head: Node, tail: Node) -> None:
        super().__init__(head.nullable and tail.nullable, head.first | (tail.first if head.nullable else 0))
        self._head, self._tail = head, tail

    def _derived(self, symbol: int) -> Node:
        found = sequence(self._head.after(symbol), self._tail)
        return either([found, self._tail.after(symbol)]) if self._head.nullable else found


class _Either(Node):
    __slots__ = ("parts",)

    def __init__(self, parts: frozenset[Node]) -> None:
        first = 0
        for part in parts:
            first |= part.first
        super().__init__(any(part.nullable for part in parts), first)
        self.parts = parts

    def _derived(self, symbol: int) -> Node:
        return either(part.after(symbol) for part in self.parts)


class _Repeated(Node):
    __slots__ = ("_least", "_most", "_one")

    def __init__(self, one: Node, least: int, most: int | None) -> None:
        super().__init__(least == 0 or one.nullable, one.first)
        self._one, self._least, self._most = one, least, most

    def _derived(self, symbol: int) -> Node:
        left = repeated(self._one, max(self._least - 1, 0), None if self._most is None else self._most - 1)
        return sequence(self._one.after(symbol), left)


class _Numbers(Node):
    """The rest of a box, from inside one of its numbers."""

    __slots__ = ("_corners", "_done", "_rest", "_text")

    def __init__(self, corners: Corners, rest: tuple[Node, ...], done: tuple[int, ...], text: str) -> None:
        self._corners, self._rest, self._done, self._text = corners, rest, done, text
        behind = rest[len(done)]
        low, high = self._range()
        whole = _whole(text, corners.decimals) and low <= self._steps() <= high
        first = 0
        for symbol in _GOES_ON:
            if (text or symbol != _DOT) and _completes(text + chr(symbol), low, high, corners.decimals):
                first |= 1 << symbol
        super().__init__(whole and behind is EMPTY, first | behind.first if whole else first)

    def _steps(self) -> int:
        return int(self._text.replace(".", ""))

    def _range(self) -> tuple[int, int]:
        low, high = self._corners.range(len(self._done))
        axes = len(self._corners.size)
        if len(self._done) >= axes:
            low = self._done[len(self._done) - axes] + self._corners.least
        return low, high

    def _derived(self, symbol: int) -> Node:
        if symbol in _GOES_ON:
            return _numbers(self._corners, self._rest, self._done, self._text + chr(symbol))
        done = (*self._done, self._steps())
        behind = self._rest[len(self._done)].after(symbol)
        if len(done) == len(self._rest):
            return behind
        return sequence(behind, _numbers(self._corners, self._rest, done, ""))


def _whole(text: str, decimals: int) -> bool:
    """Return whether a number has all its decimals."""
    return bool(text) and len(text.partition(".")[2]) == decimals


def _completes(text: str, low: int, high: int, decimals: int) -> bool:
    """Return whether a text is or begins a number of a range, without leading zeros.

    Args:
        text: Digits, perhaps a point, perhaps decimals.
        low: Counted in the least that the decimals tell.
        high: Likewise.
        decimals: How many a number has.
    """
    whole, point, part = text.partition(".")
    if (whole[0] == "0" and len(whole) > 1) or len(part) > decimals or "." in part or (point and not decimals):
        return False
    scale = 10 ** (decimals - len(part))
    least = int(whole + part) * scale
    most = least + scale - 1
    while least <= high:
        if most >= low:
            return True
        if point or whole == "0":
            return False
        least, most = least * 10, most * 10 + 9  # one more digit before the point
    return False


@lru_cache(maxsize=_SHARED)
def symbols(mask: int) -> Node:
    """Return one symbol of a set, given as bits."""
    return _Symbols(False, mask) if mask else NOTHING


@lru_cache(maxsize=_SHARED)
def sequence(head: Node, tail: Node) -> Node:
    """Return one expression and then another."""
    if head is NOTHING or tail is NOTHING:
        return NOTHING
    if head is EMPTY:
        return tail
    if tail is EMPTY:
        return head
    if isinstance(head, _Sequence):  # to the right, so that equal rests are the same
        return _Sequence(head._head, sequence(head._tail, tail))
    return _Sequence(head, tail)


def either(parts: Iterable[Node]) -> Node:
    """Return one of several expressions."""
    flat: set[Node] = set()
    for part in parts:
        flat |= part.parts if isinstance(part, _Either) else {part}
    return _either(frozenset(flat - {NOTHING}))


@lru_cache(maxsize=_SHARED)
def _either(parts: frozenset[Node]) -> Node:
    if not parts:
        return NOTHING
    return next(iter(parts)) if len(parts) == 1 else _Either(parts)


@lru_cache(maxsize=_SHARED)
def repeated(one: Node, least: int, most: int | None) -> Node:
    """Return an expression several times; ``most`` is ``None`` for any number."""
    if one is EMPTY or most == 0:
        return EMPTY
    if one is NOTHING:
        return EMPTY if least == 0 else NOTHING
    return _Repeated(one, least, most)


def numbers(corners: Corners, rest: tuple[Node, ...]) -> Node:
    """Return the numbers of a box, in range and in order.

    Args:
        corners: The box.
        rest: What stands behind each number.
    """
    return _numbers(corners, rest, (), "")


@lru_cache(maxsize=_SHARED)
def _numbers(corners: Corners, rest: tuple[Node, ...], done: tuple[int, ...], text: str) -> Node:
    return _Numbers(corners, rest, done, text)
