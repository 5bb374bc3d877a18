"""NRRD and MetaImage through SimpleITK; what a header points at is checked before it is opened."""

from __future__ import annotations

import importlib
import math
import re
from pathlib import Path
from typing import Any

import numpy as np

from umit.errors import InputError, UnsupportedFormatError
from umit.imaging.itk_header import Header, data_files, is_placed, lengths, read_header
from umit.imaging.limits import MAX_BYTES, pick_frame
from umit.imaging.modality import assumed_modality
from umit.imaging.orientation import axis_letters, to_affine
from umit.imaging.scan import Scan
from umit.imaging.stored import check_sizes
from umit.imaging.stream import room

__all__ = ["looks_like_metaimage", "looks_like_nrrd", "read_itk"]

_HEADER = 65536  # bytes in which a header must end; they are a few lines long
_MODALITIES = {"MET_MOD_CT": "CT", "MET_MOD_MR": "MR", "MET_MOD_US": "US"}  # MetaIO, metaTypes.h


def looks_like_nrrd(head: bytes) -> bool:
    """Tell from the first bytes."""
    return head.startswith(b"NRRD000")


def looks_like_metaimage(head: bytes) -> bool:
    """Tell from the first bytes: lines of ``name = value`` that count dimensions."""
    return re.match(rb"\s*\w+\s*=", head) is not None and b"NDims" in head


def read_itk(path: Path, *, frame: int | None = None) -> Scan:
    """Read a NRRD or MetaImage film or volume in the file's own voxel order.

    The affine of a volume is turned from LPS to RAS+. Without an origin, a spacing or a known unit it has
    its directions only, and none without a patient space.

    Raises:
        UnsupportedFormatError: SimpleITK is not installed, or an encoding umit does not read.
        InputError: Damaged, too large, a data file outside the header's folder, or several volumes
            and none chosen.
    """
    try:
        sitk: Any = importlib.import_module("SimpleITK")
    except ImportError:
        raise UnsupportedFormatError(
            "expected SimpleITK, which reads NRRD and MetaImage, got none installed",
            code="extra_missing",
            hint='Install it: pip install "umit[itk]".',
        ) from None
    with path.open("rb") as file:
        block = file.read(_HEADER)
    nrrd = looks_like_nrrd(block)
    header = read_header(block, nrrd)
    files, packed, spelled = data_files(header, nrrd, path)
    most = len(files) * min(room(file, packed) for file in files)  # each holds as much as another
    reader = sitk.ImageFileReader()
    reader.SetImageIO("NrrdImageIO" if nrrd else "MetaImageIO")
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
        _check(sitk, reader, most, spelled)
        array = sitk.GetArrayFromImage(reader.Execute())
    except RuntimeError:  # its text holds the whole path
        raise InputError(
            "expected a NRRD or MetaImage file that SimpleITK reads, got one that breaks off, is "
            "damaged or contradicts itself",
            code="truncated",
            hint="Fetch the file again, or mend its header.",
        ) from None
    return _scan(reader, array, frame, header, nrrd)


def _scan(reader: Any, array: Any, frame: int | None, header: Header, nrrd: bool) -> Scan:
    """Choose a volume and turn its grid to RAS+; a vector of other than colours is several."""
    axes, parts = reader.GetDimension(), reader.GetNumberOfComponents()
    kinds = [reader.GetMetaData(key) for key in reader.GetMetaDataKeys() if "kinds" in key]
    if parts > 1 and not (parts == 3 and array.dtype == np.uint8 and "list" not in kinds):
        array = np.moveaxis(array, -1, 0)[pick_frame(frame, parts)]
    elif axes == 4:
        array = array[pick_frame(frame, array.shape[0])]
    else:
        pick_frame(frame, 1)
    notes: list[str] = []
    if axes == 2:
        array = array[None]
    placed = is_placed(header, nrrd) and axes > 2
    if axes > 2 and not placed:
        notes.append("orientation: no patient space that umit knows, left and right are not known")
    grid = _grid(reader, header, nrrd, placed, notes)
    said = reader.GetMetaData("Modality") if reader.HasMetaDataKey("Modality") else ""
    modality = _MODALITIES.get(said)
    if modality is None and axes > 2 and array.dtype.kind in "iu":
        modality = assumed_modality(array, notes)
    return Scan(np.ascontiguousarray(array), modality=modality, warnings=tuple(notes), **grid)


def _grid(reader: Any, header: Header, nrrd: bool, placed: bool, notes: list[str]) -> dict[str, Any]:
    """Return a scan's spacing, affine and directions: what of them the header states, in mm."""
    axes, stated = reader.GetDimension(), lengths(header, nrrd)
    n = min(axes, 3)
    factors = [1.0 if factor is None else factor for factor in stated.factors[:n]]
    matrix = np.eye(4)
    matrix[:n, :n] = np.array(reader.GetDirection()).reshape(axes, axes)[:n, :n]
    matrix[:n, :n] *= np.array(reader.GetSpacing())[:n]
    matrix[:n, 3] = np.array(reader.GetOrigin())[:n]
    matrix[:n] *= np.array(factors)[:, None]
    matrix[:2] *= -1  # ITK's world is LPS
    measured = stated.spaced and None not in stated.factors[:n]
    if not stated.spaced:
        notes.append("spacing: none recorded, millimetres are not known")
    elif not measured:
        notes.append("spacing: in a unit that umit does not know, millimetres are not known")
    elif factors != [1.0] * n:
        notes.append("spacing: the header's own unit converted to mm")
    lengths_mm = np.linalg.norm(matrix[:n, :n], axis=0)
    found = {"spacing": tuple(lengths_mm.tolist()) if measured else None}
    if not placed:
        return found
    affine = to_affine(matrix)
    if measured and stated.located:
        return {"affine": affine, "affine_source": "nrrd" if nrrd else "metaimage"}
    if not stated.located:
        notes.append("orientation: no origin recorded, places in millimetres are not known")
    letters = axis_letters(affine)
    return {**found, "directions": letters if measured or reader.GetSize()[2] > 1 else letters[:2]}


def _check(sitk: Any, reader: Any, most: int, spelled: bool) -> None:
    """Hold the header's claims against the limits before SimpleITK allocates."""
    said = sitk.GetPixelIDValueAsString(reader.GetPixelID())
    bits = re.search(r"(\d+)-bit", said)
    if bits is None or "complex" in said:
        raise InputError(
            f"expected one real value or RGB a voxel, got {said}", code="complex", hint="Save the magnitude."
        )
    shape, parts = reader.GetSize(), reader.GetNumberOfComponents()
    voxel = parts * int(bits[1]) // 8
    if spelled:  # a digit and a blank for each number, however many bytes it takes in memory
        most = (most + 1) // 2 * int(bits[1]) // 8
    check_sizes(shape, voxel, most)
    if (size := math.prod(shape) * voxel) > MAX_BYTES:
        raise InputError(f"expected at most {MAX_BYTES} bytes, got {size}", code="volume_limit")
