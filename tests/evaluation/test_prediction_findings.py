"""Rows of several findings come together by picture; nothing that is missing is taken for "no"."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from umit.checkpoints import RELEASED
from umit.datasets import load
from umit.datasets.convert import convert
from umit.datasets.medmnist_sets import SETS
from umit.errors import DatasetError
from umit.evaluation.prediction_findings import UNSCORED
from umit.evaluation.predictions import Predictions, read_predictions
from umit.evaluation.record import pair_of
from umit.evaluation.score import score
from umit.results import Findings

from ..datasets.layouts.draw import pixels

pytestmark = pytest.mark.filterwarnings("ignore::umit.errors.DatasetWarning")
SET = SETS["chestmnist"]
#: Which labels hold in each of four pictures, by number.
TRUE = ((), (1, 2), (1,), (13,))
YES, NO = {"en": "1:yes", "zh": "1：是"}, {"en": "2:no", "zh": "2：否"}


def _read(path: Path, **more: Any) -> tuple[Predictions, list[str]]:
    told: list[str] = []
    return read_predictions(path, tell=told.append, **more), told


def _file(folder: Path, rows: Any) -> Path:
    path = folder / "answers.jsonl"
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), "utf-8")
    return path


@pytest.fixture(params=["en", "zh"])
def converted(request: Any, tmp_path: Path) -> tuple[Any, list[dict[str, Any]]]:
    """ChestMNIST of four pictures, and the rows that umit writes of it."""
    labels = np.array([[n in true for n in range(14)] for true in TRUE], np.uint8)
    shown = np.stack([pixels(n, 28, 28, 0) for n in range(len(TRUE))])
    np.savez(tmp_path / "chestmnist.npz", test_images=shown, test_labels=labels)
    samples = load("medmnist-2d", tmp_path, variant="chestmnist", split="test", language=request.param)
    card = next(iter(RELEASED.values()))
    convert(samples, tmp_path / "rows.jsonl", form="swift2", tasks=card.tasks)
    lines = (tmp_path / "rows.jsonl").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return samples, [{**row, "label": row["response"], "history": []} for row in rows]


def _numbers(found: Predictions, folder: Path) -> dict[str, float]:
    found.keep(folder)
    return {row.metric: row.value for row in score(folder).rows if not row.language}


def test_truth_told_back_is_perfect_and_one_wrong_costs_what_it_should(converted: Any, tmp_path: Path) -> None:
    samples, rows = converted
    found, told = _read(_file(tmp_path, rows))
    wanted = list(samples)
    assert [(s.id, s.query, s.gold, s.group) for s in found.samples] == [
        (s.id, s.query, s.gold, s.group) for s in wanted
    ], "the samples that umit itself asks"
    assert told == [f"answers.jsonl: findings have no {', '.join(UNSCORED)}: texts carry no probabilities"]  # fmt: skip
    values = _numbers(found, tmp_path / "run")
    assert {name for name, value in values.items() if math.isnan(value)} == set(UNSCORED)
    assert {value for name, value in values.items() if name not in UNSCORED} == {1.0}
    language = wanted[0].query.language
    (wrong,) = (row for row in rows[14:28] if SET.labels(language)[1] in row["query"])
    wrong["response"] = NO[language]  # the enlarged heart of the second picture
    run = tmp_path / "one-wrong"
    values = _numbers(_read(_file(tmp_path, rows))[0], run)
    # One of 56 marks; one of 4 pictures. F1: heart 1 of 2 found, 2 / 3; effusion and hernia 1; others nowhere.
    assert values["accuracy"] == pytest.approx(55 / 56)
    assert values["exact match"] == pytest.approx(3 / 4)
    assert values["macro F1"] == pytest.approx((2 / 3 + 1 + 1) / 3)
    assert values["micro F1"] == pytest.approx(2 * 3 / (2 * 3 + 1))
    parts = {(r.part, r.metric): r.value for r in score(run, by=["finding"]).rows if r.part}
    heart, effusion = (f"finding={SET.labels(language)[n]}" for n in (1, 2))
    assert parts[heart, "macro F1"] == pytest.approx(2 / 3) and parts[heart, "accuracy"] == 0.75
    assert parts[effusion, "macro F1"] == parts[effusion, "accuracy"] == 1.0
    assert len({part for part, _ in parts}) == 14


def test_rows_that_lost_our_field_are_joined_by_their_picture(converted: Any, tmp_path: Path) -> None:
    """As ms-swift 2.6 writes them: query, response, label, history, images."""
    _, rows = converted
    bare = [{k: v for k, v in row.items() if k != "umit"} for row in rows]
    mixed = [bare[k] for k in np.random.default_rng(3).permutation(len(bare))]
    found, _ = _read(_file(tmp_path, mixed), task="findings")
    assert len(found.records) == len(TRUE)
    values = _numbers(found, tmp_path / "run")
    assert {value for name, value in values.items() if name not in UNSCORED} == {1.0}
    counts = sorted(sum(m.present for m in s.gold) for s in found.samples)
    assert counts == sorted(map(len, TRUE))
    found, _ = _read(_file(tmp_path, bare))
    assert {record["task"] for _, _, record in found.records} == {"answer_closed"}, "not said"


# ---------------------------------------------------------------- awkward files


def _plain(marks: Mapping[str, tuple[Any, Any]], image: str = "a.png", **more: Any) -> list[Any]:
    """Rows of one picture: truth and text of each label."""
    return [
        {"question": label, "truth": true, "prediction": said, "image": image, "task": "findings", **more}
        for label, (true, said) in marks.items()
    ]


MASS, BOTH = {"mass": ("yes", "no")}, {"mass": ("yes", "no"), "edema": ("no", "no")}
GOOD = _plain(BOTH, "good.png")


@pytest.mark.parametrize(
    ("rows", "count", "why"),
    [
        (_plain(MASS), 1, "no row that can be scored for edema"),
        (_plain({**BOTH, "edema": (None, "no")}), 1, "no row that can be scored for edema"),
        (_plain({**BOTH, "edema": ("maybe", "no")}), 1, "no row that can be scored for edema"),
        (_plain(BOTH) + _plain(MASS), 3, "two rows for one label"),
        ([{**row, "image": None} for row in _plain(BOTH)], 2, "need an image, or a group"),
    ],
)  # fmt: skip
def test_pictures_that_are_not_whole_are_left_out(tmp_path: Path, rows: list[Any], count: int, why: str) -> None:
    found, told = _read(_file(tmp_path, GOOD + _plain(BOTH, "also.png") + rows))
    assert len(found.records) == 2 and found.left_out[next(w for w in found.left_out if why in w)] == count  # fmt: skip
    assert any(line.startswith("answers.jsonl line 5") and why in line for line in told)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (_plain({**BOTH, "fracture": ("no", "no")}), "most pictures are asked about, mass, edema, got 'fracture'"),
        (_plain({"mas": ("no", "no")}, set="chestmnist"), "expected a label of chestmnist, atelectasis"),
        (_plain({"肿块": ("no", "no")}, set="chestmnist"), "got '肿块'"),
        (_plain(MASS, options=["no", "yes"]), "expected options yes, no"),
        (_plain(MASS, language="zh", options=["yes", "no"]), "expected options 是, 否"),
        (_plain({"a\nb": ("no", "no")}), "a plain name"),
    ],
)  # fmt: skip
def test_labels_that_nobody_knows_stop_with_their_row(tmp_path: Path, rows: list[Any], said: str) -> None:
    place = f"line {4 + len(rows)}"
    with pytest.raises(DatasetError) as error:
        _read(_file(tmp_path, GOOD + _plain(BOTH, "also.png") + rows))
    assert said in str(error.value) and error.value.file == f"answers.jsonl {place}"


def test_an_unreadable_answer_is_no_no(tmp_path: Path) -> None:
    found, _ = _read(_file(tmp_path, _plain({**BOTH, "edema": ("no", "It cannot be told.")})))
    ((_, _, record),) = found.records
    assert record["found"] is None and record["raw"] == "It cannot be told."
    assert "1 of 2 answers could not be read" in record["error"]["message"]
    values = _numbers(found, tmp_path / "run")
    assert values["accuracy"] == values["exact match"] == values["micro F1"] == 0


def test_words_in_both_languages_by_group_and_by_folded_label(tmp_path: Path) -> None:
    rows = [
        *_plain({"Mass": ("yes", "Yes."), "Is there edema in this image?": ("no", "2")}),
        *_plain({"edema": (2, "no"), "mass": (1, "no")}, "b.png"),
        *({**row, "image": None, "group": "c"} for row in _plain({"肿块": ("是", "是"), "图像中有水肿吗？": ("否", "是")}, language="zh")),
        {"question": "Where?", "truth": "left", "prediction": "left"},
    ]  # fmt: skip
    found, _ = _read(_file(tmp_path, rows))
    pairs = [pair_of(record) for _, _, record in found.records]
    marks = [
        [(t.label, t.present, f.present) for t, f in zip(p.gold, p.found, strict=True)]
        for p in pairs
        if isinstance(p.gold, Findings) and p.found is not None
    ]
    assert marks == [
        [("Mass", True, True), ("edema", False, False)],
        [("Mass", True, False), ("edema", False, False)],
        [("肿块", True, True), ("水肿", False, True)],
    ]
    assert [record["task"] for _, _, record in found.records][-1] == "answer_open"
    assert [name for name, _, _ in found.records] == ["1", "3", "5", "7"]


def test_closed_questions_of_other_sets_stay_closed(tmp_path: Path) -> None:
    """VQA-RAD asks so too; no flag, no field: one question, one answer."""
    row = {"question": "Is there mass in this image?", "options": ["yes", "no"], "image": "a.png", "truth": "yes", "prediction": "yes"}  # fmt: skip
    found, _ = _read(_file(tmp_path, [row]))
    assert found.records[0][2]["task"] == "answer_closed"
    (sample,) = _read(_file(tmp_path, [row]), task="findings")[0].samples
    assert isinstance(sample.gold, Findings)
