"""M3D's boxes and its overlap (Bench/utils.py), for comparison with its published numbers.

Its overlap divides by the smallest box around both, not by their union, so it is too low for all but equal and
nested boxes; :func:`umit.geometry.iou` is the true one. Its boxes end at the last voxel's index, not past it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Final, TypeAlias

from umit.errors import InputError

__all__ = ["M3D_UNREADABLE", "m3d_fractions", "m3d_iou", "read_m3d_box"]

Corners: TypeAlias = tuple[float, ...]

#: What M3D-Bench writes for an unreadable box (Bench/eval/eval_pos.py); in a mean it costs more than a miss.
M3D_UNREADABLE: Final = -1.0

_NUMBER: Final = r"-?\d*\.?\d+"
_BOX: Final = re.compile(rf"\[({_NUMBER}(?:, {_NUMBER}){{5}})\]")


def m3d_iou(found: Sequence[float] | None, true: Sequence[float]) -> float:
    """Return what M3D calls IoU: the shared volume over the volume of the smallest box around both.

    Args:
        found: Six numbers, lower corner first, in any unit and axis order; ``None`` for an unreadable answer.
        true: Six numbers in the same.

    Returns:
        From 0 to just under 1, or :data:`M3D_UNREADABLE`; 0 where either box has no volume.

    Raises:
        InputError: Not six numbers.

    Example:
        >>> round(m3d_iou((0, 0, 0, 10, 10, 10), (5, 5, 5, 15, 15, 15)), 6)
        0.037037
    """
    if found is None:
        return M3D_UNREADABLE
    if len(found) != 6 or len(true) != 6:
        raise InputError(
            f"expected six numbers a box, got {len(found)} and {len(true)}", code="box"
        )
    axes = [(found[i], found[i + 3], true[i], true[i + 3]) for i in range(3)]
    shared = math.prod(max(0.0, min(b, d) - max(a, c)) for a, b, c, d in axes)
    around = math.prod(max(b, d) - min(a, c) for a, b, c, d in axes)
    return shared / (around + 1e-6)  # 1e-6: Bench/utils.py calculate_iou


def m3d_fractions(corners: Sequence[int], shape: Sequence[int]) -> Corners:
    """Return a box as M3D writes it: indices of the first and last voxel over the volume's size.

    Args:
        corners: ``(d1, h1, w1, d2, h2, w2)``, slice, row, column; both corners belong to the box.
        shape: ``(slices, rows, columns)`` of the volume.

    Returns:
        Six fractions from 0 to less than 1, rounded to three decimals.

    Raises:
        InputError: Not six corners, or not three sizes.

    Example:
        >>> m3d_fractions((15, 12, 13, 20, 30, 16), (32, 64, 64))
        (0.469, 0.188, 0.203, 0.625, 0.469, 0.25)
    """
    if len(corners) != 6 or len(shape) != 3:
        raise InputError(
            f"expected six corners and three sizes, got {len(corners)} and {len(shape)}", code="box"
        )
    return tuple(
        round(index / size, 3) for index, size in zip(corners, (*shape, *shape), strict=True)
    )


def read_m3d_box(text: str) -> Corners | None:
    """Return the first box in M3D's one spelling: six numbers in square brackets, a comma and one space between.

    Args:
        text: A model's answer.

    Returns:
        Six numbers, or ``None``, as for any other spelling.

    Example:
        >>> read_m3d_box("It is [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]."), read_m3d_box("[1,2,3,4,5,6]")
        ((0.1, 0.2, 0.3, 0.4, 0.5, 0.6), None)
    """
    match = _BOX.search(text)
    return tuple(float(one) for one in match[1].split(", ")) if match else None
