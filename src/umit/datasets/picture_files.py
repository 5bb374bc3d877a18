"""Pictures on their way out of umit and back: files that any program opens, as umit shows them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from io import BytesIO
from itertools import chain, cycle
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from umit.datasets.ask import Tasks, rendering_of
from umit.datasets.dataset import Sample
from umit.datasets.pictures import Encoded, Files, Pictures, Stack
from umit.datasets.swift_pictures import Gathered
from umit.errors import DatasetError, InputError
from umit.fanout import Part
from umit.geometry import Box2D, Box3D, Point2D, Space
from umit.imaging.limits import MAX_PIXELS
from umit.imaging.presentation import Presentation
from umit.imaging.scan import Scan
from umit.imaging.view import Rendering, View, ViewGeometry, render
from umit.results import Result

__all__ = ["Pictured", "as_bytes", "as_paths", "ending", "made", "moved", "pictured", "rebuilt"]

_ENDINGS: Final = {b"\x89PNG": ".png", b"\xff\xd8\xff": ".jpg", b"BM": ".bmp", b"RIFF": ".webp"}
_KEPT: Final = ("PNG", "JPEG", "BMP", "WEBP")  # what browsers open, too
_ORIENTATION: Final = 0x0112  # EXIF 2.32, table 4
#: Pixel for pixel, as the frame of a film or as a slice of a prepared volume.
_PIXELS: Final[Mapping[str, Any]] = {
    "factor": 1, "min_pixels": 1, "max_pixels": MAX_PIXELS, "fed": None,
}  # fmt: skip
_FILM: Final = Rendering(frame=None, **_PIXELS)
R = TypeVar("R", bound=Result)
T = TypeVar("T")
_EDGE: Final = 1e-6  # pixels that rounding may put a corner beyond the edge


class Pictured(NamedTuple):
    """A sample's pictures as files that show what umit shows.

    Args:
        files: One a film, or one a slice: a picture file where it lies, or the bytes of one.
        said: What the files alone do not say, as JSON values; mostly nothing.
        views: The way from the source's coordinates to pixels of each film, or to voxels of the volume; empty
            for slices that are files already.
    """

    files: tuple[Path | bytes, ...]
    said: dict[str, Any] | None
    views: tuple[ViewGeometry, ...]

    def of(self, part: Part) -> Pictured:
        """Return those that one question of the sample is about."""
        return self if part.view is None else self._replace(files=part.of(self.files))


def pictured(source: Pictures, rendering: Rendering | None = None) -> Pictured:
    """Return a sample's pictures as files that any program opens and shows as umit does.

    Picture files of 8 bits stay what they are. Everything else is written as PNG: films in their own size,
    windowed, hung and inverted as umit shows them; volumes of other than plain slices as a model sees them.

    Args:
        source: From a sample.
        rendering: Of the task that asks about a volume.

    Raises:
        InputError: A picture cannot be read.
        DatasetError: A picture of another size than its coordinates, a volume in colours, or no rendering.
    """
    files: tuple[Path | bytes, ...]
    kept = _kept(source)
    if kept is not None and not (source.is_volume and len(set(kept[1])) > 1):  # else some are left out
        files, sizes = kept
        views = () if source.is_volume else tuple(map(_whole, sizes))
        return Pictured(files, _described(source), views)
    if source.is_volume:
        (scan,) = source.scans()
        return _volume(scan, rendering)
    films = [render(scan, _FILM) for scan in source.scans()]
    spacings = {_shown(film.geometry).source.spacing for film in films}
    mm = spacings.pop() if len(spacings) == 1 else None
    said = None if mm is None else {"kind": "films", "spacing": list(mm[::-1])}
    files = tuple(_png(film.frames[0]) for film in films)
    return Pictured(files, said, tuple(film.geometry for film in films))


def _kept(source: Pictures) -> tuple[tuple[Path | bytes, ...], list[tuple[int, int]]] | None:
    """Return the files of a source and their sizes, if every program shows them as umit does."""
    files: tuple[Path | bytes, ...]
    match source:
        case Gathered(parts=parts):
            found = [_kept(part) for part in parts]
            known = [one for one in found if one is not None]
            sizes = [size for _, several in known for size in several]
            files = tuple(chain.from_iterable(several for several, _ in known))
            return (files, sizes) if len(known) == len(found) else None
        case Files(paths=files, is_volume=False) | Stack(paths=files):
            pass
        case Encoded(data=data):
            files = (data,)
        case _:
            return None
    wanted = source.size if isinstance(source, Files) else None  # another is refused in reading
    sizes = [size for size in map(_plain_size, files) if size and wanted in (None, size)]
    return (files, sizes) if len(sizes) == len(files) else None


def _plain_size(file: Path | bytes) -> tuple[int, int] | None:
    """Return the size of a sound picture file that says all that is shown: one picture, opaque, upright, 8 bits."""
    if isinstance(file, Path) and not file.exists():
        raise InputError("expected a file, found none", code="missing", where=file.name)
    try:
        with Image.open(file if isinstance(file, Path) else BytesIO(file), formats=_KEPT) as picture:
            plain = picture.mode in ("L", "RGB") and getattr(picture, "n_frames", 1) == 1
            turned = picture.getexif().get(_ORIENTATION, 1) in range(2, 9)
            if not plain or turned or picture.has_transparency_data:
                return None
            picture.load()
            return picture.size
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None  # reading it will say what is wrong, or that it is DICOM


def _whole(size: tuple[int, ...], mm: tuple[float, ...] | None = None) -> ViewGeometry:
    axes, space = tuple(range(len(size))), Space(size=size, spacing=mm)
    return ViewGeometry(source=space, frame=size, axes=axes, flips=(False,) * len(size))


def _volume(scan: Scan, rendering: Rendering | None) -> Pictured:
    as_stored = scan.presentation.as_stored
    said = {"kind": "slices", "as_stored": as_stored}
    plain = scan.voxels.dtype == np.uint8 and scan.voxels.ndim == 3 and not scan.inverted
    whole = scan.presentation == Presentation(as_stored=as_stored) and scan.affine is None
    if plain and whole and scan.window is None:
        return Pictured(tuple(map(_png, scan.voxels)), said, (_whole(scan.voxels.shape[::-1]),))
    if rendering is None:
        raise DatasetError("expected tasks= to show a volume of other than plain slices, got none")
    frame = rendering.frame if rendering.preparation == "m3d" else None
    view = render(scan, replace(rendering, frame=frame, **_PIXELS))
    if not all(map(_is_grey, view.frames)):
        raise DatasetError("expected a grey volume, got one in colours")
    files = tuple(map(_png, view.frames))
    return Pictured(files, {**said, "as_stored": True}, (view.geometry,))


def _is_grey(frame: NDArray[np.uint8]) -> bool:
    return frame.ndim == 2 or bool((frame == frame[..., :1]).all())


def _png(frame: NDArray[np.uint8]) -> bytes:
    pixels = frame[..., 0] if frame.ndim == 3 and _is_grey(frame) else frame
    out = BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(out, "PNG")
    return out.getvalue()


def _shown(geometry: ViewGeometry) -> ViewGeometry:
    """Return the way from a picture that was written pixel for pixel to itself."""
    mm = geometry.source.spacing if len(geometry.frame) == 2 else None
    turned = None if mm is None else tuple(mm[axis] for axis in geometry.axes)
    return _whole(geometry.frame, turned)


def made(
    samples: Iterable[Sample[Any, Any]],
    tasks: Tasks | None,
    tell: Callable[[str], None],
    make: Callable[[Sample[Any, Any], Pictured], T],
) -> Iterator[T]:
    """Yield what is made of each sample and its pictures; a sample that cannot be written is told, and left out.

    Args:
        samples: From any data set.
        tasks: Of the checkpoint that is to see volumes; films need none.
        tell: Called with place and reason.
        make: Given a sample and its pictures, which are read once for all questions that follow each other.

    Raises:
        UnsupportedTaskError: The checkpoint does not know a sample's task.
    """
    source: Pictures | None = None
    for sample in samples:
        try:
            if source is not sample.source or source.is_volume:
                volume = sample.source.is_volume
                seen = rendering_of(sample, tasks) if tasks and volume else None
                pictures = pictured(sample.source, seen)
            source = sample.source
            found = make(sample, pictures)
        except (InputError, DatasetError) as error:
            source = None
            tell(f"{sample.place or sample.id}: left out: {error}")
            continue
        yield found


def moved(gold: R, views: Sequence[ViewGeometry]) -> R:
    """Return a true result in pixels or voxels of the pictures that were written.

    Args:
        gold: In the source's own coordinates.
        views: Of :func:`pictured`.

    Raises:
        DatasetError: A box or a point beyond its picture.
    """
    if not views:
        return gold
    there: R = gold.moved(lambda mark, view: _moved(mark, views[view or 0]))  # type: ignore[assignment]
    return there


def _moved(mark: Box2D | Box3D | Point2D, geometry: ViewGeometry) -> Any:
    place = tuple(value for end in mark.ends for value in end)
    size = geometry.source.size
    if len(place) not in (len(size), 2 * len(size)) or any(
        not -_EDGE <= value <= end + _EDGE for value, end in zip(place, cycle(size), strict=False)
    ):
        wanted = " × ".join(map(str, size))
        raise DatasetError(f"expected a place inside the picture of {wanted}, got {place}")
    seen, there = View.of(geometry), View.of(_shown(geometry))
    if geometry == there.geometry:
        return mark  # bit for bit
    if isinstance(mark, Point2D):
        return there.point_to_source(seen.point_to_frame(mark))
    return there.box_to_source(seen.box_to_frame(mark))


def ending(data: bytes) -> str:
    """Return the suffix of a picture file, told from its first bytes."""
    return next((end for start, end in _ENDINGS.items() if data.startswith(start)), ".img")


def as_bytes(files: Sequence[Path | bytes]) -> list[bytes]:
    """Return picture files as bytes."""
    return [file if isinstance(file, bytes) else file.read_bytes() for file in files]


def as_paths(files: Sequence[Path | bytes], stage: Path, target: Path) -> list[str]:
    """Return picture files as paths; what is in no file of its own is written to one first.

    Args:
        files: Of :func:`pictured`.
        stage: Of :func:`umit.whole.whole`: pictures go to ``<target>_images`` in it, each under its
            content's hash.
        target: The file of rows: paths inside its folder are relative to that, others absolute.
    """
    here, found = target.parent.resolve(), []
    for file in files:
        if isinstance(file, Path):
            full = file.resolve()
            path = full.relative_to(here) if full.is_relative_to(here) else full
        else:
            name = hashlib.blake2b(file, digest_size=12).hexdigest() + ending(file)
            path = Path(f"{target.stem}_images", name)
            (stage / path).parent.mkdir(exist_ok=True)
            (stage / path).write_bytes(file)
        found.append(path.as_posix())
    return found


def _described(source: Pictures) -> dict[str, Any] | None:
    """Return what picture files alone do not say of a sample's pictures."""
    if source.is_volume:
        return {"kind": "slices", "as_stored": bool(getattr(source, "as_stored", False))}
    said = {key: getattr(source, key, None) for key in ("spacing", "size")}
    kept = {key: list(value) for key, value in said.items() if value is not None}
    return {"kind": "films", **kept} if kept else None


