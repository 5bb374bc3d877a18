"""What one row of a user's table says: a question, classes, boxes, points, a report or a caption."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal, get_args

from umit.chat import Completion
from umit.datasets.own.columns import BoxForm, as_written, filled, lettered, pointed
from umit.datasets.own.item import Asked, Boxed, Labelled, Tell, Told, Truth
from umit.datasets.pictures import Files, Pictures
from umit.datasets.rows import number, text
from umit.datasets.swift_marks import Mark
from umit.datasets.vqa import answered, language_of, offered
from umit.errors import DatasetError, ParseError
from umit.geometry import Point2D, Space
from umit.queries import Ask, Describe, Language, Locate
from umit.results import Landmark, Landmarks, Report
from umit.tasks.grammar import read_option

__all__ = ["box", "language", "of", "size", "spacing", "turn"]

_Row = Mapping[str, Any]
_LANGUAGES: Final[Mapping[str, Language]] = {
    "en": "en", "english": "en", "zh": "zh", "cn": "zh", "ch": "zh", "chinese": "zh", "中文": "zh",
}  # fmt: skip
#: Where options begin to count: a number names none, since a table does not say whether it counts from 0 or 1.
_NOWHERE: Final = 1_000_000
_NAMES: Final = ("label", "class", "category", "name", "ref", "caption")


def of(row: _Row, known: _Row, fields: _Row, place: str, say: Tell) -> Truth | None:
    """Return what a row says; of several kinds the one that the user names, else the first of this order.

    Args:
        row: As the table has it.
        known: umit's names to the row's.
        fields: What the user says.
        place: File and row.
        say: Called with what is assumed or skipped.

    Raises:
        DatasetError: The row has none of the kinds of truth, or one in another form.
    """
    there = [kind for kind in _KINDS if kind in known]
    stated = [kind for kind in there if kind in fields]
    points = pointed(row)
    if not there and points:
        return _points({name: [row[x], row[y]] for name, (x, y) in points.items()}, place, say)
    ones = [] if there else _one_hot(row, known)
    if ones:
        say(f"{place}: the columns {', '.join(ones[:12])} of 0 and 1 are taken for classes")
        return Labelled(tuple(one for one in ones if float(row[one]) == 1), tuple(ones))
    if not there:
        raise DatasetError(
            f"expected a question with an answer, a label, boxes, landmarks, a report or a caption, got the fields "
            f"{', '.join(map(str, row))[:300]}; say which is which as fields, such as question=…, answer=…",
            file=place,
        )
    kind = (stated or there)[0]
    used = (kind, "label") if kind == "boxes" else (kind,)  # a label beside boxes is their class
    if others := [one for one in there if one not in used and not stated and filled(row[known[one]])]:
        say(f"{place}: read for its {kind}, and not for {', '.join(others)}; fields say which")
    values = {name: row.get(column) for name, column in known.items()}
    if kind == "label":
        asks = str(values["question"]).strip() if filled(values.get("question")) else None
        return _labels(row, known["label"], asks, place, say)
    if not filled(values[kind]) and not (kind == "report" and filled(values.get("impression"))):
        say(_nothing(kind, values[kind], place))
        return None
    match kind:
        case "answer":
            return _answered(row, values, place, say)
        case "landmarks":
            return _points(as_written(values[kind]), place, say)
        case "boxes":
            return _boxes(as_written(values[kind]), values.get("label"), place, say)
        case _:
            return _written(kind, values, place)


#: Kinds of truth by the field that holds them, the most telling first.
_KINDS: Final = ("answer", "landmarks", "boxes", "label", "report", "caption")


def _nothing(kind: str, value: Any, place: str) -> str:
    """Say that a row says nothing, and by which word if it has one: ``none`` may be a class's name."""
    blank = not isinstance(value, str) or not value.strip()
    return f"{place}: skipped, its {kind} {'is empty' if blank else f'{value!r} is taken for empty'}"


def turn(asked: str, answer: str | None) -> Truth | None:
    """Return a turn of a talk as a question, or ``None`` of one without an answer."""
    if not asked or not (answer or "").strip():
        return None
    said = (answer or "").strip()
    options, right = offered(asked, said, "", language_of(asked))
    return _question(asked, said, options, right)


def _question(asked: str, said: str, options: tuple[str, ...], right: int | None, kind: str = "") -> Told:
    gold, facts = answered(said, options, right, kind)
    return Told(asked, lambda spoken, _: [("", Ask(asked, options, language=spoken), gold, facts)])


