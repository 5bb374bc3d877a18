"""What is written is whole or not there, and a sealed folder is whole or known not to be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from umit.whole import MARKER, clear, seal, sealed, whole, whole_folder, write_whole


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_an_error_leaves_what_was_there(tmp_path: Path) -> None:
    write_whole(tmp_path / "a" / "note", "first")
    with pytest.raises(KeyError), whole(tmp_path / "a" / "note") as here:
        (here / "note").write_text("half")
        raise KeyError
    with pytest.raises(KeyError), whole_folder(tmp_path / "a") as here:
        (here / "note").write_text("half")
        raise KeyError
    assert names(tmp_path) == ["a/note"] and (tmp_path / "a" / "note").read_text() == "first"


def test_a_folder_takes_the_place_of_an_older_one(tmp_path: Path) -> None:
    for text in ("first", "second"):
        with whole_folder(tmp_path / "a") as here:
            (here / text).write_text(text)
    assert names(tmp_path) == ["a/second"]


def test_what_a_kill_left_is_cleared_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / ".umit-1" / "a").mkdir(parents=True)
    (tmp_path / ".umit-1" / "a" / "half").write_text("")
    (tmp_path / ".git").write_text("")
    clear(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [".git"]


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("in/b", _flip), ("a", Path.unlink), (MARKER, Path.unlink), (MARKER, _flip),
        (MARKER, lambda path: path.write_text("[1]")), (MARKER, lambda path: path.write_text("{}")),
        (MARKER, lambda path: path.write_bytes(b"\xff\x00")),
    ],
)  # fmt: skip
def test_damage_breaks_a_seal(tmp_path: Path, name: str, damage: Callable[[Path], Any]) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "a").write_text("one")
    (tmp_path / "in" / "b").write_text("two")
    seal(tmp_path, {"step": 3})
    assert sealed(tmp_path) == {"step": 3}
    damage(tmp_path / name)
    assert sealed(tmp_path) is None
