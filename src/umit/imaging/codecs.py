"""Stored DICOM pixels to numbers: transfer syntaxes, their decoders, and the bits that count."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from umit.errors import InputError, UnsupportedFormatError
from umit.imaging.scan import MAX_PIXELS
from umit.imaging.stored import MAX_BYTES

__all__ = ["bit_depth", "check_inflated", "decode", "frame_count"]

_Header: TypeAlias = Any  # pydicom.Dataset, which is not typed

_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_CHUNK = 1 << 20  # bytes inflated at a time while counting


def decode(header: _Header, frame: int) -> NDArray[Any]:
    """Return the stored numbers of one frame, without overlay bits, and YBR turned to RGB.

    Args:
        header: The whole file, pixels included.
        frame: From 0.

    Returns:
        ``(row, column[, 3])``, signed as the file says.

    Raises:
        UnsupportedFormatError: A transfer syntax without a decoder; the message holds the command
            that installs it, where there is one.
        InputError: No pixels, too many of them, or damaged ones.
    """
    from pydicom.pixels.utils import pixel_array
    from pydicom.uid import RLELossless

    _check_size(header)
    packed = _check_decoder(header)
    stored, high = bit_depth(header), int(header.get("HighBit") or 0)
    # Until 2014 the sample could lie above the lowest bits (PS3.5 8.1.1); pydicom 3.0.2 cuts it.
    shift = 0 if packed else max(0, min(high + 1, int(header.BitsAllocated)) - stored)
    try:
        if packed:
            _check_coded(header, frame)
        if shift:
            header.BitsStored = stored + shift
        # Another decoder of RLE, written in Rust, panics on damaged data past every except.
        rle = header.file_meta.TransferSyntaxUID == RLELossless
        plugin = "pydicom" if rle else ""
        pixels = np.asarray(pixel_array(header, index=frame, decoding_plugin=plugin))
    except InputError:
        raise
    except (ValueError, RuntimeError) as error:
        raise InputError(
            f"expected {header.Columns} × {header.Rows} pixels, got fewer or damaged ones "
            f"({type(error).__name__})",
            code="truncated",
            hint="Fetch the file again.",
        ) from None
    finally:
        if shift:
            header.BitsStored = stored
    return pixels >> shift if shift else pixels


def bit_depth(header: _Header) -> int:
    """Return how many bits of a stored number count."""
    return int(header.get("BitsStored") or header.BitsAllocated)


def frame_count(header: _Header) -> int:
    """Return how many frames a file holds, and check that it has room for them.

    Raises:
        InputError: No frame, or more frames than bytes of pixels.
    """
    count = int(header.get("NumberOfFrames") or 1)
    room = max(len(header.get(tag) or b"") for tag in _PIXELS)
    if count < 1 or (room and count > max(1, room)):
        raise InputError(
            f"expected frames that fit into {room} bytes of pixels, got {count}",
            code="truncated",
            hint="Fetch the file again.",
        )
    return count


def check_inflated(path: Path, *, limit: int = MAX_BYTES) -> None:
    """Refuse a deflated file that grows beyond any volume, before it takes memory.

    Args:
        path: A DICOM file of any transfer syntax.
        limit: Bytes it may grow to.

    Raises:
        InputError: It grows beyond the limit.
    """
    from pydicom.filereader import read_file_meta_info
    from pydicom.uid import DeflatedExplicitVRLittleEndian

    meta = read_file_meta_info(path)
    if meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
        return
    inflate, size = zlib.decompressobj(-zlib.MAX_WBITS), 0
    with path.open("rb") as file:
        # Preamble, then group 2: its length stands in its first element (PS3.10 7.1).
        file.seek(132 + 12 + int(meta.FileMetaInformationGroupLength))
        waiting = file.read(_CHUNK)
        while waiting and not inflate.eof:
            size += len(inflate.decompress(waiting, _CHUNK))
            if size > limit:
                raise InputError(
                    f"expected at most {limit} bytes once inflated, got more", code="volume_limit"
                )
            waiting = inflate.unconsumed_tail or file.read(_CHUNK)


def _check_size(header: _Header) -> None:
    if "Rows" not in header or "Columns" not in header or not any(t in header for t in _PIXELS):
        raise InputError(
            "expected a DICOM picture, got an object without pixels",
            code="no_pixels",
            hint="Reports, plans and directories hold none; pass a picture or a series' folder.",
        )
    if int(header.Rows) * int(header.Columns) > MAX_PIXELS:
        raise InputError(
            f"expected at most {MAX_PIXELS // 1_000_000} megapixels, "
            f"got {header.Columns} × {header.Rows} pixels",
            code="pixel_limit",
        )


def _check_decoder(header: _Header) -> bool:
    """Return whether the pixels are compressed by a picture codec, which is installed."""
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.uid import DeflatedExplicitVRLittleEndian, RLELossless

    syntax = header.file_meta.get("TransferSyntaxUID")
    if syntax is None:
        raise InputError("expected a transfer syntax, got none", code="transfer_syntax")
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        raise UnsupportedFormatError(
            f"expected still pictures, got {syntax.name if syntax.name != syntax else 'another'} "
            "transfer syntax",
            code="transfer_syntax",
            hint="Save the file as Explicit VR Little Endian, or a film's frame as a picture.",
        ) from None
    if not syntax.is_compressed or syntax in (DeflatedExplicitVRLittleEndian, RLELossless):
        return False
    found = set(decoder.available_plugins)
    if not (found - {"pillow"} or ("pillow" in found and _pillow_can(header, syntax))):
        raise UnsupportedFormatError(
            f"expected a picture that Pillow can decode, got {syntax.name} of {bit_depth(header)} "
            "bits",
            code="codec_missing",
            hint='Install its decoder: pip install "umit[codecs]".',
        )
    return True


def _pillow_can(header: _Header, syntax: str) -> bool:
    """Whether Pillow gives all bits: no 12-bit JPEG, no deep colours (pydicom's pillow plugin)."""
    from pydicom.uid import JPEGExtended12Bit

    if syntax == JPEGExtended12Bit:
        return bit_depth(header) == 8
    return bit_depth(header) <= (8 if header.get("SamplesPerPixel") == 3 else 16)


def _check_coded(header: _Header, frame: int) -> None:
    """Compare the size that the coded picture states with the file's, before decoding it."""
    from pydicom.encaps import get_frame

    starts, sizes = header.get("ExtendedOffsetTable"), header.get("ExtendedOffsetTableLengths")
    data = get_frame(
        header.PixelData,
        frame,
        number_of_frames=int(header.get("NumberOfFrames") or 1),
        extended_offsets=(starts, sizes) if starts and sizes else None,
    )
    stated, said = _coded_size(data), (int(header.Columns), int(header.Rows))
    if stated not in (None, said):
        raise InputError(
            f"expected a coded picture of {said[0]} × {said[1]}, got another size",
            code="truncated",
            hint="Fetch the file again.",
        )


def _coded_size(data: bytes) -> tuple[int, int] | None:
    """Return ``(columns, rows)`` of a JPEG, JPEG-LS or JPEG 2000 stream, if it says so."""
    if data.startswith(b"\xff\x4f\xff\x51"):  # SOC, SIZ: ISO/IEC 15444-1 A.5.1
        right, low, left, top = (int.from_bytes(data[k : k + 4], "big") for k in range(8, 24, 4))
        return right - left, low - top
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == 0xFF:  # fill bytes may precede a marker: ISO/IEC 10918-1 B.1.1.2
            at += 1
            continue
        # SOF0 to SOF15 without DHT, JPG and DAC (ISO/IEC 10918-1 B.2.2); SOF55 (14495-1 C.2.2).
        if marker == 0xF7 or (0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC)):
            rows, columns = (int.from_bytes(data[at + k : at + k + 2], "big") for k in (5, 7))
            return (columns, rows) if rows else None  # 0: given later, in DNL
        at += 2 + length
    return None
