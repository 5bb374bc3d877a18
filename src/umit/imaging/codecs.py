"""Stored DICOM pixels to numbers: transfer syntaxes and their decoders."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from umit.errors import InputError, MissingMetadataError, UnsupportedFormatError
from umit.imaging.attributes import Header
from umit.imaging.bits import Stored, beyond, padding, without_spare_bits
from umit.imaging.codestream import Codestream, broken_off, read_codestream
from umit.imaging.faults import truncated
from umit.imaging.fragments import coded_frame
from umit.imaging.limits import check_megapixels
from umit.imaging.part10 import PIXELS

__all__ = ["check_decoder", "check_pixels", "decode", "frame_count"]

_ITEM = b"\xfe\xff\x00\xe0"


def decode(header: Header, frame: int, notes: list[str]) -> Stored:
    """Return the stored numbers of one frame, without overlay bits.

    Where a coded picture and the header differ, the picture is followed: it was there first.
    """
    packed = check_decoder(header)
    options = _options(header, notes)
    syntax = header.file_meta.TransferSyntaxUID
    if packed:
        options["planar_configuration"] = 0  # no codec's decoder gives planes: PS3.5 8.2
        stream = read_codestream(coded_frame(header, frame))
        stated = options["bits_stored"]
        _follow(stream, options, notes)
        pixels = _decoded(syntax, _one(stream.data), 0, options)
        if stream.bits > stated and beyond(pixels, stated, pixels.dtype.kind == "i"):
            notes.append(
                f"values: the coded picture has {stream.bits} bits, its header says {stated}; the picture is followed"
            )
        return Stored(pixels, stream.bits, padding(header, pixels.dtype))
    options["correct_unused_bits"] = False  # pydicom would cut what an error of the header spares
    if syntax.is_encapsulated:
        pixels = _run_lengths(syntax, coded_frame(header, frame), options)
    else:
        _check_length(header)
        data, size = header[options["pixel_keyword"]].value, options["rows"] * options["columns"]
        if options["bits_allocated"] == 1 and size % 8:  # pydicom 3.0.2 starts each frame at a byte
            start = frame * size
            bits = np.frombuffer(data, np.uint8)[start // 8 : -(-(start + size) // 8)]
            found = np.unpackbits(bits, bitorder="little")[start % 8 :][:size]
            pixels = found.reshape(options["rows"], options["columns"])
        else:
            options["number_of_frames"] = frame_count(header)
            pixels = _decoded(syntax, data, frame, options)
    return without_spare_bits(pixels, header, options, notes)


def frame_count(header: Header) -> int:
    """Return how many frames a file holds, and check that it has room for them."""
    count = int(header.get("NumberOfFrames") or 1)
    room = max(len(header.get(tag) or b"") for tag in PIXELS)
    if count < 1 or (room and count > max(1, 8 * room)):
        raise truncated(f"frames that fit into {room} bytes of pixels", f"{count}")
    return count


def _options(header: Header, notes: list[str]) -> dict[str, Any]:
    """Return what pydicom needs to know of the pixels, checked."""
    keyword = next(tag for tag in PIXELS if tag in header)
    needed = ["Rows", "Columns", "SamplesPerPixel", "BitsAllocated", "PhotometricInterpretation"]
    needed += ["PixelRepresentation"] * (keyword == "PixelData")
    native = not header.file_meta.TransferSyntaxUID.is_encapsulated
    needed += ["PlanarConfiguration"] * (native and header.get("SamplesPerPixel") == 3)
    for tag in needed:
        if header.get(tag) is None:
            raise MissingMetadataError(f"expected {tag}, which every DICOM picture has, got none", code="malformed")
    rows, columns, samples = int(header.Rows), int(header.Columns), int(header.SamplesPerPixel)
    check_megapixels(rows, columns)
    allocated = int(header.BitsAllocated)
    stored = int(header.get("BitsStored") or 0)
    if samples not in (1, 3):
        raise _contradiction(f"{samples} samples a pixel")
    if allocated not in (1, 8, 16, 32, 64) or stored > allocated:
        raise _contradiction(f"{stored} bits stored in {allocated} allocated")
    if not stored and keyword == "PixelData":
        notes.append(f"values: BitsStored is 0 or missing, all {allocated} bits are taken")
    return {
        "rows": rows,
        "columns": columns,
        "samples_per_pixel": samples,
        "bits_allocated": allocated,
        "bits_stored": stored or allocated,
        "number_of_frames": 1,
        "photometric_interpretation": str(header.PhotometricInterpretation),
        "planar_configuration": int(header.get("PlanarConfiguration") or 0),
        "pixel_representation": int(header.get("PixelRepresentation") or 0),
        "pixel_keyword": keyword,
        "pixel_vr": str(header[keyword].VR),
    }


def check_pixels(header: Header, *, read: bool = True) -> None:
    """Check that a file has a size above 0, and pixels if they were read."""
    sized = header.get("Rows") is not None and header.get("Columns") is not None
    if not sized or (read and not any(tag in header for tag in PIXELS)):
        raise InputError(
            "expected a DICOM picture, got an object without pixels",
            code="no_pixels",
            hint="Reports and plans hold none, and a file that ends in its header has lost them.",
        )
    if min(int(header.Rows), int(header.Columns)) < 1:
        raise _contradiction(f"{header.Columns} × {header.Rows} pixels")


def _contradiction(got: str) -> InputError:
    return InputError(
        f"expected a header that describes a picture, got {got}",
        code="malformed",
        hint="The header contradicts itself; export the file again.",
    )


def check_decoder(header: Header) -> bool:
    """Return whether the pixels are compressed by a picture codec, which is installed."""
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.uid import DeflatedExplicitVRLittleEndian, RLELossless

    syntax = header.file_meta.TransferSyntaxUID
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        raise UnsupportedFormatError(
            "expected a transfer syntax of still pictures that a decoder knows, got "
            f"{syntax.name if syntax.name != syntax else 'another'}",
            code="transfer_syntax",
            hint="Save the file as Explicit VR Little Endian, or a film's frame as a picture.",
        ) from None
    if not syntax.is_compressed or syntax in (DeflatedExplicitVRLittleEndian, RLELossless):
        return False
    found = set(decoder.available_plugins)
    if not (found - {"pillow"} or ("pillow" in found and _pillow_can(header, syntax))):
        raise UnsupportedFormatError(
            f"expected a picture that Pillow can decode, got {syntax.name} of "
            f"{header.get('BitsStored') or header.get('BitsAllocated')} bits",
            code="codec_missing",
            hint='Install its decoder: pip install "umit[codecs]".',
        )
    return True


def _pillow_can(header: Header, syntax: str) -> bool:
    """Whether Pillow gives all bits: no 12-bit JPEG, no deep colours (pydicom's pillow plugin)."""
    from pydicom.uid import JPEGExtended12Bit

    bits = int(header.get("BitsStored") or header.get("BitsAllocated") or 8)
    if syntax == JPEGExtended12Bit:
        return bits == 8
    return bits <= (8 if header.get("SamplesPerPixel") == 3 else 16)


def _follow(stream: Codestream, options: dict[str, Any], notes: list[str]) -> None:
    """Let the coded picture's own header win over the file's, and say where they differ."""
    said = (options["columns"], options["rows"])
    if stream.columns != said[0] or stream.rows not in (0, said[1]):
        raise _contradiction(
            f"{said[0]} × {said[1]} pixels where the coded picture has {stream.columns} × {stream.rows}"
        )
    if stream.samples != options["samples_per_pixel"]:
        raise _contradiction(
            f"{options['samples_per_pixel']} samples a pixel where the coded picture has {stream.samples}"
        )
    notes += stream.notes
    if stream.bits != options["bits_stored"]:
        container = next(size for size in (8, 16, 32, 64) if stream.bits <= size)
        if stream.signed is None and stream.bits < options["bits_stored"]:
            options["pixel_representation"] = 0  # too few of the header's bits to hold its sign
        options |= {"bits_stored": stream.bits, "bits_allocated": container}
    # The other way round header and bits are often right: the two's complement of -2000 in 13 bits
    # is coded as 6192 (pydicom's J2K_pixelrep_mismatch.dcm).
    if stream.signed and not options["pixel_representation"]:
        notes.append("values: signed in the coded picture, unsigned in its header; taken as signed")
        options["pixel_representation"] = 1
    label = options["photometric_interpretation"]
    if stream.signed is not None and label in ("YBR_RCT", "YBR_ICT"):
        label = "RGB"  # JPEG 2000's own transforms, which its decoder undoes
    if stream.colours and stream.colours[:3] != label[:3]:
        notes.append(
            f"colours: {stream.colours[:3]} in the coded picture, {label[:3]} in its header; the picture is followed"
        )
        options["photometric_interpretation"] = stream.colours


def _one(data: bytes) -> bytes:
    """Put one frame into items, behind an empty offset table."""
    return b"".join((_ITEM, bytes(4), _ITEM, struct.pack("<I", len(data)), data))


def _decoded(syntax: Any, data: bytes, frame: int, options: dict[str, Any]) -> NDArray[Any]:
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.uid import JPEGLSTransferSyntaxes, RLELossless

    decoder, plugin = get_decoder(syntax), ""
    if syntax == RLELossless:  # another, written in Rust, panics on damaged data past every except
        plugin = "pydicom"
    elif syntax in JPEGLSTransferSyntaxes and "pyjpegls" in decoder.available_plugins:
        plugin = "pyjpegls"  # the other fills rows that are missing
    try:
        pixels, _ = decoder.as_array(data, index=frame, decoding_plugin=plugin, **options)
    except (ValueError, RuntimeError) as error:
        reasons = str(error).partition("plugins:")[2] or str(error)
        raise InputError(
            f"expected pixels that a decoder of {syntax.name} takes, got ones that it refuses: "
            f"{' '.join(reasons.split())[:300]}",
            code="malformed",
            hint="Ask the archive for the file uncompressed, or look at it in another viewer.",
        ) from None
    return np.asarray(pixels)


def _run_lengths(syntax: Any, data: bytes, options: dict[str, Any]) -> NDArray[Any]:
    """Decode RLE (DICOM PS3.5 annex G), whose end no marker tells: its segments must fill up."""
    rows, columns, bits = (options[name] for name in ("rows", "columns", "bits_allocated"))
    if len(data) < 64:
        raise broken_off("breaks off in the header of its segments")
    (count,) = struct.unpack("<L", data[:4])
    wanted = options["samples_per_pixel"] * max(1, bits // 8)
    if count != wanted:
        got = f"{count}" if count < 16 else "other bytes than RLE's"
        raise _contradiction(f"{wanted} bytes a pixel where the coded picture has {got}")
    size = rows * columns

    def spelled(length: int) -> NDArray[Any] | None:
        whole = {} if length == size else {"rows": 1, "columns": length}
        try:
            return _decoded(syntax, _one(data), 0, {**options, **whole, "bits_allocated": max(bits, 8)})
        except InputError:  # with so many segments it is one that is too short
            return None

    pixels = spelled(size)
    if pixels is None and bits == 1:  # eight pixels a byte, the first in the lowest bit
        packed = spelled(-(-size // 8))
        if packed is not None and spelled(-(-size // 8) + 1) is None:
            pixels = np.unpackbits(packed, count=size, bitorder="little").reshape(rows, columns)
    if pixels is None:
        raise broken_off(f"spells fewer than {size} bytes in a segment")
    return pixels


def _check_length(header: Header) -> None:
    from pydicom.pixels.utils import get_expected_length

    expected = get_expected_length(header)
    got = max(len(header.get(tag) or b"") for tag in PIXELS)
    if (header.get("PixelData") or b"").startswith(_ITEM):
        raise _contradiction("a transfer syntax without coding, and coded pictures")
    if got < expected:
        raise truncated(f"{expected} bytes of pixels", f"{got}")
