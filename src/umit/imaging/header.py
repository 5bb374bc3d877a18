"""How large a picture is, told from its header; no pixel is decoded."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, UnidentifiedImageError

from umit.errors import InputError
from umit.imaging.raster import FORMATS
from umit.imaging.read import load
from umit.imaging.sniff import file_kind

__all__ = ["picture_size"]

_ORIENTATION = 274  # EXIF's tag
_TURNED = (5, 6, 7, 8)  # its values that swap width and height


def picture_size(path: Path) -> tuple[int, ...]:
    """Return a picture's size as displayed, or a volume's in file order.

    Args:
        path: A file of any kind that :func:`umit.load` reads.

    Returns:
        ``(width, height)`` of a film, ``(x, y, z)`` of a volume.

    Raises:
        InputError: Missing, empty, or no picture.
    """
    if not path.exists():
        raise InputError("expected a file, found none", code="missing", where=path.name)
    kind = file_kind(path)
    if kind == "raster":
        return _raster(path)
    if kind == "dicom":
        return _dicom(path)
    if path.suffix == ".npy":
        raise InputError("expected a picture file, got an array", code="format", where=path.name)
    size = load(path).size  # NIfTI and the like: their readers decode no more than they must
    return tuple(size)


def _raster(path: Path) -> tuple[int, int]:
    try:
        with Image.open(path, formats=FORMATS) as image:
            width, height = image.size
            turned = image.getexif().get(_ORIENTATION, 1) in _TURNED
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise InputError(
            f"expected a picture, got a damaged file ({type(error).__name__})",
            code="truncated",
            where=path.name,
        ) from None
    except Image.DecompressionBombError:
        raise InputError(
            "expected at most 100 megapixels", code="too_large", where=path.name
        ) from None
    return (height, width) if turned else (width, height)


def _dicom(path: Path) -> tuple[int, ...]:
    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError

    try:
        header = dcmread(
            path, stop_before_pixels=True, specific_tags=["Columns", "Rows", "NumberOfFrames"]
        )
        size = (int(header.Columns), int(header.Rows))
        frames = int(header.get("NumberOfFrames") or 1)
    except (
        InvalidDicomError,
        OSError,
        ValueError,
        TypeError,
        AttributeError,
        KeyError,
        EOFError,
    ) as error:
        raise InputError(
            f"expected DICOM with rows and columns ({type(error).__name__})",
            code="truncated",
            where=path.name,
        ) from None
    return (*size, frames) if frames > 1 else size
