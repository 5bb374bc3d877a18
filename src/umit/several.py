"""Several views, targets or names: checked before they are asked, their results put together."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeAlias, TypeVar, get_args

from umit.errors import InputError, OutputError, UMITError
from umit.imaging.recent import Scans
from umit.queries import Ask, Choose, Compare, Find, Locate, Query
from umit.results import Answer, Detections, Findings, Landmarks, Marked, Result

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
Listed = TypeVar("Listed", Detections, Landmarks)
#: What each item was before it was taken apart: a query of several labels, or nothing.
Plan: TypeAlias = "deque[Choose | None]"


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


def apart(items: Iterable[Item], plan: Plan, ask: Callable[[Find], Ask]) -> Iterator[Item]:
    """Yield items as engines take them: a query of several labels becomes one question a label.

    Args:
        items: Scans with queries.
        plan: Filled with what :func:`together` needs.
        ask: The yes/no question whether a target is there, "yes" first.
    """
    for scan, query in items:
        if isinstance(query, Choose) and query.several:
            plan.append(query)
            yield from ((scan, ask(Find(one, language=query.language))) for one in query.labels)
        else:
            plan.append(None)
            yield scan, query


def together(found: Iterator[Found], plan: Plan) -> Iterator[Found]:
    """Yield one result for each item that :func:`apart` was given, in order."""
    for first in found:
        query = plan.popleft()
        if query is None:
            yield first
            continue
        parts = [first, *(next(found) for _ in query.labels[1:])]
        yield _marked(query, parts)


def _marked(query: Choose, parts: Sequence[Found]) -> Found:
    answers = [part for part in parts if isinstance(part, Answer)]
    if len(answers) < len(parts):
        return next(part for part in parts if not isinstance(part, Answer))
    return Findings(
        items=tuple(
            Marked(
                label=label,
                present=answer.option == 0,
                probability=answer.probabilities[0] if answer.probabilities else None,
                calibrated=answer.calibrated,
            )
            for label, answer in zip(query.labels, answers, strict=True)
        ),
        raw="\n".join(answer.raw for answer in answers),
        checkpoint=answers[0].checkpoint,
        warnings=tuple(dict.fromkeys(note for one in answers for note in one.warnings)),
    )


def _partly(
    first: OutputError, bad: int, count: int, partial: Detections | Landmarks
) -> OutputError:
    return type(first)(
        f"{bad} of {count} answers could not be read, the first because {first.message}",
        task=first.task,
        text=first.text,
        expected=first.expected,
        partial=partial,
    )
