"""What every result has: plain values, its provenance, and one way to read it whatever its kind."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from typing import Any, Final, NamedTuple, Self, TypeAlias, get_args, get_origin, get_type_hints

from umit.errors import InputError
from umit.geometry import Box2D, Box3D, Mark, Point2D, Space, plain

__all__ = ["SCHEMA", "Entry", "Provenance", "Scored", "Value"]

SCHEMA: Final = 1
Text: TypeAlias = Callable[[str], str]
#: What a user reads and a mirror changes; ``raw`` stays as the model wrote it.
_SPOKEN: Final = ("text", "findings", "impression", "label", "name")


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A value that holds plain Python numbers, strings and tuples, whatever it was given."""

    def __post_init__(self) -> None:
        """Keep plain Python values, whatever arrays or lists they came in; refuse what the field does not hold."""
        own: Any = type(self)
        kinds = _kinds(own)
        for one in fields(self):
            value = plain(getattr(self, one.name), f"{type(self).__name__}.{one.name}")
            if not _holds(kinds[one.name], value):
                expected = "text" if one.type == "str" else one.type
                raise InputError(f"expected {expected}, got {value!r:.200}", code="type", where=one.name)
            object.__setattr__(self, one.name, value)


_kinds = lru_cache(maxsize=None)(get_type_hints)


def _holds(kind: Any, value: Any) -> bool:
    """Return whether a plain value is of an annotated kind; True is no number."""
    parts = get_args(kind)
    if get_origin(kind) is tuple:
        each = parts[:1] * len(value) if parts[-1] is ... and isinstance(value, tuple) else parts
        return isinstance(value, tuple) and len(value) == len(each) and all(map(_holds, each, value))
    if parts:  # one kind or another
        return any(_holds(one, value) for one in parts)
    if kind in (int, float):
        return isinstance(value, int | kind) and not isinstance(value, bool) and math.isfinite(value)
    return isinstance(value, kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of a result in a table.

    Args:
        name: The label, target or point; ``""`` where the result is one answer.
        text: In words; ``""`` where a mark says it.
        probability: Of what the text says, or that the target is there; ``None`` if the engine has none.
        mark: The box or point.
    """

    name: str = ""
    text: str = ""
    probability: float | None = None
    mark: Mark | None = None


class Scored(NamedTuple):
    """A choice or a yes/no that the engine scored, beside the truth.

    Args:
        chances: The probability of each choice; of "yes" alone where it is a yes/no question.
        said: Index of the choice that was said, or whether "yes" was; ``None`` if it was none of them.
        true: The same of the truth.
    """

    chances: tuple[float, ...]
    said: int | None
    true: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance(Value):
    """What every result has.

    Args:
        raw: The model's own text.
        checkpoint: Name of the card of the weights.
        warnings: Repairs, windows chosen, orientation assumed.
        mean_logprob: Natural log-probability of the model's text by itself, a token of it, its end token among them; of
            several texts, the least likely one's. ``None`` if the engine does not tell.
        reasoning: What the model wrote before its answer, without tags; ``""`` where it wrote none.
    """

    raw: str = field(default="", compare=False)
    checkpoint: str = field(default="", compare=False)
    warnings: tuple[str, ...] = field(default=(), compare=False)
    mean_logprob: float | None = field(default=None, compare=False)
    reasoning: str = field(default="", compare=False)

    @property
    def marks(self) -> tuple[Mark, ...]:
        """Boxes or points, in the order of the items; none where the result is words."""
        return ()

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The lines of the result in a table: one for each item, or one for an answer in words."""
        raise NotImplementedError

    @property
    def views(self) -> tuple[int | None, ...]:
        """Which of several views each mark lies in, from 0; ``None`` for a single view."""
        return (None,) * len(self.marks)

    @property
    def confidence(self) -> float | None:
        """Probability of what was chosen, or that the first target is there; ``None`` if the engine has none."""
        return None

    def scored(self, gold: Any, choices: Sequence[str]) -> list[Scored]:
        """Return what was said beside the truth wherever the engine gave probabilities.

        Args:
            gold: The true result of the same kind.
            choices: What the query offers to choose one from.
        """
        return []

    def mapped(self, change: Text) -> Self:
        """Return the result with every text in it changed, such as left and right changed over."""
        changed: Self = _mapped(self, change)
        return changed

    def offered(self, choices: Sequence[str]) -> Self:
        """Return the result as of a query that offers other choices; what is none of them is no choice."""
        return self

    def reordered(self, order: Sequence[int]) -> Self:
        """Return the result as of a query whose choices came in another order, ``order[k]`` coming k-th."""
        return self

    def moved(self, place: Callable[[Any, int | None], Any]) -> Self:
        """Return the result with every mark moved.

        Args:
            place: Called with a mark and the view it lies in; returns a mark of the same kind.
        """
        changed = [
            replace(item, **{_place_of(item): place(mark, view)})
            for item, mark, view in zip(getattr(self, "items", ()), self.marks, self.views, strict=False)
        ]
        moved: Any = {"items": tuple(changed)} if changed else {}
        return replace(self, **moved)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values, with ``schema`` and ``type``."""
        return {"schema": SCHEMA, "type": type(self).__name__, **_plain(self)}


def _place_of(item: Any) -> str:
    return "box" if hasattr(item, "box") else "point"


def _mapped(value: Any, change: Text) -> Any:
    changed: dict[str, Any] = {}
    for one in fields(value):
        held = getattr(value, one.name)
        if one.name in _SPOKEN and held is not None:
            changed[one.name] = change(held)
        elif one.name == "items":
            changed[one.name] = tuple(_mapped(item, change) for item in held)
        elif one.name == "presence" and held is not None:
            changed[one.name] = tuple((change(name), chance) for name, chance in held)
    return replace(value, **changed)


def _plain(value: Any) -> Any:
    if isinstance(value, Space):
        return value.to_dict()
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "__dataclass_fields__"):
        named = {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
        drawn = isinstance(value, Box2D | Box3D | Point2D)
        return {"type": type(value).__name__, **named} if drawn else named
    return value
