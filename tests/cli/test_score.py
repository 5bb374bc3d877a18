"""``umit score`` without a model: chosen protocols, a run, or another program's file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from umit.cli import main
from umit.evaluation.score import SOURCES, protocols
from umit.tasks.table import TASKS

from ..evaluation.runs import every_task, write


@pytest.fixture
def run(tmp_path: Path) -> str:
    return str(write(tmp_path / "run", every_task()))


@pytest.fixture
def answers(tmp_path: Path) -> str:
    """Two answers about one film; another row has no truth."""
    (tmp_path / "films").mkdir()
    Image.fromarray(np.zeros((40, 60), np.uint8)).save(tmp_path / "films" / "a.png")
    asked: dict[str, Any] = {"options": ["yes", "no"], "image": "a.png", "modality": "CT"}
    rows = [
        {**asked, "question": "Is it broken?", "prediction": "Yes", "truth": "yes"},
        {**asked, "question": "骨折了吗？", "prediction": "no", "truth": "yes", "language": "zh"},
    ]
    path = tmp_path / "answers.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return str(path)


def _rows(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["rows"]
    return rows


def test_only_the_protocols_that_are_named(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["score", run, "--json"]) == 0
    whole = _rows(capsys)
    assert main(["score", run, "--protocol", "llava-med", "--protocol", "RSNA Kaggle", "--json"]) == 0  # fmt: skip
    few = _rows(capsys)
    assert few == [row for row in whole if row["protocol"] in ("LLaVA-Med", "RSNA Kaggle")]
    assert {row["protocol"] for row in few} == {"LLaVA-Med", "RSNA Kaggle"}


def test_an_unknown_protocol_stops(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["score", run, "--protocol", "best"]) == 2
    said = capsys.readouterr().err
    assert "LLaVA-Med; " in said and "got 'best'" in said and "--protocols" in said


def test_protocols_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["score", "--protocols"]) == 0
    shown = capsys.readouterr().out
    known = {metric.protocol for spec in TASKS.values() for metric in spec.metrics}
    assert known == set(protocols()) <= set(SOURCES), "each has a source"
    assert "run_eval.py" in shown and "detect_2d" in shown


def test_a_file_is_scored(answers: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["score", answers, "--json", "--by", "modality", "--protocol", "umit"]) == 0
    rows = _rows(capsys)
    found = {(r["language"], r["part"]): r["value"] for r in rows if r["metric"] == "accuracy"}
    assert found == {("", ""): 0.5, ("en", ""): 1.0, ("zh", ""): 0.0, ("", "modality=CT"): 0.5}
    assert main(["score", answers, "--markdown"]) == 0
    assert "| answer_closed |" in capsys.readouterr().out


def test_a_file_is_kept_as_a_run(answers: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept, page = str(tmp_path / "kept"), tmp_path / "page.html"
    root = str(tmp_path / "films")
    given = ["score", answers, "--run", kept, "--root", root, "--page", str(page), "--json"]
    assert main(given) == 0
    first = _rows(capsys)
    assert 'src="data:image/' in page.read_text("utf-8"), "with its picture"
    assert main(["score", kept, "--json"]) == 0
    assert _rows(capsys) == first
    assert main(given) == 0, "the same again"
    assert main([*given, "--by", "modality"]) == 2, "other facts are another run"


def test_rows_left_out_are_told_and_change_the_exit_code(answers: str, capsys: pytest.CaptureFixture[str]) -> None:
    with open(answers, "a", encoding="utf-8") as file:
        file.write('\n{"question": "Why?", "prediction": "left", "truth": null}')
    assert main(["score", answers]) == 3
    said = capsys.readouterr().err
    assert said == "umit: answers.jsonl line 3: left out, 1 in all: they have no truth\n"


def test_findings_are_scored_by_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "findings.jsonl"
    marks = [("a", "mass", "no"), ("a", "edema", "no"), ("b", "mass", "yes"), ("b", "edema", "no"), ("c", "mass", "yes")]  # fmt: skip
    rows = [
        {"question": label, "image": f"{name}.png", "truth": said, "prediction": "no"} for name, label, said in marks
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    assert main(["score", str(path), "--task", "findings", "--by", "finding", "--json"]) == 3
    shown = capsys.readouterr()
    found = {(r["metric"], r["part"]): r["value"] for r in json.loads(shown.out)["rows"]}
    assert (found["accuracy", ""], found["exact match", ""]) == (0.75, 0.5)
    assert (found["macro F1", "finding=mass"], found["macro F1", "finding=edema"]) == (0.0, None)
    assert "line 5: left out, 1 in all: their picture has no row that can be scored for edema" in shown.err  # fmt: skip
    assert "findings have no AUC, ECE" in shown.err and found["AUC", ""] is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "expected the folder of a run or a file"),
        (["RUN", "--task", "answer_open"], "expected a file for --format"),
        (["missing.jsonl"], "expected a run"),
        (["FILE", "--card", "nobody"], "nobody"),
        (["FILE", "--format", "swift"], "line 1"),
        (["FILE", "--root", "nowhere"], "found nothing at 'nowhere'"),
    ],
)
def test_bad_use(run: str, answers: str, words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    given = [{"RUN": run, "FILE": answers}.get(word, word) for word in words]
    assert main(["score", *given]) == 2
    assert said in capsys.readouterr().err
