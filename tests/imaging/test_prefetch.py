"""Scans are read once, in order, ahead of the engine; what is remembered is never taken for something else."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from umit.errors import InputError
from umit.imaging.prefetch import listed, prefetch
from umit.imaging.scan import Scan


class Counting:
    """Pictures that say how many were read, and by which thread."""

    def __init__(self, name: str, reads: list[str]) -> None:
        self.name, self.reads, self.threads = name, reads, set[int]()

    def scans(self) -> tuple[Scan, ...]:
        self.reads.append(self.name)
        self.threads.add(threading.get_ident())
        return (Scan(np.full((1, 4, 4), 90, np.uint8), name=self.name),)


def _one(source: Any) -> Scan:
    ((read, _),) = prefetch([(source, "?")])
    assert isinstance(read, tuple)
    return read[0]


def test_a_file_written_again_within_one_tick_of_the_clock_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "film.bmp"

    def written() -> Iterator[tuple[Path, int]]:
        for level in (10, 200, 90):
            Image.new("L", (8, 8), level).save(path)  # the same size in bytes
            os.utime(path, ns=(0, 1_700_000_000_000_000_000 + 10**18))  # and the same time
            yield path, level

    found = [(int(read[0].voxels[0, 0, 0]), level) for read, level in prefetch(written())]  # type: ignore[union-attr]
    assert found == [(10, 10), (200, 200), (90, 90)]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_file_is_read_once_by_any_name(tmp_path: Path, workers: int) -> None:
    path = tmp_path / "film.png"
    Image.new("L", (8, 8), 5).save(path)
    os.utime(path, ns=(1_600_000_000 * 10**9,) * 2)
    items: list[Any] = [(path, 1), (str(path), 2), ([path, path], 3)]
    scans = [read[0] for read, _ in prefetch(items, workers)]  # type: ignore[union-attr]
    assert scans[0] is scans[1]


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_no_more_than_the_workers_are_read_ahead_and_each_once(workers: int) -> None:
    reads: list[str] = []
    sources = {name: Counting(name, reads) for name in "abcdefgh"}
    asked = [(sources[name], k) for k, name in enumerate("aabcaddefgh")]
    shown = list[str]()
    for read, k in prefetch(asked, workers):
        assert k == len(shown), "in their order"
        shown.append(read[0].name)  # type: ignore[union-attr, arg-type]
        assert len(reads) <= len(set(shown)) + workers
    assert "".join(shown) == "aabcaddefgh"
    assert sorted(reads) == list("abcdefgh"), "a comes again among the last few"


def test_pictures_are_read_by_other_threads_which_end() -> None:
    sources = [Counting(name, []) for name in "abc"]
    before = threading.active_count()
    made = prefetch([(one, None) for one in sources], 2)
    next(made)
    made.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before
    assert threading.get_ident() not in sources[0].threads | sources[1].threads


def test_a_picture_of_very_many_questions_is_not_pulled_whole() -> None:
    source, pulled = Counting("a", []), list[int]()

    def rows() -> Iterator[tuple[Counting, int]]:
        for k in range(3000):
            pulled.append(k)
            yield source, k

    next(prefetch(rows(), 4))
    assert len(pulled) <= 257


@pytest.mark.parametrize("error", [InputError("x", code="y"), OSError(5, "no"), RuntimeError("z")])
def test_what_ends_the_items_is_kept_for_the_caller(error: Exception) -> None:
    def items() -> Iterator[tuple[Counting, int]]:
        yield Counting("a", []), 1
        raise error

    ended: list[Exception] = []
    assert len(list(prefetch(items(), 1, ended))) == 1
    assert ended == [error]


def test_what_cannot_be_read_stands_in_its_place(tmp_path: Path) -> None:
    class Unreadable(Counting):
        def scans(self) -> tuple[Scan, ...]:
            raise PermissionError(13, "Permission denied", str(tmp_path / "film.png"))

    items: list[Any] = [("nowhere.png", 1), (Unreadable("a", []), 2), ([], 3)]
    found = [read for read, _ in prefetch(items)]
    assert [getattr(one, "code", None) for one in found] == ["missing", "unreadable", "empty"]
    assert str(found[1]) == "film.png: expected a readable file, got Permission denied"


@pytest.mark.parametrize("workers", [-1, 1.5, "2", True])
def test_workers_that_are_no_count(workers: Any) -> None:
    with pytest.raises(InputError, match="workers from 0"):
        prefetch([], workers)


def test_one_scan_or_several_in_a_list() -> None:
    scan = Scan(np.zeros((1, 2, 2), np.uint8))
    assert listed(scan) == [scan]
    assert listed((scan, "a.png")) == [scan, "a.png"]
    assert _one(scan) is scan
    with pytest.raises(InputError, match="at least one scan"):
        listed([])
