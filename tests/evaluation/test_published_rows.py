"""Published numbers on real rows are what their authors compute from the files themselves.

LLaVA-Med's ``run_eval.py`` and MedEvalKit's ``SLAKE.py`` and ``VQA_RAD.py`` are said again here from the raw rows: what
is closed by ``answer_type``, what is judged as yes or no by the answer as it is written.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from umit.cli import main
from umit.datasets import load
from umit.errors import DatasetError
from umit.evaluation.journal import Journal
from umit.evaluation.predictions import read_predictions
from umit.evaluation.record import record_of
from umit.evaluation.score import ScoreRow, score
from umit.metrics.vqa_llava_med import open_overlap
from umit.metrics.vqa_medevalkit import closed_equal, closed_yes_no, open_answer
from umit.results import Answer

from .runs import MANIFEST

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::umit.errors.DatasetWarning")]

Asked = tuple[str, dict[str, Any]]  # what the model said, the row


def _perfect(number: int, sample: Any) -> Answer:
    return Answer(text=sample.gold.text, option=sample.gold.option, raw=sample.gold.text)


def _mixed(number: int, sample: Any) -> Answer:
    options = sample.query.options
    if number % 3 == 0:
        return _perfect(number, sample)
    if options:
        return Answer(text=options[number % 2], option=number % 2, raw=options[number % 2])
    said = ("No evidence of it", "the lung", "Yes, it is")[number % 3]
    return Answer(text=said, raw=said)


def _run(run: Path, samples: Iterable[Any], reply: Callable[[int, Any], Answer]) -> dict[str, str]:
    """Write a run and return what was said, by place."""
    said = {}
    with Journal(run, MANIFEST) as journal:
        for number, sample in enumerate(samples):
            found = reply(number, sample)
            said[sample.place] = found.text
            journal.add(sample.id, record_of(sample, found), ok=True)
    return said


def _values(run: Path, protocol: str) -> dict[str, ScoreRow]:
    rows = score(run, protocol=[protocol]).rows
    found = {row.metric: row for row in rows if not row.language and not row.part}
    assert len(found) == sum(not row.language and not row.part for row in rows), "one number a name"
    return found


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return sum(listed) / len(listed)


def _rows(path: Path) -> dict[str, dict[str, Any]]:
    rows = json.loads(path.read_text("utf-8"))
    return {f"{path.name} row {n}": row for n, row in enumerate(rows, start=1)}


@pytest.mark.parametrize("reply", [_perfect, _mixed])
@pytest.mark.parametrize(
    ("name", "split", "file"),
    [("vqa-rad", "test", "testset.json"), ("slake", "test", "test.json"), ("slake", "train", "train.json")],
)  # fmt: skip
def test_llava_med_goes_by_the_answer_type(
    name: str, split: str, file: str, reply: Any, tmp_path: Path, shared: Path
) -> None:
    root = shared / "samples" / name.replace("-", "_")
    rows = _rows(root / file)
    said = _run(tmp_path / "run", load(name, root, split=split, language="en"), reply)
    asked: list[Asked] = [(text, rows[place]) for place, text in said.items()]
    closed = [
        float(("yes" in p.lower() or "no" in p.lower()) and str(r["answer"]).strip().lower() in p.lower())
        for p, r in asked if r["answer_type"].strip() == "CLOSED"
    ]  # fmt: skip
    opened = [open_overlap(p, str(r["answer"])).recall for p, r in asked if r["answer_type"].strip() == "OPEN"]
    found = _values(tmp_path / "run", "LLaVA-Med")
    assert closed and opened and len(closed) + len(opened) == len(asked)
    assert found["closed accuracy"].value == pytest.approx(_mean(closed), abs=1e-12)
    assert found["open recall"].value == pytest.approx(_mean(opened), abs=1e-12)


@pytest.mark.parametrize("reply", [_perfect, _mixed])
def test_medevalkit_slake_judges_the_answer_as_it_is_written(reply: Any, tmp_path: Path, shared: Path) -> None:
    root = shared / "samples" / "slake"
    rows = _rows(root / "train.json")
    said = _run(tmp_path / "run", load("slake", root, split="train", language="en"), reply)
    right, closed = [], []
    for place, text in said.items():
        answer = rows[place]["answer"].strip()
        if rows[place]["answer_type"] == "OPEN":
            right.append(open_answer(text, answer).equal)
            continue
        closed.append((closed_yes_no if answer in ("yes", "no") else closed_equal)(text, answer))
    assert any(row["answer"] == "Yes" for row in rows.values()), "whose capital misses the yes/no rule"
    found = _values(tmp_path / "run", "MedEvalKit SLAKE")
    assert found["closed accuracy"].value == pytest.approx(_mean(closed), abs=1e-12)
    assert found["accuracy"].value == pytest.approx(_mean(right + closed), abs=1e-12)


def test_a_capital_yes_is_judged_by_equality(tmp_path: Path) -> None:
    """ "yes it is" is right where SLAKE says "yes", and wrong where it says "Yes"."""
    rows = [
        {"question": "Is it?", "truth": t, "prediction": "yes it is", "answer_type": "CLOSED", "group": t}
        for t in ("yes", "Yes")
    ]  # fmt: skip
    path = tmp_path / "answers.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    read_predictions(path).keep(tmp_path / "run")
    assert _values(tmp_path / "run", "MedEvalKit SLAKE")["closed accuracy"].value == 0.5
    assert _values(tmp_path / "run", "MedEvalKit VQA-RAD")["closed accuracy"].value == 1.0


@pytest.mark.parametrize("reply", [_perfect, _mixed])
def test_pathvqa_as_a_table_of_ones_own_goes_by_yes_and_no(reply: Any, tmp_path: Path, shared: Path) -> None:
    """Its real questions have no answer types: MedEvalKit's VQA-RAD task judges such rows by the answer alone."""
    held = json.loads((shared / "samples" / "pathvqa" / "pvqa_train_excerpt.json").read_text("utf-8"))
    rows = [
        {"image": f"{one['img_id']}.jpg", "question": question, "answer": next(iter(answer))}
        for one in held
        for question, answer in zip(one["sentf"]["pvqa"], one["labelf"]["pvqa"], strict=True)
    ]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    said = _run(tmp_path / "run", load(tmp_path / "rows.jsonl"), reply)
    pairs = [(said[f"rows.jsonl line {n}"].lower(), row["answer"].lower()) for n, row in enumerate(rows, start=1)]
    closed = [closed_yes_no(p, t) for p, t in pairs if t in ("yes", "no")]
    opened = [open_answer(p, t).recall for p, t in pairs if t not in ("yes", "no")]
    found = _values(tmp_path / "run", "MedEvalKit VQA-RAD")
    assert closed and opened
    assert found["closed accuracy"].value == pytest.approx(_mean(closed), abs=1e-12)
    assert found["open recall"].value == pytest.approx(_mean(opened), abs=1e-12)


