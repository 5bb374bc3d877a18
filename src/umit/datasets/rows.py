"""Rows of the files that data sets come in, each with its place; nothing is read before it is asked for."""

from __future__ import annotations

import codecs
import csv
import json
import math
import pickle
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final, NoReturn

from umit.errors import DatasetError, InputError

__all__ = [
    "at", "csv_rows", "json_file", "json_object", "json_rows", "lines", "number", "parquet_rows", "pickled_rows",
    "plain_rows", "table_rows", "text", "tried_rows", "tsv_rows", "whole_text",
]  # fmt: skip

Row = tuple[str, dict[str, Any]]
Tried = tuple[str, dict[str, Any] | DatasetError]

_LONGEST_FIELD: Final = 10_000_000  # characters; a whole report is far below
_HEAD: Final = 1024  # bytes
_DELIMITERS: Final = ",;\t|"


@contextmanager
def at(place: str) -> Iterator[None]:
    """Give an error that does not know its file and row this place."""
    try:
        yield
    except (InputError, DatasetError) as error:
        raise DatasetError(error.message, file=place) from error


def lines(path: Path) -> Iterator[str]:
    """Yield the lines of a UTF-8 text, with or without a byte order mark, each decoded by itself.

    So a line in another encoding is named by its number, whatever came before it in a buffer.

    Raises:
        DatasetError: Not UTF-8, or unreadable.
    """
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                try:
                    yield (line.removeprefix(codecs.BOM_UTF8) if number == 1 else line).decode()
                except UnicodeDecodeError as error:
                    raise DatasetError(f"expected UTF-8: {error.reason}", file=f"{path.name} line {number}") from error
    except OSError as error:
        raise DatasetError(f"expected a readable file: {error.strerror}", file=path.name) from error


