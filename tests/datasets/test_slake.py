"""SLAKE: two languages with splits of their own, an empty answer, other names, and the real rows."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from umit.datasets import describe
from umit.errors import DatasetError

from .layouts import slake as files
from .layouts.draw import picture
from .told import told


@pytest.fixture
def root(tmp_path: Path) -> Path:
    files.write(tmp_path)
    return tmp_path


def _facts(sample: Any) -> dict[str, str]:
    return dict(sample.facts)


def _edit(file: Path, number: int, **changed: Any) -> None:
    rows = json.loads(file.read_text("utf-8"))
    rows[number - 1] |= changed
    file.write_text(json.dumps(rows), encoding="utf-8")


def test_english_rows(root: Path) -> None:
    samples, said = told("slake", root, language="en")
    assert said == ["train.json row 2: skipped, its answer is empty"]
    several, turned, yes, listed, unclear, knowledge = samples
    assert (several.gold.text, turned.gold.text) == ("Lung, Heart", "Heart, Lung"), "order is kept"
    assert (yes.query.options, yes.gold.option) == (("yes", "no"), 0)
    assert (listed.query.options, listed.gold.option) == (("liver", "stomach"), 0)
    assert not unclear.query.options and _facts(unclear)["answer_type"] == "closed"
    assert _facts(knowledge) == {
        "answer_type": "open", "modality": "CT", "content_type": "Organ", "organ": "Abdomen",
        "base_type": "kvqa",
    }  # fmt: skip
    assert (several.id, several.group) == ("train-0", "xmlab1")
    assert several.source.paths == (root / "imgs" / "xmlab1" / "source.jpg",)


def test_chinese_rows(root: Path) -> None:
    samples, said = told("slake", root, language="zh")
    assert not said and {s.query.language for s in samples} == {"zh"}
    found = [(s.gold.text, s.query.options, _facts(s).get("answer")) for s in samples]
    assert found == [
        ("否", ("是", "否"), "不包含"),
        ("MRI", (), None),  # an English answer in a Chinese row
        ("没有", (), None),  # to "which"
        ("是", ("是", "否"), "是的"),
        ("否", ("是", "否"), "没有"),
        ("心脏", ("肺", "心脏"), None),
    ]


def test_the_languages_split_apart(root: Path) -> None:
    groups = {
        (language, split): {s.group for s in told("slake", root, split=split, language=language)[0]}
        for language in ("en", "zh")
        for split in ("train", "test")
    }
    assert not groups["en", "train"] & groups["en", "test"]
    assert groups["zh", "train"] & groups["en", "test"] == {"xmlab2"}, "the leak"
    assert "across the two, training and test share pictures" in describe("slake").splitting


def test_names_of_other_copies(root: Path) -> None:
    whole = {s.id for s in told("slake", root)[0]}
    inner = root / "Slake1.0"
    inner.mkdir()
    for name, new in (("train", "train"), ("validate", "validation"), ("test", "test")):
        (root / f"{name}.json").rename(inner / f"{new}.json")
    (root / "imgs").rename(inner / "images")
    (inner / "images" / "xmlab3" / "source.jpg").rename(inner / "images/xmlab3/source_xmlab3.jpg")
    samples, _ = told("slake", root)
    assert {s.id for s in samples} == whole
    assert all(s.source.scans() for s in samples), "a renamed picture is found"


def test_a_partial_copy(root: Path) -> None:
    (root / "validate.json").unlink()
    samples, said = told("slake", root)
    assert "validate.json: left out, this copy has no such file" in said
    assert {s.id.split("-")[0] for s in samples} == {"train", "test"}
    with pytest.raises(DatasetError, match=r"expected validate\.json or validation\.json"):
        told("slake", root, split="validation")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        pytest.param({"q_lang": "de"}, "q_lang en or zh, got 'de'", id="language"),
        pytest.param({"q_lang": None}, "'q_lang' with text, got NoneType", id="no language"),
        pytest.param({"img_name": "../x.jpg"}, "a path inside the data set", id="leads out"),
        pytest.param({"img_name": "http://x/y.jpg"}, "a path inside the data set", id="address"),
        pytest.param({"answer": ["Lung"]}, "'answer' with text, got list", id="listed answer"),
        pytest.param({"qid": None}, "'qid' with text", id="no number"),
    ],
)
def test_wrong_rows_are_named(changed: dict[str, Any], message: str, root: Path) -> None:
    _edit(root / "train.json", 4, **changed)
    with pytest.raises(DatasetError, match=f"train.json row 4: expected .*{message}"):
        told("slake", root, split="train")


def test_a_torn_file_is_named(root: Path) -> None:
    whole = (root / "test.json").read_text("utf-8")
    (root / "test.json").write_text(whole[:-5], encoding="utf-8")
    with pytest.raises(DatasetError, match=r"test\.json: expected JSON"):
        told("slake", root, split="test")


def test_a_picture_without_a_folder(root: Path) -> None:
    _edit(root / "train.json", 1, img_name="source_xmlab1.jpg")
    picture(root / "imgs" / "source_xmlab1.jpg", seed=1)
    first, *_ = told("slake", root, split="train", language="en")[0]
    assert first.group == "source_xmlab1.jpg" and first.source.scans()


def test_the_real_rows(shared: Path) -> None:
    root = shared / "samples" / "slake"
    every, said = told("slake", root)
    assert said == ["train.json row 1117: skipped, its answer is empty"]
    counts = Counter(s.id.split("-")[0] for s in every)
    assert counts == {"train": 6718 - 1, "validation": 1195, "test": 1456}
    assert len({s.id for s in every}) == len(every)
    splits: dict[tuple[str, str], set[str]] = {}
    for sample in every:
        key = (sample.query.language, sample.group)
        splits.setdefault(key, set()).add(sample.id.split("-")[0])
    assert all(len(found) == 1 for found in splits.values()), "one split within a language"
    closed = [s for s in every if _facts(s)["answer_type"] == "closed"]
    without = [s for s in closed if not s.query.options]
    assert (len(closed), len(without)) == (3713, 65)
    assert not any(s.query.options for s in every if _facts(s)["answer_type"] == "open")
    offered = {options for s in closed for options in [s.query.options] if options}
    assert max(len(one) for options in offered for one in options) <= len("transverse plane")


def test_an_option_set_does_not_tell_the_answer(shared: Path) -> None:
    """One question has one set of options, whatever words its answers are in."""
    of: dict[str, set[tuple[str, ...]]] = {}
    for sample in told("slake", shared / "samples" / "slake", language="zh")[0]:
        if sample.query.options:
            of.setdefault(sample.query.question, set()).add(sample.query.options)
    assert all(len(options) == 1 for options in of.values())
