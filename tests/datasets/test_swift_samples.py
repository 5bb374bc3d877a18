"""ms-swift rows as typed samples: the query, the true result in pixels of the file, and what is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from umit.checkpoints import RELEASED
from umit.datasets import Samples
from umit.datasets.pictures import Files, Stack
from umit.datasets.swift_samples import swift_samples
from umit.errors import DatasetError
from umit.geometry import Box2D, Box3D, Point2D
from umit.queries import Ask, Choose, Describe, Find, Locate
from umit.results import Answer, Classification, Detections, Report

from .layouts.draw import picture

TASKS = RELEASED["dz-osamu/UMIT-B"].tasks
OPEN = "Given this image, please answer the question: Where?"
FIND = "Find <|object_ref_start|>pneumonia<|object_ref_end|> in this image"
GONION = "Given this image, find the Gonion, the response is given in the format of the coordinates [x,y]"
CLASS = "Given this image, choose one option from the 0:normal\n1:pneumonia,to answer the question: Is it?"
TUMOR = "Given this image, find the Tumor, please respond with a bounding box"
CT = "Given a series of medical images,  generate a report that assesses any abnormalities."


def _row(words: str, answer: Any, *images: Any, **more: Any) -> dict[str, Any]:
    return {"query": words, "response": answer, "images": list(images or ("a.png",)), **more}


def _read(folder: Path, *rows: Any, **options: Any) -> tuple[list[Any], list[str]]:
    """Return the samples of some rows beside an 80 × 60 picture, and what was told."""
    picture(folder / "a.png", seed=1)
    path = folder / "rows.jsonl"
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), "utf-8")
    told: list[str] = []
    return list(swift_samples(path, TASKS, tell=told.append, **options)), told


def _one(folder: Path, row: Any, **options: Any) -> Any:
    (sample,), told = _read(folder, row, **options)
    assert not told
    return sample


BOX = Box2D(20, 15, 40, 30)
NAMED = "<|object_ref_start|>pneumonia<|object_ref_end|>"


@pytest.mark.parametrize(
    ("words", "answer", "objects"),
    [
        pytest.param(FIND, "<|box_start|>(256,256),(512,512)<|box_end|>", None, id="in the text, on 1024"),
        pytest.param(FIND, "<bbox>", {"bbox": [[20, 15, 40, 30]]}, id="real"),
        pytest.param(FIND, "<bbox>", {"bbox": [[0.25, 0.25, 0.5, 0.5]], "bbox_type": "norm1"}, id="shares"),
        pytest.param(FIND, "<bbox>", {"bbox": [[250, 250, 500, 500]], "bbox_type": "norm1000"}, id="thousandths"),
        pytest.param(FIND, f"{NAMED}<bbox>", {"bbox": [[20, 15, 40, 30]]}, id="with its name"),
        pytest.param("Find <ref-object> in this image", "<ref-object><bbox>", {"ref": ["pneumonia"] * 2, "bbox": [[20, 15, 40, 30]]}, id="names beside the words"),
        pytest.param("Find <ref-object> in this image", "<bbox>", '[{"caption": "pneumonia", "bbox": [20, 15, 40, 30]}]', id="2.x as text"),
        pytest.param("Find <ref-object> in this image", "<bbox>", [{"caption": "pneumonia", "bbox": [249.75, 249.75, 499.5, 499.5], "bbox_type": "norm_1000"}], id="2.x, of 999"),
    ],
)  # fmt: skip
def test_boxes_come_in_pixels_of_the_file(tmp_path: Path, words: str, answer: str, objects: Any) -> None:
    sample = _one(tmp_path, _row(words, answer, objects=objects))
    assert sample.query == Find("pneumonia")
    (item,) = sample.gold
    assert item.label == "pneumonia" and item.box.corners == pytest.approx(BOX.corners)


def test_several_boxes_and_none(tmp_path: Path) -> None:
    two = {"bbox": [[1, 2, 3, 4], [5, 6, 7, 8]]}
    samples, _ = _read(
        tmp_path, _row(FIND, "<bbox>, <bbox>.", objects=two), _row(FIND, "There is no pneumonia in this image.")
    )
    assert [len(sample.gold) for sample in samples] == [2, 0]
    assert samples[1].gold == Detections()


@pytest.mark.parametrize(
    ("answer", "objects"),
    [("[300, 200]", None), ("<bbox>", {"bbox": [[40, 15]]}), ("<bbox>", {"bbox": [[0.5, 0.25]], "bbox_type": "norm1"})],
)  # fmt: skip
def test_points_come_in_pixels_of_the_file(tmp_path: Path, answer: str, objects: Any) -> None:
    sample = _one(tmp_path, _row(GONION, answer, objects=objects))
    assert sample.query == Locate("Gonion")
    assert sample.gold["Gonion"] == Point2D(40, 15)


@pytest.mark.parametrize(
    ("row", "query", "gold"),
    [
        pytest.param(_row(OPEN, "left"), Ask("Where?"), Answer(text="left"), id="open"),
        pytest.param(_row("<image>" + OPEN, "left"), Ask("Where?"), Answer(text="left"), id="a tag"),
        pytest.param(_row("根据给定的图像, 请从：1：肺\\n 2：心脏 中选择一个选项\n回答问题：哪个?", "2：心脏"),
                     Ask("哪个?", ("肺", "心脏"), language="zh"), Answer(text="心脏", option=1), id="Chinese options"),
        pytest.param(_row(CLASS, "1:pneumonia"), Choose(("normal", "pneumonia"), "Is it?"), Classification(label="pneumonia"), id="a class"),
        pytest.param(_row(CLASS, None, label=1), Choose(("normal", "pneumonia"), "Is it?"), Classification(label="pneumonia"), id="a class by number"),
        pytest.param(_row(CLASS, "1:pneumonia", label="0:normal", history=[]), Choose(("normal", "pneumonia"), "Is it?"), Classification(label="normal"), id="a result file"),
        pytest.param(_row("<image><image>Please review the chest X-ray image and create a report that assesses any abnormalities.", "Clear.", "a.png", "a.png"),
                     Describe(), Report(text="Clear."), id="two views"),
    ],
)  # fmt: skip
def test_queries_and_answers(tmp_path: Path, row: Any, query: Any, gold: Any) -> None:
    sample = _one(tmp_path, row)
    assert (sample.query, sample.gold) == (query, gold)


def test_turns_are_samples_of_their_own(tmp_path: Path) -> None:
    samples, told = _read(tmp_path, _row(OPEN, "left", history=[[CLASS, "0:normal"], ["Hello", "x"]]))
    assert [(s.id, type(s.query)) for s in samples] == [("1-1", Choose), ("1-3", Ask)]
    assert len({sample.group for sample in samples}) == 1
    assert told == ["rows.jsonl line 1: left out as plain text, 1 in all: their prompts are none of this checkpoint's"]


def test_pictures_become_slices_where_the_words_say_so(tmp_path: Path) -> None:
    for number in range(32):
        picture(tmp_path / f"{number}.png", seed=number, height=256, width=256, mode="L")
    slices = [f"{number}.png" for number in range(32)]
    report, box, question = _read(
        tmp_path, _row(CT, "A cyst.", *slices), _row(TUMOR, "[(32,157,19),(111,218,24)]", *slices), _row(OPEN, "left", *slices)
    )[0]  # fmt: skip
    assert report.task == "report_ct" and isinstance(report.source, Stack)
    assert [item.box for item in box.gold] == [Box3D(32, 157, 19, 112, 219, 25)]
    assert isinstance(question.source, Files), "its words do not say, so nothing is guessed"


@pytest.mark.parametrize("shape", [(1, 32, 256, 256), (16, 128, 64)])
def test_boxes_in_prepared_arrays(tmp_path: Path, shape: tuple[int, ...]) -> None:
    np.save(tmp_path / "a.npy", np.linspace(0, 1, int(np.prod(shape)), dtype=np.float32).reshape(shape))
    sample = _one(tmp_path, _row(TUMOR, '"[[32,64,16],[63,127,31]]"', "a.npy"))
    z, y, x = shape[-3:]
    (item,) = sample.gold
    assert item.box == Box3D(x / 8, y / 4, z / 2, x / 4, y / 2, z)


def test_boxes_in_nifti_follow_how_it_is_shown(tmp_path: Path) -> None:
    """The file's x runs to the patient's right: it is shown turned, and so are the written numbers."""
    import nibabel

    voxels = np.full((64, 64, 32), 100, np.int16)
    voxels[20:30, 8:40, 4:12] = 300
    nibabel.save(nibabel.Nifti1Image(voxels, np.diag([1.0, 1, 2, 1])), tmp_path / "a.nii.gz")
    sample = _one(tmp_path, _row(TUMOR, "[(128,0,0),(255,127,31)]", "a.nii.gz"), prepared=False)
    from umit.imaging.view import render

    view = render(sample.source.scans(), TASKS["detect_3d"].rendering(volume=True))
    (item,) = sample.gold
    assert view.box_to_frame(item.box) == pytest.approx((128, 0, 0, 256, 128, 32))
    assert item.box.corners != pytest.approx((32, 0, 0, 64, 32, 32)), "not as it is stored"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        pytest.param(_row("What do you see?", "a nodule"), "none of this checkpoint's", id="another prompt"),
        pytest.param(_row("Describe <image> please.", "a nodule"), "none of this checkpoint's", id="a picture inside another prompt"),
        pytest.param(_row(FIND, "<bbox>"), "got others", id="a box without objects"),
        pytest.param({"query": OPEN, "response": "left"}, "no pictures", id="no picture"),
        pytest.param(_row(TUMOR, "[(1,2,3),(4,5,6)]"), "none of this checkpoint's", id="a volume's words, one film"),
        pytest.param(_row(FIND, "five"), "detect_2d: expected boxes", id="no boxes"),
        pytest.param(_row(FIND, "a <bbox>", objects={"bbox": [[1, 2, 3, 4]]}), "words beside it", id="words beside a box"),
        pytest.param(_row(FIND, "<bbox>", objects={"bbox": [[1, 2]]}), "got a point", id="a point for a box"),
        pytest.param(_row(GONION, "<bbox>", objects={"bbox": [[1, 2, 3, 4]]}), "got a box", id="a box for a point"),
        pytest.param(_row(FIND, "<ref-object><bbox>", objects={"ref": ["mass"], "bbox": [[1, 2, 3, 4]]}), "got others", id="a box of another thing"),
        pytest.param(_row(CLASS, "2:cyst"), "classify: expected a number", id="no such class"),
        pytest.param(_row(CLASS, None, label=7), "label of 0 to 1, got 7", id="no such number"),
        pytest.param(_row(OPEN, None), "expected an answer, got none", id="no answer"),
        pytest.param(_row(OPEN, " "), "answer in words", id="an empty answer"),
        pytest.param(_row(FIND, "(1,2),(3,4)", "b.png"), "found none", id="a missing picture"),
    ],
)  # fmt: skip
def test_what_makes_no_sample_is_told(tmp_path: Path, row: Any, said: str) -> None:
    (good,), (told,) = _read(tmp_path, row, _row(OPEN, "left"))
    assert good.place == "rows.jsonl line 2"
    assert told.startswith("rows.jsonl line 1: left out") and said in told
    assert "nodule" not in told, "no words of a row in a log"


def test_a_picture_inside_the_words_is_told(tmp_path: Path) -> None:
    (sample,), told = _read(tmp_path, _row("Given this image, <image> please answer the question: Where?", "left"))
    assert sample.query == Ask("Where?")
    assert told == ["rows.jsonl line 1: a picture stands inside the words, umit puts it in front"]


def test_many_plain_rows_are_told_once(tmp_path: Path) -> None:
    _, told = _read(tmp_path, *[_row("Hello", "x")] * 50, _row(OPEN, "left"))
    assert told == ["rows.jsonl line 1: left out as plain text, 50 in all: their prompts are none of this checkpoint's"]


def test_wrong_rows_stop_with_their_line(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"rows\.jsonl line 2.*inside the data set"):
        _read(tmp_path, _row(OPEN, "left"), _row(OPEN, "left", "../a.png"))


def test_they_are_samples_like_any_others(tmp_path: Path) -> None:
    picture(tmp_path / "images" / "a.png", seed=1)
    (tmp_path / "rows").mkdir()
    path = tmp_path / "rows" / "train.jsonl"
    path.write_text(json.dumps(_row(OPEN, "left", "/elsewhere/images/a.png")))
    samples = swift_samples(path, TASKS, root=tmp_path)
    assert isinstance(samples, Samples) and samples.dataset.name == "train.jsonl"
    for _ in range(2):
        (sample,) = samples
        assert sample.source.scans()[0].size == (80, 60)
    with pytest.raises(DatasetError, match="found none"):
        path.write_text(json.dumps(_row("Hello", "x")))
        list(swift_samples(path, TASKS, tell=lambda said: None))


@pytest.mark.shared
def test_rows_recorded_with_ms_swift(shared: Path, tmp_path: Path) -> None:
    """Every row in UMIT's prompts is a sample, but one whose pictures have words of their own."""
    recorded = (shared / "golden/qwen2vl_swift_2_6/umit.jsonl").read_text("utf-8").splitlines()
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(json.dumps(json.loads(line)["row"]) for line in recorded))
    told: list[str] = []
    samples = list(swift_samples(path, TASKS, root=shared, tell=told.append))
    assert len(samples) == len(recorded) - 1 == 23
    assert [said for said in told if "left out" in said] == [
        "rows.jsonl line 17: left out as plain text, 1 in all: their prompts are none of this checkpoint's"
    ]
    tumor = next(s for s in samples if s.query == Find("Tumor"))
    assert tumor.gold.items[0].box == Box3D(32, 157, 19, 113, 220, 26)
    gonion = next(s for s in samples if s.query == Locate("Gonion"))
    assert gonion.gold["Gonion"] == Point2D(253, 610)
