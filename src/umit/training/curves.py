"""Curves of a run as they are drawn: losses by task and language, and figures beside what costs nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from umit.evaluation.words import metric_words
from umit.tasks.table import TASKS
from umit.tasks.task import Words
from umit.training.board import BEHIND, curves
from umit.training.figures import Figure

__all__ = ["Chart", "Curve", "figure_charts", "loss_charts", "who"]

_Point: TypeAlias = tuple[float, float]
_LANGUAGES: Final = {"en": ("English", "英文"), "zh": ("Chinese", "中文")}
#: What costs nothing, in Chinese.
_CHINESE: Final = {
    "commonest answer": "最常见答案", "nearest pictures": "最近邻图像", "logistic regression": "逻辑回归",
    "mean shape": "平均形状",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Curve:
    """One line of a chart.

    Args:
        name: In both languages.
        points: Step and value of each; a single one without a step is a line across.
        spans: Lower and upper end of the interval at each point; none where there are none.
    """

    name: Words
    points: Sequence[_Point]
    spans: Sequence[_Point] = ()

    @property
    def level(self) -> bool:
        """Whether it is a line across."""
        return math.isnan(self.points[0][0])


@dataclass(frozen=True, slots=True)
class Chart:
    """Curves over the steps of a run.

    Args:
        title: In both languages.
        curves: At least one.
        last: The last step.
        share: Whether values lie from 0 to 1.
    """

    title: Words
    curves: Sequence[Curve]
    last: int
    share: bool = False

    @property
    def range(self) -> _Point:
        """The lowest and the highest value that is drawn: tenths around all where they are shares, else from 0."""
        ends = [v for one in self.curves for _, v in one.points]
        ends += [v for one in self.curves for span in one.spans for v in span if not math.isnan(v)]
        if not self.share:
            return 0.0, max(*ends, 1e-9) * 1.05
        low, high = math.floor(10 * min(ends)) / 10, math.ceil(10 * max(ends)) / 10
        return (low, high) if high > low else (max(0.0, low - 0.1), min(1.0, low + 0.1))

    def place(self, step: float, value: float) -> _Point:
        """Return a point in per cent of the picture, from its upper left corner."""
        low, high = self.range
        across = 0.0 if math.isnan(step) else step / max(1, self.last)
        return round(100 * across, 2), round(100 * (1 - (value - low) / (high - low)), 2)


def loss_charts(losses: Mapping[int, Mapping[str, float]]) -> Iterator[Chart]:
    """Yield a chart of all losses, and one of each task and language, training and validation together.

    Args:
        losses: From :class:`umit.training.board.Board`.
    """
    drawn = curves(losses)
    last = max(losses, default=0)
    for kind in sorted({name.removeprefix(BEHIND) for name in drawn}):
        lines = [
            Curve(name, drawn[key])
            for key, name in ((kind, ("training", "训练")), (BEHIND + kind, ("validation", "验证")))
            if key in drawn
        ]
        yield Chart(_kind(kind), lines, last)


def figure_charts(figures: Sequence[Figure]) -> Iterator[Chart]:
    """Yield a chart of each metric: the weights at each step, and lines across for what costs nothing."""
    last = max((one.step for one in figures if one.step is not None), default=0)
    for metric in dict.fromkeys(one.metric for one in figures):
        own = [one for one in figures if one.metric == metric]
        asked = sorted((one for one in own if one.step is not None), key=lambda one: one.step or 0)
        model = Curve(
            ("this model", "本模型"),
            [(float(one.step or 0), one.value) for one in asked],
            [(one.low, one.high) for one in asked],
        )
        free = [Curve(who(one.who), [(math.nan, one.value)]) for one in own if one.step is None]
        values = [one.value for one in own]
        # Metrics with a unit behind their name, such as millimetres, are no shares.
        share = "(" not in metric and all(0 <= one <= 1 for one in values)
        yield Chart(_metric(metric), [*([model] if asked else []), *free], last, share)


def who(name: str) -> Words:
    """Return what a figure is of, in both languages."""
    bare, bracket, size = name.partition(" (")
    if bare.startswith("step "):
        return name, f"第 {bare.removeprefix('step ')} 步"
    return name, _CHINESE.get(bare, bare) + (f"（{size.removesuffix(')')}）" if bracket else "")


def _metric(name: str) -> Words:
    bare, bracket, unit = name.partition(" (")
    english, chinese = metric_words(bare)
    return english + bracket + unit, chinese + bracket + unit


def _kind(name: str) -> Words:
    if not name:
        return "loss", "损失"
    task, _, language = name.partition(" ")
    titles = next((spec.title for key, spec in TASKS.items() if key == task), (task, task))
    spoken = _LANGUAGES.get(language, (language, language))
    return f"loss: {titles[0]}, {spoken[0]}", f"损失：{titles[1]}，{spoken[1]}"
