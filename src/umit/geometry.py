"""Points, boxes and the space they live in; each convention is stated here and nowhere else.

- Coordinates are continuous. Pixel (or voxel) ``i`` covers ``[i, i + 1)``; its centre is ``i + 0.5``.
- ``x`` runs along columns (right), ``y`` along rows (down), ``z`` along slices, all in file order.
- Boxes are half open: ``[x1, x2) × [y1, y2)``, so the area is ``(x2 - x1) * (y2 - y1)`` with no ``+ 1``.
- An affine maps voxel *centres at integers* to millimetres in RAS+, so ``mm = A · (c - 0.5)``.
- Between frames of different size, ``x`` scales by ``W' / W``: edges map to edges.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, field, fields
from typing import Any, Literal, TypeAlias, get_args

from umit.errors import InputError, MissingMetadataError

__all__ = ["Affine", "Box2D", "Box3D", "Mark", "Point2D", "Positions", "Space", "World", "iou", "plain"]

Affine: TypeAlias = tuple[tuple[float, float, float, float], ...]
Positions: TypeAlias = tuple[tuple[float, float, float], ...]
World: TypeAlias = Literal["RAS+", "LPS"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """The grid that coordinates refer to.

    Args:
        size: ``(width, height)`` of a film or ``(x, y, z)`` of a volume, in pixels or voxels.
        spacing: Millimetres per pixel along the same axes, or ``None`` if the file does not say.
        affine: Four rows of four numbers, voxel index ``(x, y, z)`` to RAS+ millimetres, or ``None``.
        positions: RAS+ millimetres of the first voxel's centre in each slice, where slices are not
            evenly spaced. The affine's and the spacing's z are then those of the mean step only.
    """

    size: tuple[int, ...]
    spacing: tuple[float, ...] | None = None
    affine: Affine | None = None
    positions: Positions | None = None

    def place(self, x: float, y: float, z: float, within: int | None = None) -> tuple[float, ...]:
        """Return RAS+ millimetres ``(x, y, z)`` of a voxel index.

        Args:
            x: Column index, continuous, 0 at the centre of the first voxel.
            y: Row index.
            z: Slice index.
            within: The slice that it belongs to; ``None`` for the nearest. An uneven slice is as thick
                as it is far from its nearer neighbour, so that where slices are missing nothing is.

        Raises:
            MissingMetadataError: The volume's affine is not known.

        Example:
            >>> rows = ((1.0, 0, 0, 0), (0, 1.0, 0, 0), (0, 0, 2.5, 0), (0, 0, 0, 1))
            >>> places = ((0, 0, 0), (0, 0, 1), (0, 0, 5))
            >>> Space(size=(4, 4, 3), affine=rows, positions=places).place(1, 0, 1.5, within=1)
            (1.0, 0.0, 1.5)
        """
        if self.affine is None:
            raise MissingMetadataError(
                "expected an affine, got a volume without one",
                code="affine",
                hint="Millimetres need a file that records position and orientation.",
            )
        if self.positions is None:
            return tuple(r[0] * x + r[1] * y + r[2] * z + r[3] for r in self.affine[:3])
        last = len(self.positions) - 1
        k = min(max(round(z) if within is None else within, 0), last)
        ends = [self.positions[n : n + 2] for n in (k - 1, k) if 0 <= n < last]
        below, above = min(ends, key=lambda pair: math.dist(*pair))
        near = zip(self.affine, self.positions[k], below, above, strict=False)
        return tuple(r[0] * x + r[1] * y + at + (z - k) * (q - p) for r, at, p, q in near)

    def to_dict(self) -> dict[str, object]:
        """Return plain lists and numbers for JSON."""
        found: dict[str, object] = {
            "size": list(self.size),
            "spacing": None if self.spacing is None else list(self.spacing),
            "affine": None if self.affine is None else [list(row) for row in self.affine],
        }
        if self.positions is not None:
            found["positions"] = [list(place) for place in self.positions]
        return found

    @classmethod
    def from_dict(cls, data: dict[str, object]) -> Space:
        """Read what :meth:`to_dict` wrote."""
        size, spacing, affine = data["size"], data.get("spacing"), data.get("affine")
        positions = data.get("positions")
        return cls(
            size=tuple(int(v) for v in size),  # type: ignore[attr-defined]
            spacing=None if spacing is None else tuple(float(v) for v in spacing),  # type: ignore[attr-defined]
            affine=None if affine is None else tuple(tuple(row) for row in affine),  # type: ignore[attr-defined]
            positions=None if positions is None else tuple(tuple(p) for p in positions),  # type: ignore[attr-defined]
        )


def plain(value: Any, where: str) -> Any:
    """Return a number, text or sequence as plain Python: NumPy scalars as numbers, lists and arrays as tuples.

    Args:
        value: Any value of a result; other objects stay as they are.
        where: What it is, for the message.

    Raises:
        InputError: A number that is infinite or none, which JSON cannot hold.

    Example:
        >>> plain([1, 0.5], "probabilities")
        (1, 0.5)
    """
    kind = type(value)
    if kind is float or kind not in (str, int, bool, type(None), tuple, list):
        if hasattr(value, "tolist"):  # NumPy's and torch's scalars and arrays
            return plain(value.tolist(), where)
        if isinstance(value, float) and not math.isfinite(value):
            raise InputError(f"expected a finite number, got {value}", code="finite", where=where)
        return value
    if kind in (tuple, list):
        return tuple(plain(one, where) for one in value)
    return value


def _numbers(mark: Any) -> None:
    """Keep the coordinates of a mark as finite Python numbers."""
    for one in fields(mark):
        if one.name != "space":
            value = plain(getattr(mark, one.name), type(mark).__name__)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise InputError(
                    f"expected a number for {one.name}, got {value!r:.200}", code="type", where=type(mark).__name__
                )
            if abs(value) > sys.float_info.max:  # a whole number that no float can hold
                raise InputError(
                    f"expected a finite number, got one above {sys.float_info.max:.3g}",
                    code="finite",
                    where=type(mark).__name__,
                )
            object.__setattr__(mark, one.name, value)


def _mm_2d(points: tuple[tuple[float, float], ...], space: Space | None) -> list[tuple[float, ...]]:
    if space is None or space.spacing is None:
        raise MissingMetadataError(
            "expected a pixel spacing, got a picture without one",
            code="spacing",
            hint="Pass spacing= to umit.load, or use a file that records it.",
        )
    sx, sy = space.spacing[0], space.spacing[1]
    return [(x * sx, y * sy) for x, y in points]


@dataclass(frozen=True, slots=True)
class Point2D:
    """A point in pixels of the source picture.

    Args:
        x: To the right, continuous, 0 at the left edge.
        y: Downwards, continuous, 0 at the top edge.
        space: The picture's grid; not compared.
    """

    x: float
    y: float
    space: Space | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        _numbers(self)

    @property
    def ends(self) -> tuple[tuple[float, float]]:
        """The point itself, as a box has two corners."""
        return ((self.x, self.y),)

    def to_mm(self) -> tuple[float, float]:
        """Return ``(x, y)`` in mm on the film, from its top left corner.

        Raises:
            MissingMetadataError: The picture's spacing is not known.
        """
        x, y = _mm_2d(((self.x, self.y),), self.space)[0]
        return x, y


@dataclass(frozen=True, slots=True)
class Box2D:
    """A half-open box in pixels of the source picture.

    Args:
        x1: Left edge.
        y1: Top edge.
        x2: Right edge, greater than ``x1``.
        y2: Bottom edge, greater than ``y1``.
        space: The picture's grid; not compared.

    Raises:
        InputError: The box has no area.

    Example:
        >>> Box2D(0, 0, 4, 2).area
        8
    """

    x1: float
    y1: float
    x2: float
    y2: float
    space: Space | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        _numbers(self)
        if not (self.x1 < self.x2 and self.y1 < self.y2):
            raise InputError(f"expected x1 < x2 and y1 < y2, got {self.corners}", code="box", where="Box2D")

    @property
    def corners(self) -> tuple[float, float, float, float]:
        """``(x1, y1, x2, y2)``."""
        return self.x1, self.y1, self.x2, self.y2

    @property
    def ends(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Upper left and lower right corner."""
        return (self.x1, self.y1), (self.x2, self.y2)

    @property
    def area(self) -> float:
        """Area in square pixels."""
        return (self.x2 - self.x1) * (self.y2 - self.y1)

    def to_mm(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Return the two corners in mm on the film, from its top left corner.

        Raises:
            MissingMetadataError: The picture's spacing is not known.
        """
        (x1, y1), (x2, y2) = _mm_2d(((self.x1, self.y1), (self.x2, self.y2)), self.space)
        return (x1, y1), (x2, y2)


@dataclass(frozen=True, slots=True)
class Box3D:
    """A half-open box in voxels of the source volume, axes in file order.

    Args:
        x1: Lower column edge.
        y1: Lower row edge.
        z1: Lower slice edge.
        x2: Upper column edge, greater than ``x1``.
        y2: Upper row edge, greater than ``y1``.
        z2: Upper slice edge, greater than ``z1``.
        space: The volume's grid; not compared.

    Raises:
        InputError: The box has no volume.
    """

    x1: float
    y1: float
    z1: float
    x2: float
    y2: float
    z2: float
    space: Space | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        _numbers(self)
        if not (self.x1 < self.x2 and self.y1 < self.y2 and self.z1 < self.z2):
            raise InputError(f"expected x1 < x2, y1 < y2 and z1 < z2, got {self.corners}", code="box", where="Box3D")

    @property
    def corners(self) -> tuple[float, float, float, float, float, float]:
        """``(x1, y1, z1, x2, y2, z2)``."""
        return self.x1, self.y1, self.z1, self.x2, self.y2, self.z2

    @property
    def ends(self) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
        """Lowest and highest corner."""
        return (self.x1, self.y1, self.z1), (self.x2, self.y2, self.z2)

    @property
    def volume(self) -> float:
        """Volume in cubic voxels."""
        return (self.x2 - self.x1) * (self.y2 - self.y1) * (self.z2 - self.z1)

    def to_mm(self, world: World = "RAS+") -> tuple[tuple[float, float, float], ...]:
        """Return the eight corners in patient millimetres.

        Args:
            world: ``"RAS+"`` (x, y, z grow to the patient's right, front and head; NIfTI) or ``"LPS"`` (DICOM).

        Returns:
            Eight ``(x, y, z)``; the corner's x index varies fastest.

        Raises:
            InputError: Another name of a world.
            MissingMetadataError: The volume's affine is not known.
        """
        if world not in get_args(World):  # taking any other word for LPS would swap left and right
            raise InputError(
                f"expected a world of {', '.join(get_args(World))}, got {world!r}", code="world", where="world"
            )
        space, sign = self.space or Space(size=()), 1.0 if world == "RAS+" else -1.0
        # A millionth of a slice is rounding, and does not carry an edge across a gap.
        ends = ((self.z1, math.floor(self.z1 + 1e-6)), (self.z2, math.ceil(self.z2 - 1e-6) - 1))
        corners = [
            space.place(x - 0.5, y - 0.5, z - 0.5, within=k)
            for z, k in ends
            for y in (self.y1, self.y2)
            for x in (self.x1, self.x2)
        ]
        return tuple((sign * a, sign * b, c) for a, b, c in corners)


Mark: TypeAlias = Box2D | Box3D | Point2D


def iou(a: Box2D | Box3D, b: Box2D | Box3D) -> float:
    """Return intersection over union, in 0..1.

    Args:
        a: A box.
        b: A box of the same kind.

    Returns:
        ``|a ∩ b| / (|a| + |b| - |a ∩ b|)`` of the half-open boxes.

    Raises:
        InputError: One box is 2D and the other 3D.

    Example:
        >>> iou(Box2D(0, 0, 2, 1), Box2D(1, 0, 3, 1))
        0.3333333333333333
    """
    if isinstance(a, Box2D) and isinstance(b, Box2D):
        from shapely.geometry import box  # imported late: 80 ms that `import umit` must not pay

        first, second = box(*a.corners), box(*b.corners)
        inner = first.intersection(second).area
        return float(inner / (first.area + second.area - inner))
    if isinstance(a, Box3D) and isinstance(b, Box3D):
        inner = 1.0
        for low_a, low_b, high_a, high_b in zip(
            a.corners[:3], b.corners[:3], a.corners[3:], b.corners[3:], strict=True
        ):
            inner *= max(0.0, min(high_a, high_b) - max(low_a, low_b))
        return inner / (a.volume + b.volume - inner)
    raise InputError(f"expected two boxes of one kind, got {type(a).__name__} and {type(b).__name__}")
