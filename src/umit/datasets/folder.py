"""A data set's folder: names inside it are found, names that lead out of it are refused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

from umit.errors import DatasetError

__all__ = ["Folder", "suffixes"]


@lru_cache(maxsize=1024)
def _followed(folder: Path) -> Path:
    return folder.resolve()


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that rows may point into.

    Args:
        path: An existing folder; of a file, the folder that holds it.
    """

    path: Path

    @classmethod
    def of(cls, root: Path | str) -> Folder:
        """Return the folder of a root.

        Raises:
            DatasetError: There is nothing at the root.
        """
        path = Path(root).expanduser()
        if not path.exists():
            raise DatasetError(f"expected a folder, found nothing at {path.name!r}")
        return cls((path if path.is_dir() else path.parent).resolve())

    def inside(self, name: str, *, place: str = "") -> Path:
        """Return where a name from a row leads, whether or not a file is there.

        Args:
            name: A relative path with either kind of slash.
            place: File and row of the name, for the message.

        Raises:
            DatasetError: An absolute path, an address, ``..``, or a link that leads out of the folder.
        """
        parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
        outside = (
            not parts
            or ".." in parts
            or "\0" in name
            or "://" in name
            or name[0] in "/\\"
            or name[1:2] == ":"  # a drive
        )
        path = self.path.joinpath(*parts) if not outside else self.path
        if outside or not self._holds(path):
            raise DatasetError(f"expected a path inside the data set, got {name[:120]!r}", file=place)
        return path

    def _holds(self, path: Path) -> bool:
        # Millions of pictures lie in one folder, so that is followed once; the last name can be a link.
        end = path.resolve() if path.is_symlink() else _followed(path.parent)
        return end.is_relative_to(self.path)

    def folder(self, names: Sequence[str]) -> Folder:
        """Return the first of several folders inside that exists, else this one."""
        found = (path for path in self.existing(names) if path.is_dir())
        return Folder(next(found, self.path).resolve())

    def first(self, names: Sequence[str]) -> Path:
        """Return the first of several names that exists.

        Raises:
            DatasetError: None of them does.
        """
        for path in self.existing(names):
            return path
        found = sorted(p.name for p in self.path.iterdir())[:8]
        raise DatasetError(
            f"expected {' or '.join(names)} in {self.path.name!r}, found {', '.join(found) or 'nothing'}"
        )

    def existing(self, names: Sequence[str]) -> Iterator[Path]:
        """Yield those of several names that exist."""
        for name in names:
            path = self.inside(name)
            if path.exists():
                yield path


def suffixes(name: str, folders: Sequence[str]) -> list[str]:
    """Return what follows some folders in a path, the longest first, or the path itself.

    So an absolute path of the machine that wrote a list can be joined to a folder of this one; whether
    it leads out of that folder is still for :meth:`Folder.inside` to say.

    Args:
        name: A path with either kind of slash.
        folders: Names of folders.

    Example:
        >>> suffixes("/elsewhere/a/M3D_Seg/0003/1/image.npy", ["0003"])
        ['1/image.npy']
    """
    parts = PurePosixPath(name.replace("\\", "/")).parts
    found = ["/".join(parts[k + 1 :]) for k, part in enumerate(parts[:-1]) if part in folders]
    return found or [name]