def _answered(row: _Row, values: _Row, place: str, say: Tell) -> Truth | None:
    asked = values.get("question")
    if not filled(asked):
        say(f"{place}: skipped, its answer has no question")
        return None
    answer = as_written(values["answer"])
    if isinstance(answer, list) and answer:
        say(f"{place}: several answers, the first is taken")
        answer = answer[0]
    words, said = _text(asked, "question", place), _text(answer, "answer", place)
    words = re.sub(r"<image>\s*", "", words).strip()
    kind = str(values.get("answer_type") or "").strip()
    options = _options(row, values.get("options"), place)
    if not options:
        spoken = language(values.get("language"), place) or language_of(words)
        options, right = offered(words, said, kind.upper(), spoken)
        return _question(words, said, options, right, kind)
    right = _chosen(said, options)
    if right is None:
        which = "none" if len(set(options)) == len(options) else "no single one"
        say(f"{place}: skipped, its answer {said[:60]!r} is {which} of the options {', '.join(options)[:200]!r}")  # fmt: skip
        return None
    return _question(words, said, options, right, kind)


def _chosen(said: str, options: tuple[str, ...]) -> int | None:
    """Return which option an answer names, by its words, its letter or both."""
    try:
        return read_option(Completion(text=said), options, first=_NOWHERE)
    except ParseError:
        return None


def _options(row: _Row, value: Any, place: str) -> tuple[str, ...]:
    """Return options from a list, an object by letters, or columns by letters; letters before the words go."""
    found = as_written(value)
    if not filled(found):
        found = [row[name] for name in lettered(row) if filled(row[name])]
    if isinstance(found, dict):
        found = [found[key] for key in sorted(found)]
    if isinstance(found, str):
        found = re.split(r"\s*(?:\n|\||;)\s*", found.strip())
    if not isinstance(found, list | tuple):
        raise DatasetError(f"expected options as a list, got {type(found).__name__}", file=place)
    words = [_text(one, "option", place) for one in found]
    letter = r"\(?{}[).:、：]\s*(.+)"
    bare = [re.fullmatch(letter.format(chr(65 + n)), one, re.S) for n, one in enumerate(words[:26])]
    found = [match[1] for match in bare if match]
    return tuple(found if len(found) == len(words) else words)


def _labels(row: _Row, column: str, asks: str | None, place: str, say: Tell) -> Truth | None:
    if "+" in column:  # several columns of 0 and 1
        ones = column.split("+")
        return Labelled(tuple(one for one in ones if _flag(row[one], one, place)), tuple(ones), asks)
    value = as_written(row[column])
    if isinstance(value, list | tuple):
        return Labelled(tuple(_text(one, "label", place) for one in value), (), asks)
    if not filled(value):
        say(_nothing("label", value, place))
        return None
    words = _text(value, "label", place)
    return Labelled(tuple(part.strip() for part in words.split("|") if part.strip()), (), asks)


def _flag(value: Any, name: str, place: str) -> bool:
    words = str(value).strip().casefold()
    if words not in ("0", "1", "0.0", "1.0", "true", "false"):
        raise DatasetError(f"expected 0 or 1 as {name}, got {str(value)[:40]!r}", file=place)
    return words in ("1", "1.0", "true")


def _one_hot(row: _Row, known: _Row) -> list[str]:
    """Return the columns that no name of umit's takes, if there are two or more and all are 0 or 1."""
    taken = set(known.values())
    names = [name for name in row if name not in taken]
    flags = [str(row[name]).strip() in ("0", "1", "0.0", "1.0") for name in names]
    return names if len(names) > 1 and all(flags) else []


def box(row: _Row, four: tuple[list[str], BoxForm], known: _Row, place: str, say: Tell) -> tuple[str, Mark] | None:
    """Return a row's box from four columns, or ``None`` where they are empty: nothing is there.

    Raises:
        DatasetError: Half a box, or one without a class.
    """
    names, form = four
    values = [row[name] for name in names]
    if not any(map(filled, values)):
        return None
    label = row.get(known.get("label", ""))
    if not filled(label):
        raise DatasetError("expected the class of a box, got none; say its field as label", file=place)
    corners = [number(value, name, place) for value, name in zip(values, names, strict=True)]
    return _marked(_text(label, "label", place), corners, form, place, say)


def _marked(name: str, numbers: list[float], form: BoxForm, place: str, say: Tell) -> tuple[str, Mark] | None:
    x1, y1, x2, y2 = numbers
    if form == "centre":
        x1, y1 = x1 - x2 / 2, y1 - y2 / 2
    if form != "corners":
        x2, y2 = x1 + x2, y1 + y2
    if not (x1 < x2 and y1 < y2):
        say(f"{place}: skipped a box of {name!r}: {numbers} has no area")
        return None
    return name, Mark((x1, y1, x2, y2))


