"""The five verbs over files: one row a result, failures as rows, in bounded memory."""

from __future__ import annotations

import csv
import os
import sys
from argparse import Namespace
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from umit.cli.reading import load_options
from umit.cli.rows import COLUMNS, Row, as_json, as_table, as_text
from umit.errors import InputError, OutputError, UMITError, UnsupportedTaskError
from umit.fanout import Found
from umit.imaging.read import load
from umit.imaging.scan import Scan
from umit.queries import Locate, Query
from umit.tasks.table import choose

if TYPE_CHECKING:
    from umit.model import UMIT

__all__ = ["ask"]

Questions: TypeAlias = Mapping[str, Query]


@dataclass(eq=False)
class _File:
    """A file that is read when it is asked about, and kept to draw on."""

    name: str
    options: Mapping[str, Any]
    scan: Scan | None = None

    def scans(self) -> tuple[Scan, ...]:
        """Read it."""
        self.scan = load(self.name, **self.options)
        return (self.scan,)


def ask(given: Namespace, task: str, questions: Questions) -> int:
    """Ask every question about every file, and show what came.

    Args:
        given: ``files``, ``json``, ``csv``, ``out``, ``checkpoint``, ``card``, ``device``, and what
            :func:`load_options` takes.
        task: The command's name.
        questions: By the name of their target or landmark.

    Returns:
        0, 2 if all input was bad, or 3 if some items failed.

    Raises:
        UMITError: No file is there, or the weights cannot be loaded.
        OSError: A table or picture cannot be written.
    """
    if not any(os.path.exists(file) for file in given.files):
        load(given.files[0])  # says so, before weights are loaded for nothing
    errors: list[UMITError] = []
    count = 0
    with ExitStack() as stack:
        table = None
        if given.csv is not None:
            out = stack.enter_context(Path(given.csv).open("w", encoding="utf-8", newline=""))
            table = csv.DictWriter(out, COLUMNS)
            table.writeheader()
        pictures = _Pictures(given.out)
        model = _model(given)
        for file, rows in _answered(model, given, task, questions):
            for row in rows:
                count += 1
                if isinstance(row.found, UMITError):
                    errors.append(row.found)
                if table is not None:
                    table.writerows(as_table(row))
                _print(row, given)
            _say_notes(file.name, rows)
            pictures.write(file, rows)
    if not given.json:
        print(model.checkpoint.notice)
    return _exit(errors, count)


def _model(given: Namespace) -> UMIT:
    from umit.model import UMIT

    return UMIT.from_pretrained(given.checkpoint, card=given.card, device=given.device)


def _answered(
    model: UMIT, given: Namespace, task: str, questions: Questions
) -> Iterator[tuple[_File, list[Row]]]:
    """Yield each file with its rows; what spoils a whole file is one row."""
    waiting: deque[_File] = deque()
    options = load_options(given)

    def pairs() -> Iterator[tuple[_File, Query]]:
        for name in given.files:
            file = _File(name, options)
            waiting.append(file)
            for query in questions.values():
                yield file, query

    results = model.predict(pairs())
    for _ in given.files:
        found = list(islice(results, len(questions)))
        file = waiting.popleft()
        volume = file.scan is not None and file.scan.is_volume
        rows: list[Row] = []
        first = 1
        for (name, query), result in zip(questions.items(), found, strict=True):
            row = Row(
                file=file.name, task=task, name=name, kind=choose(query, volume=volume),
                found=result, first=first, notice=model.checkpoint.notice,
            )  # fmt: skip
            first += _places(query, result)
            if not rows or not _same_failure(rows[-1].found, result):
                rows.append(row)
        yield file, rows


def _places(query: Query, found: Found) -> int:
    """Return how many numbers a result takes in the picture; a point that could not be read keeps its own."""
    marks = 0 if isinstance(found, UMITError) else len(found.marks)
    return max(marks, len(query.names)) if isinstance(query, Locate) else marks


def _same_failure(a: Found, b: Found) -> bool:
    failed = isinstance(a, UMITError) and not isinstance(a, OutputError)
    return failed and type(a) is type(b) and str(a) == str(b)


def _print(row: Row, given: Namespace) -> None:
    if given.json:
        print(as_json(row), flush=True)
        return
    alone = len(given.files) == 1 and isinstance(row.found, UMITError)
    if alone and not isinstance(row.found, OutputError):
        return  # said on stderr at the end
    print(as_text(row), flush=True)


def _say_notes(file: str, rows: Sequence[Row]) -> None:
    """Say once a file what was repaired, chosen or assumed."""
    notes = [n for r in rows if not isinstance(r.found, UMITError) for n in r.found.warnings]
    for note in dict.fromkeys(notes):
        print(f"umit: {os.path.basename(file)}: {note}", file=sys.stderr)


class _Pictures:
    """Writes a picture a file into a folder, under names of its own."""

    def __init__(self, out: str | None) -> None:
        self._folder = None if out is None else Path(out)
        self._taken: set[str] = set()
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)

    def write(self, file: _File, rows: Sequence[Row]) -> None:
        """Draw what was found on what was shown; a file that could not be read has no picture."""
        if self._folder is None or file.scan is None:
            return
        from umit.display.overlay import draw

        # A mark that could not be read keeps its number, as in the rows.
        good = [
            (row.first, row.found.marks) for row in rows if not isinstance(row.found, UMITError)
        ]
        shapes = {first + k: mark for first, marks in good for k, mark in enumerate(marks)}
        numbered = [shapes.get(n) for n in range(1, max(shapes, default=0) + 1)]
        path = Path(file.name).resolve()  # "." has a name only then
        stem = path.name if path.is_dir() else Path(path.name.removesuffix(".gz")).stem
        name, again = stem or "scan", 1
        while name.casefold() in self._taken:
            again += 1
            name = f"{stem}-{again}"
        self._taken.add(name.casefold())
        try:
            picture = draw(file.scan, numbered)
        except InputError as error:  # such as sides of 200 to 1; its row says so too
            print(f"umit: {os.path.basename(file.name)}: not drawn: {error}", file=sys.stderr)
        else:
            picture.save(self._folder / f"{name}.png")


def _exit(errors: Sequence[UMITError], count: int) -> int:
    if not errors:
        return 0
    bad = all(isinstance(error, InputError | UnsupportedTaskError) for error in errors)
    if bad and len(errors) == count:
        print(f"umit: {errors[0]}", file=sys.stderr)
        return 2
    print(f"umit: {len(errors)} of {count} items failed", file=sys.stderr)
    return 3
