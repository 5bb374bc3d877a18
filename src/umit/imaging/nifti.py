"""NIfTI-1 and -2 volumes, ``.nii`` and ``.nii.gz``; a header is checked before it is believed."""

from __future__ import annotations

import math
from itertools import product
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from umit.errors import InputError, UnsupportedFormatError
from umit.geometry import Affine
from umit.imaging import stream
from umit.imaging.faults import truncated
from umit.imaging.modality import assumed_modality
from umit.imaging.orientation import axis_letters, spans, to_affine
from umit.imaging.scan import Scan
from umit.imaging.stored import Stored, read_stored

__all__ = ["read_nifti"]

_Header: TypeAlias = Any  # nibabel's Nifti1Header or Nifti2Header, which are not typed

_Zooms: TypeAlias = "tuple[float, ...] | None"
_Form: TypeAlias = "tuple[str, int, Affine]"  # its name, its code, and where it puts voxels

# xyzt_units, nifti1.h; 0 is unknown, and every program takes it for mm
_UNITS = {0: ("mm", 1.0), 1: ("meter", 1000.0), 2: ("mm", 1.0), 3: ("micron", 0.001)}
# sform_code and qform_code, nifti1.h; 5 came with AFNI and nibabel
_SCANNER = (1, 2)
_TEMPLATES = {3: "Talairach's space", 4: "MNI152's space", 5: "a template's space"}
_ROUNDED = 0.01  # of a length; above it pixdim contradicts the affine
_APART = 0.1  # of a voxel; above it sform and qform put it at two places
_REPAIRED = 30  # nibabel's level from which a repair of the header changes what is read


def read_nifti(path: Path, *, frame: int | None = None) -> Scan:
    """Read one volume in the file's own voxel order.

    It is scaled to file units, with the affine of the sform, else of the qform; of the qform too where
    it is the scanner's and the sform a template's. Where ``pixdim`` or the unit leaves the qform without
    lengths, there are directions and no millimetres.

    Raises:
        UnsupportedFormatError: Not a NIfTI file, or one whose pixels lie in another.
        InputError: Truncated, impossible dimensions, complex numbers, an affine that is no grid,
            or 4-D without ``frame``.
    """
    notes: list[str] = []
    header, zooms = _header(path, notes)
    stored = _stored(header, notes)
    voxels = read_stored(path, stored, frame, notes)
    grid = _grid(header, zooms, stored, notes)
    modality = assumed_modality(voxels, notes) if stored.dtype.kind in "iu" else None
    return Scan(np.asarray(voxels), modality=modality, warnings=tuple(notes), **grid)


def _header(path: Path, notes: list[str]) -> tuple[_Header, _Zooms]:
    """Return the header, repaired, and ``pixdim`` as the file has it, before nibabel writes 1 for 0.

    The header alone is read: extensions may hold a patient's name and are never opened.
    """
    from nibabel.nifti1 import Nifti1Header
    from nibabel.nifti2 import Nifti2Header
    from nibabel.spatialimages import HeaderDataError

    block = stream.head(path, Nifti2Header.sizeof_hdr)
    if len(block) < Nifti1Header.sizeof_hdr:
        raise truncated(f"a NIfTI header of {Nifti1Header.sizeof_hdr} bytes", f"{len(block)}")
    kind: Any = Nifti1Header
    if block[4:8] in (b"n+2\0", b"ni2\0") and len(block) == Nifti2Header.sizeof_hdr:
        kind = Nifti2Header
    elif block[344:348] not in (b"n+1\0", b"ni1\0"):
        raise _other("another format, or Analyze, which records no orientation")
    header = kind(block[: kind.sizeof_hdr], check=False)
    zooms = tuple(abs(float(zoom)) for zoom in header["pixdim"][1:4])
    if not header["magic"].item().startswith(b"n+"):
        raise _other("the header of a pair, .hdr and .img")
    try:
        header.check_fix(logger=_Repairs(notes))
    except (HeaderDataError, ValueError, OverflowError) as error:
        raise InputError(f"expected a NIfTI header that makes sense, got: {error}", code="header") from None
    if all(0 < zoom < math.inf for zoom in zooms):
        return header, zooms
    header["pixdim"][1:4] = 1  # for the directions of the qform, which has no lengths now
    return header, None


def _other(got: str) -> UnsupportedFormatError:
    return UnsupportedFormatError(
        f"expected a single-file NIfTI, got {got}", code="format", hint="Convert it to .nii or .nii.gz."
    )


class _Repairs:
    """Takes nibabel's log of what it repaired, which is otherwise only printed."""

    def __init__(self, notes: list[str]) -> None:
        self._notes = notes

    def log(self, level: int, message: str) -> None:
        if level >= _REPAIRED and "setting 0 dims to 1" not in message:  # undone, and said by us
            self._notes.append(f"header: {message}")


