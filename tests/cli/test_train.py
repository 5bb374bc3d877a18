"""``umit train``: from a folder of films to a checkpoint, by words alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.training.films import write_films

from umit.cli import main
from umit.testing import tiny_checkpoint


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("place")
    write_films(folder / "films", patients=4)
    tiny_checkpoint(folder / "tiny")
    (folder / "taken").mkdir()
    (folder / "taken" / "notes.txt").write_text("mine")
    return folder


def test_films_become_a_checkpoint(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(place)
    words = ["train", "films", "--model", "tiny", "--val", "0.25", "--steps", "2", "--batch", "2", "--plain"]
    assert main([*words, "--out", "mine", "--plan"]) == 0
    told = capsys.readouterr().out
    assert "12 to train on, 4 to validate on" in told and "trained: " in told
    assert not (place / "mine").exists(), "a plan writes nothing"
    assert main([*words, "--out", "mine", "--keep-features", "kept"]) == 0
    assert [*(place / "kept").rglob("*.features")]
    shown = capsys.readouterr()
    assert "step 2 of 2: loss" in shown.err and "nearest pictures (28 × 28): accuracy 1.000" in shown.out
    assert "not better than nearest pictures (28 × 28)" in shown.out
    assert main(["evaluate", "films", "--checkpoint", "mine", "--run", "run", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert {row["n"] for row in rows if not row["part"]} == {16}


def test_own_splits_are_kept(tmp_path: Path, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What the files call test is not trained on, and their validation part is taken."""
    for seed, split in enumerate(("train", "val", "test")):
        folder = write_films(tmp_path / "films" / split, patients=2 + seed, seed=seed)
        for path in folder.rglob("*.png"):  # other people
            path.rename(path.with_name(path.name.replace("person", f"person{seed + 1}")))
    words = ["train", str(tmp_path / "films"), "--model", str(place / "tiny"), "--out", str(tmp_path / "o")]
    assert main([*words, "--plan"]) == 0
    assert "8 to train on, 12 to validate on" in capsys.readouterr().out


BAD = [
    (["gone/"], "or the path of files of your own, got 'gone/'"),
    (["films", "--val", "1.5"], "a share between 0 and 1"),
    (["films", "--val", "films"], "expected patients that the training part does not have"),
    (["films", "--steps", "0"], "one step or more"),
    (["films", "--flip", "--augment", "none"], "expected --flip or --augment none"),
    (["films", "--steps", "9" * 30], "a number from 0"),
    (["films", "--every", "0"], "one step or more between validations"),
    (["films", "--every", "-3"], "a number from 0"),
    (["films", "--seed", "-1"], "a number from 0"),
    (["films", "--seed", "9" * 30], "a number from 0"),
    (["films", "--keep-features", "films/more"], "another place to write to"),
    (["films", "--keep-features", "k", "--keep-gib", "0"], "one byte or more, got 0"),
    (["films", "--keep-features", "k", "--stage", "align"], "got align alone"),
    (["films", "--val", "nan"], "a share between 0 and 1"),
    (["films", "--val", "inf"], "a share between 0 and 1"),
    (["films", "--minutes", "inf"], "expected minutes above 0"),
    (["films", "--steps", "3", "--epochs", "2"], "not allowed with"),
    (["films", "--model", "nothing"], "expected a folder of weights"),
    (["films", "--out", "films"], "another place to write to"),
    (["films", "--out", "taken"], "one that holds notes.txt"),
    (["films", "--out", "o", "--minutes", "-1"], "minutes above 0"),
]


@pytest.mark.parametrize(("words", "said"), BAD, ids=[" ".join(words) for words, _ in BAD])
def test_bad_words_are_told(
    place: Path, words: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(place)
    usual = {"--model": "tiny", "--out": "o", "--plain": ""}
    more = [part for name, value in usual.items() if name not in words for part in (name, value) if part]
    assert main(["train", *words, *more]) == 2
    assert said in capsys.readouterr().err
    assert not (place / "o").exists() and not (place / "k").exists()
