"""Files that can be made anew: whole or not there, within a bound, and none but one's own is touched."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import pytest

from umit.errors import CheckpointWarning, InputError
from umit.training import Kept


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*.features"))


def test_what_is_written_is_read(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "new" / "folder")
    assert kept.read("a/b") is None
    kept.write("a/b", b"some bytes")
    assert kept.read("a/b") == Kept(tmp_path / "new" / "folder").read("a/b") == b"some bytes"
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["b.features"]


@pytest.mark.parametrize("damage", [b"", b"\0", b"some bytes", b"some bytez\x12\x34\x56\x78"])
def test_a_damaged_file_is_told_and_made_anew(tmp_path: Path, damage: bytes) -> None:
    kept = Kept(tmp_path)
    kept.write("a", b"some bytes")
    (tmp_path / "a.features").write_bytes(damage)
    with pytest.warns(CheckpointWarning, match=r"a\.features in .* is damaged"):
        assert kept.read("a") is None
    kept.write("a", b"some bytes")
    assert kept.read("a") == b"some bytes"


def test_the_oldest_go(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_bytes(bytes(5000))
    kept = Kept(tmp_path, limit=1600)
    for number in range(40):
        kept.write(f"{number}", bytes(96))
        os.utime(tmp_path / f"{number}.features", ns=(number, number))
        assert _size(tmp_path) <= 1600
    there = [number for number in range(40) if kept.read(f"{number}") is not None]
    assert there == list(range(40 - len(there), 40)) and len(there) >= 15
    kept.write("large", bytes(1600))
    assert kept.read("large") is None and kept.read("39") is not None, "what never fits costs no other"
    assert (tmp_path / "mine.txt").exists()


def _fill(folder: Path, number: int) -> None:
    kept = Kept(folder, limit=32_000)
    for place in range(300):
        name = f"{place * (number + 1) % 100}"
        assert kept.read(name) in (None, name.encode() * 300)
        kept.write(name, name.encode() * 300)


def test_processes_share_a_folder(tmp_path: Path) -> None:
    """Each reads whole files only, whatever the others write and delete."""
    context = multiprocessing.get_context("fork" if os.name == "posix" else "spawn")
    workers = [context.Process(target=_fill, args=(tmp_path, number)) for number in range(3)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    assert [one.exitcode for one in workers] == [0, 0, 0]
    assert _size(tmp_path) <= 32_000 * (1 + 2 / 16)
    assert not [path for path in tmp_path.rglob("*") if path.suffix != ".features"]


def test_a_full_disk_stops_no_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Kept(tmp_path)
    (tmp_path / "a").write_bytes(b"")  # where the folder of a name should be
    with pytest.warns(CheckpointWarning, match="training goes on without"):
        kept.write("a/b", b"some bytes")


def test_where_nothing_can_be_kept_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match="expected a folder for features, got 'file', which is none"):
        Kept(tmp_path / "file" / "more")
    with pytest.raises(InputError, match="one byte or more, got 0"):
        Kept(tmp_path, limit=0)
