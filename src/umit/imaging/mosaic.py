"""Siemens mosaics: many slices of one volume side by side in one DICOM picture."""

from __future__ import annotations

import math
import struct
import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from umit.errors import InputError
from umit.imaging.attributes import Header, numbers, values, whole
from umit.imaging.grid import Stack
from umit.imaging.series import along_normal

__all__ = ["CSA_TAGS", "Mosaic", "mosaic"]

#: "SIEMENS CSA HEADER" and its element 10, which describes the image, in any of its first blocks.
CSA_TAGS = tuple(0x00290000 + tag for k in range(0x10, 0x14) for tag in (k, (k << 8) + 0x10))


# What nibabel is seen to raise on damaged headers; one of its names may not be set.
_UNREADABLE = (AssertionError, IndexError, TypeError, UnboundLocalError, ValueError, struct.error)


class Mosaic(NamedTuple):
    """How a picture is cut into slices, and where they lie.

    Args:
        across: Tiles side by side, and as many below each other; the last ones may be empty.
        stack: Which tiles are slices, in order along the normal, and their grid.
    """

    across: int
    stack: Stack

    def tiles(self, picture: NDArray[Any]) -> NDArray[Any]:
        """Return the slices of a picture ``(row, column[, 3])`` in order, ``(slice, row, column[, 3])``."""
        n, (rows, columns, *colour) = self.across, picture.shape
        cut = picture.reshape(n, rows // n, n, columns // n, *colour)
        slices = np.moveaxis(cut, 2, 1).reshape(n * n, rows // n, columns // n, *colour)
        return slices[self.stack.order]


def mosaic(header: Header, notes: list[str]) -> Mosaic | None:
    """Return how a mosaic is unfolded, or ``None`` where the picture is none.

    ImagePositionPatient is that of a picture as large as the mosaic around the slice's centre
    (nibabel, "Siemens mosaic format": doc/source/dicom/dicom_mosaic.rst).
    """
    if "MOSAIC" not in values(header, "ImageType"):
        return None
    count, normal, between = _told(header)
    rows, columns = whole(header, "Rows") or 0, whole(header, "Columns") or 0
    across = math.isqrt(max(count - 1, 0)) + 1
    between = between or float(header.get("SpacingBetweenSlices") or 0)
    fits = count > 1 and not rows % across and not columns % across
    if not fits or len(normal) != 3 or not 0 < between < math.inf:
        raise InputError(
            "expected a mosaic whose header tells its number of slices, their normal and their "
            f"spacing, got {count} slices, a normal of {len(normal)} numbers and {between:g} mm",
            code="mosaic",
            hint="Convert it with dcm2niix from the scanner's own files.",
        )
    turn = np.array(numbers(header, "ImageOrientationPatient", 6))
    cosine = float(np.cross(turn[:3], turn[3:]) @ normal)
    if abs(cosine) < 0.99:
        raise InputError(
            "expected the normal of ImageOrientationPatient in the mosaic's own header, got another", code="mosaic"
        )
    down, right = numbers(header, "PixelSpacing", 2)
    hidden = (1 - 1 / across) / 2  # of the mosaic, on each side of the slice
    shift = turn[:3] * right * columns * hidden + turn[3:] * down * rows * hidden
    corner = numbers(header, "ImagePositionPatient", 3) + shift
    first = {"ImageOrientationPatient": turn.tolist(), "ImagePositionPatient": corner.tolist()}
    offsets = np.arange(count) * math.copysign(between, cosine)
    notes.append(f"series: a Siemens mosaic, unfolded into its {count} slices")
    return Mosaic(across, along_normal(header, first, offsets, notes))


def _told(header: Header) -> tuple[int, NDArray[np.float64], float]:
    """Return the number of slices, their normal and mm between them, from Siemens' private fields."""
    csa = _csa(header)
    counted = [int(count) for count in csa.get("NumberOfImagesInMosaic") or () if count]
    between = [float(mm) for mm in csa.get("SpacingBetweenSlices") or () if mm]
    normal = [float(part) for part in csa.get("SliceNormalVector") or () if part != ""]
    count = counted[0] if counted else len(csa.get("MosaicRefAcqTimes") or ())
    return count, np.array(normal), between[0] if between else 0.0


def _csa(header: Header) -> dict[str, list[Any]]:
    """Return the fields of the CSA image header by name; none where there is no readable one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nibabel calls its own DICOM readers experimental
        from nibabel.nicom import csareader

    read: Any = csareader.get_csa_header  # not typed
    try:
        found = read(header)
    except _UNREADABLE + (csareader.CSAError,):
        return {}
    return {} if found is None else {name: tag["items"] for name, tag in found["tags"].items()}
