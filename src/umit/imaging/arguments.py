"""What a caller asks for, in one form each; any other form is refused with the one expected."""

from __future__ import annotations

import sys
from typing import Any

from umit.errors import InputError
from umit.geometry import plain

__all__ = ["asked_frame", "asked_slices", "asked_spacing", "numbers", "whole", "whole_pair"]


def _plain(value: object) -> Any:
    """Return numbers and sequences as plain Python; ``None`` for what no call can mean."""
    try:
        return plain(value, "")
    except InputError:  # infinite, or no number
        return None


def whole(value: object) -> int | None:
    """Return a whole number of Python or numpy, and ``None`` for all else, ``True`` included."""
    number = _plain(value)
    return number if isinstance(number, int) and not isinstance(number, bool) else None


def numbers(values: object) -> tuple[float, ...]:
    """Return a tuple, list or array of finite numbers as floats; of all else an empty tuple.

    Example:
        >>> import numpy as np
        >>> numbers([40, np.float32(400)]), numbers("40"), numbers((True, 1)), numbers(0.5)
        ((40.0, 400.0), (), (), ())
    """
    listed = _plain(values)
    if not isinstance(listed, tuple) or not all(type(value) in (int, float) for value in listed):
        return ()
    return tuple(map(float, listed)) if all(abs(v) <= sys.float_info.max for v in listed) else ()


def whole_pair(values: object) -> tuple[int, int] | None:
    """Return a tuple, list or array of two whole numbers, and ``None`` for all else."""
    match _plain(values):
        case (first, second) if whole(first) is not None and whole(second) is not None:
            return first, second
    return None


def asked_frame(frame: Any) -> int | None:
    """Check ``frame=``; whether the file has it is its reader's business."""
    if frame is None or whole(frame) is not None:
        return whole(frame)
    raise _other("frame", "a whole number from 0", frame)


def asked_slices(slices: Any) -> slice | tuple[int, int] | None:
    """Check ``slices=``."""
    pair = whole_pair(slices)
    if slices is None or pair is not None:
        return pair
    if isinstance(slices, slice):
        parts = (slices.start, slices.stop, slices.step)
        if all(part is None or whole(part) is not None for part in parts) and whole(parts[2]) != 0:
            return slice(*map(whole, parts))
    raise _other("slices", "(start, stop) or a slice, of whole numbers", slices)


def asked_spacing(spacing: Any) -> tuple[float, ...] | None:
    """Check ``spacing=``."""
    mm = numbers(spacing)
    if spacing is None or (mm and min(mm) > 0):
        return mm or None
    raise _other("spacing", "a positive number of mm for each axis, such as (5, 0.8, 0.8)", spacing)


def _other(name: str, expected: str, got: object) -> InputError:
    return InputError(f"expected {expected}, got {got!r:.80}", code=name, where=name)
