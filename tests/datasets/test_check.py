"""The doctor finds each kind of fault, names file and line, and is quiet about what is whole."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from umit.checkpoints import RELEASED
from umit.cli import main
from umit.datasets import NAMES, describe, load
from umit.datasets.check import Complaint, _known, check
from umit.datasets.convert import convert
from umit.errors import DatasetError

from .layouts import layout
from .layouts.draw import picture

TASKS = RELEASED["dz-osamu/UMIT-B"].tasks
OPEN = "Given this image, please answer the question: Where?"
CLOSED = "Given this image, choose one option from: 1:yes\n2:no to answer the question: Normal?"
CLASS = "Given this image, choose one option from the 0:normal\n1:pneumonia,to answer the question: Which?"
FIND = "Find <|object_ref_start|> pneumonia<|object_ref_end|> in this image"


def _row(words: str, answer: str, *images: str, **more: Any) -> dict[str, Any]:
    return {"query": words, "response": answer, "images": list(images or ("a.png",)), **more}


def _found(folder: Path, *rows: Any) -> list[Complaint]:
    picture(folder / "a.png", seed=1)  # 80 × 60
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    path = folder / "rows.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return list(check(path, TASKS))


FAULTS = [
    pytest.param(_row(OPEN, "left", "b.png"), "missing", "b.png", id="a missing picture"),
    pytest.param('{"query": "Wh', "line", "JSON", id="a torn line"),
    pytest.param(_row(OPEN, " "), "empty", "empty", id="an empty answer"),
    pytest.param(_row("<image><image>" + OPEN, "left"), "row", "got 2", id="a tag too many"),
    pytest.param(_row(OPEN, "left", "../a.png"), "row", "inside", id="a path that leads out"),
    pytest.param(_row(OPEN, "left", "https://a.b/c"), "row", "address", id="an address"),
    pytest.param(_row(CLOSED, "0:yes"), "off_by_one", "'yes' is 1", id="options from 0"),
    pytest.param(_row(CLASS, "1:normal"), "off_by_one", "'normal' is 0", id="classes from 1"),
    pytest.param(_row(CLOSED, "maybe"), "answer", "one of the options", id="no option"),
    pytest.param(_row(FIND, "<bbox>", objects={"bbox": [[10, 10, 400, 300]]}), "outside", "leaves the picture of 80 x 60; the numbers look like thousandths", id="thousandths called pixels"),
    pytest.param(_row(FIND, "<bbox>", objects={"bbox": [[0.1, 0.1, 0.4, 0.3]]}), "scale", "within 0 and 1", id="shares called pixels"),
    pytest.param(_row(FIND, "<bbox>", objects={"bbox": [[100, 100, 1935, 2400]]}), "outside", "another canvas", id="another canvas"),
    pytest.param(_row(FIND, "(1,2)"), "answer", "boxes", id="half a box"),
    pytest.param(_row("Describe it.", "left"), "prompt", "are none of umit's", id="another prompt"),
    pytest.param(_row(OPEN, "left", "s10.png", "s2.png", "s3.png"), "slice_order", "'s2.png' comes after 's10.png'", id="slices as text"),
    pytest.param({"messages": [{"role": "nurse", "content": "a"}]}, "row", "nurse", id="an unknown speaker"),
]  # fmt: skip


@pytest.mark.parametrize(("row", "code", "said"), FAULTS)
def test_a_fault_is_found_with_its_line(tmp_path: Path, row: Any, code: str, said: str) -> None:
    found = _found(tmp_path, _row(OPEN, "right"), row)
    (one,) = (c for c in found if c.code == code)
    assert one.place == "rows.jsonl line 2" and said in one.message


PLAIN = "Where is the finding?"
BOXED = [
    pytest.param({"bbox": [[10, 10, 400, 300]]}, "outside", "thousandths", id="pixels beyond the picture"),
    pytest.param({"bbox": [[0.1, 0.1, 0.4, 0.3]]}, "scale", "within 0 and 1", id="shares called pixels"),
    pytest.param({"bbox": [[10, 10, 81, 30]]}, "outside", "leaves the picture of 80 x 60", id="one pixel beyond"),
    pytest.param({"bbox": [[200, 10, 300]], "bbox_type": "norm1000"}, "row", "four numbers", id="half a box"),
    pytest.param({"bbox": [[200, 10, 300, 1200]], "bbox_type": "norm1000"}, "row", "0 to 1000", id="beyond a scale"),
]  # fmt: skip


@pytest.mark.parametrize(("objects", "code", "said"), BOXED)
@pytest.mark.parametrize("asked", [PLAIN, FIND])
@pytest.mark.parametrize("side", ["answer", "question"])
def test_boxes_are_looked_at_under_any_prompt(
    objects: dict[str, Any], code: str, said: str, asked: str, side: str, tmp_path: Path
) -> None:
    words = (asked, "<bbox>") if side == "answer" else ("What is at <bbox>?", "a nodule")
    found = _found(tmp_path, _row(*words, objects=objects))
    assert any(one.code == code and said in one.message for one in found)


@pytest.mark.parametrize(
    "objects",
    [{"bbox": [[10, 10, 80, 60]]}, {"bbox": [[0, 0, 1000, 999]], "bbox_type": "norm1000"},
     {"bbox": [[0, 0, 0.5, 1]], "bbox_type": "norm1"}],
)  # fmt: skip
def test_boxes_inside_are_quiet(objects: dict[str, Any], tmp_path: Path) -> None:
    found = _found(tmp_path, _row(PLAIN, "<bbox>", objects=objects))
    assert [one.code for one in found] == ["prompt"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        pytest.param("<|box_start|>(900,20),(1300,40)<|box_end|>", "in pixels and in thousandths", id="tokens"),
        pytest.param("<|box_start|>(-3,20),(30,40)<|box_end|>", "in pixels and in thousandths", id="below nought"),
        pytest.param('```json\n[{"bbox_2d": [10, 20, 30, 4000], "label": "mass"}]\n```', "4000", id="JSON"),
        pytest.param("<|box_start|>(30,20),(30,40)<|box_end|>", "no area", id="no width"),
        pytest.param("<|box_start|>(900,20),(990,40)<|box_end|>", None, id="thousandths"),
        pytest.param('{"bbox_2d": [10, 20, 30, 40]}', None, id="pixels"),
        pytest.param("see (900,20),(1300,40) for more", None, id="numbers of a text"),
    ],
)
def test_boxes_in_the_words_of_any_prompt(answer: str, said: str | None, tmp_path: Path) -> None:
    found = [one.message for one in _found(tmp_path, _row(PLAIN, answer)) if one.code == "outside"]
    assert len(found) == (said is not None) and all(said in one for one in found if said)


def test_prompts_of_others_are_one_warning_a_file(tmp_path: Path) -> None:
    found = _found(tmp_path, *(_row(f"{PLAIN} {n}", "left") for n in range(5)))
    assert [(one.code, one.place) for one in found] == [("prompt", "rows.jsonl line 1")]
    assert "5 prompts" in found[0].message


def test_too_few_tags_and_texts_beyond_every_limit(tmp_path: Path) -> None:
    (tmp_path / "b.png").write_bytes(b"")
    picture(tmp_path / "b.png", seed=2)
    found = _found(
        tmp_path,
        _row("<image>" + OPEN, "left", "a.png", "b.png"),
        _row(OPEN, "lung, " * 40),
        _row(PLAIN, "lung " * 2000),
    )
    said = {(one.code, one.place[-1]): one.message for one in found}
    assert "1 tags <image> are missing" in said["tags", "1"]
    assert "at least 80 tokens, answer_open stops at 64" in said["too_long", "2"]
    assert "at least 2000 tokens" in said["too_long", "3"]


def test_labels_that_differ_by_width_and_a_label_in_words(tmp_path: Path) -> None:
    wide = FIND.replace("pneumonia", "ＰＮＥＵＭＯＮＩＡ")
    rows = [_row(FIND, "None"), _row(wide, "None"), _row(OPEN, "A nodule.", label="CT")]
    found = {one.code: one for one in _found(tmp_path, *rows)}
    assert "also spelled 'pneumonia'" in found["spelling"].message
    assert "its label 'CT' is text beside the answer" in found["row"].message


@pytest.mark.parametrize(
    ("write", "code"),
    [
        (lambda path: None, "missing"),
        (lambda path: path.write_bytes(b"\x93NUMPY\x01\x00v\x00{'descr': '<f4'"), "unreadable"),
        (lambda path: np.save(path, np.array([{"a": 1}], object)), "unreadable"),
        (lambda path: np.save(path, np.zeros((1, 4, 5, 6), np.float32)), None),
    ],
    ids=["missing", "torn", "of Python's objects", "whole"],
)
def test_arrays_are_opened(write: Any, code: str | None, tmp_path: Path) -> None:
    write(tmp_path / "v.npy")
    found = _found(tmp_path, _row(OPEN, "left", "v.npy"))
    assert [one.code for one in found] == ([code] if code else [])


def test_umits_own_table_is_read_with_its_pictures(tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    layout("rsna").write(tmp_path)
    path = tmp_path / "rows.parquet"
    convert(load("rsna", tmp_path, language="en"), path, form="parquet", tasks=TASKS)
    assert not [one for one in check(path, TASKS) if one.level == "error"]
    table = parquet.read_table(path).to_pylist()
    table[0]["images"][0]["bytes"] = table[0]["images"][0]["bytes"][:200]
    parquet.write_table(pyarrow.Table.from_pylist(table), path)
    (one,) = (one for one in check(path, TASKS) if one.level == "error")
    assert (one.code, one.place) == ("unreadable", "rows.parquet row 1")
    path.write_bytes(b"PAR1 and nothing else")
    (one,) = check(path, TASKS)
    assert "expected parquet" in one.message


@pytest.mark.parametrize(
    ("head", "lines", "said"),
    [
        ("image,label", ("a.png,x", "b.png,y", "a.png,"), "skipped, its label is empty"),
        ("image,label", ("a.png,x", "c.png,y"), "there is no file 'c.png'"),
        ("image,label,split", ("a.png,x,train", "b.png,y,test", "a.png,x,test"), "'a' is in train too"),
        ("image,x1,y1,x2,y2,label", ("a.png,1,1,90,9,x",), "leaves the picture of 80 x 60"),
        ("image,x1,y1,x2,y2,label", ("a.png,.1,.1,.9,.9,x",), "shares, no pixels"),
        ("image,question,answer", ("a.png,Where?,left", "b.png"), "expected 3 fields"),
        ("image,size,apex_x,apex_y", ('a.png,"[80, 50]",3,4',), "has 80 x 60 pixels, its row says 80 x 50"),
        ("name,text", ("a.png,x",), "expected a picture, got the fields name, text"),
        ("image,text", ("a.png,x",), "expected a question with an answer"),
    ],
)  # fmt: skip
def test_tables_of_ones_own(head: str, lines: tuple[str, ...], said: str, tmp_path: Path) -> None:
    for seed, name in enumerate(("a.png", "b.png")):
        picture(tmp_path / name, seed=seed)
    path = tmp_path / "my.csv"
    path.write_text("\n".join([head, *lines]) + "\n")
    errors = [one for one in check(path, TASKS) if one.level == "error"]
    assert len(errors) == 1 and said in errors[0].message


def test_fields_of_ones_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture(tmp_path / "a.png", seed=1)
    (tmp_path / "my.csv").write_text("scan_path,reply,ask\na.png,left,Where?\n")
    words = ["--fields", "image=scan_path,question=ask,answer=reply"]
    assert main(["data", "check", str(tmp_path / "my.csv"), *words]) == 0
    assert main(["data", "show", str(tmp_path / "my.csv"), *words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["gold"]["text"] == "left"
    assert main(["data", "convert", str(tmp_path / "my.csv"), str(tmp_path / "out.jsonl"), *words]) == 0
    assert not [one for one in check(tmp_path / "out.jsonl", TASKS) if one.level == "error"]
    assert main(["data", "show", str(tmp_path / "my.csv"), "--fields", "image"]) == 2


def test_what_is_whole_is_not_complained_of(tmp_path: Path) -> None:
    box = "<|box_start|>(512,256),(1024,512)<|box_end|>"
    rows = [_row(OPEN, "left"), _row(CLOSED, "2:no"), _row(CLASS, "1:pneumonia"), _row(FIND, box)]
    assert not _found(tmp_path, *rows)


def test_a_picture_that_is_a_page(tmp_path: Path) -> None:
    (tmp_path / "b.png").write_text("<!doctype html><html>404</html>")
    (one,) = _found(tmp_path, _row(OPEN, "left", "b.png"))
    assert one.code == "unreadable"


def test_splits_beside_each_other(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", seed=1)
    (tmp_path / "same.png").write_bytes((tmp_path / "a.png").read_bytes())
    for name, image in (("train", "a.png"), ("test", "a.png"), ("val", "same.png")):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps(_row(OPEN, "left", image)))
    found = {c.code: c for c in check(tmp_path / "train.jsonl", TASKS)}
    assert found["shared"].place == "test.jsonl line 1" and "train.jsonl line 1" in found["shared"].message
    assert "same.png" in found["repeated_file"].message


def test_a_row_twice(tmp_path: Path) -> None:
    (one,) = _found(tmp_path, _row(OPEN, "left"), _row(OPEN, "left"))
    assert (one.level, one.code, one.message) == ("warning", "repeated_row", "it is rows.jsonl line 1 again")


@pytest.mark.parametrize("name", NAMES)
def test_every_layout_is_known_by_its_files(name: str, tmp_path: Path) -> None:
    layout(name).write(tmp_path)
    if not layout(name).LOADS[0].get("fields"):  # else the user has to name them, and the set
        assert name in {dataset.name for dataset, _ in _known(tmp_path, None)}
        list(check(tmp_path, TASKS))


def test_faults_of_data_sets(tmp_path: Path) -> None:
    layout("slake-boxes").write(tmp_path)
    (tmp_path / "imgs" / "xmlab4" / "source.jpg").unlink()
    found = list(check(tmp_path, TASKS))
    said = "\n".join(f"{c.place}: {c.message}" for c in found)
    assert "train.json row 2: skipped, its answer is empty" in said
    assert "xmlab2/detection.json: the box of 'Nodule' leaves the picture, clipped" in said
    assert "there is no file 'source.jpg'" in said
    assert any(c.code == "shared_across_languages" for c in found)


def test_names_that_fold_to_one_and_texts_beyond_the_limit(tmp_path: Path) -> None:
    layout("slake-boxes").write(tmp_path)
    boxes = [{"Nodule": [4, 4, 8, 8]}, {"ｎｏｄｕｌｅ": [30, 4, 8, 8]}]
    (tmp_path / "imgs" / "xmlab3" / "detection.json").write_text(json.dumps(boxes), "utf-8")
    rows = json.loads((tmp_path / "train.json").read_text("utf-8"))
    rows[0]["answer"] = "lung, " * 40
    (tmp_path / "train.json").write_text(json.dumps(rows, ensure_ascii=False), "utf-8")
    found = {c.code: c for c in check(tmp_path, TASKS)}
    assert "'ｎｏｄｕｌｅ' is also spelled 'nodule'" in found["spelling"].message
    assert found["too_long"].place == "train.json row 1"
    assert "at least 80 tokens, answer_open stops at 64" in found["too_long"].message


def test_an_unknown_folder(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="--name"):
        list(check(tmp_path, TASKS))


def test_pictures_may_lie_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "rows").mkdir()
    picture(tmp_path / "films" / "b.png", seed=1)
    path = tmp_path / "rows" / "rows.jsonl"
    path.write_text(json.dumps(_row(OPEN, "left", "b.png")))
    assert [c.code for c in check(path, TASKS)] == ["missing"]
    assert not list(check(path, TASKS, pictures=tmp_path / "films"))


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _found(tmp_path, _row(OPEN, "left"))
    assert main(["data", "check", str(tmp_path / "rows.jsonl")]) == 0
    assert capsys.readouterr().out == "0 errors, 0 warnings\n"
    _found(tmp_path, _row(CLOSED, "0:yes"))
    assert main(["data", "check", str(tmp_path / "rows.jsonl"), "--json"]) == 1
    first, *_ = capsys.readouterr().out.splitlines()
    assert json.loads(first)["code"] == "off_by_one"


@pytest.mark.slow  # opens every sample
def test_the_real_samples(shared: Path) -> None:
    found = list(check(shared / "samples" / "vqa_rad", TASKS, name="vqa-rad"))
    rows = [
        row
        for name in ("trainset.json", "testset.json")
        for row in json.loads((shared / "samples" / "vqa_rad" / name).read_text("utf-8"))
    ]
    told = [c.message for c in found if c.code == "row"]
    assert sum("is the number" in m for m in told) == sum(isinstance(r["answer"], int) for r in rows)
    assert sum("'CLOSED '" in m for m in told) == sum(r["answer_type"] == "CLOSED " for r in rows)
    images = [{r["image_name"] for r in rows if ("test" in r["phrase_type"]) == test} for test in (0, 1)]
    assert sum(c.code == "shared" for c in found) == len({c.message for c in found if c.code == "shared"})
    assert images and any(c.code == "shared" for c in found)
    codes = Counter(c.code for c in check(shared / "samples" / "slake", TASKS, name="slake"))
    assert codes["row"] == 1, "SLAKE's one empty answer"
    assert set(describe("slake").splits) == {"train", "validation", "test"}
