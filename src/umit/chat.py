"""What crosses to an engine and what comes back, and the one chat form.

The form is ms-swift 2.6's for Qwen2-VL: a system block unless the system line is empty, one user turn
that holds the pictures and then the words, and an assistant turn that ends in ``<|im_end|>`` with no
newline after it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from umit.errors import InputError
from umit.patterns import Corners

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Frame: TypeAlias = NDArray[np.uint8]

__all__ = [
    "BOX_END",
    "BOX_START",
    "CONTROL",
    "DEFAULT_SYSTEM",
    "END",
    "END_OF_TEXT",
    "IMAGE_PAD",
    "OBJECT_END",
    "OBJECT_START",
    "Around",
    "Completion",
    "Request",
    "Token",
    "Word",
    "after_frames",
    "around",
    "before_frames",
    "option_words",
    "prompt",
    "spell",
    "template_words",
]


@dataclass(frozen=True, slots=True)
class Token:
    """A control token that our own wording places, such as ``<|box_start|>``.

    A plain ``str`` never becomes one, whatever it spells: words stay words.
    """

    text: str


START: Final = Token("<|im_start|>")
END: Final = Token("<|im_end|>")
VISION_START: Final = Token("<|vision_start|>")
VISION_END: Final = Token("<|vision_end|>")
IMAGE_PAD: Final = Token("<|image_pad|>")
OBJECT_START: Final = Token("<|object_ref_start|>")
OBJECT_END: Final = Token("<|object_ref_end|>")
BOX_START: Final = Token("<|box_start|>")
BOX_END: Final = Token("<|box_end|>")
END_OF_TEXT: Final = Token("<|endoftext|>")
#: Every control token that an engine must know.
CONTROL: Final = (
    START, END, VISION_START, VISION_END, IMAGE_PAD,
    OBJECT_START, OBJECT_END, BOX_START, BOX_END, END_OF_TEXT,
)  # fmt: skip

#: Qwen2-VL's and ms-swift 2.6.1's default system line.
DEFAULT_SYSTEM: Final = "You are a helpful assistant."

Word: TypeAlias = str | Token


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Request:
    """Everything an engine gets.

    Args:
        frames: Pictures at their final size, each uint8 ``(height, width, 3)`` RGB.
        words: The user turn after the pictures.
        lead: The user turn before the pictures, for weights that were trained with words there.
        options: Whole answers to choose from; empty for free text.
        pattern: A plain regular expression that every well-formed answer matches, or ``None``; what is written keeps
            to it. See :mod:`umit.patterns`.
        corners: What holds beside it wherever it spells ``corners.pattern``; engines that know regular expressions
            alone leave it.
        max_new_tokens: Where generation stops.
        system: The system line; ``""`` for none, ``None`` for what the checkpoint's own chat template writes around
            a question, which may also open the answer.
    """

    words: tuple[Word, ...]
    frames: tuple[Frame, ...] = ()
    lead: tuple[Word, ...] = ()
    options: tuple[tuple[Word, ...], ...] = ()
    pattern: str | None = None
    corners: Corners | None = None
    max_new_tokens: int = 64
    system: str | None = DEFAULT_SYSTEM


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What a chat template writes around a user turn.

    Args:
        head: Before it, from the beginning of the prompt.
        tail: After it, to where the answer begins.
    """

    head: tuple[Word, ...]
    tail: tuple[Word, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """Everything an engine gives back.

    Args:
        text: The answer, control tokens spelled out, the final ``<|im_end|>`` removed, nothing stripped.
        finish_reason: ``"stop"``, or ``"length"`` when ``max_new_tokens`` cut it.
        logprob: Natural log-probability of the whole text with its end token, or ``None``.
        option_logprobs: The same for each option, in the request's order, or ``None``.
        tokens: How many tokens ``logprob`` is of, the end token among them; ``None`` if the engine does not tell.
        forced: How many tokens were written only because the pattern refuses the likeliest one.
    """

    text: str
    finish_reason: str = "stop"
    logprob: float | None = None
    option_logprobs: tuple[float, ...] | None = None
    tokens: int | None = None
    forced: int = 0


def around(system: str) -> Around:
    """Return the one chat form around a user turn, with a system line or, where it is ``""``, without."""
    head = (START, "system\n" + system, END, "\n") if system else ()
    return Around(head=(*head, START, "user\n"), tail=(END, "\n", START, "assistant\n"))


def before_frames(request: Request, form: Around | None = None) -> tuple[Word, ...]:
    """Return what stands before the first picture.

    Args:
        request: What is asked.
        form: What the checkpoint's chat template writes; only a request without a system line of its own needs it.

    Raises:
        InputError: It is needed, and there is none.
    """
    return (*_around(request, form).head, *request.lead)


def frame_words(request: Request) -> tuple[Word, ...]:
    """Return one placeholder for each picture; the engine repeats ``IMAGE_PAD`` to the picture's length."""
    return (VISION_START, IMAGE_PAD, VISION_END) * len(request.frames)


def after_frames(request: Request, form: Around | None = None) -> tuple[Word, ...]:
    """Return what stands between the last picture and the answer; arguments and errors of :func:`before_frames`."""
    return (*request.words, *_around(request, form).tail)


def _around(request: Request, form: Around | None) -> Around:
    if request.system is not None:
        return around(request.system)
    if form is None:
        raise InputError(
            "expected the chat template of the checkpoint for a request without a system line, got none",
            code="system",
            where="system",
        )
    return form


def prompt(request: Request, form: Around | None = None) -> tuple[Word, ...]:
    r"""Return the whole prompt: system line, pictures, words, and the opened assistant turn.

    Args:
        request: What is asked.
        form: As for :func:`before_frames`.

    Raises:
        InputError: As for :func:`before_frames`.

    Example:
        >>> spell(prompt(Request(words=("Which plane?",), system="")))
        '<|im_start|>user\nWhich plane?<|im_end|>\n<|im_start|>assistant\n'
    """
    return (*before_frames(request, form), *frame_words(request), *after_frames(request, form))


def option_words(option: Sequence[Word]) -> tuple[Word, ...]:
    """Return an answer with its end token, as it is taught and as it is scored."""
    return (*option, END)


def pieces(words: Sequence[Word]) -> Iterator[Word]:
    """Yield the words with neighbouring strings joined, since tokenizers merge across them."""
    text = ""
    for word in words:
        if isinstance(word, str):
            text += word
            continue
        if text:
            yield text
            text = ""
        yield word
    if text:
        yield text


def spell(words: Sequence[Word]) -> str:
    """Return the words as one flat text."""
    return "".join(w if isinstance(w, str) else w.text for w in words)


def template_words(text: str) -> tuple[Word, ...]:
    """Split what a chat template wrote into words and the control tokens in it.

    Only a template's own text may come here; a user's words must not.
    """
    known = {token.text: token for token in CONTROL}
    parts: list[Any] = re.split("(" + "|".join(map(re.escape, known)) + ")", text)
    return tuple(known.get(part, part) for part in parts if part)


_ANSWER_TOKENS: Final = {t.text: t for t in (OBJECT_START, OBJECT_END, BOX_START, BOX_END)}


def answer_words(text: str) -> tuple[Word, ...]:
    """Split an answer that our own grammar wrote into words and the grounding tokens in it.

    Only text from ``Task.encode`` may come here; a user's words must not.
    """
    parts: list[Any] = re.split("(" + "|".join(map(re.escape, _ANSWER_TOKENS)) + ")", text)
    return tuple(_ANSWER_TOKENS.get(part, part) for part in parts if part)
