"""From file units to 256 grey levels: windows, presets, and what is assumed without one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from umit.errors import InputError

__all__ = ["PRESETS", "default_window", "named_window", "percentile_window", "to_rgb", "to_uint8"]

# (centre, width) in HU, as CT consoles name them; Radiopaedia, "Windowing (CT)", article 52108.
PRESETS: dict[str, tuple[float, float]] = {
    "abdomen": (40, 400),
    "bone": (400, 1800),
    "brain": (40, 80),
    "liver": (80, 150),
    "lung": (-600, 1500),
    "mediastinum": (50, 350),
}


def named_window(window: str | tuple[float, float]) -> tuple[float, float]:
    """Return ``(low, high)`` of a preset or of ``(centre, width)``.

    Args:
        window: A name in :data:`PRESETS`, or centre and width in file units (HU for CT).

    Raises:
        InputError: The name is unknown, or the width is not positive.

    Example:
        >>> named_window("brain")
        (0.0, 80.0)
    """
    if isinstance(window, str):
        if window not in PRESETS:
            raise InputError(
                f"expected a window of {', '.join(PRESETS)}, got {window!r}",
                code="window",
                where="window",
            )
        window = PRESETS[window]
    centre, width = float(window[0]), float(window[1])
    if not (np.isfinite(centre) and np.isfinite(width) and width > 0):
        raise InputError(
            f"expected (centre, width) with a positive width, got ({centre}, {width})",
            code="window",
            where="window",
            hint="Give the centre first, then the width.",
        )
    return centre - width / 2, centre + width / 2


def percentile_window(values: NDArray[Any]) -> tuple[float, float]:
    """Return the 0.5th and 99.5th percentile of the finite values.

    Args:
        values: Any shape, file units; NaN and infinity are left out.

    Raises:
        InputError: No value is finite.

    Example:
        >>> percentile_window(np.arange(201.0))
        (1.0, 199.0)
    """
    if values.dtype.kind == "f":
        values = values[np.isfinite(values)]
    if values.size == 0:
        raise InputError("expected some finite values, got none", code="not_finite")
    low, high = np.percentile(values, (0.5, 99.5))
    return float(low), float(high)


def default_window(
    values: NDArray[Any], modality: str | None = None
) -> tuple[tuple[float, float] | None, tuple[str, ...]]:
    """Choose a window for values that come without one, and say so.

    Args:
        values: Any shape, file units.
        modality: ``"CT"`` makes the values Hounsfield units.

    Returns:
        ``(low, high)``, or ``None`` for ``uint8``, which needs no window; and the warnings.

    Raises:
        InputError: No value is finite.

    Example:
        >>> default_window(np.zeros(4, np.int16), "CT")
        ((-160.0, 240.0), ('window: none declared, abdomen (40, 400)',))
    """
    if values.dtype == np.uint8:
        return None, ()
    if modality == "CT":
        return named_window("abdomen"), ("window: none declared, abdomen (40, 400)",)
    low, high = percentile_window(values)
    return (low, high), (f"window: none declared, percentiles 0.5-99.5 ({low:g} to {high:g})",)


def to_uint8(
    values: NDArray[Any], low: float, high: float, inverted: bool = False
) -> NDArray[np.uint8]:
    """Map ``low..high`` to 0..255, clipping what lies outside.

    Args:
        values: Any shape, file units; NaN becomes black.
        low: The value shown as 0.
        high: The value shown as 255; if it equals ``low``, values above it are white.
        inverted: Whether low is shown white; applied after the window (DICOM PS3.3 C.7.6.3.1.2).

    Returns:
        The same shape, ``uint8``, rounded to the nearest level.

    Raises:
        InputError: ``high`` is below ``low``, or one is not finite.

    Example:
        >>> to_uint8(np.array([-1000, 0, 50, 100, 3000]), 0, 100).tolist()
        [0, 0, 128, 255, 255]
    """
    if not (np.isfinite(low) and np.isfinite(high) and low <= high):
        raise InputError(f"expected low <= high, got {low} and {high}", code="window")
    if high == low:
        grey = (values > low).astype(np.float64)
    else:  # halves before subtracting, so that the widest floats do not overflow
        inside = np.clip(values.astype(np.float64), low, high)
        grey = (inside / 2 - low / 2) / (high / 2 - low / 2)
    missing = np.isnan(grey) if values.dtype.kind == "f" else None
    levels = np.floor((1.0 - grey if inverted else grey) * 255.0 + 0.5)
    if missing is not None:
        levels[missing] = 0.0
    return levels.astype(np.uint8)


def to_rgb(
    plane: NDArray[Any], window: tuple[float, float] | None, inverted: bool = False
) -> NDArray[np.uint8]:
    """Return one picture as three equal grey channels, or as its own colours.

    Args:
        plane: ``(height, width)`` or ``(height, width, 3)``, file units.
        window: ``(low, high)``; ``None`` for ``uint8`` that is shown as it is.
        inverted: Whether low is shown white.

    Returns:
        ``(height, width, 3)``, contiguous.

    Example:
        >>> to_rgb(np.array([[-1000, 240]]), named_window("abdomen")).tolist()
        [[[0, 0, 0], [255, 255, 255]]]
    """
    low, high = window or (0.0, 255.0)
    plain = window is None and not inverted and plane.dtype == np.uint8
    levels = plane if plain else to_uint8(plane, low, high, inverted)
    rgb = levels if levels.ndim == 3 else np.repeat(levels[..., None], 3, axis=2)
    return np.ascontiguousarray(rgb)
