"""NIfTI-1 and -2 volumes, ``.nii`` and ``.nii.gz``; a header is checked before it is believed."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from umit.errors import InputError, UnsupportedFormatError
from umit.geometry import Affine
from umit.imaging import stream
from umit.imaging.orientation import closest_axes, spans, to_affine
from umit.imaging.scan import Scan
from umit.imaging.stored import Stored, assumed_modality, read_stored

__all__ = ["read_nifti"]

_Header: TypeAlias = Any  # nibabel's Nifti1Header or Nifti2Header, which are not typed

_UNITS = {1: ("meter", 1000.0), 3: ("micron", 0.001)}  # xyzt_units, nifti1.h; 2 is mm, 0 unknown
_REPAIRED = 30  # nibabel's level from which a repair of the header changes what is read


def read_nifti(path: Path, *, frame: int | None = None) -> Scan:
    """Read one volume in the file's own voxel order.

    Args:
        path: A ``.nii`` or ``.nii.gz`` file.
        frame: Which volume of a 4-D file, from 0.

    Returns:
        A volume, scaled to file units, with the affine of the sform, else of the qform.

    Raises:
        UnsupportedFormatError: Not a NIfTI file, or one whose pixels lie in another.
        InputError: Truncated, impossible dimensions, complex numbers, an affine that is no grid,
            or 4-D without ``frame``.
    """
    notes: list[str] = []
    header = _header(path, notes)
    stored = _stored(header, path.name, notes)
    voxels = read_stored(path, stored, frame, notes)
    affine, source = _affine(header, path.name, notes)
    modality = assumed_modality(voxels, notes) if stored.dtype.kind in "iu" else None
    return Scan(
        np.asarray(voxels),
        spacing=None if affine else _zooms(header),
        affine=affine,
        affine_source=source,
        modality=modality,
        warnings=tuple(notes),
        name=path.name,
    )


def _header(path: Path, notes: list[str]) -> _Header:
    """Read the header alone: extensions may hold a patient's name and are never opened."""
    from nibabel.nifti1 import Nifti1Header
    from nibabel.nifti2 import Nifti2Header
    from nibabel.spatialimages import HeaderDataError

    block = stream.head(path, Nifti2Header.sizeof_hdr)
    if len(block) < Nifti1Header.sizeof_hdr:
        raise InputError(
            f"expected a NIfTI header of {Nifti1Header.sizeof_hdr} bytes, got {len(block)}",
            code="truncated",
            where=path.name,
            hint="Fetch the file again.",
        )
    kind: Any = Nifti1Header
    if block[4:8] in (b"n+2\0", b"ni2\0") and len(block) == Nifti2Header.sizeof_hdr:
        kind = Nifti2Header
    elif block[344:348] not in (b"n+1\0", b"ni1\0"):
        raise _other("another format, or Analyze, which records no orientation", path.name)
    header = kind(block[: kind.sizeof_hdr], check=False)
    if not header["magic"].item().startswith(b"n+"):
        raise _other("the header of a pair, .hdr and .img", path.name)
    try:
        header.check_fix(logger=_Repairs(notes))
    except (HeaderDataError, ValueError, OverflowError) as error:
        raise InputError(
            f"expected a NIfTI header that makes sense, got: {error}",
            code="header",
            where=path.name,
        ) from None
    return header


def _other(got: str, name: str) -> UnsupportedFormatError:
    return UnsupportedFormatError(
        f"expected a single-file NIfTI, got {got}",
        code="format",
        where=name,
        hint="Convert it to .nii or .nii.gz.",
    )


class _Repairs:
    """Takes nibabel's log of what it repaired, which is otherwise only printed."""

    def __init__(self, notes: list[str]) -> None:
        self._notes = notes

    def log(self, level: int, message: str) -> None:
        if level >= _REPAIRED:
            self._notes.append(f"header: {message}")


def _stored(header: _Header, name: str, notes: list[str]) -> Stored:
    """Return where the numbers lie; nothing is allocated yet."""
    axes = int(header["dim"][0])
    shape = tuple(int(n) for n in header["dim"][1 : 1 + axes]) if 1 <= axes <= 7 else ()
    kind: np.dtype[Any] = header.get_data_dtype()
    offset = float(header["vox_offset"])
    if kind.names == ("R", "G", "B"):
        kind, colours = np.dtype(np.uint8), 3
    elif kind.names or kind.kind not in "iuf":
        raise InputError(
            "expected one real value or RGB a voxel, got complex numbers or records",
            code="complex",
            where=name,
            hint="Save the magnitude.",
        )
    else:
        colours = 1
    slope, inter = float(header["scl_slope"]), float(header["scl_inter"])
    if not math.isfinite(slope):
        notes.append("scaling: scl_slope is not a number, no scaling applied")
    if slope == 0 or not math.isfinite(slope) or colours == 3:  # nifti1.h: 0 means no scaling
        slope, inter = 1.0, 0.0
    if not math.isfinite(inter) or not 0 <= offset < stream.MOST_INFLATED:
        raise InputError(
            f"expected finite scl_inter and vox_offset, got {inter} and {offset}",
            code="header",
            where=name,
        )
    return Stored(
        shape=shape,
        dtype=kind,
        offset=int(offset) or header.single_vox_offset,
        colours=colours,
        slope=slope,
        inter=inter,
    )


def _affine(header: _Header, name: str, notes: list[str]) -> tuple[Affine | None, str | None]:
    """Return the affine in mm and its source; both ``None`` if the file records no orientation."""
    coded = {}
    if header["sform_code"] > 0:
        coded["sform"] = header.get_sform()
    if header["qform_code"] > 0:
        coded["qform"] = _qform(header)
    if not coded:
        notes.append("orientation: neither sform nor qform is set, left and right are not known")
        return None, None
    unit, scale = _unit(header)
    if scale != 1.0:
        notes.append(f"spacing: {unit} converted to mm")
    found = {
        source: to_affine(np.diag([scale, scale, scale, 1.0]) @ matrix)
        for source, matrix in coded.items()
        if spans(matrix)
    }
    if not found:
        raise InputError(
            "expected an invertible sform or qform, got one that is not",
            code="affine",
            where=name,
            hint="Repair the header, or clear both codes to have it shown as stored.",
        )
    source = next(iter(found))
    if len(found) < len(coded):
        other = "sform" if source == "qform" else "qform"
        notes.append(f"orientation: the {other} is not invertible, {source} used")
    if len(found) == 2:
        axes = [closest_axes(affine) for affine in found.values()]
        if (axes[0].axis, axes[0].forward) != (axes[1].axis, axes[1].forward):
            notes.append("orientation: sform and qform disagree, sform used")
    return found[source], source


def _qform(header: _Header) -> NDArray[np.float64]:
    try:
        return np.asarray(header.get_qform())
    except ValueError:  # a quaternion longer than 1
        return np.zeros((4, 4))


def _unit(header: _Header) -> tuple[str, float]:
    return _UNITS.get(int(header["xyzt_units"]) & 7, ("mm", 1.0))


def _zooms(header: _Header) -> tuple[float, ...] | None:
    """Return the header's spacing in mm, or ``None`` where it is not a spacing."""
    zooms = tuple(float(zoom) * _unit(header)[1] for zoom in header["pixdim"][1:4])
    return zooms if all(0 < zoom < math.inf for zoom in zooms) else None
