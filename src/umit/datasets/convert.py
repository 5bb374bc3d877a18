"""Samples written for other tools: ms-swift rows, a parquet table of Hugging Face ``datasets``, COCO boxes."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from PIL import Image

from umit.chat import spell
from umit.datasets.ask import Tasks, parts, shown
from umit.datasets.dataset import Sample
from umit.datasets.pictures import Files, Pictures, Stack, Voxels
from umit.datasets.swift import TAG
from umit.errors import DatasetError
from umit.imaging.header import picture_size
from umit.queries import Find
from umit.results import Detections
from umit.tasks.task import choose

__all__ = ["Form", "convert"]

Form: TypeAlias = Literal["swift", "swift2", "parquet", "coco"]


def convert(
    samples: Iterable[Sample[Any, Any]], target: Path | str, *, form: Form, tasks: Tasks
) -> int:
    """Write samples to one file, whole or not at all.

    Prompts and answers are those of training: ``Task.request`` and ``Task.encode``. Pictures that are no files
    of their own, such as MedMNIST's rows, are written as PNG into a folder beside the target.

    Args:
        samples: From any data set.
        target: The file to write; an older one is replaced.
        form: ``"swift"`` (3.x and 4.x messages), ``"swift2"`` (2.x query and response), ``"parquet"``
            or ``"coco"`` (boxes on films).
        tasks: Of the checkpoint whose prompts and frames are written: ``card.tasks``.

    Returns:
        Rows written; images of COCO.

    Raises:
        DatasetError: An unknown form, or samples without boxes for COCO.
        InputError: A picture cannot be read.
    """
    path = Path(target)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    write = _FORMS.get(form)
    if write is None:
        raise DatasetError(f"expected one of {', '.join(_FORMS)}, got {form!r}")
    try:
        count = write(samples, part, path, tasks)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return count


def _rows(
    samples: Iterable[Sample[Any, Any]], path: Path, tasks: Tasks
) -> Iterator[tuple[Sample[Any, Any], str, str, list[str]]]:
    """Yield sample, prompt, answer and names of pictures."""
    for sample in samples:
        images = _images(sample.source, path)
        view = shown(sample, tasks)
        for query, gold in parts(sample):
            task = tasks[choose(query, volume=sample.source.is_volume)]
            words = spell(task.request(query, view).words)
            yield sample, words, task.encode(gold, query, view), images


def _images(source: Pictures, path: Path) -> list[str]:
    """Return absolute names of picture files, written first where there are none."""
    if isinstance(source, Files | Stack):
        return [str(p.resolve()) for p in source.paths]
    if isinstance(source, Voxels):
        return [str(source.path.resolve())]
    folder = path.with_name(f"{path.stem}_images")
    folder.mkdir(exist_ok=True)
    stem = "".join(c if c.isalnum() else "_" for c in Path(source.names[0]).name)
    found = []
    for number, scan in enumerate(source.scans()):
        voxels = scan.voxels
        for index in range(len(voxels)):
            name = folder / f"{stem}-{number}-{index:03d}.png"
            if not name.exists():
                Image.fromarray(voxels[index]).save(name)
            found.append(str(name.resolve()))
    return found


def _swift(
    make: Callable[[str, str, list[str]], Mapping[str, Any]],
) -> Callable[[Iterable[Sample[Any, Any]], Path, Path, Tasks], int]:
    def write(samples: Iterable[Sample[Any, Any]], part: Path, path: Path, tasks: Tasks) -> int:
        count = 0
        with part.open("w", encoding="utf-8") as file:
            for _, words, answer, images in _rows(samples, path, tasks):
                row = make(TAG * len(images) + words, answer, images)
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
                count += 1
        return count

    return write


def _messages(words: str, answer: str, images: list[str]) -> Mapping[str, Any]:
    turns = [{"role": "user", "content": words}, {"role": "assistant", "content": answer}]
    return {"messages": turns, "images": images}


def _query(words: str, answer: str, images: list[str]) -> Mapping[str, Any]:
    return {"query": words, "response": answer, "images": images}


def _parquet(samples: Iterable[Sample[Any, Any]], part: Path, path: Path, tasks: Tasks) -> int:
    import pyarrow
    from pyarrow import parquet

    schema = pyarrow.schema(
        [
            *((n, pyarrow.string()) for n in ("id", "task", "language", "prompt", "completion")),
            *((n, pyarrow.string()) for n in ("group", "place")),
            ("images", pyarrow.list_(pyarrow.string())),
        ]
    )
    count = 0
    with parquet.ParquetWriter(part, schema) as writer:
        batch: list[dict[str, Any]] = []
        for sample, words, answer, images in _rows(samples, path, tasks):
            batch.append(
                {
                    "id": sample.id, "task": sample.task, "language": sample.query.language,
                    "prompt": words, "completion": answer, "group": sample.group,
                    "place": sample.place, "images": images,
                }
            )  # fmt: skip
            count += 1
            if len(batch) == _BATCH:
                writer.write_table(pyarrow.Table.from_pylist(batch, schema))
                batch.clear()
        writer.write_table(pyarrow.Table.from_pylist(batch, schema))
    return count


def _coco(samples: Iterable[Sample[Any, Any]], part: Path, path: Path, tasks: Tasks) -> int:
    """Boxes in pixels of the picture: x, y, width, height; ids from 1."""
    images: dict[str, dict[str, Any]] = {}
    categories: dict[str, int] = {}
    annotations: list[dict[str, Any]] = []
    for sample in samples:
        gold, query = sample.gold, sample.query
        if (
            not isinstance(gold, Detections)
            or not isinstance(query, Find)
            or sample.source.is_volume
        ):
            raise DatasetError(f"expected boxes on films, got {sample.task}", file=sample.place)
        (name,) = _images(sample.source, path)
        if name not in images:
            width, height = picture_size(Path(name))[:2]
            images[name] = {
                "id": len(images) + 1,
                "file_name": name,
                "width": width,
                "height": height,
            }
        kind = categories.setdefault(query.target, len(categories) + 1)
        for item in gold:
            x1, y1, x2, y2 = item.box.corners[:4]
            annotations.append(
                {
                    "id": len(annotations) + 1, "image_id": images[name]["id"], "category_id": kind,
                    "bbox": [x1, y1, x2 - x1, y2 - y1], "area": (x2 - x1) * (y2 - y1), "iscrowd": 0,
                }
            )  # fmt: skip
    data = {
        "images": list(images.values()),
        "annotations": annotations,
        "categories": [{"id": number, "name": name} for name, number in categories.items()],
    }
    part.write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
    return len(images)


_BATCH: Final = 1000
_FORMS: Final[Mapping[str, Callable[[Iterable[Sample[Any, Any]], Path, Path, Tasks], int]]] = {
    "swift": _swift(_messages),
    "swift2": _swift(_query),
    "parquet": _parquet,
    "coco": _coco,
}
