"""Several views, targets or names: checked before they are asked, their results put together."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import TypeAlias, TypeVar, get_args

from umit.errors import InputError, OutputError, UMITError
from umit.imaging.read import load
from umit.imaging.recent import Scans, listed
from umit.queries import Choose, Compare, Find, Locate, Query
from umit.results import Answer, Detections, Findings, Landmarks, Result

__all__ = [
    "Found",
    "Item",
    "Plan",
    "apart",
    "check_query",
    "distinct",
    "in_view",
    "merged",
    "probabilities",
    "together",
]

Found: TypeAlias = Result | UMITError
Item: TypeAlias = tuple[Scans, Query]
Listed = TypeVar("Listed", Detections, Findings, Landmarks)
#: How many questions each item became, or ``None`` where it stayed one.
Plan: TypeAlias = deque[int | None]


def distinct(what: str, given: Sequence[str]) -> tuple[str, ...]:
    """Return names as a tuple.

    Args:
        what: What they are, for the message.
        given: At least one, none twice.

    Raises:
        InputError: A single string, nothing, or names that repeat.

    Example:
        >>> distinct("names", ["Sella", "Nasion"])
        ('Sella', 'Nasion')
    """
    if isinstance(given, str) or not given or len(set(given)) < len(given):
        came = f"the string {given!r}" if isinstance(given, str) else f"{list(given)}"
        raise InputError(f"expected distinct {what} in a list, got {came}", code=what, where=what)
    return tuple(given)


def check_query(query: object, views: int) -> None:
    """Refuse what is no query, and more views than it can be asked about.

    Args:
        query: One of the six kinds.
        views: How many scans it is about.

    Raises:
        InputError: Something else, coordinates of several views, or a comparison of other than two.
    """
    if not isinstance(query, get_args(Query)):
        kinds = ", ".join(kind.__name__ for kind in get_args(Query))
        raise InputError(
            f"expected one of {kinds}, got {type(query).__name__}", code="query", where="query"
        )
    if isinstance(query, Find | Locate) and views != 1:
        raise InputError(
            f"expected one scan for coordinates, got {views}",
            code="views",
            where="scan",
            hint="Ask about one view at a time",
        )
    if isinstance(query, Compare) and views != 2:
        raise InputError(f"expected two scans to compare, got {views}", code="views", where="scan")


def probabilities(
    names: Sequence[str], found: Sequence[Found]
) -> tuple[tuple[str, float], ...] | None:
    """Return each target's probability of a scored "yes", or ``None`` if the engine gave none.

    Args:
        names: The targets.
        found: The answer to each target's yes/no question, "yes" first; may be empty.
    """
    there = tuple(
        (name, answer.probabilities[0])
        for name, answer in zip(names, found, strict=False)
        if isinstance(answer, Answer) and answer.probabilities is not None
    )
    return there or None


def in_view(part: Found, view: int) -> Found:
    """Return boxes that name the view they lie in; an error stays as it is."""
    if not isinstance(part, Detections):
        return part
    return replace(part, items=tuple(replace(item, view=view) for item in part.items))


def merged(parts: Sequence[Found], empty: Listed) -> Listed:
    """Return one result with the items of all.

    Args:
        parts: Results of the kind of ``empty``, or unreadable texts.
        empty: What else the result holds.

    Raises:
        OutputError: A text was unreadable; ``partial`` holds what the others gave.
    """
    good = [part for part in parts if isinstance(part, type(empty))]
    bad = [part for part in parts if isinstance(part, OutputError)]
    result = replace(
        empty,
        items=tuple(item for part in good for item in part.items),
        raw="\n".join(part.raw for part in good),
        checkpoint=good[0].checkpoint if good else "",
        warnings=tuple(dict.fromkeys(note for part in good for note in part.warnings)),
    )
    if bad:
        raise bad[0] if len(parts) == 1 else _partly(bad[0], len(bad), len(parts), result)
    return result


def apart(items: Iterable[Item], plan: Plan) -> Iterator[Item]:
    """Yield items as engines take them: a query of several labels becomes one question a label.

    Args:
        items: Scans with queries.
        plan: Filled with what :func:`together` needs.
    """
    for scan, query in items:
        if isinstance(query, Choose) and query.several:
            plan.append(len(query.labels))
            shown = _read(scan)
            yield from ((shown, replace(query, labels=(label,))) for label in query.labels)
        else:
            plan.append(None)
            yield scan, query


def _read(scan: Scans) -> Scans:
    """Read once what many questions are about; what cannot be read fails in its own place."""
    try:
        return [load(view) for view in listed(scan)]
    except UMITError:
        return scan


def together(found: Iterator[Found], plan: Plan) -> Iterator[Found]:
    """Yield one result for each item that :func:`apart` was given, in order.

    Args:
        found: A result or an error for each question.
        plan: As :func:`apart` filled it.

    Yields:
        Findings of several labels stand together; ``partial`` of an error holds what could be read.
    """
    for first in found:
        count = plan.popleft()
        yield first if count is None else _findings([first, *islice(found, count - 1)])


def _findings(parts: Sequence[Found]) -> Found:
    for part in parts:
        if isinstance(part, UMITError) and not isinstance(part, OutputError):
            return part
    try:
        return merged(parts, Findings())
    except OutputError as error:
        return error


def _partly(
    first: OutputError, bad: int, count: int, partial: Detections | Findings | Landmarks
) -> OutputError:
    return type(first)(
        f"{bad} of {count} answers could not be read, the first because {first.message}",
        task=first.task,
        text=first.text,
        expected=first.expected,
        partial=partial,
    )
