"""Questions with answers, captions and reports as rows of a data set: what kind they are, and options of closed ones."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from umit.datasets.dataset import Choice, Sample, Split
from umit.datasets.pictures import Encoded, Pictures
from umit.datasets.rows import at, parquet_rows, text
from umit.errors import DatasetError
from umit.queries import Ask, Describe, Language
from umit.results import Answer, Report

__all__ = ["YES_NO", "answered", "described", "language_of", "offered", "question", "table"]

#: What a yes/no question offers. UMIT's figure offers 是 and 否 for a question that SLAKE answers with 是的
#: and 不是 (umit-figure-evidence.md, 4). One pair for all words: options in an answer's own words would tell
#: it, where one question is answered with 是的 here and 没有 there.
YES_NO: Final[Mapping[Language, tuple[str, str]]] = {"en": ("yes", "no"), "zh": ("是", "否")}
_SAID: Final[Mapping[Language, tuple[frozenset[str], frozenset[str]]]] = {
    "en": (frozenset({"yes"}), frozenset({"no"})),
    "zh": (
        frozenset({"是", "是的", "有", "存在", "包含", "包括", "可以", "对"}),
        frozenset({"否", "不是", "没有", "不存在", "不包含", "不包括", "不可以", "不对"}),
    ),
}
_CHINESE: Final = re.compile("[\u4e00-\u9fff]")
#: 没有 is no "no" where Chinese asks which, what, how or how many.
_ASKS_WHICH: Final = re.compile("[哪谁怎几]|什么|多少")
#: Questions that end in their own choices and cannot mean anything else by them.
_LISTS: Final[Mapping[Language, tuple[re.Pattern[str], ...]]] = {
    "en": (re.compile(r"(?:which|what|where)\b[^,?]+,([^?]+?),?\s+or\s+([^,?]+)\?", re.IGNORECASE),),
    "zh": (
        re.compile(r"[^,，]*(?:哪|什么)[^,，]*[,，]([^,，]+)还是([^,，]+)[?？]"),
        re.compile(r"(?:图中|在这个图像中)?([^,，图中里]+?)(?:或者?|和)([^,，图中里]+?)哪个.+"),
    ),
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

    Where an option says the answer in other words or another case, the fact ``answer`` keeps the row's own.

    Args:
        choice: What is wanted.
        row: With ``question``, ``answer`` and perhaps ``answer_type``.
        place: File and row.
        source: The picture.
        label: The sample's id.
        group: The picture's name.
        facts: What scores are broken down by.
        language: Of question and answer.

    Raises:
        DatasetError: A question that cannot be asked, such as one of many thousand characters.
    """
    asked, answer = text(row, "question", place), text(row, "answer", place)
    if not asked or not answer:
        choice.tell(f"{place}: skipped, its {'answer' if asked else 'question'} is empty")
        return
    for name in ("answer", "answer_type"):
        _tell_repairs(choice, row.get(name), name, place)
    kind = text(row, "answer_type", place, default="").upper()
    options, right = offered(asked, answer, kind, language)
    with at(place):
        query = Ask(asked, options, language=language)
    gold, told = answered(answer, options, right, kind, facts)
    yield Sample(id=label, query=query, gold=gold, source=source, group=group, place=place, facts=told)


def described(
    choice: Choice,
    words: str | Report,
    place: str,
    source: Pictures,
    label: str,
    group: str,
    facts: tuple[tuple[str, str], ...] = (),
    *,
    language: Language = "en",
) -> Iterator[Sample[Any, Any]]:
    """Yield one row's caption, or its report; an empty one is skipped, and told.

    Args:
        choice: What is wanted.
        words: A caption, or a report.
        place: File and row.
        source: The pictures.
        label: The sample's id.
        group: What no split may divide.
        facts: What scores are broken down by.
        language: Of the words.
    """
    caption = isinstance(words, str)
    gold = Report(text=words) if isinstance(words, str) else words
    if not gold.text:
        choice.tell(f"{place}: skipped, its {'caption' if caption else 'report'} is empty")
        return
    yield Sample(
        id=label,
        query=Describe("caption" if caption else "report", language=language),
        gold=gold,
        source=source,
        group=group,
        place=place,
        facts=facts,
    )


def table(choice: Choice, path: Path, split: Split) -> Iterator[Sample[Any, Any]]:
    """Yield the questions of one of the hub's parquet tables, with the pictures inside and no ids.

    A group is a picture's content: one picture goes under several paths, and one path stands for several pictures.

    Raises:
        DatasetError: No such table, or a row without a picture.
    """
    for place, row in parquet_rows(path, ("image", "question", "answer")):
        data = row["image"].get("bytes") if isinstance(row["image"], dict) else None
        if not isinstance(data, bytes):
            raise DatasetError("expected a picture's bytes in the column image", file=place)
        group = sha256(data).hexdigest()[:16]
        if choice.wants(split, group):
            name = f"{path.name}:{place.rsplit(' ', 1)[1]}"
            yield from question(choice, row, place, Encoded(data, name), name, group)


def answered(
    answer: str, options: tuple[str, ...], right: int | None, kind: str, facts: tuple[tuple[str, str], ...] = ()
) -> tuple[Answer, tuple[tuple[str, str], ...]]:
    """Return a true answer, in its option's words, with its facts: the kind, others, and the row's own words."""
    gold = Answer(text=answer) if right is None else Answer(text=options[right], option=right)
    kind = (kind or ("closed" if options else "open")).casefold()
    said = answer if gold.text != answer else ""
    told = (("answer_type", kind), *facts, ("answer", said))
    return gold, tuple((name, value) for name, value in told if value)


def language_of(words: str) -> Language:
    """Return the language that words are in: Chinese if one letter is."""
    return "zh" if _CHINESE.search(words) else "en"


def offered(asked: str, answer: str, kind: str, language: Language) -> tuple[tuple[str, ...], int | None]:
    """Return the options that a question leaves no doubt about, and which of them its answer is.

    Those are yes and no, and what a closed question lists itself, if the answer is on the list. Every other
    question is open, closed ones among them whose options no file names.

    Args:
        asked: The question.
        answer: Its answer.
        kind: ``"CLOSED"``, ``"OPEN"``, or ``""`` where the data set does not say.
        language: Of both.

    Returns:
        Options and the answer's index; ``()`` and ``None`` of an open question.

    Example:
        >>> offered("Which is bigger in this image, liver or heart?", "Liver", "CLOSED", "en")
        (('liver', 'heart'), 0)
        >>> offered("图中有没有肿块?", "没有", "CLOSED", "zh")
        (('是', '否'), 1)
    """
    said = answer.casefold().rstrip(".。")
    if kind == "OPEN":
        return (), None
    if language == "en" or not _ASKS_WHICH.search(asked):
        for index, words in enumerate(_SAID[language]):
            if said in words:
                return YES_NO[language], index
    if kind == "CLOSED":
        listed = _listed(asked, language)
        folded = [one.casefold() for one in listed]
        if said in folded and len(set(folded)) == len(folded):
            return listed, folded.index(said)
    return (), None


def _listed(asked: str, language: Language) -> tuple[str, ...]:
    for form in _LISTS[language]:
        if found := form.fullmatch(asked):
            return tuple(one.strip() for one in (*re.split("[,，、]", found[1]), found[2]))
    return ()


def _tell_repairs(choice: Choice, value: object, name: str, place: str) -> None:
    if isinstance(value, str) and value != value.strip():
        choice.tell(f"{place}: {name} {value!r} has blanks around it, left out")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        choice.tell(f"{place}: {name} is the number {value}, taken as text")
