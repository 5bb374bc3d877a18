"""The doctor: finds what is wrong with a data set before a model learns it. ``umit data check``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, Literal

from umit.datasets import NAMES, describe
from umit.datasets.ask import Tasks, outline
from umit.datasets.check_pictures import Complaint, Files
from umit.datasets.check_rows import check_rows, is_rows
from umit.datasets.check_words import Spellings, too_long
from umit.datasets.dataset import SPLITS, Choice, Dataset, Sample, Split
from umit.datasets.folder import Folder
from umit.datasets.own import describe_own, splits_of
from umit.errors import DatasetError, InputError
from umit.tasks.table import TASKS, line

__all__ = ["Complaint", "check"]

_MANY: Final = 8  # boxes; fewer never reach a limit


def check(
    root: Path | str,
    tasks: Tasks,
    *,
    name: str | None = None,
    pictures: Path | str | None = None,
    variant: str | None = None,
    fields: Mapping[str, str] | None = None,
) -> Iterator[Complaint]:
    """Yield what is wrong with a data set's folder, with a file of rows, or with files of your own.

    Args:
        root: A folder, a file of ms-swift rows (``.jsonl``, ``.json``, ``.parquet``), or any path that
            :func:`umit.datasets.load` takes.
        tasks: Of the checkpoint that is to learn it: ``card.tasks``.
        name: Which data set a folder holds; ``None`` finds out by reading.
        pictures: Where the pictures of a file of rows are, besides its own folder.
        variant: The layout of your own files, where it is not recognised.
        fields: As :func:`umit.datasets.load` takes them.

    Yields:
        Complaints, each with file and line or row; errors are what makes a row useless or a score wrong.

    Raises:
        DatasetError: Nothing is there, or no data set that umit knows.
    """
    path = Path(root).expanduser()
    if name is None and not fields and variant is None and is_rows(path):
        yield from check_rows(path, tasks, pictures=pictures)
        return
    folder = Folder.of(path)
    known = [] if name is None and (fields or variant or path.is_file()) else _known(path, name)
    for dataset, one in known:
        yield from _Checked(dataset, one, tasks).run(folder)
    if not known:
        beside = None if pictures is None else Folder.of(pictures).path
        try:
            found = describe_own(path, root=beside, layout=variant)
        except DatasetError as error:
            hint = f"; name a data set of the paper's with --name, one of {', '.join(NAMES)}"
            raise DatasetError(error.message + hint) from error
        try:
            dataset = replace(found, splits=splits_of(found, fields or {}))
        except DatasetError as error:
            yield Complaint("error", "row", error.file or path.name, error.message)
            return
        yield from _Checked(dataset, found.variants[0], tasks, fields=fields or {}).run(folder)


def _known(root: Path, name: str | None) -> list[tuple[Dataset, str]]:
    """Return the data sets whose files are there: those whose first sample can be read."""
    folder = Folder.of(root)
    found: list[tuple[Dataset, str]] = []
    for one in [name] if name is not None else NAMES:
        dataset = describe(one)
        for variant in dataset.variants or ("",):
            choice = Choice(root=folder, languages=dataset.languages, variant=variant)
            try:
                there = next(iter(dataset.read(choice)), None) is not None
            except DatasetError:
                there = False
            if there:
                found.append((dataset, variant))
    if name is not None and not found:
        found = [(describe(name), next(iter(describe(name).variants), ""))]
    return found


@dataclass
class _Checked:
    """One data set being read; holds names and hashes only, so that millions of rows fit."""

    dataset: Dataset
    variant: str
    tasks: Tasks
    fields: Mapping[str, str] = field(default_factory=dict)
    files: Files = field(default_factory=Files)
    #: Split of each group, with the place of its first row, by language: splits may differ between them.
    groups: dict[tuple[str, str], dict[Split, str]] = field(default_factory=dict)
    said: set[str] = field(default_factory=set)
    ids: set[int] = field(default_factory=set)
    spelled: Spellings = field(default_factory=Spellings)

    def run(self, root: Folder) -> Iterator[Complaint]:
        """Yield complaints about every split."""
        official = tuple(self.dataset.splits) or (None,)
        said = False
        for split in official:
            told: list[str] = []
            choice = Choice(
                root=root, split=split, languages=self.dataset.languages, variant=self.variant,
                fields=self.fields, tell=told.append,
            )  # fmt: skip
            try:
                for sample in self.dataset.read(choice):
                    yield from self._told(told)
                    yield from self._sample(sample, split)
            except DatasetError as error:
                said = True
                yield Complaint("error", "row", error.file or root.path.name, error.message)
            yield from self._told(told)
        if not self.ids and not self.said and not said:
            yield Complaint("error", "empty", root.path.name, "not one sample was read from it")
        yield from self.files.shared()
        yield from self._shared()
        yield from self.spelled.differ()

    def _told(self, told: list[str]) -> Iterator[Complaint]:
        for message in told:
            if message in self.said:
                continue  # told again with each split
            self.said.add(message)
            place, _, rest = message.partition(": ")
            level: Literal["error", "warning"] = "error" if "skipped" in rest else "warning"
            yield Complaint(level, "row", place if rest else "", rest or place)
        told.clear()

    def _sample(self, sample: Sample[Any, Any], split: Split | None) -> Iterator[Complaint]:
        name = hash(sample.id)
        if name in self.ids:
            yield Complaint("error", "repeated", sample.place, f"the id {sample.id!r} came before")
        self.ids.add(name)
        if split is not None:
            places = self.groups.setdefault((sample.query.language, sample.group), {})
            places.setdefault(split, sample.place)
        yield from self.files.look(sample, split)
        yield from self._too_long(sample)
        self.spelled.add(sample.query, sample.place)

    def _too_long(self, sample: Sample[Any, Any]) -> Iterator[Complaint]:
        task, gold = self.tasks.get(sample.task), sample.gold
        if task is None:
            return
        if not TASKS[sample.task].placed:
            yield from too_long(line(sample.task, gold), task, sample.place)
        elif len(gold.marks) > _MANY and not sample.source.is_volume:
            try:
                view = outline(sample.source, task.rendering(volume=False))
            except InputError:
                return  # which was said
            yield from too_long(task.encode(gold, sample.query, view), task, sample.place)

    def _shared(self) -> Iterator[Complaint]:
        """Groups that lie in two splits: the model saw at training what it is asked at the test."""
        seen: dict[tuple[str, Split, Split], list[str]] = {}
        across: dict[str, set[tuple[str, Split]]] = {}
        for (language, group), places in self.groups.items():
            across.setdefault(group, set()).update((language, split) for split in places)
            here = [split for split in SPLITS if split in places]
            for early, late in pairwise(here):
                yield Complaint("error", "shared", places[late], f"{group!r} is in {early} too: {places[early]}")
        for group, found in across.items():
            for one, early in found:
                for other, late in found:
                    if one < other and early != late and len({early, late} & {"train"}) == 1:
                        seen.setdefault((f"{one} and {other}", early, late), []).append(group)
        for (languages, early, late), groups in sorted(seen.items()):
            yield Complaint(
                "warning", "shared_across_languages", self.dataset.name,
                f"{len(groups)} pictures, the first {groups[0]!r}, are in {early} and {late} of {languages}; "
                "train on one language or resplit",
            )  # fmt: skip