def _boxes(value: Any, label: Any, place: str, say: Tell) -> Truth:
    """Return boxes ``[x1, y1, x2, y2]``, each with its class beside it, or objects with both."""
    listed = value if isinstance(value, list) else [value]
    if len(listed) == 4 and all(isinstance(v, int | float) for v in listed):
        listed = [listed]
    names = as_written(label)
    labels = names if isinstance(names, list) else [names] * len(listed)
    found = []
    for count, one in enumerate(listed):
        name = labels[count] if count < len(labels) else None
        if isinstance(one, dict):
            name = next((one[key] for key in _NAMES if filled(one.get(key))), name)
            one = next((one[key] for key in ("box", "bbox", "bndbox") if key in one), one)
        if isinstance(one, dict):
            one = [one.get(key) for key in ("xmin", "ymin", "xmax", "ymax")]
        if not isinstance(one, list) or len(one) != 4 or not filled(name):
            got = f"{str(one)[:60]} with {name!r}"
            raise DatasetError(f"expected boxes of four numbers, each with a class, got {got}", file=place)  # fmt: skip
        numbers = [number(v, "box", place) for v in one]
        found.append(_marked(_text(name, "label", place), numbers, "corners", place, say))
    return Boxed(tuple(one for one in found if one is not None))


def _points(value: Any, place: str, say: Tell) -> Truth | None:
    """Return ``{name: [x, y]}``, or a list of objects with name, x and y; points without numbers are not there."""
    pairs = value
    if isinstance(value, list) and all(isinstance(one, dict) for one in value):
        pairs = {one.get("name", one.get("label")): [one.get("x"), one.get("y")] for one in value}
    if not isinstance(pairs, dict) or not pairs or None in pairs:
        raise DatasetError(f"expected points with names, got {str(value)[:60]}", file=place)
    points: list[tuple[str, float, float]] = []
    for name, ends in pairs.items():
        if not isinstance(ends, list) or len(ends) != 2:
            raise DatasetError(f"expected x and y of {name!r}, got {str(ends)[:60]}", file=place)
        if all(map(filled, ends)):
            x, y = (number(v, str(name), place) for v in ends)
            points.append((str(name), x, y))
    if not points:
        say(f"{place}: skipped, its landmarks are empty")
        return None

    def asks(spoken: Language, source: Pictures) -> Iterator[Asked]:
        for name, x, y in points:
            one = Landmark(name=name, point=Point2D(x, y, space=_space(source)))
            found = Landmarks(items=(one,))
            yield name, Locate(name, language=spoken), found, (("landmark", name),)

    return Told(points[0][0], asks, named=True)


def _space(source: Pictures) -> Space | None:
    if not isinstance(source, Files) or source.size is None:
        return None
    mm = None if source.spacing is None else source.spacing[::-1]
    return Space(size=source.size, spacing=mm)


def _written(kind: str, values: _Row, place: str) -> Truth:
    names = [name for name in (kind, "impression") if filled(values.get(name))]
    parts = [_text(values[name], name, place) for name in names]
    split = len(parts) > 1 and kind == "report"
    report = Report(
        text="\n".join(parts if split else parts[:1]),
        findings=parts[0] if split else None,
        impression=parts[1] if split else None,
    )
    purpose: Literal["report", "caption"] = "caption" if kind == "caption" else "report"
    return Told(report.text, lambda spoken, _: [("", Describe(purpose, language=spoken), report, ())])


def language(value: Any, place: str) -> Language | None:
    """Return a row's language, or ``None`` if it does not say.

    Raises:
        DatasetError: Another language than English or Chinese.
    """
    if not filled(value):
        return None
    found = _LANGUAGES.get(str(value).strip().casefold())
    if found is None:
        raise DatasetError(f"expected {' or '.join(get_args(Language))}, got {value!r}", file=place)
    return found


def size(found: _Row, place: str) -> tuple[int, int] | None:
    """Return width and height where a row says them."""
    value = as_written(found.get("size"))
    if not isinstance(value, list | tuple) or len(value) != 2:
        return None
    width, height = (number(v, "size", place) for v in value)
    return int(width), int(height)


def spacing(found: _Row, place: str) -> tuple[float, float] | None:
    """Return mm along y and x where a row says them: one number, or two as DICOM orders them, rows first."""
    value = as_written(found.get("spacing"))
    if not filled(value):
        return None
    numbers = [number(v, "spacing", place) for v in (value if isinstance(value, list) else [value, value])]
    if len(numbers) != 2 or min(numbers) <= 0:
        raise DatasetError(f"expected mm of a pixel, one number or two, got {str(value)[:40]}", file=place)
    return numbers[0], numbers[1]


def _text(value: Any, name: str, place: str) -> str:
    return text({name: value}, name, place)
