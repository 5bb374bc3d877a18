"""Layouts of folders: classes, VOC, COCO, YOLO, volumes with masks; recognised, or refused with what was seen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from umit.checkpoints import RELEASED
from umit.cli import main
from umit.datasets import load
from umit.errors import DatasetError
from umit.evaluation.journal import MANIFEST
from umit.model import UMIT
from umit.queries import Choose
from umit.testing import ScriptedBackend

from ..layouts.draw import picture
from ..told import told

pytestmark = pytest.mark.filterwarnings("ignore::umit.errors.DatasetWarning")


def _classes(root: Path) -> None:
    for split in ("train", "val"):
        for name in ("10", "2"):
            picture(root / split / name / f"patient{len(name)}_1.png", seed=len(name) + len(split))
    (root / "train" / "2" / "notes.txt").write_text("x")


VOC = """<annotation><filename>C:\\x\\a.png</filename><size><width>80</width><height>60</height></size>
<object><name>cell</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>10</xmax><ymax>20</ymax></bndbox></object>
<object><name>cell</name><bndbox><xmin>5</xmin><ymin>5</ymin><xmax>5</xmax><ymax>5</ymax></bndbox></object></annotation>"""


def _voc(root: Path) -> None:
    for name in ("a", "b", "c"):
        picture(root / "JPEGImages" / f"{name}.png", seed=ord(name))
    (root / "Annotations").mkdir()
    (root / "Annotations" / "a.xml").write_text(VOC)
    (root / "Annotations" / "b.xml").write_text(VOC.replace("cell", "tumor"))
    (root / "ImageSets" / "Main").mkdir(parents=True)
    (root / "ImageSets" / "Main" / "train.txt").write_text("a\n")
    (root / "ImageSets" / "Main" / "val.txt").write_text("\ufeffb\n", "utf-8")
    (root / "ImageSets" / "Main" / "trainval.txt").write_text("a\nb\n")


def _coco(root: Path) -> None:
    picture(root / "val2017" / "a.png", seed=1)
    (root / "annotations").mkdir()
    boxes: list[dict[str, Any]] = [
        {"image_id": 7, "category_id": 3, "bbox": [0, 1, 10, 19]},
        {"image_id": 7, "category_id": 3, "bbox": [0, 1, 0, 19]},
        {"image_id": 7, "category_id": 4, "bbox": [0, 1, 5, 5], "iscrowd": 1},
        {"image_id": 7, "category_id": 4, "bbox": [1, 1, 5, 5]},
    ]
    data = {
        "images": [{"id": 7, "file_name": "a.png", "width": 80, "height": 60}], "annotations": boxes,
        "categories": [{"id": 3, "name": "cell"}, {"id": 4, "name": "tumor"}, {"id": 5, "name": "never"}],
    }  # fmt: skip
    (root / "annotations" / "instances_val2017.json").write_text(json.dumps(data), "utf-8-sig")


def _yolo(root: Path) -> None:
    for name in ("a", "b"):
        picture(root / "images" / "train" / f"{name}.png", seed=ord(name))
    (root / "labels" / "train").mkdir(parents=True)
    lines = "0 0.5 0.5 0.5 0.5\n1 0 0 0.5 0 0.25 0.5\n0 0.5 0.5 0 0\n"
    (root / "labels" / "train" / "a.txt").write_text(lines)
    (root / "data.yaml").write_text("names: [cell, tumor]\n")


def _masks(root: Path) -> None:
    voxels = np.zeros((5, 6, 7), np.uint8)
    voxels[1:3, 2:5, 3:4] = 1
    for folder, values in (("imagesTr", voxels * 7 + 1), ("labelsTr", voxels)):
        (root / folder).mkdir(exist_ok=True)
        for name in ("a_001", "a_002"):
            if (folder, name) != ("labelsTr", "a_002"):
                nibabel.save(nibabel.Nifti1Image(values, np.diag([2, 1, 1, 1])), root / folder / f"{name}.nii.gz")


def _boxes(samples: list[Any]) -> dict[tuple[str, str], list[tuple[float, ...]]]:
    return {(Path(s.source.names[0]).name, s.query.target): [i.box.corners for i in s.gold] for s in samples}


def test_a_folder_of_classes(tmp_path: Path) -> None:
    _classes(tmp_path)
    samples, said = told(tmp_path, None)
    assert {s.query for s in samples} == {Choose(("2", "10"))}
    assert (samples[0].gold.label, samples[0].id) == ("2", "train/2/patient1_1.png")
    assert {s.group for s in samples} == {"patient1", "patient2"}
    assert len(list(load(tmp_path, split="val"))) == 2
    assert said[-1] == "2/*.txt: skipped, 1 files whose names do not end as a picture's"
    zh = next(iter(load(tmp_path, language="zh", fields={"2": "正常"})))
    assert zh.query == Choose(("正常", "10"), language="zh")


def test_voc_counts_pixels_from_one_and_asks_for_what_is_absent(tmp_path: Path) -> None:
    _voc(tmp_path / "inner")
    samples, said = told(tmp_path, None)
    assert _boxes(samples) == {
        ("a.png", "cell"): [(0, 1, 10, 20)], ("a.png", "tumor"): [],
        ("b.png", "cell"): [], ("b.png", "tumor"): [(0, 1, 10, 20)],
    }  # fmt: skip
    assert [s.place for s in load(tmp_path, split="train")] == ["Annotations/a.xml"] * 2
    assert any("a.xml: skipped box 2, 'cell'" in one for one in said)
    assert "1 pictures without an annotation left out, such as 'c'" in said[-1]
    assert samples[0].source.size == (80, 60)


def test_voc_beside_its_pictures_in_folders_of_splits(tmp_path: Path) -> None:
    for split, name in (("train", "a"), ("valid", "b")):
        picture(tmp_path / split / f"{name}.png", seed=1)
        (tmp_path / split / f"{name}.xml").write_text(VOC)
    assert [s.place for s in load(tmp_path, split="val")] == ["valid/b.xml"]
    reports = tmp_path / "reports"
    reports.mkdir()
    (reports / "1.xml").write_text("<eCitation></eCitation>")
    with pytest.raises(DatasetError, match="a layout that umit knows"):
        load(reports)


def test_coco(tmp_path: Path) -> None:
    _coco(tmp_path)
    samples, said = told(tmp_path, None)
    assert _boxes(samples) == {("a.png", "cell"): [(0, 1, 10, 20)], ("a.png", "tumor"): [(1, 1, 6, 6)]}
    assert [("no area" in s, "crowd" in s, "never" in s) for s in said] == [
        (True, False, False), (False, True, False), (False, False, True),
    ]  # fmt: skip
    assert len(list(load(tmp_path / "annotations" / "instances_val2017.json", split="validation"))) == 2
    assert samples[0].source.scans()


def test_two_pictures_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    for split in ("train", "val"):
        picture(tmp_path / "JPEGImages" / split / "a.png", seed=len(split))
        (tmp_path / "Annotations" / split).mkdir(parents=True)
        (tmp_path / "Annotations" / split / "a.xml").write_text(VOC)
    assert [Path(s.source.names[0]).parent.name for s in load(tmp_path)] == ["train", "val"]
    (tmp_path / "Annotations" / "train").rename(tmp_path / "Annotations" / "other")
    with pytest.raises(DatasetError, match=r"other/a\.xml: expected one picture called 'a', got 2: train/a\.png"):
        list(load(tmp_path))


@pytest.mark.parametrize("name", ["pics/a.png", "a.png", "../pics/a.png", "/elsewhere/pics/a.png", "{}/pics/a.png"])
def test_coco_beside_its_pictures_or_elsewhere(name: str, tmp_path: Path) -> None:
    picture(tmp_path / "pics" / "a.png", seed=1)
    data = {
        "images": [{"id": 1, "file_name": name.format(tmp_path)}],
        "annotations": [{"image_id": 1, "category_id": 1, "bbox": [0, 1, 10, 19]}],
        "categories": [{"id": 1, "name": "cell"}],
    }
    file = tmp_path / "lists" / "x.json"
    file.parent.mkdir()
    file.write_text(json.dumps(data))
    root = tmp_path / "pics" if name == "a.png" else tmp_path
    (sample,) = load(file, root)
    assert Path(sample.source.names[0]) == tmp_path / "pics" / "a.png"
    with pytest.raises(DatasetError, match="or a COCO file's pictures alone, got one for classes"):
        _classes(tmp_path / "folders")
        load(tmp_path / "folders", root)


@pytest.mark.parametrize("names", ["names: {'0': cell}", "names:\n  0: cell", "names: [cell]"])
def test_yolo_numbers_its_classes_in_any_way(names: str, tmp_path: Path) -> None:
    picture(tmp_path / "images" / "a.png", seed=1)
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "a.txt").write_text("0.000 0.5 0.5 0.5 0.5\n")
    (tmp_path / "data.yaml").write_text(names)
    assert _boxes(list(load(tmp_path))) == {("a.png", "cell"): [(20, 15, 60, 45)]}


def test_yolo_in_pixels_of_the_picture(tmp_path: Path) -> None:
    _yolo(tmp_path)
    samples, said = told(tmp_path, None)
    assert _boxes(samples) == {
        ("a.png", "cell"): [(20, 15, 60, 45)], ("a.png", "tumor"): [(0, 0, 40, 30)],
        ("b.png", "cell"): [], ("b.png", "tumor"): [],
    }  # fmt: skip
    assert "line 3: skipped, the box has no area" in said[1] and "1 pictures without a text" in said[2]


def test_yolo_with_its_texts_beside_the_pictures(tmp_path: Path) -> None:
    picture(tmp_path / "obj" / "a.png", seed=1)
    (tmp_path / "obj" / "a.txt").write_text("0 0.5 0.5 0.5 0.5\n")
    (tmp_path / "obj.names").write_text("cell\n")
    assert _boxes(list(load(tmp_path))) == {("a.png", "cell"): [(20, 15, 60, 45)]}
    (tmp_path / "obj" / "a.txt").write_text("Taken in March.\n")
    with pytest.raises(DatasetError, match="a layout that umit knows"):
        load(tmp_path)


def test_masks_give_the_box_of_each_label_in_voxels(tmp_path: Path) -> None:
    _masks(tmp_path)
    (one,), said = told(tmp_path, None, fields={"1": "nodule"})
    assert (one.task, one.query.target) == ("detect_3d", "nodule")
    (item,) = one.gold
    assert item.box.corners == (1, 2, 3, 3, 5, 4), "x along the first axis of the file"
    assert item.box.space is not None and item.box.space.spacing == (2, 1, 1)
    assert said[-1].endswith("skipped 1 volumes without a mask, such as 'a_002.nii.gz'")
    (tmp_path / "dataset.json").write_text('{"labels": {"background": 0, "nodule": 1, "liver": 2}}')
    assert [s.query.target for s in load(tmp_path)] == ["liver", "nodule"]
    other = nibabel.Nifti1Image(np.ones((5, 6, 8), np.uint8), np.eye(4))
    nibabel.save(other, tmp_path / "labelsTr" / "a_001.nii.gz")
    with pytest.raises(DatasetError, match="expected a mask of"):
        list(load(tmp_path))


@pytest.mark.parametrize("write", [_classes, _voc, _coco, _yolo, _masks])
def test_each_is_recognised_as_itself_alone(write: Any, tmp_path: Path) -> None:
    write(tmp_path)
    samples = load(tmp_path)
    assert samples.dataset.variants == (write.__name__[1:],)
    ids = [s.id for s in samples]
    assert len(ids) == len(set(ids))


def test_two_layouts_in_one_folder_are_not_guessed_between(tmp_path: Path) -> None:
    _classes(tmp_path)
    (tmp_path / "my.csv").write_text("image,label\ntrain/2/patient1_1.png,x\ntrain/10/patient2_1.png,y\n")
    with pytest.raises(DatasetError, match="looks like table and classes; name it as variant"):
        load(tmp_path)
    assert {s.gold.label for s in load(tmp_path, variant="table")} == {"x", "y"}


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("", {}, "expected one of pmc-oa"), ("nowhere", {}, "or the path of files of your own"),
        (".", {}, "expected a layout that umit knows"), (".", {"variant": "kitti"}, "a layout of table"),
        ("slake", {}, "expected the folder of slake's files"),
    ],
)  # fmt: skip
def test_nothing_is_guessed(
    name: str, options: Any, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DatasetError, match=said):
        load(name, **options)


def test_fields_of_tables_are_refused_for_folders(tmp_path: Path) -> None:
    _classes(tmp_path)
    with pytest.raises(DatasetError, match="got label for classes"):
        list(load(tmp_path, fields={"label": "x"}))


def test_evaluate_takes_a_path_with_its_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _classes(tmp_path / "films")
    model = UMIT(ScriptedBackend(lambda request: "0:normal"), RELEASED["dz-osamu/UMIT-B"])
    monkeypatch.setattr(UMIT, "from_pretrained", lambda *args, **more: model)
    words = ["evaluate", str(tmp_path / "films"), "--run", str(tmp_path / "run"), "--split", "val"]
    assert main([*words, "--fields", "2=normal", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert next(r["value"] for r in rows if r["metric"] == "accuracy" and r["protocol"] == "umit") == 0.5
    kept = json.loads((tmp_path / "run" / MANIFEST).read_text("utf-8"))
    assert (kept["dataset"], kept["variant"], kept["fields"]) == ("films", "classes", {"2": "normal"})
    assert main(words) == 2, "other words are another run"


_ANY = st.none() | st.integers(-1, 3) | st.floats() | st.sampled_from(["a.png", "", "1", "../a.png"]) | st.lists(st.floats() | st.integers(-5, 90), max_size=5)  # fmt: skip
_LISTED = st.lists(st.dictionaries(st.sampled_from(["id", "file_name", "width", "height", "image_id", "category_id", "bbox", "iscrowd", "name"]), _ANY, max_size=7), max_size=3)  # fmt: skip


@given(st.fixed_dictionaries({key: _LISTED for key in ("images", "annotations", "categories")}))
def test_whatever_a_coco_file_holds(tmp_path_factory: pytest.TempPathFactory, data: dict[str, Any]) -> None:
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_text(json.dumps(data))
    try:
        assert all(sample.id for sample in load(path))
    except DatasetError as error:
        assert str(error)


@given(st.text(alphabet="01 .-e\n5nax", max_size=40))
def test_whatever_a_text_of_boxes_holds(tmp_path_factory: pytest.TempPathFactory, words: str) -> None:
    root = tmp_path_factory.getbasetemp() / "any_yolo"
    if not root.exists():
        picture(root / "images" / "a.png", seed=1)
        (root / "labels").mkdir()
    (root / "labels" / "a.txt").write_text("0 .5 .5 .2 .2\n" + words)
    try:
        assert all(sample.id for sample in load(root))
    except DatasetError as error:
        assert str(error)
