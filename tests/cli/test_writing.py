"""Nothing is written over an input, into an input folder, or over a file of somebody else."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from umit.cli import main
from umit.cli.writing import folder_for, save_picture, writable
from umit.errors import InputError

from ..datasets.layouts import layout
from ..evaluation.runs import every_task, write


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
def test_what_may_not_be_written(place: Path, target: str, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
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


@pytest.fixture
def sets(tmp_path: Path) -> Path:
    for name in ("slake", "rsna"):
        (tmp_path / name).mkdir()
        layout(name).write(tmp_path / name)
    write(tmp_path / "run", every_task())
    return tmp_path


WRITING = {
    "detect": "detect film.png --target a --csv out.csv --out out",
    "demo": "demo --language zh --out out",
    "show": "data show rsna rsna --limit 2 --out out",
    "swift": "data convert slake slake out/rows.jsonl",
    "swift2": "data convert slake slake out/rows.jsonl --to swift2",
    "parquet": "data convert slake slake out/rows.parquet --to parquet",
    "coco": "data convert rsna rsna out/boxes.json --to coco",
    "score": "score run --page out/page.html",
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("command", WRITING)
def test_what_umit_wrote_it_writes_again_and_nothing_else(
    command: str, script: Any, film: str, sets: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    script()
    monkeypatch.chdir(sets)
    Path("out").mkdir()
    words = WRITING[command].split()
    force = ["--force"]
    first, second = main(words), main(words)
    assert first == second and first in (0, 3), capsys.readouterr().err
    written = [path for path in Path().glob("out*/*") if path.is_file()]
    written += [path for path in Path().glob("out.csv")]
    assert written and not [path for path in Path().rglob("*") if path.name.startswith(".")]
    for path in written:
        kept = path.read_bytes()
        path.write_bytes(b"somebody's own")
        assert main(words) == 2
        assert f"{path.name}: expected a new file to write" in capsys.readouterr().err
        assert path.read_bytes() == b"somebody's own"
        assert main([*words, *force]) in (0, 3)
        assert path.read_bytes() != b"somebody's own"
        path.write_bytes(kept)
        if command == "demo":
            break  # the whole demo for each of its pictures would take long


def test_a_page_that_fails_leaves_the_old_one_whole(sets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["score", str(sets / "run"), "--page", str(sets / "page.html")]
    main(words)
    before = (sets / "page.html").read_bytes()

    def full(path: Path, *given: Any, **more: Any) -> int:
        real(path, "half", "utf-8")
        raise OSError(28, "No space left on device")

    real = Path.write_text
    monkeypatch.setattr(Path, "write_text", full)
    assert main(words) == 2
    assert (sets / "page.html").read_bytes() == before
    assert not list(sets.glob(".umit-*"))


@pytest.mark.skipif(not Path("/dev/null").is_char_device(), reason="no devices")
def test_a_device_is_not_replaced() -> None:
    with pytest.raises(InputError, match="got a device or pipe"):
        writable("/dev/null", reads=[], force=True)
