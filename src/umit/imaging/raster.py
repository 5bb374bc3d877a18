"""PNG, JPEG, BMP, TIFF, WEBP and GIF, through Pillow; nothing is clipped and nothing is guessed."""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, TiffImagePlugin, UnidentifiedImageError

from umit.errors import InputError, UnsupportedFormatError
from umit.imaging.codestream import read_codestream
from umit.imaging.faults import truncated
from umit.imaging.limits import MAX_PIXELS, check_megapixels, pick_frame
from umit.imaging.scan import Scan

__all__ = ["FORMATS", "looks_like_raster", "raster_size", "read_raster"]

_Read = TypeVar("_Read")

FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP", "GIF")
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_MAGIC = (b"\x89PNG", b"\xff\xd8\xff", b"BM", b"GIF8", *_TIFF)
_ORIENTATION = 0x0112  # EXIF 2.32, table 4
_SWAPPED = (5, 6, 7, 8)  # its values that exchange width and height
_PHOTOMETRIC = 262  # TIFF 6.0, section 8; 0 is WhiteIsZero
_BITS, _SAMPLES, _PLANES, _KIND = 258, 277, 284, 339  # likewise; SampleFormat: section 19
_SEPARATE = 2
_KINDS = {1: "unsigned", 2: "signed", 3: "real", 5: "complex", 6: "complex"}
_TURNED = {"I;16BS": ">i2", "I;32BS": ">i4", "F;32BF": ">f4"}
# What Pillow's decoders are seen to raise on damaged files, beside OSError.
_BROKEN = (OSError, SyntaxError, ValueError, EOFError, struct.error, KeyError, IndexError, TypeError, OverflowError)


def looks_like_raster(head: bytes) -> bool:
    """Tell from the first bytes."""
    return head.startswith(_MAGIC) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")


def read_raster(source: Path | Image.Image, *, frame: int | None = None) -> Scan:
    """Read one picture as displayed: EXIF applied, transparency on black.

    It is ``uint8`` grey or RGB, or the file's own numbers where they are deeper than 8 bits. ``frame`` is
    a page or animation frame, from 0, and needed only where there are several.

    Raises:
        UnsupportedFormatError: The file is none of :data:`FORMATS`.
        InputError: Truncated, over 100 megapixels, or several frames and none chosen.
    """
    return _opened(source, lambda image: _read(image, frame))


def raster_size(path: Path) -> tuple[int, int]:
    """Return a picture's ``(width, height)`` as displayed; no pixel is decoded."""

    def size(image: Image.Image) -> tuple[int, int]:
        width, height = _check_size(image)
        with _pillow():
            turned = image.getexif().get(_ORIENTATION, 1) in _SWAPPED
        return (height, width) if turned else (width, height)

    return _opened(path, size)


def _opened(source: Path | Image.Image, read: Callable[[Image.Image], _Read]) -> _Read:
    """Hand over an open picture."""
    if isinstance(source, Image.Image):
        return read(source)
    # By handle: from a path Pillow 13.0.0 maps an uncompressed TIFF with orientation 5 to 8
    # into rows of the wrong length, which scrambles it.
    with _Bounded(source) as file:
        try:
            with _pillow():
                image = Image.open(file, formats=FORMATS)
        except UnidentifiedImageError:
            raise _unknown(source) from None
        with image:
            return read(image)


@contextmanager
def _pillow() -> Iterator[None]:
    """Turn what Pillow raises on damaged files into ours; only its calls go within."""
    try:
        yield
    except UnidentifiedImageError:
        raise
    except Image.DecompressionBombError:
        raise InputError(
            f"expected at most {MAX_PIXELS // 1_000_000} megapixels, got far more", code="pixel_limit"
        ) from None
    except _BROKEN as error:
        got = f"one that breaks off or is damaged ({type(error).__name__})"
        raise truncated("a whole picture", got) from None


class _Bounded(io.BufferedReader):
    """Never asks for more than a file has left: memory is taken for a claimed length before it is read."""

    def __init__(self, path: Path) -> None:
        super().__init__(io.FileIO(path))
        self._size = path.stat().st_size

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > 0:
            size = min(size, max(self._size - self.tell(), 0))
        return super().read(size)


def _read(image: Image.Image, frame: int | None) -> Scan:
    notes: list[str] = []
    _check_size(image)
    if image.format == "MPO" and frame is None:  # a camera's JPEG with a preview behind it
        notes.append("frames: the main picture of an MPO file is read; frame= chooses another")
        frame = 0
    with _pillow():
        count = getattr(image, "n_frames", 1)
    chosen = pick_frame(frame, count)
    with _pillow():
        if chosen != image.tell():
            image.seek(chosen)
    size = _check_size(image)
    _check_depth(image, notes)
    kind, upright = _sample_kind(image), image
    negative = getattr(image, "tag_v2", {}).get(_PHOTOMETRIC) == 0
    with _pillow():
        turned = image.getexif().get(_ORIENTATION, 1)  # before load(), which turns a TIFF itself
        image.load()
        if image.size != size:
            raise OSError("the pixels are not of the size that the header says")
        if turned in range(2, 9):  # otherwise exif_transpose would copy the picture for nothing
            upright = ImageOps.exif_transpose(image)
    if turned in range(2, 9):
        notes.append(f"EXIF orientation {turned} applied")
    plain = _plain(upright, notes)
    inverted = negative and _is_deep(plain)  # Pillow turns the 8-bit ones itself, and only those
    if inverted:
        notes.append("grey levels: the file stores white as 0, shown so")
    return Scan(_pixels(plain, kind, notes)[None], inverted=inverted, warnings=tuple(notes))


