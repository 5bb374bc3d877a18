"""ms-swift rows in all their layouts, and what is refused."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from umit.datasets.swift import Turn, row_of, swift_rows
from umit.errors import DatasetError

ONE = (Turn("Where?", "left"),)
SAID = [{"role": "user", "content": "Where?"}, {"role": "assistant", "content": "left"}]
TYPED = [{"type": "image"}, {"type": "text", "text": "Where?"}]
NODULE = "<|object_ref_start|>nodule<|object_ref_end|>"


@pytest.mark.parametrize(
    ("raw", "turns"),
    [
        pytest.param({"query": "Where?", "response": "left"}, ONE, id="2.x"),
        pytest.param({"query": "Where?", "response": "left", "history": [["a", "b"]]}, (Turn("a", "b"), *ONE), id="2.x with history"),
        pytest.param({"query": "Where?", "response": "left", "prompt": "other"}, ONE, id="query before its synonyms"),
        pytest.param({"question": "Where?", "answer": "left", "text": "other"}, ONE, id="answer before text"),
        pytest.param({"query": "How many?", "response": 4}, (Turn("How many?", "4"),), id="a number as answer"),
        pytest.param({"query": "Where?", "response": None}, (Turn("Where?", None),), id="a test row"),
        pytest.param({"messages": SAID}, ONE, id="3.x"),
        pytest.param({"messages": [{"role": "system", "content": "s"}, *SAID]}, ONE, id="3.x with system"),
        pytest.param({"messages": [{"role": "user", "content": TYPED}, SAID[1]], "images": ["a.png"]}, ONE, id="4.x typed parts"),
        pytest.param({"conversations": [{"from": "human", "value": "Where?"}, {"from": "gpt", "value": "left"}]}, ONE, id="ShareGPT from and value"),
        pytest.param({"conversation": [{"assistant": "left", "human": "Where?"}]}, ONE, id="ShareGPT pairs"),
        pytest.param({"instruction": "Where?", "input": "On the film.", "output": "left"}, (Turn("Where?\nOn the film.", "left"),), id="Alpaca"),
        pytest.param({"instruction": "Where?", "input": "", "output": "left"}, ONE, id="Alpaca without input"),
        pytest.param({"prompt": "Where?", "completion": "left"}, ONE, id="prompt and completion"),
        pytest.param({"prompt": SAID[:1], "completion": SAID[1:]}, ONE, id="both as messages"),
        pytest.param({"query": "<image>\nWhere?", "response": "left", "images": ["a.png"]}, ONE, id="a tag"),
        pytest.param({"query": "Where?", "response": "left", "image": "a.png"}, ONE, id="no tag, one picture"),
        pytest.param({"query": "<img>a.png</img>Where?", "response": "left"}, ONE, id="a path inside"),
        pytest.param({"query": "<image>Where?", "response": "left", "images": [["1.png", "2.png"]]}, ONE, id="one tag, slices"),
        pytest.param({"query": "Where?", "response": "right", "label": "left", "history": []}, ONE, id="2.x result"),
        pytest.param({"messages": SAID, "response": "x", "labels": "right"}, (Turn("Where?", "right"),), id="3.x result"),
        pytest.param({"query": "Find <ref-object>", "response": "no", "objects": {"ref": ["nodule"], "bbox": []}}, (Turn(f"Find {NODULE}", "no"),), id="a name filled in"),
    ],
)  # fmt: skip
def test_layouts(raw: dict[str, Any], turns: tuple[Turn, ...]) -> None:
    assert row_of(raw).turns == turns


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        pytest.param({"text": 1}, "messages, conversations", id="no question"),
        pytest.param({"messages": []}, "an empty list", id="no turns"),
        pytest.param({"messages": {"role": "user"}}, "list of turns", id="one turn, bare"),
        pytest.param({"messages": [["user", "a"]]}, "as objects", id="nested lists"),
        pytest.param({"messages": SAID[::-1]}, "in turn", id="the answer first"),
        pytest.param({"messages": [{"role": "doctor", "content": "a"}]}, "doctor", id="unknown speaker"),
        pytest.param({"messages": [{"role": "user", "content": [{"type": "video"}]}]}, "text or image", id="a film part"),
        pytest.param({"query": ["a"], "response": "b"}, "as query, got list", id="a list as question"),
        pytest.param({"query": "a", "response": {"b": 1}}, "as response, got dict", id="an object as answer"),
        pytest.param({"query": "a", "response": True}, "got bool", id="a flag as answer"),
        pytest.param({"query": "<image><image>a", "response": "b", "images": ["a.png"]}, "got 2", id="too many tags"),
        pytest.param({"query": "a <image>", "response": "b"}, "no pictures", id="a literal tag"),
        pytest.param({"query": "a", "response": "an <image>", "images": ["a.png"]}, "answers without", id="a tag in the answer"),
        pytest.param({"query": "a", "response": "b", "images": [3]}, "got int", id="a number as picture"),
        pytest.param({"query": "a", "response": "b", "images": ["a", ["b"]]}, "both or several", id="a film and slices"),
        pytest.param({"query": "a", "response": "b", "images": [["a"], ["b"]]}, "both or several", id="two volumes"),
        pytest.param({"query": "a", "response": "b", "images": [[["a"]]]}, "got list", id="slices of slices"),
        pytest.param({"query": "a", "response": "b", "videos": ["a.mp4"]}, "moving picture", id="a film"),
        pytest.param({"query": "a", "response": "b", "audios": ["a.wav"]}, "sounds", id="a sound"),
        pytest.param({"query": "<img>a</img>", "response": "b", "images": ["a"]}, "got several", id="pictures in two places"),
        pytest.param({"query": "a", "response": "b", "images": ["https://a.b/c.png"]}, "nothing is fetched", id="an address"),
        pytest.param({"query": "a", "response": "b", "images": [{"url": "s3://a/c.png"}]}, "nothing is fetched", id="a bucket"),
        pytest.param({"query": "a", "response": "b", "history": [["a"]]}, "pairs", id="half a history"),
        pytest.param({"query": "a", "response": "b", "label": {"a": 1}}, "label of text", id="an object as label"),
    ],
)  # fmt: skip
def test_refused(raw: dict[str, Any], said: str) -> None:
    with pytest.raises(DatasetError, match=said) as caught:
        row_of(raw, "a.jsonl line 7")
    assert "a.jsonl line 7" in str(caught.value)


def test_missing_tags_stand_in_front_and_are_said() -> None:
    row = row_of({"query": "<image>Compare.", "response": "b", "images": ["a.png", "b.png"]})
    assert row.turns[0].asked == "Compare."
    assert row.notes == ("1 tags <image> are missing and taken to stand in front",)


def test_an_empty_entry_among_images_is_left_out_and_said() -> None:
    row = row_of({"query": "a", "response": "b", "images": ["a.png", None]})
    assert row.images == ("a.png",) and "empty entry" in row.notes[0]


@pytest.mark.parametrize("more", [{"label": None, "history": []}, {"labels": None}])
def test_an_answer_of_a_model_is_never_taken_for_the_truth(more: Any) -> None:
    row = row_of({"query": "Where?", "response": "right", **more})
    assert (row.turns[0].answer, row.response) == (None, "right")


def test_an_empty_column_of_labels_makes_no_result_file() -> None:
    assert row_of({"query": "Where?", "response": "left", "label": None}).turns == ONE


def test_a_result_file_keeps_truth_and_answer_apart() -> None:
    row = row_of({"query": "Where?", "response": "right", "label": "left", "history": []})
    assert (row.turns[0].answer, row.response) == ("left", "right")


@pytest.mark.parametrize("more", [{}, {"rejected_response": "x"}, {"images": ["a.png"]}])
@pytest.mark.parametrize("name", ["label", "labels"])
def test_a_label_in_words_never_replaces_the_answer_that_is_taught(name: str, more: Any) -> None:
    said = [{"role": "user", "content": "Where?"}, {"role": "assistant", "content": "A nodule."}]
    row = row_of({"messages": said, name: "CT", **more})
    assert (row.turns[0].answer, row.response, row.label) == ("A nodule.", None, None)
    assert row.notes == ("its label 'CT' is text beside the answer, which is kept",)
    assert row_of({"query": "Where?", "response": "a", "label": "b"}).turns[0].answer == "a"
    scored = row_of({"query": "Where?", "response": "a", "label": "b"}, scored=True)
    assert (scored.turns[0].answer, scored.response) == ("b", "a")


@pytest.mark.parametrize("label", [2, [0, 2], 0.5])
def test_numbers_as_labels_stay_beside_the_words(label: Any) -> None:
    row = row_of({"messages": SAID, "label": label})
    assert row.turns == ONE
    assert row.label == (tuple(label) if isinstance(label, list) else label)


def test_a_list_under_the_suffix_of_lines_and_the_reverse(tmp_path: Path) -> None:
    row = {"query": "Where?", "response": "left"}
    listed, lines = tmp_path / "a.jsonl", tmp_path / "b.json"
    listed.write_text(json.dumps([row, row]))
    lines.write_text("\ufeff" + json.dumps(row) + "\n\n" + json.dumps(row) + "\n", "utf-8")
    assert [r.place for r in swift_rows(listed)] == ["a.jsonl row 1", "a.jsonl row 2"]
    assert [r.place for r in swift_rows(lines)] == ["b.json line 1", "b.json line 3"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        pytest.param(b'{"query": "Wh', "JSON object", id="torn"),
        pytest.param(b'{"query": "\xff\xfe"}', "UTF-8", id="other bytes"),
        pytest.param(b'["query", "a"]', "got list", id="a list"),
        pytest.param(b"[" * 100_000, "JSON object", id="endless brackets"),
    ],
)
def test_a_bad_line_names_itself(tmp_path: Path, line: bytes, said: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"query": "a", "response": "b"}\n' + line + b"\n")
    rows = swift_rows(path)
    assert next(rows).place == "a.jsonl line 1"
    with pytest.raises(DatasetError, match=rf"a\.jsonl line 2.*{said}"):
        next(rows)


@pytest.mark.shared
def test_rows_recorded_with_ms_swift_are_read_as_it_reads_them(shared: Path) -> None:
    """Names and boxes of the recorded text; 2.6 writes int(x / width * 999)."""
    folder = shared / "golden" / "qwen2vl_swift_2_6"
    lines = (folder / "grounding.jsonl").read_text("utf-8").splitlines()
    boxes = 0
    for record in map(json.loads, lines):
        row = row_of(record["row"])
        text = record["train"]["text"]
        said = re.findall(r"\((\d+),(\d+)\),\((\d+),(\d+)\)", text.rsplit("assistant\n", 1)[1])
        for mark, numbers in zip((m for several in row.turns[0].marks for m in several), said, strict=True):
            size = record["images"][mark.picture]["size"]
            shares = [v / n for v, n in zip(mark.in_pixels(size), size * 2, strict=True)]
            written = [int(share * 999 + 1e-9) for share in shares]
            assert written == [min(int(n), 999) for n in numbers]
            boxes += 1
        assert row.turns[0].asked.partition("<bbox>")[0] in text
    assert boxes == 7
    results = (folder / "infer_result_rows.jsonl").read_text("utf-8").splitlines()
    for raw in map(json.loads, results):
        row = row_of(raw)
        assert (row.turns[-1].answer, row.response) == (raw["label"], raw["response"])
        assert len(row.turns) == len(raw["history"]) + 1