def rebuilt(source: Pictures, said: Any, place: str) -> Pictures:
    """Return pictures as they were said to be when they were written.

    Args:
        source: As their paths alone would be taken.
        said: What a row says of them.
        place: File and row, for messages.

    Raises:
        DatasetError: Nothing that :func:`pictured` says.
    """
    said = said if isinstance(said, Mapping) else {}
    parts = source.parts if isinstance(source, Gathered) else (source,)
    files = (one.paths for one in parts if isinstance(one, Files | Stack))
    paths = tuple(path for several in files for path in several)
    as_stored = said.get("as_stored") is True
    mm, size = (_numbers(said.get(key), key, place) for key in ("spacing", "size"))
    match said.get("kind"):
        case "films" if paths and (size is None or len(size) == 2):
            shown = None if size is None else (int(size[0]), int(size[1]))
            return Files(paths, spacing=mm, size=shown)
        case "films" if not paths:
            return Gathered(parts, spacing=mm)
        case "slices" if paths:
            return Stack(paths, as_stored=as_stored)
        case "slices":
            return Gathered(parts, is_volume=True, as_stored=as_stored)
    raise DatasetError(f"expected pictures as umit describes them, got {said}", file=place)


def _numbers(value: Any, key: str, place: str) -> tuple[float, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(v, int | float) for v in value):
        raise DatasetError(f"expected numbers as {key}, got {value!r}", file=place)
    return tuple(map(float, value))
