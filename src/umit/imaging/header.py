"""How large a picture is, told from its header; no pixel is decoded."""

from __future__ import annotations

from pathlib import Path

from umit.errors import InputError
from umit.imaging.dicom import dicom_size
from umit.imaging.faults import naming
from umit.imaging.raster import raster_size
from umit.imaging.read import load
from umit.imaging.sniff import file_kind

__all__ = ["picture_size"]


def picture_size(path: Path) -> tuple[int, ...]:
    """Return ``(width, height)`` of a film as displayed, or ``(x, y, z)`` of a volume in file order.

    Raises:
        InputError: Missing, empty, or no picture.
    """
    if not path.exists():
        raise InputError("expected a file, found none", code="missing", where=path.name)
    kind = file_kind(path)
    if kind == "raster":
        with naming(path.name):
            return raster_size(path)
    if kind == "dicom":
        return dicom_size(path)
    if path.suffix == ".npy":
        raise InputError("expected a picture file, got an array", code="format", where=path.name)
    size = load(path).size  # NIfTI and the like: their readers decode no more than they must
    return tuple(size)
