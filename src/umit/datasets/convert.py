"""Samples written for other tools: ms-swift rows, a table of Hugging Face ``datasets``, COCO boxes, WebDataset shards."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from umit.chat import CONTROL, DEFAULT_SYSTEM, Request, answer_words, spell
from umit.datasets.ask import Tasks, asked
from umit.datasets.coco import coco
from umit.datasets.dataset import Sample, warn
from umit.datasets.picture_files import Pictured, as_bytes, as_paths, made, moved
from umit.datasets.shards import shards
from umit.datasets.swift import OURS
from umit.datasets.swift_turns import IMAGE, TAGS
from umit.errors import DatasetError
from umit.fanout import taught
from umit.whole import whole

__all__ = ["Form", "convert"]

Form: TypeAlias = Literal["swift", "swift2", "parquet", "coco", "shards"]
_Samples: TypeAlias = Iterable[Sample[Any, Any]]
_Tell: TypeAlias = Callable[[str], None]
#: What a flat text would turn into control tokens, or ms-swift into pictures and boxes.
_SPELLED: Final = (*(token.text for token in CONTROL), *TAGS)
_BATCH: Final = 64 << 20  # bytes of a parquet table's row group


def convert(samples: _Samples, target: Path | str, *, form: Form, tasks: Tasks, tell: _Tell = warn) -> int:
    """Write samples to one file, or shards to one folder, whole or not at all.

    Prompts and answers are those of training: ``Task.request`` and ``Task.encode``. Pictures are those that umit
    shows. Picture files of 8 bits stay what they are: rows name them, relative to the target where they lie in its
    folder, and a table or a shard holds them byte for byte. All else (DICOM, NIfTI, arrays) is written as PNG, in a
    film's own size or as the slices that a model sees; beside rows in ``<target>_images``, each under its content's
    hash.

    Args:
        samples: From any data set.
        target: The file to write; an older one is replaced. Of shards, a folder without any.
        form: ``"swift"`` (3.x and 4.x messages), ``"swift2"`` (2.x query and response), ``"parquet"``,
            ``"coco"`` (boxes on films, in pixels of the picture) or ``"shards"`` (WebDataset).
        tasks: Of the checkpoint whose prompts and frames are written: ``card.tasks``.
        tell: Called with each sample that is left out, and why: its words spell a control token or a tag, which
            would become one, a picture cannot be read, or a box lies beyond its picture.

    Returns:
        Rows written; of COCO, pictures; of shards, samples.

    Raises:
        DatasetError: An unknown form, or nothing that it can hold.
        UnsupportedTaskError: The checkpoint does not know a sample's task.
    """
    path = Path(os.path.realpath(Path(target).expanduser()))
    writers: dict[str, Callable[[_Samples, Path, Path, Tasks, _Tell], int]] = {
        "swift": partial(_rows, lambda line: {"messages": line.messages}),
        "swift2": partial(_rows, _swift2), "parquet": _parquet, "coco": coco, "shards": shards,
    }  # fmt: skip
    if form not in writers:
        raise DatasetError(f"expected one of {', '.join(writers)}, got {form!r}")
    with whole(path) as stage:
        count = writers[form](samples, stage, path, tasks, tell)
        if not count:
            raise DatasetError(f"expected samples that {form} can hold, got none", file=path.name)
    return count


@dataclass(frozen=True, slots=True)
class _Line:
    """One question of a sample as it is written."""

    sample: Sample[Any, Any]
    name: str
    request: Request
    answer: str
    pictured: Pictured

    @property
    def turns(self) -> list[tuple[str, str]]:
        """User turn, with a tag for each picture where it stands, and answer."""
        words = spell(self.request.lead) + IMAGE * len(self.pictured.files) + spell(self.request.words)
        return [("user", words), ("assistant", self.answer)]

    @property
    def messages(self) -> list[dict[str, str]]:
        """The turns after the system line, unless it is the one that ms-swift takes for itself."""
        system = "" if self.request.system == DEFAULT_SYSTEM else self.request.system
        turns = [*([("system", system)] if system else []), *self.turns]
        return [{"role": role, "content": content} for role, content in turns]

    @property
    def ours(self) -> str:
        """What ms-swift has no field for, so that the row reads back as its sample.

        JSON in a string: so files of several data sets have one schema, and load together.
        """
        said = {"id": self.name, "group": self.sample.group, "pictures": self.pictured.said}
        facts = [list(pair) for pair in self.sample.facts]
        found = {k: v for k, v in {**said, "facts": facts}.items() if v}
        return json.dumps(found, ensure_ascii=False, allow_nan=False)


def _lines(samples: _Samples, tasks: Tasks, tell: _Tell) -> Iterator[_Line]:
    for lines in made(samples, tasks, tell, partial(_asked, tasks)):
        for line in lines:
            if spelled := _spelled(line):
                place = line.sample.place or line.sample.id
                tell(f"{place}: left out: its words spell {spelled}")
            else:
                yield line


def _asked(tasks: Tasks, sample: Sample[Any, Any], pictures: Pictured) -> list[_Line]:
    moved(sample.gold, pictures.views)  # nothing beyond a picture is taught as its edge
    views = 1 if sample.source.is_volume else len(pictures.files)
    parts = [part for part, _ in taught(sample.query, sample.gold, views)]
    names = [sample.id] if len(parts) == 1 else [f"{sample.id}-{n}" for n in range(1, len(parts) + 1)]
    pairs = asked(sample, tasks, pixels=False)
    return [
        _Line(sample, name, request, answer, pictures.of(part))
        for name, part, (request, answer) in zip(names, parts, pairs, strict=True)
    ]


def _spelled(line: _Line) -> str:
    """Return what a flat text cannot hold as plain words, or ``""``."""
    words = [word for word in (*line.request.lead, *line.request.words) if isinstance(word, str)]
    if line.sample.gold.marks:  # whose answers have box tokens of their own
        words += [word for word in answer_words(line.answer) if isinstance(word, str)]
    else:
        words.append(line.answer)
    text = "\n".join(words)
    torn = "half a character" if any("\ud800" <= c <= "\udfff" for c in text) else ""
    return next((one for one in _SPELLED if one in text), torn)


def _swift2(line: _Line) -> dict[str, Any]:
    (_, query), (_, response) = line.turns
    # The system line stands there always: files with a column and files without it would not load together.
    return {"system": line.request.system, "query": query, "response": response}


def _rows(
    row: Callable[[_Line], dict[str, Any]], samples: _Samples, stage: Path, path: Path, tasks: Tasks, tell: _Tell
) -> int:
    count = 0
    with (stage / path.name).open("w", encoding="utf-8", newline="\n") as file:
        for line in _lines(samples, tasks, tell):
            images = as_paths(line.pictured.files, stage, path)
            data = {**row(line), "images": images, OURS: line.ours}
            file.write(json.dumps(data, ensure_ascii=False, allow_nan=False) + "\n")
            count += 1
    return count


def _parquet(samples: _Samples, stage: Path, path: Path, tasks: Tasks, tell: _Tell) -> int:
    import pyarrow
    from datasets import Features, Image, List, Value
    from pyarrow import parquet

    text = Value("string")
    features = Features(
        {
            "messages": List({"role": text, "content": text}),
            "images": List(Image()),
            **dict.fromkeys(("task", "language", OURS), text),
        }
    )
    schema = features.arrow_schema
    count = size = 0
    batch: list[dict[str, Any]] = []
    with parquet.ParquetWriter(stage / path.name, schema) as writer:
        for line in _lines(samples, tasks, tell):
            files = as_bytes(line.pictured.files)
            about = {"task": line.sample.task, "language": line.sample.query.language}
            images = [{"bytes": data, "path": None} for data in files]
            batch.append({"messages": line.messages, "images": images, **about, OURS: line.ours})
            size += sum(map(len, files))
            count += 1
            if size > _BATCH or len(batch) == 1000:
                writer.write_table(pyarrow.Table.from_pylist(batch, schema))
                batch, size = [], 0
        writer.write_table(pyarrow.Table.from_pylist(batch, schema))
    return count
