"""An append-only file of answers: killing the process loses none and repeats none.

A line is written by one system call to a file opened for appending, so it is there whole as soon as the
call returns, whatever happens to the process. What a power cut may take is bounded by ``_GROUP`` and
``_SECONDS``. A line that was cut is moved aside when the journal is opened again.
"""

from __future__ import annotations

import errno
import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from umit.checkpoints import CARD
from umit.errors import InputError
from umit.whole import write_whole

__all__ = ["Journal", "damage", "gaps", "manifest_of", "records"]

LINES: Final = "results.jsonl"
MANIFEST: Final = "run.json"
EXPECTED: Final = "expected.json"
#: What else umit writes into the folder of a run, over a file that is there.
_WRITTEN: Final = (CARD, EXPECTED, "robustness", "robustness.json", "robustness.md")
_SHARD: Final = re.compile(r"([1-9][0-9]*)-of-([1-9][0-9]*)")
_GROUP: Final = 64  # lines between two syncs of the disk
_SECONDS: Final = 1.0  # at most between two syncs, as long as lines come
#: Every line starts so; what is done is read from here without parsing the rest.
_START: Final = re.compile(rb'\{"id": ("(?:[^"\\\n]|\\.)*"), "ok": (true|false)[,}]')
#: What a record holds, where it holds it.
_KINDS: Final = {"id": str, "ok": bool, "task": str, "group": str, "facts": dict}
_ENCODE: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


