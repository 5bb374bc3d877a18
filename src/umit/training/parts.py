"""A training part and a validation part that share no patient."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any, Final, overload

import numpy as np

from umit.datasets.dataset import Sample, Samples
from umit.datasets.pictures import paths_of
from umit.errors import DatasetError, InputError
from umit.queries import query_to_dict
from umit.tasks.table import line
from umit.training.order import pass_size
from umit.training.store import stored

__all__ = ["Part", "digest_of", "divide", "joined", "refuse_shared"]

_HASHES: Final = 100_000  # of files, kept while parts are compared


class Part(Sequence[Sample[Any, Any]]):
    """Samples without their pictures, and what they are; a few lie in memory, many on the disk.

    Args:
        samples: Any number.
        described: What tells them from others, as plain values.
        weights: How often each is seen in a pass over them; ``None`` for once.
    """

    def __init__(
        self, samples: Iterable[Sample[Any, Any]], described: Mapping[str, Any], weights: Sequence[float] | None = None
    ) -> None:  # fmt: skip
        self._samples, self.described = stored(samples), dict(described)
        self._places: Sequence[int] = range(len(self._samples))
        self.weights = None if weights is None else tuple(weights)

    @classmethod
    def of(cls, samples: Iterable[Sample[Any, Any]], weight: float = 1.0) -> Part:
        """Return samples of any kind as a part, each seen so many times a pass; a part as it is."""
        if isinstance(samples, Part):
            return samples
        described = getattr(samples, "described", {"dataset": "samples"})
        if isinstance(samples, Samples):
            described = {**described, "title": samples.dataset.title, "licence": samples.dataset.licence}
        if weight == 1:
            return cls(samples, described)
        part = cls(samples, {**described, "weight": weight})
        part.weights = (weight,) * len(part)
        return part

    def chosen(self, places: Sequence[int], described: Mapping[str, Any] | None = None) -> Part:
        """Return the samples at some places as a part.

        Args:
            places: From 0, in the order that is wanted.
            described: What tells them from others; ``None`` for what tells these.
        """
        part = Part((), self.described if described is None else described)
        part._samples, part._places = self._samples, [self._places[place] for place in places]
        if self.weights is not None:
            part.weights = tuple(self.weights[place] for place in places)
        return part

    @overload
    def __getitem__(self, place: int) -> Sample[Any, Any]: ...
    @overload
    def __getitem__(self, place: slice) -> Part: ...
    def __getitem__(self, place: int | slice) -> Any:
        """Return a sample, or some as a part."""
        if isinstance(place, slice):
            return self.chosen(range(len(self))[place])
        return self._samples[self._places[place]]

    def __len__(self) -> int:
        return len(self._places)

    @property
    def seen(self) -> int:
        """How many samples a pass over them sees."""
        return len(self) if self.weights is None else pass_size(self.weights)

    @property
    def digest(self) -> str:
        """As :func:`digest_of`, with the weights."""
        return digest_of(self, self.weights or ())


def digest_of(samples: Iterable[Sample[Any, Any]], weights: Iterable[float] = ()) -> str:
    """Return a hash of every question with its true answer, in order, and the sizes of its pictures' files."""
    found = hashlib.sha256()
    for one in samples:
        sizes = [path.stat().st_size for path in paths_of(one.source) if path.is_file()]
        said = [one.id, query_to_dict(one.query), one.gold.to_dict(), one.source.is_volume, sizes]
        found.update(json.dumps(said, ensure_ascii=True, default=str).encode())
    for weight in weights:
        found.update(f" {weight!r}".encode())
    return found.hexdigest()


def joined(parts: Sequence[Part]) -> Part:
    """Return several data sets as one; each sample's id has its set's number, and its facts name the set.

    One set is returned as it is.
    """
    if len(parts) == 1:
        return parts[0]
    sets = [{**one.described, "samples": len(one), "groups": len({s.group for s in one})} for one in parts]
    names = [str(one["dataset"]) for one in sets]
    samples = (
        replace(sample, id=f"{number}/{sample.id}", facts=(*sample.facts, ("data", name)))
        for number, (part, name) in enumerate(zip(parts, names, strict=True), start=1) for sample in part
    )  # fmt: skip
    weights = [one.weights or (1.0,) * len(one) for one in parts]
    alike = all(one.weights is None for one in parts)
    return Part(
        samples, {"dataset": " + ".join(names), "sets": sets}, None if alike else [*chain.from_iterable(weights)]
    )  # fmt: skip


def divide(part: Part, share: float, *, seed: int = 0) -> tuple[Part, Part]:
    """Divide samples into a training part and a validation part; no group lies in both.

    Of each set, and of each answer that a question with choices has, the same share of groups is taken, at least
    one of two.

    Args:
        part: All samples.
        share: Of the groups, between 0 and 1.
        seed: Of the draw.

    Raises:
        InputError: A share that is none, or too few groups to take one away.
    """
    if not 0 < share < 1:
        raise InputError(f"expected a share between 0 and 1, got {share:g}", code="share", where="val")
    kinds: dict[str, tuple[str, str]] = {}  # the kind of a group is that of its first sample
    for one in part:
        answer = line(one.task, one.gold) if one.query.choices else one.task
        kinds.setdefault(one.group, (dict(one.facts).get("data", ""), answer))
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
    asked = np.fromiter((one.group in taken for one in part), bool, len(part))
    return (
        part.chosen(np.flatnonzero(~asked).tolist(), {**said, "part": f"all but {share:g}"}),
        part.chosen(np.flatnonzero(asked).tolist(), {**said, "part": f"{share:g} of the groups"}),
    )


def refuse_shared(training: Iterable[Sample[Any, Any]], validation: Part) -> None:
    """Refuse a validation part that shares a patient or the bytes of a picture with the training part.

    Raises:
        DatasetError: Both places are named.
    """
    patients = {one.group: one.place or one.id for one in validation if one.group}
    pictures, hashed = _by_size(validation), lru_cache(_HASHES)(_sha256)
    for one in training:
        if one.group in patients:
            raise DatasetError(
                f"expected patients that the training part does not have, got {one.group!r}, who is in "
                f"{one.place or one.id!r} too; divide by patient, or name groups apart with --fields group=…",
                file=patients[one.group],
            )
        for path in paths_of(one.source):
            alike = pictures.get(path.stat().st_size, ()) if path.is_file() else ()
            if any(hashed(other) == hashed(path) for other, _ in alike):
                raise DatasetError(
                    f"expected pictures that the training part does not have, got the bytes of {one.place!r}; leave "
                    "one out, or give both the same group",
                    file=next(place for other, place in alike if hashed(other) == hashed(path)),
                )


def _by_size(part: Part) -> dict[int, list[tuple[Path, str]]]:
    """Return picture files with their places, by size: those of sizes that others do not have need not be read."""
    found: dict[int, list[tuple[Path, str]]] = {}
    for path, place in {path: one.place for one in part for path in paths_of(one.source)}.items():
        if path.is_file():
            found.setdefault(path.stat().st_size, []).append((path, place))
    return found


def _sha256(path: Path) -> bytes:
    return hashlib.sha256(path.read_bytes()).digest()
