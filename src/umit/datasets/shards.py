"""Samples in WebDataset shards: tar files of pictures and JSON, for what outgrows one machine.

Hugging Face ``datasets`` streams them; each process reads whole shards of its own.
"""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from umit.datasets.ask import Tasks
from umit.datasets.dataset import Sample, warn
from umit.datasets.picture_files import Pictured, as_bytes, ending, made, moved, rebuilt
from umit.datasets.pictures import Encoded, Pictures
from umit.datasets.swift_pictures import Gathered
from umit.errors import DatasetError
from umit.queries import query_from_dict, query_to_dict
from umit.results import from_dict
from umit.whole import whole

if TYPE_CHECKING:
    from datasets import IterableDataset

__all__ = ["read_shards", "shard_stream", "shards", "write_shards"]

_NAME: Final = "samples-{:06d}.tar"
_JSON: Final = "json"


def write_shards(
    samples: Iterable[Sample[Any, Any]],
    folder: Path | str,
    *,
    each: int = 1000,
    tasks: Tasks | None = None,
    tell: Callable[[str], None] = warn,
) -> list[Path]:
    """Write samples with their pictures into tar files, all of them or none.

    Picture files of 8 bits keep their bytes. All else is written as PNG, as umit shows it: films in their own size,
    volumes as the slices that a model sees. Boxes and points are in pixels of what is written. Nothing of a patient
    but pixels goes into a shard.

    Args:
        samples: From any data set.
        folder: Made if it does not exist; it may hold no shards yet.
        each: Samples in a shard.
        tasks: Of the checkpoint that is to see volumes: ``card.tasks``. Films need none.
        tell: Called with each sample that is left out because a picture cannot be read or a box lies beyond its
            picture.

    Returns:
        The shards.

    Raises:
        DatasetError: There are shards in the folder.
        UnsupportedTaskError: The checkpoint does not know the task of a volume's sample.
    """
    path = Path(os.path.realpath(Path(folder).expanduser()))
    with whole(path) as stage:
        shards(samples, stage, path, tasks, tell, each=each)
    return sorted(path.glob("samples-*.tar"))


def shards(
    samples: Iterable[Sample[Any, Any]],
    stage: Path,
    path: Path,
    tasks: Tasks | None,
    tell: Callable[[str], None],
    *,
    each: int = 1000,
) -> int:
    """Write shards in a stage of :func:`umit.whole.whole`, as :func:`write_shards` does.

    Returns:
        How many samples were written.
    """
    if each < 1:
        raise DatasetError(f"expected at least one sample a shard, got {each}")
    if path.exists() and (older := next(path.glob("samples-*.tar"), None)):
        raise DatasetError(f"expected a folder without shards, found {older.name}", file=path.name)
    (stage / path.name).mkdir()
    found = made(samples, tasks, tell, _members)
    count = 0
    for first in found:
        with tarfile.open(stage / path.name / _NAME.format(count // each), "w") as shard:
            for files in chain([first], islice(found, each - 1)):
                for suffix, content in files.items():
                    member = tarfile.TarInfo(f"{count:09d}{suffix}")
                    member.size = len(content)
                    shard.addfile(member, io.BytesIO(content))
                count += 1
    return count


def _members(sample: Sample[Any, Any], pictures: Pictured) -> dict[str, bytes]:
    """Return what a shard holds of a sample, by the suffix of its name."""
    about = {
        "id": sample.id, "group": sample.group, "place": sample.place,
        "query": query_to_dict(sample.query), "gold": moved(sample.gold, pictures.views).to_dict(),
        "facts": sample.facts, "pictures": pictures.said,
    }  # fmt: skip
    files = as_bytes(pictures.files)
    numbers = [""] if len(files) == 1 else [f".{n:03d}" for n in range(len(files))]
    return {
        f".{_JSON}": _dumped({k: v if isinstance(v, str) else _dumped(v) for k, v in about.items()}).encode(),
        **{n + ending(data): data for n, data in zip(numbers, files, strict=True)},
    }  # fmt: skip


def _dumped(value: Any) -> str:
    # Inside a shard's JSON every value is text: so all samples have one schema for those who load it elsewhere.
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def shard_stream(paths: Iterable[Path | str]) -> IterableDataset:
    """Return shards as a Hugging Face stream of raw rows, to be split between processes by shard.

    Args:
        paths: Shards, in order.
    """
    from datasets import Features, IterableDataset, List, Value

    found: IterableDataset = IterableDataset.from_generator(
        _rows,
        gen_kwargs={"paths": [str(path) for path in paths]},
        features=Features({"about": Value("string"), "pictures": List(Value("large_binary"))}),
    )
    return found


def _rows(paths: list[str]) -> Iterator[dict[str, Any]]:
    for path in paths:
        with tarfile.open(path) as shard:
            for _, members in groupby(shard, lambda member: member.name.partition(".")[0]):
                found = [(member.name, _content(shard, member, path)) for member in members]
                (name, about), *pictures = found
                if not name.endswith(f".{_JSON}") or not pictures:
                    raise DatasetError(
                        f"expected a sample's json and its pictures, got {name[-80:]!r}", file=Path(path).name
                    )
                yield {"about": about.decode(), "pictures": [data for _, data in pictures]}


def _content(shard: tarfile.TarFile, member: tarfile.TarInfo, path: str) -> bytes:
    file = shard.extractfile(member)
    if file is None:
        raise DatasetError(f"expected files, got {member.name[-80:]!r}", file=Path(path).name)
    return file.read()


def read_shards(paths: Iterable[Path | str], *, rank: int = 0, world: int = 1) -> Iterator[Sample[Any, Any]]:
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
        query, gold, facts, said = (json.loads(about[key]) for key in ("query", "gold", "facts", "pictures"))
        yield Sample(
            id=about["id"],
            query=query_from_dict(query),
            gold=from_dict(gold),
            source=_source(row["pictures"], said, about),
            group=about["group"],
            place=about["place"],
            facts=tuple((name, value) for name, value in facts),
        )


def _source(pictures: list[bytes], said: Any, about: Mapping[str, str]) -> Pictures:
    parts = tuple(Encoded(data, about["id"]) for data in pictures)
    source: Pictures = parts[0] if len(parts) == 1 else Gathered(parts)
    return source if said is None else rebuilt(source, said, about["place"])
