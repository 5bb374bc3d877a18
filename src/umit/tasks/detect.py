"""Detection: boxes on films in Qwen2-VL's box tokens, boxes in volumes as two corner triples."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from umit.chat import BOX_END, BOX_START, OBJECT_END, OBJECT_START, Completion, Word
from umit.errors import InputError, ParseError
from umit.geometry import Box2D, Box3D
from umit.imaging.view import View
from umit.metrics.boxes import matched_iou
from umit.metrics.metric import Metric, Pair
from umit.metrics.tables.places import FILMS, VOLUMES
from umit.queries import Ask, Find, Language, Query
from umit.results import Detection, Detections
from umit.tasks.dialect import Dialect
from umit.tasks.grammar import clip, fold, inside, whole
from umit.tasks.task import Task, TaskSpec, Wording, Words, at_least

__all__ = ["DETECT_2D", "DETECT_3D", "presence"]

_MOST: Final = 100  # boxes in one answer; more is a loop, not a finding
#: Qwen2-VL writes a box of a film in 20 tokens, of a volume in 28: room for the 27 cells of BCCD's fullest picture.
_TOKENS: Final = 1024

#: Ours: the paper does not show how it says that there is nothing.
NOTHING: Final[dict[Language, str]] = {"en": "There is no {} in this image.", "zh": "图像中没有{}。"}
_PRESENCE: Final[dict[Language, tuple[str, tuple[str, str]]]] = {
    "en": ("Is there {} in this image?", ("yes", "no")),
    "zh": ("图像中有{}吗？", ("是", "否")),
}


def _only(query: Find) -> str:
    """Return the query's only target; :mod:`umit.fanout` asks several one after the other."""
    if len(query.targets) != 1:
        raise InputError(
            f"expected one target a question, got {len(query.targets)}",
            code="targets",
            where="targets",
            hint="UMIT.detect and UMIT.predict ask all of them.",
        )
    return query.targets[0]


def presence(query: Find) -> Ask:
    """Return the yes/no question whose scored "yes" is the probability that the target is there."""
    question, options = _PRESENCE[query.language]
    return Ask(question.format(_only(query)), options, language=query.language)


def _says_nothing(text: str, query: Find) -> bool:
    folded = text.rstrip(".。").casefold()
    sentences = (NOTHING[language].format(_only(query)) for language in ("en", "zh"))
    return folded in {fold(s).rstrip(".。").casefold() for s in sentences}


def _ordered(low: list[float], high: list[float]) -> tuple[list[float], list[float], bool]:
    swapped = any(a > b for a, b in zip(low, high, strict=True))
    pairs = [sorted(pair) for pair in zip(low, high, strict=True)]
    return [a for a, _ in pairs], [b for _, b in pairs], swapped


def _found(boxes: list[Box2D | Box3D], warnings: set[str], query: Find, completion: Completion) -> Detections:
    items = tuple(Detection(label=_only(query), box=box, score=completion.logprob) for box in boxes)
    return Detections(items=items, warnings=tuple(sorted(warnings)))


@dataclass(frozen=True)
class _Form:
    """How one box is spelled: dimensions, the regular expressions of one box and of what joins two."""

    dimensions: int
    inclusive: bool
    box: re.Pattern[str]
    joint: re.Pattern[str]
    expected: str

    def read(self, text: str, raw: str, target: str) -> list[list[float]]:
        """Return the numbers of every box; the whole text must be boxes of the target."""
        found: list[list[float]] = []
        position = 0
        while position < len(text):
            match = self.box.match(text, position)
            if not match or len(found) == _MOST:
                raise ParseError(
                    f"expected boxes, got {text[position : position + 40]!r}",
                    text=raw,
                    expected=self.expected,
                    partial=tuple(map(tuple, found)),
                )
            in_tokens, plain, *numbers = match.groups()
            name = " ".join((in_tokens or plain or "").strip(" :\n").casefold().split())
            if name and name != " ".join(fold(target).casefold().split()):
                raise ParseError(
                    f"expected boxes of {target!r}, got one of {name!r}",
                    text=raw,
                    expected=self.expected,
                    partial=tuple(map(tuple, found)),
                )
            found.append([float(number) for number in numbers])
            position = match.end()
            joint = self.joint.match(text, position)
            position = joint.end() if joint else position
        return found


