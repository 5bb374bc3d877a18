"""What a DICOM file declares about showing its values: windows and look-up tables."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias, TypeGuard

import numpy as np
from numpy.typing import NDArray

from umit.errors import InputError
from umit.imaging.series import functional
from umit.imaging.window import FULL, PRESETS, Curve

__all__ = ["Levels", "Shown", "Table", "Window", "declared", "is_declared", "read_table"]

Window: TypeAlias = str | int | tuple[float, float] | None
_Header: TypeAlias = Any  # pydicom.Dataset, which is not typed

_HINT = "Pass window=(centre, width), a preset's name or an index."


@dataclass(frozen=True, slots=True)
class Table:
    """A look-up table for values.

    Args:
        first: The value that the first entry stands for; lower ones take it too.
        top: The largest entry there can be.
        entries: The table, as 16-bit numbers.

    Example:
        >>> Table(10, 255.0, (5, 6)).look_up(np.array([0, 10, 11, 99])).tolist()
        [5, 5, 6, 6]
    """

    first: int
    top: float
    entries: tuple[int, ...]

    def look_up(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return the entry of each value; pydicom 3.0.2's own wraps in 8-bit tables.

        Args:
            values: Any shape, file units.
        """
        index = np.clip(np.rint(values).astype(np.int64) - self.first, 0, len(self.entries) - 1)
        entries: NDArray[Any] = np.array(self.entries, np.uint8 if self.top <= 255 else np.uint16)
        found: NDArray[Any] = entries[index]
        return found


class Levels(NamedTuple):
    """A window's two ends in file units, and how grey runs between them."""

    low: float
    high: float
    curve: Curve = "line"


Shown: TypeAlias = "Levels | Table | None"
_CURVES: Final[dict[str, Curve]] = {
    "LINEAR": "line",
    "LINEAR_EXACT": "line",
    "SIGMOID": "sigmoid",
}


def declared(header: _Header, frame: int, window: Window, notes: list[str]) -> Shown:
    """Return what one frame is shown with: two levels, a table, or ``None``.

    Without a choice it is the first look-up table, else the first window (DICOM PS3.3 C.11.2). A
    preset's name and ``(centre, width)`` are not looked up here: they give ``None``.

    Args:
        header: The file's.
        frame: From 0.
        window: A preset's name, the name that the file gives one of its windows, an index into
            its windows and then its tables, or ``(centre, width)``.
        notes: Takes warnings.

    Raises:
        InputError: No such window, or one without width.
    """
    if not is_declared(window):
        return None
    voi = functional(header, frame, "FrameVOILUTSequence")
    pairs = list(zip(_floats(voi, "WindowCenter"), _floats(voi, "WindowWidth"), strict=False))
    tables = list(voi.get("VOILUTSequence") or ())
    if window is None:
        if tables:
            notes.append("window: VOI look-up table applied")
            return read_table(tables[0], header)
        if not pairs:
            return None
        if len(pairs) > 1:
            notes.append(f"window: the first of {len(pairs)} declared")
    index = _index(voi, window, len(pairs), tables)
    if index >= len(pairs):
        return read_table(tables[index - len(pairs)], header)
    return _levels(*pairs[index], str(voi.get("VOILUTFunction") or "LINEAR"), notes)


def is_declared(window: Window) -> TypeGuard[str | int | None]:
    """Tell whether a window is looked for in the file: neither a preset nor ``(centre, width)``."""
    if isinstance(window, str):
        return window not in PRESETS and window != FULL
    return window is None or isinstance(window, int)


def _index(voi: _Header, window: str | int | None, count: int, tables: list[_Header]) -> int:
    total = count + len(tables)
    if isinstance(window, str):
        # The file's own names are compared and never quoted: they are free text.
        names = _texts(voi, "WindowCenterWidthExplanation")[:count]
        names += [""] * (count - len(names))
        names += [str(table.get("LUTExplanation") or "") for table in tables]
        folded = [name.strip().casefold() for name in names]
        if window.strip() and window.strip().casefold() in folded:
            return folded.index(window.strip().casefold())
        raise InputError(
            f"expected a window of {', '.join(PRESETS)} or the name of one of {total} declared, "
            f"got {window!r}",
            code="window",
            hint=_HINT,
        )
    index = window or 0
    if not 0 <= index < total:
        raise InputError(
            f"expected the index of one of {total} declared windows, got {index}",
            code="window",
            hint="Pass window=(centre, width) or a preset's name.",
        )
    return index


def _levels(centre: float, width: float, function: str, notes: list[str]) -> Levels:
    """Return both ends and the curve by DICOM PS3.3 C.11.2.1.2 and C.11.2.1.3."""
    if function not in _CURVES:
        notes.append("window: declared with an unknown function, shown as LINEAR")
        function = "LINEAR"
    linear = function == "LINEAR"
    if not (math.isfinite(centre) and (width >= 1 if linear else width > 0) and width < math.inf):
        raise InputError(
            f"expected a declared window of width 1 or more, got {width:g}",
            code="window",
            hint="Pass window=(centre, width) or a preset's name.",
        )
    if linear:
        centre, width = centre - 0.5, width - 1
    return Levels(centre - width / 2, centre + width / 2, _CURVES[function])


def read_table(item: _Header, header: _Header) -> Table:
    """Return a modality or VOI look-up table (DICOM PS3.3 C.11.1.1 and C.11.2.1.1).

    Args:
        item: Of a ModalityLUTSequence or VOILUTSequence.
        header: The file's, for its byte order.

    Raises:
        InputError: Fewer entries than it says.
    """
    count, first, bits = (int(number) for number in item.LUTDescriptor)
    count = count % 2**16 or 2**16  # 0 stands for 65536; it may have been read as signed
    data = item.LUTData
    if isinstance(data, bytes):
        order = "<" if header.file_meta.TransferSyntaxUID.is_little_endian else ">"
        data = np.frombuffer(data, "u1" if len(data) < 2 * count else f"{order}u2")
    entries = np.atleast_1d(np.asarray(data))[:count].astype(np.uint8 if bits <= 8 else np.uint16)
    if len(entries) < count or not 1 <= bits <= 16:
        raise InputError(
            f"expected a look-up table of {count} entries, got {len(entries)} of {bits} bits",
            code="malformed",
            hint=_HINT,
        )
    return Table(first, 2.0**bits - 1, tuple(entries.tolist()))


def _floats(header: _Header, tag: str) -> list[float]:
    return [float(value) for value in _values(header, tag)]


def _texts(header: _Header, tag: str) -> list[str]:
    return [str(value) for value in _values(header, tag)]


def _values(header: _Header, tag: str) -> list[Any]:
    value = header.get(tag)
    if value is None or value == "":
        return []
    return [value] if isinstance(value, str | int | float) else list(value)
