"""ChiMed-VL's rows: LLaVA's conversations, or fields that the user names; nothing is guessed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from umit.datasets.dataset import Choice
from umit.datasets.pictures import Files
from umit.datasets.rows import text
from umit.errors import DatasetError

__all__ = ["exchanges", "pictured"]

_ASKS: Final = ("human", "user")
_ANSWERS: Final = ("gpt", "assistant")
_TAG: Final = "<image>"


def exchanges(
    choice: Choice, row: dict[str, Any], place: str, wanted: Sequence[str]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the picture's name and the texts of a row: one pair a question, or the fields that were named.

    Args:
        choice: With ``fields``, umit's names to the row's.
        row: One record.
        place: File and row.
        wanted: umit's names of the texts: ``("question", "answer")``, or ``("caption",)``, which in a
            conversation is what is answered.

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


def pictured(choice: Choice, folder: str, name: str, place: str) -> Files:
    """Return the user's picture, in ``images/`` or beside the rows, at the root or in the part's own folder."""
    root = choice.root
    tops = ("images", f"{folder}/images", ".", folder)
    found = (path for top in tops if (path := root.inside(f"{top}/{name}", place=place)).is_file())
    return Files((next(found, None) or root.inside(f"images/{name}", place=place),))
