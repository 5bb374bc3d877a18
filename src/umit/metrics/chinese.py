"""ms-swift 2.6's scores of generated text: ROUGE over jieba's words, BLEU-4 over characters, in percent.

This is the metric that UMIT's own training framework prints. Its faults stay under its name: a text that it can't
score vanishes from its mean, and identical answers of fewer than four characters have a BLEU-4 under 100, because
orders that are too long count as misses. :func:`swift_means` gives the mean with nothing lost beside it;
:func:`umit.metrics.bleu.sacrebleu` over :func:`chinese_words_of_bleu` has 100 for identical answers.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib import import_module
from math import fsum
from typing import Any, Final, NamedTuple

from umit.errors import InputError, MissingExtraError
from umit.metrics.bleu import bleu_rows, nltk_bleu
from umit.metrics.ngrams import Corpus
from umit.metrics.sentence import rouge_sets

__all__ = ["Swift", "chinese_words_of_bleu", "jieba_words", "swift_means", "swift_scores"]

_END: Final = (
    "<|im_end|>"  # Qwen's end of turn: what swift puts in place of an empty text, for ROUGE only
)
_DIGITS: Final = 4  # swift rounds each sample's percentages
#: What sacrebleu's tokenizer_zh.py takes for Chinese. Two of its ranges are misspelt, which leaves out the rare
#: ideographs above U+FFFF and takes in most symbols, curly quotes among them.
_CHINESE: Final = re.compile(
    "([\u2001-\u2a6d\u2e80-\u2fdf\u2ff0-\u303f\u3100-\u312f\u31a0-\u31bf\u31c0-\u31ef\u3200-\u4db5\u4e00-\u9fbb"
    "\uf900-\ufa2d\ufa30-\ufa6a\ufa70-\ufad9\ufe10-\ufe1f\ufe30-\ufe4f\uff00-\uffef])"
)
#: mteval-v13a's rules without its padding, so that a full stop after a last digit stays on it.
_MARKS: Final = (
    (re.compile(r"([{-~\[-` -&(-+:-@/])"), r" \1 "),
    (re.compile(r"([^0-9])([.,])"), r"\1 \2 "),
    (re.compile(r"([.,])([^0-9])"), r" \1 \2"),
    (re.compile(r"([0-9])(-)"), r"\1 \2 "),
)


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
    # By name: the layers' test reads import statements, and the metrics need no jieba but here.
    try:
        jieba = import_module("jieba")
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            "splitting Chinese into words needs jieba: pip install 'umit[reports]'"
        ) from error
    jieba.setLogLevel(logging.WARNING)  # it announces its dictionary on stderr
    return jieba


def jieba_words(text: str) -> list[str]:
    """Split Chinese into words by jieba and its own dictionary; blanks and marks are words too.

    Args:
        text: Chinese, English or both.

    Returns:
        Words in order; together they are the text.

    Raises:
        MissingExtraError: jieba is not installed.
    """
    words: list[str] = _jieba().lcut(text)
    return words


def chinese_words_of_bleu(text: str) -> list[str]:
    """Split a text as sacrebleu's ``zh`` does: Chinese into characters, the rest at marks.

    Args:
        text: Chinese, English or both.

    Returns:
        Its words.

    Example:
        >>> chinese_words_of_bleu("约1.2cm，左肺")
        ['约', '1.2cm', '，', '左', '肺']
    """
    text = _CHINESE.sub(r" \1 ", text.strip())
    for pattern, other in _MARKS:
        text = pattern.sub(other, text)
    return text.split()


def swift_scores(
    found: Sequence[str],
    true: Sequence[str],
    *,
    words: Callable[[str], Sequence[str]] = jieba_words,
) -> list[Swift | None]:
    """Return ms-swift's numbers of each text.

    Args:
        found: The model's texts; ``""`` where nothing could be read.
        true: One reference for each.
        words: A text to its words.

    Returns:
        One for each; ``None`` where ms-swift leaves the text out: no words, or full stops alone.

    Raises:
        InputError: Not one reference a text.
        MissingExtraError: jieba is needed and not installed.

    Example:
        >>> swift_scores(["肺结节"], ["肺结节"], words=list)
        [Swift(rouge_1=100.0, rouge_2=100.0, rouge_l=100.0, bleu_4=84.0896)]
    """
    if len(found) != len(true):
        raise InputError(
            f"expected one reference a text, got {len(found)} texts and {len(true)} references",
            code="references",
        )
    if not found:
        return []
    rows = bleu_rows(Corpus.of(found, [[one] for one in true], words=list))
    return [
        _of_one(text if text not in ("", ".") else _END, reference, row, words)
        for text, reference, row in zip(found, true, rows[:, None], strict=True)
    ]


def _of_one(
    text: str, reference: str, row: Any, words: Callable[[str], Sequence[str]]
) -> Swift | None:
    rouge = rouge_sets(" ".join(words(text)), " ".join(words(reference)))
    if rouge is None:
        return None
    values = (*rouge, nltk_bleu(row, "method3"))
    return Swift(*(round(100 * value, _DIGITS) for value in values))


def swift_means(scores: Sequence[Swift | None]) -> Mapping[str, float]:
    """Return ms-swift's means, and beside them those in which a text without a number counts as 0.

    Args:
        scores: From :func:`swift_scores`.

    Returns:
        ``rouge-1``, ``rouge-2``, ``rouge-l``, ``bleu-4`` over the texts with numbers, as ms-swift prints them;
        the same with `` of all`` over all; ``left out``, how many have none. ``nan`` for no texts.

    Example:
        >>> means = swift_means([Swift(100.0, 50.0, 100.0, 80.0), None])
        >>> means["rouge-1"], means["rouge-1 of all"], means["left out"]
        (100.0, 50.0, 1)
    """
    there = [one for one in scores if one is not None]
    means: dict[str, float] = {"left out": len(scores) - len(there)}
    for i, name in enumerate(("rouge-1", "rouge-2", "rouge-l", "bleu-4")):
        total = fsum(one[i] for one in there)
        means[name] = total / len(there) if there else float("nan")
        means[f"{name} of all"] = total / len(scores) if scores else float("nan")
    return means
