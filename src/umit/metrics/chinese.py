"""ms-swift 2.6's scores of generated text: ROUGE over jieba's words, BLEU-4 over characters, in percent.

This is the metric that UMIT's own training framework prints. Its faults stay under its name: a text that it can't
score vanishes from its mean, and identical answers of fewer than four characters have a BLEU-4 under 100, because
orders that are too long count as misses.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final, NamedTuple

from umit.metrics.metric import package
from umit.metrics.sentence import bleu, rouge_sets

__all__ = ["Swift", "jieba_words", "swift_score"]

#: Qwen's end of turn: what swift puts in place of an empty text, for ROUGE only.
_END: Final = "<|im_end|>"
_DIGITS: Final = 4  # swift rounds each sample's percentages
_ORDERS: Final = (0.25,) * 4


class Swift(NamedTuple):
    """ms-swift's numbers of one text, each from 0 to 100 with four decimals.

    Args:
        rouge_1: F of single words.
        rouge_2: F of pairs of words.
        rouge_l: F of the longest chains.
        bleu_4: Of characters, smoothed by nltk's method 3.
    """

    rouge_1: float
    rouge_2: float
    rouge_l: float
    bleu_4: float


@cache
def _jieba() -> Any:
    jieba = package("jieba", "reports")
    jieba.setLogLevel(logging.WARNING)  # it announces its dictionary on stderr
    return jieba


def jieba_words(text: str) -> list[str]:
    """Split Chinese into words by jieba and its own dictionary; blanks and marks are words too.

    Returns:
        Words in order; together they are the text.

    Raises:
        MissingExtraError: jieba is not installed.
    """
    words: list[str] = _jieba().lcut(text)
    return words


def swift_score(found: str, true: str, *, words: Callable[[str], Sequence[str]] = jieba_words) -> Swift | None:
    """Return ms-swift's numbers of one text.

    Args:
        found: The model's text; ``""`` where nothing could be read.
        true: The reference.
        words: A text to its words.

    Returns:
        ``None`` where ms-swift leaves the text out: no words, or full stops alone.

    Raises:
        MissingExtraError: jieba is needed and not installed.

    Example:
        >>> swift_score("肺结节", "肺结节", words=list)
        Swift(rouge_1=100.0, rouge_2=100.0, rouge_l=100.0, bleu_4=84.0896)
    """
    said = found if found not in ("", ".") else _END
    rouge = rouge_sets(" ".join(words(said)), " ".join(words(true)))
    if rouge is None:
        return None
    values = (*rouge, *bleu(list(found), list(true), [_ORDERS], smoothed=True))
    return Swift(*(round(100 * value, _DIGITS) for value in values))
