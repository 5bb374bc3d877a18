"""DICOM's look-up tables, whose descriptors are looked at before they are believed."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from umit.errors import InputError
from umit.imaging.attributes import Header

__all__ = ["PALETTES", "Table", "painted", "read_table"]

#: What the attributes of a palette begin with.
PALETTES: Final = tuple(f"{colour}PaletteColorLookupTable" for colour in ("Red", "Green", "Blue"))


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
        """Return the entry of each value; pydicom 3.0.2's own wraps in 8-bit tables."""
        index = np.clip(np.rint(values).astype(np.int64) - self.first, 0, len(self.entries) - 1)
        entries: NDArray[Any] = np.array(self.entries, np.uint8 if self.top <= 255 else np.uint16)
        found: NDArray[Any] = entries[index]
        return found


def read_table(item: Header, header: Header, *, signed: bool, notes: list[str] | None = None) -> Table:
    """Return a modality or VOI look-up table (DICOM PS3.3 C.11.1.1 and C.11.2.1.1).

    How many bits an entry has is told by the largest entry: descriptors say 16 or 8 of tables with 12.

    Args:
        item: Of a ModalityLUTSequence or VOILUTSequence.
        header: The file's, for its byte order.
        signed: Whether the table's input can be negative, and with it the first value it stands for.
        notes: Takes a warning where the descriptor says another number of bits.
    """
    first, bits, entries = _parts(item, "LUT", header, signed)
    used = int(entries.max()).bit_length()
    if not used:
        raise _none(f"of {len(entries)} entries", f"{len(entries)} entries of 0 bits")
    if notes is not None and bits != used:
        notes.append(f"window: a look-up table says {bits} bits and uses {used}, which are shown")
    return Table(first, 2.0**used - 1, tuple(entries.tolist()))


def painted(stored: NDArray[Any], header: Header, notes: list[str]) -> tuple[NDArray[Any], int]:
    """Return the colours of palette indices and how many of their bits count (PS3.3 C.7.6.3.1.5)."""
    if header.get(f"{PALETTES[0]}Data") is None and f"Segmented{PALETTES[0]}Data" in header:
        from pydicom.pixels.processing import apply_color_lut

        try:
            found = apply_color_lut(stored, header)[..., :3]
        except (ValueError, TypeError, AttributeError, IndexError, struct.error) as error:
            raise _none("in whole segments", f"damaged ones ({type(error).__name__})") from None
        return found, 8 * found.dtype.itemsize
    parts = [_parts(header, name, header, bool(header.get("PixelRepresentation"))) for name in PALETTES]
    bits, largest = parts[0][1], max(int(entries.max()) for _, _, entries in parts)
    depth = 8 if largest < 2**8 else bits if largest < 2 ** min(bits, 16) else 16
    if depth != bits:
        notes.append(f"colours: a palette says {bits} bits and uses {depth}, which are shown")
    tables = [Table(first, 2.0**depth - 1, tuple(entries.tolist())) for first, _, entries in parts]
    return np.stack([table.look_up(stored) for table in tables], axis=-1), depth


def _parts(item: Header, name: str, header: Header, signed: bool) -> tuple[int, int, NDArray[Any]]:
    """Return the first value of a table, the bits that it says an entry has, and the entries."""
    descriptor, data = item.get(f"{name}Descriptor"), item.get(f"{name}Data")
    said = [int(number) for number in descriptor] if isinstance(descriptor, Sequence) else []
    if len(said) != 3:
        raise _none("with three numbers that describe it", f"{len(said)}")
    count, first, bits = said
    count = count % 2**16 or 2**16  # 0 stands for 65536; it may have been read as signed
    first = (first + 2**15) % 2**16 - 2**15 if signed else first % 2**16  # whatever its VR
    if isinstance(data, bytes):
        order = "<" if header.file_meta.TransferSyntaxUID.is_little_endian else ">"
        words = np.frombuffer(data + b"\0" * (len(data) % 2), f"{order}u2")
    else:
        words = np.atleast_1d(np.asarray([] if data is None else data, np.int64))
    words = words.astype("<u2")
    if count > 1 and len(words) == (count + 1) // 2:  # two of 8 bits in a word, low byte first
        words = words.view("u1")
    if len(words) < count:
        raise _none(f"of {count} entries", f"{len(words)} entries")
    return first, bits, words[:count]


def _none(wanted: str, got: str) -> InputError:
    return InputError(
        f"expected a look-up table {wanted}, got {got}",
        code="malformed",
        hint="Export the file again, or pass window=(centre, width) for a grey picture.",
    )
