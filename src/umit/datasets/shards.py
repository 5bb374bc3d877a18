"""Samples in WebDataset shards: tar files of pictures and JSON, for what outgrows one machine.

Hugging Face ``datasets`` streams them; each process reads whole shards of its own.
"""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from umit.datasets.dataset import Sample
from umit.datasets.pictures import Encoded, Files, Pictures
from umit.errors import DatasetError
from umit.imaging.read import load
from umit.imaging.scan import Scan
from umit.imaging.sniff import file_kind
from umit.queries import query_from_dict, query_to_dict
from umit.results import from_dict

if TYPE_CHECKING:
    from datasets import IterableDataset

__all__ = ["read_shards", "shard_stream", "write_shards"]

_NAME: Final = "samples-{:06d}.tar"
_JSON: Final = "json"
_FILM: Final = "picture"
_ARRAY: Final = "npy"


def write_shards(
    samples: Iterable[Sample[Any, Any]], folder: Path | str, *, each: int = 1000
) -> list[Path]:
    """Write samples with their pictures into tar files.

    Films in common picture files keep their bytes. Everything else, DICOM with its patient's fields above
    all, is written as an array of its values, without spacing, sides and window.

    Args:
        samples: From any data set; films with one view, or volumes.
        folder: Made if it does not exist.
        each: Samples in a shard.

    Returns:
        The shards, each written whole or not at all.

    Raises:
        DatasetError: A sample of several views.
        InputError: A picture cannot be read.
    """
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    waiting: list[Sample[Any, Any]] = []
    for sample in samples:
        waiting.append(sample)
        if len(waiting) == each:
            written.append(_write(waiting, place / _NAME.format(len(written))))
            waiting = []
    if waiting:
        written.append(_write(waiting, place / _NAME.format(len(written))))
    return written


def _write(samples: list[Sample[Any, Any]], path: Path) -> Path:
    part = path.with_suffix(".part")
    with tarfile.open(part, "w") as shard:
        for number, sample in enumerate(samples):
            kind, data = _picture(sample.source, sample.place)
            about = {
                "id": sample.id,
                "query": query_to_dict(sample.query),
                "gold": sample.gold.to_dict(),
                "group": sample.group,
                "place": sample.place,
                "facts": [list(fact) for fact in sample.facts],
            }
            text = json.dumps(about, ensure_ascii=False).encode()
            for suffix, content in ((_JSON, text), (kind, data)):
                member = tarfile.TarInfo(f"{number:06d}.{suffix}")
                member.size = len(content)
                shard.addfile(member, io.BytesIO(content))
    os.replace(part, path)
    return path


def _picture(source: Pictures, place: str) -> tuple[str, bytes]:
    if isinstance(source, Encoded):
        return _FILM, source.data
    if (
        isinstance(source, Files)
        and len(source.paths) == 1
        and file_kind(source.paths[0]) == "raster"
    ):
        return _FILM, source.paths[0].read_bytes()
    scans = source.scans()
    if len(scans) != 1:
        raise DatasetError("expected one film or one volume, got several views", file=place)
    buffer = io.BytesIO()
    np.save(buffer, scans[0].voxels)
    return _ARRAY, buffer.getvalue()


def shard_stream(paths: Iterable[Path | str]) -> IterableDataset:
    """Return shards as a Hugging Face stream of raw rows, to be split between processes by shard.

    Args:
        paths: Shards, in order.
    """
    from datasets import Features, IterableDataset, Value

    found: IterableDataset = IterableDataset.from_generator(
        _rows,
        gen_kwargs={"paths": [str(path) for path in paths]},
        features=Features(
            {"about": Value("string"), "kind": Value("string"), "data": Value("large_binary")}
        ),
    )
    return found


def _rows(paths: list[str]) -> Iterator[dict[str, Any]]:
    for path in paths:
        about = ""
        with tarfile.open(path) as shard:
            for member in shard:
                content = shard.extractfile(member)
                suffix = member.name.rsplit(".", 1)[-1]
                if content is None or suffix not in (_JSON, _FILM, _ARRAY):
                    raise DatasetError(
                        f"expected json, picture and npy, got {member.name[:80]!r}",
                        file=Path(path).name,
                    )
                if suffix == _JSON:
                    about = content.read().decode()
                else:
                    yield {"about": about, "kind": suffix, "data": content.read()}


def read_shards(
    paths: Iterable[Path | str], *, rank: int = 0, world: int = 1
) -> Iterator[Sample[Any, Any]]:
    """Yield the samples of shards; processes share them without overlap.

    Args:
        paths: Shards, the same for every process. With as many shards as processes, or a multiple, each
            process opens its own only.
        rank: This process's number.
        world: How many processes there are.

    Raises:
        DatasetError: Something in a shard that :func:`write_shards` does not write.
    """
    from datasets.distributed import split_dataset_by_node

    for row in split_dataset_by_node(shard_stream(paths), rank=rank, world_size=world):
        about = json.loads(row["about"])
        kind, data = row["kind"], row["data"]
        source = _Array(data, about["id"]) if kind == _ARRAY else Encoded(data, about["id"])
        yield Sample(
            id=about["id"],
            query=query_from_dict(about["query"]),
            gold=from_dict(about["gold"]),
            source=source,
            group=about["group"],
            place=about["place"],
            facts=tuple((name, value) for name, value in about["facts"]),
        )


class _Array:
    """A scan's values as the bytes of an ``.npy`` file: slices first, colours last."""

    def __init__(self, data: bytes, name: str) -> None:
        self.voxels, self.names = np.load(io.BytesIO(data), allow_pickle=False), (name,)

    @property
    def is_volume(self) -> bool:
        """Whether there are several slices."""
        return len(self.voxels) > 1

    def scans(self) -> tuple[Scan, ...]:
        """Return it."""
        colours = "c" if self.voxels.ndim == 4 else ""
        if self.is_volume:
            return (load(self.voxels, axes="zyx" + colours),)
        return (load(self.voxels[0], axes="yx" + colours),)
