"""What users' files hold and no layout describes: each row was once read wrongly, or not told of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

from umit.checkpoints import RELEASED
from umit.datasets import load
from umit.datasets.check import check
from umit.datasets.check_words import least_tokens
from umit.datasets.convert import convert
from umit.errors import DatasetError

from ..layouts.draw import picture
from ..told import told

pytestmark = pytest.mark.filterwarnings("ignore::umit.errors.DatasetWarning")
TASKS = RELEASED["dz-osamu/UMIT-B"].tasks

COCO: dict[str, Any] = {
    "images": [{"id": 1, "file_name": "a.png"}],
    "annotations": [{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}],
    "categories": [{"id": 1, "name": "cell"}],
}


def _write(root: Path, files: dict[str, str | bytes]) -> Path:
    for name in ("a", "b", "c"):
        picture(root / "images" / f"{name}.png", seed=ord(name))
        picture(root / f"{name}.png", seed=ord(name))
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def _coco(**changed: Any) -> dict[str, str | bytes]:
    return {"c.json": json.dumps({**COCO, **changed})}


REFUSED: dict[str, tuple[dict[str, str | bytes], str | None, str]] = {
    "YOLO's names in GBK": (
        {"labels/a.txt": "0 .5 .5 .1 .1", "classes.txt": "肿块".encode("gbk")}, "yolo", "classes.txt: expected a readable UTF-8",
    ),
    "YOLO's boxes in bytes": ({"labels/a.txt": b"0 .5 .5 .1 .1\n\xff"}, "yolo", "labels/a.txt: expected a readable UTF-8"),
    "YOLO's box with nan": ({"labels/a.txt": "0 .5 .5 nan .1"}, "yolo", "labels/a.txt line 1: expected a number"),
    "YOLO's class below 0": ({"labels/a.txt": "-1 .5 .5 .1 .1"}, "yolo", "line 1: expected a class"),
    "YOLO's boxes in pixels": ({"labels/a.txt": "0 30 20 10 10"}, "yolo", "line 1: expected shares of the picture"),
    "VOC's list in bytes": (
        {"Annotations/a.xml": "<annotation><filename>a.png</filename></annotation>", "ImageSets/Main/train.txt": b"\xff"},
        "voc", "train.txt: expected a readable UTF-8",
    ),
    "two images of one id": (_coco(images=[{"id": 1, "file_name": f"{n}.png"} for n in "ab"]), None, "id once, with a name, got 1 again"),
    "two categories of one id": (_coco(categories=[{"id": 1, "name": n} for n in "xy"]), None, "id once, with a name, got 1 again"),
    "a category without a name": (_coco(categories=[{"id": 1}]), None, "got 1 without"),
    "COCO's nan": (_coco(annotations=[{"image_id": 1, "category_id": 1, "bbox": [1, 2, float("nan"), 4]}]), None, "annotation 1: expected a number as bbox"),
    "COCO's true": (_coco(annotations=[{"image_id": 1, "category_id": 1, "bbox": [True, 2, 3, 4]}]), None, "annotation 1: expected a number as bbox"),
    "a column twice": ({"t.csv": "image,label,label\na.png,x,y\n"}, "table", "each column once, got 'label' again"),
    "a report in a list": ({"t.jsonl": '{"image": "a.png", "report": ["x", "y"]}'}, "table", "'report' with text, got list"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_read_is_named(case: str, tmp_path: Path) -> None:
    files, layout, said = REFUSED[case]
    with pytest.raises(DatasetError, match=said):
        list(load(_write(tmp_path, files), variant=layout))


def test_empty_cells_of_json_and_parquet_are_no_class(tmp_path: Path) -> None:
    rows = [{"image": f"{n}.png", "label": v} for n, v in zip("abc", ("x", float("nan"), "y"), strict=True)]  # fmt: skip
    root = _write(tmp_path, {"t.jsonl": "\n".join(map(json.dumps, rows))})
    samples, said = told(root, None)
    assert [s.query.labels for s in samples] == [("x", "y")] * 2
    assert "t.jsonl line 2: skipped, its label is empty" in said
    (root / "t.jsonl").unlink()
    numbers = {"image": ["a.png", "b.png", "c.png"], "label": [1.0, float("nan"), 2.0]}
    parquet.write_table(pyarrow.table(numbers), root / "t.parquet")
    assert [s.query.labels for s in load(root, variant="table")] == [("1.0", "2.0")] * 2


def test_a_centre_and_a_size_are_a_box_and_shares_are_told(tmp_path: Path) -> None:
    head = "image,label,x_center,y_center,width,height\n"
    root = _write(tmp_path, {"t.csv": f"{head}a.png,x,20,10,8,4\n"})
    (sample,) = load(root)
    assert [mark.corners for mark in sample.gold.marks] == [(16, 8, 24, 12)]
    (root / "t.csv").write_text(f"{head}a.png,x,.5,.5,.2,.2\n")
    _, said = told(root, None)
    assert any("shares of the picture" in one for one in said)


def test_shares_beyond_the_picture_are_not_clipped_on_one_side(tmp_path: Path) -> None:
    root = _write(tmp_path, {"labels/a.txt": "0 .5 .5 1.4 .2"})
    first = next(iter(load(root, variant="yolo")))
    (box,) = first.gold.marks
    width = first.source.scans()[0].size[0]
    assert box.corners[::2] == pytest.approx((-0.2 * width, 1.2 * width))


def test_a_picture_in_a_table_is_a_group_by_its_bytes(tmp_path: Path) -> None:
    root = _write(tmp_path, {})
    rows = [{"image": {"bytes": (root / f"{n}.png").read_bytes(), "path": None}, "label": n} for n in "abca"]
    parquet.write_table(pyarrow.Table.from_pylist(rows), root / "t.parquet")
    groups = [s.group for s in load(root / "t.parquet")]
    assert len(set(groups)) == 3 and groups[0] == groups[3]
    assert all(group.startswith("bytes:") for group in groups)


def test_words_that_look_like_values_stay_words_and_are_told(tmp_path: Path) -> None:
    rows = [{"image": "a.png", "question": "Which?", "answer": word} for word in ("(5)", "None")]
    root = _write(tmp_path, {"t.jsonl": "\n".join(map(json.dumps, rows))})
    samples, said = told(root, None)
    assert [sample.gold.text for sample in samples] == ["(5)"]
    assert "t.jsonl line 2: skipped, its answer 'None' is taken for empty" in said


def test_more_options_than_letters_are_all_kept(tmp_path: Path) -> None:
    options = [f"{chr(65 + n)}. word {n}" if n < 26 else f"word {n}" for n in range(28)]
    row = {"image": "a.png", "question": "Which?", "options": options, "answer": "word 27"}
    (sample,) = load(_write(tmp_path, {"t.jsonl": json.dumps(row)}))
    assert len(sample.query.options) == 28 and sample.gold.text == "word 27"


def test_rows_of_a_thousand_classes_share_one_query(tmp_path: Path) -> None:
    rows = "".join(f"a.png,class {n}\n" for n in range(1000))
    samples = list(load(_write(tmp_path, {"t.csv": f"image,label\n{rows}"})))
    assert len(samples) == 1000 and len({id(sample.query) for sample in samples}) == 1
    assert samples[0].query.labels[:3] == ("class 0", "class 1", "class 2")


def test_two_equal_options_are_told_for_what_they_are(tmp_path: Path) -> None:
    row = {"image": "a.png", "question": "Which?", "options": ["x", "x"], "answer": "x"}
    good = {**row, "options": ["x", "y"]}
    root = _write(tmp_path, {"t.jsonl": f"{json.dumps(row)}\n{json.dumps(good)}"})
    _, said = told(root, None)
    assert any("line 1: skipped, its answer 'x' is no single one of the options" in s for s in said)


@pytest.mark.parametrize(("name", "content"), [("t.csv", ""), ("t.csv", "image,label\n"), ("t.jsonl", "\n"), ("t.json", "[]")])  # fmt: skip
def test_the_doctor_does_not_call_nothing_sound(name: str, content: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    assert [one.code for one in check(tmp_path, TASKS)] == ["empty"]


def test_marks_beside_a_control_token_do_not_tear_it() -> None:
    assert least_tokens("<|box_start|>(512,256)<|box_end|>") == 11


def test_the_doctor_finds_nothing_in_rows_of_a_volume_that_umit_wrote(tmp_path: Path) -> None:
    mask = np.zeros((20, 24, 12), np.uint8)
    mask[3:9, 4:8, 2:6] = 1
    noise = np.random.default_rng(0).integers(0, 500, mask.shape).astype(np.int16)
    for folder, voxels in (("imagesTr", noise), ("labelsTr", mask)):
        (tmp_path / folder).mkdir()
        nibabel.save(nibabel.Nifti1Image(voxels, np.diag([2, 2, 3, 1])), tmp_path / folder / "one.nii.gz")
    out = tmp_path / "out" / "rows.jsonl"
    assert convert(load(tmp_path, variant="masks"), out, form="swift", tasks=TASKS) == 1
    assert not list(check(out, TASKS))
