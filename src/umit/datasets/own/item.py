"""What every layout of a user's own files comes down to, and the samples that are made of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

from umit.datasets.dataset import Choice, Sample, Split, split_in
from umit.datasets.own.groups import Groups
from umit.datasets.pictures import Files, Pictures, film_size
from umit.datasets.rows import at
from umit.datasets.swift_marks import Mark
from umit.datasets.vqa import language_of
from umit.errors import DatasetError
from umit.geometry import Box2D, Box3D
from umit.queries import Choose, Find, Language, Query
from umit.results import Classification, Detection, Detections, Findings, Marked, Result

__all__ = ["Asked", "Boxed", "Given", "Item", "Labelled", "Seen", "Tell", "Told", "Truth", "named", "natural"]

Tell: TypeAlias = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Given:
    """What a user gives.

    Args:
        path: A file or a folder.
        root: Where the pictures of a table are, if not beside it.
        fields: umit's names to the files'; what is none of umit's is a class and its name in words.
        tell: Called with what is skipped or assumed, and where.
    """

    path: Path
    root: Path
    fields: Mapping[str, str]
    tell: Tell


#: What is added to an item's id, its question, the true result and facts.
Asked: TypeAlias = tuple[str, Query, Result, tuple[tuple[str, str], ...]]


@dataclass(frozen=True, slots=True)
class Told:
    """What a row says by itself, whatever classes the set has.

    Args:
        words: Tell its language.
        asks: Gives its questions in a language, about its pictures.
        named: Whether the words are names alone, which are asked with in any language.
    """

    words: str
    asks: Callable[[Language, Pictures], Iterable[Asked]]
    named: bool = False


@dataclass(frozen=True, slots=True)
class Labelled:
    """Classes of a picture; ``known`` are classes of the set that no picture need have."""

    labels: tuple[str, ...]
    known: tuple[str, ...] = ()
    question: str | None = None


@dataclass(frozen=True, slots=True)
class Boxed:
    """Named boxes, on a film in the scale of their marks; ``known`` as in :class:`Labelled`.

    Of a volume, ``read`` gives them when they are needed, since it opens a mask.
    """

    boxes: tuple[tuple[str, Mark], ...] = ()
    known: tuple[str, ...] = ()
    read: Callable[[], Mapping[str, Box3D]] | None = None


Truth: TypeAlias = Told | Labelled | Boxed


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One row or one picture with what is true of it.

    Args:
        id: Unique in the set.
        source: Its pictures, not read yet.
        truth: What is true of them.
        place: File and row, for messages.
        name: The picture's path without folders of splits and classes; its group is told from it. A picture in no
            file has none, and is a group by its content.
        group: The group where the files name it.
        split: As the files say.
        language: Likewise; ``None`` is told from the words.
    """

    id: str
    source: Pictures
    truth: Truth
    place: str
    name: str = ""
    group: str = ""
    split: Split | None = None
    language: Language | None = None


