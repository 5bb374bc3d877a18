"""Questions and answers as rows of a data set: what kind they are, and the options of closed ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from umit.datasets.dataset import Choice, Sample
from umit.datasets.pictures import Pictures
from umit.datasets.rows import text
from umit.queries import Ask, Language
from umit.results import Answer

__all__ = ["YES_NO", "question"]

#: Answers of yes/no questions, in the order in which they are offered.
YES_NO: Final[Mapping[Language, tuple[tuple[str, str], ...]]] = {
    "en": (("yes", "no"),),
    "zh": (("是", "否"), ("是", "不是"), ("有", "没有"), ("包含", "不包含"), ("对", "不对")),
}


def question(
    choice: Choice,
    row: Mapping[str, Any],
    place: str,
    source: Pictures,
    label: str,
    group: str,
    facts: tuple[tuple[str, str], ...] = (),
    *,
    language: Language = "en",
) -> Iterator[Sample[Any, Any]]:
    """Yield one row's question; a row without an answer is skipped, and told.

    A yes/no question offers both; every other question is open, closed ones among them whose options no
    file names.

    Args:
        choice: What is wanted.
        row: With ``question``, ``answer`` and perhaps ``answer_type``.
        place: File and row.
        source: The picture.
        label: The sample's id.
        group: The picture's name.
        facts: What scores are broken down by.
        language: Of question and answer.
    """
    asked, answer = text(dict(row), "question", place), text(dict(row), "answer", place)
    if not asked or not answer:
        choice.tell(f"{place}: skipped, its {'answer' if asked else 'question'} is empty")
        return
    for name in ("answer", "answer_type"):
        _tell_repairs(choice, row.get(name), name, place)
    kind = text(dict(row), "answer_type", place, default="").upper()
    options = next((pair for pair in YES_NO[language] if answer.casefold() in pair), ())
    gold = (
        Answer(text=answer.casefold(), option=options.index(answer.casefold()))
        if options
        else Answer(text=answer)
    )
    facts = (("answer_type", (kind or ("CLOSED" if options else "OPEN")).casefold()), *facts)
    yield Sample(
        id=label,
        query=Ask(asked, options, language=language),
        gold=gold,
        source=source,
        group=group,
        place=place,
        facts=tuple((k, v) for k, v in facts if v),
    )


def _tell_repairs(choice: Choice, value: object, name: str, place: str) -> None:
    if isinstance(value, str) and value != value.strip():
        choice.tell(f"{place}: {name} {value!r} has blanks around it, left out")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        choice.tell(f"{place}: {name} is the number {value}, taken as text")
