"""What a DICOM file declares about showing its values: windows and look-up tables, each looked at first."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, NamedTuple, TypeAlias, TypeGuard

import numpy as np
from numpy.typing import NDArray

from umit.errors import InputError
from umit.imaging.attributes import Header, functional, values
from umit.imaging.quantiles import sample, value_range
from umit.imaging.scan import Padding, without
from umit.imaging.tables import Table, read_table
from umit.imaging.window import FULL, PRESETS, Curve, Window, hides, percentile_window, to_uint8

__all__ = ["Levels", "Shown", "declared", "is_declared", "settled"]

_HINT = "Pass window=(centre, width), a preset's name or an index."


class Levels(NamedTuple):
    """A window's two ends in file units, and how grey runs between them."""

    low: float
    high: float
    curve: Curve = "line"


Shown: TypeAlias = "Levels | Table | None"
#: What is declared and cannot be followed: a window without width, a table without entries.
UNUSABLE: Final = Levels(math.inf, -math.inf)
_CURVES: Final[dict[str, Curve]] = {"LINEAR": "line", "LINEAR_EXACT": "line", "SIGMOID": "sigmoid"}


def declared(header: Header, frame: int, window: Window | None, signed: bool, notes: list[str]) -> Shown:
    """Return what one frame is shown with: two levels, a table, or ``None``.

    Without a choice it is the first look-up table, else the first window (DICOM PS3.3 C.11.2) that
    can be followed; :data:`UNUSABLE` if none can. A preset's name and ``(centre, width)`` are not
    looked up here: they give ``None``.

    Args:
        header: The file's.
        frame: From 0.
        window: A preset's name, the name that the file gives one of its windows, an index into
            its windows and then its tables, or ``(centre, width)``.
        signed: Whether values can be negative, and with them a table's first (C.11.2.1.1).
        notes: Takes warnings.
    """
    if not is_declared(window):
        return None
    voi = functional(header, frame, "FrameVOILUTSequence")
    function = str(voi.get("VOILUTFunction") or "LINEAR")
    pairs = zip(_floats(voi, "WindowCenter"), _floats(voi, "WindowWidth"), strict=False)
    windows: list[Callable[[], Shown]] = [partial(_levels, *p, function, notes) for p in pairs]
    items = list(voi.get("VOILUTSequence") or ())
    tables = [partial(read_table, item, header, signed=signed, notes=notes) for item in items]
    if window is not None:
        index = _index(voi, window, len(windows), items)
        return (windows + tables)[index]()
    for k, follow in enumerate(tables + windows):
        try:
            found = follow()
        except InputError as error:
            notes.append(f"window: one of those declared is passed over, {error.message}")
            continue
        if k == len(tables) and len(windows) > 1:
            notes.append(f"window: the first of {len(windows)} declared")
        return found
    return UNUSABLE if tables or windows else None


def settled(
    values: NDArray[Any],
    each: Sequence[Shown],
    window: Window | None,
    notes: list[str],
    padding: tuple[Padding, ...] = (),
) -> tuple[NDArray[Any], Levels | None]:
    """Settle on one way to show all slices of a scan.

    Slices that declare different windows share one that holds all that they show, in a line. What would
    hide the values (:func:`umit.imaging.window.hides`) gives way to percentiles, unless it was
    asked for.

    Args:
        values: ``(slice, row, column[, 3])``, file units.
        each: What each slice is shown with, as :func:`declared` gives it.
        window: What was asked for; ``None`` for nothing.
        notes: Takes warnings.
        padding: Ranges of values that are no part of a picture, and are left out.

    Returns:
        The values, or what a table makes of them, and their window; ``None`` where none is declared.
    """
    kinds = set(each)
    usable = [kind for kind in kinds if isinstance(kind, Levels) and kind != UNUSABLE]
    tables = [kind for kind in kinds if isinstance(kind, Table)]
    table = tables[0] if len(kinds) == len(tables) == 1 else None
    if tables and table is None:
        notes.append("window: slices declare different look-up tables, none is applied")
    if not usable and table is None:
        if UNUSABLE not in kinds:
            return values, None
        return values, _instead(without(values, padding), "cannot be followed", notes)
    if len(usable) == 1 < len(kinds) and not tables:
        notes.append("window: that of some slices, the others declare none")
    if table is None and len(usable) > 1:
        shown = _for_all(usable, without(values, padding), notes)
    else:
        shown = Levels(0.0, table.top) if table else usable[0]

    def grey(some: NDArray[Any]) -> NDArray[np.uint8]:
        return to_uint8(table.look_up(some) if table else some, *shown[:2], curve=shown.curve)

    if hides(without(sample(values), padding), grey):  # no copy of a volume
        if window is None:
            return values, _instead(without(values, padding), "hides these values", notes)
        notes.append("window: the one asked for hides these values")
    if table is None:
        return values, shown
    notes.append("window: VOI look-up table applied")
    return np.stack([table.look_up(plane) for plane in values]), shown


