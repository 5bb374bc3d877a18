"""METEOR as nltk computes it: words aligned by themselves, by stem and, where they are given, by synonym.

This is the METEOR of M3D-Bench and MedEvalKit. pycocoevalcap's is version 1.5 and another number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from itertools import pairwise
from typing import Final

from umit.metrics.stem import stem

__all__ = ["align", "meteor", "treebank_words"]

_RECALL_WEIGHT: Final = 0.9  # nltk's alpha, beta and gamma
_CHUNK_POWER: Final = 3
_CHUNK_WEIGHT: Final = 0.5
#: nltk's word tokenizer (Treebank's rules, with quotes of other scripts), in its order.
_RULES: Final = tuple(
    (re.compile(pattern), other)
    for pattern, other in (
        (r"([«“‘„]|`+)", r" \1 "),
        (r'^"', "``"),
        (r"(``)", r" \1 "),
        (r"([ (\[{<])(\"|'{2})", r"\1 `` "),
        (r"(?i)(?<!\w)'(?!(?:re|ve|ll|m|t|s|d|n)\b)(?=\w)", "' "),
        (r"([^.])(\.)([\])}>\"'»”’ ]*+)\s*$", r"\1 \2 \3 "),
        (r"([:,])([^\d])", r" \1 \2"),
        (r"([:,])$", r" \1 "),
        (r"\.{2,}", r" \g<0> "),
        (r"[;@#$%&\u2012-\u2015]", r" \g<0> "),
        (r"([^.])(\.)([\])}>\"']*)\s*$", r"\1 \2\3 "),
        (r"[?!]", r" \g<0> "),
        (r"([^'])' ", r"\1 ' "),
        (r"[*]", r" \g<0> "),
        (r"[\]\[(){}<>]", r" \g<0> "),
        (r"--", " -- "),
    )
)
_ENDINGS: Final = tuple(
    (re.compile(pattern), other)
    for pattern, other in (
        (r"([»”’])", r" \1 "),
        (r"''", " '' "),
        (r'"', " '' "),
        (r"\s+", " "),
        (r"([^' ])('[sS]|'[mM]|'[dD]|') ", r"\1 \2 "),
        (r"([^' ])('ll|'LL|'re|'RE|'ve|'VE|n't|N'T) ", r"\1 \2 "),
        (
            r"(?i)\b(can(?=not\b)|d(?='ye\b)|gim(?=me\b)|gon(?=na\b)|got(?=ta\b)|lem(?=me\b)"
            r"|more(?='n\b)|wan(?=na\s)|(?<= )'t(?=(?:is|was)\b))",
            r" \1 ",
        ),
    )
)
#: What no rule touches is words and blanks.
_TOUCHED: Final = re.compile(r"[^\w\s]|cannot|gimme|gonna|gotta|lemme|wanna", flags=re.IGNORECASE)


def treebank_words(text: str) -> list[str]:
    """Split a sentence into words and marks by the Penn Treebank's rules.

    Args:
        text: One sentence; a full stop is a mark at its very end only.

    Returns:
        Words and marks; case is kept.

    Example:
        >>> treebank_words("It isn't 3.5 cm.")
        ['It', 'is', "n't", '3.5', 'cm', '.']
    """
    if not _TOUCHED.search(text):
        return text.split()
    for pattern, other in _RULES:
        text = pattern.sub(other, text)
    text = f" {text} "
    for pattern, other in _ENDINGS:
        text = pattern.sub(other, text)
    return text.split()


def _take(found: dict[int, str], true: dict[int, str]) -> list[tuple[int, int]]:
    """Pair equal words from the end backwards, and take them out."""
    pairs = []
    for i in sorted(found, reverse=True):
        j = next((j for j in sorted(true, reverse=True) if true[j] == found[i]), None)
        if j is not None:
            pairs.append((i, j))
            del found[i], true[j]
    return pairs


def align(
    found: Sequence[str],
    true: Sequence[str],
    synonyms: Callable[[str], Collection[str]] | None = None,
) -> list[tuple[int, int]]:
    """Pair the words of two texts: equal ones, then equal stems, then synonyms of what is left.

    Args:
        found: The model's words.
        true: The reference's words.
        synonyms: A stem to words that mean the same, such as WordNet's; ``None`` for none.

    Returns:
        Index pairs, by the first.

    Example:
        >>> align(["left", "lungs"], ["lung", "left"])
        [(0, 1), (1, 0)]
    """
    mine, theirs = dict(enumerate(found)), dict(enumerate(true))
    pairs = _take(mine, theirs)
    if mine and theirs:
        mine = {i: stem(word) for i, word in mine.items()}
        theirs = {j: stem(word) for j, word in theirs.items()}
        pairs += _take(mine, theirs)
    if synonyms is not None:
        for i in sorted(mine, reverse=True):
            known = synonyms(mine[i])
            j = next((j for j in sorted(theirs, reverse=True) if theirs[j] in known), None)
            if j is not None:
                pairs.append((i, j))
                del theirs[j]
    return sorted(pairs)


def meteor(
    found: Sequence[str],
    true: Sequence[str],
    synonyms: Callable[[str], Collection[str]] | None = None,
) -> float:
    """Return METEOR of one text against one reference.

    Args:
        found: The model's words; case is folded.
        true: The reference's words.
        synonyms: A stem to words that mean the same; without it the value is at most nltk's with WordNet,
            as a rule.

    Returns:
        From 0 to less than 1: a perfect text of n words has ``1 - 0.5 / n³``, so one word has 0.5.

    Example:
        >>> meteor(["left", "lung"], ["left", "lung"])
        0.9375
    """
    pairs = align([w.lower() for w in found], [w.lower() for w in true], synonyms)
    if not pairs:
        return 0.0
    precision, recall = len(pairs) / len(found), len(pairs) / len(true)
    mean = precision * recall / (_RECALL_WEIGHT * precision + (1 - _RECALL_WEIGHT) * recall)
    chunks = 1 + sum((after[0] - i, after[1] - j) != (1, 1) for (i, j), after in pairwise(pairs))
    return (1 - _CHUNK_WEIGHT * (chunks / len(pairs)) ** _CHUNK_POWER) * mean
