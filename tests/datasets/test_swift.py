"""ms-swift rows in all their forms, and what is refused."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from umit.checkpoints import RELEASED
from umit.datasets.prompts import Prompts
from umit.datasets.swift import Turn, row_of, swift_rows
from umit.datasets.swift_samples import swift_samples
from umit.errors import DatasetError
from umit.geometry import Box2D, Point2D
from umit.queries import Ask, Choose, Find, Locate

from .layouts.draw import picture

TASKS = RELEASED["dz-osamu/UMIT-B"].tasks
ONE = (Turn("Where?", "left"),)


@pytest.mark.parametrize(
    ("raw", "turns"),
    [
        pytest.param({"query": "Where?", "response": "left"}, ONE, id="2.x"),
        pytest.param({"query": "Where?", "response": "left", "history": [["a", "b"]]},
                     (Turn("a", "b"), *ONE), id="2.x with history"),
        pytest.param({"messages": [{"role": "user", "content": "Where?"},
                                   {"role": "assistant", "content": "left"}]}, ONE, id="3.x"),
        pytest.param({"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "Where?"},
                                   {"role": "assistant", "content": "left"}]}, ONE, id="3.x with system"),
        pytest.param({"messages": [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "Where?"}]},
                                   {"role": "assistant", "content": "left"}], "images": ["a.png"]},
                     ONE, id="4.x typed parts"),
        pytest.param({"conversations": [{"from": "human", "value": "Where?"}, {"from": "gpt", "value": "left"}]},
                     ONE, id="ShareGPT from and value"),
        pytest.param({"conversation": [{"human": "Where?", "assistant": "left"}]}, ONE, id="ShareGPT pairs"),
        pytest.param({"instruction": "Where?", "input": "On the film.", "output": "left"},
                     (Turn("On the film.\nWhere?", "left"),), id="Alpaca"),
        pytest.param({"prompt": "Where?", "completion": "left"}, ONE, id="prompt and completion"),
        pytest.param({"query": "<image>\nWhere?", "response": "left", "images": ["a.png"]}, ONE, id="a tag"),
        pytest.param({"query": "Where?", "response": "left", "image": "a.png"}, ONE, id="no tag, one picture"),
    ],
)  # fmt: skip
def test_forms(raw: dict[str, Any], turns: tuple[Turn, ...]) -> None:
    assert row_of(raw).turns == turns


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        pytest.param({"text": 1}, "messages, or query", id="no question"),
        pytest.param({"messages": []}, "in turn", id="no turns"),
        pytest.param({"messages": [{"role": "user", "content": "a"}]}, "in turn", id="no answer"),
        pytest.param({"messages": [{"role": "doctor", "content": "a"}]}, "'doctor'", id="unknown speaker"),
        pytest.param({"messages": [{"role": "user", "content": [{"type": "video"}]}]}, "text and image", id="a video"),
        pytest.param({"query": "<image><image>a", "response": "b", "images": ["a.png"]}, "got 2", id="too many tags"),
        pytest.param({"query": "a <image>", "response": "b"}, "each of 0", id="a literal tag"),
        pytest.param({"query": "a", "response": "b", "images": [3]}, "names of pictures", id="a number as picture"),
        pytest.param({"query": "a", "response": "<bbox>", "objects": "{"}, "as JSON", id="torn objects"),
        pytest.param({"query": "a", "response": "<bbox>", "objects": {"bbox": [[1, 2, 3]]}}, "four numbers", id="three numbers"),
        pytest.param({"query": "a", "response": "<bbox>", "objects": {"bbox": [[1, 2, True, 4]]}}, "four numbers", id="a flag"),
        pytest.param({"query": "a", "response": "<bbox><bbox>", "objects": {"bbox": [[1, 2, 3, 4]]}}, "expected 2 objects", id="a box short"),
        pytest.param({"query": "a", "response": "b", "objects": {"bbox": [[1, 2, 3, 4]], "bbox_type": "norm2"}}, "one scale", id="unknown scale"),
        pytest.param({"query": "a", "response": "b", "objects": [{"bbox": [1, 2, 3, 4]}, {"bbox": [1, 2, 3, 4], "bbox_type": "norm_1"}]},
                     "one scale", id="mixed scales"),
        pytest.param({"query": "a", "response": "b", "history": [["a"]]}, "pairs", id="half a history"),
    ],
)  # fmt: skip
def test_refused(raw: dict[str, Any], said: str) -> None:
    with pytest.raises(DatasetError, match=said) as caught:
        row_of(raw, "a.jsonl line 7")
    assert "a.jsonl line 7" in str(caught.value)


def _write(folder: Path, *rows: Any) -> Path:
    path = folder / "rows.jsonl"
    lines = (row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows)
    path.write_text("\ufeff" + "\n".join(lines) + "\n\n", encoding="utf-8")
    return path


def _ask(answer: str, words: str, *images: str, **more: Any) -> dict[str, Any]:
    return {"query": words, "response": answer, "images": list(images), **more}


FIND = "Find <|object_ref_start|>pneumonia<|object_ref_end|> in this image"


def test_a_list_under_the_suffix_of_lines_and_the_reverse(tmp_path: Path) -> None:
    row = {"query": "Where?", "response": "left"}
    listed, lines = tmp_path / "a.jsonl", tmp_path / "b.json"
    listed.write_text(json.dumps([row, row]))
    lines.write_text(json.dumps(row) + "\n" + json.dumps(row))
    assert [r.place for r in swift_rows(listed)] == ["a.jsonl row 1", "a.jsonl row 2"]
    assert [r.place for r in swift_rows(lines)] == ["b.json line 1", "b.json line 2"]


def test_a_torn_line_names_itself(tmp_path: Path) -> None:
    path = _write(tmp_path, {"query": "Where?", "response": "left"}, '{"query": "Wh')
    with pytest.raises(DatasetError, match=r"rows\.jsonl line 2"):
        list(swift_rows(path))


def test_bytes_that_are_no_text_name_their_line(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"query": "a", "response": "b"}\n{"query": "\xff\xfe"}\n')
    with pytest.raises(DatasetError, match=r"a\.jsonl line 2.*UTF-8"):
        list(swift_rows(path))


@pytest.mark.parametrize(
    ("objects", "box"),
    [
        pytest.param({"bbox": [[20, 15, 40, 30]]}, (20, 15, 40, 30), id="real pixels"),
        pytest.param({"bbox": [[0.25, 0.25, 0.5, 0.5]], "bbox_type": "norm1"}, (20, 15, 40, 30), id="shares"),
        pytest.param('[{"caption": "pneumonia", "bbox": [250, 250, 500, 500], "bbox_type": "norm_1000"}]',
                     (20, 15, 40, 30), id="thousandths, 2.x"),
        pytest.param({"ref": ["pneumonia"], "bbox": [[20, 15, 40, 30]]}, (20, 15, 40, 30), id="with its name"),
    ],
)  # fmt: skip
def test_boxes_in_every_scale(tmp_path: Path, objects: Any, box: tuple[float, ...]) -> None:
    picture(tmp_path / "a.png", seed=1)
    path = _write(tmp_path, _ask("<bbox>", FIND, "a.png", objects=objects))
    (sample,) = swift_samples(path, TASKS)
    assert sample.query == Find("pneumonia")
    assert [item.box for item in sample.gold] == [Box2D(*box)]


def test_boxes_in_the_text_are_pixels_of_the_frame(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", seed=1)  # 80 × 60, written on 1024 × 1024
    text = "<|box_start|>(512,256),(1024,512)<|box_end|>"
    (sample,) = swift_samples(_write(tmp_path, _ask(text, FIND, "a.png")), TASKS)
    assert [item.box for item in sample.gold] == [Box2D(40, 15, 80, 30)]


def test_points_and_options(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", seed=1, height=800, width=600)
    gonion = "Given this image, find the Gonion, the response is given in the format of the coordinates [x,y]"
    rows = [
        _ask("[253, 610]", gonion, "a.png"),
        _ask("<bbox>", gonion, "a.png", objects={"bbox": [[253, 610]]}),
        _ask("2：心脏", "根据给定的图像, 请从：1：肺\\n 2：心脏 中选择一个选项\n回答问题：哪个是异常的?", "a.png"),
        _ask("1:pneumonia", "Given this image, choose one option from the 0:normal\\n1:pneumonia, to answer "
             "the question: Is it normal?", "a.png"),
    ]  # fmt: skip
    first, second, closed, label = swift_samples(_write(tmp_path, *rows), TASKS)
    assert first.query == second.query == Locate("Gonion")
    assert first.gold["Gonion"] == second.gold["Gonion"] == Point2D(253, 610)
    assert closed.query == Ask("哪个是异常的?", ("肺", "心脏"), language="zh")
    assert closed.gold.option == 1
    assert label.query == Choose(("normal", "pneumonia"), "Is it normal?")
    assert label.gold.label == "pneumonia"


@pytest.mark.parametrize("key", ["label", "labels"])
def test_the_truth_of_a_result_file_is_its_label(tmp_path: Path, key: str) -> None:
    picture(tmp_path / "a.png", seed=1)
    words = "Given this image, please answer the question: Where?"
    row = _ask("what the model said", words, "a.png", **{key: "left"})
    (sample,) = swift_samples(_write(tmp_path, row), TASKS)
    assert sample.gold.text == "left"


def test_a_number_is_no_truth_in_words(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", seed=1)
    words = "Given this image, please answer the question: Where?"
    (sample,) = swift_samples(_write(tmp_path, _ask("left", words, "a.png", label=3)), TASKS)
    assert sample.gold.text == "left"


def test_what_is_none_of_umits_is_said_and_left_out(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", seed=1)
    told: list[str] = []
    rows = [
        _ask("a nodule", "What do you see?", "a.png"),
        _ask("five", FIND, "a.png"),
        _ask("left", "Given this image, please answer the question: Where?"),
    ]
    assert not list(swift_samples(_write(tmp_path, *rows), TASKS, tell=told.append))
    assert [one.partition(":")[0] for one in told] == [f"rows.jsonl line {n}" for n in (1, 2, 3)]
    assert "none of umit's" in told[0] and "detect_2d" in told[1] and "no picture" in told[2]


@pytest.mark.parametrize(
    "name", ["https://a.b/c.png", "../a.png", "/a/../../b.png", "s3://bucket/a.png", "data:x,y"]
)
def test_pictures_from_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    words = "Given this image, please answer the question: Where?"
    with pytest.raises(DatasetError, match=r"rows\.jsonl line 1"):
        list(swift_samples(_write(tmp_path, _ask("left", words, name)), TASKS))


def test_pictures_of_another_machine_and_inside_the_row(tmp_path: Path) -> None:
    picture(tmp_path / "images" / "x" / "a.png", seed=1)
    data = base64.b64encode((tmp_path / "images" / "x" / "a.png").read_bytes()).decode()
    words = "Given this image, please answer the question: Where?"
    rows = [
        _ask("left", words, "/elsewhere/data/images/x/a.png"),
        _ask("left", words, "D:\\data\\images\\x\\a.png"),
        _ask("left", words, f"data:image/png;base64,{data}"),
    ]
    for sample in swift_samples(_write(tmp_path, *rows), TASKS):
        assert sample.source.scans()[0].size == (80, 60)


def test_prompts_of_every_task_are_read_back() -> None:
    prompts = Prompts(TASKS)
    assert prompts.read("Describe the weather.", volume=False) is None
    asked = prompts.read("Given a series of medical images,  generate a report that assesses any abnormalities.", volume=True)  # fmt: skip
    assert asked is not None and asked[0] == "report_ct"