def _check_size(image: Image.Image) -> tuple[int, int]:
    width, height = image.size
    check_megapixels(height, width)
    return width, height


def _check_depth(image: Image.Image, notes: list[str]) -> None:
    """Find the 16-bit channels that Pillow cuts to their upper 8 without a word."""
    stored = str([tile[3] for tile in getattr(image, "tile", ())])
    if "LA;16" in stored:
        raise UnsupportedFormatError(
            "expected 16-bit grey without transparency, got both, which loses the lower 8 bits",
            code="depth",
            hint="Save it without its alpha channel.",
        )
    tags = getattr(image, "tag_v2", {})
    deepest = max(tags.get(_BITS, (8,)))
    if tags.get(_PLANES) == _SEPARATE and deepest > 8 and tags.get(_SAMPLES, 1) > 1:
        raise UnsupportedFormatError(
            f"expected colours of 8 bits or next to each other, got {deepest} bits in separate planes",
            code="depth",
            hint="Save it as a PNG, or with the samples of a pixel next to each other.",
        )
    if re.search(r"(RGB|RGBA|RGBX|CMYK);16", stored):
        notes.append("colours: the upper 8 of 16 bits are shown")


def _is_deep(image: Image.Image) -> bool:
    return image.mode.startswith(("I", "F"))


def _sample_kind(image: Image.Image) -> str | None:
    """Return the kind of a grey TIFF's numbers where Pillow 13 reads their bytes as another.

    Signed bytes are taken for unsigned, unsigned 32-bit numbers for signed ones; and compressed
    numbers of a big-endian file, which libtiff has turned already, are turned again.
    """
    tags = getattr(image, "tag_v2", {})
    if not tags or tags.get(_SAMPLES, 1) != 1:
        return None
    for codec, _, _, args in getattr(image, "tile", ()):
        raw = args if isinstance(args, str) else args[0]
        if raw in _TURNED and codec == "libtiff":
            return _TURNED[raw]
    stored = (image.mode, tags.get(_KIND, (1,))[0], tags.get(_BITS, (1,))[0])
    return {("L", 2, 8): "i1", ("I", 1, 32): "u4"}.get(stored)


def _pixels(image: Image.Image, kind: str | None, notes: list[str]) -> NDArray[Any]:
    """Return a copy in this machine's byte order, a transparent grey level made black."""
    pixels = np.array(image)
    pixels = pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
    if kind is not None:
        stored = pixels.astype(np.int16) if kind == ">i2" else pixels
        pixels = stored.view(kind).astype(np.dtype(kind).newbyteorder("="))
    clear = image.info.get("transparency")
    if _is_deep(image) and isinstance(clear, int) and (pixels == clear).any():
        pixels[pixels == clear] = 0
        notes.append("transparency: composited on black")
    return pixels


def _plain(image: Image.Image, notes: list[str]) -> Image.Image:
    """Return the picture as L, RGB, or the mode of its deeper numbers."""
    deep = _is_deep(image)
    if image.has_transparency_data and not deep:
        grey = image.mode in ("L", "LA", "La", "1")
        layers = image.convert("RGBA")
        if layers.getchannel("A").getextrema() != (255, 255):
            notes.append("transparency: composited on black")
        black = Image.new("RGBA", layers.size, (0, 0, 0, 255))
        return Image.alpha_composite(black, layers).convert("L" if grey else "RGB")
    if deep or image.mode in ("L", "RGB"):
        return image
    if image.mode == "1":
        return image.convert("L")
    if image.mode not in ("P", "PA"):
        notes.append(f"colours: {image.mode} converted to RGB")
    return image.convert("RGB")


def _unknown(source: Path) -> InputError:
    """Say whether a file that Pillow does not know is damaged, or of another kind."""
    with source.open("rb") as file:
        head = file.read(12)
    got = _tiff_kind(source) if head.startswith(_TIFF) else ""
    if head.startswith(b"\xff\xd8"):  # whole, it is of a process that Pillow does not know
        with suppress(InputError):
            bits = read_codestream(source.read_bytes()).bits
            got = f"a lossless, JPEG-LS or deep JPEG of {bits}-bit numbers"
    if looks_like_raster(head) and not got:
        return truncated("a whole picture", "a damaged or cut header")
    return UnsupportedFormatError(
        f"expected {', '.join(FORMATS)}, got {got or 'something else'}",
        code="not_an_image",
        hint="Save it again as an 8- or 16-bit PNG or TIFF.",
    )


def _tiff_kind(path: Path) -> str:
    """Say which numbers a TIFF holds that Pillow does not know."""
    with path.open("rb") as file:
        try:
            tags = TiffImagePlugin.ImageFileDirectory_v2(file.read(8))
            file.seek(tags.next)
            tags.load(file)
            bits, kind = tags.get(_BITS, (1,))[0], tags.get(_KIND, (1,))[0]
            count, white = tags.get(_SAMPLES, 1), tags.get(_PHOTOMETRIC) == 0
        except _BROKEN:
            return "a TIFF with a damaged header"
    inverse = ", white stored as 0" if white else ""
    return f"a TIFF of {bits}-bit {_KINDS.get(kind, 'unknown')} numbers, {count} a pixel{inverse}"
