"""What comes back: frozen values in the coordinates of the user's own file.

All of them hold Python numbers, strings and tuples only; they hash, pickle, and turn into JSON with
``to_dict`` and back with :func:`from_dict`. ``raw``, ``checkpoint`` and ``warnings`` are not compared.

Research use only; none of these is a diagnosis.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

from umit.errors import InputError
from umit.geometry import Box2D, Box3D, Mark, Point2D, Space
from umit.provenance import SCHEMA, Entry, Provenance, Scored, Value

if TYPE_CHECKING:
    from umit.display.overlay import Picture, Scans

__all__ = [
    "Answer", "Classification", "Detection", "Detections", "Entry", "Findings", "Landmark", "Landmarks", "Marked",
    "Report", "Result", "from_dict",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(Provenance):
    """An answer in words.

    Args:
        text: The answer; with options, the chosen option's own words.
        option: Index of the chosen option from 0, or ``None`` for an open question.
        probabilities: One for each option, in order, summing to 1; ``None`` if the engine has none.
        calibrated: Whether the probabilities were fitted on held-out data; ``False`` means ranking only.
        abstained: Whether the likeliest option is less likely than ``abstain_below``; then ``text`` is empty and there is
            no ``option``.
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

    def withheld(self) -> Answer:
        """Return the answer of a model that declines to choose; what it would have said stands in ``raw``."""
        return replace(self, text="", option=None, abstained=True)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The answer."""
        return (Entry(text=self.text, probability=self.confidence),)

    def reordered(self, order: Sequence[int]) -> Answer:
        """Return the answer to the same question with its options in another order."""
        option = None if self.option is None else list(order).index(self.option)
        return replace(self, option=option, probabilities=_in_order(self.probabilities, order))

    def offered(self, choices: Sequence[str]) -> Answer:
        """Return the answer with the option that its words are among the choices, if they are one."""
        there = self.text in choices
        return replace(self, option=list(choices).index(self.text) if there else None)

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
class Report(Provenance):
    """A written report; ``findings`` and ``impression`` where the data separates them."""

    text: str
    findings: str | None = None
    impression: str | None = None

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The text."""
        return (Entry(text=self.text),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Classification(Provenance):
    """One of the query's labels.

    Args:
        label: The chosen one; ``""`` if none was.
        probabilities: One for each label, in order, summing to 1; ``None`` if the engine has none.
        calibrated: Whether the probabilities were fitted on held-out data; ``False`` means ranking only.
        abstained: Whether the likeliest label is less likely than ``abstain_below``.
    """

    label: str
    probabilities: tuple[float, ...] | None = None
    calibrated: bool = False
    abstained: bool = False

    @property
    def confidence(self) -> float | None:
        """The largest probability; ``None`` if the engine has none."""
        return max(self.probabilities) if self.probabilities else None

    def withheld(self) -> Classification:
        """Return the classification of a model that declines to choose; what it would have said stands in ``raw``."""
        return replace(self, label="", abstained=True)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The label."""
        return (Entry(text=self.label, probability=self.confidence),)

    def reordered(self, order: Sequence[int]) -> Classification:
        """Return the classification of the same query with its labels in another order."""
        return replace(self, probabilities=_in_order(self.probabilities, order))

    def scored(self, gold: Classification, choices: Sequence[str]) -> list[Scored]:
        """Return the labels' probabilities, the chosen one and the right one."""
        said, true = (list(choices).index(one.label) if one.label in choices else None for one in (self, gold))
        return [] if self.probabilities is None else [Scored(self.probabilities, said, true)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked(Value):
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
class Findings(Provenance):
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
            Entry(name=m.label, text="yes" if m.present else "no", probability=m.probability) for m in self.items
        )

    def scored(self, gold: Findings, choices: Sequence[str]) -> list[Scored]:
        """Return for each scored label the probability of yes, what was said and what is true."""
        return [
            Scored((mark.probability,), mark.present, true.present)
            for mark, true in zip(self, gold, strict=True)
            if mark.probability is not None
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection(Value):
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
class Detections(Provenance):
    """Boxes; falsy when the model said that there is nothing.

    Args:
        items: Found boxes, in the order they were written.
        presence: Probability that each asked target is there, ``(target, probability)``, from a scored
            yes/no question beside the boxes; where the two disagree, a warning says so. A target is missing, and
            ``None`` stands for none at all, where the engine gives no scores or the card does not say that the weights
            were taught to tell.
        calibrated: Whether ``presence`` was fitted on held-out data; ``False`` means ranking only.
    """

    items: tuple[Detection, ...] = ()
    presence: tuple[tuple[str, float], ...] | None = None
    calibrated: bool = False

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
        return tuple(Entry(name=one.label, probability=there.get(one.label), mark=one.box) for one in self.items)

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
class Landmark(Value):
    """One named point.

    Args:
        name: The query's name.
        point: In pixels of the user's file.
        score: Log-likelihood of the text that holds the point: for ranking only, uncalibrated.
    """

    name: str
    point: Point2D
    score: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Landmarks(Provenance):
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
    sides = [[] if one is None else list(zip(one.views, one.marks, strict=True)) for one in (found, truth)]
    return draw_views(scan, *sides)


Result: TypeAlias = Answer | Report | Classification | Findings | Detections | Landmarks
AnyResult = TypeVar("AnyResult", Answer, Report, Classification, Findings, Detections, Landmarks)


def stamped(result: AnyResult, *, raw: str, checkpoint: str, warnings: tuple[str, ...]) -> AnyResult:
    """Return the result with its provenance; earlier warnings come first."""
    return replace(result, raw=raw, checkpoint=checkpoint, warnings=result.warnings + warnings)


def fitted(result: Result) -> Result:
    """Return a result whose probabilities were fitted on held-out data."""
    match result:
        case Answer(probabilities=tuple()) | Classification(probabilities=tuple()):
            return replace(result, calibrated=True)
        case Findings():
            return replace(result, items=tuple(replace(mark, calibrated=True) for mark in result.items))
        case _:
            return result


_GEOMETRY: Final = {"Box2D": Box2D, "Box3D": Box3D, "Point2D": Point2D}
_TYPES: Final[dict[str, Any]] = {
    t.__name__: t for t in (Answer, Report, Classification, Findings, Detections, Landmarks)
}


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
            f"expected schema {SCHEMA} and one of {sorted(_TYPES)}, got {schema!r}, {kind!r}", code="schema"
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
        values["items"] = tuple(Landmark(**{**d, "point": _shape(d["point"])}) for d in data["items"])
    result: Result = _TYPES[kind](**values)
    return result
