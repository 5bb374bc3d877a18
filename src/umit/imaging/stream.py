"""The bytes of a plain or gzipped file, a piece at a time, however far it inflates."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

__all__ = ["GZIP", "MOST_INFLATED", "fill", "head", "inflated", "is_packed", "room"]

MOST_INFLATED = 2**33  # bytes passed to reach one volume; 54 of 512 × 512 × 300 16-bit numbers

GZIP = b"\x1f\x8b"
_TAKEN = 128 * 1024  # compressed bytes at a time
_GIVEN = 1024 * 1024  # inflated bytes at a time: what a bomb can take at once
_DEFLATE = 1032  # the most bytes one compressed byte can become; zlib's technical notes


def is_packed(path: Path) -> bool:
    """Tell whether a file is gzipped, by its first bytes."""
    with path.open("rb") as file:
        return file.read(2) == GZIP


def room(path: Path, packed: bool) -> int:
    """Return how many bytes a file can hold at most, once inflated."""
    return path.stat().st_size * (_DEFLATE if packed else 1)


def head(path: Path, count: int) -> bytes:
    """Return the first bytes of a file, inflated; fewer where it is shorter or damaged."""
    with path.open("rb") as file:
        found = file.read(count)
        if not found.startswith(GZIP):
            return found
        file.seek(0)
        found = b""
        try:
            for piece in inflated(file, given=count):
                found += piece
                if len(found) >= count:
                    break
        except (EOFError, zlib.error):
            pass  # whoever needs more says what is missing
    return found[:count]


def fill(path: Path, offset: int, target: memoryview) -> None:
    """Read bytes into memory that the caller holds, behind ``offset`` inflated ones.

    A gzip member that ends with the last of them is checked against its own sum.

    Raises:
        EOFError: The file ends before the target is full.
        OSError, zlib.error: The file cannot be read, or is damaged.
    """
    with path.open("rb") as file:
        if file.read(2) != GZIP:
            file.seek(offset)
            if file.readinto(target) < len(target):
                raise EOFError
            return
        file.seek(0)
        place, pieces = -offset, inflated(file)
        for piece in pieces:
            if place + len(piece) > 0:
                part = piece[max(0, -place) : len(target) - place]
                start = max(0, place)
                target[start : start + len(part)] = part
            place += len(piece)
            if place >= len(target):
                break
        if place < len(target):
            raise EOFError
        if place == len(target):
            next(filter(None, pieces), None)  # nothing, or the sum at the end does not fit


def inflated(file: BinaryIO, given: int = _GIVEN, *, gzipped: bool = True) -> Iterator[bytes]:
    """Inflate one gzip member after another, at most ``given`` bytes at once; some have thousands.

    What is deflated and not gzipped has no members, and what follows its end is not looked at.

    Raises:
        EOFError: The file ends within a member.
        zlib.error: It is damaged.
    """
    rest = file.read(_TAKEN)
    while rest:
        member = zlib.decompressobj(16 + zlib.MAX_WBITS if gzipped else -zlib.MAX_WBITS)
        while not member.eof:
            rest = rest or file.read(_TAKEN)
            piece = member.decompress(rest, given)
            if not rest and not piece and not member.eof:
                raise EOFError
            rest = member.unconsumed_tail
            yield piece
        more = (member.unused_data or file.read(_TAKEN)) if gzipped else b""
        rest = more.lstrip(b"\0")  # padding, as on tapes
