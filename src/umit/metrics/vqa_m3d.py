"""M3D-Bench's scorer (Bench/eval/eval_vqa.py): a letter with a full stop, or BLEU-1, ROUGE-1 and METEOR."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from functools import cache
from string import ascii_uppercase
from typing import Final

from umit.errors import MissingExtraError
from umit.metrics.meteor import nltk_meteor
from umit.metrics.protocol import Column, Protocol, Reply, Row
from umit.metrics.sentence import bleu_1, rouge_f, rouge_words
from umit.metrics.words import fold

__all__ = ["M3D_BENCH", "choice_hit", "read_choice"]

_LOG = logging.getLogger(__name__)
_LETTER: Final = re.compile(r"(?:the answer is |answer: ?)?\(?([a-z]) ?(?:$|\)[.:]?|[.:]) ?(.*)")


def choice_hit(predicted: str, letter: str) -> float:
    """Return M3D-Bench's verdict on a closed answer: whether the letter and a full stop occur anywhere.

    "Vitamin B." and a list of all letters are right; "B", "(B)", "B:" and a full-width stop are wrong.

    Example:
        >>> choice_hit("Vitamin B.", "B"), choice_hit("(B)", "B")
        (1.0, 0.0)
    """
    return float(f"{letter}." in predicted)


def read_choice(predicted: str, choices: Sequence[str]) -> int | None:
    """Return the choice that a text names, by its letter, its words, or both.

    Args:
        predicted: The model's text.
        choices: Words of A, B, …

    Returns:
        The choice's index from 0; ``None`` if none is named, or letter and words contradict each other.

    Example:
        >>> read_choice("(B) liver.", ["lung", "liver"]), read_choice("Vitamin B.", ["lung", "liver"])
        (1, None)
    """
    text = fold(predicted)
    words = [fold(choice) for choice in choices]
    if text in words:
        return words.index(text)
    match = _LETTER.fullmatch(text)
    if not match:
        return None
    index = ord(match[1]) - ord("a")
    if index >= len(words) or (match[2] and match[2] != words[index]):
        return None
    return index


def _score(reply: Reply) -> Row:
    if reply.closed:
        if reply.gold is None or not reply.gold < len(reply.options) <= len(ascii_uppercase):
            return (None,) * 5
        read = read_choice(reply.predicted, reply.options)
        hit = choice_hit(reply.predicted, ascii_uppercase[reply.gold])
        return (hit, float(read == reply.gold), None, None, None)
    found, true = reply.predicted.strip(), reply.true.strip()
    rouge = rouge_f(rouge_words(found), rouge_words(true), 1)
    return (None, None, bleu_1(found, true) or 0.0, rouge, _meteor()(found, true))


@cache
def _meteor() -> Callable[[str, str], float | None]:
    try:
        return nltk_meteor()
    except MissingExtraError as missing:
        _LOG.warning("some numbers are left out: %s", missing)
        return lambda found, true: None


_TEXT: Final = "scored as the text it is; an empty text is 0"
#: Without BERTScore, which needs weights.
M3D_BENCH: Final = Protocol(
    name="M3D-Bench",
    columns=(
        Column(
            name="closed accuracy",
            unreadable="wrong, unless the right letter and a full stop occur in it",
            note="for prompts with lettered choices: the letter and a full stop anywhere in the text",
            best=None,
        ),
        Column(
            name="closed accuracy by choice",
            unreadable=_TEXT,
            note="the choice that is named by letter or words; contradictions are wrong",
        ),
        Column(name="open BLEU-1", unreadable=f"{_TEXT}, where the reference crashes", note="case counts"),
        Column(name="open ROUGE-1", unreadable=_TEXT, note="ASCII words only: Chinese is 0", best=None),
        Column(
            name="open METEOR",
            unreadable=_TEXT,
            note="nltk's (extra reports); not the published number unless nltk finds WordNet on this machine, for "
            "synonyms; a perfect word alone has 0.5",
            best=None,
        ),
    ),
    score=_score,
)
