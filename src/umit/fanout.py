"""One query to the questions that an engine gets, and their answers back to one result: the only place.

A query that names several labels, targets or points is asked as a question for each. Boxes in several views are asked
view by view. A detection is also asked whether its target is there. The verbs, ``predict``, training rows, evaluation
and the predictions of other programs all expand and join here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, replace
from itertools import islice
from typing import TypeAlias, TypeVar, cast, get_args

from umit.errors import InputError, OutputError, UMITError
from umit.queries import Ask, Choose, Compare, Find, Locate, Query
from umit.results import Answer, Detections, Findings, Landmarks, Result
from umit.tasks.detect import presence
from umit.tasks.findings import as_closed

__all__ = ["Outcome", "Part", "Plan", "count", "expand", "join", "joined", "taught"]

Outcome: TypeAlias = Result | UMITError
T = TypeVar("T")
Listed = TypeVar("Listed", Detections, Findings, Landmarks)


@dataclass(frozen=True, slots=True)
class Part:
    """One question that an engine gets.

    Args:
        query: What is asked.
        view: The only view that it is about, from 0; ``None`` if it is about all of them.
    """

    query: Query
    view: int | None = None

    def of(self, views: tuple[T, ...]) -> tuple[T, ...]:
        """Return the views that it is about."""
        return views if self.view is None else views[self.view : self.view + 1]


#: Of which targets of a detection it is also asked whether they are there: of all, of none, or of those.
Scored: TypeAlias = bool | Set[str]
#: Each query that was asked, with its parts, in order.
Plan: TypeAlias = deque[tuple[Query, tuple[Part, ...]]]


def expand(query: Query, views: int = 1, *, scored: Scored = False) -> tuple[Part, ...]:
    """Return the questions that a query is asked as.

    Args:
        query: Any of the six kinds.
        views: How many films or volumes it is about, at least 1.
        scored: Of which targets it is also asked whether they are there, where the checkpoint knows closed questions.

    Returns:
        At least one part: labels and names in their order; boxes by view, then by target, then the presence of each
        target over all views.

    Raises:
        InputError: No query, landmarks of several views, or a comparison of other than two.

    Example:
        >>> [part.query.target for part in expand(Find(("nodule", "mass")))]
        ['nodule', 'mass']
    """
    _check(query, views)
    match query:
        case Choose(several=True):
            return tuple(Part(replace(query, labels=(label,))) for label in query.labels)
        case Find():
            finds = [replace(query, target=target) for target in query.targets]
            several = views > 1
            boxes = [Part(one, k if several else None) for k in range(views) for one in finds]
            return (*boxes, *(Part(presence(one)) for one in finds if _is_scored(one, scored)))
        case Locate():
            return tuple(Part(replace(query, name=name)) for name in query.names)
        case _:
            return (Part(query),)


def _is_scored(query: Find, scored: Scored) -> bool:
    return scored if isinstance(scored, bool) else str(query.target).casefold() in {one.casefold() for one in scored}


def count(items: Sequence[tuple[object, Query]], *, scored: Scored = False) -> int:
    """Return how many questions pairs of a scan, or several in a list, and a query are asked as."""
    total = 0
    for scans, query in items:
        try:
            views = len(scans) if isinstance(scans, list | tuple) else 1
            total += len(expand(query, views, scored=scored))
        except InputError:
            total += 1
    return total


def _check(query: object, views: int) -> None:
    if not isinstance(query, get_args(Query)):
        kinds = ", ".join(kind.__name__ for kind in get_args(Query))
        raise InputError(f"expected one of {kinds}, got {type(query).__name__}", code="query", where="query")
    if isinstance(query, Locate) and views != 1:
        raise InputError(
            f"expected one film for points, got {views}",
            code="views",
            where="scan",
            hint="Ask about one view at a time",
        )
    if isinstance(query, Compare) and views != 2:
        raise InputError(f"expected two scans to compare, got {views}", code="views", where="scan")


def taught(query: Query, gold: Result, views: int = 1, *, scored: bool = False) -> Iterator[tuple[Part, Result]]:
    """Yield each part of a query with its share of the true result.

    Args:
        query: What is asked.
        gold: The true result of the whole query.
        views: How many views it is about.
        scored: Whether a detection is also asked whether each target is there.

    Raises:
        InputError: As for :func:`expand`.
    """
    parts = expand(query, views, scored=scored)
    targets = query.targets if isinstance(query, Find) else ()
    for number, part in enumerate(parts):
        match part.query, gold:
            case Choose(several=True), Findings():
                closed, answer = as_closed(part.query, gold)
                yield replace(part, query=closed), answer
            case Find(target=target), Detections():
                yield part, _share(gold, str(target), part.view, alone=len(targets) == 1)
            case Ask(options=options), Detections():
                target = targets[number - len(parts)]  # presence stands last, a target each
                there = _share(gold, target, None, alone=len(targets) == 1)
                option = 0 if there else 1
                yield part, Answer(text=options[option], option=option)
            case Locate(name=name), Landmarks():
                points = tuple(item for item in gold if item.name == name)
                yield part, replace(gold, items=points)
            case _:
                yield part, gold


def _share(gold: Detections, target: str, view: int | None, *, alone: bool) -> Detections:
    """Return the boxes of a target, whatever they are called where it is the only one, in a view or in all."""
    items = [one for one in gold if alone or one.label == target]
    if view is not None and any(one.view is None for one in items):
        raise InputError(
            f"expected the view of each box of {target!r}, got one without",
            code="views",
            hint="Say which of the several views it lies in, from 0",
        )
    if view is None:
        return replace(gold, items=tuple(items))
    here = (replace(one, view=None) for one in items if one.view == view)
    return replace(gold, items=tuple(here))


def join(query: Query, parts: Sequence[Part], found: Sequence[Outcome]) -> Outcome:
    """Return one result for a query.

    Args:
        query: What was asked.
        parts: Its questions, as :func:`expand` gave them.
        found: A result or an error for each, in their order.

    Returns:
        The joined result; or the first failure that is no unreadable text; or what could not be read, with
        ``partial`` holding what the other parts gave.
    """
    for one in found:
        if isinstance(one, UMITError) and not isinstance(one, OutputError):
            return one
    match query:
        case Choose(several=True):
            return _merged(found, Findings())
        case Locate():
            return _merged(found, Landmarks())
        case Find():
            boxes = sum(isinstance(part.query, Find) for part in parts)
            placed = [_in_view(*one) for one in zip(parts[:boxes], found[:boxes], strict=True)]
            return _agreeing(_merged(placed, _present(query, parts[boxes:], found[boxes:])))
        case _:
            (only,) = found
            return only


def joined(found: Iterator[Outcome], plan: Plan) -> Iterator[Outcome]:
    """Yield one result for each query of a plan, in order.

    Args:
        found: A result or an error for each part of each query.
        plan: What was asked; it may still grow while this is read.
    """
    for first in found:
        query, parts = plan.popleft()
        yield join(query, parts, [first, *islice(found, len(parts) - 1)])


def _in_view(part: Part, found: Outcome) -> Outcome:
    """Return boxes that name the view they lie in; an error stays as it is."""
    if part.view is None or not isinstance(found, Detections):
        return found
    return replace(found, items=tuple(replace(item, view=part.view) for item in found))


def _present(query: Find, parts: Sequence[Part], found: Sequence[Outcome]) -> Detections:
    """Return no boxes yet, but the probability of each scored "yes"."""
    asked = {presence(replace(query, target=target)): target for target in query.targets}
    there, unread, fitted = [], [], []
    for part, answer in zip(parts, found, strict=True):
        target = asked[cast(Ask, part.query)]
        if not isinstance(answer, Answer):
            unread.append(f"presence of {target}: the answer could not be read")
        elif answer.probabilities is not None:
            there.append((target, answer.probabilities[0]))
            fitted.append(answer.calibrated)
    calibrated = bool(fitted) and all(fitted)
    return Detections(presence=tuple(there) or None, calibrated=calibrated, warnings=tuple(unread))


def _agreeing(found: Outcome) -> Outcome:
    """Return a detection that says where its boxes and its presence contradict each other."""
    if not isinstance(found, Detections):
        return found
    boxed = {one.label for one in found}
    notes = tuple(
        f"presence: {target} has a probability of {chance:.2f} of being there, and "
        f"{'boxes were found' if target in boxed else 'no box was found'}"
        for target, chance in found.presence or ()
        if (chance >= 0.5) != (target in boxed)
    )
    return replace(found, warnings=(*found.warnings, *notes)) if notes else found


def _merged(parts: Sequence[Outcome], empty: Listed) -> Outcome:
    """Return one result with the items of all parts; what is unreadable makes it an error with the others."""
    good: list[Listed] = [part for part in parts if isinstance(part, type(empty))]
    bad = [part for part in parts if isinstance(part, OutputError)]
    notes: list[str] = [note for part in good for note in part.warnings]
    likely = [part.mean_logprob for part in good if part.mean_logprob is not None]
    result = replace(
        empty,
        items=tuple(item for part in good for item in part.items),
        raw="\n".join(part.raw for part in good),
        reasoning="\n".join(part.reasoning for part in good if part.reasoning),
        checkpoint=good[0].checkpoint if good else "",
        mean_logprob=min(likely, default=None) if len(likely) == len(good) else None,
        warnings=tuple(dict.fromkeys((*notes, *empty.warnings))),
    )
    if not bad:
        return result
    first = bad[0]
    if len(parts) == 1:
        return first
    return type(first)(
        f"{len(bad)} of {len(parts)} answers could not be read, the first because {first.message}",
        task=first.task,
        text=first.text,
        expected=first.expected,
        partial=result,
    )
