"""Other programs' answers are read as they are: nothing is guessed, nothing is lost without a word."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from umit.checkpoints import RELEASED
from umit.cli import main
from umit.errors import DatasetError, InputError
from umit.evaluation.compare import compare
from umit.evaluation.floor import card_of
from umit.evaluation.journal import LINES, records
from umit.evaluation.predictions import Predictions, read_predictions
from umit.evaluation.record import pair_of
from umit.evaluation.score import score
from umit.geometry import Box2D, Point2D
from umit.metrics.metric import Pair
from umit.queries import Ask, Choose, Describe, Find, Locate
from umit.results import Answer, Classification, Detections, Report

from .runs import every_task, write

CARD = "dz-osamu/UMIT-B"
CLOSED = "Given this image, choose one option from: 1:yes\n2:no to answer the question: Is it broken?"
OPEN = "Given this image, please answer the question: Where?"
OPEN_ZH = "根据给定的图像, 请简洁回答问题：哪里？"
CLOSED_ZH = "根据给定的图像, 请从：1：是 \n2：否 中选择一个选项回答问题：骨折了吗？"
FIND = "Find <|object_ref_start|> pneumonia<|object_ref_end|> in this image"
BOX = "<|box_start|>(0,0),(512,1024)<|box_end|>"
LOCATE = "Given this image, find the {Gonion}, the response is given in the format of the coordinates [x,y]"
YES_NO = ("yes", "no")


def _file(folder: Path, *rows: Mapping[str, Any] | str, start: bytes = b"") -> Path:
    path = folder / "answers.jsonl"
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    path.write_bytes(start + "\n".join(lines).encode())
    return path


def _read(path: Path, **more: Any) -> tuple[Predictions, list[str]]:
    told: list[str] = []
    return read_predictions(path, tell=told.append, **more), told


def _pairs(found: Predictions) -> list[Pair[Any]]:
    return [pair_of(record) for _, _, record in found.records]


def _swift2(query: str, said: str, true: str | None, **more: Any) -> dict[str, Any]:
    return {"query": query, "response": said, "label": true, "history": [], **more}


def _swift3(query: str, said: str, true: str | None, **more: Any) -> dict[str, Any]:
    turns = [{"role": "user", "content": query}, {"role": "assistant", "content": said}]
    return {"messages": turns, "response": said, "labels": true, "logprobs": None, **more}


def _lmms(asked: str, said: Any, true: str, **more: Any) -> dict[str, Any]:
    """A line as lmms-eval 0.7.3 writes it: without doc and arguments, lists of one taken apart."""
    return {
        "doc_id": 0, "target": true, "filtered_resps": said, "token_counts": [None], "doc_hash": "a",
        "exact_match": float(said == true), "input": asked, **more,
    }  # fmt: skip


def _harness(asked: str, said: str, true: str, **more: Any) -> dict[str, Any]:
    """A line as lm-evaluation-harness writes it."""
    return {
        "doc_id": 0, "doc": {"question": "Is it broken?", "modality": "CT"}, "target": true,
        "arguments": {"gen_args_0": {"arg_0": asked, "arg_1": {"until": ["\n"]}}},
        "resps": [[said]], "filtered_resps": [said], "filter": "none", **more,
    }  # fmt: skip


def _plain(said: Any, true: Any, **more: Any) -> dict[str, Any]:
    return {"question": "Is it broken?", "prediction": said, "truth": true, **more}


YES, NO = Answer(text="yes", option=0), Answer(text="no", option=1)


@pytest.mark.parametrize(
    ("row", "query", "gold", "found"),
    [
        (_swift2(CLOSED, "2:no", "1:yes"), Ask("Is it broken?", YES_NO), YES, NO),
        (_swift2(CLOSED, "no", "2"), Ask("Is it broken?", YES_NO), NO, NO),
        (_swift2(CLOSED, "No, it is whole.", "2:no"), Ask("Is it broken?", YES_NO), NO, None),
        (_swift2(CLOSED, "\n\n", "2:no"), Ask("Is it broken?", YES_NO), NO, None),
        (_swift3(OPEN, "left", "right"), Ask("Where?"), Answer(text="right"), Answer(text="left")),
        (_swift3(OPEN_ZH, "左肺。", "左肺"), Ask("哪里？", language="zh"), Answer(text="左肺"), Answer(text="左肺。")),
        (_swift3(CLOSED_ZH, "２：否", "2：否"), Ask("骨折了吗？", ("是", "否"), language="zh"), Answer(text="否", option=1), Answer(text="否", option=1)),
        (_lmms(OPEN, "left", "right"), Ask("Where?"), Answer(text="right"), Answer(text="left")),
        (_harness(CLOSED, "1:yes", "2:no"), Ask("Is it broken?", YES_NO), NO, YES),
        (_plain("Yes.", "yes", options=YES_NO), Ask("Is it broken?", YES_NO), YES, YES),
        (_plain("2", 1, options=YES_NO), Ask("Is it broken?", YES_NO), YES, NO),
        (_plain(None, "left"), Ask("Is it broken?"), Answer(text="left"), None),
        (_plain("１", 0, options=("a", "b"), task="classify"), Choose(("a", "b"), "Is it broken?"), Classification(label="a"), Classification(label="b")),
        (_plain("清晰。", "清晰", task="report_film", language="zh"), Describe(language="zh"), Report(text="清晰"), Report(text="清晰。")),
        ({"answer": "left", "label": "left", "question": "Where?"}, Ask("Where?"), Answer(text="left"), Answer(text="left")),
    ],
)  # fmt: skip
def test_rows_of_every_format(tmp_path: Path, row: Any, query: Any, gold: Any, found: Any) -> None:
    (pair,) = _pairs(_read(_file(tmp_path, row))[0])
    assert (pair.query, pair.gold, pair.found) == (query, gold, found)
    assert pair.raw == (row.get("response") or row.get("prediction") or pair.raw or "")


@pytest.mark.parametrize("end", ["<|im_end|>", "<|endoftext|>\n", " <|im_end|>\n<|endoftext|> ", "</s>"])
def test_end_tokens_are_no_part_of_an_answer(tmp_path: Path, end: str) -> None:
    rows = [_swift2(CLOSED, f"1:yes{end}", "1:yes"), _swift2(OPEN, f"liver{end}", "liver")]
    found, told = _read(_file(tmp_path, *rows))
    pairs = _pairs(found)
    assert told == [] and [pair.found.text for pair in pairs] == ["yes", "liver"]
    assert [pair.found.raw for pair in pairs] == [f"1:yes{end}", f"liver{end}"]


def test_end_tokens_cost_nothing(tmp_path: Path) -> None:
    rows = [(CLOSED, "1:yes"), (OPEN, "liver")]
    kept = _values(_file(tmp_path, *(_swift2(q, f"{a}<|im_end|>", a) for q, a in rows)), tmp_path / "a")
    plain = _values(_file(tmp_path, *(_swift2(q, a, a) for q, a in rows)), tmp_path / "b")
    assert plain["umit", "exact match"] == 1
    assert {k: repr(v) for k, v in kept.items()} == {k: repr(v) for k, v in plain.items()}


def test_an_end_token_within_a_text_stays(tmp_path: Path) -> None:
    found, _ = _read(_file(tmp_path, _swift2(OPEN, "liver<|im_end|>spleen", "liver")))
    assert _pairs(found)[0].found.text == "liver<|im_end|>spleen"


def test_a_prompt_of_another_program_needs_a_task(tmp_path: Path) -> None:
    rows = [_lmms("Is it broken? One word.", "no", "yes"), _lmms(OPEN, ["left"], "left", doc_id="b")]
    found, told = _read(_file(tmp_path, *rows))
    assert [pair.query for pair in _pairs(found)] == [Ask("Where?")] and "--task" in told[0]
    found, told = _read(_file(tmp_path, *rows), task="answer_open", language="zh")
    assert _pairs(found)[0].query == Ask("Is it broken? One word.", language="zh") and not told


def test_marks_and_a_byte_order_mark_and_mixed_tasks(tmp_path: Path) -> None:
    rows = [_swift2(CLOSED, "1:yes", "1:yes"), _swift2(OPEN, "left", "left"), _swift3(OPEN_ZH, "左", "右")]  # fmt: skip
    found, told = _read(_file(tmp_path, *rows, start=b"\xef\xbb\xbf"))
    assert [record["task"] for _, _, record in found.records] == [
        "answer_closed", "answer_open", "answer_open",
    ] and not told  # fmt: skip
    assert [name for name, _, _ in found.records] == ["1", "2", "3"]


# ---------------------------------------------------------------- what is left out, and what stops


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (_swift2(OPEN, "left", None), "no truth"),
        (_swift2(OPEN, "left", ""), "no truth"),
        (_plain("left", None), "no truth"),
        (_swift2(CLOSED, "1:yes", "maybe"), "their truth is no answer of answer_closed"),
        (_swift2(FIND, BOX, BOX, images=["a.png"]), "detect_2d needs --root and --card"),
        (_swift2("Describe.", "left", "left"), "none of the card's prompts"),
    ],
)
def test_rows_that_are_left_out_are_counted(tmp_path: Path, row: Any, why: str) -> None:
    good = _plain("left", "left") if "prediction" in row else _swift2(OPEN, "left", "left")
    found, told = _read(_file(tmp_path, row, good, row))
    assert len(found.records) == 1 and found.manifest["rows"] == 3
    assert [(count, why in said) for said, count in found.left_out.items()] == [(2, True)]
    assert len(told) == 1 and told[0].startswith("answers.jsonl line 1: left out, 2 in all: ")
    assert why in told[0] and any(why in said for said in found.manifest["left_out"])


def test_the_last_line_may_be_cut(tmp_path: Path) -> None:
    good = json.dumps(_plain("左", "左"), ensure_ascii=False)
    found, told = _read(_file(tmp_path, good, good[:30]))
    assert len(found.records) == 1 and "line 2" in told[0] and "cut" in told[0]
    path = _file(tmp_path, good)
    path.write_bytes(path.read_bytes() + b"\n" + good.encode()[: good.encode().index(b"\xe5") + 1])
    assert len(_read(path)[0].records) == 1, "in the middle of a character"
    with pytest.raises(DatasetError, match="line 1"):
        _read(_file(tmp_path, good[:30], good))


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"question": "a", "answer": "b", "prediction": "c"}, "prediction or answer, got prediction and answer"),
        ({"question": "a", "prediction": "b"}, "truth or label, got the fields question, prediction"),
        ({"frage": "a", "antwort": "b"}, "got the fields frage, antwort"),
        ({"prediction": "b", "truth": "c"}, "expected a question or a task"),
        (_plain({"a": 1}, "b"), "expected the model's text"),
        (_plain("b", ["b", "c"]), "'truth' with text, got list"),
        (_plain("b", "b", options="yes"), "options as a list"),
        (_plain("b", "b", options=["yes", "YES"]), "distinct options"),
        (_plain("b", "b", task="answer_closed"), "expected options for answer_closed"),
        (_plain("b", "b", task="guess"), "got 'guess'"),
        (_plain("b", "b", language="de"), "'en' or 'zh', got 'de'"),
        (_plain("b", "b", image="https://a.example/b.png"), "got the address"),
        (_plain("b", "b", task="detect_2d", image="a.nii.gz"), "expected a film for detect_2d"),
        (_plain("b\ud800", "b"), "lone surrogate"),
        ({**_plain("b", "b", task="landmark"), "question": OPEN}, "got one of answer_open"),
        ({"messages": [{"role": "user", "content": OPEN}]}, "response beside label or labels"),
        (_lmms("a", [["-1.5", "False"], ["-2.5", "True"]], "1"), "log-likelihoods"),
        (_lmms("a", "b", "['b', 'c']"), "expected one target"),
        ({"doc_id": 1, "filtered_resps": ["a"], "target": "b"}, "expected the prompt"),
    ],
)  # fmt: skip
def test_wrong_rows_stop_with_their_line(tmp_path: Path, row: Any, said: str) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_text(json.dumps(row) + "\n")
    with pytest.raises(DatasetError, match=re.escape(said)) as error:
        _read(path)
    assert error.value.file == "answers.jsonl line 1"


def test_a_box_is_no_list_of_targets(tmp_path: Path) -> None:
    found, _ = _read(_file(tmp_path, _lmms("Where?", "b", "[253,610]")), task="answer_open")
    assert _pairs(found)[0].gold == Answer(text="[253,610]")


def test_two_rows_of_one_id_stop(tmp_path: Path) -> None:
    path = _file(tmp_path, _lmms(OPEN, "a", "a"), _lmms(OPEN, "b", "a"))
    with pytest.raises(InputError, match="'0' twice") as error:
        _read(path)
    assert error.value.where == "answers.jsonl line 2"


def test_nothing_to_score_stops(tmp_path: Path) -> None:
    for path in (_file(tmp_path), _file(tmp_path, _swift2(OPEN, "left", None))):
        with pytest.raises(DatasetError, match="found none"):
            _read(path)
    with pytest.raises(InputError, match="expected one of answer_open"):
        _read(_file(tmp_path, _plain("a", "a")), task="guess")


# ---------------------------------------------------------------- coordinates


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """A folder of pictures; one is 200 x 100 and has no pixels behind its header."""
    folder = tmp_path / "films"
    folder.mkdir()
    Image.fromarray(np.zeros((100, 200), np.uint8)).save(folder / "a.jpg")
    data = (folder / "a.jpg").read_bytes()
    (folder / "a.jpg").write_bytes(data[: data.index(b"\xff\xda") + 14])  # Pillow 11 wants the scan's head
    return folder


def _placed(tmp_path: Path, films: Path, *rows: Any) -> tuple[Predictions, list[str]]:
    return _read(_file(tmp_path, *rows), root=films, card=CARD)


def test_coordinates_come_from_headers_and_the_cards_frame(tmp_path: Path, films: Path) -> None:
    none = RELEASED[CARD].tasks["detect_2d"].wording["en"].nothing.format("pneumonia")
    found, told = _placed(
        tmp_path, films,
        _swift2(FIND, BOX, BOX, images=["a.jpg"]),
        _swift3(FIND, none, BOX, images=[{"path": "/elsewhere/films/a.jpg", "bytes": None}]),
        _swift2(FIND, "I see none of it", BOX, images=["a.jpg"]),
        _swift2(LOCATE, "[300,400]", "[0,800]", images=["a.jpg"]),
    )  # fmt: skip
    whole, nothing, vague, point = _pairs(found)
    assert whole.found is not None and point.found is not None
    assert whole.query == Find("pneumonia") and not told
    assert whole.gold.items[0].box == whole.found.items[0].box == Box2D(0, 0, 100, 100)
    assert nothing.found == Detections() and vague.found is None, "what is unreadable is not nothing"
    assert point.query == Locate("Gonion")
    assert (point.found["Gonion"], point.gold["Gonion"]) == (Point2D(100, 50), Point2D(0, 100))


def test_plain_rows_name_their_target(tmp_path: Path, films: Path) -> None:
    row = {"question": "nodule", "prediction": BOX, "truth": BOX, "task": "detect_2d", "image": "a.jpg"}  # fmt: skip
    (pair,) = _pairs(_placed(tmp_path, films, row)[0])
    assert pair.query == Find("nodule") and pair.found is not None
    assert pair.found.items[0].label == "nodule"
    _, told = _read(_file(tmp_path, row, _plain("a", "a")), root=films)
    assert "detect_2d needs --card" in told[0], "its frame cannot be guessed"
    _, told = _read(_file(tmp_path, row, _plain("a", "a")), card=CARD)
    assert "detect_2d needs --root" in told[0]


@pytest.mark.parametrize("name", ["../out.png", "../films/a.jpg", "link.png"])
def test_paths_out_of_the_root_stop(tmp_path: Path, films: Path, name: str) -> None:
    Image.fromarray(np.zeros((10, 10), np.uint8)).save(tmp_path / "out.png")
    (films / "link.png").symlink_to(tmp_path / "out.png")
    with pytest.raises(DatasetError, match=r"line 2.*inside the data set"):
        _placed(tmp_path, films, _swift2(OPEN, "a", "a"), _swift2(FIND, BOX, BOX, images=[name]))


def test_a_wrong_root_leaves_coordinates_out(tmp_path: Path, films: Path) -> None:
    wrong = tmp_path / "other"
    wrong.mkdir()
    rows = [
        _swift2(OPEN, "a", "a", images=["a.jpg"]),
        _swift2(FIND, BOX, BOX, images=["a.jpg"]),
        _swift2(FIND, BOX, BOX, images=[str(films / "a.jpg")]),
    ]
    found, told = _placed(tmp_path, wrong, *rows)
    assert len(found.records) == 1 and len(told) == 1
    assert "line 2: left out, 2 in all: expected a file, found none" in told[0]


def test_answers_about_one_picture_are_drawn_together(tmp_path: Path) -> None:
    rows = [_plain("a", "a", image=f"/patients/{name}.png", id=i) for i, name in enumerate("aab")]
    found, _ = _read(_file(tmp_path, *rows, _plain("a", "a", group="g", id=9)))
    groups = [record["group"] for _, _, record in found.records]
    assert groups[0] == groups[1] != groups[2] and groups[3] == "g"
    found.keep(tmp_path / "run")
    assert "patients" not in (tmp_path / "run" / LINES).read_text("utf-8")
    assert {row.groups for row in score(tmp_path / "run").rows} == {3}


# ---------------------------------------------------------------- as a run


def test_a_file_becomes_a_run_like_any_other(tmp_path: Path) -> None:
    rows = [_plain("Yes", "yes", options=YES_NO), _plain("no", "yes", options=YES_NO)]
    found, _ = _read(_file(tmp_path, *rows))
    for _ in range(2):
        found.keep(tmp_path / "run")
    assert len((tmp_path / "run" / LINES).read_text("utf-8").splitlines()) == 2
    assert score(tmp_path / "run")["accuracy"] == 0.5
    other, _ = _read(_file(tmp_path, rows[0], rows[0]))
    other.keep(tmp_path / "other")
    (row,) = (r for r in compare(tmp_path / "run", tmp_path / "other").rows if r.metric == "accuracy" and r.protocol == "umit")  # fmt: skip
    assert (row.a, row.b) == (0.5, 1.0)
    with pytest.raises(InputError, match="same file"):
        other.keep(tmp_path / "run")


@pytest.mark.parametrize(("card", "kept"), [(None, False), (CARD, True), ("umit-phantom", True)])
def test_a_run_keeps_the_card_that_was_named(card: str | None, kept: bool, tmp_path: Path) -> None:
    found, _ = _read(_file(tmp_path, _plain("Yes", "yes", options=YES_NO)), card=card)
    found.keep(tmp_path / "run")
    assert card_of(tmp_path / "run") == (found.card if kept else None)
    assert found.card is None or found.card.name == card


def test_lines_of_our_own_journal(tmp_path: Path) -> None:
    run = write(tmp_path / "run", every_task())
    found, _ = _read(run / LINES)
    found.keep(tmp_path / "again")
    assert list(records(tmp_path / "again")) == list(records(run))
    path = _file(tmp_path, '{"id": "1", "ok": true, "query": {}, "gold": {}}')
    with pytest.raises(DatasetError, match="line 1"):
        _read(path)


def _values(path: Path, folder: Path, **more: Any) -> dict[tuple[str, str], float]:
    _read(path, **more)[0].keep(folder)
    return {(r.protocol, r.metric): r.value for r in score(folder).rows if not r.language}


@pytest.mark.shared
def test_rows_recorded_with_ms_swift(shared: Path, tmp_path: Path) -> None:
    """What the real command wrote; with the label as response every structured task is perfect."""
    path = shared / "golden/qwen2vl_swift_2_6/infer_result_rows.jsonl"
    found, told = _read(path, root=shared, card=CARD)
    assert len(found.records) == 28 and found.manifest["rows"] == 37
    assert sorted(found.left_out.values()) == [2, 7] and len(told) == 2
    assert not any(pair.found for pair in _pairs(found)), "its model was random"
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    told_truth = _file(tmp_path, *({**row, "response": row["label"] or ""} for row in rows))
    found, _ = _read(told_truth, root=shared, card=CARD)
    assert all(pair.found == pair.gold for pair in _pairs(found))


@pytest.mark.shared
def test_the_golden_answers_score_as_their_own_scorers_did(shared: Path, tmp_path: Path) -> None:
    """The recorded 425 answers, as lines of plain names, give LLaVA-Med's recorded numbers."""
    items = json.loads((shared / "golden/metrics/vqa_inputs.json").read_text("utf-8"))["items"]
    rows = [
        {
            "id": item["id"], "question": item["question"], "prediction": item["prediction"],
            "truth": item["answer"], "language": item["lang"],
        }
        for item in items
    ]  # fmt: skip
    expected = json.loads((shared / "golden/metrics/vqa_llava_med.json").read_text("utf-8"))
    whole = expected["aggregate"]["all"]
    recall = {one["id"]: one["recall"] for one in expected["expected"] if "recall" in one}
    values = _values(_file(tmp_path, *(r for r in rows if r["id"] in recall)), tmp_path / "run")
    assert len(recall) == whole["n_open"]
    wanted = whole["reference_percent"]["recall"] / 100
    assert values["LLaVA-Med", "open recall"] == pytest.approx(wanted, abs=1e-12)


