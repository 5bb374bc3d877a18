"""Nothing is written over what a command reads, nor into it, and that is found out before weights are loaded."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from umit.checkpoints import PHANTOM, write_card
from umit.cli import main
from umit.model import UMIT

from ..datasets.layouts import layout
from ..evaluation.runs import every_task, write

_MODEL = ["--checkpoint", "WEIGHTS", "--card", "CARD"]
_FILES = ["FILM", "SERIES", *_MODEL]
_DATA = ["slake", "DATA"]
#: Words of a command, what comes before each of its outputs (nothing for one without a name), and what it reads.
COMMANDS: dict[str, tuple[list[str], list[list[str]]]] = {
    "answer": (["answer", *_FILES, "--question", "Is it?"], [["--csv"], ["--out"]]),
    "report": (["report", *_FILES], [["--csv"], ["--out"]]),
    "classify": (["classify", *_FILES, "--label", "a", "--label", "b"], [["--csv"], ["--out"]]),
    "detect": (["detect", *_FILES, "--target", "a"], [["--csv"], ["--out"]]),
    "landmarks": (["landmarks", *_FILES], [["--csv"], ["--out"]]),
    "demo": (["demo", "--language", "en", *_MODEL], [["--out"]]),
    "show": (["data", "show", *_DATA], [["--out"]]),
    "show table": (["data", "show", "TABLE", "DATA"], [["--out"]]),
    **{
        f"convert {form}": (["data", "convert", "--to", form, *_DATA], [[]])
        for form in ("swift", "swift2", "parquet", "coco", "shards")
    },
    "convert table": (["data", "convert", "TABLE", "DATA"], [[]]),
    "unpack": (["data", "unpack", "ARCHIVE"], [[]]),
    "evaluate": (
        ["evaluate", "slake", "--root", "DATA", *_MODEL],
        [["--run"], ["--run", "NEW", "--page"], ["--perturb", "--run"]],
    ),
    "train": (["train", "TABLE", "--root", "DATA", "--model", "WEIGHTS", "--card", "CARD"], [["--out"]]),
    "score run": (["score", "RUN", "--root", "DATA"], [["--page"]]),
    "score file": (
        ["score", "ANSWERS", "--root", "SERIES", "--truth", "TABLE", "--card", "CARD"],
        [["--page"], ["--run"]],
    ),
}
#: Why a place is refused.
_REFUSED = ("another place to write to", "a name to write to", "a file to write, got a folder", "a folder, got")


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """An input of every kind."""
    here = tmp_path_factory.mktemp("inputs")
    film = np.zeros((40, 60), np.uint8)
    for name in ("film.png", "films/1.png"):
        (here / name).parent.mkdir(exist_ok=True)
        Image.fromarray(film).save(here / name)
    (here / "data").mkdir()
    layout("slake").write(here / "data")
    (here / "weights").mkdir()
    (here / "weights" / "config.json").write_text("{}")
    write_card(PHANTOM, here / "weights")
    shutil.copy(here / "weights" / "umit.json", here / "card.json")
    write(here / "run", every_task())
    row = {"question": "Where?", "prediction": "left", "answer": "left", "image": "1.png"}
    (here / "answers.jsonl").write_text(json.dumps(row) + "\n")
    (here / "table.csv").write_text("image,question,answer\nimgs/1.png,Where?,left\n")
    with zipfile.ZipFile(here / "a.zip", "w") as archive:
        archive.writestr("a.txt", "a")
    return {
        "FILM": here / "film.png", "SERIES": here / "films", "WEIGHTS": here / "weights", "CARD": here / "card.json",
        "DATA": here / "data", "RUN": here / "run", "ANSWERS": here / "answers.jsonl", "TABLE": here / "table.csv",
        "ARCHIVE": here / "a.zip",
    }  # fmt: skip


def _targets(inputs: list[Path]) -> Iterator[Path]:
    """Yield each input, what lies in it, a new name in it, and the folder in which a picture would replace it."""
    for path in inputs:
        yield path
        if path.is_dir():
            yield path / "new"
            yield path / ".." / path.name / "deep" / "new.png"
            yield next(one for one in sorted(path.rglob("*")) if one.is_file())


def _content(places: dict[str, Path]) -> dict[str, str]:
    return {
        str(file): sha256(file.read_bytes()).hexdigest()
        for place in places.values()
        for file in ([place] if place.is_file() else sorted(place.rglob("*")))
        if file.is_file()
    }


@pytest.mark.parametrize("force", [[], ["--force"]], ids=["", "force"])
@pytest.mark.parametrize("command", COMMANDS)
def test_inputs_stay_as_they_were(
    command: str, force: list[str], places: dict[str, Path], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    loaded: list[Any] = []
    monkeypatch.setattr(UMIT, "from_pretrained", lambda *given, **more: loaded.append(given))
    monkeypatch.chdir(tmp_path)
    words, outputs = COMMANDS[command]
    inputs = [places[word] for word in words if word in places]
    force = [] if command in ("unpack", "train") else force
    before = _content(places)
    for output in outputs:
        for target in [*map(str, _targets(inputs)), "", " "]:
            named = {**places, "NEW": tmp_path / "new"}
            line = [str(named.get(word, word)) for word in (*words, *output)]
            assert main([*line, target, *force]) == 2, target
            err = capsys.readouterr().err
            assert any(f"expected {what}" in err for what in _REFUSED), err
    assert _content(places) == before
    assert loaded == [], "found out before weights are loaded"


@pytest.mark.parametrize("verb", ["report", "landmarks"])
def test_a_picture_never_takes_the_place_of_its_film(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither of the film itself nor of another input: film.jpg's picture would be film.png."""
    monkeypatch.setattr(UMIT, "from_pretrained", None)
    for name in ("film.jpg", "film.png"):
        Image.fromarray(np.zeros((40, 60), np.uint8)).save(tmp_path / name)
    before = _content({"": tmp_path})
    for files in (["film.png"], ["film.jpg", "film.png"]):
        monkeypatch.chdir(tmp_path)
        assert main([verb, *files, "--out", ".", "--force"]) == 2
    assert _content({"": tmp_path}) == before


@pytest.mark.parametrize(
    "words",
    [["data", "show", "table.csv", "--out", "films"], ["data", "convert", "table.csv", "films/table-1.png"],
     ["evaluate", "table.csv", "--run", "run", "--page", "films/table-1.png"]],
    ids=" ".join,
)  # fmt: skip
def test_the_pictures_that_a_table_names_are_inputs(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(UMIT, "from_pretrained", None)
    monkeypatch.chdir(tmp_path)
    Path("films").mkdir()
    Image.fromarray(np.zeros((40, 60), np.uint8)).save("films/table-1.png")
    Path("table.csv").write_text("image,question,answer\nfilms/table-1.png,Where?,left\n")
    before = _content({"": tmp_path})
    assert main([*words, "--force"]) == 2
    assert "got what the command reads" in capsys.readouterr().err
    assert _content({"": tmp_path}) == before
