"""MedMNIST: twelve sets of pictures, six of volumes; one ``.npz`` a set and size, or pictures with a table beside them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from umit.datasets.arrays import array_header, array_rows
from umit.datasets.dataset import SPLITS, Choice, Dataset, Sample, Split, split_name
from umit.datasets.medmnist_sets import SETS, Set
from umit.datasets.pictures import ArrayRow, Files, Pictures
from umit.datasets.rows import plain_rows
from umit.errors import DatasetError
from umit.queries import Choose
from umit.results import Classification, Findings, Marked

__all__ = ["FILMS", "VOLUMES"]

_SHORT: Final[dict[Split, str]] = {"train": "train", "validation": "val", "test": "test"}
_SIZES: Final = ("_224", "_128", "_64", "")  # the last is 28; volumes have the last two


def read(choice: Choice) -> Iterator[Sample[Any, Any]]:
    """Yield the samples of the chosen set, of the largest pictures that are there."""
    name, kind = choice.variant, SETS[choice.variant]
    archives = [f"{name}{size}.npz" for size in (_SIZES[2:] if kind.slices else _SIZES)]
    # Volumes are saved as moving GIFs, in which Pillow leaves out a slice that equals the one before: not read.
    tables = [] if kind.slices else [f"{name}{size}.csv" for size in _SIZES]
    path = choice.root.first([*archives, *tables])
    others = [p.name for p in choice.root.existing([*archives, *tables]) if p != path]
    if others:
        choice.tell(f"{path.name}: read, and {', '.join(others)} beside it not")
    yield from (_pictures if path.suffix == ".csv" else _arrays)(choice, kind, path)


def _arrays(choice: Choice, kind: Set, path: Path) -> Iterator[Sample[Any, Any]]:
    """Read the wanted splits' arrays, row by row; the others stay packed."""
    for split in filter(choice.holds, SPLITS):
        short = _SHORT[split]
        shape = _checked(kind, path, short)
        _compare(choice, kind, path, {split: shape[0]})
        axes = "zyx" if kind.slices else "yxc"[: len(shape) - 1]
        member = f"{short}_images"
        pairs = zip(array_rows(path, member), array_rows(path, f"{short}_labels"), strict=True)
        for index, (pixels, labels) in enumerate(pairs):
            name = f"{choice.variant}-{short}-{index}"
            if choice.wants(split, name):
                source = ArrayRow(path, member, index, pixels, axes)
                place = f"{path.name} {short} row {index}"
                yield from _samples(choice, kind, source, name, labels.tolist(), place)


def _checked(kind: Set, path: Path, short: str) -> tuple[int, ...]:
    """Return the shape of a split's pictures, if they and their labels are what the set's are."""
    pictures, labels = (array_header(path, f"{short}_{what}") for what in ("images", "labels"))
    dimensions = 4 if kind.slices or pictures.shape[3:] == (3,) else 3  # a colour picture has channels
    width = len(kind.classes) if kind.kind == "findings" else 1
    if (
        pictures.dtype != "uint8"
        or len(pictures.shape) != dimensions
        or labels.dtype.kind not in "ui"
        or labels.shape != (pictures.shape[0], width)
    ):
        raise DatasetError(
            f"expected {short}_images of uint8 with {width} whole numbers each in {short}_labels, got "
            f"{pictures.dtype} {pictures.shape} and {labels.dtype} {labels.shape}",
            file=path.name,
        )
    return pictures.shape


def _pictures(choice: Choice, kind: Set, table: Path) -> Iterator[Sample[Any, Any]]:
    """Read what medmnist's ``save`` writes: TRAIN, VALIDATION or TEST, a file name and labels, no header."""
    rows: Counter[Split] = Counter()
    for place, (named, file, *values) in plain_rows(table, 3):
        try:
            split, labels = split_name(named), [int(value) for value in values]
        except (DatasetError, ValueError) as error:
            raise DatasetError(f"expected a split, a file and whole numbers: {error}", file=place) from error
        path = choice.root.inside(f"{table.stem}/{file}", place=place)
        name = f"{choice.variant}-{file}"
        rows[split] += 1
        if choice.wants(split, name):
            yield from _samples(choice, kind, Files((path,)), name, labels, place)
    _compare(choice, kind, table, {s: rows[s] for s in SPLITS if choice.holds(s)})


def _compare(choice: Choice, kind: Set, path: Path, rows: dict[Split, int]) -> None:
    """Say which splits are not as long as was published; partial copies are common."""
    for split, found in rows.items():
        wanted = kind.rows[SPLITS.index(split)]
        if found != wanted:
            choice.tell(f"{path.name}: {split} has {found} rows, {wanted} were published")


def _samples(
    choice: Choice, kind: Set, source: Pictures, name: str, labels: Sequence[int], place: str
) -> Iterator[Sample[Any, Any]]:
    """Yield one picture's question in each language."""
    several, count = kind.kind == "findings", len(kind.classes)
    if len(labels) != (count if several else 1) or not all(0 <= label < (2 if several else count) for label in labels):
        wanted = f"0 or 1 for each of {count} classes" if several else f"a class from 0 to {count - 1}"
        raise DatasetError(f"expected {wanted}, got {list(labels)}", file=place)
    facts = (("set", choice.variant), ("modality", kind.modality))
    for language in choice.languages:
        names = kind.labels(language)
        marks = zip(names, labels, strict=False)
        yield Sample(
            id=f"{name}-{language}",
            query=Choose(names, kind.asked(language), several, language=language),
            gold=Findings(items=tuple(Marked(label=n, present=bool(v)) for n, v in marks))
            if several
            else Classification(label=names[labels[0]]),
            source=source,
            group=name,
            place=place,
            facts=(*facts, ("ordinal", "yes")) if kind.kind == "ordinal" else facts,
        )


_FILMS: Final = tuple(name for name, one in SETS.items() if not one.slices)
_VOLUMES: Final = tuple(name for name, one in SETS.items() if one.slices)


def _published(names: Sequence[str]) -> dict[Split, int | None]:
    """Return the published rows of several sets together."""
    return {split: sum(SETS[n].rows[i] for n in names) for i, split in enumerate(SPLITS)}


FILMS: Final = Dataset(
    name="medmnist-2d",
    title="MedMNIST, two-dimensional",
    tasks=("classify", "findings"),
    languages=("en", "zh"),
    dimensions="2D",
    splits=_published(_FILMS),
    splitting="official, by picture; sizes are those of all twelve",
    licence="CC BY 4.0; DermaMNIST CC BY-NC 4.0",
    citation="Yang et al., Scientific Data 10, 41 (2023)",
    home="Zenodo 10519652",
    read=read,
    variants=_FILMS,
)
VOLUMES: Final = Dataset(
    name="medmnist-3d",
    title="MedMNIST, three-dimensional",
    tasks=("classify",),
    languages=("en", "zh"),
    dimensions="3D",
    splits=_published(_VOLUMES),
    splitting="official, by volume; sizes are those of all six",
    licence="CC BY 4.0",
    citation="Yang et al., Scientific Data 10, 41 (2023)",
    home="Zenodo 10519652",
    read=read,
    variants=_VOLUMES,
)
