"""What kind of file a path is, told from its first bytes before any decoder sees it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias

from umit.errors import InputError, UnsupportedFormatError
from umit.imaging import stream
from umit.imaging.metaimage import looks_like_metaimage, looks_like_nrrd
from umit.imaging.mgh import looks_like_mgh
from umit.imaging.part10 import looks_like_dicom
from umit.imaging.raster import FORMATS, looks_like_raster

__all__ = ["Kind", "file_kind", "folder_files", "left_out"]

Kind: TypeAlias = Literal["dicom", "itk", "mgh", "nifti", "raster"]

_NIFTI = (b"n+1\0", b"ni1\0", b"n+2\0", b"ni2\0")
_ANALYZE = (b"\x5c\x01\0\0", b"\0\0\x01\x5c")  # 348, the length of its header
_MINC = (b"CDF\x01", b"CDF\x02", b"\x89HDF\r\n\x1a\n")  # netCDF and HDF5, which MINC 1 and 2 are
_JPEG_2000 = (b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51")  # ISO/IEC 15444-1 I.5.1, A.5.1
_OTHERS = {  # by their first bytes: what is told apart to be named, and how to go on
    b"PK\x03\x04": ("a zip archive", "Unpack it first."),
    b"7z\xbc\xaf\x27\x1c": ("a 7z archive", "Unpack it first."),
    b"Rar!": ("a rar archive", "Unpack it first."),
    b"BZh": ("a bzip2 file", "Unpack it first."),
    b"\xfd7zXZ\0": ("an xz file", "Unpack it first."),
    b"\x28\xb5\x2f\xfd": ("a zstd file", "Unpack it first."),
    b"%PDF-": ("a PDF", "Export its pictures first."),
    **dict.fromkeys(_JPEG_2000, ("a JPEG 2000 picture", "Save it as a PNG first.")),
    **dict.fromkeys(_MINC, ("netCDF or HDF5, such as MINC", "Convert MINC with mnc2nii.")),
}
# Read by name where the first bytes say nothing: so that damage is called damage.
_NAMES: dict[Kind, tuple[str, ...]] = {
    "dicom": (".dcm", ".dicom", ".ima"),
    "nifti": (".nii", ".nii.gz"),
    "itk": (".nrrd", ".nhdr", ".mha", ".mhd"),
    "mgh": (".mgh", ".mgz"),
}
_RASTER = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".gif")


def file_kind(path: Path) -> Kind:
    """Tell which reader an existing file needs.

    Raises:
        UnsupportedFormatError: None of umit's formats, such as a web page saved as a picture.
        InputError: Empty or unreadable.
    """
    try:
        head = stream.head(path, 512)
    except OSError as error:
        raise InputError(
            f"expected a readable file, got {type(error).__name__}", code="unreadable", where=path.name
        ) from None
    if not head and not path.stat().st_size:
        raise InputError("expected a picture, got 0 bytes", code="empty_file", where=path.name)
    kind = _by_content(head)
    packed = stream.is_packed(path)
    if kind is not None and not (packed and kind == "raster"):
        return kind
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    told = [words for first, words in _OTHERS.items() if head.startswith(first)]
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        told = [("a web page", "It may be a login page saved by a download.")]
    elif packed and kind == "raster":
        told = [("a gzipped picture", "Unpack it with gunzip first.")]
    elif head[257:262] == b"ustar":
        told = [("a tar archive", "Unpack it first.")]
    named = [kind for kind, ends in _NAMES.items() if path.name.lower().endswith(ends)]
    if named and not told:
        return named[0]
    got, hint = told[0] if told else ("something else", "Convert the file first.")
    raise UnsupportedFormatError(
        f"expected {', '.join(FORMATS)}, DICOM, NIfTI, MGH, NRRD or MetaImage, got {got}",
        code="not_an_image",
        where=path.name,
        hint=hint,
    )


def _by_content(head: bytes) -> Kind | None:
    if head[128:132] == b"DICM":
        return "dicom"
    if looks_like_raster(head):
        return "raster"
    if head[344:348] in _NIFTI or head[4:8] in _NIFTI or head.startswith(_ANALYZE):
        return "nifti"
    if looks_like_nrrd(head) or looks_like_metaimage(head):
        return "itk"
    if looks_like_mgh(head):
        return "mgh"
    return "dicom" if looks_like_dicom(head) else None  # without a preamble


def folder_files(folder: Path) -> tuple[Kind, list[Path]]:
    """Return the one kind of scan a folder holds and its files, in order of name.

    Notes, tables and a DICOMDIR beside them are left out, see :func:`left_out`; folders inside are not
    entered. A file beside DICOM files that may be one of their slices is an error.
    """
    found: dict[Kind, list[Path]] = {}
    doubtful: list[InputError] = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name.upper() == "DICOMDIR" or not path.is_file():
            continue
        try:
            found.setdefault(file_kind(path), []).append(path)
        except InputError as error:
            if path.name.lower().endswith(sum(_NAMES.values(), _RASTER)):
                raise  # a scan by its name: leaving it out would hide a lost slice
            if _may_be_slice(path):
                doubtful.append(error)
    if doubtful and "dicom" in found:
        first = doubtful[0]
        raise InputError(
            f"expected slices, notes and tables in a DICOM folder, got {first.where}, which may be a "
            "slice and cannot be read as one",
            code=first.code,
            where=folder.name,
            hint="Fetch it again, or move it elsewhere if it is no slice.",
        )
    kinds = list(found.items())
    if len(kinds) == 1 and (kinds[0][0] == "dicom" or len(kinds[0][1]) == 1):
        return kinds[0]
    counts = ", ".join(f"{len(paths)} {kind}" for kind, paths in sorted(kinds))
    raise InputError(
        f"expected one DICOM series, one volume file or one picture, got {counts or 'none'}",
        code="folder",
        where=folder.name,
        hint="Pass the file itself, or several views in a list.",
    )


def left_out(folder: Path, used: list[Path]) -> tuple[str, ...]:
    """Say which names in a folder are not used; of hidden ones, and of a file, nothing."""
    others = sorted(set(folder.iterdir()) - set(used)) if folder.is_dir() else []
    names = [path.name + "/" * path.is_dir() for path in others if not path.name.startswith(".")]
    return (f"folder: left out {', '.join(names)}",) if names else ()


def _may_be_slice(path: Path) -> bool:
    """Whether a file is named as slices are: a file id has no suffix (DICOM PS3.10 8.2), a UID ends in a number."""
    if path.suffix and not path.suffix[1:].isdigit():
        return False
    with path.open("rb") as file:
        head = file.read(512)
    return not head or any(byte < 9 or 13 < byte < 32 for byte in head)  # no text has such bytes
