"""Which pictures belong to one patient: told from their paths, since no split may divide them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from umit.datasets.pictures import stem
from umit.errors import DatasetError

__all__ = ["Groups", "equal_files"]

#: Words that name a patient wherever they stand in a path.
_PATIENT: Final = re.compile(
    r"(?<![A-Za-z])(?:patient|person|subject|subj|sub|case|pat|pt)[-_ ]?(?:id)?[-_ ]?\d+", re.I
)
_NUMBER: Final = re.compile(r"[A-Za-z]*[-_ ]?\d+")
_TAIL: Final = 4096  # bytes at the end of a file, where pictures of one length differ


@dataclass
class Groups:
    """Groups of paths, by a rule or by how the set's names differ; files of equal bytes join theirs.

    Args:
        rule: A regular expression; the group is what its groups matched, or its whole match. ``""`` takes a
            patient's word with its number (``person12``), else the first folder that differs, else the first
            number that differs among names of one shape, with the word before it: ``IM-0640-0001-0001`` and
            ``IM-0640-0001-0002`` are ``IM-0640``.

    Raises:
        DatasetError: No regular expression.

    Example:
        >>> groups = Groups()
        >>> for name in ("100_HC.png", "100_2HC.png", "101_2HC.png", "102_HC.png"):
        ...     groups.add(name)
        >>> groups.close()
        >>> [groups.of(name) for name in ("100_HC.png", "100_2HC.png")]
        ['100', '100']
    """

    rule: str = ""
    _names: set[str] = field(default_factory=set)
    #: Of names of one shape: the numbers of the first, and the place of the first number that differs.
    _shapes: dict[str, tuple[list[str], int]] = field(default_factory=dict)
    _folders: list[set[str]] = field(default_factory=list)
    _files: dict[int, list[tuple[str, Path]]] = field(default_factory=dict)
    _joined: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        try:
            self._pattern = re.compile(self.rule)
        except re.error as error:
            raise DatasetError(
                f"expected a column or a regular expression as group, got {self.rule!r}: {error}"
            ) from error

    def add(self, name: str, path: Path | None = None) -> None:
        """Look at a path of the set, and at the length of its file."""
        if name in self._names:
            return
        self._names.add(name)
        *folders, last = name.split("/")
        for depth, folder in enumerate(folders):
            if depth == len(self._folders):
                self._folders.append(set())
            self._folders[depth].add(folder)
        shape, numbers = re.sub(r"\d+", "#", stem(last)), re.findall(r"\d+", stem(last))
        first, at = self._shapes.setdefault(shape, (numbers, len(numbers)))
        apart = next((i for i, n in enumerate(numbers[:at]) if n != first[i]), at)
        self._shapes[shape] = (first, apart)
        if path is not None and path.is_file():
            self._files.setdefault(path.stat().st_size, []).append((name, path))

    def close(self) -> None:
        """Join the groups of files with the same bytes, when all paths were seen."""
        for files in self._files.values():
            for same in equal_files(files):
                first, *others = (self._root(self.own(name)) for name in same)
                self._joined.update({other: first for other in others if other != first})
        self._files.clear()

    def of(self, name: str) -> str:
        """Return the group of a path of the set."""
        return self._root(self.own(name))

    def own(self, name: str) -> str:
        """Return what a path alone says."""
        if self.rule:
            found = self._pattern.search(name)
            return "-".join(filter(None, found.groups() or (found[0],))) if found else name
        if found := _PATIENT.search(name):
            return found[0].casefold()
        *folders, last = name.split("/")
        for folder, seen in zip(folders, self._folders, strict=False):
            if len(seen) > 1:
                return folder
        bare = stem(last)
        _, at = self._shapes[re.sub(r"\d+", "#", bare)]
        numbers = list(_NUMBER.finditer(bare))
        if not numbers:
            return bare
        return numbers[at if at < len(numbers) else 0][0].strip("-_ ")  # of one name, the first

    def told(self) -> str:
        """Say how groups were told, with an example, for a message; ``""`` where the files name them all."""
        if len(self._names) < 2:
            return ""
        members: dict[str, list[str]] = {}
        for name in sorted(self._names):
            members.setdefault(self.of(name), []).append(name)
        group, names = max(members.items(), key=lambda pair: len(pair[1]))
        by = f"the pattern {self.rule!r}" if self.rule else "the names of files"
        return (
            f"{len(self._names)} pictures are of {len(members)} groups that no split divides, told from {by}: "
            f"{names[0]!r} is of {group!r}, with {len(names)} pictures the largest; "
            "name a column or a pattern of patients as group if that is wrong"
        )

    def _root(self, group: str) -> str:
        while group in self._joined:
            group = self._joined[group]
        return group


def equal_files(named: Iterable[tuple[str, Path]]) -> Iterator[list[str]]:
    """Yield the names of files of one length that hold the same bytes; the whole is read only if the end is equal."""
    files = list(named)
    for whole in (False, True):
        if len(files) < 2:
            return
        found: dict[bytes, list[tuple[str, Path]]] = {}
        for name, path in files:
            found.setdefault(_hash(path, whole), []).append((name, path))
        if whole:
            yield from ([name for name, _ in same] for same in found.values() if len(same) > 1)
        files = [one for same in found.values() if len(same) > 1 for one in same]


def _hash(path: Path, whole: bool) -> bytes:
    with path.open("rb") as file:
        if not whole:
            file.seek(max(0, path.stat().st_size - _TAIL))
        return hashlib.file_digest(file, "sha256").digest()
