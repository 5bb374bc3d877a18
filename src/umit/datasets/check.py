"""The doctor: finds what is wrong with a data set before a model learns it. ``umit data check``."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, Literal

from umit.datasets import NAMES, describe
from umit.datasets.ask import Tasks
from umit.datasets.check_pictures import Complaint, Files
from umit.datasets.check_rows import check_rows
from umit.datasets.dataset import SPLITS, Choice, Dataset, Sample, Split
from umit.datasets.folder import Folder
from umit.errors import DatasetError
from umit.queries import Ask, Choose, Find, Locate
from umit.results import Answer, Report

__all__ = ["Complaint", "check"]

_PIECE: Final = re.compile(r"\d|[^\W\d_]+|[^\w\s]|_")


def check(
    root: Path | str, tasks: Tasks, *, name: str | None = None, pictures: Path | str | None = None
) -> Iterator[Complaint]:
    """Yield what is wrong with a data set's folder, or with a file of rows.

    Args:
        root: A folder, or a ``.jsonl`` or ``.json`` file of ms-swift rows.
        tasks: Of the checkpoint that is to learn it: ``card.tasks``.
        name: Which data set a folder holds; ``None`` finds out by reading.
        pictures: Where the pictures of a file of rows are, besides its own folder.

    Yields:
        Complaints, each with file and line or row; errors are what makes a row useless or a score wrong.

    Raises:
        DatasetError: Nothing is there, or no data set that umit knows.
    """
    path = Path(root)
    if path.is_file() and name is None:
        yield from check_rows(path, tasks, pictures=pictures)
        return
    for dataset, variant in _known(path, name):
        yield from _Checked(dataset, variant, tasks).run(Folder.of(path))


def _known(root: Path, name: str | None) -> list[tuple[Dataset, str]]:
    """Return the data sets whose files are there: those whose first sample can be read, or says why not."""
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
    if not found:
        raise DatasetError(
            f"expected a data set that umit knows in {root.name!r}; name it with --name, one of {', '.join(NAMES)}"
        )
    return found


@dataclass
class _Checked:
    """One data set being read; holds names and hashes only, so that millions of rows fit."""

    dataset: Dataset
    variant: str
    tasks: Tasks
    files: Files = field(default_factory=Files)
    #: Split of each group, with the place of its first row, by language: splits may differ between them.
    groups: dict[tuple[str, str], dict[Split, str]] = field(default_factory=dict)
    ids: set[int] = field(default_factory=set)
    spelled: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)

    def run(self, root: Folder) -> Iterator[Complaint]:
        """Yield complaints about every split."""
        official = tuple(self.dataset.splits) or (None,)
        for split in official:
            told: list[str] = []
            choice = Choice(
                root=root, split=split, languages=self.dataset.languages, variant=self.variant,
                tell=told.append,
            )  # fmt: skip
            try:
                for sample in self.dataset.read(choice):
                    yield from self._told(told)
                    yield from self._sample(sample, split)
            except DatasetError as error:
                yield Complaint("error", "row", error.file or root.path.name, error.message)
            yield from self._told(told)
        yield from self.files.shared()
        yield from self._shared()
        yield from self._spellings()

    def _told(self, told: list[str]) -> Iterator[Complaint]:
        for message in told:
            place, _, rest = message.partition(": ")
            level: Literal["error", "warning"] = "error" if "skipped" in rest else "warning"
            yield (
                Complaint(level, "row", place, rest) if rest else Complaint(level, "row", "", place)
            )
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
        for kind, text in _labels(sample):
            key = (kind, _folded(text))
            self.spelled.setdefault(key, {}).setdefault(text, sample.place)

    def _too_long(self, sample: Sample[Any, Any]) -> Iterator[Complaint]:
        task, gold = self.tasks.get(sample.task), sample.gold
        if task is None or not isinstance(gold, Answer | Report):
            return
        least = len(_PIECE.findall(gold.text))  # each is one token or more, whatever the tokenizer
        if least > task.max_new_tokens:
            yield Complaint(
                "warning", "too_long", sample.place,
                f"its answer has at least {least} tokens, {sample.task} stops at {task.max_new_tokens}",
            )  # fmt: skip

    def _shared(self) -> Iterator[Complaint]:
        """Groups that lie in two splits: the model saw at training what it is asked at the test."""
        seen: dict[tuple[str, Split, Split], tuple[int, str, str]] = {}
        across: dict[str, set[tuple[str, Split]]] = {}
        for (language, group), places in self.groups.items():
            across.setdefault(group, set()).update((language, split) for split in places)
            here = [split for split in SPLITS if split in places]
            for early, late in pairwise(here):
                yield Complaint(
                    "error", "shared", places[late], f"{group!r} is in {early} too: {places[early]}"
                )
        for group, found in across.items():
            for one, early in found:
                for other, late in found:
                    if one < other and early != late and len({early, late} & {"train"}) == 1:
                        key = (f"{one} and {other}", early, late)
                        number, first, _ = seen.get(key, (0, group, ""))
                        seen[key] = (number + 1, first, "")
        for (languages, early, late), (number, group, _) in sorted(seen.items()):
            yield Complaint(
                "warning", "shared_across_languages", self.dataset.name,
                f"{number} pictures, the first {group!r}, are in {early} and {late} of {languages}; "
                "train on one language or resplit",
            )  # fmt: skip

    def _spellings(self) -> Iterator[Complaint]:
        for (kind, _), texts in self.spelled.items():
            if len(texts) > 1:
                (first, _), (other, place), *_ = texts.items()
                yield Complaint(
                    "warning", "spelling", place, f"the {kind} {other!r} is also spelled {first!r}"
                )


def _labels(sample: Sample[Any, Any]) -> Iterator[tuple[str, str]]:
    query = sample.query
    if isinstance(query, Find):
        yield from (("target", target) for target in query.targets)
    elif isinstance(query, Locate):
        yield from (("landmark", name) for name in query.names)
    elif isinstance(query, Choose):
        yield from (("label", label) for label in query.labels)
    elif isinstance(query, Ask):
        yield from (("option", option) for option in query.options)


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
