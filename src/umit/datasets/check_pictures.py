"""The doctor's look at picture files: missing, unreadable, repeated, shared between splits; boxes outside them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, Literal

from umit.datasets.dataset import Sample, Split
from umit.datasets.own.groups import equal_files
from umit.datasets.pictures import Encoded, Pictures, Stack, Voxels, array, paths_of
from umit.datasets.pictures import Files as Pictured
from umit.errors import InputError
from umit.imaging.header import picture_size
from umit.imaging.sniff import folder_files
from umit.results import Result

__all__ = ["Complaint", "Files", "beyond", "out_of_order", "outside"]

_EDGE: Final = 0.5  # pixels beyond the border that rounding explains


@dataclass(frozen=True, slots=True)
class Complaint:
    """One thing that is wrong.

    Args:
        level: ``"error"``: the row is useless, or a score of it wrong; ``"warning"``: look at it.
        code: A short stable name, such as ``"missing"``.
        place: File with line or row.
        message: What was found, and what was expected.
    """

    level: Literal["error", "warning"]
    code: str
    place: str
    message: str


@dataclass
class Files:
    """Every picture file that rows named, looked at once."""

    sizes: dict[str, tuple[int, ...] | None] = field(default_factory=dict)
    first: dict[str, tuple[Split | None, str]] = field(default_factory=dict)
    lengths: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))

    def look(self, sample: Sample[Any, Any], split: Split | None) -> Iterator[Complaint]:
        """Yield what is wrong with a sample's files, the first time that they are named, and with its marks."""
        yield from self.source(sample.source, split, sample.place)
        size = self.size(sample.source)
        if size is not None:
            yield from outside(sample.gold, size, sample.place)

    def source(self, source: Pictures, split: Split | None, place: str) -> Iterator[Complaint]:
        """Yield what is wrong with pictures, the first time that they are named."""
        for path in paths_of(source):
            yield from self.file(path, split, place)
        ordered = isinstance(source, Stack) and source.paths[0].suffix.lower() != ".dcm"
        if isinstance(source, Stack) and ordered:  # positions order DICOM
            yield from out_of_order([p.name for p in source.paths], place)
        if isinstance(source, Pictured) and source.size is not None:
            size = self.sizes.get(str(source.paths[0]))
            if size is not None and size[:2] != source.size:
                said = f"{source.paths[0].name} has {size[0]} x {size[1]} pixels, its row says {source.size[0]} x {source.size[1]}"
                yield Complaint("error", "size", place, said)
        for part in getattr(source, "parts", (source,)):
            if isinstance(part, Encoded):
                yield from self._bytes(part, place)

    def size(self, source: Pictures) -> tuple[int, ...] | None:
        """Return the size of what was looked at: one film, one volume, the first of several."""
        if isinstance(source, Encoded):
            return self.sizes.get(source.name)
        size = next((self.sizes.get(str(path)) for path in paths_of(source)), None)
        if isinstance(source, Voxels) and size is not None and len(size) == 3:
            return tuple(size[source.axes.index(axis)] for axis in "xyz")
        return None if isinstance(source, Stack) else size

    def _bytes(self, part: Encoded, place: str) -> Iterator[Complaint]:
        """Look at a picture inside a table, once; it is read whole, since no name says what it is."""
        if part.name in self.sizes:
            return
        self.sizes[part.name] = None
        try:
            self.sizes[part.name] = part.scans()[0].size
        except InputError as error:
            yield Complaint("error", "unreadable", place, f"its picture: {error.message}")

    def file(self, path: Path, split: Split | None, place: str) -> Iterator[Complaint]:
        """Look at one file, if it was not looked at before."""
        name = str(path)
        if name in self.sizes:
            return
        self.sizes[name] = None
        if path.is_dir():  # a series: its slices are looked at when it is read
            try:
                folder_files(path)
            except InputError as error:
                yield Complaint("error", "unreadable", place, f"{path.name}: {error.message}")
            return
        if not path.is_file():
            yield Complaint("error", "missing", place, f"there is no file {path.name!r}")
            return
        try:
            self.sizes[name] = array(path).shape[-3:] if path.suffix == ".npy" else picture_size(path)
        except InputError as error:
            yield Complaint("error", "unreadable", place, f"{path.name}: {error.message}")
        self.first[name] = (split, place)
        self.lengths[path.stat().st_size].append(name)

    def shared(self) -> Iterator[Complaint]:
        """Yield files of one content under several names; only those of one length are read."""
        for names in self.lengths.values():
            for early, *others in equal_files((name, Path(name)) for name in names):
                one, _ = self.first[early]
                for name in others:
                    other, place = self.first[name]
                    apart = one is not None and other is not None and one != other
                    said = f"{Path(name).name!r} is the same file as {Path(early).name!r}"
                    if apart:
                        yield Complaint("error", "shared_content", place, f"{said} of {one}")
                    else:
                        yield Complaint("warning", "repeated_file", place, said)


def outside(gold: Result, size: Sequence[int], place: str) -> Iterator[Complaint]:
    """Yield marks that reach beyond a picture of a size."""
    marks = [tuple(value for end in mark.ends for value in end) for mark in gold.marks]
    if any(len(one) == 4 for one in marks) and all(0 <= v <= 1 for one in marks for v in one):
        said = f"its boxes are within 0 and 1 of a picture of {' x '.join(map(str, size))}: shares, no pixels"
        yield Complaint("error", "scale", place, said)
    for number, corners in enumerate(marks, start=1):
        yield from beyond(number, corners, size, place)


def beyond(
    number: int, corners: Sequence[float], size: Sequence[int], place: str, hint: str = ""
) -> Iterator[Complaint]:
    """Yield a complaint if one mark, the corners of a box or a point, leaves a picture of a size."""
    axes = 2 if len(corners) < 6 else 3
    limits = list(size)[:axes] * (len(corners) // axes)
    if any(v < -_EDGE or v > limit + _EDGE for v, limit in zip(corners, limits, strict=False)):
        yield Complaint(
            "error", "outside", place,
            f"mark {number}, {tuple(round(v, 1) for v in corners)}, leaves the picture of "
            f"{' x '.join(map(str, size))}{hint}",
        )  # fmt: skip


def out_of_order(names: Sequence[str], place: str) -> Iterator[Complaint]:
    """Yield a complaint if slices with numbers in their names are not in the numbers' order."""
    shapes = {re.sub(r"\d+", "#", name) for name in names}
    if len(shapes) != 1 or "#" not in shapes.pop():  # no names that count, such as hashes of contents
        return
    known = [int(re.findall(r"\d+", name)[-1]) for name in names]
    if known not in (sorted(known), sorted(known, reverse=True)):
        where = next(i for i, (a, b) in enumerate(pairwise(known)) if b < a)
        said = f"slice {names[where + 1]!r} comes after {names[where]!r}"
        yield Complaint("error", "slice_order", place, said)
