"""Where a sample's pictures are: small values that cross processes, and read only when asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from umit.errors import DatasetError, InputError
from umit.imaging.dicom import read_dicom
from umit.imaging.header import picture_size
from umit.imaging.prepare import luminance
from umit.imaging.quantiles import value_range
from umit.imaging.raster import FORMATS
from umit.imaging.read import load
from umit.imaging.scan import Scan
from umit.imaging.sniff import file_kind
from umit.imaging.window import FULL

__all__ = [
    "VOLUMES", "Encoded", "Files", "Pictures", "ArrayRow", "Stack", "Voxels", "array", "film_size", "is_volume", "paths_of",
    "stacked", "stem",
]  # fmt: skip

_SLACK: Final = 1e-3  # less than half a grey level; interpolation in single precision may pass 1


class Pictures(Protocol):
    """The pictures of one sample."""

    @property
    def names(self) -> tuple[str, ...]:
        """What to call them: paths where there are files, else file, member and row."""
        ...

    @property
    def is_volume(self) -> bool:
        """Whether they are one volume; known without reading."""
        ...

    def scans(self) -> tuple[Scan, ...]:
        """Read them: one volume, or one film or several views."""
        ...


@dataclass(frozen=True, slots=True)
class Files:
    """Films in files of any kind that :func:`umit.load` reads, one a view; or one volume.

    Args:
        paths: Files, in the order of the views.
        is_volume: Whether the one file holds a volume.
        spacing: mm along y and x of a film (z, y, x of a volume) where the files cannot say it and the
            data set does.
        size: Width and height that the gold's coordinates are of, where the data set has one size. Copies
            that were made smaller go round; they are refused, since every coordinate would be wrong.
    """

    paths: tuple[Path, ...]
    is_volume: bool = False
    spacing: tuple[float, ...] | None = None
    size: tuple[int, int] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The paths."""
        return tuple(map(str, self.paths))

    def scans(self) -> tuple[Scan, ...]:
        """Read them.

        Raises:
            InputError: A file is missing or unreadable.
            DatasetError: A picture has another size than the coordinates.
        """
        return tuple(map(self._read, self.paths))

    def _read(self, path: Path) -> Scan:
        scan = load(path, spacing=self.spacing)
        if self.size is not None and scan.size[:2] != self.size:
            wanted, came = (" × ".join(map(str, size)) for size in (self.size, scan.size[:2]))
            raise DatasetError(f"expected {wanted} pixels, which the coordinates are of, got {came}", file=path.name)
        return scan


@dataclass(frozen=True, slots=True)
class Encoded:
    """A film as the bytes of a picture file inside a table."""

    data: bytes
    name: str
    is_volume: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """File and row."""
        return (self.name,)

    def scans(self) -> tuple[Scan, ...]:
        """Read it.

        Raises:
            InputError: No picture, or a damaged one.
        """
        try:
            with Image.open(BytesIO(self.data), formats=FORMATS) as picture:
                return (load(picture),)
        except (UnidentifiedImageError, Image.DecompressionBombError) as error:
            raise InputError(
                f"expected the bytes of {', '.join(FORMATS)}, got others ({type(error).__name__})",
                code="not_an_image",
                where=self.name,
            ) from None


@dataclass(frozen=True, slots=True)
class Stack:
    """A volume as slices: numbered pictures, already in numeric order, or the DICOM files of a series.

    Args:
        paths: One picture a slice; DICOM files are put in order by their positions.
        as_stored: Whether M3D's scripts have cropped and stretched it: then it is shown as it is.
    """

    paths: tuple[Path, ...]
    is_volume: bool = True
    as_stored: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The paths."""
        return tuple(map(str, self.paths))

    def scans(self) -> tuple[Scan, ...]:
        """Read the slices as one grey volume; no spacing and no sides are known.

        Slices of another size than most are left out, as M3D's m3d_cap_data_prepare.py does; the
        scan's warnings say how many.

        Raises:
            InputError: A slice is missing or unreadable.
            DatasetError: A slice is no picture of 8 bits.
        """
        for path in self.paths:
            if not path.is_file():
                raise InputError("expected a slice's file, got nothing there", code="missing", where=path.name)
        if file_kind(self.paths[0]) == "dicom":
            return (load(read_dicom(*self.paths)),)
        return (stacked([_grey(path) for path in self.paths], as_stored=self.as_stored),)


#: Ends of names of volumes in one file.
VOLUMES: Final = (".npy", ".nii", ".nii.gz", ".mgh", ".mgz", ".nrrd", ".nhdr", ".mha", ".mhd")


def is_volume(name: str) -> bool:
    """Return whether a file's name ends as one of a volume."""
    return name.lower().endswith(VOLUMES)


def stem(name: str) -> str:
    """Return a file's name without its end, ``.nii.gz`` being one."""
    return name.removesuffix(".gz").rsplit(".", 1)[0]


