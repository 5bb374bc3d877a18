"""The pictures of an ms-swift row: files of this machine, bytes in the row; never an address."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Final

from umit.datasets.folder import Folder
from umit.datasets.pictures import Encoded, Files, Pictures, Stack, Voxels, is_volume, stacked
from umit.errors import DatasetError
from umit.imaging.prepare import luminance
from umit.imaging.read import load
from umit.imaging.scan import Scan

__all__ = ["Places", "Gathered", "as_volume", "entries", "source_of"]

_ABSOLUTE: Final = re.compile(r"[/\\]|[A-Za-z]:[/\\]")
_ADDRESS: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_MOST_FOLDERS: Final = 256  # one level of a data set's layout; a level with more holds cases
_DEEPEST: Final = 6


@dataclass(frozen=True, slots=True)
class Gathered:
    """Pictures from several places: the views of a row, or the slices of one volume.

    Args:
        parts: One picture each.
        is_volume: Whether they are slices, in order.
        as_stored: Whether slices were cropped and stretched by M3D's scripts before.
        spacing: mm along y and x of films, where the data set knows it.
    """

    parts: tuple[Pictures, ...]
    is_volume: bool = False
    as_stored: bool = False
    spacing: tuple[float, ...] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The parts' names."""
        return tuple(chain.from_iterable(part.names for part in self.parts))

    def scans(self) -> tuple[Scan, ...]:
        """Read them: one grey volume, or the views in order.

        Raises:
            InputError: A part is unreadable.
        """
        scans = tuple(chain.from_iterable(part.scans() for part in self.parts))
        if not self.is_volume:
            return tuple(load(scan, spacing=self.spacing) for scan in scans)
        return (stacked([luminance(s.voxels)[0] for s in scans], as_stored=self.as_stored),)


@dataclass
class Places:
    """Finds the files that rows name, inside the rows' own folder or a root; both may be one.

    A relative path is looked for beside the rows, then in the root. An absolute path that does not lie in
    either was written on another machine: its longest end that exists in the root, or in a folder of the
    root's layout, is taken. One folder here stands for one folder there, else a short end could join two
    pictures to one file.

    Args:
        beside: The folder of the rows.
        root: The user's folder of pictures.
    """

    beside: Folder
    root: Folder
    _joined: dict[Path, str] = field(default_factory=dict)
    _folders: tuple[Folder, ...] = ()

    def find(self, name: str, place: str) -> Path:
        """Return where a path leads, whether or not a file is there.

        Raises:
            DatasetError: An address, a path that leads out, or one that could be two files.
        """
        _check_entry(name, place)
        if not _ABSOLUTE.match(name):
            folders = dict.fromkeys((self.beside, self.root))
            found = [folder.inside(name, place=place) for folder in folders]
            return next((path for path in found if path.exists()), found[0])
        parts = [p for p in name.replace("\\", "/").split("/") if p not in ("", ".")]
        if parts and parts[0].endswith(":"):  # a drive
            parts = parts[1:]
        if not parts or ".." in parts:
            raise DatasetError(f"expected a path to a file, got {name[:120]!r}", file=place)
        for folder in (self.beside, self.root):
            own = folder.path.as_posix().strip("/").split("/")
            if parts[: len(own)] == own and parts[len(own) :]:
                return folder.inside("/".join(parts[len(own) :]), place=place)
        return self._elsewhere(parts, place)

    def _elsewhere(self, parts: list[str], place: str) -> Path:
        whole = "/".join(parts)
        for base, head in self._joined.items():  # the last row's folder is most often this row's
            path = base.joinpath(*parts[len(head.split("/")) if head else 0 :])
            if whole.startswith(f"{head}/") and path.is_file():
                return Folder(base).inside(path.relative_to(base).as_posix(), place=place)
        self._folders = self._folders or tuple(self._layout())
        for cut in range(1, len(parts)):
            end, head = "/".join(parts[cut:]), "/".join(parts[:cut])
            # A bare name says too little to look for it further down: every case may have its 0.png.
            for folder in self._folders if "/" in end else (self.root, self.beside):
                if folder.path.joinpath(end).is_file():
                    path = folder.inside(end, place=place)
                    if self._joined.setdefault(folder.path, head) != head:
                        raise DatasetError(
                            f"expected one folder elsewhere for {folder.path.name!r}, got "
                            f"{self._joined[folder.path][-60:]!r} and {head[-60:]!r}; give the root that both lie in",
                            file=place,
                        )
                    return path
        return self.root.inside("/".join(parts[-2:]), place=place)

    def _layout(self) -> Iterator[Folder]:
        """Yield both folders, then those below them, level by level, until a level is too wide."""
        level = list(dict.fromkeys([self.root.path, self.beside.path]))
        for _ in range(_DEEPEST):
            yield from map(Folder, level)
            level = [p for folder in level for p in sorted(folder.iterdir()) if _is_folder(p)]
            if not level or len(level) > _MOST_FOLDERS:
                return


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink() and not path.name.startswith(".")