_NUMBER: Final = r"\s*(-?[0-9]{1,5}(?:\.[0-9]{1,4})?)\s*"
_PAIR: Final = r"\(" + _NUMBER + "," + _NUMBER + r"\)"
_TRIPLE: Final = r"[(\[]" + _NUMBER + "," + _NUMBER + "," + _NUMBER + r"[)\]]"
#: What is found may be named before its box, in tokens or without.
_NAME: Final = r"(?:<\|object_ref_start\|>([^<>()\[\]]{0,200})<\|object_ref_end\|>\s*|([^\W\d_][^<>()\[\]]{0,199}))?"
_FILM_BOX: Final = re.compile(rf"{_NAME}(?:<\|box_start\|>)?\s*{_PAIR}\s*,\s*{_PAIR}\s*(?:<\|box_end\|>)?")
_VOLUME_BOX: Final = re.compile(rf"{_NAME}\[\s*{_TRIPLE}\s*,\s*{_TRIPLE}\s*\]")
_JOINT: Final = re.compile(r"\s*[,;.。]?\s*")


@dataclass(frozen=True)
class _BoxGrammar:
    """Whole numbers of the view's frame; a sentence when there is nothing."""

    form: _Form

    def encode(self, result: Detections, query: Find, view: View) -> str:
        if not result.items:
            return NOTHING[query.language].format(_only(query))
        if len(result.items) > _MOST:
            raise InputError(f"expected at most {_MOST} boxes, got {len(result.items)}", code="boxes")
        return (self._joint()).join(self._write(item.box, view) for item in result.items)

    def _joint(self) -> str:
        return "," if self.form.dimensions == 3 else ""

    def _write(self, box: Box2D | Box3D, view: View) -> str:
        size, n = view.frame_size, self.form.dimensions
        values = view.box_to_frame(box)
        inside(values, (*size, *size))
        if self.form.inclusive:
            low = [math.floor(v + 1e-6) for v in values[:n]]
            high = [math.ceil(v - 1e-6) - 1 for v in values[n:]]
            last = [s - 1 for s in size]
        else:
            low, high = [whole(v) for v in values[:n]], [whole(v) for v in values[n:]]
            last = list(size)
        low = [min(max(v, 0), m - (not self.form.inclusive)) for v, m in zip(low, last, strict=True)]
        least = 0 if self.form.inclusive else 1
        high = [min(max(v, a + least), m) for v, a, m in zip(high, low, last, strict=True)]
        if n == 3:
            return "[({},{},{}),({},{},{})]".format(*low, *high)
        return "{}({},{}),({},{}){}".format(BOX_START.text, *low, *high, BOX_END.text)

    def decode(self, completion: Completion, query: Find, view: View) -> Detections:
        text = fold(completion.text).strip("\"'` \n")
        if _says_nothing(text, query):
            return Detections()
        text = text.rstrip(".。… \n")
        if not text:
            raise ParseError("expected boxes", text=completion.text, expected=self.form.expected)
        size, n = view.frame_size, self.form.dimensions
        boxes: list[Box2D | Box3D] = []
        warnings: set[str] = set()
        for numbers in self.form.read(text, completion.text, _only(query)):
            low, high, swapped = _ordered(numbers[:n], numbers[n:])
            if swapped:
                warnings.add("box corners came reversed and were sorted")
            if self.form.inclusive:
                high = [v + 1 for v in high]
            values, clipped = clip((*low, *high), (*size, *size), completion.text)
            warnings.update(clipped)
            if any(a >= b for a, b in zip(values[:n], values[n:], strict=True)):
                raise ParseError("expected a box with an area", text=completion.text)
            boxes.append(view.box_to_source(values))
        return _found(boxes, warnings, query, completion)

    def pattern(self, query: Find) -> str | None:
        number = r"\d{1,4}"
        corner = r"\(" + ",".join([number] * self.form.dimensions) + r"\)"
        box = rf"{corner},{corner}"
        if self.form.dimensions == 3:
            one = rf"\[{box}\]"
            boxes = rf"{one}(,{one}){{0,{_MOST - 1}}}"
        else:
            boxes = rf"({re.escape(BOX_START.text)}{box}{re.escape(BOX_END.text)}){{1,{_MOST}}}"
        return f"{boxes}|{re.escape(NOTHING[query.language].format(_only(query)))}"

    def options(self, query: Find) -> tuple[tuple[Word, ...], ...]:
        return ()


