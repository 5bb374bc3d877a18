"""NIfTI-1 and -2 volumes, ``.nii`` and ``.nii.gz``; a header is checked before it is believed."""

from __future__ import annotations

import math
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from umit.errors import InputError, UnsupportedFormatError
from umit.geometry import Affine
from umit.imaging.scan import MAX_VOXELS, Scan, closest_axes, pick_frame, to_affine

__all__ = ["read_nifti"]

_DEFLATE = 1032  # the most bytes one compressed byte can become; zlib's technical notes
# HU of the darkest hundredth: air, or padding down to -3024. An MR can reach -610 in a few voxels
# of ringing (nibabel's anatomical.nii), so a minimum proves nothing; a phase map starts at -4096.
_DARKEST_HU = (-3100, -500)
_MM = {"meter": 1000.0, "micron": 0.001}  # NIfTI-1 xyzt_units


def read_nifti(path: Path, *, frame: int | None = None) -> Scan:
    """Read one volume in the file's own voxel order.

    Args:
        path: A ``.nii`` or ``.nii.gz`` file.
        frame: Which volume of a 4-D file, from 0.

    Returns:
        A volume, scaled to file units, with the affine of the sform, else of the qform.

    Raises:
        UnsupportedFormatError: Not a NIfTI file.
        InputError: Truncated, impossible dimensions, complex numbers, an affine that is no grid,
            or 4-D without ``frame``.
    """
    from nibabel.filebasedimages import ImageFileError
    from nibabel.spatialimages import HeaderDataError
    from nibabel.wrapstruct import WrapStructError

    broken = (OSError, EOFError, zlib.error, struct.error, ValueError, OverflowError, KeyError)
    try:
        return _read(path, frame)
    except InputError:
        raise
    except (ImageFileError, HeaderDataError, WrapStructError, *broken, TypeError) as error:
        raise InputError(
            f"expected a whole NIfTI file, got one that breaks off or is damaged "
            f"({type(error).__name__})",
            code="truncated",
            where=path.name,
            hint="Fetch the file again.",
        ) from None


def _read(path: Path, frame: int | None) -> Scan:
    import nibabel

    image: Any = nibabel.load(path, mmap=False)
    if not isinstance(image, nibabel.Nifti1Image):
        raise UnsupportedFormatError(
            "expected a single-file NIfTI, got another format", code="format", where=path.name
        )
    header: Any = image.header
    notes: list[str] = []
    pick = _volume(image, path, frame)
    voxels = _voxels(image, pick, path.name, notes)
    affine, source = _affine(header, path.name, notes)
    modality = None
    whole = header.get_data_dtype().kind in "iu"
    if whole and voxels.ndim == 3 and _DARKEST_HU[0] <= np.percentile(voxels, 1) <= _DARKEST_HU[1]:
        modality = "CT"
        notes.append("modality: assumed CT in HU, whole numbers with air at -500 and below")
    spacing = None if affine else _zooms(header)
    return Scan(
        voxels,
        spacing=spacing,
        affine=affine,
        affine_source=source,
        modality=modality,
        warnings=tuple(notes),
        name=path.name,
    )


def _volume(image: Any, path: Path, frame: int | None) -> tuple[int, ...]:
    """Check the header against the file; return the indices behind x, y, z of the wanted volume."""
    shape = tuple(int(n) for n in image.shape)
    sizes = (*shape[:3], *(1 for _ in range(3 - len(shape))))
    if len(shape) < 2 or min(shape) < 1 or math.prod(sizes) > MAX_VOXELS:
        raise InputError(
            f"expected 2 to 4 positive dimensions and at most {MAX_VOXELS} voxels, got {shape}",
            code="header_dims",
            where=path.name,
        )
    size = math.prod(shape) * int(image.get_data_dtype().itemsize)
    room = path.stat().st_size * (_DEFLATE if path.suffix.lower() == ".gz" else 1)
    if size > room:
        raise InputError(
            f"expected {size} bytes of voxels, got a file with room for {room} at most",
            code="truncated",
            where=path.name,
            hint="Fetch the file again.",
        )
    behind = shape[3:]
    if sum(n > 1 for n in behind) > 1:
        raise UnsupportedFormatError(
            f"expected at most 4 dimensions, got {shape}", code="header_dims", where=path.name
        )
    chosen = pick_frame(frame, math.prod(behind), path.name)
    return tuple(chosen if n > 1 else 0 for n in behind)


