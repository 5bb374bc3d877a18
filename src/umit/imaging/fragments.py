"""Where the frames of encapsulated pixels lie: told once for a whole file (DICOM PS3.5 A.4)."""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections.abc import Iterator
from itertools import pairwise
from typing import Final, TypeAlias

from umit.errors import InputError
from umit.imaging.attributes import Header
from umit.imaging.codestream import broken_off

__all__ = ["coded_frame", "index_frames"]

_Span: TypeAlias = "tuple[int, int]"  # first byte of a fragment, and the one behind its last

_ITEM, _END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"
# SOI, which some marker follows; SOC and SIZ; a JP2 file's signature. No coded data spells them.
_STARTS: Final = (b"\xff\xd8\xff", b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  ")


def index_frames(header: Header, notes: list[str]) -> None:
    """Give a header an Extended Offset Table (PS3.3 C.7.6.3.1.8) with one fragment a frame.

    Only encapsulated pixels are touched; frames beyond those that the header says are told.
    """
    from pydicom.pixels.decoders.base import get_decoder

    syntax = header.file_meta.TransferSyntaxUID
    try:
        get_decoder(syntax)  # a video's fragments are no frames
    except NotImplementedError:
        return  # who needs the pixels says so
    if "PixelData" not in header or not syntax.is_encapsulated:
        return
    data, count = header.PixelData, int(header.get("NumberOfFrames") or 1)
    table, *fragments = list(_items(data)) or [(0, 0)]
    frames = _frames(data, fragments, count, _offsets(header, data, table))
    if len(frames) < count:
        raise broken_off(f"holds {len(frames)} of {count} frames")
    if len(frames) > count:
        notes.append(f"frames: the file holds {len(frames)} where its header says {count}")
    if any(len(spans) > 1 for spans in frames):
        whole = [b"".join(data[start:end] for start, end in spans) for spans in frames]
        at, lengths = 0, [len(frame) for frame in whole]
        frames = [[(at := at + 8, at := at + length)] for length in lengths]
        header.PixelData = b"".join(part for frame in whole for part in (_ITEM, struct.pack("<I", len(frame)), frame))
    header.ExtendedOffsetTable = struct.pack(f"<{count}Q", *(f[0][0] for f in frames[:count]))
    header.ExtendedOffsetTableLengths = struct.pack(
        f"<{count}Q", *(spans[0][1] - spans[0][0] for spans in frames[:count])
    )


def coded_frame(header: Header, frame: int) -> bytes:
    """Return the bytes of one frame of a header that :func:`index_frames` has seen."""
    (start,) = struct.unpack_from("<Q", header.ExtendedOffsetTable, 8 * frame)
    (length,) = struct.unpack_from("<Q", header.ExtendedOffsetTableLengths, 8 * frame)
    data: bytes = header.PixelData[start : start + length]
    return data


def _items(data: bytes) -> Iterator[_Span]:
    """Yield each item's value; the first is the basic offset table."""
    at = 0
    while at + 8 <= len(data) and data[at : at + 4] != _END:
        (length,) = struct.unpack_from("<I", data, at + 4)
        if data[at : at + 4] != _ITEM or length == 0xFFFFFFFF:
            raise InputError(
                "expected coded pictures in items (PS3.5 A.4), got other bytes",
                code="malformed",
                hint="The transfer syntax and the pixels do not fit; export the file again.",
            )
        start, at = at + 8, at + 8 + length
        if at > len(data):
            raise broken_off(f"breaks off {at - len(data)} bytes before its end")
        yield start, at


def _offsets(header: Header, data: bytes, table: _Span) -> list[int]:
    """Return where each frame's first fragment starts, by either table; none where there is none."""
    first = table[1]  # offsets count from the first byte behind the basic table
    extended = header.get("ExtendedOffsetTable") or b""
    kind, raw = ("Q", extended) if extended else ("I", data[slice(*table)])
    raw = raw[: len(raw) // struct.calcsize(kind) * struct.calcsize(kind)]
    return [first + 8 + offset for (offset,) in struct.iter_unpack(f"<{kind}", raw)]


def _frames(data: bytes, fragments: list[_Span], count: int, offsets: list[int]) -> list[list[_Span]]:
    """Group fragments into frames: one each, or by a table that fits, or where a stream starts."""
    if len(fragments) == count:
        return [[span] for span in fragments]
    starts = [start for start, _ in fragments]
    if len(offsets) == count and set(offsets) <= set(starts) and offsets == sorted(offsets):
        cuts = [bisect_left(starts, offset) for offset in offsets]
    else:
        cuts = [k for k, start in enumerate(starts) if data.startswith(_STARTS, start)]
        if count == 1 and len(cuts) < 2:
            cuts = [0] if fragments else []
    return [fragments[start:end] for start, end in pairwise([*cuts, len(fragments)])]
