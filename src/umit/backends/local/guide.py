"""Which tokens may come next under a pattern.

An automaton of our own and no library: that a far corner lies beyond a near one is not regular, a control token must
come by its id and never as the characters that spell it, and greedy decoding asks of one token whether it may come,
not of all. The likeliest token is nearly always right, so a step costs a look into a dictionary.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Any, Final

import torch
from torch import Tensor

from umit.backends.local.automaton import EMPTY, NOTHING, Node
from umit.backends.local.expression import compiled
from umit.chat import CONTROL
from umit.engine.encode import Encoder
from umit.errors import BackendError
from umit.patterns import Corners

__all__ = ["Guide", "Guides", "Vocabulary"]

_LIKELY: Final = 64  # tokens that are tried in order before all that may come are looked for
_STEPS: Final = 100_000  # steps that a pattern keeps; some hundred bytes each
_PATTERNS: Final = 256  # that are kept, the last ones asked


def _byte_letters() -> dict[str, int]:
    """Return the byte of each letter in which byte-level BPE (GPT-2) writes its tokens."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = {chr(byte): byte for byte in shown}
    hidden = [byte for byte in range(256) if byte not in letters.values()]
    return letters | {chr(256 + k): byte for k, byte in enumerate(hidden)}


class Vocabulary:
    """The symbols that each token stands for: bytes, or one control token.

    Args:
        encoder: With a byte-level tokenizer.
    """

    def __init__(self, encoder: Encoder) -> None:
        tokenizer: Any = encoder.tokenizer
        letters = _byte_letters()
        self.controls = {token.text: 256 + k for k, token in enumerate(CONTROL)}
        self.stops = frozenset((encoder.end, encoder.padding))
        special = {token.content for token in tokenizer.added_tokens_decoder.values() if token.special}
        added = set(tokenizer.get_added_vocab())
        self._symbols: dict[int, tuple[int, ...]] = {}
        for text, number in tokenizer.get_vocab().items():
            if text in self.controls:
                self._symbols[number] = (self.controls[text],)
            elif text in added:
                if text not in special:
                    self._symbols[number] = tuple(text.encode())
            elif all(letter in letters for letter in text):
                self._symbols[number] = tuple(letters[letter] for letter in text)
        ordered = sorted((row, number) for number, row in self._symbols.items() if row)
        self._rows = [row for row, _ in ordered]
        self._numbers = [number for _, number in ordered]

    def symbols(self, token: int) -> tuple[int, ...]:
        """Return the symbols of a token; none of one that no answer may hold."""
        return self._symbols.get(token, ())

    def allowed(self, state: Node) -> Iterator[int]:
        """Yield every token that may come in a state."""
        yield from self._below(state, 0, len(self._rows), 0)

    def _below(self, state: Node, start: int, stop: int, depth: int) -> Iterator[int]:
        """Yield those among rows ``start:stop``, which begin alike and led to this state."""
        while start < stop and len(self._rows[start]) == depth:
            yield self._numbers[start]
            start += 1
        left = state.first
        while left and start < stop:
            symbol = (left & -left).bit_length() - 1
            left &= left - 1
            low = bisect_left(self._rows, symbol, start, stop, key=lambda row: row[depth])
            high = bisect_left(self._rows, symbol + 1, low, stop, key=lambda row: row[depth])
            if low < high:
                yield from self._below(state.after(symbol), low, high, depth + 1)
            start = high


class Guide:
    """What may come next in the answers of one pattern.

    Args:
        vocabulary: Of the tokenizer that writes.
        pattern: A plain regular expression.
        corners: What holds wherever the pattern spells it.

    Raises:
        InputError: No plain regular expression.
    """

    def __init__(self, vocabulary: Vocabulary, pattern: str, corners: Corners | None) -> None:
        self._vocabulary, self._pattern, self._corners = vocabulary, pattern, corners
        self._steps = _STEPS
        self.start = EMPTY
        # Not kept in the states: those are shared by guides of other tokenizers, whose tokens spell other symbols.
        self._known: dict[Node, dict[int, Node | None]] = {}
        self._build()

    def _build(self) -> None:
        self._known = {}
        self.start = compiled(self._pattern, self._vocabulary.controls, self._corners)

    def after(self, state: Node, token: int) -> Node | None:
        """Return the state after a token that may come; ``None`` for one that may not."""
        known = self._known.setdefault(state, {})
        if token in known:
            return known[token]
        found = state
        symbols = self._vocabulary.symbols(token)
        for symbol in symbols:
            found = found.after(symbol)
        self._steps -= 1
        if self._steps < 0:  # answers begun go on in the old states, which are let go with them
            self._build()
            self._steps = _STEPS
        known[token] = found if symbols and found is not NOTHING else None
        return known[token]

    def best(self, state: Node, logits: Tensor) -> int:
        """Return the likeliest token that may come.

        Args:
            state: Before the token.
            logits: ``(vocabulary,)``.

        Raises:
            BackendError: No token may come: the tokenizer lacks a byte.
        """
        for token in logits.topk(min(_LIKELY, len(logits))).indices.tolist():
            if (state.nullable and token in self._vocabulary.stops) or self.after(state, token) is not None:
                return int(token)
        allowed = [token for token in self._vocabulary.allowed(state) if token < len(logits)]
        if state.nullable:
            allowed += self._vocabulary.stops
        if not allowed:
            raise BackendError("expected a tokenizer that can spell the answer, it lacks a byte", engine="local")
        some = torch.tensor(allowed, device=logits.device)
        return allowed[int(logits[some].argmax())]


class Guides:
    """The guides of one tokenizer, the last ones kept.

    Args:
        encoder: With a byte-level tokenizer.
    """

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._vocabulary: Vocabulary | None = None
        self._kept: OrderedDict[tuple[str, Corners | None], Guide] = OrderedDict()

    def of(self, patterns: Sequence[tuple[str | None, Corners | None]]) -> list[Guide | None]:
        """Return the guide of each pattern; ``None`` where there is none.

        Raises:
            InputError: No plain regular expression.
        """
        return [None if pattern is None else self._one(pattern, corners) for pattern, corners in patterns]

    def _one(self, pattern: str, corners: Corners | None) -> Guide:
        key = (pattern, corners)
        found = self._kept.pop(key, None)
        if found is None:
            if self._vocabulary is None:
                self._vocabulary = Vocabulary(self._encoder)
            found = Guide(self._vocabulary, pattern, corners)
        self._kept[key] = found
        while len(self._kept) > _PATTERNS:
            self._kept.popitem(last=False)
        return found