def _stored(header: _Header, notes: list[str]) -> Stored:
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
            hint="Save the magnitude, or colours as RGB24.",
        )
    else:
        colours = 1
    slope, inter = float(header["scl_slope"]), float(header["scl_inter"])
    if not math.isfinite(slope):
        notes.append("scaling: scl_slope is not a number, no scaling applied")
    if slope == 0 or not math.isfinite(slope) or colours == 3:  # nifti1.h: 0 means no scaling
        slope, inter = 1.0, 0.0
    if not math.isfinite(inter) or not 0 <= offset < stream.MOST_INFLATED:
        raise InputError(f"expected finite scl_inter and vox_offset, got {inter} and {offset}", code="header")
    return Stored(
        shape=shape,
        dtype=kind,
        offset=int(offset) or header.single_vox_offset,
        colours=colours,
        slope=slope,
        inter=inter,
    )


def _grid(header: _Header, zooms: _Zooms, stored: Stored, notes: list[str]) -> dict[str, Any]:
    """Return a scan's spacing, affine and directions: what of them the file states, in mm."""
    unit, scale = _UNITS.get(int(header["xyzt_units"]) & 7, ("", None))
    if scale is None:
        notes.append("spacing: in a unit that umit does not know, millimetres are not known")
    elif scale != 1.0:
        notes.append(f"spacing: {unit} converted to mm")
    mm = None if scale is None or zooms is None else tuple(zoom * scale for zoom in zooms)
    if zooms is None:
        notes.append("spacing: a length in pixdim is 0 or no number, none of them is believed")
    forms = _forms(header, scale or 1.0, notes)
    if not forms:
        notes.append("orientation: neither sform nor qform is set, left and right are not known")
        return {"spacing": mm}
    # A template's sform gives way to a scanner's qform; alone, it is both first and last.
    scanner = forms[0][1] in _TEMPLATES and forms[-1][1] in _SCANNER
    source, code, affine = forms[-1 if scanner else 0]
    if len(forms) == 2:
        _compare(forms, source, stored.shape, notes)
    if code in _TEMPLATES:
        notes.append(f"orientation: millimetres are those of {_TEMPLATES[code]}, not the scanner's")
    own = np.linalg.norm(np.array(affine)[:3, :3], axis=0)
    if mm is not None and not np.allclose(own, mm, rtol=_ROUNDED):
        says, does = (" × ".join(f"{length:g}" for length in each) for each in (mm, own))
        notes.append(f"spacing: pixdim says {says} mm, the {source} disagrees with {does} mm and is followed")
    if scale is not None and (source == "sform" or mm is not None):
        return {"affine": affine, "affine_source": source}
    letters, depth = axis_letters(affine), mm is not None or math.prod(stored.shape[2:3]) > 1
    return {"spacing": mm, "directions": letters if depth else letters[:2]}


def _forms(header: _Header, scale: float, notes: list[str]) -> list[_Form]:
    """Return the forms that are set and are grids, the sform first."""
    coded = {}
    if header["sform_code"] > 0:
        coded["sform"] = header.get_sform()
    if header["qform_code"] > 0:
        coded["qform"] = _qform(header)
    found = [
        (source, int(header[f"{source}_code"]), to_affine(np.diag([scale] * 3 + [1.0]) @ matrix))
        for source, matrix in coded.items()
        if spans(matrix)
    ]
    if coded and not found:
        raise InputError(
            "expected an invertible sform or qform, got one that is not",
            code="affine",
            hint="Repair the header, or clear both codes to have it shown as stored.",
        )
    if len(found) < len(coded):
        other = "sform" if found[0][0] == "qform" else "qform"
        notes.append(f"orientation: the {other} is not invertible, {found[0][0]} used")
    return found


def _compare(forms: list[_Form], used: str, shape: tuple[int, ...], notes: list[str]) -> None:
    """Say by how much two forms put the volume's corners apart, if it is more than rounding."""
    first, second = (np.array(affine) for _, _, affine in forms)
    ends = [(0, n - 1) for n in (*shape, 1, 1)[:3]]
    corners = np.array([(*corner, 1) for corner in product(*ends)])
    off = float(np.linalg.norm(corners @ (first - second)[:3].T, axis=1).max())
    if off <= _APART * float(np.linalg.norm(first[:3, :3], axis=0).min()):
        return
    code, letters = forms[0][1], {axis_letters(affine) for _, _, affine in forms}
    turned = " and in their directions" if len(letters) > 1 else ""
    why = f", the sform is {_TEMPLATES[code]}" if code in _TEMPLATES else ""
    notes.append(f"orientation: sform and qform disagree by up to {off:.1f} mm{turned}{why}, {used} used")


def _qform(header: _Header) -> NDArray[np.float64]:
    try:
        return np.asarray(header.get_qform())
    except ValueError:  # a quaternion longer than 1
        return np.zeros((4, 4))
