"""PNG, JPEG, BMP, TIFF, WEBP and GIF, through Pillow; nothing is clipped and nothing is guessed."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from umit.errors import InputError, UnsupportedFormatError
from umit.imaging.scan import MAX_PIXELS, Scan, pick_frame

__all__ = ["FORMATS", "read_raster"]

FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP", "GIF")
_ORIENTATION = 0x0112  # EXIF 2.32, table 4
# What Pillow's decoders are seen to raise on damaged files, beside OSError.
_BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    struct.error,
    KeyError,
    IndexError,
    TypeError,
    OverflowError,
)


def read_raster(source: Path | Image.Image, *, frame: int | None = None) -> Scan:
    """Read one picture as displayed: EXIF applied, transparency on black.

    Args:
        source: A file, or a Pillow picture.
        frame: Page or animation frame, from 0; needed only where there are several.

    Returns:
        A film: ``uint8`` grey or RGB, or the file's own numbers where they are deeper than 8 bits.

    Raises:
        UnsupportedFormatError: The file is none of :data:`FORMATS`.
        InputError: Truncated, over 100 megapixels, or several frames and none chosen.
    """
    name = "" if isinstance(source, Image.Image) else source.name
    try:
        if isinstance(source, Image.Image):
            return _read(source, frame, name)
        # By handle: from a path Pillow 13.0.0 maps an uncompressed TIFF with orientation 5 to 8
        # into rows of the wrong length, which scrambles it.
        with source.open("rb") as file, Image.open(file, formats=FORMATS) as image:
            return _read(image, frame, name)
    except InputError:
        raise
    except Image.DecompressionBombError:
        raise _too_large("far more", name) from None
    except UnidentifiedImageError:
        raise UnsupportedFormatError(
            f"expected {', '.join(FORMATS)}, got something else or a damaged header",
            code="not_an_image",
            where=name,
        ) from None
    except _BROKEN as error:
        raise InputError(
            "expected a whole picture, got one that breaks off or is damaged "
            f"({type(error).__name__})",
            code="truncated",
            where=name,
            hint="Fetch the file again.",
        ) from None


def _read(image: Image.Image, frame: int | None, name: str) -> Scan:
    notes: list[str] = []
    if image.format == "MPO":  # a camera's JPEG with a preview behind it
        notes.append("frames: only the main picture of an MPO file is read")
    else:
        chosen = pick_frame(frame, getattr(image, "n_frames", 1), name)
        if chosen != image.tell():
            image.seek(chosen)
    size = image.size
    if size[0] * size[1] > MAX_PIXELS:
        raise _too_large(f"{size[0]} × {size[1]}", name)
    turned = image.getexif().get(_ORIENTATION, 1)  # before load(), which turns a TIFF itself
    image.load()
    if image.size != size:
        raise OSError("the pixels are not of the size that the header says")
    upright = ImageOps.exif_transpose(image)
    if turned in range(2, 9):
        notes.append(f"EXIF orientation {turned} applied")
    plain = _plain(upright, notes)
    return Scan(np.array(plain)[None], warnings=tuple(notes), name=name)


def _plain(image: Image.Image, notes: list[str]) -> Image.Image:
    """Return the picture as L, RGB, or the mode of its deeper numbers."""
    deep = image.mode.startswith(("I", "F"))
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


def _too_large(size: str, name: str) -> InputError:
    return InputError(
        f"expected at most {MAX_PIXELS // 1_000_000} megapixels, got {size} pixels",
        code="pixel_limit",
        where=name,
        hint="Export the picture at a smaller size.",
    )
