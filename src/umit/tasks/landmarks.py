"""Landmarks: one named point a question, in the frame; ``[x,y]`` as UMIT writes it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from umit.chat import Completion, Word
from umit.errors import InputError
from umit.geometry import Point2D
from umit.imaging.view import View
from umit.metrics.landmarks import LIMITS_MM, distance, distance_mm
from umit.metrics.tables.points import LANDMARKS as METRICS
from umit.patterns import Pattern, between
from umit.queries import Language, Locate
from umit.results import Landmark, Landmarks
from umit.tasks.cephalometric import CEPHALOMETRIC, NAMES
from umit.tasks.dialect import Corner, Dialect
from umit.tasks.grammar import clip, decimal, fold, inside, whole
from umit.tasks.spelling import POINTS, PointSpelling
from umit.tasks.task import Task, TaskSpec, Wording, at_least

__all__ = ["CEPHALOMETRIC", "LANDMARK", "spoken"]


def spoken(name: str, language: Language) -> str:
    """Return a landmark's name in a language; a name that is not one of the 19 stays as it is.

    Example:
        >>> spoken("Gonion", "zh")
        '下颌角点'
    """
    return NAMES.get(name, name) if language == "zh" else name


def _only(query: Locate) -> str:
    """Return the query's only name; :mod:`umit.fanout` asks several one after the other."""
    if len(query.names) != 1:
        raise InputError(
            f"expected one name a question, got {len(query.names)}",
            code="names",
            where="names",
            hint="UMIT.landmarks and UMIT.predict ask all of them.",
        )
    return query.names[0]


@dataclass(frozen=True)
class _PointGrammar:
    """Two numbers of the view's frame.

    Args:
        spelling: How a point is written.
        corner: Where the numbers count from.
        decimals: Of the numbers.
    """

    spelling: PointSpelling
    corner: Corner = "top-left"
    decimals: int = 0

    def encode(self, result: Landmarks, query: Locate, view: View) -> str:
        size = view.frame_size[:2]
        name = _only(query)
        points = [one.point for one in result if one.name == name]
        if len(points) != 1:
            raise InputError(f"expected one point {name!r}, got {len(points)}", code="name")
        x, y = self._turned(view.point_to_frame(points[0]), size)
        inside((x, y), size, step=10**-self.decimals)
        step = 10**self.decimals
        steps = [min(max(whole(v * step), 0), side * step) for v, side in zip((x, y), size, strict=True)]
        across, down = (decimal(one, self.decimals) for one in steps)
        return self.spelling.write(across, down, spoken(name, query.language))

    def _turned(self, place: Sequence[float], size: Sequence[int]) -> tuple[float, float]:
        """Return ``(x, y)`` of the picture as counted from the frame's own corner, or back."""
        x, y = place
        return (x, y) if self.corner == "top-left" else (x, size[1] - y)

    def decode(self, completion: Completion, query: Locate, view: View) -> Landmarks:
        text = fold(completion.text).strip("\"' \n")
        numbers, notes = self.spelling.read(text, completion.text)
        size = view.frame_size[:2]
        (x, y), warnings = clip(numbers, size, completion.text)
        point = view.point_to_source(self._turned((x, y), size))
        return Landmarks(
            items=(Landmark(name=_only(query), point=point, score=completion.logprob),), warnings=(*notes, *warnings)
        )

    def pattern(self, query: Locate, view: View) -> Pattern | None:
        across, down = (between(0, side * 10**self.decimals, self.decimals) for side in view.frame_size[:2])
        return Pattern(self.spelling.pattern(across, down, spoken(_only(query), query.language)))

    def options(self, query: Locate) -> tuple[tuple[Word, ...], ...]:
        return ()


def _words_en(query: Locate) -> tuple[Word, ...]:
    return (f"Given this image, find the {_only(query)}, the response is given in the format of the coordinates [x,y]",)


def _words_zh(query: Locate) -> tuple[Word, ...]:  # ours
    return (f"根据给定的图像, 找到{spoken(_only(query), 'zh')}, 请按坐标[x,y]的格式回答",)


def landmark(dialect: Dialect, system: str | None) -> Task[Locate, Landmarks]:
    """One landmark on a film."""
    return Task(
        name="landmark",
        wording={"en": Wording((_words_en,)), "zh": Wording((_words_zh,))},
        film=dialect.points,
        volume=None,
        grammar=_PointGrammar(POINTS[dialect.point_syntax], dialect.corner, dialect.decimals),
        max_new_tokens=32,
        system=system,
    )


_SHARE: Final = 0.01  # of the diagonal within which two points are one, where no spacing is known
_HEADLINE: Final = next(metric for metric in METRICS if metric.name == f"SDR {LIMITS_MM[0]:g} mm")


def _near(one: Point2D, other: Point2D) -> bool:
    if one.space is not None and one.space.spacing is not None:
        return distance_mm(other, one) <= LIMITS_MM[0]
    size = one.space.size if one.space is not None else (1, 1)
    return distance(other, one) <= _SHARE * math.hypot(*size[:2])


LANDMARK: Final = TaskSpec(
    name="landmark",
    title=("landmarks", "标志点"),
    build=landmark,
    query=lambda text, choices, language: Locate(text, language=language),
    answers=lambda query, volume: isinstance(query, Locate),
    result=Landmarks,
    metrics=METRICS,
    headline=_HEADLINE,
    rule=("within 2 mm; not judged where the film has no spacing", "误差不超过 2 mm；无像素间距则不判定"),
    judge=at_least(_HEADLINE, 1.0),
    line=lambda result: ", ".join(f"({p.point.x:.1f}, {p.point.y:.1f})" for p in result),
    same=lambda one, other: all(_near(p.point, q.point) for p, q in zip(one, other, strict=True)),
    charts=("distances",),
)