def whole_text(path: Path, place: str = "") -> str:
    """Return a UTF-8 text as a whole, with or without a byte order mark, its line ends made one.

    Raises:
        DatasetError: Not UTF-8, or unreadable; it names the place, or the file.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        said = f"expected a readable UTF-8 text ({type(error).__name__})"
        raise DatasetError(said, file=place or path.name) from error


def json_file(path: Path) -> Any:
    """Return what one JSON file holds.

    Raises:
        DatasetError: Not JSON, or not UTF-8.
    """
    try:
        return json.loads("".join(lines(path)))
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"expected JSON: {error}", file=path.name) from error


def json_object(path: Path, what: str = "an object with names") -> dict[str, Any]:
    """Return the object that one JSON file holds.

    Raises:
        DatasetError: Not JSON, not UTF-8, or not what is expected.
    """
    return _object(json_file(path), path.name, what)


def table_rows(path: Path) -> Iterator[Row]:
    """Yield the rows of a csv, a parquet file, or JSON, by the suffix.

    Raises:
        DatasetError: No such table, or a torn row.
    """
    match path.suffix.lower():
        case ".csv" | ".tsv":
            yield from csv_rows(path, ())
        case ".parquet":
            yield from parquet_rows(path)
        case _:
            yield from json_rows(path)


def json_rows(path: Path) -> Iterator[Row]:
    """Yield the objects of a JSON list, or of a file with one object a line, whatever its suffix.

    Yields:
        ``"name row N"`` or ``"name line N"``, N from 1, and the object.

    Raises:
        DatasetError: A line that is no object, with its number.
    """
    for place, row in _json_tried(path):
        if isinstance(row, DatasetError):
            raise row
        yield place, row


def tried_rows(path: Path) -> Iterator[Tried]:
    """Yield what :func:`table_rows` yields, and what it raises as the error that it is; JSON lines go on after one."""
    try:
        table = path.suffix.lower() == ".parquet"
        yield from parquet_rows(path) if table else _json_tried(path)
    except DatasetError as error:
        yield path.name, error


def _json_tried(path: Path) -> Iterator[Tried]:
    if _is_list(path):
        yield from _listed(path, json_file(path))
        return
    with _binary(path) as file:
        for number, line in enumerate(file, start=1):
            place = f"{path.name} line {number}"
            if number == 1:
                line = line.removeprefix(codecs.BOM_UTF8)
            if line.strip():
                yield place, _parsed(line, place)


def _binary(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise DatasetError(f"expected a readable file: {error.strerror}", file=path.name) from error


def _is_list(path: Path) -> bool:
    """Tell a JSON list from one object a line by its first character; suffixes lie."""
    with _binary(path) as file:
        head = file.read(_HEAD).removeprefix(codecs.BOM_UTF8)
        while head and not head.strip():
            head = file.read(_HEAD)
        return head.lstrip()[:1] == b"["


def _parsed(line: bytes, place: str) -> dict[str, Any] | DatasetError:
    try:
        return _object(json.loads(line.decode()), place)
    except UnicodeDecodeError as error:
        return DatasetError(f"expected UTF-8: {error.reason}", file=place)
    except (ValueError, RecursionError) as error:
        return DatasetError(f"expected a JSON object: {error}", file=place)
    except DatasetError as error:
        return error


def _listed(path: Path, rows: Iterable[Any]) -> Iterator[Row]:
    for number, row in enumerate(rows, start=1):
        place = f"{path.name} row {number}"
        yield place, _object(row, place)


def _object(row: Any, place: str, what: str = "an object with names") -> dict[str, Any]:
    if not isinstance(row, dict):
        raise DatasetError(f"expected {what}, got {type(row).__name__}", file=place)
    return row


def csv_rows(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    """Yield the rows of a table with a header; every field stays the text that it is, ``NA`` too.

    Args:
        path: Comma-, semicolon-, tab- or bar-separated; what the header has most of separates.
        columns: Columns that must be there.

    Raises:
        DatasetError: A column is missing, or a row is torn.
    """
    head = next(lines(path), "")
    rows = _fields(path, max(_DELIMITERS, key=head.count))
    names = [name.strip() for name in next(rows, ("", []))[1]]
    _check_columns(columns, names, path)
    if twice := [name for name, count in Counter(names).items() if name and count > 1]:
        raise DatasetError(f"expected each column once, got {twice[0]!r} again", file=path.name)
    for place, fields in rows:
        if fields and len(fields) != len(names):
            raise DatasetError(f"expected {len(names)} fields, got another number", file=place)
        if fields:
            yield place, dict(zip(names, fields, strict=True))


def _fields(path: Path, delimiter: str) -> Iterator[tuple[str, list[str]]]:
    csv.field_size_limit(min(_LONGEST_FIELD, sys.maxsize))
    reader = csv.reader(lines(path), delimiter=delimiter, strict=True)
    try:
        for fields in reader:
            yield f"{path.name} line {reader.line_num}", fields
    except csv.Error as error:
        place = f"{path.name} line {reader.line_num}"
        raise DatasetError(f"expected a table: {error}", file=place) from error


def tsv_rows(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    """Yield lines of fields between tabs, without header and without quoting; the last keeps its tabs.

    Raises:
        DatasetError: A line with fewer fields.
    """
    for number, line in enumerate(lines(path), start=1):
        if not line.strip():
            continue
        place = f"{path.name} line {number}"
        fields = line.rstrip("\r\n").split("\t", len(columns) - 1)
        if len(fields) < len(columns):
            raise DatasetError(f"expected {len(columns)} fields between tabs, got {len(fields)}", file=place)
        yield place, dict(zip(columns, fields, strict=True))


def plain_rows(path: Path, least: int) -> Iterator[tuple[str, list[str]]]:
    """Yield the fields of a comma-separated table without a header.

    Args:
        path: The file.
        least: Fields that every line has.

    Raises:
        DatasetError: A line with fewer fields.
    """
    for place, fields in _fields(path, ","):
        if len(fields) < least:
            raise DatasetError(f"expected {least} fields, got {len(fields)}", file=place)
        yield place, fields


class _Plain(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> NoReturn:
        raise pickle.UnpicklingError(f"it names {module}.{name}")


def pickled_rows(path: Path) -> Iterator[Row]:
    """Yield the dicts of a pickled list that holds plain values and nothing else.

    Raises:
        DatasetError: Anything in it that is no plain value.
    """
    try:
        with path.open("rb") as file:
            rows = _Plain(file).load()
    except (
        pickle.UnpicklingError, EOFError, ValueError, TypeError, IndexError, KeyError,
        AttributeError, MemoryError, OverflowError, UnicodeDecodeError,
    ) as error:  # fmt: skip
        raise DatasetError(f"expected a pickled list of plain values: {error}", file=path.name) from error
    if not isinstance(rows, list):
        raise DatasetError(f"expected a list, got {type(rows).__name__}", file=path.name)
    yield from _listed(path, rows)


def parquet_rows(path: Path, columns: Sequence[str] | None = None) -> Iterator[Row]:
    """Yield the rows of a parquet file, a thousand at a time; numbers of Hugging Face's classes become their names.

    Args:
        path: The file.
        columns: Columns that must be there and are read; ``None`` reads all.

    Raises:
        DatasetError: Not parquet, or a column is missing.
    """
    import pyarrow
    from pyarrow import parquet

    try:
        table = parquet.ParquetFile(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise DatasetError(f"expected parquet: {error}", file=path.name) from error
    with table:
        _check_columns(columns or (), table.schema_arrow.names, path)
        classes = _classes(table.schema_arrow.metadata or {})
        count = 0
        for batch in table.iter_batches(batch_size=1000, columns=columns and list(columns)):
            for row in batch.to_pylist():
                count += 1
                for name in classes.keys() & row.keys():
                    if isinstance(row[name], int) and 0 <= row[name] < len(classes[name]):
                        row[name] = classes[name][row[name]]
                yield f"{path.name} row {count}", row


def _classes(metadata: Mapping[bytes, bytes]) -> dict[str, list[str]]:
    """Return the names of classes by column, which Hugging Face ``datasets`` keeps beside a parquet file's schema."""
    try:
        features = json.loads(metadata[b"huggingface"])["info"]["features"]
        return {name: one["names"] for name, one in features.items() if one.get("_type") == "ClassLabel"}
    except (KeyError, ValueError, TypeError, AttributeError):
        return {}


