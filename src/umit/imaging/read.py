"""One door for everything a user may hold: ``load``."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from umit.errors import InputError
from umit.imaging.arguments import asked_frame, asked_slices, asked_spacing
from umit.imaging.cut import cut
from umit.imaging.dicom import read_dicom
from umit.imaging.faults import naming
from umit.imaging.metaimage import read_itk
from umit.imaging.mgh import read_mgh
from umit.imaging.nifti import read_nifti
from umit.imaging.raster import read_raster
from umit.imaging.scan import Scan, ScanLike
from umit.imaging.sniff import file_kind, folder_files, left_out
from umit.imaging.voi import is_declared
from umit.imaging.window import FULL, PRESETS, Window, asked_window, default_window

__all__ = ["Source", "Window", "load"]

Source: TypeAlias = "ScanLike | NDArray[Any]"

_READERS = {"itk": read_itk, "mgh": read_mgh, "nifti": read_nifti, "raster": read_raster}
_AXES = ("yx", "yxc", "zyx", "zyxc")


def load(
    source: Source,
    *,
    axes: str | None = None,
    spacing: Sequence[float] | None = None,
    frame: int | None = None,
    window: Window | None = None,
    slices: slice | tuple[int, int] | None = None,
) -> Scan:
    """Read a film or a volume from a file, a DICOM folder, a picture or an array.

    Args:
        source: A path, a picture, an array, or a scan (returned as it is).
        axes: For an array: what its axes are, such as ``"yx"``, ``"yxc"``, ``"zyx"``, ``"zyxc"``.
        spacing: mm along the spatial axes, in the order of ``axes`` (files: y, x or z, y, x).
        frame: Which frame, page or 4-D volume, from 0; needed where there are several.
        window: A preset's name, ``"full"``, ``(centre, width)``, or the name or index of one that
            DICOM declares.
        slices: ``(start, stop)`` or a slice of the slices to keep; the affine follows.

    Returns:
        The scan; what was chosen or assumed is in its ``warnings``.

    Raises:
        UnsupportedFormatError: The file is none that umit reads.
        InputError: Missing, empty, damaged or ambiguous input, or arguments that do not fit it.
        MissingMetadataError: A DICOM series without positions.

    Example:
        >>> load(np.zeros((3, 4, 5), np.int16), axes="zyx", spacing=(5, 1, 1)).size
        (5, 4, 3)
    """
    frame, window, slices = asked_frame(frame), asked_window(window), asked_slices(slices)
    if axes is not None and not isinstance(axes, str):
        raise InputError(f"expected axes= as letters, got {axes!r:.80}", code="axes", where="axes")
    if frame is not None and isinstance(source, np.ndarray | Scan):
        kind = type(source).__name__
        raise InputError(f"expected frame= with a file, got {kind}", code="frame", where="frame")
    if isinstance(source, np.ndarray):
        scan = _from_array(source, axes, window)
        mm = _along(asked_spacing(spacing), axes or "")
    else:
        scan = _from_file(source, axes, frame, window)
        mm = _along(asked_spacing(spacing), "zyx" if scan.has_depth else "yx")
    if scan is source and window is None and mm is None and slices is None:
        return scan
    return cut(_spaced(_windowed(scan, window), mm), slices)


def _from_file(source: ScanLike, axes: str | None, frame: int | None, window: Window | None) -> Scan:
    if axes is not None:
        raise InputError("expected axes= with an array only", code="axes", where="axes")
    if isinstance(source, str | os.PathLike):
        return _from_path(os.fsdecode(source), frame, window)
    _no_index(window)
    if isinstance(source, Image.Image):
        return read_raster(source, frame=frame)
    if not isinstance(source, Scan):
        raise InputError(
            f"expected a path, a picture, an array or a scan, got {type(source).__name__}", code="type", where="source"
        )
    return source


def _from_path(text: str, frame: int | None, window: Window | None) -> Scan:
    if not text:  # pathlib would take it for the current folder
        raise InputError(
            "expected a file or folder, got an empty path",
            code="missing",
            where="source",
            hint='The current folder is "."; a variable may not be set.',
        )
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", text):
        raise InputError("expected a local file, got an address", code="url", hint="Download it first.")
    path = Path(text)
    if os.path.isdir(path):  # false for a name that the system cannot even hold
        kind, paths = folder_files(path)
    elif os.path.isfile(path):
        kind, paths = file_kind(path), [path]
    else:
        raise InputError(
            "expected a file or folder, got nothing there", code="missing", where=path.name, hint="Check the path."
        )
    if kind == "dicom":
        scan = read_dicom(*paths, frame=frame, window=window)
        return replace(scan, warnings=(*scan.warnings, *left_out(path, paths)))
    _no_index(window)
    with naming(paths[0].name):
        return replace(_READERS[kind](paths[0], frame=frame), name=paths[0].name)


def _no_index(window: Window | None) -> None:
    if window is not None and is_declared(window):
        raise InputError(
            f"expected a window of {', '.join(PRESETS)}, {FULL} or (centre, width), got {window!r}",
            code="window",
            where="window",
            hint="Only DICOM files declare windows that an index or a name of theirs can pick.",
        )


def _from_array(array: NDArray[Any], axes: str | None, window: Window | None) -> Scan:
    _no_index(window)
    order = next((known for known in _AXES if sorted(known) == sorted(axes or "")), None)
    if axes is None or order is None or len(axes) != array.ndim:
        raise InputError(
            f"expected axes= to spell the {array.ndim} axes of the array, got {axes!r}",
            code="axes",
            where="axes",
            hint=f"Use one of {', '.join(_AXES)}: z slices, y rows, x columns, c colours.",
        )
    voxels = array.transpose([axes.index(letter) for letter in order])
    if "z" not in order:
        voxels = voxels[None]
    if "c" in order and voxels.shape[-1] == 1:
        voxels = voxels[..., 0]
    if voxels.dtype.kind == "b":
        voxels = voxels.astype(np.uint8) * np.uint8(255)
    return Scan(voxels.copy())  # the caller may write to the array later


def _along(spacing: Sequence[float] | None, axes: str) -> tuple[float, ...] | None:
    """Return a spacing that follows ``axes`` in the order x, y, z."""
    if spacing is None:
        return None
    spatial = [letter for letter in axes if letter != "c"]
    if len(spacing) != len(spatial):
        raise InputError(
            f"expected a spacing for each of {', '.join(spatial)}, got {len(spacing)} numbers",
            code="spacing",
            where="spacing",
        )
    mm = {letter: float(value) for letter, value in zip(spatial, spacing, strict=True)}
    return tuple(mm[letter] for letter in "xyz" if letter in mm)


def _windowed(scan: Scan, window: Window | None) -> Scan:
    """Give the scan the asked window, or choose one and say so; readers use an index."""
    low_high, notes = scan.window, _remarks(scan)
    # One that a DICOM file declares is already there: its reader has applied it.
    asked = None if isinstance(window, int) or is_declared(window) else window
    if asked is None and low_high is None:
        low_high, chosen = default_window(scan.measured, scan.modality)
        notes += chosen
    warnings = tuple(dict.fromkeys((*scan.warnings, *notes)))
    scan = replace(scan, window=low_high, warnings=warnings)
    return scan if asked is None else scan.windowed(asked)


def _remarks(scan: Scan) -> tuple[str, ...]:
    """Say how many values are not finite; slice by slice, with no copy."""
    values = scan.voxels
    wild = 0
    if values.dtype.kind == "f":
        wild = values.size - sum(int(np.count_nonzero(np.isfinite(plane))) for plane in values)
    if wild == values.size:
        raise InputError("expected some finite values, got none", code="not_finite", where=scan.name)
    return (f"values: {wild} are not finite; NaN is shown black",) if wild else ()


def _spaced(scan: Scan, mm: tuple[float, ...] | None) -> Scan:
    if mm is None or mm == scan.spacing:
        return scan
    if scan.affine is not None:
        raise InputError(
            f"expected the affine's own spacing {scan.spacing}, got {mm}",
            code="spacing",
            where=scan.name,
            hint="Leave spacing= out: the file records its grid.",
        )
    notes = () if scan.spacing is None else ("spacing: the file's own replaced by spacing=",)
    return replace(scan, spacing=mm, warnings=(*scan.warnings, *notes))
