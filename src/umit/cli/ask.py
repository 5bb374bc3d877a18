"""The five verbs over files: one row a result, failures as rows, in bounded memory."""

from __future__ import annotations

import csv
import os
import sys
from argparse import Namespace
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from umit.cli.rows import COLUMNS, Row, as_json, as_table, as_text, marks
from umit.errors import InputError, OutputError, UMITError, UnsupportedTaskError
from umit.imaging.read import load
from umit.queries import Find, Query
from umit.results import Answer, Detections
from umit.several import Found, probabilities
from umit.tasks.detect import presence

if TYPE_CHECKING:
    from umit.imaging.scan import Scan
    from umit.model import UMIT

__all__ = ["ask"]

Questions: TypeAlias = Mapping[str, Query]
_Answered: TypeAlias = "tuple[str, Scan | None, list[Row]]"


def ask(given: Namespace, task: str, questions: Questions) -> int:
    """Ask every question about every file, and show what came.

    Args:
        given: ``files``, ``json``, ``csv``, ``out``, ``checkpoint``, ``card``, ``device``.
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
            file = stack.enter_context(Path(given.csv).open("w", encoding="utf-8", newline=""))
            table = csv.DictWriter(file, COLUMNS)
            table.writeheader()
        pictures = _Pictures(given.out)
        model = _model(given)
        for name, scan, rows in _answered(model, given.files, task, questions):
            for row in rows:
                count += 1
                if isinstance(row.found, UMITError):
                    errors.append(row.found)
                if table is not None:
                    table.writerows(as_table(row))
                _print(row, given)
            _say_notes(name, rows)
            pictures.write(name, scan, rows)
    if not given.json:
        print(model.checkpoint.notice)
    return _exit(errors, count)


def _model(given: Namespace) -> UMIT:
    from umit.model import UMIT

    return UMIT.from_pretrained(given.checkpoint, card=given.card, device=given.device)


def _answered(
    model: UMIT, files: Sequence[str], task: str, questions: Questions
) -> Iterator[_Answered]:
    """Yield each file with its scan and its rows; what spoils a whole file is one row."""
    scored = "answer_closed" in model.checkpoint.task_names
    queries = [q for query in questions.values() for q in _with_presence(query, scored)]
    scans: deque[Scan | None] = deque()

    def pairs() -> Iterator[tuple[str | Scan, Query]]:
        for file in files:
            source = _read(file)
            scans.append(source)
            for query in queries:
                yield file if source is None else source, query

    results = model.predict(pairs())
    for file in files:
        found = list(islice(results, len(queries)))
        rows: list[Row] = []
        first = 1
        for name, result in zip(questions, _folded(questions, found, scored), strict=True):
            row = Row(
                file=file, task=task, name=name, found=result, first=first,
                notice=model.checkpoint.notice,
            )  # fmt: skip
            first += max(1, len(marks(result))) if task == "landmarks" else len(marks(result))
            if not rows or not _same_failure(rows[-1].found, result):
                rows.append(row)
        yield file, scans.popleft(), rows


def _read(file: str) -> Scan | None:
    """Read a file once for all questions; one that fails will say so in its place among the results."""
    try:
        return load(file)
    except UMITError:
        return None


def _with_presence(query: Query, scored: bool) -> list[Query]:
    """Ask beside a detection whether the target is there, as :meth:`UMIT.detect` does."""
    return [query, presence(query)] if scored and isinstance(query, Find) else [query]


def _folded(questions: Questions, found: Sequence[Found], scored: bool) -> Iterator[Found]:
    waiting = iter(found)
    for name, query in questions.items():
        result = next(waiting)
        if not (scored and isinstance(query, Find)):
            yield result
            continue
        there = next(waiting)
        if isinstance(result, Detections) and isinstance(there, Answer):
            result = replace(result, presence=probabilities([name], [there]))
        yield result


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

    def write(self, file: str, scan: Scan | None, rows: Sequence[Row]) -> None:
        """Draw what was found on what was shown; a file that could not be read has no picture."""
        if self._folder is None or scan is None:
            return
        from umit.display.overlay import draw

        # A mark that could not be read keeps its number, as in the rows.
        shapes = {r.first + i: m for r in rows for i, m in enumerate(marks(r.found))}
        numbered = [shapes.get(n) for n in range(1, max(shapes, default=0) + 1)]
        path = Path(file).resolve()  # "." has a name only then
        stem = path.name if path.is_dir() else Path(path.name.removesuffix(".gz")).stem
        name, again = stem or "scan", 1
        while name.casefold() in self._taken:
            again += 1
            name = f"{stem}-{again}"
        self._taken.add(name.casefold())
        draw(scan, numbered).save(self._folder / f"{name}.png")


def _exit(errors: Sequence[UMITError], count: int) -> int:
    if not errors:
        return 0
    bad = all(isinstance(error, InputError | UnsupportedTaskError) for error in errors)
    if bad and len(errors) == count:
        print(f"umit: {errors[0]}", file=sys.stderr)
        return 2
    print(f"umit: {len(errors)} of {count} items failed", file=sys.stderr)
    return 3
