"""From file units to 256 grey levels: windows, presets, and what is assumed without one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from umit.errors import InputError
from umit.imaging.arguments import numbers, whole
from umit.imaging.quantiles import percentiles, sample, value_range

__all__ = [
    "FULL",
    "PRESETS",
    "Curve",
    "Preset",
    "Window",
    "asked_window",
    "choose_window",
    "default_window",
    "hides",
    "named_window",
    "percentile_window",
    "to_grey",
    "to_uint8",
]

Range: TypeAlias = "tuple[float, float]"
#: A preset's name or ``"full"``, ``(centre, width)``, or the name or index of one that DICOM declares.
Window: TypeAlias = str | int | tuple[float, float]
#: How grey runs through a window: straight from its low to its high end, or by DICOM's SIGMOID.
Curve: TypeAlias = Literal["line", "sigmoid"]


class Preset(NamedTuple):
    """A window that has a name.

    Args:
        centre: In units of the modality: HU for CT.
        width: Likewise.
        modality: Whose units they are.
        source: Where the numbers are written down.
    """

    centre: float
    width: float
    modality: str
    source: str


# "Windowing (CT)", radiopaedia.org/articles/windowing-ct, "Typical window width and level values".
_RADIOPAEDIA = "Radiopaedia, Windowing (CT)"
_OHIF = "OHIF Viewers, defaultWindowLevelPresets.ts"  # extensions/cornerstone, CT

#: Windows by name. Viewers and hospitals differ by some tens of HU; these are one published choice.
PRESETS: Final[dict[str, Preset]] = {
    "abdomen": Preset(40, 400, "CT", f"{_OHIF}, Soft tissue"),
    "bone": Preset(400, 1800, "CT", f"{_RADIOPAEDIA}, spine, bone"),
    "brain": Preset(40, 80, "CT", f"{_RADIOPAEDIA}, head and neck, brain"),
    "liver": Preset(30, 150, "CT", f"{_RADIOPAEDIA}, abdomen, liver"),
    "lung": Preset(-600, 1500, "CT", f"{_RADIOPAEDIA}, chest, lungs"),
    "mediastinum": Preset(50, 350, "CT", f"{_RADIOPAEDIA}, chest, mediastinum"),
    "neck": Preset(40, 375, "CT", f"{_RADIOPAEDIA}, head and neck, soft tissues: middle"),
    "spine": Preset(50, 250, "CT", f"{_RADIOPAEDIA}, spine, soft tissues"),
    "stroke": Preset(40, 40, "CT", f"{_RADIOPAEDIA}, head and neck, stroke: the wider"),
    "subdural": Preset(75, 215, "CT", f"{_RADIOPAEDIA}, head and neck, subdural: middle"),
    "temporal bone": Preset(600, 2800, "CT", f"{_RADIOPAEDIA}, head and neck, temporal bones"),
}
#: Name of the window from the lowest to the highest value, for any modality.
FULL: Final = "full"
# DICOM PS3.3 C.7.3.1.1.1; in these a preset in HU would show noise, so it is refused.
_NOT_HU: Final = ("CR", "DX", "IO", "MG", "MR", "NM", "PT", "PX", "RF", "US", "XA")


def named_window(window: str | Sequence[float]) -> Range:
    """Return ``(low, high)`` of a name in :data:`PRESETS` or of ``(centre, width)`` in file units.

    Raises:
        InputError: The name is unknown, not two numbers, or the width is not positive.

    Example:
        >>> named_window("brain")
        (0.0, 80.0)
    """
    if isinstance(window, str):
        if window not in PRESETS:
            raise InputError(
                f"expected a window of {', '.join(PRESETS)}, got {window!r}", code="window", where="window"
            )
        window = PRESETS[window][:2]
    pair = numbers(window)
    low, high = (pair[0] - pair[1] / 2, pair[0] + pair[1] / 2) if len(pair) == 2 else (0.0, 0.0)
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise InputError(
            f"expected a preset's name or (centre, width) with a positive width, got {window!r:.80}",
            code="window",
            where="window",
            hint="Give the centre first, then the width.",
        )
    return low, high


def asked_window(window: Any) -> Window | None:
    """Check ``window=``; whether a file declares what a name or an index means, its reader tells."""
    if window is None or isinstance(window, str) or whole(window) is not None:
        return window if window is None or isinstance(window, str) else whole(window)
    named_window(window)  # says what is wrong with a pair
    centre, width = numbers(window)
    return centre, width


def choose_window(
    values: NDArray[Any], window: str | Sequence[float], modality: str | None = None
) -> tuple[Range, tuple[str, ...]]:
    """Return the window ``(low, high)`` that was asked for, and warnings of what was assumed for it.

    Args:
        values: Any shape, file units; looked at for :data:`FULL` only.
        window: A name in :data:`PRESETS`, :data:`FULL`, or ``(centre, width)``.
        modality: Of the values, or ``None`` if the file does not say.

    Raises:
        InputError: An unknown name, a width that is not positive, or a CT window on other units.

    Example:
        >>> choose_window(np.array([0, 90], np.int16), "brain", "CT")
        ((0.0, 80.0), ())
    """
    if isinstance(window, str) and window == FULL:
        return value_range(values), ()
    low_high = named_window(window)
    preset = PRESETS[window] if isinstance(window, str) else None
    if preset is None or preset.modality == modality:
        return low_high, ()
    if modality in _NOT_HU:
        raise InputError(
            f"expected {preset.modality} for the window {window!r}, got {modality}",
            code="window",
            where="window",
            hint=f"Pass (centre, width) in the file's units, or {FULL!r}.",
        )
    return low_high, (f"window: {window} taken in HU, the file records no CT",)


def percentile_window(values: NDArray[Any], why: str) -> tuple[Range, str]:
    """Return the 0.5th and 99.5th percentile of the finite values, and what to say of it.

    ``why`` tells what came of the file's own window; see :func:`percentiles` for what is exact.

    Example:
        >>> percentile_window(np.arange(201.0), "none declared")
        ((1.0, 199.0), 'window: none declared, percentiles 0.5-99.5 (1 to 199)')
    """
    low, high = percentiles(values, (0.5, 99.5))
    return (low, high), f"window: {why}, percentiles 0.5-99.5 ({low:g} to {high:g})"


def default_window(values: NDArray[Any], modality: str | None = None) -> tuple[Range | None, tuple[str, ...]]:
    """Choose a window for values that come without one, and say so; ``None`` for ``uint8``.

    Args:
        values: Any shape, file units; a volume is neither copied nor sorted.
        modality: ``"CT"`` makes the values Hounsfield units, shown in the abdomen's window unless
            that :func:`hides` them.

    Example:
        >>> default_window(np.zeros(4, np.int16), "CT")
        ((-160.0, 240.0), ('window: none declared, abdomen (40, 400)',))
    """
    if values.dtype == np.uint8:
        return None, ()
    why = "none declared"
    if modality == "CT":
        (centre, width), ends = PRESETS["abdomen"][:2], named_window("abdomen")
        if not hides(values, lambda some: to_uint8(some, *ends)):
            return ends, (f"window: {why}, abdomen ({centre:g}, {width:g})",)
        why = f"{why}, the abdomen's hides these values"
    ends, note = percentile_window(values, why)
    return ends, (note,)


def hides(values: NDArray[Any], grey: Callable[[NDArray[Any]], NDArray[np.uint8]]) -> bool:
    """Tell whether a way to turn values into grey levels hides them, where percentiles would not.

    They are hidden where their values differ and all come out within a sixteenth of the grey levels. They are hidden,
    too, where more than 95 % come out on one level, and percentiles would spread the middle nine tenths over an eighth
    of the levels or more. So a dark background, however large, hides nothing: its values lie close together.

    Example:
        >>> ramp = np.arange(12000, 14000)
        >>> [hides(ramp, lambda some, low=low: to_uint8(some, low, low + 2000)) for low in (0, 12000)]
        [True, False]
    """
    some = sample(values)
    if some.size == 0 or some.min() == some.max():
        return False
    counts = np.bincount(grey(some), minlength=256)
    if np.ptp(np.flatnonzero(counts)) <= 16:  # as 12 bits shown over 16
        return True
    if counts.max() <= _SHEET * some.size:
        return False
    lowest, low, high, highest = (float(end) for end in np.percentile(some, (0.5, 5, 95, 99.5)))
    return low < high and high - low >= (highest - lowest) / 8


_SHEET: Final = 0.95  # of all pixels on one level; with less, no public report speaks of a lost picture


def to_uint8(
    values: NDArray[Any], low: float, high: float, inverted: bool = False, curve: Curve = "line"
) -> NDArray[np.uint8]:
    """Map ``low..high`` to 0..255, clipping what lies outside, or along a sigmoid.

    Args:
        values: Any shape, file units; NaN becomes black.
        low: The value shown as 0.
        high: The value shown as 255; if it equals ``low``, values above it are white.
        inverted: Whether low is shown white; applied after the window (DICOM PS3.3 C.7.6.3.1.2).
        curve: ``"sigmoid"`` shows ``low`` as 30 and ``high`` as 225, and reaches beyond both.

    Raises:
        InputError: ``high`` is below ``low``, or one is not finite.

    Example:
        >>> to_uint8(np.array([-1000, 0, 50, 100, 3000]), 0, 100).tolist()
        [0, 0, 128, 255, 255]
    """
    if not (np.isfinite(low) and np.isfinite(high) and low <= high):
        raise InputError(f"expected low <= high, got {low} and {high}", code="window")
    kind = values.dtype
    if kind.kind in "iu" and kind.itemsize <= 2 and values.size > _WORTH_A_TABLE:
        table = _table(f"{kind.kind}{kind.itemsize}", low, high, inverted, curve)
        # As unsigned numbers of its own byte order a signed value is its place in the table.
        places = values.astype(kind.newbyteorder("="), copy=False).view(f"u{kind.itemsize}")
        return np.take(table, places)
    return _levels(values, low, high, inverted, curve)


_WORTH_A_TABLE: Final = 2**14  # values; a table takes as long as some ten thousand of them


@lru_cache(maxsize=8)
def _table(kind: str, low: float, high: float, inverted: bool, curve: Curve) -> NDArray[np.uint8]:
    """Return the grey level of each whole number that fits the type, in the order of its bits."""
    size = 2 ** (8 * int(kind[1]))
    every = np.arange(size, dtype=np.uint16).astype(f"u{kind[1]}").view(kind)
    return _levels(every, low, high, inverted, curve)


def _levels(values: NDArray[Any], low: float, high: float, inverted: bool, curve: Curve) -> NDArray[np.uint8]:
    if high == low:
        grey = (values > low).astype(np.float64)
    elif curve == "sigmoid":
        grey = _sigmoid(values.astype(np.float64), low, high)
    else:  # halves before subtracting, so that the widest floats do not overflow
        inside = np.clip(values.astype(np.float64), low, high)
        grey = (inside / 2 - low / 2) / (high / 2 - low / 2)
    missing = np.isnan(grey) if values.dtype.kind == "f" else None
    levels = np.floor((1.0 - grey if inverted else grey) * 255.0 + 0.5)
    if missing is not None:
        levels[missing] = 0.0
    return levels.astype(np.uint8)


def _sigmoid(values: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    """Return 0..1 by DICOM PS3.3 C.11.2.1.3.1: ``1 / (1 + exp(-4 (x - centre) / width))``."""
    centre, quarter = low / 2 + high / 2, high / 4 - low / 4  # halves, as the widest overflow
    with np.errstate(over="ignore"):  # far below the window exp is infinite, and the grey is 0
        grey: NDArray[np.float64] = 1 / (1 + np.exp((centre - values) / quarter))
    return grey


def to_grey(
    plane: NDArray[Any], window: Range | None, inverted: bool = False, curve: Curve = "line"
) -> NDArray[np.uint8]:
    """Return one picture ``(height, width[, 3])`` in 256 levels, contiguous, as :func:`to_uint8` does.

    Without a window ``uint8`` is shown as it is.

    Example:
        >>> to_grey(np.array([[-1000, 240]]), named_window("abdomen")).tolist()
        [[0, 255]]
    """
    low, high = window or (0.0, 255.0)
    plain = window is None and not inverted and plane.dtype == np.uint8
    return np.ascontiguousarray(plane if plain else to_uint8(plane, low, high, inverted, curve))