class Journal:
    """The answers of one run; one process writes one at a time.

    Args:
        folder: Made if it does not exist.
        manifest: What the answers depend on: checkpoint, card, data set, preparation. A journal that was
            begun with another one is refused.

    Raises:
        InputError: Another manifest, another process at the same journal, or no room on the disk.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as name, Journal(Path(name), {"model": "a"}) as journal:
        ...     journal.add("1", {"raw": "yes"})
        ...     journal.add("2", {"error": "cut"}, ok=False)
        ...     journal.done
        {'1'}
    """

    def __init__(self, folder: Path, manifest: Mapping[str, Any]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.path = folder, folder / LINES
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            self._lock()
            self._check(manifest)
            #: Ids that have an answer; those that failed only are tried again.
            self.done = self._mend()
        except InputError:
            os.close(self._file)
            raise
        self._unsynced, self._synced = 0, time.monotonic()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def add(self, name: str, record: Mapping[str, Any], *, ok: bool = True) -> None:
        """Write one line.

        Args:
            name: The item's id.
            record: Plain JSON values.
            ok: Whether the item is done; what is not is tried again by the next run.

        Raises:
            InputError: The disk is full; the line is not there in part either.
        """
        line = (_ENCODE({"id": name, "ok": ok, **record}) + "\n").encode()
        self._write(line)
        if ok:
            self.done.add(name)
        self._unsynced += 1
        if self._unsynced >= _GROUP or time.monotonic() - self._synced > _SECONDS:
            self.sync()

    def expect(self, items: int | None) -> None:
        """Keep how many items the whole run has, so that a run that was stopped is told from one that is done.

        Args:
            items: ``None`` if it is not known yet.
        """
        write_whole(self.folder / EXPECTED, json.dumps({"items": items}, allow_nan=False) + "\n")

    def sync(self) -> None:
        """Wait until the disk has everything."""
        os.fsync(self._file)
        self._unsynced, self._synced = 0, time.monotonic()

    def close(self) -> None:
        """Sync and let go; a second call does nothing."""
        if self._file >= 0:
            self.sync()
            os.close(self._file)
            self._file = -1

    def _write(self, line: bytes) -> None:
        start = os.fstat(self._file).st_size
        try:
            written = os.write(self._file, line)
        except OSError as error:
            raise self._full(error) from error
        if written < len(line):  # the disk took a part
            os.ftruncate(self._file, start)
            raise self._full(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))

    def _full(self, error: OSError) -> InputError:
        return InputError(
            f"expected room for an answer: {error.strerror}",
            code="disk",
            where=self.path.name,
            hint="Free some space and run the same command; nothing is lost.",
        )

    def _lock(self) -> None:
        """Keep other processes away for as long as this one lives; where there are no locks, trust."""
        try:
            import fcntl
        except ImportError:  # Windows
            return
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise InputError(
                "expected a journal that nobody writes, another process does",
                code="locked",
                where=self.folder.name,
                hint="Give each process its own --shard.",
            ) from error

    def _check(self, manifest: Mapping[str, Any]) -> None:
        path = self.folder / MANIFEST
        wanted = json.loads(json.dumps(manifest))
        if not path.exists():
            if os.fstat(self._file).st_size or any((self.folder / name).exists() for name in _WRITTEN):
                raise InputError(
                    f"expected a folder of its own for a run, got one of something else, without {MANIFEST}",
                    code="exists",
                    where=self.folder.name,
                    hint="Take another folder for the run.",
                )
            write_whole(path, json.dumps(wanted, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
            return
        there = _manifest(self.folder)
        changed = sorted(k for k in {*wanted, *there} if wanted.get(k) != there.get(k))
        if changed:
            raise InputError(
                f"expected a run of the same {', '.join(changed)}, the journal has another",
                code="manifest",
                where=self.folder.name,
                hint="Take another folder for the new run.",
            )

    def _mend(self) -> set[str]:
        """Move a cut last line aside; return what is done."""
        data = self.path.read_bytes()
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            with self.path.with_suffix(".torn").open("ab") as torn:
                torn.write(data[whole:] + b"\n")
            os.ftruncate(self._file, whole)
        done, start = set(), 0
        while start < whole:  # from line to line, which searches faster than an expression
            match = _START.match(data, start)
            if match and match[2] == b"true":
                name = match[1]
                done.add(json.loads(name) if b"\\" in name else name[1:-1].decode())
            start = data.index(b"\n", start) + 1
        return done


def _journals(folder: Path) -> dict[int, Path]:
    """Return the journals of one run by the number of their shard, from 1; ``{0: folder}`` where it has none.

    Raises:
        InputError: No run there, several, or shards that are not of one run.
    """
    if (folder / LINES).is_file():
        return {0: folder}
    below = sorted(path.parent.name for path in folder.glob(f"*/{LINES}"))
    parts = [match for match in map(_SHARD.fullmatch, below) if match]
    if not parts:
        there = "a folder without one" if folder.exists() else "nothing there"
        came = f"a folder of runs: {', '.join(below[:5])}" if below else there
        raise InputError(f"expected a run, got {came}", code="no_run", where=folder.name)
    if len({match[2] for match in parts}) > 1 or any(int(match[1]) > int(match[2]) for match in parts):
        raise InputError(
            f"expected the shards of one run, got {', '.join(match[0] for match in parts)}",
            code="shards",
            where=folder.name,
            hint="Keep the shards of each run in a folder of their own.",
        )
    found = {int(match[1]): folder / match[0] for match in parts}
    first, *others = (_manifest(path) for path in found.values())
    for number, other in zip(list(found)[1:], others, strict=True):
        if changed := sorted(k for k in {*first, *other} if first.get(k) != other.get(k)):
            raise InputError(
                f"expected shards of one run, {found[number].name} has another {', '.join(changed)}",
                code="shards",
                where=folder.name,
            )
    return dict(sorted(found.items()))


def _manifest(folder: Path) -> dict[str, Any]:
    return _object(folder, MANIFEST)


def _object(folder: Path, name: str) -> dict[str, Any]:
    try:
        found = json.loads((folder / name).read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("left_out", []), list):
        raise InputError(
            f"expected what the run was of in {name}, got no such file or another", code="manifest", where=folder.name
        )
    return found


def manifest_of(folder: Path) -> dict[str, Any]:
    """Return what a run's answers depend on.

    Raises:
        InputError: As for :func:`records`.
    """
    return _manifest(next(iter(_journals(folder).values())))


def gaps(folder: Path) -> tuple[str, ...]:
    """Return in words what is missing of a run; nothing if it is whole, or too old to say.

    Raises:
        InputError: As for :func:`records`.
    """
    journals = _journals(folder)
    # Of a file of predictions, whose rows are not all in the run.
    found = [f"left out of the file, {one}" for one in manifest_of(folder).get("left_out", ())]
    if 0 not in journals:
        count = int(next(iter(journals.values())).name.rpartition("-")[2])
        absent = [k for k in range(1, count + 1) if k not in journals]
        found += [f"shard {k} of {count} is missing" for k in absent]
    for path in journals.values():
        if not (path / EXPECTED).is_file():
            continue
        here = f"{path.name}: " if path != folder else ""
        asked = len({record["id"] for record in _lines(path)})
        items = _object(path, EXPECTED).get("items")
        if type(items) is not int or items < 0:
            found.append(f"{here}stopped after {asked} items, how many are left is not known")
        elif asked < items:
            found.append(f"{here}{items - asked} of {items} items have not been asked")
    return tuple(found)


def records(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the last record of every id, in the order in which ids first came.

    Args:
        folder: Of a run, or of several shards of one, each in a folder of its own below.

    Raises:
        InputError: No run there or several, shards of different runs, or a damaged line.
    """
    found: dict[str, dict[str, Any]] = {}
    for path in _journals(folder).values():
        own = {record["id"]: record for record in _lines(path)}
        if both := next((name for name in own if name in found), None):
            raise InputError(
                f"expected shards of one run, {path.name} has {both!r}, which another has too",
                code="shards",
                where=folder.name,
                hint="A copy of a shard is no other shard.",
            )
        found |= own
    yield from found.values()


def _lines(folder: Path) -> Iterator[dict[str, Any]]:
    with (folder / LINES).open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                break  # being written, or cut; it does not count yet
            try:
                record = json.loads(line)
            except (ValueError, RecursionError):
                record = None
            if why := damage(record):
                raise InputError(f"expected a record, got a line {why}", code="damaged", where=f"{LINES} line {number}")
            yield record


def damage(record: Any) -> str:
    """Return what is wrong with a line; ``""`` for a record, whose further fields are its readers' to check."""
    if not isinstance(record, dict):
        return "that is no JSON object"
    if missing := [name for name in ("id", "ok") if name not in record]:
        return f"without {missing[0]!r}"
    wrong = [name for name, kind in _KINDS.items() if not isinstance(record.get(name, kind()), kind)]
    return f"whose {wrong[0]} is no {_KINDS[wrong[0]].__name__}" if wrong else ""
