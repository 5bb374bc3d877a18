"""The five verbs over files: one row a result, failures as rows, in bounded memory."""

from __future__ import annotations

import os
import warnings
from argparse import Namespace
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from umit.checkpoints import locate
from umit.cli.reading import load_options
from umit.cli.rows import COLUMNS, ResultRow, as_json, as_table, as_text
from umit.cli.telling import say, tell
from umit.cli.weights import load_model, reads_of_model
from umit.cli.writing import part_of, real, save_picture, table_at, writable, writable_in
from umit.errors import InputError, OutputError, UMITError, UnsupportedTaskError
from umit.fanout import Outcome
from umit.imaging.prefetch import prefetch
from umit.imaging.read import load
from umit.imaging.scan import Scan
from umit.queries import Locate, Query
from umit.results import Answer, Classification
from umit.tasks.table import choose

if TYPE_CHECKING:
    from umit.model import UMIT

__all__ = ["ask"]

Questions: TypeAlias = Mapping[str, Query]
_Rows: TypeAlias = Iterator[tuple["_File", list[ResultRow]]]


@dataclass(eq=False)
class _File:
    """A file that is read when it is asked about, and kept to draw on."""

    name: str
    options: Mapping[str, Any]
    picture: Path | None = None
    scan: Scan | None = None

    def scans(self) -> tuple[Scan, ...]:
        """Read it."""
        if self.scan is None:
            self.scan = load(self.name, **self.options)
        return (self.scan,)

    @property
    def shown(self) -> str:
        """Its name on a line of stderr."""
        return os.path.basename(self.name) or self.name


def ask(given: Namespace, task: str, questions: Questions) -> int:
    """Ask every question about every file, and show what came.

    Args:
        given: ``files``, ``json``, ``csv``, ``out``, ``force``, ``checkpoint``, ``card``, ``device``, and what
            :func:`load_options` takes.
        task: The command's name.
        questions: By the name of their target or landmark.

    Returns:
        0, 2 if all input was bad, or 3 if some items failed.

    Raises:
        UMITError: An output is an input or somebody else's, or the weights cannot be loaded.
        OSError: A table or picture cannot be written.
    """
    files = _files(given)
    table = _table(given, files)
    errors: list[UMITError] = []
    count = 0
    with ExitStack() as stack:
        rows_of = None if table is None else stack.enter_context(table_at(table, COLUMNS))
        failed = _unreadable(files)
        if failed:
            answered, notice = _failed(given, task, questions, failed), ""
        else:
            model = load_model(given)
            below = getattr(given, "abstain_below", None)
            answered = _answered(model, files, task, questions, given.max_new_tokens, below)
            notice = model.checkpoint.notice
        for file, rows in answered:
            for row in rows:
                count += 1
                if isinstance(row.found, UMITError):
                    errors.append(row.found)
                if rows_of is not None:
                    rows_of.writerows(as_table(row))
                _print(row, given)
            _tell_notes(file, rows)
            _draw(file, rows)
            file.scan = None
    if notice and not given.json:
        say(notice)
    for what, place in (("table", table), ("pictures", given.out)):
        if place is not None:
            tell(f"{what} in {place}")
    return _exit(errors, count, alone=len(files) == 1)


def _files(given: Namespace) -> list[_File]:
    """Return the files with their pictures' places, each with a name of its own."""
    options = load_options(given)
    if given.out is None:
        return [_File(name, options) for name in given.files]
    taken: set[str] = set()
    stems = [_stem(name, taken) for name in given.files]
    names = [f"{stem}.png" for stem in stems]
    places = writable_in(given.out, names, reads=_reads(given), force=given.force)
    Path(given.out).expanduser().mkdir(parents=True, exist_ok=True)
    return [_File(name, options, at) for name, at in zip(given.files, places, strict=True)]


def _stem(file: str, taken: set[str]) -> str:
    path = real(file)  # "." has a name only then
    stem = path.name if path.is_dir() else Path(path.name.removesuffix(".gz")).stem
    name, again = stem or "scan", 1
    while name.casefold() in taken:
        again += 1
        name = f"{stem}-{again}"
    taken.add(name.casefold())
    return name


def _table(given: Namespace, files: Sequence[_File]) -> Path | None:
    if given.csv is None:
        return None
    table = writable(given.csv, reads=_reads(given), force=given.force)
    writable(part_of(table), reads=_reads(given))  # --force is for the file that was named
    if any(file.picture and real(file.picture) == real(table) for file in files):
        raise InputError("expected another place than a picture's", code="output", where=table.name)
    return table


