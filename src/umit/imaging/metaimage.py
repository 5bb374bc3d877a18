"""NRRD and MetaImage through SimpleITK; what a header points at is checked before it is opened."""

from __future__ import annotations

import importlib
import math
import re
from pathlib import Path
from typing import Any

import numpy as np

from umit.errors import InputError, UnsupportedFormatError
from umit.geometry import Affine
from umit.imaging.orientation import to_affine
from umit.imaging.scan import Scan, pick_frame
from umit.imaging.stored import MAX_BYTES, assumed_modality, check_sizes
from umit.imaging.stream import room

__all__ = ["looks_like_metaimage", "looks_like_nrrd", "read_itk"]

_HEADER = 65536  # bytes in which a header must end; they are a few lines long
_ENCODINGS = ("raw", "gzip", "gz", "ascii", "text", "txt", "hex")  # bzip2 has no bound on inflation
# The spaces that SimpleITK turns to LPS whatever its version. Up to 2.5.5 it takes
# left-anterior-superior for right-anterior-superior; spaces with time it never turns.
_SPACES = {"left-posterior-superior", "lps", "right-anterior-superior", "ras"}
_MODALITIES = {"MET_MOD_CT": "CT", "MET_MOD_MR": "MR", "MET_MOD_US": "US"}  # MetaIO, metaTypes.h
_Header = dict[str, str]


def looks_like_nrrd(head: bytes) -> bool:
    """Tell from the first bytes."""
    return head.startswith(b"NRRD000")


def looks_like_metaimage(head: bytes) -> bool:
    """Tell from the first bytes: lines of ``name = value`` that count dimensions."""
    return re.match(rb"\s*\w+\s*=", head) is not None and b"NDims" in head


def read_itk(path: Path, *, frame: int | None = None) -> Scan:
    """Read a NRRD or MetaImage film or volume in the file's own voxel order.

    Args:
        path: A ``.nrrd``, ``.nhdr``, ``.mha`` or ``.mhd`` file.
        frame: Which of several volumes, from 0.

    Returns:
        A film of 2-D files, else a volume. Its affine is turned from LPS to RAS+; without one
        where the header names no patient space.

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
            where=path.name,
            hint='Install it: pip install "umit[itk]".',
        ) from None
    with path.open("rb") as file:
        block = file.read(_HEADER)
    nrrd = looks_like_nrrd(block)
    header = (_nrrd_header if nrrd else _meta_header)(block, path.name)
    data, packed = _data_file(header, nrrd, path)
    reader = sitk.ImageFileReader()
    reader.SetImageIO("NrrdImageIO" if nrrd else "MetaImageIO")
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
        _check(sitk, reader, room(data, packed), path.name)
        array = sitk.GetArrayFromImage(reader.Execute())
    except RuntimeError:  # its text holds the whole path
        raise InputError(
            "expected a whole NRRD or MetaImage file, got one that breaks off or is damaged",
            code="truncated",
            where=path.name,
            hint="Fetch the file again.",
        ) from None
    world = ("nrrd" if nrrd else "metaimage") if _placed(header, nrrd) else None
    return _scan(reader, array, frame, path.name, world)


def _scan(reader: Any, array: Any, frame: int | None, name: str, world: str | None) -> Scan:
    """Choose a volume and turn its grid to RAS+; a vector of other than colours is several."""
    axes, parts = reader.GetDimension(), reader.GetNumberOfComponents()
    kinds = [reader.GetMetaData(key) for key in reader.GetMetaDataKeys() if "kinds" in key]
    if parts > 1 and not (parts == 3 and array.dtype == np.uint8 and "list" not in kinds):
        array = np.moveaxis(array, -1, 0)[pick_frame(frame, parts, name)]
    elif axes == 4:
        array = array[pick_frame(frame, array.shape[0], name)]
    else:
        pick_frame(frame, 1, name)
    notes: list[str] = []
    spacing = tuple(float(mm) for mm in reader.GetSpacing())[:3]
    affine = _affine(reader, axes) if world and axes > 2 else None
    if axes == 2:
        array = array[None]
    elif affine is None:
        notes.append("orientation: no patient space recorded, left and right are not known")
    said = reader.GetMetaData("Modality") if reader.HasMetaDataKey("Modality") else ""
    modality = _MODALITIES.get(said)
    if modality is None and axes > 2 and array.dtype.kind in "iu":
        modality = assumed_modality(array, notes)
    return Scan(
        np.ascontiguousarray(array),
        spacing=None if affine else spacing,
        affine=affine,
        affine_source=world if affine else None,
        modality=modality,
        warnings=tuple(notes),
        name=name,
    )


def _affine(reader: Any, axes: int) -> Affine:
    turn = np.array(reader.GetDirection()).reshape(axes, axes)[:3, :3]
    matrix = np.eye(4)
    matrix[:3, :3] = turn * np.array(reader.GetSpacing())[:3]
    matrix[:3, 3] = np.array(reader.GetOrigin())[:3]
    matrix[:2] *= -1  # ITK's world is LPS
    return to_affine(matrix)


def _check(sitk: Any, reader: Any, most: int, name: str) -> None:
    """Hold the header's claims against the limits before SimpleITK allocates."""
    said = sitk.GetPixelIDValueAsString(reader.GetPixelID())
    bits = re.search(r"(\d+)-bit", said)
    if bits is None or "complex" in said:
        raise InputError(
            f"expected one real value or RGB a voxel, got {said}",
            code="complex",
            where=name,
            hint="Save the magnitude.",
        )
    shape, parts = reader.GetSize(), reader.GetNumberOfComponents()
    voxel = parts * int(bits[1]) // 8
    check_sizes(shape, voxel, most, name)
    if (size := math.prod(shape) * voxel) > MAX_BYTES:
        raise InputError(
            f"expected at most {MAX_BYTES} bytes, got {size}", code="volume_limit", where=name
        )


