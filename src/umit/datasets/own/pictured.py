"""A path of a user's picture, volume or series as pictures, and where a row's word for one leads."""

from __future__ import annotations

import os
import warnings
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from umit.datasets.pictures import VOLUMES, Files, Pictures, Voxels, is_volume, stem
from umit.datasets.swift_pictures import Places
from umit.errors import DatasetError, InputError
from umit.imaging.sniff import file_kind

__all__ = ["Found", "is_picture", "pictured"]

_FILMS: Final = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".dcm", ".dicom", ".ima")  # fmt: skip
#: What a table may call DICOM files by, from one file to many.
_IDENTIFIERS: Final = ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "PatientID")


def is_picture(path: Path) -> bool:
    """Return whether a file's name ends as one of a picture or a volume, or, without an end, it is DICOM."""
    name = path.name.lower()
    if name.startswith(".") or not path.is_file():
        return False
    if name.endswith((*_FILMS, *VOLUMES)):
        return True
    try:  # identifiers end in a number
        return not path.suffix.strip(".0123456789") and file_kind(path) == "dicom"
    except InputError:
        return False


def pictured(path: Path) -> Pictures:
    """Return one path as pictures: a folder is a series, an array or a NIfTI file a volume, else a film."""
    if path.suffix.lower() == ".npy":
        return Voxels(path)
    return Files((path,), is_volume=is_volume(path.name) or path.is_dir())


@dataclass
class Found(Places):
    """Finds what tables name, which often leave out the folder and the end of a name.

    What is no path is looked for by its last part, with or without its end, among all files and folders of the root,
    in no other folders than those it names. Then it is looked for among the identifiers inside DICOM files. One of a
    series, a study or a patient stands for its one file, or for the one folder that holds its files.
    """

    _found: dict[str, Path] = field(default_factory=dict)
    _names: dict[str, set[Path]] = field(default_factory=dict)
    _inside: dict[str, set[Path]] | None = None

    def find(self, name: str, place: str) -> Path:
        """Return where a name leads, whether or not something is there.

        Raises:
            DatasetError: An address, a path that leads out, or a name of several files.
        """
        if name not in self._found:
            self._found[name] = self._find(name, place)
        return self._found[name]

    def _find(self, name: str, place: str) -> Path:
        path = super().find(self._straight(name), place)
        if path.exists():
            return path
        self._names = self._names or _by_name({self.beside.path, self.root.path})
        last = name.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
        folders = tuple(name.replace("\\", "/").rstrip("/").split("/")[:-1])
        found = {one for one in self._names.get(last, ()) if self._agrees(one, folders)}
        if not found and not last.lower().endswith((*_FILMS, *VOLUMES)):
            if self._inside is None:
                self._inside = _by_identifier(self._names)
            found = self._inside.get(last, set())
        if len(found) > 1:
            shown = sorted(p.relative_to(self.root.path).as_posix() if p.is_relative_to(self.root.path) else p.name for p in found)  # fmt: skip
            raise DatasetError(
                f"expected one file called {last!r}, got {len(found)}: {', '.join(shown[:3])}", file=place
            )
        return next(iter(found), path)

    def _straight(self, name: str) -> str:
        """Return a name that goes up from the table's folder and down into it or the root as one without dots."""
        if ".." in name.replace("\\", "/").split("/"):
            whole = Path(os.path.normpath(self.beside.path / name.replace("\\", "/")))
            for folder in (self.beside.path, self.root.path):
                if whole.is_relative_to(folder):
                    return str(whole)
        return name

    def _agrees(self, path: Path, folders: tuple[str, ...]) -> bool:
        """Return whether a path lies in the folders that a name has, as far as both name some below the root."""
        root = next(base.path for base in (self.root, self.beside) if path.is_relative_to(base.path))
        inner = path.relative_to(root).parts[:-1]
        both = min(len(inner), len(folders))
        return inner[len(inner) - both :] == folders[len(folders) - both :]


def _by_name(roots: set[Path]) -> dict[str, set[Path]]:
    """Return files and folders by name, with and without their end."""
    found = defaultdict(set)
    for path in sorted({p for root in roots for p in root.rglob("*")}):
        if path.is_dir():
            found[path.name].add(path)
        elif is_picture(path):
            found[path.name].add(path)
            found[stem(path.name)].add(path)
    return dict(found)


def _by_identifier(names: dict[str, set[Path]]) -> dict[str, set[Path]]:
    """Return DICOM files by their identifiers; where several have one, such as a patient's, their folders."""
    found = defaultdict(set)
    for path in sorted({p for paths in names.values() for p in paths if p.is_file()}):
        for value in filter(None, _identifiers(path)):
            found[value].add(path)
    return {value: paths if len(paths) == 1 else {p.parent for p in paths} for value, paths in found.items()}


def _identifiers(path: Path) -> Iterator[str]:
    import pydicom

    try:
        if file_kind(path) != "dicom":
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about values: they are told when the file is read
            header = pydicom.dcmread(path, specific_tags=list(_IDENTIFIERS), stop_before_pixels=True, force=True)  # fmt: skip
    except (InputError, pydicom.errors.InvalidDicomError, OSError, EOFError):
        return  # a row that names it by its path is told why it cannot be read
    for name in _IDENTIFIERS:
        yield str(header.get(name, "")).strip()
