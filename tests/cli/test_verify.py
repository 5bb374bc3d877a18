"""``umit verify`` records, certifies, and tells what differs; its exit code says which."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from umit.cli import main
from umit.testing import tiny_checkpoint
from umit.verification import questions as questions_module
from umit.verification.golden import read_golden


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions_module, "_LONGEST", 2)


def test_a_record_is_kept_and_held_to(quick: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights, file = tiny_checkpoint(tmp_path / "weights"), tmp_path / "golden.json"
    assert main(["verify", str(weights), "--out", str(file)]) == 0
    (tmp_path / "notes.json").write_text("mine")
    assert main(["verify", str(weights), "--out", str(tmp_path / "notes.json")]) == 2, "somebody's file"
    capsys.readouterr()
    assert main(["verify", str(weights), "--against", str(file)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["type"], told["engine"], told["furthest"]) == ("certificate", "local", 0.0)
    other = tiny_checkpoint(tmp_path / "other", seed=1)
    assert main(["verify", str(other), "--golden", str(file)]) == 1
    out, err = capsys.readouterr()
    assert json.loads(out)["stage"] == "weights" and "the weights differs first" in err
    assert read_golden(file).questions["open"].count


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "one of the arguments --out --against/--golden is required"),
        (["--out", "a", "--against", "b"], "not allowed"),
        (["--out", "a.json", "--server", "http://localhost:1"], "expected --out without --server"),
        (["--out", "a.json", "--dtype", "bfloat16"], "expected no --dtype beside --server"),
        (["--out", "a.json", "--concurrency", "3"], "expected --server beside --concurrency"),
        (["--against", "a.json", "--server", "http://localhost:1", "--dtype", "float32"], "expected no --dtype"),
        (["--against", "a.json", "--server", "http://localhost:1", "--device", "cpu"], "expected no --device"),
        (["--against", "nowhere.json"], "nowhere.json: expected a file of umit verify --out"),
    ],
)
def test_bad_use_is_told(
    words: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["verify", *words]) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"schema": 2}', '{"schema": 1, "questions": {"a": {"b": 1}}}', '{"schema": 1, "questions": {}, "rounding": NaN}'])  # fmt: skip
def test_a_file_that_is_no_record_is_refused(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "g.json").write_text(text)
    assert main(["verify", "--against", str(tmp_path / "g.json")]) == 2
    assert "g.json: expected a file of umit verify --out" in capsys.readouterr().err