# ---------------------------------------------------------------- the page that tells of it


def _blocks(page: str) -> Sequence[str]:
    return re.findall(r"^```(?:python|text)\n(.*?)^```$", page, re.M | re.S)


def test_the_how_to_shows_what_its_code_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = Path(__file__).parents[2] / "docs" / "how-to" / "score-predictions.md"
    code, shown = _blocks(page.read_text("utf-8"))
    monkeypatch.chdir(tmp_path)
    exec(compile(code, page.name, "exec"), {})
    assert capsys.readouterr().out == shown
    values = {float(found) for found in re.findall(r"\d\.\d{3}", shown)}
    assert max(values) - min(values) > 0.2, "one file, different numbers"
    assert main(["score", "answers.jsonl", "--protocol", "LLaVA-Med"]) == 0


@pytest.mark.parametrize(("truth", "kept", "told"), [
    ("", 5, "left out of the file, 1: they have no truth"), ("left", 3, "3 of 6 items have not been asked"),
])  # fmt: skip
def test_what_a_kept_run_lacks_is_said_each_time(truth: str, kept: int, told: str, tmp_path: Path) -> None:
    rows = [{"question": f"Where {i}?", "prediction": "left", "truth": truth if i == 2 else "left"} for i in range(6)]
    file, run = tmp_path / "p.jsonl", tmp_path / "run"
    file.write_text("\n".join(map(json.dumps, rows)))
    read_predictions(file, tell=lambda _: None).keep(run)
    lines = (run / LINES).read_text().splitlines(keepends=True)
    (run / LINES).write_text("".join(lines[:kept]))
    assert score(run).gaps == (told,)
