"""What a data set is: a description that can be read, and the samples that come out of it."""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final, Generic, Literal, TypeAlias, TypeVar

from umit.datasets.folder import Folder
from umit.datasets.pictures import Pictures
from umit.errors import DatasetError, DatasetWarning
from umit.queries import Language, Query
from umit.results import Result
from umit.tasks.table import choose
from umit.tasks.task import TaskName

__all__ = ["SPLITS", "Choice", "Dataset", "Sample", "Samples", "Split", "split_in", "split_name", "split_of"]

Split: TypeAlias = Literal["train", "validation", "test"]
SPLITS: Final[tuple[Split, ...]] = ("train", "validation", "test")
#: How data sets spell their splits.
_SPELLINGS: Final[Mapping[str, Split]] = {
    "train": "train", "training": "train",
    "validation": "validation", "validate": "validation", "valid": "validation", "val": "validation", "dev": "validation",
    "test": "test", "testing": "test",
}  # fmt: skip
_NUMBERED: Final = re.compile(r"[-_ ]?\d*$")
#: Shares of a split that umit makes itself.
_SHARES: Final = (("train", 0.8), ("validation", 0.1), ("test", 0.1))

Q = TypeVar("Q", bound=Query)
R = TypeVar("R", bound=Result)


@dataclass(frozen=True, kw_only=True)
class Sample(Generic[Q, R]):
    """One question with its true answer, in the coordinates of the source.

    Args:
        id: Stable and unique within the data set.
        query: What is asked, with its language.
        gold: The true result.
        source: Its pictures, not read yet.
        group: The patient, article or picture that no split may divide.
        place: File and row that it came from, for messages.
        facts: What scores are broken down by, such as ``("modality", "CT")``.
    """

    id: str
    query: Q
    gold: R
    source: Pictures
    group: str
    place: str = ""
    facts: tuple[tuple[str, str], ...] = ()

    @property
    def task(self) -> TaskName:
        """The task that the query belongs to."""
        return choose(self.query, volume=self.source.is_volume)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What is wanted of a data set; what a source's ``read`` gets.

    Args:
        root: The data set's folder or file.
        split: Which split, or ``None`` for all rows.
        languages: Which languages.
        variant: Which of the source's variants; ``""`` for its first.
        fields: The user's own names of a source's fields, where the source has no fixed ones.
        task: Whose samples alone are wanted; ``""`` for all.
        resplit: Whether umit's own split by group is taken instead of the official one.
        seed: Of a split that umit makes.
        tell: Called with what was skipped or assumed, and where.
    """

    root: Folder
    split: Split | None = None
    languages: tuple[Language, ...] = ("en", "zh")
    variant: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    task: str = ""
    resplit: bool = False
    seed: int = 0
    tell: Callable[[str], None] = lambda message: None

    def wants(self, official: Split | None, group: str) -> bool:
        """Return whether a row is in the wanted split.

        Args:
            official: The row's split as the data set gives it, or ``None`` if it has none.
            group: What may not be divided.
        """
        if self.split is None:
            return True
        if official is None or self.resplit:
            return split_of(group, self.seed) == self.split
        return official == self.split

    def holds(self, official: Split) -> bool:
        """Return whether rows of an official split's file can be wanted, so that others stay unread."""
        return self.split is None or self.resplit or official == self.split


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A description of a data set, and how its files are read.

    Args:
        name: As commands take it, such as ``"slake"``.
        title: Its name in print.
        tasks: Tasks that its samples ask.
        languages: Languages that they are asked in.
        dimensions: ``"2D"`` or ``"3D"``.
        splits: Official sizes in rows, as published; reported, never asserted, since partial copies are
            common. A split of unknown size is ``None``.
        splitting: How samples are divided, in one sentence.
        licence: As its owners state it, in short.
        citation: Where it was published.
        home: Where to get it.
        read: Yields the samples of a choice.
        variants: Names of its forms, the first taken if none is named.
        fields: Names that the user has to give a field for, since the files' own are not fixed.
        file: The one file that holds all of its words, where that is the user's to edit.
    """

    name: str
    title: str
    tasks: tuple[TaskName, ...]
    languages: tuple[Language, ...]
    dimensions: Literal["2D", "3D"]
    splits: Mapping[Split, int | None]
    splitting: str
    licence: str
    citation: str
    home: str
    read: Callable[[Choice], Iterator[Sample[Any, Any]]]
    variants: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    file: Path | None = None


def users_own(name: str, title: str, splitting: str, read: Callable[[Choice], Iterator[Sample[Any, Any]]]) -> Dataset:
    """Return the description of a user's own files, of which nothing is published."""
    return Dataset(
        name=name, title=title, tasks=(), languages=("en", "zh"), dimensions="2D", splits={},
        splitting=splitting, licence="the owner's", citation="none", home="the user's own files", read=read,
    )  # fmt: skip


