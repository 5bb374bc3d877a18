"""umit's own protocol for answers, in both languages, and all published ones beside it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

from umit.metrics.protocol import Column, Protocol, Reply, Row
from umit.metrics.sentence import bleu
from umit.metrics.vqa_llava_med import LLAVA_MED
from umit.metrics.vqa_m3d import M3D_BENCH
from umit.metrics.vqa_medevalkit import MEDEVALKIT_SLAKE, MEDEVALKIT_VQA_RAD
from umit.metrics.words import fold, tokens

__all__ = ["PROTOCOLS", "UMIT", "Choice", "Shared", "choice", "shared_words"]

#: "2:no", "2) no", "2. no", "(2) no", "2"; a stop or comma before a digit belongs to a number such as 3.5.
_NUMBERED: Final = re.compile(r"\(?(\d{1,4})(?:$|\) ?[.:]?|[:、]|[.,](?!\d)) ?(.*)", flags=re.DOTALL)


class Choice(NamedTuple):
    """What an answer with options gets, 1.0 or 0.0 each.

    Args:
        strict: Number and words are both there and both right.
        number: The number is right; the words are not looked at.
        words: The words are right; a number before them is not looked at.
    """

    strict: float
    number: float
    words: float


def choice(predicted: str, options: Sequence[str], gold: int) -> Choice:
    """Return whether a text names the right option, by number, by words, and by both.

    Full width is folded, case and outer punctuation do not count; ``10:spleen`` is ten, never one.

    Args:
        predicted: The model's text; an unreadable one is 0 in all.
        options: In the order of the prompt, which counts from 1.
        gold: Index of the right one from 0.

    Example:
        >>> choice("2：No。", ["yes", "no"], 1)
        Choice(strict=1.0, number=1.0, words=1.0)
        >>> choice("no", ["yes", "no"], 1)
        Choice(strict=0.0, number=0.0, words=1.0)
    """
    text, wanted = fold(predicted), fold(options[gold])
    match = _NUMBERED.fullmatch(text)
    number = match is not None and int(match[1]) == gold + 1
    after = match is not None and match[2] == wanted
    return Choice(float(number and after), float(number), float(after or text == wanted))


class Shared(NamedTuple):
    """Words that an answer shares with the truth.

    Args:
        f1: Of words, each at most as often as the truth has it.
        equal: All of them, in order.
        bleu_1: Share of the answer's words that are right, less for a shorter answer.
    """

    f1: float
    equal: float
    bleu_1: float


def shared_words(predicted: str, true: str) -> Shared:
    """Return what an answer shares with the truth, in English and Chinese alike.

    Both are folded and normalised by :func:`umit.metrics.words.tokens`; each Chinese character is a word,
    so 不是 shares half of its words with 是: look at ``equal`` for yes and no.

    Returns:
        Three shares from 0 to 1; a text without words is 0 in all.

    Example:
        >>> shared_words("The left LUNG.", "left lung")
        Shared(f1=1.0, equal=1.0, bleu_1=1.0)
        >>> shared_words("左肺，", "左下肺").f1
        0.8
    """
    found, reference = tokens(predicted), tokens(true)
    right = sum((Counter(found) & Counter(reference)).values()) if found and reference else 0
    if not right:
        return Shared(0.0, 0.0, 0.0)
    return Shared(
        2 * right / (len(found) + len(reference)), float(found == reference), bleu(found, reference, ((1.0,),))[0]
    )


def _score(reply: Reply) -> Row:
    if reply.gold is None or not reply.options:
        return (*shared_words(reply.predicted, reply.true), None, None, None)
    match = _NUMBERED.fullmatch(fold(reply.predicted))
    words = shared_words(match[2] or match[1] if match else reply.predicted, reply.true)
    return (*words, *choice(reply.predicted, reply.options, reply.gold))


_TEXT: Final = "scored as the text it is; an empty text is 0"
_NUMBER: Final = "an option's number is left out"
_CHINESE: Final = "each Chinese character is a word"
#: Words everywhere, strict where there are options. The first is an open question's one number: exact match is 0 for a
#: right answer in a sentence, recall 1 for one that names everything; F1 of words is what the field reports where it wants
#: one number, such as MedGemma's "tokenized F1" of SLAKE and VQA-RAD (arXiv:2507.05201).
UMIT: Final = Protocol(
    name="umit",
    columns=tuple(
        Column(name=name, unreadable=_TEXT, note=note)
        for name, note in (
            ("word F1", f"folded and normalised; {_CHINESE}; {_NUMBER}"),
            ("exact match", f"folded and normalised; {_NUMBER}"),
            ("BLEU-1", _CHINESE),
            ("strict accuracy", "option number and words"),
            ("accuracy by number", "words are not looked at"),
            ("accuracy by words", "the number is not looked at"),
        )
    ),
    score=_score,
)

#: Each scores the same replies; none is comparable with another.
PROTOCOLS: Final = (UMIT, LLAVA_MED, MEDEVALKIT_VQA_RAD, MEDEVALKIT_SLAKE, M3D_BENCH)
