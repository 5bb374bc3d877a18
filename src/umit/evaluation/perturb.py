"""Samples changed on purpose, truth and all: what a model's numbers should and should not survive.

A change takes a sample to a sample and reads no picture before it must. What has no known truth under a change is
refused with code ``"not_applicable"`` or ``"sides"`` and left out; nothing is guessed.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import Any, Final, TypeAlias

import numpy as np
from typing_extensions import override

from umit.datasets.dataset import Sample, Samples
from umit.datasets.pictures import Pictures
from umit.errors import DatasetError, InputError, UMITError
from umit.evaluation import perturb_pixels as pixels
from umit.evaluation.sides import mirror_axis, mirrored, mirrored_query
from umit.geometry import Mark, Point2D, Space
from umit.imaging.scan import Scan
from umit.imaging.warp import Warp
from umit.results import Detections
from umit.tasks.table import TASKS

__all__ = ["CHANGES", "Altered", "Change", "Changed", "Others", "altered"]

Any_: TypeAlias = Sample[Any, Any]
_PER_KIND: Final = 32  # pictures kept of each organ and modality, to borrow from
_ORGAN: Final = ("organ", "location", "part", "set")  # facts that say what is in the picture


@dataclass(frozen=True, slots=True)
class Altered:
    """Pictures that are changed when they are read.

    Args:
        source: The unchanged ones.
        how: Name of the change and its seed; a part of the names, since readers keep pictures by name.
        change: Of one scan.
    """

    source: Pictures
    how: str
    change: Callable[[Scan], Scan] = field(compare=False)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the unchanged pictures, and the change."""
        return tuple(f"{name} ({self.how})" for name in self.source.names)

    @property
    def is_volume(self) -> bool:
        """As the unchanged ones."""
        return self.source.is_volume

    def scans(self) -> tuple[Scan, ...]:
        """Read and change them."""
        return tuple(map(self.change, self.source.scans()))


def _pictures(name: str, change: Callable[[Scan], Scan], sample: Any_) -> Any_:
    return replace(sample, source=Altered(sample.source, name, change))


def _broken(sample: Any_, how: str, error: UMITError) -> Any_:
    """Return a sample that could not be changed; reading its pictures says why."""

    def fail(scan: Scan) -> Scan:
        raise error

    return _pictures(f"{how}, broken", fail, sample)


