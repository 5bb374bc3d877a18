"""One line of the journal: what was asked, what is true, what came back; enough to score it again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any, Final

from umit.datasets.dataset import Sample
from umit.errors import InputError, OutputError, UMITError
from umit.metrics.metric import Pair
from umit.queries import query_from_dict, query_to_dict
from umit.results import Result, from_dict
from umit.tasks.table import TASKS

__all__ = ["distinct", "failed", "pair_of", "record_of", "unended"]


def record_of(sample: Sample[Any, Any], found: Result | UMITError) -> dict[str, Any]:
    """Return the record of an answer, as plain JSON values.

    An unreadable text is an answer: it is scored, and not asked again. Any other error is a failure.

    Args:
        sample: What was asked.
        found: What ``predict`` gave.
    """
    record: dict[str, Any] = {
        "task": sample.task,
        "group": _unplaced(sample.group),
        "facts": dict(sample.facts),
        "query": query_to_dict(sample.query),
        "gold": sample.gold.to_dict(),
    }
    if isinstance(found, UMITError):
        text = found.text if isinstance(found, OutputError) else ""
        error = {"type": type(found).__name__, "message": str(found)}
        return {**record, "raw": text, "found": None, "error": error}
    return {**record, "raw": found.raw, "found": found.to_dict()}


def _unplaced(group: str) -> str:
    """Return a group as a journal may hold it: a place on this disk, which may name a person, by its hash alone."""
    if not PurePosixPath(group).is_absolute() and not PureWindowsPath(group).is_absolute():
        return group
    return hashlib.sha256(group.encode()).hexdigest()[:16]


def distinct(samples: Iterable[Sample[Any, Any]]) -> Iterator[Sample[Any, Any]]:
    """Yield samples; a journal keeps one answer an id, so the second of two with one id would be lost.

    Raises:
        InputError: An id that came before.
    """
    seen: set[str] = set()
    for sample in samples:
        if sample.id in seen:
            raise InputError(
                f"expected an id of its own for every item, got {sample.id!r} twice",
                code="repeated",
                where=sample.place,
                hint="Name the items apart; answers that are kept already stay.",
            )
        seen.add(sample.id)
        yield sample


def failed(found: Result | UMITError) -> bool:
    """Return whether the item is to be asked again."""
    return isinstance(found, UMITError) and not isinstance(found, OutputError)


def pair_of(record: Mapping[str, Any]) -> Pair[Any]:
    """Return the answer of a record beside its truth.

    Raises:
        InputError: Not a record of ours.
    """
    try:
        query = query_from_dict(record["query"])
        found = record["found"]
        gold, raw = from_dict(record["gold"]), unended(str(record["raw"]))
        facts, known = record.get("facts") or {}, None if found is None else from_dict(found)
        kind = TASKS[record["task"]].result
        if not isinstance(gold, kind) or not isinstance(known, kind | None) or not isinstance(record["group"], str):
            raise TypeError(f"of another kind than {record['task']}")
        return Pair(query, gold, known, raw, facts)
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"expected a record with task, group, query, gold and found: {error}",
            code="record",
            where=str(record.get("id", "")),
        ) from error


#: How programs leave the end of a text in it: ChatML's two, as of Qwen, and LLaMA's, as of LLaVA.
_ENDS: Final = ("<|im_end|>", "<|endoftext|>", "</s>")


def unended(said: str) -> str:
    """Return an answer or a truth without the end tokens behind it, and the blanks before these."""
    text = said
    while (bare := text.rstrip()).endswith(_ENDS):
        text = next(bare.removesuffix(end) for end in _ENDS if bare.endswith(end)).rstrip()
    return text
