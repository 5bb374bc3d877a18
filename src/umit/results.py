"""What comes back: frozen values in the coordinates of the user's own file.

All of them hold Python numbers, strings and tuples only; they hash, pickle, and turn into JSON with
``to_dict`` and back with :func:`from_dict`. ``raw``, ``checkpoint`` and ``warnings`` are not compared.

Research use only; none of these is a diagnosis.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self, TypeAlias, TypeVar

from umit.errors import InputError
from umit.geometry import Box2D, Box3D, Mark, Point2D, Space, plain

if TYPE_CHECKING:
    from umit.display.overlay import Picture, Scans

__all__ = [
    "Answer",
    "Classification",
    "Detection",
    "Detections",
    "Entry",
    "Findings",
    "Landmark",
    "Landmarks",
    "Marked",
    "Report",
    "Result",
    "from_dict",
]

SCHEMA: Final = 1
Text: TypeAlias = Callable[[str], str]
_WORDS: Final = ("text", "label", "name", "raw")
#: What a user reads and a mirror changes; ``raw`` stays as the model wrote it.
_SPOKEN: Final = ("text", "findings", "impression", "label", "name")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Value:
    def __post_init__(self) -> None:
        """Keep plain Python values, whatever arrays or lists they came in; refuse what JSON cannot hold."""
        for one in fields(self):
            value = plain(getattr(self, one.name), f"{type(self).__name__}.{one.name}")
            if one.name in _WORDS and not isinstance(value, str):
                raise InputError(f"expected text, got {value!r:.200}", code="type", where=one.name)
            object.__setattr__(self, one.name, value)


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
class _Provenance(_Value):
    raw: str = field(default="", compare=False)
    checkpoint: str = field(default="", compare=False)
    warnings: tuple[str, ...] = field(default=(), compare=False)

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
            for item, mark, view in zip(
                getattr(self, "items", ()), self.marks, self.views, strict=False
            )
        ]
        moved: Any = {"items": tuple(changed)} if changed else {}
        return replace(self, **moved)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values, with ``schema`` and ``type``."""
        return {"schema": SCHEMA, "type": type(self).__name__, **_plain(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(_Provenance):
    """An answer in words.

    Args:
        text: The answer; with options, the chosen option's own words.
        option: Index of the chosen option from 0, or ``None`` for an open question.
        probabilities: One for each option, in order, summing to 1; ``None`` if the engine has none.
        calibrated: Whether the probabilities were fitted on held-out data; ``False`` means ranking only.
        abstained: Whether the model declined to choose.
    """

    text: str
    option: int | None = None
    probabilities: tuple[float, ...] | None = None
    calibrated: bool = False
    abstained: bool = False

    @property
    def confidence(self) -> float | None:
        """The largest probability; ``None`` if the engine has none."""
        return max(self.probabilities) if self.probabilities else None

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The answer."""
        return (Entry(text=self.text, probability=self.confidence),)

    def reordered(self, order: Sequence[int]) -> Answer:
        """Return the answer to the same question with its options in another order."""
        option = None if self.option is None else list(order).index(self.option)
        return replace(self, option=option, probabilities=_in_order(self.probabilities, order))

    def choice(self, choices: Sequence[str]) -> int | None:
        """Return the index of the choice that it is, from 0; ``None`` if it is none of them."""
        if self.option is not None:
            return self.option
        return list(choices).index(self.text) if self.text in choices else None

    def scored(self, gold: Answer, choices: Sequence[str]) -> list[Scored]:
        """Return the options' probabilities, the chosen one and the right one."""
        chances = self.probabilities
        return [] if chances is None else [Scored(chances, self.option, gold.choice(choices))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report(_Provenance):
    """A written report; ``findings`` and ``impression`` where the data separates them."""

    text: str
    findings: str | None = None
    impression: str | None = None

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The text."""
        return (Entry(text=self.text),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Classification(_Provenance):
    """One of the query's labels, with uncalibrated probabilities where the engine has them."""

    label: str
    probabilities: tuple[float, ...] | None = None
    calibrated: bool = False
    abstained: bool = False

    @property
    def confidence(self) -> float | None:
        """The largest probability; ``None`` if the engine has none."""
        return max(self.probabilities) if self.probabilities else None

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The label."""
        return (Entry(text=self.label, probability=self.confidence),)

    def reordered(self, order: Sequence[int]) -> Classification:
        """Return the classification of the same query with its labels in another order."""
        return replace(self, probabilities=_in_order(self.probabilities, order))

    def scored(self, gold: Classification, choices: Sequence[str]) -> list[Scored]:
        """Return the labels' probabilities, the chosen one and the right one."""
        said, true = (
            list(choices).index(one.label) if one.label in choices else None for one in (self, gold)
        )
        return [] if self.probabilities is None else [Scored(self.probabilities, said, true)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked(_Value):
    """Whether one of several labels holds.

    Args:
        label: One of the query's labels.
        present: Whether the model says yes.
        probability: Of "yes", from a scored yes/no question; ``None`` if the engine has none.
        calibrated: Whether it was fitted on held-out data; ``False`` means ranking only.
    """

    label: str
    present: bool
    probability: float | None = None
    calibrated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings(_Provenance):
    """Each of several labels by itself, in the query's order."""

    items: tuple[Marked, ...] = ()

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Marked]:
        return iter(self.items)

    def __getitem__(self, label: str) -> Marked:
        for item in self.items:
            if item.label == label:
                return item
        raise KeyError(label)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Each label with "yes" or "no", and how likely "yes" is."""
        return tuple(
            Entry(name=m.label, text="yes" if m.present else "no", probability=m.probability)
            for m in self.items
        )

    def scored(self, gold: Findings, choices: Sequence[str]) -> list[Scored]:
        """Return for each scored label the probability of yes, what was said and what is true."""
        return [
            Scored((mark.probability,), mark.present, true.present)
            for mark, true in zip(self, gold, strict=True)
            if mark.probability is not None
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection(_Value):
    """One found box.

    Args:
        label: The query's target.
        box: In pixels or voxels of the user's file.
        view: Which of several views the box lies in, from 0; ``None`` for a single view.
        score: Log-likelihood of the text that holds the box: for ranking only, uncalibrated.
    """

    label: str
    box: Box2D | Box3D
    view: int | None = None
    score: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Detections(_Provenance):
    """Boxes; falsy when the model said that there is nothing.

    Args:
        items: Found boxes, in the order they were written.
        presence: Probability that each asked target is there, ``(target, probability)``, from a scored
            yes/no question beside the boxes and therefore free to disagree with them; ``None`` if the engine has none.
    """

    items: tuple[Detection, ...] = ()
    presence: tuple[tuple[str, float], ...] | None = None

    def __bool__(self) -> bool:
        return bool(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Detection]:
        return iter(self.items)

    @property
    def marks(self) -> tuple[Mark, ...]:
        """The boxes."""
        return tuple(item.box for item in self.items)

    @property
    def views(self) -> tuple[int | None, ...]:
        """The view of each box."""
        return tuple(item.view for item in self.items)

    @property
    def confidence(self) -> float | None:
        """The probability that the first target is there; ``None`` if the engine has none."""
        return self.presence[0][1] if self.presence else None

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Each box, and how likely its target is there."""
        there = dict(self.presence or ())
        return tuple(
            Entry(name=one.label, probability=there.get(one.label), mark=one.box)
            for one in self.items
        )

    def overlay(self, scan: Scans, *, truth: Detections | None = None) -> Picture:
        """Draw the boxes on what they were found in: numbers, the patient's sides, mm, the window.

        Args:
            scan: What was asked about: one scan, or the several views in their order. A volume
                becomes a montage of the slices that its boxes lie in.
            truth: True boxes, drawn in another colour.

        Returns:
            A Pillow picture; boxes are numbered from 1 in the order of ``items``.

        Raises:
            InputError: An unreadable scan, another kind of scan than the boxes', or views left out.
        """
        return _drawn(self, scan, truth)

    def scored(self, gold: Detections, choices: Sequence[str]) -> list[Scored]:
        """Return the presence of each target, which stands beside the boxes and is judged by itself."""
        alone = len(self.presence or ()) == 1  # then whatever its true boxes are called
        return [
            Scored((chance,), chance >= 0.5, any(alone or one.label == name for one in gold))
            for name, chance in self.presence or ()
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Landmark(_Value):
    """One named point in pixels of the user's file."""

    name: str
    point: Point2D


@dataclass(frozen=True, slots=True, kw_only=True)
class Landmarks(_Provenance):
    """Named points, in the order they were asked."""

    items: tuple[Landmark, ...] = ()

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Landmark]:
        return iter(self.items)

    def __getitem__(self, name: str) -> Point2D:
        for item in self.items:
            if item.name == name:
                return item.point
        raise KeyError(name)

    @property
    def marks(self) -> tuple[Mark, ...]:
        """The points."""
        return tuple(item.point for item in self.items)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Each point."""
        return tuple(Entry(name=one.name, mark=one.point) for one in self.items)

    def overlay(self, scan: Scans, *, truth: Landmarks | None = None) -> Picture:
        """Draw the points on the film they were found in: numbers, the patient's sides, mm, the window.

        Args:
            scan: The film that was asked about.
            truth: True points, drawn in another colour.

        Returns:
            A Pillow picture; points are numbered from 1 in the order of ``items``.

        Raises:
            InputError: An unreadable scan, or no film.
        """
        return _drawn(self, scan, truth)


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


def _in_order(values: tuple[float, ...] | None, order: Sequence[int]) -> tuple[float, ...] | None:
    return None if values is None else tuple(values[k] for k in order)


def _drawn(found: Any, scan: Scans, truth: Any) -> Picture:
    from umit.display.overlay import draw_views  # late: results alone need no numpy

    if truth is not None and not isinstance(truth, type(found)):
        raise InputError(
            f"expected {type(found).__name__} or None for truth, got {type(truth).__name__}",
            code="truth",
            where="truth",
        )
    sides = [
        [] if one is None else list(zip(one.views, one.marks, strict=True))
        for one in (found, truth)
    ]
    return draw_views(scan, *sides)


Result: TypeAlias = Answer | Report | Classification | Findings | Detections | Landmarks
AnyResult = TypeVar("AnyResult", Answer, Report, Classification, Findings, Detections, Landmarks)


def stamped(
    result: AnyResult, *, raw: str, checkpoint: str, warnings: tuple[str, ...]
) -> AnyResult:
    """Return the result with its provenance; earlier warnings come first."""
    return replace(result, raw=raw, checkpoint=checkpoint, warnings=result.warnings + warnings)


_GEOMETRY: Final = {"Box2D": Box2D, "Box3D": Box3D, "Point2D": Point2D}
_TYPES: Final[dict[str, Any]] = {
    t.__name__: t for t in (Answer, Report, Classification, Findings, Detections, Landmarks)
}


def _plain(value: Any) -> Any:
    if isinstance(value, Space):
        return value.to_dict()
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "__dataclass_fields__"):
        named = {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
        return (
            {"type": type(value).__name__, **named} if type(value).__name__ in _GEOMETRY else named
        )
    return value


def _shape(data: dict[str, Any]) -> Any:
    data = dict(data)
    kind = _GEOMETRY[data.pop("type")]
    space = data.pop("space", None)
    return kind(**data, space=None if space is None else Space.from_dict(space))


#: What a line of ``umit … --json`` says besides the result.
_LINE: Final = ("file", "task", "name", "notice")


def from_dict(data: dict[str, Any]) -> Result:
    """Read what ``to_dict`` wrote, or a line of ``umit … --json``, whose file, task, name and notice are left.

    Args:
        data: JSON values with ``schema`` and ``type``.

    Returns:
        An equal result.

    Raises:
        InputError: Another schema, no result of ours such as a line that tells of a failure, or other fields.

    Example:
        >>> from_dict(Report(text="Clear.").to_dict()).text
        'Clear.'
    """
    if not isinstance(data, dict):
        raise InputError(f"expected a result as a dict, got {data!r:.80}", code="schema")
    values = {k: v for k, v in data.items() if k not in _LINE}
    schema, kind = values.pop("schema", None), values.pop("type", None)
    if schema != SCHEMA or not isinstance(kind, str) or kind not in _TYPES:
        raise InputError(
            f"expected schema {SCHEMA} and one of {sorted(_TYPES)}, got {schema!r}, {kind!r}",
            code="schema",
        )
    try:
        return _read(kind, values)
    except InputError:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"expected the fields of {kind}, got {error!r}", code="schema") from error


def _read(kind: str, data: dict[str, Any]) -> Result:
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items()}
    if kind == "Detections":
        values["items"] = tuple(Detection(**{**d, "box": _shape(d["box"])}) for d in data["items"])
        if data.get("presence") is not None:
            values["presence"] = tuple((t, p) for t, p in data["presence"])
    if kind == "Findings":
        values["items"] = tuple(Marked(**one) for one in data["items"])
    if kind == "Landmarks":
        values["items"] = tuple(
            Landmark(**{**d, "point": _shape(d["point"])}) for d in data["items"]
        )
    result: Result = _TYPES[kind](**values)
    return result
