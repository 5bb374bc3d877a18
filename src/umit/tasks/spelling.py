"""How boxes and points on films are spelled: Qwen's tokens, JSON, bare numbers, and two medical fine-tunes' own.

A spelling knows numbers and names; which frame the numbers are of is the grammar's matter. Every spelling reads more
than it writes, as models do not keep to their own form, and none drops what it cannot read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

from umit.errors import ParseError
from umit.patterns import literal
from umit.tasks.dialect import BoxSyntax, PointSyntax
from umit.tasks.grammar import LONGEST, fold
from umit.tasks.items import items_of

__all__ = ["BOXES", "MOST", "POINTS", "VOLUME", "BoxSpelling", "PointSpelling", "Read", "RegularSpelling"]

MOST: Final = 100  # boxes in one answer; more is a loop, not a finding
LONGEST_LIST: Final = 4 * LONGEST  # characters of a hundred boxes in JSON


class Read(NamedTuple):
    """What a text holds.

    Args:
        boxes: The numbers of each box, as they are written.
        warnings: What had to be overlooked.
    """

    boxes: list[list[float]]
    warnings: tuple[str, ...] = ()


class BoxSpelling(Protocol):
    """How the boxes of one target are written and read."""

    @property
    def expected(self) -> str:
        """The form, for messages."""
        ...

    @property
    def longest(self) -> int:
        """How many characters an answer may have."""
        ...

    def read(self, text: str, raw: str, target: str) -> Read:
        """Return the numbers of every box in a folded text.

        Raises:
            ParseError: It holds anything else.
        """
        ...

    def write(self, boxes: Sequence[Sequence[str]], target: str) -> str:
        """Write boxes whose numbers are spelled already, at least one."""
        ...

    def nothing(self, target: str) -> str | None:
        """Return what is written where there is nothing; ``None`` for the language's sentence."""
        ...

    def around(self, target: str) -> tuple[str, ...]:
        """Return what is written before, between and behind the numbers of one box."""
        ...

    def pattern(self, box: str, target: str) -> str:
        """Return a plain regular expression of one box and more, given that of one."""
        ...


_NUMBER: Final = r"\s*(-?[0-9]{1,5}(?:\.[0-9]{1,14})?)\s*"
_PAIR: Final = r"\(" + _NUMBER + "," + _NUMBER + r"\)"
_FOUR: Final = ",".join([_NUMBER] * 4)
_TRIPLE: Final = r"[(\[]" + _NUMBER + "," + _NUMBER + "," + _NUMBER + r"[)\]]"
#: What is found may be named before its box, in tokens or without.
_NAME: Final = r"(?:<\|object_ref_start\|>([^<>()\[\]]{0,200})<\|object_ref_end\|>\s*|([^\W\d_][^<>()\[\]]{0,199}))?"
_JOINT: Final = re.compile(r"\s*[,;.。]?\s*")


@dataclass(frozen=True)
class RegularSpelling:
    """A spelling whose boxes follow one another, each matched by an expression.

    Args:
        box: Of one box: its name in tokens, its plain name, and its numbers.
        expected: The form, for messages.
        one: How one box is written, with ``{0}`` and so on for its numbers and ``{name}`` for the target.
        joint: What is written between two.
        said: What is written where there is nothing, with ``{}`` for the target; ``""`` for the language's sentence.
    """

    box: re.Pattern[str]
    expected: str
    one: str
    joint: str = ""
    said: str = ""

    @property
    def longest(self) -> int:
        """How many characters an answer may have."""
        return LONGEST

    def read(self, text: str, raw: str, target: str) -> Read:
        """Return the numbers of every box; the whole text must be boxes of the target."""
        found: list[list[float]] = []
        text, position = text.strip("` \n"), 0
        while position < len(text):
            match = self.box.match(text, position)
            if not match or len(found) == MOST:
                raise _wrong(f"expected boxes, got {text[position : position + 40]!r}", raw, self.expected, found)
            in_tokens, plain, *numbers = match.groups()
            name = " ".join((in_tokens or plain or "").strip(" :\n").casefold().split())
            if name and name != " ".join(fold(target).casefold().split()):
                raise _wrong(f"expected boxes of {target!r}, got one of {name!r}", raw, self.expected, found)
            found.append([float(number) for number in numbers])
            position = match.end()
            joint = _JOINT.match(text, position)
            position = joint.end() if joint else position
        if not found:
            raise _wrong("expected boxes", raw, self.expected, found)
        return Read(found)

    def write(self, boxes: Sequence[Sequence[str]], target: str) -> str:
        """Write the boxes one after another."""
        return self.joint.join(_filled(self.one, {**_numbered(box), "{name}": target}) for box in boxes)

    def nothing(self, target: str) -> str | None:
        """Return what is written where there is nothing."""
        return self.said.format(target) if self.said else None

    def around(self, target: str) -> tuple[str, ...]:
        """Return what is written before, between and behind the numbers of one box."""
        return tuple(text.replace("{name}", target) for text in re.split(r"\{\d\}", self.one))

    def pattern(self, box: str, target: str) -> str:
        """Return an expression of one box and more."""
        return _more(box, self.joint)