def _nrrd_header(block: bytes, name: str) -> _Header:
    text = block.decode("latin-1").replace("\r\n", "\n").partition("\n\n")[0]
    found: _Header = {}
    for line in text.split("\n")[1:]:
        field, colon, value = line.partition(":")
        key = field.strip().lower().replace(" ", "")
        if not colon or line.startswith("#") or value.startswith("="):  # ":=" is a free remark
            continue
        if key in found:
            raise _unreadable(f"{key} twice", name)
        found[key] = value.strip()
    return found


def _meta_header(block: bytes, name: str) -> _Header:
    """Read the lines up to ElementDataFile, behind which voxels may follow."""
    text = block.decode("latin-1").replace("\r\n", "\n")
    before, last, behind = text.partition("ElementDataFile")
    if not last or (before and not before.endswith("\n")):
        raise _unreadable("no line ElementDataFile", name)
    pairs = [line.split("=", 1) for line in before.split("\n") if "=" in line]
    found = {key.strip().lower(): value.strip() for key, value in pairs}
    found["datafile"] = behind.partition("\n")[0].strip().removeprefix("=").strip()
    return found


def _data_file(header: _Header, nrrd: bool, path: Path) -> tuple[Path, bool]:
    """Return the file that holds the numbers and whether they are packed; it lies beside ours."""
    if nrrd and header.get("encoding", "raw").lower() not in _ENCODINGS:
        raise _unreadable(f"encoding {header['encoding'][:20]!r}", path.name)
    packed = (
        header.get("encoding", "")[:2].lower() == "gz"
        if nrrd
        else header.get("compresseddata", "")[:1].lower() in ("t", "1")
    )
    named = header.get("datafile", "" if nrrd else "?")
    if named in ("", "LOCAL"):
        return path, packed
    if named.split()[0] in ("LIST", "Local", "local") or "%" in named or " " in named:
        raise _unreadable("voxels in several files", path.name)
    data = path.parent / named
    if re.search(r"[/\\:\0]", named) or data.resolve().parent != path.parent.resolve():
        raise InputError(
            "expected a data file in the header's own folder, got a path that leaves it",
            code="outside",
            where=path.name,
            hint="Put both files into one folder and name the data file alone.",
        )
    if not data.is_file():
        raise InputError(
            "expected the data file that the header names beside it, got nothing there",
            code="missing",
            where=path.name,
            hint="Pass the folder's other file along.",
        )
    return data, packed


def _placed(header: _Header, nrrd: bool) -> bool:
    """Whether the header says how the grid lies in the patient; ITK fills in an identity."""
    if nrrd:
        return header.get("space", "").lower() in _SPACES and "spacedirections" in header
    return any(key in header for key in ("transformmatrix", "rotation", "orientation"))


def _unreadable(got: str, name: str) -> UnsupportedFormatError:
    return UnsupportedFormatError(
        f"expected a NRRD or MetaImage header that umit reads, got {got}",
        code="header",
        where=name,
        hint="Save it again as one .nrrd, .mha or .nii.gz file.",
    )
