"""What is written for other tools is what training gets, and reads back as the same samples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from umit.checkpoints import RELEASED
from umit.datasets import NAMES, load
from umit.datasets.ask import asked, parts
from umit.datasets.convert import convert
from umit.datasets.swift_samples import swift_samples
from umit.errors import DatasetError, InputError

from .layouts import layout
from .told import told

TASKS = RELEASED["dz-osamu/UMIT-B"].tasks
FEW = 6


def _some(name: str, root: Path) -> list[Any]:
    layout(name).write(root)
    found = []
    for sample in told(name, root, **layout(name).LOADS[0])[0]:
        try:
            sample.source.scans()
        except InputError:  # a layout may hold a file that is none
            continue
        found.append(sample)
    return found[:FEW]


@pytest.mark.parametrize("form", ["swift", "swift2"])
@pytest.mark.parametrize("name", NAMES)
def test_rows_read_back_as_the_same_questions(name: str, form: Any, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    samples = _some(name, tmp_path / "in")
    target = tmp_path / "rows.jsonl"
    count = convert(samples, target, form=form, tasks=TASKS)
    wanted = [pair for sample in samples for pair in parts(sample)]
    assert count == len(wanted)
    missed: list[str] = []
    back = list(swift_samples(target, TASKS, root=tmp_path.anchor, tell=missed.append))
    assert not missed
    for (query, gold), sample in zip(wanted, back, strict=True):
        if getattr(query, "question", "") is not None:  # a question left out is written out
            assert sample.query == query
        _alike(sample.gold, gold)


def _alike(found: Any, true: Any) -> None:
    """Equal, or as near as whole numbers of the frame allow."""
    if not hasattr(true, "items"):
        assert getattr(found, "text", None) == getattr(true, "text", None)
        assert getattr(found, "label", None) == getattr(true, "label", None)
        return
    assert len(found.items) == len(true.items)
    for a, b in zip(found.items, true.items, strict=True):
        first, second = (getattr(x, "box", None) or x.point for x in (a, b))
        size = (getattr(b, "box", None) or b.point).space
        corners = [x.corners if hasattr(x, "corners") else (x.x, x.y) for x in (first, second)]
        np.testing.assert_allclose(*corners, atol=max(size.size if size else (80,)) / 200 + 1)


def test_prompts_and_answers_are_those_of_training(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    samples = _some("slake", tmp_path / "in")
    convert(samples, tmp_path / "rows.jsonl", form="swift", tasks=TASKS)
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text("utf-8").splitlines()]
    for sample, row in zip(samples, rows, strict=True):
        ((request, answer),) = asked(sample, TASKS)
        assert row["messages"][0]["content"] == "<image>" + "".join(map(str, request.words))
        assert row["messages"][1]["content"] == answer
    assert "图像" in (tmp_path / "rows.jsonl").read_text("utf-8"), "Chinese stays readable"


def test_parquet_is_a_table_of_hugging_face_datasets(tmp_path: Path) -> None:
    from datasets import load_dataset

    (tmp_path / "in").mkdir()
    samples = _some("medmnist-2d", tmp_path / "in")
    convert(samples, tmp_path / "rows.parquet", form="parquet", tasks=TASKS)
    table = load_dataset(
        "parquet", data_files=str(tmp_path / "rows.parquet"), cache_dir=str(tmp_path), split="train"
    )
    assert table["id"][:] == [sample.id for sample in samples]
    assert all(Path(name).is_file() for names in table["images"] for name in names)
    assert table["completion"][0] == "1:pneumonia"


def test_coco_boxes(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    layout("rsna").write(tmp_path / "in")
    samples = list(load("rsna", tmp_path / "in", language="en"))
    assert convert(samples, tmp_path / "coco.json", form="coco", tasks=TASKS) == 2
    data = json.loads((tmp_path / "coco.json").read_text("utf-8"))
    assert [a["bbox"] for a in data["annotations"]] == [
        [264, 152, 213, 379],
        [562, 152, 256, 453],
    ]
    assert {(i["width"], i["height"]) for i in data["images"]} == {(1024, 1024)}
    assert data["categories"] == [{"id": 1, "name": "pneumonia"}]


def test_coco_needs_boxes(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with pytest.raises(DatasetError, match="expected boxes on films"):
        convert(_some("slake", tmp_path / "in"), tmp_path / "c.json", form="coco", tasks=TASKS)
    assert not list(tmp_path.glob("c.json*")), "nothing half written"


def test_an_unknown_form(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="expected one of swift"):
        convert([], tmp_path / "x", form="csv", tasks=TASKS)  # type: ignore[arg-type]