@dataclass
class Seen:
    """What only all items together say: the classes of the set, its splits, which pictures belong together.

    Args:
        names: What to call classes: the files' own word to the one that is asked with.
        rule: A pattern of a group in a path; ``""`` tells groups from the names.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    rule: str = ""
    splits: set[Split] = field(default_factory=set)
    several: bool = False
    _labels: set[str] = field(default_factory=set)
    _ids: Counter[str] = field(default_factory=Counter)
    _queries: dict[tuple[str | None, Language], Choose] = field(default_factory=dict)
    _farthest: float = 0  # of all numbers of boxes in pixels
    #: The class of each picture that has one, and pictures that have several in rows of their own.
    _classes: dict[tuple[str, ...], str] = field(default_factory=dict)
    _torn: dict[tuple[str, ...], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.groups = Groups(self.rule)

    def add(self, item: Item) -> None:
        """Look at one item; no picture is opened."""
        self._ids[item.id] += 1
        if item.split is not None:
            self.splits.add(item.split)
        match item.truth:
            case Labelled(labels=labels, known=known):
                self._labels.update(labels, known)
                self.several |= len(labels) != 1
                names = item.source.names
                if len(labels) == 1 and self._classes.setdefault(names, labels[0]) != labels[0]:
                    self._torn.setdefault(names, item.place)
            case Boxed(boxes=boxes, known=known):
                self._labels.update(known, (name for name, _ in boxes))
                real = [mark.numbers for _, mark in boxes if mark.scale == "real"]
                self._farthest = max(self._farthest, *map(max, real), 0)
        if not item.group and item.name:
            paths = item.source.paths if isinstance(item.source, Files) else ()
            self.groups.add(item.name, next(iter(paths), None) if len(paths) == 1 else None)

    def close(self) -> None:
        """Check the names of classes, when all items were seen.

        Raises:
            DatasetError: A name for a class that is not there.
        """
        if unknown := [name for name in self.names if name not in self._labels]:
            there = ", ".join(sorted(self._labels)[:20]) or "none"
            raise DatasetError(f"expected fields or classes of the files ({there}), got {', '.join(unknown)}")
        self.groups.close()

    def told(self) -> Iterator[str]:
        """Yield what is assumed of the set as a whole."""
        if told := self.groups.told():
            yield told
        bare = [one for one in self._labels if one.isdecimal() and one not in self.names]
        if bare and len(bare) == len(self._labels):
            yield f"its classes are numbers, {', '.join(sorted(bare, key=natural)[:12])}; name them as fields, such as {bare[0]}=normal"
        if 0 < self._farthest <= 1:
            yield "all its boxes lie within 0 and 1, as shares of the picture do; they are taken for pixels"
        if self._torn:
            place = next(iter(self._torn.values()))
            yield (
                f"{len(self._torn)} pictures have another class in a row of their own, the first in {place}; if "
                "several hold, write them in one row with | between"
            )
        if repeated := [name for name, count in self._ids.items() if count > 1]:
            yield f"{len(repeated)} ids stand in several rows, such as {repeated[0]!r}; their places are added"

    @cached_property
    def called(self) -> dict[str, str]:
        """What each class is called, in the order of people, 2 before 10; when all items were seen."""
        return {one: self.names.get(one, one) for one in sorted(self._labels, key=natural)}

    @cached_property
    def _language_of_classes(self) -> Language:
        return language_of(" ".join(self.called.values()))

    def _classes_asked(self, question: str | None, spoken: Language) -> Choose:
        """Return one query for all rows that ask alike: a thousand names are not checked a thousand times."""
        if (question, spoken) not in self._queries:
            names = tuple(self.called.values())
            self._queries[question, spoken] = Choose(names, question, self.several, language=spoken)
        return self._queries[question, spoken]

    def of(self, item: Item, choice: Choice) -> Iterator[Sample[Any, Any]]:
        """Yield an item's samples, if its split and language are wanted.

        Raises:
            DatasetError: Words that cannot be asked with, or a single class.
        """
        group = item.group or (self.groups.of(item.name) if item.name else item.source.names[0])
        if not choice.wants(item.split, group):
            return
        with at(item.place):
            pairs = list(self._pairs(item, choice))
        for name, query, gold, facts in pairs:
            unique = item.id if self._ids[item.id] == 1 else f"{item.id} ({item.place})"
            yield Sample(
                id=f"{unique}-{name}" if name else unique, query=query, gold=gold, source=item.source,
                group=group, place=item.place, facts=facts,
            )  # fmt: skip

    def _pairs(self, item: Item, choice: Choice) -> Iterator[Asked]:
        spoken = item.language or self._language(item.truth, choice)
        if spoken not in choice.languages:
            return
        match item.truth:
            case Told(asks=asked):
                yield from asked(spoken, item.source)
            case Labelled(labels=labels, question=asks):
                query = self._classes_asked(asks, spoken)
                there = [self.called[one] for one in labels]
                if self.several:
                    yield "", query, Findings(items=tuple(Marked(label=n, present=n in there) for n in query.labels)), ()  # fmt: skip
                else:
                    yield "", query, Classification(label=there[0]), ()
            case Boxed() as truth:
                yield from self._boxes(item, truth, spoken)

    def _boxes(self, item: Item, truth: Boxed, spoken: Language) -> Iterator[Asked]:
        """Yield one detection a class of the set: what is not there is asked for, too."""
        found: list[tuple[str, Box2D | Box3D]]
        if truth.read is not None:
            found = [*truth.read().items()]
        else:
            size = _size(item.source, truth)
            found = [(name, mark.box(size)) for name, mark in truth.boxes]
        for label, target in self.called.items():
            boxes = tuple(Detection(label=target, box=box) for name, box in found if name == label)
            yield label, Find(target, language=spoken), Detections(items=boxes), (("boxes", str(len(boxes))),)  # fmt: skip

    def _language(self, truth: Truth, choice: Choice) -> Language:
        """Tell the language from the words; names alone are asked with in any."""
        if len(choice.languages) == 1 and not (isinstance(truth, Told) and not truth.named):
            return choice.languages[0]
        return language_of(truth.words) if isinstance(truth, Told) else self._language_of_classes


def _size(source: Pictures, truth: Boxed) -> tuple[int, ...] | None:
    """Return the picture's size: as the files say, or from its header where shares need it."""
    if isinstance(source, Files) and source.size is not None:
        return source.size
    shares = any(mark.scale != "real" for _, mark in truth.boxes)
    return film_size(source) if shares else None


def natural(text: str) -> tuple[tuple[int, int | str], ...]:
    """Return a key that sorts as people do.

    Example:
        >>> sorted(["10", "2"], key=natural)
        ['2', '10']
    """
    parts = re.findall(r"\d+|\D+", text)
    return tuple((0, int(p)) if p.isdecimal() else (1, p.casefold()) for p in parts)


def named(path: Path, root: Path) -> str:
    """Return a picture's path inside a root, without folders that name a split."""
    parts = path.relative_to(root).parts if path.is_relative_to(root) else path.parts[-2:]
    return "/".join(part for part in parts if split_in([part]) is None)