@dataclass(frozen=True)
class _Lists:
    """MedMO's: a name, then a tag that holds a list of boxes."""

    expected: str = "name <box>[[x1, y1, x2, y2]]</box>"
    longest: int = LONGEST
    _WHOLE = re.compile(r"([^<>\[\]]{0,200})<box>\s*\[(.*)\]\s*</box>\s*\.?", re.DOTALL | re.IGNORECASE)
    _ONE = re.compile(r"\s*\[" + _FOUR + r"\]\s*(?:,|$)")

    def read(self, text: str, raw: str, target: str) -> Read:
        """Return the numbers of every box; the whole text must be one tag."""
        whole, found = self._WHOLE.fullmatch(text), list[list[float]]()
        if whole is None:
            raise _wrong(f"expected boxes, got {text[:40]!r}", raw, self.expected, found)
        position = 0
        while position < len(whole[2]):
            match = self._ONE.match(whole[2], position)
            if match is None or len(found) == MOST:
                raise _wrong(f"expected boxes, got {whole[2][position:][:40]!r}", raw, self.expected, found)
            found.append([float(number) for number in match.groups()])
            position = match.end()
        return Read(found, _named(whole[1].strip(" :\n"), target))

    def write(self, boxes: Sequence[Sequence[str]], target: str) -> str:
        """Write the boxes in one list."""
        return f"{target} <box>[{', '.join('[' + ', '.join(box) + ']' for box in boxes)}]</box>"

    def nothing(self, target: str) -> str | None:
        """Return that the language's sentence says it."""
        return None

    def around(self, target: str) -> tuple[str, ...]:
        """Return what is written before, between and behind the numbers of one box."""
        return ("[", ", ", ", ", ", ", "]")

    def pattern(self, box: str, target: str) -> str:
        """Return an expression of one box and more."""
        return literal(f"{target} <box>[") + _more(box, ", ") + literal("]</box>")


@dataclass(frozen=True)
class _Json:
    """Qwen2.5-VL's and Qwen3-VL's: a fenced list of objects."""

    expected: str = '[{"bbox_2d": [x1, y1, x2, y2], "label": "name"}]'
    longest: int = LONGEST_LIST

    def read(self, text: str, raw: str, target: str) -> Read:
        """Return the numbers of every object's boxes."""
        objects, warnings = items_of(text, raw, self.expected)
        found: list[list[float]] = []
        for one in objects:
            boxes: Any = next((one[key] for key in ("bbox_2d", "bbox", "box_2d") if key in one), None)
            several = isinstance(boxes, list) and all(isinstance(box, list) for box in boxes)
            for box in boxes if several else [boxes]:
                if len(found) == MOST:
                    raise _wrong(f"expected at most {MOST} boxes", raw, self.expected, found)
                found.append(numbers(box, 4, raw, self.expected, found))
            warnings += _named(str(one.get("label", "")), target)
        return Read(found, tuple(dict.fromkeys(warnings)))

    def write(self, boxes: Sequence[Sequence[str]], target: str) -> str:
        """Write the list, one object a line."""
        name = json.dumps(target, ensure_ascii=False)
        lines = ",\n".join(f'\t{{"bbox_2d": [{", ".join(box)}], "label": {name}}}' for box in boxes)
        return f"```json\n[\n{lines}\n]\n```"

    def nothing(self, target: str) -> str | None:
        """Return the empty list: what is not there is left out."""
        return "```json\n[]\n```"

    def around(self, target: str) -> tuple[str, ...]:
        """Return what is written before, between and behind the numbers of one box."""
        name = json.dumps(target, ensure_ascii=False)
        return ('\t{"bbox_2d": [', ", ", ", ", ", ", f'], "label": {name}}}')

    def pattern(self, box: str, target: str) -> str:
        """Return an expression of one box and more."""
        return literal("```json\n[\n") + _more(box, ",\n") + literal("\n]\n```")


def _more(box: str, joint: str) -> str:
    return f"{box}({literal(joint)}{box}){{0,{MOST - 1}}}"


def _numbered(values: Sequence[str]) -> dict[str, str]:
    return {f"{{{k}}}": value for k, value in enumerate(values)}


def numbers(value: Any, count: int, raw: str, expected: str, partial: Sequence[Sequence[float]] = ()) -> list[float]:
    """Return a JSON list of so many numbers.

    Raises:
        ParseError: It is anything else.
    """
    good = isinstance(value, list) and len(value) == count
    if not good or not all(isinstance(one, int | float) and not isinstance(one, bool) for one in value):
        raise _wrong(f"expected {count} numbers, got {value!r:.80}", raw, expected, partial)
    return [float(one) for one in value]


def _named(name: str, target: str) -> tuple[str, ...]:
    """Say that a box came under another name than was asked, which models' own words often are."""
    folded = [" ".join(fold(one[:200]).casefold().split()) for one in (name, target)]
    return () if not folded[0] or folded[0] == folded[1] else (f"the model calls it {name[:80]!r}",)


