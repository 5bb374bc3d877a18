"""What a coded picture says of itself: JPEG, JPEG-LS and JPEG 2000 streams, read to their end marker."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

from umit.errors import InputError
from umit.imaging.faults import truncated

__all__ = ["Codestream", "broken_off", "read_codestream"]

Colours: TypeAlias = Literal["RGB", "YBR_FULL"]

_SOC: Final = b"\xff\x4f\xff\x51"  # with SIZ, which follows at once: ISO/IEC 15444-1 A.5.1
_JP2: Final = b"\0\0\0\x0cjP  "  # a file's signature box, ISO/IEC 15444-1 I.5.1
_EOI, _EOC, _SOS, _SOT, _COD = 0xD9, 0xD9, 0xDA, 0x90, 0x52
_JPEG_LS = 0xF7  # SOF55, ISO/IEC 14495-1 C.1.1
# SOF0 to SOF15 without DHT, JPG and DAC: ISO/IEC 10918-1 table B.1.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {_JPEG_LS}
_SEQUENTIAL = (0xC0, 0xC1, 0xC9)
_BY_COSINES = (*_SEQUENTIAL, 0xC2, 0xCA)
_BARE = frozenset({0x01, *range(0xD0, 0xD9)})  # TEM, RST and SOI have no length: B.1.1.3
_MARKER = re.compile(rb"\xff+([^\0\xff])")
# Behind SOS 255 is data before 0 (ISO/IEC 10918-1 F.1.2.3), in JPEG-LS before a bit of 0 (14495-1
# A.1); restarts lie within. Any other marker ends the data.
_AFTER_DATA = re.compile(rb"\xff+([\x01-\xcf\xd8-\xfe])")
_AFTER_LS_DATA = re.compile(rb"\xff+([\x80-\xcf\xd8-\xfe])")
_ADOBE_RGB = b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\0"  # transform 0: none


@dataclass(frozen=True, slots=True)
class Codestream:
    """One coded picture that reaches its end marker.

    Args:
        data: The bytes to decode, mended where ``notes`` say so.
        columns: Of the picture.
        rows: Likewise; 0 where only a DNL segment would say.
        samples: A pixel: 1 grey, 3 colours.
        bits: Of one sample.
        signed: Whether samples are; ``None`` where the codec has no word for it.
        colours: What the decoded samples are, or ``None`` where the stream does not tell.
        notes: What was mended.
    """

    data: bytes
    columns: int
    rows: int
    samples: int
    bits: int
    signed: bool | None = None
    colours: Colours | None = None
    notes: tuple[str, ...] = ()


def broken_off(got: str) -> InputError:
    """Return the error of a picture whose end is missing."""
    return truncated("a whole coded picture", f"one that {got}")


def read_codestream(data: bytes) -> Codestream:
    """Read a stream's headers and walk to its end marker; no pixel is decoded.

    Args:
        data: One frame, padding behind the end marker included.

    Raises:
        InputError: Neither JPEG, JPEG-LS nor JPEG 2000, or broken off before its end marker.

    Example:
        >>> start = "ff d8 ff c3 00 0b 10 00 06 00 08 01 01 11 00 ff d9"
        >>> stream = read_codestream(bytes.fromhex(start))
        >>> stream.columns, stream.rows, stream.bits
        (8, 6, 16)
    """
    try:
        if data.startswith(_JP2):
            return _jpeg_2000(data[max(0, data.find(_SOC)) :])
        return _jpeg_2000(data) if data.startswith(_SOC[:2]) else _jpeg(data)
    except IndexError:
        raise broken_off("breaks off in a segment") from None


def _word(data: bytes, at: int, size: int = 2) -> int:
    if at + size > len(data):
        raise IndexError
    return int.from_bytes(data[at : at + size], "big")


def _jpeg(data: bytes) -> Codestream:
    if not data.startswith(b"\xff\xd8"):
        raise InputError(
            "expected a JPEG, JPEG-LS or JPEG 2000 stream, got other bytes",
            code="malformed",
            hint="The transfer syntax and the pixels do not fit; export the file again.",
        )
    at, kind, ends, mended = 2, 0, _MARKER, bytearray(data)
    found, adobe, jfif = Codestream(data, 0, 0, 0, 0), b"", False
    ids, evenly, notes = b"", True, tuple[str, ...]()
    while True:
        match = ends.search(data, at)
        if match is None:
            raise broken_off("has no end marker (EOI)")
        at, marker = match.end(), data[match.end() - 1]
        ends = _MARKER
        if marker == _EOI:
            break
        if marker in _BARE:
            continue
        body, at = at + 2, at + _word(data, at)
        if at > len(data):
            raise broken_off("breaks off in a segment")
        if marker in _FRAMES:
            kind, bits = marker, data[body]
            rows, columns, samples = _word(data, body + 1), _word(data, body + 3), data[body + 5]
            ids = data[body + 6 : body + 6 + 3 * samples : 3]
            evenly = len(set(data[body + 7 : body + 6 + 3 * samples : 3])) == 1
            found = Codestream(data, columns, rows, samples, bits)
        elif marker == 0xE0:
            jfif |= data.startswith(b"JFIF", body)
        elif marker == 0xEE and data.startswith(b"Adobe", body):
            adobe = data[match.start() : at]
        elif marker == _SOS:
            ends = _AFTER_LS_DATA if kind == _JPEG_LS else _AFTER_DATA
            # Sequential scans run from 0 to 63 (ISO/IEC 10918-1 B.2.3); NEMA's own samples say 0.
            if kind in _SEQUENTIAL and data[at - 3 : at - 1] != b"\0\x3f":
                mended[at - 3 : at - 1] = b"\0\x3f"
                notes = ("JPEG: its scan names no coefficients, all 64 are taken",)
    if not kind:
        raise broken_off("ends before it states its size")
    found = replace(found, data=bytes(mended) if notes else data, notes=notes)
    return _coloured(found, kind, ids, evenly, adobe, jfif)


def _coloured(found: Codestream, kind: int, ids: bytes, evenly: bool, adobe: bytes, jfif: bool) -> Codestream:
    """Tell RGB from YCbCr as libjpeg does (jdapimin.c), and let the stream say so itself."""
    if found.samples != 3 or kind not in _BY_COSINES:
        return found
    transformed = bool(adobe) and adobe[-1] != 0
    if ids in (b"RGB", b"rgb") or (adobe and not transformed and not jfif):
        data = found.data if adobe else found.data[:2] + _ADOBE_RGB + found.data[2:]
        return replace(found, colours="RGB", data=data)
    if jfif or transformed or ids == b"\x01\x02\x03" or not evenly:
        # Pillow turns what is marked so into RGB itself, others do not.
        return replace(found, colours="YBR_FULL", data=found.data.replace(adobe, b"", 1))
    return found


def _jpeg_2000(data: bytes) -> Codestream:
    """Walk the tile-parts, whose lengths are stated (ISO/IEC 15444-1 A.4.2), to EOC."""
    right, low, left, top, *tile = (_word(data, at, 4) for at in range(8, 40, 4))
    width, height, tile_left, tile_top = tile
    samples, depth = _word(data, 40), data[42]
    tiles = -(-(right - tile_left) // max(1, width)) * -(-(low - tile_top) // max(1, height))
    seen, at, mixed = set[int](), 2, False
    while (marker := _word(data, at)) != 0xFF00 | _EOC:
        if marker == 0xFF00 | _COD:
            mixed |= data[at + 8] == 1  # the transform over components: A.6.1
        if marker == 0xFF00 | _SOT:
            seen.add(_word(data, at + 4))
            length = _word(data, at + 6, 4)
            # Packets never spell a marker; 0 stands for a last part up to EOC.
            at = at + length if length else data.find(b"\xff\xd9", at)
        else:
            at = at + 2 + _word(data, at + 2) if marker >> 8 == 0xFF else -1
        if not 0 <= at < len(data) - 1:
            raise broken_off("has no end marker (EOC)")
    if len(seen) < tiles < 2**16:  # more are none (A.5.1): the size is damaged, and told as such
        raise broken_off(f"holds {len(seen)} of {tiles} tiles")
    return Codestream(
        data,
        right - left,
        low - top,
        samples,
        (depth & 0x7F) + 1,
        signed=bool(depth >> 7),
        colours="RGB" if mixed and samples == 3 else None,
    )