# ---------------------------------------------------------------- LLaVA-Med's own files


def _llava(folder: Path, *ids: str) -> tuple[Path, Path]:
    kinds = {"1": ("Where?", "left lung", "OPEN"), "2": ("Is it?", "No", "CLOSED")}
    said = {"1": "The left lung", "2": "I cannot tell."}
    truth = [
        {"id": one, "image": "a.png", "answer_type": kind,
         "conversatons": [{"from": "human", "value": f"<image>\n{q}"}, {"from": "gpt", "value": a}]}
        for one, (q, a, kind) in kinds.items()
    ]  # fmt: skip
    answers = [{"question_id": one, "prompt": "x", "text": said[one], "answer_id": "z", "metadata": {}} for one in ids]
    paths = folder / "test.json", folder / "answers.jsonl"
    paths[0].write_text(json.dumps(truth), "utf-8-sig")
    paths[1].write_text("\n".join(map(json.dumps, answers)))
    return paths


def test_llava_meds_answer_file_beside_its_questions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    truth, answers = _llava(tmp_path, "2", "1")
    found = read_predictions(answers, truth=truth)
    assert [sample.query.question for sample in found.samples] == ["Is it?", "Where?"]
    found.keep(tmp_path / "run")
    values = _values(tmp_path / "run", "LLaVA-Med")
    assert values["closed accuracy"].value == 1, "cannot holds no"
    assert values["open recall"].value == 1
    assert main(["score", str(answers), "--truth", str(truth), "--protocol", "LLaVA-Med"]) == 0
    assert "closed accuracy" in capsys.readouterr().out
    with pytest.raises(DatasetError, match="--truth"):
        read_predictions(answers)


def test_other_ids_than_the_questions(tmp_path: Path) -> None:
    truth, answers = _llava(tmp_path, "1")
    with pytest.raises(DatasetError, match="1 questions without an answer and 0 answers without"):
        read_predictions(answers, truth=truth)


@pytest.mark.parametrize(
    ("said", "right"),
    [("B", 1.0), ("(b)", 1.0), ("B. liver", 1.0), ("Liver", 1.0), ("A", 0.0), ("A. lung", 0.0), ("C", 0.0)],
)  # fmt: skip
@pytest.mark.parametrize("task", ["answer_closed", "classify"])
@pytest.mark.parametrize("true", ["B", "liver", "B. liver"])
@pytest.mark.parametrize("options", [["lung", "liver"], {"A": "lung", "B": "liver"}], ids=["a list", "by letters"])
def test_letters_of_listed_options(said: str, right: float, options: Any, true: str, task: str, tmp_path: Path) -> None:
    row = {"question": "Which?", "options": options, "truth": true, "prediction": said, "task": task}
    path = tmp_path / "answers.jsonl"
    path.write_text(json.dumps(row))
    found = read_predictions(path)
    found.keep(tmp_path / "run")
    assert score(tmp_path / "run", protocol=["umit"])["accuracy"] == right
    assert found.records[0][2]["raw"] == said, "the model's text stays as it is"


def test_letters_of_ms_swifts_results_where_the_row_lists_options(tmp_path: Path) -> None:
    rows = [("B", "B"), ("liver", "b"), ("A. lung", "A: lung"), ("A", "B")]
    lines = [{"query": "Which?", "options": ["lung", "liver"], "label": true, "response": said} for true, said in rows]
    path = tmp_path / "answers.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    read_predictions(path).keep(tmp_path / "run")
    assert score(tmp_path / "run", protocol=["umit"])["accuracy"] == 0.75
