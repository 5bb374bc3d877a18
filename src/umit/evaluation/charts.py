"""Line charts and tables of counts as SVG; no library, no script."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from umit.evaluation.markup import Words, both, text

__all__ = ["Axis", "Line", "chart", "counts", "span"]

_WIDTH, _HEIGHT = 320, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 310, 10, 206
_POINTS: Final = 300  # of a line; more are not seen at this size
_CELL: Final = 44  # side of a cell of a table of counts
_LETTER: Final = 7  # width of a letter of a label; Chinese ones are wider
_LONGEST: Final = 18  # letters of a label; the whole is in its title


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis, from 0.

    Args:
        name: What is measured, in both languages.
        high: Its end, above 0.
    """

    name: Words
    high: float = 1.0


@dataclass(frozen=True, slots=True)
class Line:
    """One line.

    Args:
        points: x and y of each point.
        kind: ``"main"`` is what was measured, ``"guide"`` what it is compared with, ``"dots"`` points alone.
        weights: Of each dot, from 0 to 1: the share of the largest dot's area; empty if all are the same.
    """

    points: Sequence[tuple[float, float]]
    kind: Literal["main", "guide", "dots"] = "main"
    weights: Sequence[float] = ()


def chart(lines: Sequence[Line], x: Axis, y: Axis, *, title: Words) -> str:
    """Return a line chart.

    Args:
        lines: Points outside the axes are moved to their ends.
        x: From left to right.
        y: From bottom to top.
        title: What it shows, for readers who do not see it; shown by nothing else.

    Example:
        >>> share = Axis(("share", "比例"))
        >>> chart([Line([(0, 0), (1, 1)])], share, share, title=("a", "b")).count("<polyline")
        1
    """
    parts = [*_axes(x, y), *(part for line in lines for part in _line(line, x, y))]
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{text(" / ".join(title))}">\n'
        + "\n".join(parts)
        + "\n</svg>"
    )


def _across(value: float, axis: Axis) -> float:
    return round(_LEFT + (_RIGHT - _LEFT) * min(max(value / axis.high, 0.0), 1.0), 1)


def _up(value: float, axis: Axis) -> float:
    return round(_BOTTOM - (_BOTTOM - _TOP) * min(max(value / axis.high, 0.0), 1.0), 1)


def _axes(x: Axis, y: Axis) -> Iterator[str]:
    for part in range(5):
        across, up = _across(x.high * part / 4, x), _up(y.high * part / 4, y)
        yield f'<path class="grid" d="M{across} {_TOP}V{_BOTTOM}M{_LEFT} {up}H{_RIGHT}"/>'
        yield f'<text x="{across}" y="{_BOTTOM + 15}" text-anchor="middle">{x.high * part / 4:g}</text>'
        yield f'<text x="{_LEFT - 5}" y="{up + 4}" text-anchor="end">{y.high * part / 4:g}</text>'
    middle = (_LEFT + _RIGHT) / 2
    yield both(x.name, tag="text", more=f' x="{middle}" y="{_HEIGHT - 8}" text-anchor="middle"')
    side = (_TOP + _BOTTOM) / 2
    turned = f' transform="translate(12 {side}) rotate(-90)" text-anchor="middle"'
    yield both(y.name, tag="text", more=turned)


def _line(line: Line, x: Axis, y: Axis) -> Iterator[str]:
    points = line.points
    if len(points) > _POINTS:
        points = [points[round(i)] for i in np.linspace(0, len(points) - 1, _POINTS)]
    places = [(_across(a, x), _up(b, y)) for a, b in points]
    if line.kind == "dots":
        radii = [round(7 * math.sqrt(weight), 1) for weight in line.weights] or [3.5] * len(places)
        yield from (
            f'<circle class="main" cx="{a}" cy="{b}" r="{max(r, 2)}"/>'
            for (a, b), r in zip(places, radii, strict=True)
        )
        return
    yield f'<polyline class="{line.kind}" points="{" ".join(f"{a},{b}" for a, b in places)}"/>'


def span(low: float, value: float, high: float) -> str:
    """Return an interval as a bar from 0 to 1 with its value as a dot; nothing where one is beyond that.

    Args:
        low: Its lower end; ``nan`` draws the value alone.
        value: The number.
        high: Its upper end.

    Example:
        >>> span(0.2, 0.5, 1.5)
        ''
    """
    if not all(0 <= one <= 1 for one in (low, value, high) if not math.isnan(one)):
        return ""
    bar = "" if math.isnan(low) else f'<path class="span" d="M{100 * low:.1f} 7H{100 * high:.1f}"/>'
    return (
        '<svg class="range" viewBox="-3 0 106 14" aria-hidden="true"><path d="M0 7H100M0 4V10M100 4V10"/>'
        f'{bar}<circle cx="{100 * value:.1f}" cy="7" r="3"/></svg>'
    )


def counts(
    values: NDArray[Any], rows: Sequence[str], columns: Sequence[str], *, title: Words
) -> str:
    """Return a table of counts, darker where a row has more of its share; rows are the truth.

    Args:
        values: Counts, shape (rows, columns).
        rows: Name of each row, from outside.
        columns: Name of each column, from outside.
        title: What it shows, for readers who do not see it.
    """
    left = 12 + _LETTER * max(_width(name) for name in rows)
    top = 12 + _LETTER * max(_width(name) for name in columns)
    width, height = left + _CELL * len(columns) + 4, top + _CELL * len(rows) + 4
    parts, none = [], ' class="none"'
    for j, name in enumerate(columns):
        place = f"translate({left + _CELL * (j + 0.6):.0f} {top - 6}) rotate(-90)"
        parts.append(f'<text transform="{place}">{_label(name)}</text>')
    for i, name in enumerate(rows):
        middle = top + _CELL * i + _CELL / 2 + 4
        parts.append(f'<text x="{left - 6}" y="{middle}" text-anchor="end">{_label(name)}</text>')
        for j in range(len(columns)):
            count = int(values[i, j])
            share = 0.6 * count / max(int(values[i].sum()), 1)  # numbers stay readable on it
            x, y = left + _CELL * j, top + _CELL * i
            parts.append(
                f'<rect class="box" x="{x}" y="{y}" width="{_CELL}" height="{_CELL}" fill-opacity="{share:.2f}"/>'
                f'<text{"" if count else none} x="{x + _CELL / 2}" y="{middle}" text-anchor="middle">{count}</text>'
            )
    return (
        f'<svg class="counts" width="{width}" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{text(" / ".join(title))}">\n' + "\n".join(parts) + "\n</svg>"
    )


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"


def _width(name: str) -> int:
    """Return the width of a label in Latin letters."""
    return sum(1 if c < "\u2e80" else 2 for c in _short(name))


def _label(name: str) -> str:
    return f"<title>{text(name)}</title>{text(_short(name))}"
