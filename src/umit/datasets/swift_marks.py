"""Boxes and points beside the words of an ms-swift row, each in the scale that the row declares."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from umit.errors import DatasetError
from umit.geometry import Box2D, Point2D, Space

__all__ = ["Mark", "Marks", "Scale", "marks"]

Scale: TypeAlias = Literal["real", "norm1", "norm999", "norm1000"]

#: The number that a scale gives the far edge of the picture. ms-swift 2.6 writes ``int(x / width * 999)`` and
#: goes back by 999; ms-swift 3 writes ``round(x / width * 1000)``. umit-formats.md, 3.2 and 3.3.
_EDGE: Final[dict[Scale, float]] = {"norm1": 1.0, "norm999": 999.0, "norm1000": 1000.0}
_SPELLED: Final[dict[str, Scale]] = {
    "real": "real", "norm1": "norm1", "norm_1": "norm1", "norm1000": "norm1000", "norm_1000": "norm1000",
}  # fmt: skip
_SLACK: Final = 2e-3  # of the picture: 1000 where 999 is the edge, and rounding


@dataclass(frozen=True, slots=True)
class Mark:
    """A box ``(x1, y1, x2, y2)`` or a point ``(x, y)`` in its own scale.

    Args:
        numbers: Four or two; the first two of a box are not greater than the last two.
        scale: ``"real"`` is pixels of the picture as it is displayed.
        picture: Which of the row's pictures, from 0.
    """

    numbers: tuple[float, ...]
    scale: Scale = "real"
    picture: int = 0

    def in_pixels(self, size: Sequence[int] | None) -> tuple[float, ...]:
        """Return the numbers in pixels of a picture.

        Args:
            size: Its ``(width, height)``; not needed for ``"real"``.

        Raises:
            DatasetError: The scale needs a size, and none is given.

        Example:
            >>> Mark((0.25, 0.5), "norm1").in_pixels((400, 100))
            (100.0, 50.0)
        """
        if self.scale == "real":
            return self.numbers
        if size is None:
            raise DatasetError(f"expected the picture's size for {self.scale}, got none")
        edge = _EDGE[self.scale]
        shares = (1.0 if 1 < v / edge <= 1 + _SLACK else v / edge for v in self.numbers)
        return tuple(share * size[i % 2] for i, share in enumerate(shares))

    def box(self, size: Sequence[int] | None = None) -> Box2D:
        """Return the box in pixels of a picture of ``(width, height)``.

        Raises:
            DatasetError: A point, or no size where the scale needs one.
        """
        if len(self.numbers) != 4:
            raise DatasetError("expected a box of four numbers, got a point")
        x1, y1, x2, y2 = self.in_pixels(size)
        return Box2D(x1, y1, x2, y2, space=_space(size))

    def point(self, size: Sequence[int] | None = None) -> Point2D:
        """Return the point in pixels of a picture of ``(width, height)``.

        Raises:
            DatasetError: A box, or no size where the scale needs one.
        """
        if len(self.numbers) != 2:
            raise DatasetError("expected a point of two numbers, got a box")
        x, y = self.in_pixels(size)
        return Point2D(x, y, space=_space(size))


def _space(size: Sequence[int] | None) -> Space | None:
    return None if size is None else Space(size=(size[0], size[1]))


@dataclass(frozen=True, slots=True)
class Marks:
    """What the tags of a row stand for.

    Args:
        refs: A name for each ``<ref-object>``, in order.
        boxes: What each ``<bbox>`` stands for, in order: one mark, or several in rows of ms-swift 2.
        exact: Whether there must be as many tags as entries (ms-swift 3); else each tag takes the next.
    """

    refs: tuple[str, ...] = ()
    boxes: tuple[tuple[Mark, ...], ...] = ()
    exact: bool = True

    def __bool__(self) -> bool:
        return bool(self.refs or self.boxes)

    def check(self, refs: int, boxes: int, place: str) -> None:
        """Compare with the numbers of ``<ref-object>`` and ``<bbox>`` in a row's words.

        A row without objects may spell them: ms-swift leaves them as they are, and its result files keep the
        tags but not the objects.

        Raises:
            DatasetError: They do not match.
        """
        have = (len(self.refs), len(self.boxes))
        if not self:
            return
        fits = (refs, boxes) == have
        if not self.exact:
            fits = refs <= have[0] and boxes <= have[1] and max(refs, boxes) == max(have)
        if not fits:
            raise DatasetError(
                f"expected as many <ref-object> and <bbox> as objects, {have[0]} and {have[1]}, got {refs} and {boxes}",
                file=place,
            )


def marks(objects: Any, place: str, pictures: int) -> Marks:
    """Return the marks of a row's ``objects``.

    Args:
        objects: ``{"ref", "bbox", "bbox_type", "image_id"}`` as ms-swift 3 has it, a list of ``{"caption",
            "bbox", "bbox_type", "image"}`` as ms-swift 2 has it, either as JSON text, or ``None``.
        place: File and row, for messages.
        pictures: How many the row has.

    Raises:
        DatasetError: Another form, an unknown scale, numbers outside it, or no such picture.

    Example:
        >>> marks({"ref": ["nodule"], "bbox": [[1, 2, 3, 4]]}, "a line 1", 1).boxes
        ((Mark(numbers=(1.0, 2.0, 3.0, 4.0), scale='real', picture=0),),)
    """
    if isinstance(objects, str):
        try:
            objects = json.loads(objects) if objects.strip() else None
        except (ValueError, RecursionError) as error:
            raise DatasetError(f"expected objects as JSON: {error}", file=place) from error
    if not objects:
        return Marks()
    if isinstance(objects, dict):
        return _lists(objects, place, pictures)
    if isinstance(objects, list) and all(isinstance(one, dict) for one in objects):
        boxes = tuple(_boxes(one, place, pictures) for one in objects)
        return Marks(tuple(_name(one.get("caption"), place) for one in objects), boxes, exact=False)
    raise DatasetError(
        f"expected objects with ref and bbox, or a list of objects with caption and bbox, got {type(objects).__name__}",
        file=place,
    )


def _lists(objects: dict[str, Any], place: str, pictures: int) -> Marks:
    """ms-swift 3: names and boxes in lists of their own."""
    refs, boxes, ids = (_list(objects, key, place) for key in ("ref", "bbox", "image_id"))
    if ids and len(ids) != len(boxes):
        raise DatasetError(f"expected an image_id for each of {len(boxes)} boxes, got {len(ids)}", file=place)
    scale = _scale(objects.get("bbox_type"), place)
    found = tuple((_mark(box, scale, ids[i] if ids else 0, place, pictures),) for i, box in enumerate(boxes))
    return Marks(tuple(_name(ref, place) for ref in refs), found)


def _boxes(one: dict[str, Any], place: str, pictures: int) -> tuple[Mark, ...]:
    """ms-swift 2: one object, with one box or several."""
    scale = _scale(one.get("bbox_type"), place)
    scale = "norm999" if scale == "norm1000" else scale
    box = one.get("bbox")
    several = isinstance(box, list) and bool(box) and all(isinstance(b, list) for b in box)
    listed: list[Any] = box if several and isinstance(box, list) else [box]
    return tuple(_mark(b, scale, one.get("image", 0), place, pictures) for b in listed)


def _scale(name: Any, place: str) -> Scale:
    found = _SPELLED.get("real" if name is None else str(name))
    if found is None:
        raise DatasetError(f"expected a bbox_type of {', '.join(_SPELLED)}, got {name!r}", file=place)
    return found


def _mark(box: Any, scale: Scale, picture: Any, place: str, pictures: int) -> Mark:
    if isinstance(picture, bool) or not isinstance(picture, int) or not 0 <= picture < pictures:
        raise DatasetError(f"expected the number of one of {pictures} pictures, from 0, got {picture!r}", file=place)
    if not isinstance(box, list) or len(box) not in (2, 4) or not all(map(_is_number, box)):
        raise DatasetError(f"expected a box of four numbers or a point of two, got {str(box)[:80]}", file=place)
    numbers = tuple(map(float, box))
    edge = _EDGE.get(scale, math.inf)
    if not all(-_SLACK * min(edge, 1e6) <= v <= edge * (1 + _SLACK) for v in numbers):
        raise DatasetError(f"expected numbers of {scale}, 0 to {edge:g}, got {box}", file=place)
    if len(numbers) == 4 and not (numbers[0] < numbers[2] and numbers[1] < numbers[3]):
        raise DatasetError(f"expected x1 < x2 and y1 < y2, got {box}", file=place)
    return Mark(tuple(max(v, 0.0) for v in numbers) if scale != "real" else numbers, scale, picture)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _name(value: Any, place: str) -> str:
    if value is not None and not isinstance(value, str):
        raise DatasetError(f"expected names as text, got {type(value).__name__}", file=place)
    return value or ""


def _list(objects: dict[str, Any], key: str, place: str) -> list[Any]:
    found = objects.get(key)
    if found is not None and not isinstance(found, list):
        raise DatasetError(f"expected a list as {key}, got {type(found).__name__}", file=place)
    return found or []