def _wrong(message: str, raw: str, expected: str, found: Sequence[Sequence[float]]) -> ParseError:
    return ParseError(message, text=raw, expected=expected, partial=tuple(map(tuple, found)))


@dataclass(frozen=True)
class PointSpelling:
    """How one named point is written and read.

    Args:
        expected: The form, for messages.
        one: How it is written, with ``{0}``, ``{1}`` for its numbers and ``{name}`` for what it is.
        point: The expression of the whole answer, its two numbers in groups; ``None`` for JSON.
    """

    expected: str
    one: str
    point: re.Pattern[str] | None

    def read(self, text: str, raw: str) -> tuple[list[float], tuple[str, ...]]:
        """Return the two numbers of a folded text, and what had to be overlooked.

        Raises:
            ParseError: It holds no point, or several.
        """
        if self.point is not None:
            match = self.point.fullmatch(text.strip("` \n"))
            if not match:
                raise ParseError("expected one point", text=raw, expected=self.expected)
            return [float(match[1]), float(match[2])], ()
        objects, warnings = items_of(text, raw, self.expected)
        if len(objects) != 1:
            raise ParseError(f"expected one point, got {len(objects)}", text=raw, expected=self.expected)
        point = objects[0].get("point_2d", objects[0].get("point"))
        return numbers(point, 2, raw, self.expected), warnings

    def write(self, x: str, y: str, name: str) -> str:
        """Write a point whose numbers are spelled already."""
        quoted = json.dumps(name, ensure_ascii=False)
        return _filled(self.one, {"{0}": x, "{1}": y, "{name}": name, "{quoted}": quoted})

    def pattern(self, x: str, y: str, name: str) -> str:
        """Return a plain regular expression of what is written, given those of its numbers."""
        named = {"{name}": literal(name), "{quoted}": literal(json.dumps(name, ensure_ascii=False))}
        return _filled(self.one, {"{0}": x, "{1}": y, **named}, escaped=True)


def _filled(form: str, slots: Mapping[str, str], *, escaped: bool = False) -> str:
    """Fill a form's slots; what stands between them is a regular expression if it is ``escaped``."""
    pieces = re.split(r"(\{\w+\})", form)
    return "".join(slots.get(piece, literal(piece) if escaped else piece) for piece in pieces)


VOLUME: Final = RegularSpelling(
    re.compile(rf"{_NAME}\[\s*{_TRIPLE}\s*,\s*{_TRIPLE}\s*\]"),
    "[(x1,y1,z1),(x2,y2,z2)]", "[({0},{1},{2}),({3},{4},{5})]", ",",
)  # fmt: skip
BOXES: Final[dict[BoxSyntax, BoxSpelling]] = {
    "qwen": RegularSpelling(
        re.compile(rf"{_NAME}(?:<\|box_start\|>)?\s*{_PAIR}\s*,\s*{_PAIR}\s*(?:<\|box_end\|>)?"),
        "<|box_start|>(x1,y1),(x2,y2)<|box_end|>", "<|box_start|>({0},{1}),({2},{3})<|box_end|>",
    ),
    "json": _Json(),
    "bare": RegularSpelling(
        re.compile(rf"()(?:([^\W\d_][^<>()\[\]:]{{0,199}}):\s*)?[\[(]?{_FOUR}[\])]?"),
        "x1, y1, x2, y2", "{0}, {1}, {2}, {3}", "; ",
    ),
    "ref": RegularSpelling(
        re.compile(rf"(?:<\|ref\|>([^<>()\[\]]{{0,200}})<\|/ref\|>\s*)?()<\|box\|>\s*{_PAIR}\s*,\s*{_PAIR}\s*<\|/box\|>"),
        "<|ref|>name<|/ref|><|box|>(x1,y1),(x2,y2)<|/box|>",
        "<|ref|>{name}<|/ref|><|box|>({0},{1}),({2},{3})<|/box|>", said="No {} detected.",
    ),
    "lists": _Lists(),
}  # fmt: skip
POINTS: Final[dict[PointSyntax, PointSpelling]] = {
    "brackets": PointSpelling("[x,y]", "[{0},{1}]", re.compile(rf"[\[(]{_NUMBER},{_NUMBER}[\])]\.?")),
    "json": PointSpelling(
        '[{"point_2d": [x, y], "label": "name"}]',
        '```json\n[\n\t{"point_2d": [{0}, {1}], "label": {quoted}}\n]\n```', None,
    ),
    "xml": PointSpelling(
        '<points x1="x" y1="y" alt="name">name</points>', '<points x1="{0}" y1="{1}" alt="{name}">{name}</points>',
        re.compile(
            rf"<points?\s+(?:x1?=)?[\"']?{_NUMBER}[\"']?[\s,]+(?:y1?=)?[\"']?{_NUMBER}[\"']?"
            r"(?:\s+alt=(?:\"[^\"]{0,200}\"|'[^']{0,200}'))?\s*>[^<>]{0,200}</points?>",
            re.IGNORECASE,
        ),
    ),
}  # fmt: skip
