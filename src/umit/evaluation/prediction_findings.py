"""Yes/no rows of other programs back into findings: all rows of one picture are one answer of several labels.

umit writes a picture with several findings as one closed question a label (:func:`umit.fanout.taught`), so
that any program can answer it. Here the rows of a picture come together again. Nothing is filled in: a picture
whose rows are not all there is left out and told.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, cast, get_args

from umit.datasets.dataset import Sample
from umit.datasets.medmnist_sets import SETS
from umit.errors import DatasetError, OutputError
from umit.evaluation.prediction_rows import Line
from umit.fanout import Outcome, expand, join
from umit.metrics.tables.confidence import CONFIDENCE
from umit.queries import Ask, Choose, Find, Language, Query
from umit.results import Findings, Result
from umit.tasks.detect import presence
from umit.tasks.findings import marked

__all__ = ["UNSCORED", "Answered", "as_findings", "label_of"]

Answered: TypeAlias = tuple[Sample[Any, Any], Result | OutputError]
#: Numbers of findings that need probabilities, which no text carries.
UNSCORED: Final = ("AUC", *(metric.name for metric in CONFIDENCE))
_HOLE: Final = "\ue000"
_SPELLED: Final = 3  # missing labels that a message names


def _asking(language: Language) -> re.Pattern[str]:
    before, after = map(re.escape, presence(Find(_HOLE, language=language)).question.split(_HOLE))
    return re.compile(rf"{before}(.+){after}")


_ASKED: Final[Mapping[Language, re.Pattern[str]]] = {language: _asking(language) for language in get_args(Language)}


def label_of(query: Query) -> str | None:
    """Return the label whose presence a closed question asks, in umit's own words; ``None`` of any other.

    Example:
        >>> label_of(Ask("Is there pleural thickening in this image?", ("yes", "no")))
        'pleural thickening'
        >>> label_of(Ask("Is there a choice?", ("left", "right")))
    """
    if not isinstance(query, Ask):
        return None
    match = _ASKED[query.language].fullmatch(query.question.strip())
    wanted = presence(Find(_HOLE, language=query.language)).options
    if match is None or tuple(map(str.casefold, query.options)) != wanted:
        return None
    return match[1].strip()


@dataclass(frozen=True, slots=True)
class _Mark:
    """One row: whether one label of one picture holds, and what was answered."""

    label: str
    topic: tuple[str, Language]  # the set that the row names, and its language
    line: Line
    sample: Sample[Any, Any]
    found: Result | OutputError

    @property
    def key(self) -> str:
        return self.label.casefold()

    @property
    def written(self) -> str:
        """Id of the sample that umit made the row of; its rows are numbered."""
        name, _, number = str(self.line.row.ours.get("id") or "").rpartition("-")
        return name if number.isdecimal() else ""

    @property
    def picture(self) -> tuple[object, ...]:
        """What rows of one picture share."""
        named = self.sample.source.names or self.line.group
        return *self.topic, self.written, named


def as_findings(
    rows: Iterable[tuple[Line, Answered]], *, stated: bool, leave: Callable[[str, str], None]
) -> list[Answered]:
    """Return answers in their order, those about the labels of one picture as one.

    Args:
        rows: Lines with what was read of them. Yes/no questions about a label are findings where the line names
            a set of findings, or says that it is one.
        stated: Whether all of them are.
        leave: Called with why a row is in no number, and its place.

    Raises:
        DatasetError: A label that is none of the set's; of a set that umit does not know, none of those that
            most pictures are asked about.
    """
    kept: dict[object, Answered] = {}
    pictures: dict[object, list[_Mark]] = {}
    for number, (line, answer) in enumerate(rows):
        mark = _mark(line, answer, stated)
        if mark is None:
            kept[number] = answer
        elif any(mark.picture[2:]):
            kept.setdefault(mark.picture, answer)  # its place among the others
            pictures.setdefault(mark.picture, []).append(mark)
        else:
            leave("findings need an image, or a group, to say what they are of", line.row.place)
    asked = _asked(list(pictures.values()))
    found = []
    for key, answer in kept.items():
        marks = pictures.get(key)
        whole = answer if marks is None else _together(marks, asked[marks[0].topic], leave)
        found += [] if whole is None else [whole]
    return found


def _mark(line: Line, answer: Answered, stated: bool) -> _Mark | None:
    sample, found = answer
    label, named = label_of(sample.query), str(line.fields.get("set") or "")
    known = named in SETS and SETS[named].kind == "findings"
    if label is None or not (known or stated or line.task == "findings"):
        return None
    return _Mark(label, (named, sample.query.language), line, sample, found)


def _asked(pictures: Sequence[Sequence[_Mark]]) -> dict[tuple[str, Language], dict[str, str]]:
    """Return the labels of each set and language, folded and as they are written."""
    sets: dict[tuple[str, Language], Counter[tuple[str, ...]]] = {}
    for marks in pictures:
        labels = tuple({mark.key: mark.label for mark in marks}.values())
        sets.setdefault(marks[0].topic, Counter())[labels] += 1
    asked = {}
    for (named, language), seen in sets.items():
        known = named in SETS and SETS[named].kind == "findings"
        labels = SETS[named].labels(language) if known else _most(seen)
        asked[named, language] = {label.casefold(): label for label in labels}
        whose = f"of {named}" if known else "that most pictures are asked about"
        for mark in (mark for marks in pictures for mark in marks):
            if mark.topic == (named, language) and mark.key not in asked[named, language]:
                raise DatasetError(
                    f"expected a label {whose}, {', '.join(labels)[:300]}, got {mark.label!r}", file=mark.line.row.place
                )
    return asked


def _most(seen: Counter[tuple[str, ...]]) -> tuple[str, ...]:
    """Return the labels that most pictures have, in any order; of those that tie, the most labels."""
    counts: Counter[frozenset[str]] = Counter()
    for labels, count in seen.items():
        counts[frozenset(map(str.casefold, labels))] += count
    best = max(counts, key=lambda labels: (counts[labels], len(labels)))
    return next(labels for labels in seen if frozenset(map(str.casefold, labels)) == best)


def _together(marks: Sequence[_Mark], asked: Mapping[str, str], leave: Callable[[str, str], None]) -> Answered | None:
    """Return the answer about one picture; ``None`` where rows are missing or one label has two."""
    by_label = {mark.key: mark for mark in marks}
    missing = [label for key, label in asked.items() if key not in by_label]
    why = ""
    if len(by_label) < len(marks):
        why = "their picture has two rows for one label"
    elif missing:
        more = f" and {len(missing) - _SPELLED} more" if len(missing) > _SPELLED else ""
        named = ", ".join(missing[:_SPELLED])
        why = f"their picture has no row that can be scored for {named}{more}"
    if why:
        for mark in marks:
            leave(why, mark.line.row.place)
        return None
    first, ordered = marks[0], [by_label[key] for key in asked]
    known = SETS.get(first.topic[0])
    question = known.asked(first.topic[1]) if known and known.kind == "findings" else None
    query = Choose(tuple(asked.values()), question, several=True, language=first.topic[1])
    sample = Sample(
        id=(len(marks) > 1 and first.written) or first.sample.id,
        query=query,
        gold=cast(Findings, _joined(query, [mark.sample.gold for mark in ordered])),
        source=first.sample.source,
        group=first.sample.group,
        place=first.sample.place,
        facts=tuple(f for f in first.sample.facts if all(f in m.sample.facts for m in marks)),
    )
    return sample, cast("Findings | OutputError", _joined(query, [mark.found for mark in ordered]))


def _joined(query: Choose, answers: Sequence[Any]) -> Outcome:
    """Return the answers to the closed questions about the labels as findings; unreadable ones as an error."""
    found: list[Outcome] = []
    for label, answer in zip(query.labels, answers, strict=True):
        if isinstance(answer, OutputError):
            answer.task = "findings"
        found.append(answer if isinstance(answer, OutputError) else marked(label, answer))
    return join(query, expand(query), found)
