"""Tables of people's own: the usual names of fields, every kind of truth, and what is said of rows that say nothing."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, generate_uid

from umit.datasets import load
from umit.datasets.own.columns import columns
from umit.errors import DatasetError, InputError
from umit.queries import Ask, Choose, Describe, Find, Locate
from umit.results import Answer, Classification, Findings, Landmarks, Report

from ..layouts.draw import picture
from ..layouts.rsna import film
from ..told import told

pytestmark = pytest.mark.filterwarnings("ignore::umit.errors.DatasetWarning")


def _jsonl(folder: Path, *rows: dict[str, Any], name: str = "my.jsonl", start: bytes = b"") -> Path:
    for picture_name in ("a.png", "b.png"):
        picture(folder / picture_name, seed=1)  # 80 × 60
    path = folder / name
    path.write_bytes(start + "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode())
    return path


def _csv(folder: Path, head: str, *lines: str, name: str = "my.csv") -> Path:
    for picture_name in ("a.png", "b.png"):
        picture(folder / picture_name, seed=1)
    path = folder / name
    path.write_text("\n".join([head, *lines]) + "\n", encoding="utf-8-sig")
    return path


NAMES = [
    ("image", "question", "answer"), ("img_path", "Query", "response"), ("Image Index", "prompt", "ground_truth"),
    ("image_file", "problem", "GT"), ("images", "instruction", "output"), ("图像", "问题", "答案"), ("file_name", "question", "gt_answer"),
]  # fmt: skip


@pytest.mark.parametrize("names", NAMES, ids="-".join)
def test_the_usual_names_of_a_question(names: tuple[str, str, str], tmp_path: Path) -> None:
    rows = [dict(zip(names, ("a.png", "<image>\nWhere is it?", "left"), strict=True))]
    (one,) = load(_jsonl(tmp_path, *rows))
    assert (one.query, one.gold.text) == (Ask("Where is it?"), "left")
    assert one.source.names == (str(tmp_path / "a.png"),) and one.place == "my.jsonl line 1"
    head = ",".join(names)
    (two,) = load(_csv(tmp_path, head, "a.png,Where is it?,left"))
    assert (two.query, two.gold) == (one.query, one.gold)


@pytest.mark.parametrize("form", ["jsonl", "list", "csv", "tsv", "parquet"])
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"], ids=["plain", "a byte-order mark"])
def test_every_form_of_a_table(form: str, start: bytes, tmp_path: Path) -> None:
    row = {"image": "a.png", "question": "Is it, so?", "answer": "Yes"}
    path = tmp_path / f"my.{ {'list': 'json'}.get(form, form) }"
    picture(tmp_path / "a.png", seed=1)
    if form == "parquet":
        import pyarrow
        from pyarrow import parquet

        parquet.write_table(pyarrow.Table.from_pylist([row]), path)
    elif form in ("csv", "tsv"):
        with path.open("w", encoding="utf-8", newline="") as file:
            file.write(start.decode())
            writer = csv.DictWriter(file, row, delimiter="\t" if form == "tsv" else ",")
            writer.writeheader()
            writer.writerow(row)
    else:
        path.write_bytes(start + json.dumps([row] if form == "list" else row).encode())
    (one,) = load(path)
    assert (one.query, one.gold) == (Ask("Is it, so?", ("yes", "no")), Answer(text="yes", option=0))
    assert dict(one.facts) == {"answer_type": "closed", "answer": "Yes"}


@pytest.mark.parametrize(
    ("row", "query", "gold"),
    [
        pytest.param({"question": "Which?", "options": ["lung", "liver"], "answer": "B"}, Ask("Which?", ("lung", "liver")), Answer(text="liver", option=1), id="a letter"),
        pytest.param({"question": "Which?", "options": {"A": "lung", "B": "liver"}, "answer": "B. liver"}, Ask("Which?", ("lung", "liver")), Answer(text="liver", option=1), id="by letters"),
        pytest.param({"question": "Which?", "choices": ["A. lung", "B. liver"], "answer": "lung"}, Ask("Which?", ("lung", "liver")), Answer(text="lung", option=0), id="letters inside"),
        pytest.param({"question": "Which?", "A": "lung", "B": "liver", "C": "", "answer": "a"}, Ask("Which?", ("lung", "liver")), Answer(text="lung", option=0), id="columns"),
        pytest.param({"question": "Which?", "Choice A": "lung", "Choice B": "liver", "Answer": "liver"}, Ask("Which?", ("lung", "liver")), Answer(text="liver", option=1), id="PMC-VQA"),
        pytest.param({"question": "有肿块吗?", "answer": "没有"}, Ask("有肿块吗?", ("是", "否"), language="zh"), Answer(text="否", option=1), id="Chinese"),
        pytest.param({"question": "Where?", "answer": "left", "language": "zh"}, Ask("Where?", language="zh"), Answer(text="left"), id="a language"),
        pytest.param({"report": "Clear lungs."}, Describe(), Report(text="Clear lungs."), id="a report"),
        pytest.param({"findings": "Clear.", "impression": "Normal."}, Describe(), Report(text="Clear.\nNormal.", findings="Clear.", impression="Normal."), id="two sections"),
        pytest.param({"caption": "胸片"}, Describe("caption", language="zh"), Report(text="胸片"), id="a caption"),
        pytest.param({"conversations": [{"from": "human", "value": "<image>\nWhere?"}, {"from": "gpt", "value": "left"}]}, Ask("Where?"), Answer(text="left"), id="LLaVA"),
        pytest.param({"messages": [{"role": "user", "content": "Where?"}, {"role": "assistant", "content": "left"}]}, Ask("Where?"), Answer(text="left"), id="messages"),
    ],
)  # fmt: skip
def test_what_a_row_may_say(row: Any, query: Any, gold: Any, tmp_path: Path) -> None:
    (one,) = load(_jsonl(tmp_path, {"image": "a.png", **row}))
    assert (one.query, one.gold) == (query, gold)


def test_classes_get_their_labels_from_the_whole_table(tmp_path: Path) -> None:
    path = _csv(tmp_path, "id,dx,patient_id", "a,nevus,p1", "b,melanoma,p2", "a,,p1")
    samples, said = told(path, None)
    assert [s.query for s in samples] == [Choose(("melanoma", "nevus"))] * 2
    assert [s.gold.label for s in samples] == ["nevus", "melanoma"]
    assert [s.group for s in samples] == ["p1", "p2"]
    assert [Path(s.source.names[0]).name for s in samples] == ["a.png", "b.png"], "names without their end"
    assert said == ["my.csv line 4: skipped, its label is empty"]
    named = list(load(path, fields={"nevus": "a mole"}))
    assert named[0].gold == Classification(label="a mole")
    with pytest.raises(DatasetError, match=r"classes of the files \(melanoma, nevus\), got mole"):
        list(load(path, fields={"mole": "a mole"}))


@pytest.mark.parametrize(
    ("head", "lines", "fields"),
    [
        ("Image Index,Finding Labels", ("a.png,Mass|Edema", "b.png,Edema"), {}),
        ("image,Edema,Mass", ("a.png,1,1", "b.png,1,0"), {}),
        ("image,Edema,Mass,age", ("a.png,1.0,1.0,40", "b.png,1,0,50"), {"label": "Edema+Mass"}),
    ],
    ids=["joined by a bar", "columns of 0 and 1", "columns that are named"],
)
def test_several_classes_of_one_picture(
    head: str, lines: tuple[str, ...], fields: dict[str, str], tmp_path: Path
) -> None:
    first, second = load(_csv(tmp_path, head, *lines), fields=fields)
    assert first.query == Choose(("Edema", "Mass"), several=True)
    assert isinstance(first.gold, Findings)
    assert [[m.present for m in one.gold] for one in (first, second)] == [[True, True], [True, False]]


def test_boxes_of_many_rows_are_of_one_picture_and_absent_classes_are_asked_for(tmp_path: Path) -> None:
    lines = ("a.png,1,2,11,12,cell", "a.png,20,2,31,12,cell", "b.png,1,1,5,5,tumor", "b.png,3,3,3,9,cell")
    samples, said = told(_csv(tmp_path, "path,x1,y1,x2,y2,class", *lines), None)
    found = {(s.source.names[0][-5:], s.query.target): [i.box.corners for i in s.gold] for s in samples}
    assert found == {
        ("a.png", "cell"): [(1, 2, 11, 12), (20, 2, 31, 12)], ("a.png", "tumor"): [],
        ("b.png", "cell"): [], ("b.png", "tumor"): [(1, 1, 5, 5)],
    }  # fmt: skip
    assert "my.csv line 5: skipped a box of 'cell'" in said[-1] and "no area" in said[-1]
    sized = list(load(_csv(tmp_path, "image,x,y,width,height,label", "a.png,1,2,10,10,cell")))
    assert sized[0].gold.items[0].box.corners == (1, 2, 11, 12)
    row = {"image": "a.png", "boxes": [[1, 2, 3, 4], [5, 6, 7, 8]], "labels": ["x", "y"]}
    x, y = load(_jsonl(tmp_path, row))
    assert (x.query, y.query) == (Find("x"), Find("y")) and len(x.gold) == len(y.gold) == 1


def test_landmarks_keep_their_names_and_millimetres(tmp_path: Path) -> None:
    row = {"image": "a.png", "landmarks": {"apex": [10, 20.5]}, "size": [80, 60], "pixel_mm": 0.5}
    (one,) = load(_jsonl(tmp_path, row))
    assert one.query == Locate("apex") and isinstance(one.gold, Landmarks)
    assert one.gold["apex"].to_mm() == (5, 10.25)
    assert one.source.scans()[0].spacing == (0.5, 0.5)
    (two,) = load(_csv(tmp_path, "image,apex_x,apex_y", "a.png,10,20.5"))
    assert (two.query, two.gold["apex"].x) == (Locate("apex"), 10)


def test_folders_lists_and_files_that_are_volumes(tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", np.zeros((3, 4, 5), np.uint8))
    for number in range(3):
        picture(tmp_path / "s" / f"{number}.png", seed=number)
    rows = [
        {"image": "v.npy", "question": "Where?", "answer": "left"},
        {"volume": ["s/0.png", "s/1.png", "s/2.png"], "question": "Where?", "answer": "left"},
        {"image": [["s/0.png", "s/1.png"]], "question": "Where?", "answer": "left"},
        {"image": ["s/0.png", "s/1.png"], "question": "Where?", "answer": "left"},
        {"image": "s", "question": "Where?", "answer": "left"},
    ]
    samples = list(load(_jsonl(tmp_path, *rows)))
    assert [s.source.is_volume for s in samples] == [True, True, True, False, True]
    assert [s.source.scans()[0].voxels.shape[0] for s in samples[:4]] == [3, 3, 2, 1]


def _dicom(path: Path, series: str = "", place: float = 0.0) -> Dataset:
    """Write a film; of a series, a slice at a place."""
    file = film(1)
    if series:
        file.SOPClassUID = file.file_meta.MediaStorageSOPClassUID = CTImageStorage
        file.Modality, file.SeriesInstanceUID = "CT", series
        file.ImagePositionPatient, file.ImageOrientationPatient = [0, 0, place], [1, 0, 0, 0, 1, 0]
        file.PixelSpacing, file.RescaleIntercept, file.RescaleSlope = [1, 1], 0, 1
    file.SOPInstanceUID = file.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    path.parent.mkdir(parents=True, exist_ok=True)
    file.save_as(path, enforce_file_format=True)
    return file


def test_a_folder_of_dicom_with_a_table_of_labels(tmp_path: Path) -> None:
    films = [_dicom(tmp_path / "films" / name) for name in ("one.dcm", "two.dcm", "1.2.3.4", "IM0001")]
    names = ("one", "films/two.dcm", "1.2.3.4", str(films[3].SOPInstanceUID))
    lines = [f"{name},{'xy'[n % 2]}" for n, name in enumerate(names)]
    path = tmp_path / "labels.csv"
    path.write_text("\n".join(["patientId,label", *lines]))
    samples = list(load(tmp_path))
    assert [Path(s.source.names[0]).name for s in samples] == ["one.dcm", "two.dcm", "1.2.3.4", "IM0001"]
    assert [s.gold.label for s in samples] == ["x", "y", "x", "y"]
    assert samples[0].source.scans()[0].size == (1024, 1024)


def test_a_series_is_one_volume_by_its_folder_its_identifier_or_its_slices(tmp_path: Path) -> None:
    series = generate_uid()
    for number in range(3):
        _dicom(tmp_path / "case" / f"{number}.dcm", series, 2.5 * (2 - number))
    rows: list[Any] = [
        {"image": "case"}, {"SeriesInstanceUID": series}, {"slices": [f"case/{n}.dcm" for n in (1, 0, 2)]},
    ]  # fmt: skip
    path = tmp_path / "my.jsonl"
    path.write_text("\n".join(json.dumps({**row, "report": "Clear."}) for row in rows))
    samples = list(load(path))
    assert [s.task for s in samples] == ["report_ct"] * 3
    for sample in samples:
        (scan,) = sample.source.scans()
        assert scan.voxels.shape[0] == 3 and scan.spacing == (1, 1, 2.5)


def test_splits_tasks_and_the_rest_of_the_words(tmp_path: Path) -> None:
    rows = [
        {"image": "a.png", "question": "Is it?", "answer": "no", "split": "val"},
        {"image": "b.png", "question": "Where?", "answer": "left", "split": "train"},
    ]
    path = _jsonl(tmp_path, *rows)
    assert [s.gold.text for s in load(path, split="validation")] == ["no"]
    assert [s.gold.text for s in load(path, task="answer_open")] == ["left"]
    with pytest.raises(DatasetError, match="expected one of answer_open"):
        load(path, task="answers")
    for name in ("train", "test"):
        (tmp_path / "d").mkdir(exist_ok=True)
        _csv(tmp_path / "d", "image,label", "a.png,x", "b.png,y", name=f"{name}.csv")
    assert len(list(load(tmp_path / "d", split="test"))) == 2


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"image": "a.png", "question": "Where?", "answer": ""}, "skipped, its answer is empty"),
        ({"image": "", "question": "Where?", "answer": "left"}, "skipped, it names no picture"),
        ({"image": "a.png", "question": "", "answer": "left"}, "skipped, its answer has no question"),
        ({"image": "a.png", "landmarks": {"apex": [None, None]}}, "skipped, its landmarks are empty"),
        ({"image": "a.png", "question": "Which?", "options": ["x", "y"], "answer": "z"}, "none of the options"),
        ({"image": "a.png", "question": "Which?", "options": ["x", "y"], "answer": 1}, "none of the options"),
    ],
)  # fmt: skip
def test_a_row_that_says_nothing_is_skipped_and_told(row: Any, said: str, tmp_path: Path) -> None:
    whole = {"image": "b.png", "question": "Where?", "answer": "left"}
    samples, messages = told(_jsonl(tmp_path, whole, row), None)
    assert len(samples) == 1
    assert sum("skipped" in m for m in messages) == 1 and said in messages[-1]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"image": "a.png", "text": "x"}, "expected a question with an answer"),
        ({"image": "../a.png", "question": "Where?", "answer": "left"}, "inside the data set"),
        ({"image": "https://a.b/c.png", "question": "Where?", "answer": "left"}, "address"),
        ({"image": "a.png", "boxes": [[1, 2, 3, 4]]}, "each with a class"),
        ({"image": "a.png", "landmarks": {"x": 3}}, "expected x and y"),
        ({"image": "a.png", "question": "Where?", "answer": "left", "language": "fr"}, "'fr'"),
        ({"image": "a.png", "question": "Where?", "answer": {"a": 1}}, "'answer' with text, got dict"),
        ({"image": "a.png", "messages": [], "umit": {"id": "1"}}, "swift_samples"),
    ],
)
def test_a_row_in_another_form_is_an_error_with_its_place(row: Any, said: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=said) as caught:
        list(load(_jsonl(tmp_path, row)))
    assert caught.value.file == "my.jsonl line 1"


def test_ids_that_repeat_and_pictures_with_two_classes_are_told(tmp_path: Path) -> None:
    path = _csv(tmp_path, "image,id,label", "a.png,7,x", "a.png,7,y", "b.png,8,y")
    samples, said = told(path, None)
    assert [s.id for s in samples] == ["7 (my.csv line 2)", "7 (my.csv line 3)", "8"]
    assert "1 pictures have another class in a row of their own, the first in my.csv line 3" in said[1]
    assert "1 ids stand in several rows, such as '7'" in said[2]


def test_a_table_of_the_hub_has_pictures_and_names_of_classes(tmp_path: Path) -> None:
    from datasets import ClassLabel, Dataset, Features, Image

    picture(tmp_path / "a.png", seed=1)
    features = Features({"image": Image(), "label": ClassLabel(names=["normal", "pneumonia"])})
    rows = {"image": [{"bytes": (tmp_path / "a.png").read_bytes(), "path": None}] * 2, "label": [1, 0]}
    for split in ("train", "test"):
        target = tmp_path / "hub" / "data" / f"{split}-00000-of-00001.parquet"
        target.parent.mkdir(parents=True, exist_ok=True)
        Dataset.from_dict(rows, features=features).to_parquet(target)
    samples = list(load(tmp_path / "hub", split="test"))
    assert [s.gold.label for s in samples] == ["pneumonia", "normal"]
    assert samples[0].source.scans()[0].size == (80, 60)


def test_classes_that_are_numbers_are_told_and_a_question_stays(tmp_path: Path) -> None:
    row = {"image": "a.png", "question": "Which stage?", "label": 0}
    samples, said = told(_jsonl(tmp_path, row, {**row, "image": "b.png", "label": 2}), None)
    assert [s.query for s in samples] == [Choose(("0", "2"), "Which stage?")] * 2
    assert any("its classes are numbers, 0, 2; name them as fields" in one for one in said)


def test_a_field_that_is_not_there(tmp_path: Path) -> None:
    path = _csv(tmp_path, "image,dx", "a.png,x")
    with pytest.raises(DatasetError, match="expected the field 'diagnose' as label, got image, dx"):
        list(load(path, fields={"label": "diagnose"}))


def test_two_files_of_one_name(tmp_path: Path) -> None:
    for folder in ("x", "y"):
        picture(tmp_path / folder / "c.png", seed=1)
    with pytest.raises(DatasetError, match=r"one file called 'c', got 2: x/c\.png, y/c\.png"):
        list(load(_csv(tmp_path, "id,label", "c,x")))


def test_a_picture_of_another_folder_is_not_taken_for_one_that_is_missing(tmp_path: Path) -> None:
    picture(tmp_path / "anna" / "1.png", seed=1)
    rows = _csv(tmp_path, "image,label", "anna/1,x", "old/anna/1.png,y", "berta/1.png,x", "anna/1.png;berta/1.png,y")
    found = [sample.source.paths[0] for sample in load(rows)]
    assert found[:2] == [tmp_path / "anna" / "1.png"] * 2
    assert not any(path.exists() for path in found[2:])


def test_dots_may_lead_from_the_table_into_the_root(tmp_path: Path) -> None:
    picture(tmp_path / "pics" / "a.png", seed=1)
    (tmp_path / "rows").mkdir()
    rows = _csv(tmp_path / "rows", "image,label", "../pics/a.png,x", "./x/../../pics/a.png,y", "..\\pics\\a.png,y")
    assert {sample.source.paths for sample in load(rows, tmp_path)} == {(tmp_path / "pics" / "a.png",)}
    with pytest.raises(DatasetError, match="inside the data set"):
        list(load(rows))


def test_a_missing_slice_is_told_when_it_is_read(tmp_path: Path) -> None:
    _dicom(tmp_path / "0.dcm", generate_uid(), 0)
    (sample,) = load(_jsonl(tmp_path, {"slices": ["0.dcm", "1.dcm"], "report": "Clear."}))
    with pytest.raises(InputError, match=r"1\.dcm: expected a slice's file, got nothing there"):
        sample.source.scans()


def test_a_label_beside_boxes_is_read_and_an_impression_alone_is_a_report(tmp_path: Path) -> None:
    for row in ({"boxes": [[1, 2, 3, 4]], "label": "n"}, {"findings": "", "impression": "Normal."}):
        samples, messages = told(_jsonl(tmp_path, {"image": "a.png", **row}), None)
        assert len(samples) == 1 and not messages


def test_fields_of_a_user_go_before() -> None:
    found = columns(["image", "answer", "reply"], {"answer": "reply"}, "a")
    assert found == {"image": "image", "answer": "reply"}


@pytest.mark.parametrize(
    ("said", "right"),
    [("B", 1), ("b)", 1), ("(B)", 1), ("B. liver", 1), ("B：liver", 1), ("LIVER.", 1), ("B. lung", None), ("C", None),
     ("Bliver", None), ("1", None), (1, None)],
)  # fmt: skip
def test_letters_of_options(said: Any, right: int | None, tmp_path: Path) -> None:
    rows = [
        {"image": "a.png", "question": "Which?", "options": ["lung", "liver"], "answer": one} for one in ("A", said)
    ]
    samples, messages = told(_jsonl(tmp_path, *rows), None)
    assert [s.gold.option for s in samples] == ([0] if right is None else [0, right])
    assert any("none of the options" in one for one in messages) == (right is None)


def test_a_word_that_is_an_option_is_no_letter(tmp_path: Path) -> None:
    row = {"image": "a.png", "question": "Which stage?", "options": ["C", "D"], "answer": "C"}
    (one,) = load(_jsonl(tmp_path, row))
    assert one.gold.option == 0


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 99) | st.floats() | st.sampled_from(["a.png", "", "A", "[1, 2]", "{}", "x|y", "nan"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["x", "y", "name", "bbox", "from", "value", "bytes", "path"]), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
_NAMES = st.sampled_from(
    ["image", "volume", "question", "answer", "options", "label", "report", "findings", "impression", "caption", "boxes",
     "landmarks", "size", "spacing", "group", "split", "language", "id", "x1", "y1", "x2", "y2", "A", "B", "apex_x", "apex_y",
     "messages", "conversations", "answer_type"]
)  # fmt: skip


@given(st.lists(st.dictionaries(_NAMES, _VALUES, max_size=6), min_size=1, max_size=3))
def test_whatever_rows_hold_they_are_samples_or_one_kind_of_error(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]]
) -> None:
    folder = tmp_path_factory.getbasetemp() / "any"
    if not (folder / "a.png").exists():
        picture(folder / "a.png", seed=1)
    path = folder / "my.jsonl"
    path.write_text("\n".join(json.dumps({"image": "a.png", **row}) for row in rows))
    try:
        for sample in load(path):
            assert sample.id and sample.group and sample.task
    except DatasetError as error:
        assert str(error)
