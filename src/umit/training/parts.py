"""A training part and a validation part that share no patient."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, overload

import numpy as np

from umit.datasets.dataset import Sample, Samples
from umit.datasets.pictures import paths_of
from umit.errors import DatasetError, InputError
from umit.queries import query_to_dict
from umit.tasks.table import line

__all__ = ["Part", "divide", "joined", "refuse_shared"]


class Part(Sequence[Sample[Any, Any]]):
    """Samples in memory, without their pictures, and what they are.

    Args:
        samples: Any number.
        described: What tells them from others, as plain values.
    """

    def __init__(self, samples: Iterable[Sample[Any, Any]], described: Mapping[str, Any]) -> None:
        self._samples = tuple(samples)
        self.described = dict(described)

    @classmethod
    def of(cls, samples: Iterable[Sample[Any, Any]]) -> Part:
        """Return samples of any kind as a part; a part as it is."""
        if isinstance(samples, Part):
            return samples
        if not isinstance(samples, Samples):
            return cls(samples, getattr(samples, "described", {"dataset": "samples"}))
        about = samples.dataset
        return cls(samples, {**samples.described, "title": about.title, "licence": about.licence})

    @overload
    def __getitem__(self, place: int) -> Sample[Any, Any]: ...
    @overload
    def __getitem__(self, place: slice) -> Part: ...
    def __getitem__(self, place: int | slice) -> Any:
        """Return a sample, or some as a part."""
        if isinstance(place, int):
            return self._samples[place]
        return Part(self._samples[place], self.described)

    def __len__(self) -> int:
        return len(self._samples)

    @property
    def digest(self) -> str:
        """A hash of every question with its true answer, in order."""
        found = hashlib.sha256()
        for one in self:
            said = [one.id, query_to_dict(one.query), one.gold.to_dict(), one.source.is_volume]
            found.update(json.dumps(said, ensure_ascii=True, default=str).encode())
        return found.hexdigest()


def joined(parts: Sequence[Part]) -> Part:
    """Return several data sets as one, each sample's id behind its set's number; one set as it is."""
    if len(parts) == 1:
        return parts[0]
    sets = [{**one.described, "samples": len(one), "groups": len({s.group for s in one})} for one in parts]
    samples = (
        replace(sample, id=f"{number}/{sample.id}")
        for number, part in enumerate(parts, start=1) for sample in part
    )  # fmt: skip
    return Part(samples, {"dataset": " + ".join(str(one["dataset"]) for one in sets), "sets": sets})


def divide(part: Part, share: float, *, seed: int = 0) -> tuple[Part, Part]:
    """Divide samples into a training part and a validation part; no group lies in both.

    Of each answer that a question with choices has, the same share of groups is taken, at least one of two.

    Args:
        part: All samples.
        share: Of the groups, between 0 and 1.
        seed: Of the draw.

    Raises:
        InputError: A share that is none, or too few groups to take one away.
    """
    if not 0 < share < 1:
        raise InputError(f"expected a share between 0 and 1, got {share:g}", code="share", where="val")
    kinds: dict[str, str] = {}  # the kind of a group is that of its first sample
    for one in part:
        kinds.setdefault(one.group, line(one.task, one.gold) if one.query.choices else one.task)
    drawn, taken = np.random.default_rng(seed), set[str]()
    for kind in sorted(set(kinds.values())):
        groups = sorted(group for group, of in kinds.items() if of == kind)
        wanted = round(share * len(groups)) or int(len(groups) > 1)
        taken.update(drawn.permutation(np.array(groups, object))[:wanted].tolist())
    if not taken or len(taken) == len(kinds):
        raise InputError(
            f"expected patients enough to take {share:g} of them away, got {len(kinds)}",
            code="groups", where="val", hint="Give more samples, or a validation part of its own",
        )  # fmt: skip
    said = {**part.described, "seed": seed}
    return (
        Part((s for s in part if s.group not in taken), {**said, "part": f"all but {share:g}"}),
        Part((s for s in part if s.group in taken), {**said, "part": f"{share:g} of the groups"}),
    )


def refuse_shared(training: Part, validation: Part) -> None:
    """Refuse a validation part that shares a patient or the bytes of a picture with the training part.

    Raises:
        DatasetError: Both places are named.
    """
    places = {one.group: one.place for one in training if one.group}
    for one in validation:
        if one.group in places:
            raise DatasetError(
                f"expected patients that the training part does not have, got {one.group!r}, who is in "
                f"{places[one.group]!r} too; divide by patient, or name groups apart with --fields group=…",
                file=one.place,
            )
    mine, theirs = _by_size(training), _by_size(validation)
    for size in mine.keys() & theirs.keys():
        known = {_bytes(path): place for path, place in mine[size]}
        for path, place in theirs[size]:
            if (same := known.get(_bytes(path))) is not None:
                raise DatasetError(
                    f"expected pictures that the training part does not have, got the bytes of {same!r}", file=place
                )


def _by_size(part: Part) -> dict[int, list[tuple[Path, str]]]:
    found: dict[int, list[tuple[Path, str]]] = {}
    paths = dict.fromkeys(chain.from_iterable(((p, s.place) for p in paths_of(s.source)) for s in part))
    for path, place in paths:
        if path.is_file():
            found.setdefault(path.stat().st_size, []).append((path, place))
    return found


def _bytes(path: Path) -> bytes:
    return hashlib.sha256(path.read_bytes()).digest()
