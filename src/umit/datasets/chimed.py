"""ChiMed-VL: Chinese captions (CM-VL-A) and questions (CM-VL-I); the user brings the pictures.

Rows are LLaVA's conversations, or have fields that the user names; nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from umit.datasets.dataset import Choice, Dataset, Sample
from umit.datasets.pictures import Files
from umit.datasets.rows import json_rows, text
from umit.datasets.vqa import described, question
from umit.errors import DatasetError

__all__ = ["ALIGNMENT", "INSTRUCTION"]

_ASKS: Final = ("human", "user")
_ANSWERS: Final = ("gpt", "assistant")
_TAG: Final = "<image>"
_CAPTIONS: Final = "ChiMed-VL-Alignment"
_QUESTIONS: Final = "ChiMed-VL-Instruction"
#: The hub's rows of each part, and the list that Qilin-Med-VL's training takes.
_FILES: Final[dict[str, tuple[str, ...]]] = {
    _CAPTIONS: (f"{_CAPTIONS}.jsonl", f"{_CAPTIONS}/{_CAPTIONS}.jsonl", f"{_CAPTIONS}/stage1_data.json", "stage1_data.json"),
    _QUESTIONS: (f"{_QUESTIONS}.json", f"{_QUESTIONS}/{_QUESTIONS}.json", f"{_QUESTIONS}/stage2_data.json"),
}  # fmt: skip


def _read(part: str, wanted: tuple[str, ...], choice: Choice) -> Iterator[Sample[Any, Any]]:
    """Yield the captions or the questions; a record holds one or several, and each is a sample."""
    for place, row in json_rows(choice.root.first(_FILES[part])):
        for number, (name, texts) in enumerate(_exchanges(choice, row, place, wanted)):
            if not choice.wants(None, name):
                continue
            source, label = (_pictured(choice, part, name, place), f"{place.rsplit(' ', 1)[1]}-{number}")
            if part == _CAPTIONS:
                yield from described(choice, texts[0], place, source, label, name, language="zh")
            else:
                asked = dict(zip(wanted, texts, strict=True))
                yield from question(choice, asked, place, source, label, name, language="zh")


def _exchanges(
    choice: Choice, row: dict[str, Any], place: str, wanted: tuple[str, ...]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the picture's name and the texts of a row: one pair a question, or the fields that were named.

    Of a conversation's pair a caption is what is answered.

    Raises:
        DatasetError: Neither conversations nor the named fields; the fields found are printed.
    """
    names = ("image", *wanted)
    if "conversations" in row and not choice.fields:
        picture = text(row, "image", place)
        for pair in _pairs(row["conversations"], place):
            yield picture, pair[-len(wanted) :]
        return
    if set(choice.fields) != set(names) or not set(choice.fields.values()) <= set(row):
        example = ", ".join(f"{name!r}: '…'" for name in names)
        raise DatasetError(
            f"expected LLaVA's conversations, or fields={{{example}}} with the names of fields in the rows; "
            f"fields is {dict(choice.fields)}, the rows have {', '.join(map(str, row))[:300]}",
            file=place,
        )
    picture, *texts = (text(row, choice.fields[name], place) for name in names)
    yield picture, tuple(one.replace(_TAG, "").strip() for one in texts)


def _pairs(turns: Any, place: str) -> Iterator[tuple[str, str]]:
    if not isinstance(turns, list) or len(turns) % 2:
        raise DatasetError("expected a list of questions each with its answer", file=place)
    for ask, answer in zip(turns[::2], turns[1::2], strict=True):
        if not (isinstance(ask, dict) and isinstance(answer, dict)):
            raise DatasetError("expected turns with from and value", file=place)
        speakers = (ask.get("from"), answer.get("from"))
        if speakers[0] not in _ASKS or speakers[1] not in _ANSWERS:
            raise DatasetError(f"expected human and gpt in turn, got {speakers}", file=place)
        yield text(ask, "value", place).replace(_TAG, "").strip(), text(answer, "value", place)


def _pictured(choice: Choice, folder: str, name: str, place: str) -> Files:
    """Return the user's picture, in ``images/`` or beside the rows, at the root or in the part's own folder."""
    root = choice.root
    tops = ("images", f"{folder}/images", ".", folder)
    found = (path for top in tops if (path := root.inside(f"{top}/{name}", place=place)).is_file())
    return Files((next(found, None) or root.inside(f"images/{name}", place=place),))


ALIGNMENT: Final = Dataset(
    name="cm-vl-a",
    title="ChiMed-VL, alignment (CM-VL-A)",
    tasks=("caption",),
    languages=("zh",),
    dimensions="2D",
    splits={},
    splitting="none official; by picture, 80 to 10 to 10, by a seed",
    licence="none stated",
    citation="Liu et al., arXiv:2310.17956 (2023)",
    home="Hugging Face: williamliu/ChiMed-VL, without pictures",
    read=partial(_read, _CAPTIONS, ("caption",)),
    fields=("image", "caption"),
)
INSTRUCTION: Final = Dataset(
    name="cm-vl-i",
    title="ChiMed-VL, instruction (CM-VL-I)",
    tasks=("answer_open", "answer_closed"),
    languages=("zh",),
    dimensions="2D",
    splits={},
    splitting="none official; by picture, 80 to 10 to 10, by a seed",
    licence="none stated",
    citation="Liu et al., arXiv:2310.17956 (2023)",
    home="Hugging Face: williamliu/ChiMed-VL, without pictures",
    read=partial(_read, _QUESTIONS, ("question", "answer")),
    fields=("image", "question", "answer"),
)
