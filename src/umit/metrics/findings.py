"""Findings that a report states, with negation and side, by rules; and how well two reports agree in them.

The rules read short declarative sentences, which is what reports on films are made of. They are no labeller such as
CheXbert: what they know is the lexicon they are given, and a suspected finding counts as stated.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from typing import NamedTuple, TypeAlias

import numpy as np

from umit.errors import InputError
from umit.metrics.metric import Measures

__all__ = ["Agreement", "Lexicon", "Mention", "Statement", "agreement", "finding_rows", "mentions", "stated"]

#: A finding and where it is; ``None`` where the report doesn't say, or for findings without a place.
Statement: TypeAlias = tuple[str, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lexicon:
    """What is looked for, in one language. All patterns are regular expressions without case.

    Args:
        findings: Name to what it is called.
        places: Place to what it is called, such as ``left``; a word for both sides belongs to each of them.
        unplaced: Findings whose place is not looked for, such as an enlarged heart.
        sentences: What ends a sentence.
        clauses: What ends the reach of a denial within a sentence.
        joins: What stands between two findings of one sentence.
        leads: Prepositions: a place after one belongs to the finding before it.
        no: Denies findings after it in its clause, or around it within a finding's own words.
        absent: Denies findings before it in its clause.
        harmless: Looks like a denial and is none, such as "no change".
    """

    findings: Mapping[str, str]
    places: Mapping[str, str]
    unplaced: Collection[str] = frozenset()
    sentences: str
    clauses: str
    joins: str
    leads: str
    no: str
    absent: str
    harmless: str


@dataclass(slots=True, kw_only=True)
class _Found:
    name: str
    start: int
    end: int
    denied: bool
    before: set[str] = field(default_factory=set)
    after: set[str] = field(default_factory=set)


class Mention(NamedTuple):
    """A finding in a report.

    Args:
        name: As the lexicon names it.
        places: Where; empty if the report doesn't say.
        denied: Whether the report says that it is not there.
    """

    name: str
    places: frozenset[str]
    denied: bool


@cache
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


def mentions(text: str, lexicon: Lexicon) -> list[Mention]:
    """Return every finding that a report speaks of, in order.

    Args:
        text: A report.
        lexicon: In the report's language.

    Example:
        >>> from umit.metrics.lexicons import CHEST
        >>> mentions("Small left effusion without pneumothorax.", CHEST["en"])[1].denied
        True
    """
    return [
        mention
        for sentence in _pattern(lexicon.sentences).split(text)
        if sentence
        for mention in _of_sentence(" ".join(sentence.split()), lexicon)
    ]


def stated(text: str, lexicon: Lexicon, *, placed: bool = True) -> frozenset[Statement]:
    """Return the findings that a report says are there; one on both sides is two.

    Args:
        text: A report; an empty one states nothing.
        lexicon: In the report's language.
        placed: Tell places apart; otherwise every place is ``None``.

    Example:
        >>> from umit.metrics.lexicons import CHEST
        >>> sorted(stated("右肺上叶可见结节，未见气胸。", CHEST["zh"]))
        [('nodule', 'right')]
    """
    there = [one for one in mentions(text, lexicon) if not one.denied]
    return frozenset((one.name, place) for one in there for place in (placed and one.places) or (None,))


def _of_sentence(sentence: str, lexicon: Lexicon) -> list[Mention]:
    found = _found(sentence, lexicon)
    _give_places(sentence, found, lexicon)
    return [
        Mention(
            one.name, frozenset() if one.name in lexicon.unplaced else frozenset(one.before | one.after), one.denied
        )
        for one in found
    ]


def _found(sentence: str, lexicon: Lexicon) -> list[_Found]:
    """Return the findings of a sentence, the longest of those that overlap, and whether they are denied."""
    spans = sorted(
        (
            (match.start(), match.end(), name)
            for name, pattern in lexicon.findings.items()
            for match in _pattern(pattern).finditer(sentence)
        ),
        key=lambda span: (span[0], -span[1]),
    )
    # Harmless phrases are blanked out at their length, so that positions stay.
    plain = _pattern(lexicon.harmless).sub(lambda match: " " * len(match[0]), sentence)
    no = [match.start() for match in _pattern(lexicon.no).finditer(plain)]
    absent = [match.start() for match in _pattern(lexicon.absent).finditer(plain)]
    ends = [match.start() for match in _pattern(lexicon.clauses).finditer(sentence)]
    found: list[_Found] = []
    for start, end, name in spans:
        if found and start < found[-1].end:
            continue
        opens = max((e for e in ends if e < start), default=-1)
        closes = min((e for e in ends if e >= end), default=len(sentence))
        away = any(opens <= n < end for n in no) or any(end <= n <= closes for n in absent)
        found.append(_Found(name=name, start=start, end=end, denied=away))
    return found


def _give_places(sentence: str, found: Sequence[_Found], lexicon: Lexicon) -> None:
    if not found:
        return
    found[0].before |= _places(sentence[: found[0].start], lexicon)
    found[-1].after |= _places(sentence[found[-1].end :], lexicon)
    gaps = [sentence[a.end : b.start] for a, b in pairwise(found)]
    for (first, second), gap in zip(pairwise(found), gaps, strict=True):
        cut = _cut(gap, lexicon)
        first.after |= _places(gap[:cut], lexicon)
        second.before |= _places(gap[cut:], lexicon)
    # "left effusion and atelectasis": a place before the first holds for the next one too.
    for (first, second), gap in zip(pairwise(found), gaps, strict=True):
        if first.before and not (second.before or second.after or _tied(gap, lexicon)):
            second.before |= first.before
    # "effusion and atelectasis on the left": a place after the last holds for the one before it.
    for (first, second), gap in zip(reversed(list(pairwise(found))), reversed(gaps), strict=True):
        if second.after and not (second.before or first.before or first.after or _tied(gap, lexicon)):
            first.after |= second.after


def _cut(gap: str, lexicon: Lexicon) -> int:
    """Return where in the words between two findings those of the second begin."""
    joins = [match.start() for match in _pattern(lexicon.joins).finditer(gap)]
    lead = _pattern(lexicon.leads).search(gap)
    if not joins:
        return len(gap) if lead else 0
    return joins[-1] if lead and lead.start() < joins[0] else joins[0]


def _tied(gap: str, lexicon: Lexicon) -> bool:
    return bool(_pattern(lexicon.leads).search(gap) or _pattern(lexicon.clauses).search(gap))


def _places(words: str, lexicon: Lexicon) -> set[str]:
    return {place for place, called in lexicon.places.items() if _pattern(called).search(words)}


def finding_rows(found: Sequence[Collection[Hashable]], true: Sequence[Collection[Hashable]]) -> Measures:
    """Return what agreement is counted from; rows of several reports add up.

    Args:
        found: What each of the model's reports states; nothing for an unreadable one.
        true: What each reference states.

    Returns:
        Findings in both, in the model's report, in the reference; shape (reports, 3).

    Raises:
        InputError: Not one reference a report.

    Example:
        >>> finding_rows([{"nodule", "mass"}], [{"nodule"}]).tolist()
        [[1.0, 2.0, 1.0]]
    """
    if len(found) != len(true):
        raise InputError(
            f"expected one reference a report, got {len(found)} reports and {len(true)} references", code="references"
        )
    rows = [(len(set(a) & set(b)), len(set(a)), len(set(b))) for a, b in zip(found, true, strict=True)]
    return np.array(rows, np.float64).reshape(-1, 3)


class Agreement(NamedTuple):
    """How well findings agree, each from 0 to 1 and of shape (rows,); ``nan`` where there is nothing to divide by.

    Args:
        precision: Share of the stated findings that are true.
        recall: Share of the true findings that are stated.
        f1: Their harmonic mean; 0 if findings are there and none agrees.
    """

    precision: Measures
    recall: Measures
    f1: Measures


def agreement(sums: Measures) -> Agreement:
    """Return precision, recall and F1 over all findings of some reports (micro average).

    Args:
        sums: Rows of :func:`finding_rows`, or sums of them.

    Example:
        >>> rows = finding_rows([{"nodule", "mass"}, set()], [{"nodule"}, {"edema"}])
        >>> [one.tolist() for one in agreement(rows.sum(0, keepdims=True))]
        [[0.5], [0.5], [0.5]]
    """
    both, mine, theirs = sums.T
    with np.errstate(invalid="ignore"):
        return Agreement(both / mine, both / theirs, 2 * both / (mine + theirs))