def _check_columns(columns: Sequence[str], names: Sequence[str], path: Path) -> None:
    if missing := [c for c in columns if c not in names]:
        raise DatasetError(
            f"expected the columns {', '.join(columns)}, got {', '.join(names)}; missing: {', '.join(missing)}",
            file=path.name,
        )


def text(row: Mapping[str, Any], name: str, place: str, *, default: str | None = None) -> str:
    """Return a field as text without blanks around it; numbers become their digits.

    Args:
        row: A row.
        name: The field.
        place: For the message.
        default: Taken where the field is missing or null; ``None`` makes that an error.

    Raises:
        DatasetError: The field is missing, or holds a list or an object.

    Example:
        >>> text({"answer": 4}, "answer", "a.json row 1")
        '4'
    """
    value = row.get(name)
    if value is None and default is not None:
        return default
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        there = f"only the fields {', '.join(map(str, row))[:300]}"
        got = type(value).__name__ if name in row else there
        raise DatasetError(f"expected the field {name!r} with text, got {got}", file=place)
    return str(value).strip()


def number(value: Any, name: str, place: str) -> float:
    """Return a field as a finite number.

    Raises:
        DatasetError: Anything else.
    """
    try:
        found = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        found = math.nan
    if not math.isfinite(found):
        raise DatasetError(f"expected a number as {name}, got {str(value)[:40]!r}", file=place)
    return found
