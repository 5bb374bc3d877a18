"""Detection: boxes on films as the dialect spells them, boxes in volumes as two corner triples."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from umit.chat import OBJECT_END, OBJECT_START, Completion, Word
from umit.errors import InputError, ParseError
from umit.geometry import Box2D, Box3D
from umit.imaging.view import View
from umit.metrics.boxes import matched_iou
from umit.metrics.metric import Metric, Pair
from umit.metrics.tables.places import FILMS, VOLUMES
from umit.patterns import Corners, Pattern, literal
from umit.queries import Ask, Find, Language, Query
from umit.results import Detection, Detections
from umit.tasks.dialect import Corner, Dialect
from umit.tasks.grammar import clip, decimal, fold, inside, whole
from umit.tasks.spelling import BOXES, MOST, VOLUME, BoxSpelling
from umit.tasks.task import Task, TaskSpec, Wording, Words, at_least

__all__ = ["DETECT_2D", "DETECT_3D", "presence"]

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


def _ordered(low: list[float], high: list[float]) -> tuple[list[float], list[float], bool]:
    swapped = any(a > b for a, b in zip(low, high, strict=True))
    pairs = [sorted(pair) for pair in zip(low, high, strict=True)]
    return [a for a, _ in pairs], [b for _, b in pairs], swapped


def _found(boxes: list[Box2D | Box3D], warnings: set[str], query: Find, completion: Completion) -> Detections:
    items = tuple(Detection(label=_only(query), box=box, score=completion.logprob) for box in boxes)
    return Detections(items=items, warnings=tuple(sorted(warnings)))


@dataclass(frozen=True)
class _BoxGrammar:
    """Numbers of the view's frame; a sentence, or an empty list, when there is nothing.

    Args:
        spelling: How boxes are written.
        dimensions: Two of a film, three of a volume.
        inclusive: Whether upper corners name the last one inside.
        corner: Where a film's numbers count from.
        decimals: Of the numbers.
    """

    spelling: BoxSpelling
    dimensions: int
    inclusive: bool = False
    corner: Corner = "top-left"
    decimals: int = 0

    def encode(self, result: Detections, query: Find, view: View) -> str:
        if not result.items:
            return self._nothing(query)
        if len(result.items) > MOST:
            raise InputError(f"expected at most {MOST} boxes, got {len(result.items)}", code="boxes")
        return self.spelling.write([self._numbers(item.box, view) for item in result.items], _only(query))

    def _nothing(self, query: Find) -> str:
        said = self.spelling.nothing(_only(query))
        return NOTHING[query.language].format(_only(query)) if said is None else said

    def _numbers(self, box: Box2D | Box3D, view: View) -> list[str]:
        size, n = view.frame_size, self.dimensions
        values = self._turned(view.box_to_frame(box), size)
        inside(values, (*size, *size), step=10**-self.decimals)
        if self.inclusive:
            low = [math.floor(v + 1e-6) for v in values[:n]]
            high = [math.ceil(v - 1e-6) - 1 for v in values[n:]]
            last = [s - 1 for s in size]
        else:  # counted in the least that a number can tell
            step = 10**self.decimals
            low, high = [whole(v * step) for v in values[:n]], [whole(v * step) for v in values[n:]]
            last = [s * step for s in size]
        low = [min(max(v, 0), m - (not self.inclusive)) for v, m in zip(low, last, strict=True)]
        least = 0 if self.inclusive else 1
        high = [min(max(v, a + least), m) for v, a, m in zip(high, low, last, strict=True)]
        return [decimal(v, self.decimals) for v in (*low, *high)]

    def _turned(self, values: Sequence[float], size: Sequence[int]) -> tuple[float, ...]:
        """Return ``(x1, y1, x2, y2)`` of the picture as counted from the frame's own corner, or back."""
        if self.corner == "top-left":
            return tuple(values)
        x1, y1, x2, y2 = values
        return (x1, size[1] - y2, x2, size[1] - y1)

    def decode(self, completion: Completion, query: Find, view: View) -> Detections:
        text = fold(completion.text, longest=self.spelling.longest).strip("\"' \n")
        if self._says_nothing(text, query):
            return Detections()
        text = text.rstrip(".。… \n")
        if not text:
            raise ParseError("expected boxes", text=completion.text, expected=self.spelling.expected)
        size, n = view.frame_size, self.dimensions
        boxes: list[Box2D | Box3D] = []
        read = self.spelling.read(text, completion.text, _only(query))
        warnings = {*read.warnings}
        for numbers in read.boxes:
            low, high, swapped = _ordered(numbers[:n], numbers[n:])
            if swapped:
                warnings.add("box corners came reversed and were sorted")
            if self.inclusive:
                high = [v + 1 for v in high]
            values, clipped = clip((*low, *high), (*size, *size), completion.text)
            warnings.update(clipped)
            if any(a >= b for a, b in zip(values[:n], values[n:], strict=True)):
                raise ParseError("expected a box with an area", text=completion.text)
            boxes.append(view.box_to_source(self._turned(values, size)))
        return _found(boxes, warnings, query, completion)

    def _says_nothing(self, text: str, query: Find) -> bool:
        own = self.spelling.nothing(_only(query))
        sentences = [own] if own else []
        sentences += [NOTHING[language].format(_only(query)) for language in ("en", "zh")]
        return text.strip("` \n").rstrip(".。").casefold() in {
            fold(s).strip("` \n").rstrip(".。").casefold() for s in sentences
        }

    def pattern(self, query: Find, view: View) -> Pattern | None:
        # The last voxel inside is one below the frame.
        size = tuple((length - self.inclusive) * 10**self.decimals for length in view.frame_size)
        if len(size) != self.dimensions:  # words without coordinates, written on a view of none
            return None
        around = self.spelling.around(_only(query))
        box = Corners(around, size, 0 if self.inclusive else 1, self.decimals)
        boxes = self.spelling.pattern(box.pattern, _only(query))
        return Pattern(f"{boxes}|{literal(self._nothing(query))}", box)

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


def detect_2d(dialect: Dialect, system: str | None) -> Task[Find, Detections]:
    """Detection on films."""
    spelling = BOXES[dialect.box_syntax]
    return Task(
        name="detect_2d",
        wording={"en": Wording((_film_en, _film_en_tight), NOTHING["en"]), "zh": Wording((_film_zh,), NOTHING["zh"])},
        film=dialect.boxes,
        volume=None,
        grammar=_BoxGrammar(spelling, 2, corner=dialect.corner, decimals=dialect.decimals),
        max_new_tokens=_TOKENS,
        system=system,
    )


def detect_3d(dialect: Dialect, system: str | None) -> Task[Find, Detections]:
    """Detection in volumes."""
    return Task(
        name="detect_3d",
        wording={"en": Wording((_volume_en,), NOTHING["en"]), "zh": Wording((_volume_zh,), NOTHING["zh"])},
        film=None,
        volume=dialect.volume,
        grammar=_BoxGrammar(VOLUME, 3, dialect.inclusive_voxels),
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
    build: Callable[[Dialect, str | None], Task[Find, Detections]],
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