def film_size(source: Pictures, number: int = 0) -> tuple[int, ...]:
    """Return width and height of one of several films: from its header if it is in a file.

    Raises:
        InputError: It cannot be read.
    """
    if isinstance(source, Files):
        return picture_size(source.paths[number])[:2]
    return source.scans()[number].size[:2]


def paths_of(source: Pictures) -> tuple[Path, ...]:
    """Return the files of pictures that are in files."""
    found = (
        (part.path,) if isinstance(part, Voxels) else part.paths
        for part in getattr(source, "parts", (source,))
        if isinstance(part, Files | Stack | Voxels)
    )  # fmt: skip
    return tuple(path for paths in found for path in paths)


def stacked(planes: Sequence[NDArray[Any]], *, as_stored: bool) -> Scan:
    """Return grey slices as one volume; those of another size than most are left out, and that is noted."""
    (size, count), *_ = Counter(plane.shape for plane in planes).most_common(1)
    scan = load(np.stack([plane for plane in planes if plane.shape == size]), axes="zyx")
    if count < len(planes):
        note = f"slices: {len(planes) - count} of {len(planes)} left out, their size is not {size}"
        scan = replace(scan, warnings=(*scan.warnings, note))
    return scan.shown(as_stored=True) if as_stored else scan


def _grey(path: Path) -> NDArray[Any]:
    scan = load(path)
    if scan.is_volume or scan.voxels.dtype != np.uint8:
        raise DatasetError("expected a slice of 8 bits", file=f"{path.parent.name}/{path.name}")
    plane: NDArray[Any] = luminance(scan.voxels)[0]
    return plane


@dataclass(frozen=True, slots=True)
class Voxels:
    """A volume in an ``.npy`` file, with one channel before or none.

    Args:
        path: The file.
        axes: Its three spatial axes, such as ``"zyx"``.
        as_stored: Whether M3D's scripts have cropped, stretched and resized it to values from 0 to 1:
            then its slices are shown as they are. Else all values are shown, lowest black.
    """

    path: Path
    axes: str = "zyx"
    is_volume: bool = True
    as_stored: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The path."""
        return (str(self.path),)

    def scans(self) -> tuple[Scan, ...]:
        """Read it, turned to slice, row, column.

        Raises:
            InputError: The file is missing or unreadable.
            DatasetError: Not three-dimensional, or a prepared one with other values than 0 to 1.
        """
        voxels = array(self.path)
        if voxels.ndim == 4 and voxels.shape[0] == 1:
            voxels = voxels[0]
        if voxels.ndim != 3:
            raise DatasetError(
                f"expected a volume (1, {', '.join(self.axes)}), got the shape {voxels.shape}", file=self.path.name
            )
        turned = voxels.transpose([self.axes.index(axis) for axis in "zyx"])
        if not self.as_stored:
            return (load(turned, axes="zyx", window=FULL),)
        low, high = value_range(voxels)
        if low < -_SLACK or high > 1 + _SLACK:
            raise DatasetError(
                f"expected values from 0 to 1 as M3D's scripts write, got {low:g} to {high:g}", file=self.path.name
            )
        # Not the file's own extremes: a resized volume need not reach 1.
        return (load(turned, axes="zyx", window=(0.5, 1.0)).shown(as_stored=True),)


def array(path: Path) -> NDArray[Any]:
    """Return the array of an ``.npy`` file; its values stay on disk until they are used.

    Raises:
        InputError: Missing, cut off, no array, or an array of Python objects.
    """
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise InputError("expected a file, got nothing there", code="missing", where=path.name) from None
    except (OSError, ValueError, EOFError) as error:
        raise InputError(
            f"expected an array of numbers, got another or a torn file ({type(error).__name__})",
            code="truncated",
            where=path.name,
            hint="Fetch the file again.",
        ) from error
    if not isinstance(found, np.ndarray):
        raise InputError("expected one array, got an archive", code="shape", where=path.name)
    return np.asarray(found)  # no memmap: what is cut out of one would claim to be a file, too


@dataclass(frozen=True, eq=False, slots=True)
class ArrayRow:
    """One row of an array that holds many pictures.

    Args:
        file: Where the array is.
        member: Its name in the file.
        index: The row, from 0.
        pixels: The row itself: ``(row, column)``, ``(row, column, 3)`` or ``(slice, row, column)``.
        axes: What its axes are.
    """

    file: Path
    member: str
    index: int
    pixels: NDArray[np.uint8] = field(repr=False)
    axes: str

    @property
    def is_volume(self) -> bool:
        """Whether it has slices."""
        return self.axes.startswith("z")

    @property
    def names(self) -> tuple[str, ...]:
        """File, member and row."""
        return (f"{self.file}:{self.member}[{self.index}]",)

    def scans(self) -> tuple[Scan, ...]:
        """Return it."""
        return (load(self.pixels, axes=self.axes),)
