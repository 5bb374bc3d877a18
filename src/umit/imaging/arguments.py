"""What a caller asks for, in one form each; any other form is refused with the one expected."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from umit.errors import InputError

__all__ = ["asked_frame", "asked_slices", "asked_spacing", "numbers", "whole", "whole_pair"]


def whole(value: object) -> int | None:
    """Return a whole number of Python or numpy, and ``None`` for all else, ``True`` included."""
    plain = value.item() if isinstance(value, np.generic) else value
    return plain if isinstance(plain, int) and not isinstance(plain, bool) else None


def numbers(values: object) -> tuple[float, ...]:
    """Return a tuple, list or array of finite numbers as floats; of all else an empty tuple.

    Example:
        >>> numbers([40, np.float32(400)]), numbers("40"), numbers((True, 1)), numbers(0.5)
        ((40.0, 400.0), (), (), ())
    """
    listed = values.tolist() if isinstance(values, np.ndarray) else values
    if not isinstance(listed, tuple | list):
        return ()
    plain = [value.item() if isinstance(value, np.generic) else value for value in listed]
    return tuple(map(float, plain)) if all(map(_is_number, plain)) else ()


def _is_number(value: Any) -> bool:
    real = isinstance(value, int | float) and not isinstance(value, bool)
    return real and abs(value) <= sys.float_info.max  # false for NaN


def whole_pair(values: object) -> tuple[int, int] | None:
    """Return a tuple, list or array of two whole numbers, and ``None`` for all else."""
    listed = values.tolist() if isinstance(values, np.ndarray) else values
    match [whole(value) for value in listed] if isinstance(listed, tuple | list) else []:
        case [int(first), int(second)]:
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