def _reads(given: Namespace) -> list[str]:
    return [*given.files, *reads_of_model(given)]


def _unreadable(files: Sequence[_File]) -> list[tuple[_File, UMITError]]:
    """Return why no file can be read, if that is plain before weights are loaded for nothing; else nothing."""
    if len(files) > 1 and any(os.path.exists(file.name) for file in files):
        return []
    read = [found for found, _ in prefetch((file, None) for file in files)]
    return [(file, found) for file, found in zip(files, read, strict=True) if isinstance(found, UMITError)]


def _failed(given: Namespace, task: str, questions: Questions, failed: Iterable[tuple[_File, UMITError]]) -> _Rows:
    """Yield one row for each file that cannot be read."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # no result of these weights is shown
        notice = locate(given.checkpoint, given.card)[1].notice
    query = next(iter(questions.values()))
    kind = choose(query, volume=False)
    for file, error in failed:
        yield (file, [ResultRow(file=file.name, task=task, name="", kind=kind, found=error, notice=notice)])


def _answered(
    model: UMIT, files: Sequence[_File], task: str, questions: Questions, most: int | None, below: float | None
) -> _Rows:
    """Yield each file with its rows; what spoils a whole file is one row."""
    items = ((file, query) for file in files for query in questions.values())
    results = model.predict(items, max_new_tokens=most)
    for file in files:
        found = list(islice(results, len(questions)))
        volume = file.scan is not None and file.scan.is_volume
        rows: list[ResultRow] = []
        first = 1
        for (name, query), one in zip(questions.items(), found, strict=True):
            result = withheld(one, below)
            row = ResultRow(
                file=file.name, task=task, name=name, kind=choose(query, volume=volume),
                found=result, first=first, notice=model.checkpoint.notice,
            )  # fmt: skip
            first += _places(query, result)
            if not rows or not _same_failure(rows[-1].found, result):
                rows.append(row)
        yield file, rows


def withheld(found: Outcome, below: float | None) -> Outcome:
    """Return a choice, or none where the likeliest is too unlikely."""
    if below is None or not isinstance(found, Answer | Classification) or found.confidence is None:
        return found
    return found.withheld() if found.confidence < below else found


def _places(query: Query, found: Outcome) -> int:
    """Return how many numbers a result takes in the picture; a point that could not be read keeps its own."""
    marks = 0 if isinstance(found, UMITError) else len(found.marks)
    return max(marks, len(query.names)) if isinstance(query, Locate) else marks


def _same_failure(a: Outcome, b: Outcome) -> bool:
    failed = isinstance(a, UMITError) and not isinstance(a, OutputError)
    return failed and type(a) is type(b) and str(a) == str(b)


def _print(row: ResultRow, given: Namespace) -> None:
    alone = len(given.files) == 1 and isinstance(row.found, UMITError)
    if given.json:
        say(as_json(row))
    elif not alone or isinstance(row.found, OutputError):  # another error is said on stderr at the end
        say(as_text(row))


def _tell_notes(file: _File, rows: Sequence[ResultRow]) -> None:
    """Say once a file what was repaired, chosen or assumed."""
    notes = [n for r in rows if not isinstance(r.found, UMITError) for n in r.found.warnings]
    for note in dict.fromkeys(notes):
        tell(f"{file.shown}: {note}")


def _draw(file: _File, rows: Sequence[ResultRow]) -> None:
    """Draw what was found on what was shown; a file that could not be read has no picture."""
    if file.picture is None or file.scan is None:
        return
    from umit.display.overlay import draw

    # A mark that could not be read keeps its number, as in the rows.
    good = [(row.first, row.found.marks) for row in rows if not isinstance(row.found, UMITError)]
    shapes = {first + k: mark for first, marks in good for k, mark in enumerate(marks)}
    numbered = [shapes.get(n) for n in range(1, max(shapes, default=0) + 1)]
    try:
        picture = draw(file.scan, numbered)
    except InputError as error:  # such as sides of 200 to 1; its row says so too
        tell(f"{file.shown}: not drawn: {error}")
    else:
        save_picture(picture, file.picture)


def _exit(errors: Sequence[UMITError], count: int, *, alone: bool) -> int:
    if not errors:
        return 0
    bad = all(isinstance(error, InputError | UnsupportedTaskError) for error in errors)
    if bad and len(errors) == count:
        tell(str(errors[0]))
        return 2
    if alone:  # no row on stdout says why
        for reason in dict.fromkeys(str(error) for error in errors if not isinstance(error, OutputError)):
            tell(reason)
    tell(f"{len(errors)} of {count} items failed")
    return 3
