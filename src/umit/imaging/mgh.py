"""FreeSurfer's MGH volumes, ``.mgh`` and ``.mgz``; their affine is RAS+ already."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from umit.errors import InputError
from umit.imaging import stream
from umit.imaging.modality import assumed_modality
from umit.imaging.orientation import to_affine
from umit.imaging.scan import Scan
from umit.imaging.stored import Stored, read_stored

__all__ = ["looks_like_mgh", "read_mgh"]

_DATA = 284  # bytes before the voxels; FreeSurfer wiki, "MghFormat"
_FIELDS = 90  # bytes of them that hold something
_KINDS = (0, 1, 3, 4)  # 8-bit, 32-bit, real and 16-bit numbers


def looks_like_mgh(head: bytes) -> bool:
    """Tell from the first bytes, inflated: version 1, sizes and a known kind, all big endian."""
    if len(head) < 28:
        return False
    version, *sizes, kind, _ = np.frombuffer(head[:28], ">i4").tolist()
    return version == 1 and all(0 < n < 2**20 for n in sizes) and kind in _KINDS


def read_mgh(path: Path, *, frame: int | None = None) -> Scan:
    """Read one volume in the file's own voxel order; without an affine where it says that it has none.

    Raises:
        InputError: Truncated, impossible sizes, an unknown kind of number, or several volumes and
            none chosen.
    """
    from nibabel.freesurfer.mghformat import MGHHeader

    block = stream.head(path, _FIELDS)
    if len(block) < _FIELDS or not looks_like_mgh(block):
        raise InputError(
            "expected an MGH header, got one that breaks off or makes no sense",
            code="truncated" if len(block) < _FIELDS else "header",
            hint="Fetch the file again.",
        )
    kind: Any = MGHHeader  # not typed
    header = kind(block, check=False)
    notes: list[str] = []
    stored = Stored(
        shape=tuple(int(n) for n in header["dims"]), dtype=header.get_data_dtype().newbyteorder(">"), offset=_DATA
    )
    voxels = read_stored(path, stored, frame, notes)
    modality = assumed_modality(voxels, notes) if stored.dtype.kind in "iu" else None
    # Without a grid nibabel fills in FreeSurfer's default, 1 mm, without a word.
    affine = to_affine(header.get_affine()) if any(block[28:30]) else None
    if affine is None:
        notes.append("orientation: not recorded, left and right are not known")
        notes.append("spacing: none recorded, millimetres are not known")
    return Scan(
        voxels, affine=affine, affine_source=None if affine is None else "mgh", modality=modality, warnings=tuple(notes)
    )
