"""ChiMed-VL: conversations or fields that the user names; pictures of the user's; nothing guessed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from umit.errors import DatasetError

from .layouts import cm_vl_a as alignment
from .layouts import cm_vl_i as instruction
from .layouts.draw import picture
from .told import told

FIELDS = alignment.FIELDS


def _rows(root: Path, *rows: Any, name: str = "ChiMed-VL-Instruction.json") -> None:
    path = root / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(rows), encoding="utf-8")


def _turns(*values: str) -> list[dict[str, str]]:
    return [{"from": ("human", "gpt")[k % 2], "value": value} for k, value in enumerate(values)]


def test_captions_under_named_fields(tmp_path: Path) -> None:
    alignment.write(tmp_path)
    samples, said = told("cm-vl-a", tmp_path, fields=FIELDS)
    assert [(s.id, s.group, s.gold.text) for s in samples] == [
        ("1-0", "PMC1_Fig1_1.jpg", "胸部CT显示右肺上叶结节，直径约12 mm."),
        ("2-0", "PMC1_Fig1_2.jpg", "术后第3天的X线片（正位）。"),
    ]
    assert said == ["ChiMed-VL-Alignment.jsonl line 3: skipped, its caption is empty"]
    assert {(s.task, s.query.language) for s in samples} == {("caption", "zh")}
    assert all(s.source.scans() for s in samples)


@pytest.mark.parametrize(
    "fields",
    [
        None,
        {"image": "pmc_fig"},
        {"image": "pmc_fig", "caption": "text"},
        {"img": "pmc_fig", "caption": "context"},
        {**FIELDS, "question": "context"},
    ],
)
def test_nothing_is_guessed(fields: dict[str, str] | None, tmp_path: Path) -> None:
    alignment.write(tmp_path)
    said = r"jsonl line 1: .*fields=\{'image': '…', 'caption': '…'\}.*the rows have pmc_fig, context"
    with pytest.raises(DatasetError, match=said):
        told("cm-vl-a", tmp_path, fields=fields)


def test_captions_as_conversations(tmp_path: Path) -> None:
    """The list that Qilin-Med-VL's first stage reads, in its own folder."""
    row = {"image": "PMC1_F1_1.jpg", "conversations": _turns("<image>\n请描述图片。", "肝脏囊肿。")}
    _rows(tmp_path, row, name="ChiMed-VL-Alignment/stage1_data.json")
    picture(tmp_path / "ChiMed-VL-Alignment" / "images" / "PMC1_F1_1.jpg", seed=1)
    (sample,) = told("cm-vl-a", tmp_path)[0]
    assert sample.gold.text == "肝脏囊肿。" and sample.source.scans()


def test_several_pairs_of_a_record(tmp_path: Path) -> None:
    instruction.write(tmp_path)
    samples, said = told("cm-vl-i", tmp_path)
    found = [(s.id, s.query.question, s.query.options, s.gold.text) for s in samples]
    assert not said and found == [
        ("1-0", "图中显示什么？", (), "肝脏囊肿。"),
        ("1-1", "是否有出血？", ("是", "否"), "否"),
        ("2-0", "使用了哪种成像方式？", (), "MRI"),
    ]
    assert [s.group for s in samples] == ["PMC3_Fig1_1.jpg"] * 2 + ["PMC4_F2_1.jpg"]


def test_questions_under_named_fields(tmp_path: Path) -> None:
    _rows(tmp_path, {"fig": "a.jpg", "q": "<image>这是什么？", "a": "肺"})
    fields = {"image": "fig", "question": "q", "answer": "a"}
    (sample,) = told("cm-vl-i", tmp_path, fields=fields)[0]
    assert (sample.query.question, sample.gold.text) == ("这是什么？", "肺")
    with pytest.raises(DatasetError, match=r"row 1: .*'question': .*the rows have fig, q, a"):
        told("cm-vl-i", tmp_path)


def test_a_split_by_picture(tmp_path: Path) -> None:
    turns = _turns("一？", "甲", "二？", "乙")
    rows = [{"image": f"{k % 40}.jpg", "conversations": turns} for k in range(80)]
    _rows(tmp_path, *rows)
    parts = {split: told("cm-vl-i", tmp_path, split=split)[0] for split in ("train", "validation", "test")}
    assert sum(map(len, parts.values())) == 160
    groups = [{s.group for s in part} for part in parts.values()]
    assert sum(map(len, groups)) == 40 and len(groups[0]) > len(groups[1]) > 0
    again = told("cm-vl-i", tmp_path, split="test")[0]
    assert [s.id for s in again] == [s.id for s in parts["test"]]


@pytest.mark.parametrize("below", ["images", ".", "ChiMed-VL-Instruction/images", "ChiMed-VL-Instruction"])
def test_where_the_pictures_may_lie(below: str, tmp_path: Path) -> None:
    _rows(tmp_path, {"image": "a.jpg", "conversations": _turns("一？", "甲")})
    picture(tmp_path / below / "a.jpg", seed=1)
    assert told("cm-vl-i", tmp_path)[0][0].source.scans()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        pytest.param({"image": "a.jpg", "conversations": _turns("一？")}, "each with its answer", id="no answer"),
        pytest.param({"image": "a.jpg", "conversations": "一？"}, "each with its answer", id="no list"),
        pytest.param({"image": "a.jpg", "conversations": ["一？", "甲"]}, "from and value", id="no turns"),
        pytest.param({"image": "a.jpg", "conversations": _turns("一？", "甲")[::-1]}, r"got \('gpt', 'human'\)", id="turned round"),
        pytest.param({"image": "a.jpg", "conversations": [{"from": "human"}, {"from": "gpt", "value": "甲"}]}, "the field 'value'", id="no value"),
        pytest.param({"conversations": _turns("一？", "甲")}, "'image' with text, got only the fields conversations", id="no picture"),
        pytest.param({"image": "../a.jpg", "conversations": _turns("一？", "甲")}, "inside the data set", id="leads out"),
    ],
)  # fmt: skip
def test_wrong_rows_are_named(row: dict[str, Any], message: str, tmp_path: Path) -> None:
    _rows(tmp_path, {"image": "a.jpg", "conversations": _turns("一？", "甲")}, row)
    with pytest.raises(DatasetError, match=f"ChiMed-VL-Instruction.json row 2: .*{message}"):
        told("cm-vl-i", tmp_path)


def test_empty_turns_are_told(tmp_path: Path) -> None:
    _rows(tmp_path, {"image": "a.jpg", "conversations": _turns("一？", "甲", "二？", " ")})
    samples, said = told("cm-vl-i", tmp_path)
    assert len(samples) == 1
    assert said == ["ChiMed-VL-Instruction.json row 1: skipped, its answer is empty"]