def _voxels(image: Any, pick: tuple[int, ...], name: str, notes: list[str]) -> NDArray[Any]:
    """Return ``(z, y, x[, 3])``, scaled, in this machine's byte order."""
    kind = image.get_data_dtype()
    data: NDArray[Any] = np.asanyarray(image.dataobj[(..., *pick)] if pick else image.dataobj)
    if kind.names == ("R", "G", "B"):
        data = np.stack([data[channel] for channel in kind.names], axis=-1)
    elif kind.names or kind.kind not in "iuf":
        raise InputError(
            "expected one real value or RGB a voxel, got complex numbers or records",
            code="complex",
            where=name,
            hint="Save the magnitude.",
        )
    elif data.dtype.kind == "f" and (kind.kind in "iu" or data.dtype.itemsize > 8):
        top = float(np.finfo(np.float32).max)
        if np.nanmax(np.abs(data)) > top:
            notes.append("values: clipped to the range of 32-bit numbers")
        data = np.clip(data, -top, top).astype(np.float32)
    data = data.astype(data.dtype.newbyteorder("="), copy=False)
    if data.ndim < 3:
        data = data[:, :, None]
    return data.transpose(2, 1, 0, *range(3, data.ndim))


def _affine(header: Any, name: str, notes: list[str]) -> tuple[Affine | None, str | None]:
    """Return the affine in mm and its source; both ``None`` if the file records no orientation."""
    coded = {
        "sform": header.get_sform() if header["sform_code"] > 0 else None,
        "qform": header.get_qform() if header["qform_code"] > 0 else None,
    }
    if all(matrix is None for matrix in coded.values()):
        notes.append("orientation: neither sform nor qform is set, left and right are not known")
        return None, None
    scale = _MM.get(header.get_xyzt_units()[0], 1.0)
    if scale != 1.0:
        notes.append(f"spacing: {header.get_xyzt_units()[0]} converted to mm")
    found = {
        source: to_affine(np.diag([scale, scale, scale, 1.0]) @ matrix)
        for source, matrix in coded.items()
        if matrix is not None and _spans(matrix)
    }
    if not found:
        raise InputError(
            "expected an invertible sform or qform, got one that is not",
            code="affine",
            where=name,
            hint="Repair the header, or clear both codes to have it shown as stored.",
        )
    source = next(iter(found))
    if source == "qform" and coded["sform"] is not None:
        notes.append("orientation: the sform is not invertible, qform used")
    if len(found) == 2:
        axes = [closest_axes(affine) for affine in found.values()]
        if (axes[0].axis, axes[0].forward) != (axes[1].axis, axes[1].forward):
            notes.append("orientation: sform and qform disagree, sform used")
    return found[source], source


def _spans(matrix: NDArray[np.float64]) -> bool:
    if not np.isfinite(matrix).all():
        return False
    lengths = np.linalg.norm(matrix[:3, :3], axis=0)
    return bool(lengths.min() > 0 and abs(np.linalg.det(matrix[:3, :3] / lengths)) >= 1e-6)


def _zooms(header: Any) -> tuple[float, ...] | None:
    """Return the header's spacing in mm, or ``None`` where it is not a spacing."""
    scale = _MM.get(header.get_xyzt_units()[0], 1.0)
    zooms = tuple(float(zoom) * scale for zoom in header.get_zooms()[:3])
    return zooms if len(zooms) == 3 and all(0 < zoom < math.inf for zoom in zooms) else None
