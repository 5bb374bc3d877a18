"""Boxes by the size of what is to be found, in pixels as COCO has it or in millimetres as readers have it.

Each true box counts in its own size. A found box that belongs to a true box of another size is left out there, as
COCO leaves it out, and is no false one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final, TypeAlias

from umit.geometry import Box2D, Space
from umit.metrics.boxes import Box, matched
from umit.metrics.metric import Pair
from umit.results import Detections, Landmarks

__all__ = ["SIZES", "by_size", "size_of", "spaces"]

_Boxes: TypeAlias = Pair[Detections]

#: COCO's limits on the area of a box (Lin et al. 2014, cocodataset.org/#detection-eval), in square pixels.
_AREAS: Final = (32.0**2, 96.0**2)
#: Longest side in mm: RECIST 1.1 measures from 10 mm on (Eisenhauer et al. 2009, doi:10.1016/j.ejca.2008.10.026);
#: up to 30 mm it is a nodule, beyond a mass (Fleischner Society, Hansell et al. 2008, doi:10.1148/radiol.2462070712).
_SIDES: Final = (10.0, 30.0)
#: What sizes are called, by rule, from small to large.
SIZES: Final[dict[str, tuple[str, str, str]]] = {
    "size_px": ("small", "medium", "large"),
    "size_mm": ("under 10 mm", "10 to 30 mm", "over 30 mm"),
}


def spaces(pair: Pair[Detections] | Pair[Landmarks]) -> Iterator[Space]:
    """Yield what an answer and its truth say of the picture's grid; the answer's own first, which the reader saw."""
    for side in (pair.found, pair.gold):
        if side is not None:
            yield from (mark.space for mark in side.marks if mark.space is not None)


def size_of(box: Box, rule: str, spacing: Sequence[float] | None = None) -> str | None:
    """Return what the size of a box is called.

    Args:
        box: In pixels or voxels of the user's file.
        rule: ``"size_px"``, by area on a film, or ``"size_mm"``, by the longest side.
        spacing: Millimetres per pixel along x, y and z.

    Returns:
        One of :data:`SIZES`; ``None`` for pixels of a volume, whose slices are of any thickness, and for
        millimetres without spacing.

    Example:
        >>> size_of(Box2D(0, 0, 32, 32), "size_px"), size_of(Box2D(0, 0, 32, 32), "size_mm", (0.5, 1.0))
        ('medium', 'over 30 mm')
    """
    half = len(box.corners) // 2
    if rule == "size_px":
        if not isinstance(box, Box2D):
            return None
        size, (low, high) = box.area, _AREAS
    else:
        if spacing is None or len(spacing) < half:
            return None
        sides = zip(box.corners[:half], box.corners[half:], spacing, strict=False)
        size, (low, high) = max((b - a) * mm for a, b, mm in sides), _SIDES
    return SIZES[rule][0 if size < low else 1 if size <= high else 2]


def by_size(pairs: Sequence[_Boxes], rule: str) -> Iterator[tuple[str, dict[int, _Boxes]]]:
    """Yield each size that is there, and what its answers are, by their place in the list.

    An answer about boxes of two sizes is in both, each time with the true boxes of that size alone.

    Args:
        pairs: Answers beside their truth; where nothing is there, there is no size.
        rule: ``"size_px"`` or ``"size_mm"``.
    """
    sizes = []
    for pair in pairs:
        spacing = next((one.spacing for one in spaces(pair) if one.spacing is not None), None)
        sizes.append([size_of(one.box, rule, spacing) for one in pair.gold])
    for name in SIZES[rule]:
        chosen = {
            place: _only(pair, [size == name for size in of])
            for place, (pair, of) in enumerate(zip(pairs, sizes, strict=True))
            if name in of
        }
        if chosen:
            yield name, chosen


def _only(pair: _Boxes, kept: Sequence[bool]) -> _Boxes:
    """Return the answer with some true boxes only, less the found boxes that belong to the others."""
    true = pair.gold.items
    gold = replace(pair.gold, items=tuple(one for one, keep in zip(true, kept, strict=True) if keep))
    if pair.found is None:
        return replace(pair, gold=gold)
    items = pair.found.items
    others: set[int] = set()
    for view in {one.view for one in true}:
        mine = [i for i, one in enumerate(items) if one.view == view]
        here = [j for j, one in enumerate(true) if one.view == view]
        pairs = matched([items[i].box for i in mine], [true[j].box for j in here])
        others |= {mine[i] for j, (i, _) in pairs.items() if not kept[here[j]]}
    left = tuple(one for i, one in enumerate(items) if i not in others)
    return replace(pair, gold=gold, found=replace(pair.found, items=left))
