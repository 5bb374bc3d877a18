"""Samples written for other tools: ms-swift rows, a table of Hugging Face ``datasets``, COCO boxes."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from umit.chat import CONTROL, DEFAULT_SYSTEM, Request, answer_words, spell
from umit.datasets.ask import Tasks, asked
from umit.datasets.coco import coco
from umit.datasets.dataset import Sample, warn
from umit.datasets.picture_files import as_bytes, as_paths, described, png
from umit.datasets.swift import OURS
from umit.datasets.swift_turns import IMAGE, TAGS
from umit.errors import DatasetError, InputError
from umit.results import Detections

__all__ = ["Form", "convert"]

Form: TypeAlias = Literal["swift", "swift2", "parquet", "coco"]
_Samples: TypeAlias = Iterable[Sample[Any, Any]]
_Tell: TypeAlias = Callable[[str], None]
#: What a flat text would turn into control tokens, or ms-swift into pictures and boxes.
_SPELLED: Final = (*(token.text for token in CONTROL), *TAGS)
_BATCH: Final = 64 << 20  # bytes of a parquet table's row group


def convert(
    samples: _Samples, target: Path | str, *, form: Form, tasks: Tasks, tell: _Tell = warn
) -> int:
    """Write samples to one file, whole or not at all.

    Prompts and answers are those of training: ``Task.request`` and ``Task.encode``. ms-swift rows name picture
    files where there are any, inside the target's folder relative to it; pictures without a file of their own are
    written to ``<target>_images``, each under its content's hash. A table holds the pictures themselves: picture
    files byte for byte, and what no picture file holds (DICOM, a volume in one file) as the model sees it.

    Args:
        samples: From any data set.
        target: The file to write; an older one is replaced.
        form: ``"swift"`` (3.x and 4.x messages), ``"swift2"`` (2.x query and response), ``"parquet"``
            or ``"coco"`` (boxes on films, in pixels of the picture).
        tasks: Of the checkpoint whose prompts and frames are written: ``card.tasks``.
        tell: Called with each sample that is left out: its words spell a control token or a tag, which would
            become one, or its picture cannot be read.

    Returns:
        Rows written; of COCO, pictures.

    Raises:
        DatasetError: An unknown form, or nothing that it can hold.
        UnsupportedTaskError: The checkpoint does not know a sample's task.
    """
    path = Path(target).expanduser().resolve()
    writers: dict[str, Callable[[_Samples, Path, Path, Tasks, _Tell], int]] = {
        "swift": _swift, "swift2": _swift2, "parquet": _parquet, "coco": coco,
    }  # fmt: skip
    if form not in writers:
        raise DatasetError(f"expected one of {', '.join(writers)}, got {form!r}")
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    try:
        count = writers[form](samples, part, path, tasks, tell)
        if not count:
            raise DatasetError(f"expected samples that {form} can hold, got none", file=path.name)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return count


@dataclass(frozen=True, slots=True)
class _Line:
    """One question of a sample as it is written."""

    sample: Sample[Any, Any]
    name: str
    request: Request
    answer: str

    @property
    def system(self) -> str:
        """The system line, unless it is the one that ms-swift takes for itself."""
        return "" if self.request.system == DEFAULT_SYSTEM else self.request.system

    def words(self, pictures: int) -> str:
        """The user turn, with a tag for each picture in front."""
        return IMAGE * pictures + spell(self.request.words)

    def ours(self, pictures: dict[str, Any] | None) -> dict[str, Any]:
        """What ms-swift has no field for, so that the row reads back as its sample."""
        said = {"id": self.name, "group": self.sample.group, "pictures": pictures}
        facts = [list(pair) for pair in self.sample.facts]
        return {k: v for k, v in {**said, "facts": facts}.items() if v}


def _lines(samples: _Samples, tasks: Tasks, tell: _Tell, *, pixels: bool) -> Iterator[_Line]:
    for sample in samples:
        try:
            found = list(asked(sample, tasks, pixels=pixels))
        except InputError as error:
            tell(f"{sample.place or sample.id}: left out: {error.message}")
            continue
        for number, (request, answer) in enumerate(found, start=1):
            name = sample.id if len(found) == 1 else f"{sample.id}-{number}"
            line = _Line(sample, name, request, answer)
            if spelled := _spelled(line):
                tell(f"{sample.place or sample.id}: left out: its words spell {spelled}")
            else:
                yield line


def _spelled(line: _Line) -> str:
    """Return what a flat text cannot hold as plain words, or ``""``."""
    words = [word for word in line.request.words if isinstance(word, str)]
    marked = isinstance(line.sample.gold, Detections)  # whose answers have box tokens of their own
    words += (
        [w for w in answer_words(line.answer) if isinstance(w, str)] if marked else [line.answer]
    )
    text = "\n".join(words)
    torn = "half a character" if any("\ud800" <= c <= "\udfff" for c in text) else ""
    return next((one for one in _SPELLED if one in text), torn)


def _swift(samples: _Samples, part: Path, path: Path, tasks: Tasks, tell: _Tell) -> int:
    def row(line: _Line, images: list[str]) -> dict[str, Any]:
        turns = [("system", line.system)] if line.system else []
        turns += [("user", line.words(len(images))), ("assistant", line.answer)]
        messages = [{"role": role, "content": content} for role, content in turns]
        return {"messages": messages, "images": images}

    return _written(_lines(samples, tasks, tell, pixels=False), part, path, row, tell)


def _swift2(samples: _Samples, part: Path, path: Path, tasks: Tasks, tell: _Tell) -> int:
    def row(line: _Line, images: list[str]) -> dict[str, Any]:
        system = {"system": line.system} if line.system else {}
        words = {"query": line.words(len(images)), "response": line.answer}
        return {**system, **words, "images": images}

    return _written(_lines(samples, tasks, tell, pixels=False), part, path, row, tell)


def _written(
    lines: Iterator[_Line],
    part: Path,
    path: Path,
    row: Callable[[_Line, list[str]], dict[str, Any]],
    tell: _Tell,
) -> int:
    count = 0
    with part.open("w", encoding="utf-8", newline="\n") as file:
        for line in lines:
            source = line.sample.source
            try:
                images = as_paths(source, path.parent, f"{path.stem}_images")
            except (InputError, DatasetError) as error:
                tell(f"{line.sample.place or line.name}: left out: {error.message}")
                continue
            data = {**row(line, images), OURS: line.ours(described(source))}
            file.write(json.dumps(data, ensure_ascii=False) + "\n")
            count += 1
    return count


def _parquet(samples: _Samples, part: Path, path: Path, tasks: Tasks, tell: _Tell) -> int:
    import pyarrow
    from datasets import Features, Image, List, Value
    from pyarrow import parquet

    text = Value("string")
    features = Features(
        {
            "messages": List({"role": text, "content": text}),
            "images": List(Image()),
            **dict.fromkeys(("task", "language"), text),
            OURS: text,  # JSON, since its fields differ from row to row
        }
    )
    schema = features.arrow_schema
    count = size = 0
    batch: list[dict[str, Any]] = []
    with parquet.ParquetWriter(part, schema) as writer:
        for line in _lines(samples, tasks, tell, pixels=False):
            try:
                row = _table_row(line, tasks)
            except InputError as error:
                tell(f"{line.sample.place or line.name}: left out: {error.message}")
                continue
            batch.append(row)
            size += sum(len(one["bytes"]) for one in row["images"])
            count += 1
            if size > _BATCH or len(batch) == 1000:
                writer.write_table(pyarrow.Table.from_pylist(batch, schema))
                batch, size = [], 0
        writer.write_table(pyarrow.Table.from_pylist(batch, schema))
    return count


def _table_row(line: _Line, tasks: Tasks) -> dict[str, Any]:
    sample = line.sample
    said = described(sample.source)
    try:
        pictures = as_bytes(sample.source)
    except DatasetError:  # nothing that a picture file holds: as the model sees it
        frames = next(asked(sample, tasks))[0].frames
        pictures = [png(frame) for frame in frames]
        said = {"kind": "slices", "as_stored": True} if sample.source.is_volume else None
    turns = [("system", line.system)] if line.system else []
    turns += [("user", line.words(len(pictures))), ("assistant", line.answer)]
    return {
        "messages": [{"role": role, "content": content} for role, content in turns],
        "images": [{"bytes": data, "path": None} for data in pictures],
        "task": sample.task,
        "language": sample.query.language,
        OURS: json.dumps(line.ours(said), ensure_ascii=False),
    }
