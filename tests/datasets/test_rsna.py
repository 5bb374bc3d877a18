"""RSNA: rows joined into films, tables saved again, wrong rows, and the real ones."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from umit.chat import spell
from umit.checkpoints import RELEASED
from umit.datasets import describe
from umit.datasets.ask import asked
from umit.errors import DatasetError
from umit.geometry import Box2D

from .layouts import layout, rsna
from .told import told

TABLE = "stage_2_train_labels.csv"
HEADER = "patientId,x,y,width,height,Target\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    layout("rsna").write(tmp_path)
    return tmp_path


def _table(root: Path, lines: str, header: str = HEADER) -> Path:
    (root / TABLE).write_text(header + lines, encoding="utf-8")
    return root


def test_rows_of_a_film_are_one_question(root: Path) -> None:
    samples, _ = told("rsna", root)
    assert [(s.query.language, s.query.target) for s in samples] == [("en", "pneumonia"), ("zh", "肺炎")] * 2
    two, none = samples[0], samples[2]
    assert [item.box for item in two.gold] == [Box2D(264, 152, 477, 531), Box2D(562, 152, 818, 605)]
    assert two.gold.items[0].label == "pneumonia" and samples[1].gold.items[0].label == "肺炎"
    assert two.gold.items[0].box.space.size == two.source.scans()[0].size
    assert not none.gold
    assert (two.place, two.group) == (f"{TABLE} line 2", rsna._TWO)


def test_classes_are_joined_once(root: Path) -> None:
    two, none = told("rsna", root, language="en")[0]
    assert dict(two.facts) == {"boxes": "2", "class": "Lung Opacity"}
    assert dict(none.facts)["class"] == "No Lung Opacity / Not Normal"
    (root / "stage_2_detailed_class_info.csv").unlink()
    assert dict(told("rsna", root, language="en")[0][0].facts) == {"boxes": "2"}


def test_what_is_asked_and_taught(root: Path) -> None:
    tasks = RELEASED["dz-osamu/UMIT-B"].tasks
    two, none = told("rsna", root, language="zh")[0]
    ((request, answer),) = asked(two, tasks)
    assert "<|object_ref_start|>肺炎<|object_ref_end|>" in spell(request.words)
    assert "<|box_start|>(264,152),(477,531)<|box_end|>" in answer, "the frame is the film's size"
    assert next(iter(asked(none, tasks)))[1] == "图像中没有肺炎。"


def test_a_spreadsheets_semicolons_and_nan(tmp_path: Path) -> None:
    layout("rsna").write(tmp_path, delimiter=";")
    path = tmp_path / TABLE
    path.write_text("\ufeff" + path.read_text().replace(";;;;;0", ";nan;NaN;;nan;0"), "utf-8")
    assert [len(s.gold) for s in told("rsna", tmp_path, language="en")[0]] == [2, 0]


@pytest.mark.parametrize(
    "place",
    [
        "stage_2_train_images_jpg/{}.jpg",
        "kaggle-pneumonia-jpg/stage_2_train_images_jpg/{}.jpg",
        "stage_2_train_images/{}.png",
    ],
)
def test_converted_films(place: str, tmp_path: Path) -> None:
    path = _table(tmp_path, "a,1,2,3,4,1\n") / place.format("a")
    path.parent.mkdir(parents=True)
    Image.new("L", (1024, 1024)).save(path)
    assert told("rsna", tmp_path, language="en")[0][0].source.scans()[0].size == (1024, 1024)
    Image.new("L", (512, 512)).save(path)
    with pytest.raises(DatasetError, match=r"expected 1024 × 1024 pixels.* got 512 × 512"):
        told("rsna", tmp_path, language="en")[0][0].source.scans()


def test_the_same_row_twice_is_one_box(tmp_path: Path) -> None:
    _table(tmp_path, "a,1,2,3,4,1\nb,,,,,0\na,1.0,2.0,3.0,4.0,1\n")
    samples, messages = told("rsna", tmp_path, language="en")
    assert [len(s.gold) for s in samples] == [1, 0]
    assert messages == [f"{TABLE} line 4: skipped, the same box stands in an earlier row"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        pytest.param("a,1,2,3,4,0", "none with Target 0", id="box of a negative"),
        pytest.param("a,,,,,1", "a box with Target 1", id="positive without box"),
        pytest.param("a,1,2,3,,1", "1, 2, 3, nothing", id="half a box"),
        pytest.param("a,1,2,3,4,2", "Target '2'", id="another target"),
        pytest.param("a,1,2,3,4,", "Target ''", id="no target"),
        pytest.param("a,1,2,0,4,1", "an area, got 0 × 4", id="no width"),
        pytest.param("a,1,2,3,-4,1", "an area", id="negative height"),
        pytest.param("a,one,2,3,4,1", "a number as x, got 'one'", id="no number"),
        pytest.param("a,inf,2,3,4,1", "a number as x, got 'inf'", id="endless"),
        pytest.param("a,1,2,3,4", "6 fields", id="torn row"),
        pytest.param("../../a,1,2,3,4,1", "inside the data set", id="leads out"),
    ],
)
def test_wrong_rows_are_refused(line: str, message: str, tmp_path: Path) -> None:
    _table(tmp_path, line + "\n")
    with pytest.raises(DatasetError, match=message) as caught:
        told("rsna", tmp_path)
    assert caught.value.file == f"{TABLE} line 2"


@pytest.mark.parametrize("rows", ["a,,,,,0\na,1,2,3,4,1\n", "a,1,2,3,4,1\na,,,,,0\n"])
def test_a_film_with_and_without_boxes_is_refused(rows: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"another row after .* line 2") as caught:
        told("rsna", _table(tmp_path, rows))
    assert caught.value.file == f"{TABLE} line 3"


def test_missing_columns_are_refused(tmp_path: Path) -> None:
    _table(tmp_path, "a,3,4,1\n", header="patientId,width,height,Target\n")
    with pytest.raises(DatasetError, match="missing: x, y"):
        told("rsna", tmp_path)


def test_the_split_is_by_film_and_says_so(root: Path) -> None:
    assert "by film (patientId)" in describe("rsna").splitting
    assert {s.group for s in told("rsna", root)[0]} == {rsna._TWO, rsna._NONE}


@pytest.mark.parametrize("name", [TABLE, "stage_2_train_labels_semicolon_variant.csv"])
def test_the_real_rows(name: str, shared: Path, tmp_path: Path) -> None:
    rows = (shared / "samples" / "rsna" / name).read_text("utf-8")
    _table(tmp_path, rows, header="")
    samples, messages = told("rsna", tmp_path, language="en")
    assert Counter(len(s.gold) for s in samples) == {0: 3, 1: 1, 2: 2}
    assert samples[0].gold.items[0].box == Box2D(601, 265, 774, 648)
    assert not messages
