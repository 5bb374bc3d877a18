"""Words to token ids: our control tokens by id, everything else as plain text, whatever it spells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from umit import chat
from umit.chat import Request, Token, Word
from umit.engine.families import QWEN2_VL, Family
from umit.engine.pixels import tokens
from umit.engine.template import template_form
from umit.errors import CheckpointError

__all__ = ["Encoder", "Tokenizer"]


class Tokenizer(Protocol):
    """The part of a Hugging Face tokenizer that is used here."""

    @property
    def vocab_size(self) -> int:
        """How many tokens there are without those that were added."""
        ...

    def encode(self, text: str, **settings: Any) -> list[int]:
        """Return the ids of a text."""
        ...

    def decode(self, token_ids: Sequence[int], **settings: Any) -> str:
        """Return the text of ids."""
        ...

    def convert_tokens_to_ids(self, tokens: str) -> int:
        """Return the id of one token."""
        ...


class Encoder:
    """Turns requests into ids with one tokenizer; keeps what it encoded.

    Args:
        tokenizer: A Hugging Face tokenizer that has Qwen2-VL's control tokens, which all families share.
        family: How the pictures of the weights are cut.

    Raises:
        CheckpointError: The tokenizer lacks a control token.
    """

    def __init__(self, tokenizer: Tokenizer, family: Family = QWEN2_VL) -> None:
        self.tokenizer = tokenizer
        self.family = family
        self._plain: dict[str, tuple[int, ...]] = {}
        self._control = {t.text: self._id(t) for t in chat.CONTROL}
        self._form: chat.Around | None = None
        self.image_pad = self._control[chat.IMAGE_PAD.text]
        self.end = self._control[chat.END.text]
        self.padding = self._control[chat.END_OF_TEXT.text]

    def _id(self, token: Token) -> int:
        found = self.tokenizer.encode(token.text, add_special_tokens=False)
        if len(found) != 1:
            raise CheckpointError(f"expected a tokenizer with Qwen2-VL's control tokens, {token.text} is not one")
        return found[0]

    def ids(self, words: Sequence[Word]) -> list[int]:
        """Return the ids of words; neighbouring strings are encoded as one."""
        found: list[int] = []
        for piece in chat.pieces(words):
            if isinstance(piece, Token):
                found.append(self._control[piece.text])
            else:
                found.extend(self._text(piece))
        return found

    def _text(self, text: str) -> tuple[int, ...]:
        known = self._plain.get(text)
        if known is None:
            ids = self.tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True)
            known = tuple(ids)
            if len(self._plain) > 50_000:  # bounded: a run may ask millions of different questions
                self._plain.clear()
            self._plain[text] = known
        return known

    def form(self, request: Request) -> chat.Around | None:
        """Return what the chat template writes around a request that leaves the system line to it; else ``None``.

        Raises:
            CheckpointError: The tokenizer has no template, or one that writes pictures and words in another way.
        """
        if request.system is not None:
            return None
        if self._form is None:
            self._form = template_form(self.tokenizer)
        return self._form

    def prefix(self, request: Request) -> list[int]:
        """Return the ids up to the last picture: what questions on the same pictures share."""
        found = self.ids(chat.before_frames(request, self.form(request)))
        start, end = self._control[chat.VISION_START.text], self._control[chat.VISION_END.text]
        for frame in request.frames:
            found += [start, *[self.image_pad] * tokens(frame, self.family), end]
        return found

    def suffix(self, request: Request) -> list[int]:
        """Return the ids between the last picture and the answer."""
        return self.ids(chat.after_frames(request, self.form(request)))

    def prompt(self, request: Request) -> list[int]:
        """Return the ids of the whole prompt."""
        if request.frames:
            return self.prefix(request) + self.suffix(request)
        return self.ids(chat.prompt(request, self.form(request)))

    def split(self, request: Request) -> tuple[list[int], list[int]]:
        """Return the prompt as what may be shared and what is the question's own.

        Without pictures nothing is shared, since the words touch the text before them.
        """
        if request.frames:
            return self.prefix(request), self.suffix(request)
        return [], self.prompt(request)

    def answer(self, words: Sequence[Word]) -> list[int]:
        """Return the ids of an answer with its end token: what is taught, and what is scored."""
        return self.ids(chat.option_words(words))

    def text(self, ids: Sequence[int]) -> str:
        """Return the text of generated ids: one trailing end token removed, nothing else touched."""
        kept = list(ids)
        if kept and kept[-1] == self.end:
            kept.pop()
        return self.tokenizer.decode(kept, skip_special_tokens=False, clean_up_tokenization_spaces=False)