def _for_all(levels: Sequence[Levels], values: NDArray[Any], notes: list[str]) -> Levels:
    """Return the narrowest window that holds several, no wider than the values are."""
    low, high = min(one.low for one in levels), max(one.high for one in levels)
    lowest, highest = value_range(values)
    if max(low, lowest) < min(high, highest):
        low, high = max(low, lowest), min(high, highest)
    notes.append(
        f"window: slices declare {len(levels)} different ones, one from {low:g} to {high:g} holds what they show"
    )
    return Levels(low, high)


def _instead(values: NDArray[Any], why: str, notes: list[str]) -> Levels:
    ends, note = percentile_window(values, f"what is declared {why}")
    notes.append(note)
    return Levels(*ends)


def is_declared(window: Window | None) -> TypeGuard[str | int | None]:
    """Tell whether a window is looked for in the file: neither a preset nor ``(centre, width)``."""
    if isinstance(window, str):
        return window not in PRESETS and window != FULL
    return window is None or isinstance(window, int)


def _index(voi: Header, window: str | int, count: int, tables: list[Header]) -> int:
    total, index = count + len(tables), window if isinstance(window, int) else -1
    if isinstance(window, str):
        # The file's own names are compared and never quoted: they are free text.
        names = [str(name) for name in values(voi, "WindowCenterWidthExplanation")][:count]
        names += [""] * (count - len(names))
        names += [str(table.get("LUTExplanation") or "") for table in tables]
        folded, wanted = [name.strip().casefold() for name in names], window.strip().casefold()
        index = folded.index(wanted) if wanted and wanted in folded else -1
    if not 0 <= index < total:
        raise InputError(
            f"expected a window of {', '.join(PRESETS)} or the name or index of one of {total} "
            f"declared, got {window!r}",
            code="window",
            hint=_HINT,
        )
    return index


def _levels(centre: float, width: float, function: str, notes: list[str]) -> Levels:
    """Return both ends and the curve by DICOM PS3.3 C.11.2.1.2 and C.11.2.1.3."""
    if not (math.isfinite(centre) and 0 < width < math.inf):
        raise InputError(
            f"expected a window with a centre and a width above 0, got ({centre:g}, {width:g})",
            code="window",
            hint=_HINT,
        )
    if function not in _CURVES:
        notes.append("window: declared with an unknown function, shown as LINEAR")
        function = "LINEAR"
    if function == "LINEAR" and width < 1:  # the standard allows that with the other two only
        notes.append(f"window: declared LINEAR with a width of {width:g}, shown as LINEAR_EXACT")
    elif function == "LINEAR":
        centre, width = centre - 0.5, width - 1
    return Levels(centre - width / 2, centre + width / 2, _CURVES[function])


def _floats(header: Header, tag: str) -> list[float]:
    """Return a tag's numbers; text that is none, such as ``"40,5"``, makes one that is not finite."""
    try:
        return [float(value) for value in values(header, tag)]
    except ValueError:
        return [math.nan]