def _film_en(query: Find) -> tuple[Word, ...]:
    # The figure shows a blank before the name; the reference rows have it with and without.
    return ("Find ", OBJECT_START, f" {_only(query)}", OBJECT_END, " in this image")


def _film_en_tight(query: Find) -> tuple[Word, ...]:
    return ("Find ", OBJECT_START, _only(query), OBJECT_END, " in this image")


def _film_zh(query: Find) -> tuple[Word, ...]:  # ours
    return ("在这张图像中找到", OBJECT_START, _only(query), OBJECT_END)


def _volume_en(query: Find) -> tuple[Word, ...]:
    return (f"Given this image, find the {_only(query)}, please respond with a bounding box",)


def _volume_zh(query: Find) -> tuple[Word, ...]:  # ours
    return (f"根据给定的图像, 找到{_only(query)}, 请用边界框回答",)


def detect_2d(dialect: Dialect, system: str) -> Task[Find, Detections]:
    """Detection on films."""
    form = _Form(2, False, _FILM_BOX, _JOINT, "<|box_start|>(x1,y1),(x2,y2)<|box_end|>")
    return Task(
        name="detect_2d",
        wording={"en": Wording((_film_en, _film_en_tight), NOTHING["en"]), "zh": Wording((_film_zh,), NOTHING["zh"])},
        film=dialect.boxes,
        volume=None,
        grammar=_BoxGrammar(form),
        max_new_tokens=_TOKENS,
        system=system,
    )


def detect_3d(dialect: Dialect, system: str) -> Task[Find, Detections]:
    """Detection in volumes."""
    form = _Form(3, dialect.inclusive_voxels, _VOLUME_BOX, _JOINT, "[(x1,y1,z1),(x2,y2,z2)]")
    return Task(
        name="detect_3d",
        wording={"en": Wording((_volume_en,), NOTHING["en"]), "zh": Wording((_volume_zh,), NOTHING["zh"])},
        film=None,
        volume=dialect.volume,
        grammar=_BoxGrammar(form),
        max_new_tokens=_TOKENS,
        system=system,
    )


def _nothing_right(pair: Pair[Detections]) -> bool:
    """Where nothing is, nothing may be drawn."""
    return not pair.found


_SAME: Final = 0.5  # least overlap of two boxes that are one


def _same(one: Detections, other: Detections) -> bool:
    for view in {mark.view for mark in (*one, *other)}:
        here, there = ([m.box for m in side if m.view == view] for side in (one, other))
        if len(here) != len(there) or min(matched_iou(here, there)) < _SAME:
            return False
    return True


def _line(result: Detections) -> str:
    count = len(result)
    return f"{count} box{'es' if count > 1 else ''}" if count else ""


def _spec(
    name: str,
    title: Words,
    build: Callable[[Dialect, str], Task[Find, Detections]],
    answers: Callable[[Query, bool], bool],
    metrics: tuple[Metric[Any], ...],
) -> TaskSpec[Find, Detections]:
    return TaskSpec(
        name=name,
        title=title,
        build=build,
        query=lambda text, choices, language: Find(text, language=language),
        answers=answers,
        result=Detections,
        metrics=metrics,
        headline=metrics[0],
        rule=("mean IoU of at least 0.5, and no box where nothing is", "平均 IoU 不低于 0.5；无目标时不画框"),
        judge=at_least(metrics[0], 0.5, without=_nothing_right),
        line=_line,
        same=_same,
        charts=("froc",),
    )


DETECT_2D: Final = _spec(
    "detect_2d",
    ("detection on films", "平片检测"),
    detect_2d,
    lambda query, volume: isinstance(query, Find) and not volume,
    FILMS,
)
DETECT_3D: Final = _spec(
    "detect_3d",
    ("detection in volumes", "三维检测"),
    detect_3d,
    lambda query, volume: isinstance(query, Find) and volume,
    VOLUMES,
)
