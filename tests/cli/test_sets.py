"""DATA of ``umit train``: paths are paths, and what stands behind an @ is said of one set alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tests.training.films import write_films

from umit.cli import main
from umit.cli.sets import DataSet
from umit.errors import InputError
from umit.testing import tiny_checkpoint


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


READ: list[tuple[str, DataSet]] = [
    ("my.csv", DataSet("my.csv")),
    ("my.csv@2", DataSet("my.csv", weight=2)),
    ("my.csv@.5@zh", DataSet("my.csv", weight=0.5, options={"language": "zh"})),
    ("my.csv@en@1e-1", DataSet("my.csv", weight=0.1, options={"language": "en"})),
    ("slake:root", DataSet("slake", "root")),
    ("slake:a@b/root@2", DataSet("slake", "a@b/root", weight=2)),
    ("medmnist-2d:r@variant=bloodmnist@3", DataSet("medmnist-2d", "r", 3, {"variant": "bloodmnist"})),
    (r"C:\films@2", DataSet(r"C:\films", weight=2)),
    (r"slake:D:\SLAKE@zh", DataSet("slake", r"D:\SLAKE", options={"language": "zh"})),
    ("me@home", DataSet("me@home")),
    ("there@2", DataSet("there@2")),
    ("there@2@3", DataSet("there@2", weight=3)),
    ("slake:there@2", DataSet("slake", "there@2")),
]


@pytest.mark.parametrize(("words", "wanted"), READ, ids=[words for words, _ in READ])
def test_words_of_a_set(here: Path, words: str, wanted: DataSet) -> None:
    (here / "there@2").mkdir()
    assert DataSet.of(words) == wanted


@pytest.mark.parametrize("words", ["f@0", "f@-1", "f@nan", "f@inf", "f@two", "f@fr", "f@colour=red", "f@", "f@split="])
def test_what_is_no_weight_is_refused(here: Path, words: str) -> None:
    (here / "f").mkdir()
    with pytest.raises(InputError, match=r"f: expected a weight"):
        DataSet.of(words)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("place")
    write_films(folder / "films", patients=4)
    for path in write_films(folder / "other", patients=2, seed=1).rglob("*.png"):
        path.rename(path.with_name(f"other{path.name}"))
    tiny_checkpoint(folder / "tiny")
    for number in range(6):
        Image.new("L", (64, 48), 90 + number).save(folder / f"{number}.png")
    rows = [
        {"image": f"{n}.png", "question": f"What is {n}?", "answer": "left", "language": language, "group": f"g{n}"}
        for n in range(6) for language in ("en", "zh")
    ]  # fmt: skip
    (folder / "asked.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    for row in rows:
        Image.new("L", (64, 48), 150 + int(row["image"][0])).save(folder / f"more{row['image']}")
        row.update(image=f"more{row['image']}", group=f"more{row['group']}")
    (folder / "more.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    return folder


def test_a_mixture_is_planned_trained_and_told(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(place)
    words = ["train", "films@0.5", "asked.jsonl@3", "--model", "tiny", "--val", "none", "--epochs", "1", "--plain"]
    words += ["--batch", "13"]
    assert main([*words, "--out", "mine", "--plan"]) == 0
    assert "28 to train on" in (told := capsys.readouterr().out) and "steps        4 a stage" in told
    assert main([*words, "--out", "mine"]) == 0
    record: dict[str, Any] = json.loads((place / "mine" / "training.json").read_text("utf-8"))
    sets = record["training"]["sets"]
    assert [(one["dataset"], one["weight"], one["samples"]) for one in sets] == [
        ("films", 0.5, 16),
        ("asked.jsonl", 3, 12),
    ]
    assert main([*words, "--out", "mine", "--seed", "1"]) == 2
    assert "differs in" in capsys.readouterr().err
    words[1] = "films@0.75"
    assert main([*words, "--out", "mine"]) == 2
    assert "training data" in capsys.readouterr().err


VAL = [
    (["--val", "0.5"], 14, 14),
    (["--val", "other", "--val", "more.jsonl@zh"], 28, 8 + 6),
    ([], 22, 6),  # a group of each class, two films each, and one of the table: at least one of two
]


@pytest.mark.parametrize(("words", "taught", "asked"), VAL, ids=["share", "several", "default"])
def test_each_set_has_its_share_of_validation(
    place: Path, words: list[str], taught: int, asked: int, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(place)
    assert main(["train", "films", "asked.jsonl", "--model", "tiny", "--out", "o", "--plan", *words]) == 0
    assert f"{taught} to train on, {asked} to validate on" in capsys.readouterr().out


@pytest.mark.parametrize("more", ["none", "0.2"])
def test_a_share_stands_alone(
    place: Path, more: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(place)
    assert main(["train", "films", "--model", "tiny", "--out", "o", "--val", "films", "--val", more]) == 2
    assert f"expected '{more}' alone" in capsys.readouterr().err
