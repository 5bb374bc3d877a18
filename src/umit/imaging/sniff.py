"""What kind of file a path is, told from its first bytes before any decoder sees it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias

from umit.errors import InputError, UnsupportedFormatError
from umit.imaging.raster import FORMATS

__all__ = ["Kind", "file_kind", "folder_files"]

Kind: TypeAlias = Literal["dicom", "nifti", "raster"]

_MAGIC = (b"\x89PNG", b"\xff\xd8\xff", b"BM", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"GIF8")
_DICOM, _NIFTI = (".dcm", ".dicom"), (".nii", ".nii.gz")
_RASTER = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".gif")


def file_kind(path: Path) -> Kind:
    """Tell which reader a file needs.

    Args:
        path: An existing file.

    Raises:
        UnsupportedFormatError: None of umit's formats, such as a web page saved as a picture.
        InputError: Empty or unreadable.
    """
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except OSError as error:
        raise InputError(
            f"expected a readable file, got {type(error).__name__}",
            code="unreadable",
            where=path.name,
        ) from None
    lower = path.name.lower()
    if not head:
        raise InputError("expected a picture, got 0 bytes", code="empty_file", where=path.name)
    if head[128:132] == b"DICM":
        return "dicom"
    if head.startswith(_MAGIC) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP"):
        return "raster"
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    page = start.startswith((b"<!doctype", b"<html", b"<?xml"))
    if not page and lower.endswith(_DICOM):
        return "dicom"
    if not page and lower.endswith(_NIFTI):
        return "nifti"
    raise UnsupportedFormatError(
        f"expected {', '.join(FORMATS)}, DICOM or NIfTI (.nii, .nii.gz), "
        f"got {'a web page' if page else 'something else'}",
        code="not_an_image",
        where=path.name,
        hint="It may be a login page saved by a download." if page else "Convert the file first.",
    )


def folder_files(folder: Path) -> tuple[Kind, list[Path]]:
    """Return the one kind of scan a folder holds and its files, in order of name.

    Notes, tables and a DICOMDIR beside them are left out; folders inside are not entered.

    Args:
        folder: An existing folder.

    Raises:
        InputError: No scan, several kinds, or several pictures or NIfTI files.
    """
    found: dict[Kind, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name.upper() == "DICOMDIR" or not path.is_file():
            continue
        try:
            found.setdefault(file_kind(path), []).append(path)
        except InputError:
            if path.name.lower().endswith((*_DICOM, *_NIFTI, *_RASTER)):
                raise  # a scan by its name: leaving it out would hide a lost slice
    kinds = list(found.items())
    if len(kinds) == 1 and (kinds[0][0] == "dicom" or len(kinds[0][1]) == 1):
        return kinds[0]
    counts = ", ".join(f"{len(paths)} {kind}" for kind, paths in sorted(kinds))
    raise InputError(
        f"expected one DICOM series, one NIfTI file or one picture, got {counts or 'none'}",
        code="folder",
        where=folder.name,
        hint="Pass the file itself, or several views in a list.",
    )
