"""Nothing is written over an input, into an input folder, or over a file of somebody else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from umit.cli.writing import folder_for, save_picture, writable
from umit.errors import InputError


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "series").mkdir()
    (tmp_path / "series" / "1.dcm").write_bytes(b"DICM")
    (tmp_path / "film.png").write_bytes(b"film")
    (tmp_path / "link.png").symlink_to(tmp_path / "film.png")
    os.link(tmp_path / "film.png", tmp_path / "hard.png")
    (tmp_path / "notes.csv").write_text("my,own,table\n1,2,3\n")
    return tmp_path


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("film.png", "input"),
        ("./film.png", "input"),
        ("series/../film.png", "input"),
        ("link.png", "input"),
        ("hard.png", "input"),
        ("series", "input"),
        ("series/new.png", "input"),
        ("series/deep/er.png", "input"),
        ("notes.csv", "exists"),
        (".", "output"),
    ],
)
def test_what_may_not_be_written(
    place: Path, target: str, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    with pytest.raises(InputError) as caught:
        writable(target, reads=["film.png", "series", "nowhere.png"])
    assert caught.value.code == code
    if code in ("empty", "input"):
        with pytest.raises(InputError):
            writable(target, reads=["film.png", "series"], force=True)
        with pytest.raises(InputError):
            folder_for(target, reads=["film.png", "series"])


def test_what_may_be_written(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    assert writable("new.png", reads=["film.png", "series"]) == Path("new.png")
    assert writable("notes.csv", reads=["film.png"], force=True) == Path("notes.csv")
    assert folder_for(".", reads=["film.png", "series"]) == Path()
    assert folder_for("series-2", reads=["series"]) == Path("series-2")
    with pytest.raises(InputError, match="expected a folder, got a file"):
        folder_for("notes.csv", reads=[])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "file,task,name,number,x1\n"),
        ("a.html", '<meta name="generator" content="umit">'),
        ("a.jsonl", '{"messages": [], "umit": {"id": "1"}}\n'),
        ("a.parquet", "PAR1 ... umit ... PAR1"),
        ("a.txt", ""),
    ],
)
def test_files_of_ours_are_written_again(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert writable(tmp_path / name, reads=[]) == tmp_path / name


def test_a_picture_of_ours_is_known_again(tmp_path: Path) -> None:
    save_picture(Image.new("RGB", (4, 4)), tmp_path / "a.png")
    assert writable(tmp_path / "a.png", reads=[]) == tmp_path / "a.png"
    with Image.open(tmp_path / "a.png") as picture:
        picture.save(tmp_path / "a.png")  # somebody worked on it
    with pytest.raises(InputError, match="did not write"):
        writable(tmp_path / "a.png", reads=[])