def entries(row: Mapping[str, Any], inline: Sequence[Any], place: str) -> tuple[tuple[Any, ...], bool]:
    """Return what a row names as its pictures, and whether they are the slices of one volume.

    Args:
        row: With ``images``, ``image`` or ``videos``: paths, data URIs, ``{"path", "bytes"}``; a list inside
            the list is a volume's slices, as is one of ``videos``.
        inline: Pictures named inside the words.
        place: File and row, for messages.

    Raises:
        DatasetError: Addresses, moving pictures, sounds, several volumes, or no names.
    """
    found = [*_listed(row, "images", place), *_listed(row, "image", place)]
    videos = _listed(row, "videos", place)
    if (bool(found) + bool(inline) + bool(videos)) > 1 or len(videos) > 1:
        raise DatasetError("expected pictures in one of images, videos and the words, got several", file=place)
    if _listed(row, "audios", place) or (videos and not _is_volume(videos[0])):
        raise DatasetError("expected pictures or slices, got sounds or a moving picture", file=place)
    found = found or videos or list(inline)
    slices = any(isinstance(one, list) for one in found)
    if slices and (len(found) > 1 or not found[0]):
        raise DatasetError("expected films or one list of slices, got both or several", file=place)
    names = found[0] if slices else found
    for one in names:
        _check_entry(one, place)
    return tuple(names), slices


def _is_volume(entry: Any) -> bool:
    return isinstance(entry, list) or (isinstance(entry, str) and is_volume(entry))


def _check_entry(entry: Any, place: str) -> None:
    if isinstance(entry, dict):
        if isinstance(entry.get("bytes"), bytes) and entry["bytes"]:
            return
        entry = entry.get("path", entry.get("url"))
    if not isinstance(entry, str) or not entry.strip():
        raise DatasetError(f"expected the path of a picture, got {type(entry).__name__}", file=place)
    if _ADDRESS.match(entry):
        raise DatasetError(
            f"expected a file, got the address {entry[:80]!r}; download it first, nothing is fetched", file=place
        )


def source_of(names: Sequence[Any], slices: bool, places: Places, place: str, *, prepared: bool) -> Pictures | None:
    """Return the pictures that :func:`entries` named; files are found, not read.

    Args:
        names: As :func:`entries` gives them.
        slices: Whether they are one volume's.
        places: Where files are.
        place: File and row, for messages.
        prepared: Whether volumes were cropped and stretched by M3D's scripts before, as UMIT's were.

    Raises:
        DatasetError: A path that leads out or could be two files, or damaged bytes.
    """
    parts = [_part(one, places, place) for one in names]
    if not parts:
        return None
    return as_volume(parts, prepared=prepared) if slices else _source(parts, place, prepared=prepared)


def as_volume(parts: Sequence[Path | Encoded], *, prepared: bool) -> Pictures:
    """Return pictures as the slices of one volume."""
    if paths := _paths(parts):
        return Stack(paths, as_stored=prepared)
    return Gathered(tuple(map(_one, parts)), is_volume=True, as_stored=prepared)


def _source(parts: Sequence[Path | Encoded], place: str, *, prepared: bool) -> Pictures:
    volumes = [p for p in parts if isinstance(p, Path) and is_volume(p.name)]
    if volumes and len(parts) > 1:
        raise DatasetError("expected films or one volume, got both or several", file=place)
    if volumes and volumes[0].suffix.lower() == ".npy":
        return Voxels(volumes[0], as_stored=prepared)
    if paths := _paths(parts):
        return Files(paths, is_volume=bool(volumes))
    return _one(parts[0]) if len(parts) == 1 else Gathered(tuple(map(_one, parts)))


def _paths(parts: Sequence[Path | Encoded]) -> tuple[Path, ...]:
    """Return the paths if all are paths."""
    paths = tuple(part for part in parts if isinstance(part, Path))
    return paths if len(paths) == len(parts) else ()


def _one(part: Path | Encoded) -> Pictures:
    return Files((part,)) if isinstance(part, Path) else part


def _part(entry: Any, places: Places, place: str) -> Path | Encoded:
    _check_entry(entry, place)
    if isinstance(entry, dict):
        if isinstance(data := entry.get("bytes"), bytes) and data:
            return _encoded(data)
        entry = entry.get("path", entry.get("url"))
    name = str(entry)
    if not name.startswith("data:"):
        return places.find(name, place)
    head, _, words = name.partition(",")
    if not head.endswith(";base64"):
        raise DatasetError("expected a data URI in base64, got another", file=place)
    try:
        return _encoded(base64.b64decode(words, validate=True))
    except binascii.Error as error:
        raise DatasetError(f"expected base64 in a data URI: {error}", file=place) from error


def _encoded(data: bytes) -> Encoded:
    return Encoded(data, f"bytes:{hashlib.blake2b(data, digest_size=8).hexdigest()}")


def _listed(row: Mapping[str, Any], key: str, place: str) -> list[Any]:
    found = row.get(key)
    if isinstance(found, str | dict):
        found = [found]
    if found is not None and not isinstance(found, list):
        raise DatasetError(f"expected a list as {key}, got {type(found).__name__}", file=place)
    return [one for one in found or [] if one is not None]  # as ms-swift 2.6 leaves them out
