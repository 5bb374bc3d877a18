"""Pictures on their way out of umit and back: as paths, as bytes, and what neither of them says."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image

from umit.datasets.pictures import Encoded, Files, Pictures, Stack, Voxels
from umit.datasets.swift_pictures import Several
from umit.errors import DatasetError, InputError
from umit.imaging.sniff import file_kind

__all__ = ["as_bytes", "as_paths", "described", "rebuilt"]

_SUFFIXES: Final = {b"\x89PNG": ".png", b"\xff\xd8\xff": ".jpg", b"GIF8": ".gif", b"BM": ".bmp"}
_MOST_BITS: Final = "expected pictures in files, or of 8 bits"


def as_paths(source: Pictures, folder: Path, beside: str) -> list[str]:
    """Return a sample's pictures as paths; what is in no file of its own is written to one first.

    Args:
        source: From a sample.
        folder: Where the list of paths will be: paths inside it are relative, others absolute.
        beside: Name of the folder inside it for pictures that are written, each under its content's hash.

    Raises:
        DatasetError: Neither files nor 8 bits.
    """
    match source:
        case Files(paths=paths) | Stack(paths=paths):
            return [_short(path, folder) for path in paths]
        case Voxels(path=path):
            return [_short(path, folder)]
    found = []
    for data in as_bytes(source):
        end = next((end for start, end in _SUFFIXES.items() if data.startswith(start)), ".img")
        path = folder / beside / f"{hashlib.blake2b(data, digest_size=12).hexdigest()}{end}"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_name(path.name + ".part")
            part.write_bytes(data)
            os.replace(part, path)
        found.append(_short(path, folder))
    return found


def _short(path: Path, folder: Path) -> str:
    full, here = path.resolve(), folder.resolve()
    return (full.relative_to(here) if full.is_relative_to(here) else full).as_posix()


def as_bytes(source: Pictures) -> list[bytes]:
    """Return a sample's pictures as the bytes of picture files, one a view or a slice.

    Raises:
        InputError: A file is missing or unreadable.
        DatasetError: DICOM, an array of other than 8 bits, or a volume in one file: no picture file holds
            them as they are.
    """
    match source:
        case Encoded(data=data):
            return [data]
        case Several(parts=parts):
            return [data for part in parts for data in as_bytes(part)]
        case Files(paths=paths) | Stack(paths=paths):
            return [_raster(path) for path in paths]
        case Voxels(path=path):
            raise DatasetError(f"{_MOST_BITS}, got a volume in one file", file=path.name)
    planes = [plane for scan in source.scans() for plane in scan.voxels]
    return [png(plane) for plane in planes]


def _raster(path: Path) -> bytes:
    if not path.is_file():
        raise InputError("expected a file, found none", code="missing", where=path.name)
    if (kind := file_kind(path)) != "raster":
        raise DatasetError(f"{_MOST_BITS}, got {kind}", file=path.name)
    return path.read_bytes()


def png(plane: np.ndarray[Any, Any]) -> bytes:
    """Return an 8-bit picture ``(row, column[, 3])`` as the bytes of a PNG file.

    Raises:
        DatasetError: Not 8 bits.
    """
    if plane.dtype != np.uint8:
        raise DatasetError(f"{_MOST_BITS}, got {plane.dtype}")
    out = BytesIO()
    Image.fromarray(np.ascontiguousarray(plane)).save(out, "PNG")
    return out.getvalue()


def described(source: Pictures) -> dict[str, Any] | None:
    """Return what paths and bytes alone do not say of a sample's pictures, as JSON values; mostly nothing."""
    match source:
        case Files(is_volume=False, spacing=None, size=None):
            return None
        case Files(is_volume=volume, spacing=spacing, size=size):
            said = {"kind": "volume" if volume else "films", "spacing": spacing, "size": size}
            return {k: list(v) if isinstance(v, tuple) else v for k, v in said.items() if v}
        case Voxels(axes=axes, as_stored=as_stored):
            return {"kind": "array", "axes": axes, "as_stored": as_stored}
    if not source.is_volume:
        return None
    return {"kind": "slices", "as_stored": bool(getattr(source, "as_stored", False))}


def rebuilt(source: Pictures, said: Any, place: str) -> Pictures:
    """Return pictures as :func:`described` said that they are.

    Args:
        source: As their paths alone would be taken.
        said: What a row says of them.
        place: File and row, for messages.

    Raises:
        DatasetError: None of what :func:`described` writes, or other pictures than it speaks of.
    """
    said = said if isinstance(said, Mapping) else {}
    parts = source.parts if isinstance(source, Several) else (source,)
    paths = tuple(
        path
        for one in parts
        if isinstance(one, Files | Stack | Voxels)
        for path in ([one.path] if isinstance(one, Voxels) else one.paths)
    )
    as_stored, axes = said.get("as_stored") is True, str(said.get("axes", ""))
    mm, size = (_numbers(said.get(key), key, place) for key in ("spacing", "size"))
    match said.get("kind"):
        case "films" if paths and (size is None or len(size) == 2):
            shown = None if size is None else (int(size[0]), int(size[1]))
            return Files(paths, spacing=mm, size=shown)
        case "films" if not paths:
            return Several(parts, spacing=mm)
        case "volume" if len(paths) == 1:
            return Files(paths, is_volume=True, spacing=mm)
        case "array" if len(paths) == 1 and sorted(axes) == ["x", "y", "z"]:
            return Voxels(paths[0], axes=axes, as_stored=as_stored)
        case "slices" if paths:
            return Stack(paths, as_stored=as_stored)
        case "slices":
            return Several(parts, is_volume=True, as_stored=as_stored)
    raise DatasetError(f"expected pictures as umit describes them, got {said}", file=place)


def _numbers(value: Any, key: str, place: str) -> tuple[float, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(v, int | float) for v in value):
        raise DatasetError(f"expected numbers as {key}, got {value!r}", file=place)
    return tuple(map(float, value))