class Samples:
    """The samples of a choice; each pass reads the files again, lazily.

    Args:
        dataset: What is read.
        choice: What is wanted of it.
    """

    def __init__(self, dataset: Dataset, choice: Choice) -> None:
        self.dataset, self.choice = dataset, choice

    def __iter__(self) -> Iterator[Sample[Any, Any]]:
        read = 0
        for sample in self._read():
            read += 1
            yield sample
        if not read:
            raise DatasetError(
                f"expected samples of {self._wanted()}, found none; look at the folder with `umit data check`",
                dataset=self.dataset.name,
            )

    def _read(self) -> Iterator[Sample[Any, Any]]:
        wanted = self.choice.task
        return (s for s in self.dataset.read(self.choice) if not wanted or s.task == wanted)

    def counted(self, limit: int | None = None) -> int | None:
        """Read rows, no pictures, and return how many samples there are, or the limit if there are more.

        ``None`` of samples of a kind that leave out what only asking tells.

        Args:
            limit: So many are enough.

        Raises:
            DatasetError: A row is wrong.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DatasetWarning)  # told when they are read to be used
            return sum(1 for _ in islice(self._read(), limit))

    @property
    def described(self) -> dict[str, Any]:
        """What tells these samples from others; a journal of others is refused."""
        choice = self.choice
        stated = {"fields": dict(choice.fields), "task": choice.task}
        return {
            "dataset": self.dataset.name,
            "split": choice.split,
            "languages": list(choice.languages),
            "variant": choice.variant,
            "resplit": choice.resplit,
            "seed": choice.seed,
            **{name: value for name, value in stated.items() if value},
            **({} if self.dataset.file is None else {"file": _digest(self.dataset.file)}),
        }

    def __repr__(self) -> str:
        return f"Samples({self.dataset.name!r}, {self._wanted()})"

    def _wanted(self) -> str:
        split = self.choice.split or "every split"
        task = f" of {self.choice.task}" if self.choice.task else ""
        return f"{split}{task} in {' and '.join(self.choice.languages)}"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def split_name(text: str) -> Split:
    """Return the one name of a split.

    Raises:
        DatasetError: No split's name.

    Example:
        >>> split_name("valid")
        'validation'
    """
    found = _SPELLINGS.get(text.strip().casefold())
    if found is None:
        raise DatasetError(f"expected one of {', '.join(_SPELLINGS)}, got {text!r}")
    return found


def split_in(parts: Iterable[str]) -> Split | None:
    """Return the split that one of a path's folders names, such as ``train`` or ``val2017``."""
    names = (_SPELLINGS.get(_NUMBERED.sub("", part).casefold()) for part in parts)
    return next(filter(None, names), None)


def split_of(group: str, seed: int = 0) -> Split:
    """Return the split of a group: 80, 10 and 10 of 100, by a hash, whatever else there is.

    Args:
        group: A patient, an article or a picture.
        seed: Another seed, another split.

    Example:
        >>> split_of("PMC212319") == split_of("PMC212319")
        True
    """
    digest = hashlib.sha256(f"{seed}:{group}".encode()).digest()
    place = int.from_bytes(digest[:8], "big") / 2**64
    for name, share in _SHARES:
        if place < share:
            return split_name(name)
        place -= share
    return "test"


def warn(message: str) -> None:
    """Say what was skipped or assumed while reading."""
    warnings.warn(message, DatasetWarning, stacklevel=3)