def _seed(sample: Any_, name: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{name}:{sample.id}".encode()).digest()[:8], "big")


def _no(why: str) -> InputError:
    return InputError(f"expected a sample that can be changed so: {why}", code="not_applicable")


def _noise(sample: Any_) -> Any_:
    seed = _seed(sample, "noise")
    return _pictures(f"noise {seed}", partial(pixels.noisy, seed=seed), sample)


def _rotate(sample: Any_) -> Any_:
    """Points turn exactly; the box around a turned box is larger than the one around the turned thing."""
    changed = _pictures("rotation", pixels.rotated, sample)
    if TASKS[sample.task].result is Detections:
        raise _no("the tight box of a turned thing is not known from its box")
    if not sample.gold.marks:
        return changed
    return replace(changed, gold=sample.gold.moved(partial(_laid, spaces=_spaces(sample), degrees=pixels.DEGREES)))


def _crop(sample: Any_) -> Any_:
    """A tighter cut; what it would cut off or through is left out."""
    changed = _pictures("crop", pixels.cropped, sample)
    if not sample.gold.marks:
        return changed
    zoom = (pixels.CLOSER, pixels.CLOSER)
    return replace(changed, gold=sample.gold.moved(partial(_laid, spaces=_spaces(sample), zoom=zoom)))


def _laid(mark: Mark, view: int | None, *, spaces: Sequence[Space], **how: Any) -> Mark:
    space = spaces[view or 0]
    warp = Warp(size=(space.size[0], space.size[1]), **how)
    there = replace(warp.mark(mark), space=space)
    if not warp.holds(there):
        raise _no(f"a {'point' if isinstance(mark, Point2D) else 'box'} leaves the picture")
    return there


def _spaces(sample: Any_) -> tuple[Space, ...]:
    """Return the grids of a sample's pictures; from the truth where it says them, else by reading."""
    said = sample.gold.marks
    if len(said) == 1 and said[0].space is not None and len(sample.source.names) == 1:
        return (said[0].space,)
    return tuple(scan.space for scan in sample.source.scans())


def _flip(sample: Any_) -> Any_:
    """Read the picture only where words or places change: it says whether it shows the patient's two sides."""
    query = mirrored_query(sample.query)
    scans = sample.source.scans() if sample.gold.marks or query != sample.query or _sided(sample) else ()
    for scan in scans:
        across = scan.directions is None or scan.directions[0] in "LR"
        if not across or scan.voxels.shape[2 - mirror_axis(scan.space)] < 2:
            raise _no("the picture is from the side")
    gold = mirrored(sample.gold, tuple(scan.space for scan in scans))
    return replace(_pictures("flip", pixels.flipped, sample), query=query, gold=gold)


def _sided(sample: Any_) -> bool:
    if TASKS[sample.task].placed:
        return False
    return bool(mirrored(sample.gold) != sample.gold)


def _shuffle(sample: Any_) -> Any_:
    """Options in another order; never the same one."""
    count = len(sample.query.choices)
    if count < 2:
        raise _no("there are no options to choose one from")
    order = np.random.default_rng(_seed(sample, "shuffle")).permutation(count).tolist()
    if order == sorted(order):
        order = [*order[1:], order[0]]
    return replace(sample, query=sample.query.reordered(order), gold=sample.gold.reordered(order))


class Others:
    """Pictures of other samples, a few of each kind, to ask a question of the wrong one.

    Args:
        samples: All that may lend a picture.
    """

    def __init__(self, samples: Iterable[Any_]) -> None:
        self._kept: dict[tuple[object, ...], dict[str, Pictures]] = {}
        for sample in samples:
            of_kind = self._kept.setdefault(self._kind(sample), {})
            if len(of_kind) < _PER_KIND:
                of_kind.setdefault(sample.group, sample.source)

    @staticmethod
    def _kind(sample: Any_) -> tuple[object, ...]:
        facts = dict(sample.facts)
        organ = next((facts[name] for name in _ORGAN if name in facts), "")
        shape = sample.source.is_volume, len(sample.source.names)
        return (*shape, organ, facts.get("modality", ""))

    def __call__(self, sample: Any_) -> Any_:
        """Return the sample with a picture of another organ, else of another modality.

        Raises:
            InputError: The truth is a place, or no other kind of picture is in the set.
        """
        if TASKS[sample.task].placed:
            raise _no("a place in one picture is none in another")
        volume, views, organ, modality = self._kind(sample)
        alike = [kind for kind in self._kept if kind[:2] == (volume, views)]
        far = [k for k in alike if k[2] and organ and k[2] != organ]
        far = far or [k for k in alike if k[3] and modality and k[3] != modality]
        lent = [p for kind in far for g, p in self._kept[kind].items() if g != sample.group]
        if not lent:
            raise _no("the set has no picture of another organ or modality")
        return replace(sample, source=lent[_seed(sample, "wrong organ") % len(lent)])


Change: TypeAlias = Callable[[Any_], Any_]

#: By name, which is the folder's too. "wrong-organ" stands apart, since it needs the other samples.
CHANGES: Final[Mapping[str, Change]] = {
    "window": partial(_pictures, "window", pixels.shifted),
    "noise": _noise,
    "coarse": partial(_pictures, "coarse", pixels.coarse),
    "rotation": _rotate,
    "crop": _crop,
    "flip": _flip,
    "blank": partial(_pictures, "blank", pixels.blank),
    "question-only": partial(_pictures, "grey", pixels.grey),
    "shuffled-options": _shuffle,
}


def altered(sample: Any_, name: str) -> Any_:
    """Return a sample under one of :data:`CHANGES`.

    Raises:
        InputError: An unknown change, or one whose truth is not known for this sample.
    """
    if name not in CHANGES:
        raise InputError(f"expected one of {', '.join(CHANGES)}, got {name!r}", code="change")
    return CHANGES[name](sample)


@dataclass(eq=False)
class Changed(Samples):
    """The samples of a data set under one change; its name is a part of the data set's, so journals differ.

    Args:
        samples: Unchanged.
        name: Of the change.
        change: What is done to each.
        limit: Only the first so many unchanged samples.
        left_out: Filled by each pass: why samples were left out, and how many.
    """

    samples: Samples
    name: str
    change: Change
    limit: int | None = None
    left_out: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        dataset = replace(self.samples.dataset, name=f"{self.samples.dataset.name}, {self.name}")
        super().__init__(dataset, self.samples.choice)

    def counted(self, limit: int | None = None) -> None:
        """Not known: which samples a change leaves out is seen when they are changed."""

    @override
    def __iter__(self) -> Iterator[Any_]:
        self.left_out.clear()
        for sample in islice(iter(self.samples), self.limit):
            try:
                yield self.change(sample)
            except InputError as error:
                if error.code in ("not_applicable", "sides"):
                    self.left_out[str(error).split(": ", 1)[-1]] += 1
                else:  # such as an unreadable picture: evaluate meets it and records the failure
                    yield _broken(sample, self.name, error)
            except DatasetError as error:
                yield _broken(sample, self.name, error)
