"""MedMNIST: classes and questions as the figure and the package write them, both packagings, real rows."""

from __future__ import annotations

import re
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from umit.chat import spell
from umit.checkpoints import RELEASED
from umit.datasets import describe
from umit.datasets.ask import asked
from umit.datasets.medmnist_sets import SETS
from umit.errors import DatasetError

from .layouts import layout
from .layouts.draw import picture, pixels
from .told import told

TASKS = RELEASED["dz-osamu/UMIT-B"].tasks


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("medmnist-2d", "medmnist-3d"):
        layout(name).write(tmp_path)
    return tmp_path


def _save(path: Path, pictures: Any, labels: Any, split: str = "test") -> None:
    np.savez(path, **{f"{split}_images": pictures, f"{split}_labels": labels})


# The table


def test_twelve_of_pictures_and_six_of_volumes() -> None:
    pictures, volumes = describe("medmnist-2d").variants, describe("medmnist-3d").variants
    assert (len(pictures), len(volumes)) == (12, 6)
    assert {*pictures, *volumes} == set(SETS)
    assert describe("medmnist-3d").splits == {"train": 6909, "validation": 895, "test": 2192}


@pytest.mark.parametrize("name", SETS)
def test_each_language_has_its_own_words(name: str) -> None:
    one = SETS[name]
    for labels in (one.labels("en"), one.labels("zh")):
        assert len(set(labels)) == len(labels)
    chinese = re.compile(r"[\u4e00-\u9fff0-9]+")
    assert all(chinese.fullmatch(label) for label in one.labels("zh"))
    assert one.asked("zh").endswith("？") and one.asked("en").endswith("?")


#: As in UMIT's figure; its line breaks inside the prompt stand for nothing.
FIGURE = {
    "pneumoniamnist": "0:normal\n1:pneumonia,to answer the question: Does this chest X-ray image show a normal lung?",
    "breastmnist": "0:malignant\n1:normal,to answer the question: Does this breast ultrasound image show normal?",
    "bloodmnist": "0:basophil\n1:eosinophil\n2:erythroblast\n3:immature granulocytes\n4:lymphocyte\n5:monocyte\n"
    "6:neutrophil\n7:platelet,to answer the question: What type of blood cell is shown in this image?",
    "dermamnist": "0:actinic keratoses and intraepithelial carcinoma\n1:basal cell carcinoma\n"
    "2:benign keratosis-like lesions\n3:dermatofibroma\n4:melanoma\n5:melanocytic nevi\n6:vascular lesions,"
    "to answer the question: Which disease does this dermatoscopic image represent?",
    "octmnist": "0:choroidal neovascularization\n1:diabetic macular edema\n2:drusen\n3:normal,"
    "to answer the question: Which type of tissue does this image represent?",
    "organamnist": "0:bladder\n1:femur-left\n2:femur-right\n3:heart\n4:kidney-left\n5:kidney-right\n6:liver\n"
    "7:lung-left\n8:lung-right\n9:pancreas\n10:spleen,to answer the question: Which organ is shown in this CT image?",
    "pathmnist": "0:adipose\n1:background\n2:debris\n3:lymphocytes\n4:mucus\n5:smooth muscle\n"
    "6:normal colon mucosa\n7:cancer-associated stroma\n8:colorectal adenocarcinoma epithelium,"
    "to answer the question: Which type of tissue does this image represent?",
}


@pytest.mark.parametrize("name", FIGURE)
def test_prompts_are_the_figures(name: str, tmp_path: Path) -> None:
    _save(tmp_path / f"{name}.npz", pixels(0, 28, 28)[None], np.array([[1]], np.uint8))
    samples, _ = told("medmnist-2d", tmp_path, variant=name, split="test", language="en")
    ((request, answer),) = asked(samples[0], TASKS)
    assert spell(request.words) == f"Given this image, choose one option from the {FIGURE[name]}"
    assert answer == f"1:{SETS[name].labels('en')[1]}"


# What is read


def test_classes_in_both_languages(root: Path) -> None:
    samples, _ = told("medmnist-2d", root, variant="bloodmnist", split="val")
    assert [(s.query.language, s.gold.label) for s in samples] == [
        ("en", "platelet"),
        ("zh", "血小板"),
        ("en", "immature granulocytes"),
        ("zh", "未成熟粒细胞"),
    ]
    assert samples[0].id == "bloodmnist-val-0-en"
    assert dict(samples[0].facts) == {"set": "bloodmnist", "modality": "microscopy"}
    assert samples[0].source.scans()[0].voxels.shape == (1, 28, 28, 3)


def test_findings_are_marked_one_by_one(root: Path) -> None:
    samples, _ = told("medmnist-2d", root, variant="chestmnist", split="test", language="en")
    healthy, ill = samples
    assert (ill.task, len(ill.query.labels)) == ("findings", 14)
    assert [m.label for m in ill.gold if m.present] == ["cardiomegaly", "effusion"]
    assert not any(m.present for m in healthy.gold), "no finding is no class of its own"
    first = next(iter(asked(ill, TASKS)))
    assert spell(first[0].words).endswith("Is there atelectasis in this image?")
    assert first[1] == "2:no"


def test_grades_say_that_they_are_in_order(root: Path) -> None:
    samples, _ = told("medmnist-2d", root, variant="retinamnist", split="train", language="en")
    assert [s.gold.label for s in samples] == ["4", "0"]
    assert all(dict(s.facts)["ordinal"] == "yes" for s in samples)


def test_organs_in_volumes_have_numbers_of_their_own(root: Path) -> None:
    given = {"variant": "organmnist3d", "split": "test", "language": "en"}
    samples, _ = told("medmnist-3d", root, **given)
    assert [s.gold.label for s in samples] == ["liver", "pancreas"]
    assert SETS["organamnist"].labels("en")[0] == "bladder"
    (scan,) = samples[0].source.scans()
    assert scan.voxels.shape[:3] == (28, 28, 28)
    with np.load(root / "organmnist3d.npz") as arrays:
        assert np.array_equal(scan.voxels.squeeze(), arrays["test_images"][0])


def test_another_size_than_published_is_told(root: Path) -> None:
    _, messages = told("medmnist-2d", root, variant="pneumoniamnist", split="val")
    assert messages == ["pneumoniamnist.npz: validation has 2 rows, 524 were published"]


def test_the_largest_pictures_are_read(root: Path) -> None:
    for size in (64, 128):
        path = root / f"pneumoniamnist_{size}.npz"
        _save(path, pixels(size, size, size)[None], np.array([[0]], np.uint8))
    samples, messages = told("medmnist-2d", root, variant="pneumoniamnist", split="test")
    assert samples[0].source.scans()[0].size == (128, 128)
    assert messages[0] == ("pneumoniamnist_128.npz: read, and pneumoniamnist_64.npz, pneumoniamnist.npz beside it not")


def test_other_splits_stay_packed(root: Path) -> None:
    """A member that is not wanted may be anything."""
    path = root / "breastmnist.npz"
    _save(path, pixels(0, 28, 28)[None], np.array([[0]], np.uint8))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("train_images.npy", b"torn")
    assert len(told("medmnist-2d", root, variant="breastmnist", split="test")[0]) == 2
    with pytest.raises(DatasetError, match=r"breastmnist.npz: .*train_images"):
        told("medmnist-2d", root, variant="breastmnist", split="train")


GREY = np.zeros((2, 28, 28), np.uint8)
ONE = np.array([[0], [1]], np.uint8)
WRONG: dict[str, tuple[str, Any, Any, str]] = {
    "shares of one": ("medmnist-2d/breastmnist", GREY / 2, ONE, "uint8"),
    "flat labels": ("medmnist-2d/breastmnist", GREY, ONE[:, 0], "labels"),
    "labels of text": ("medmnist-2d/breastmnist", GREY, ONE.astype(str), "whole numbers"),
    "too few labels": ("medmnist-2d/breastmnist", GREY, ONE[:1], "labels"),
    "fourteen findings": ("medmnist-2d/breastmnist", GREY, np.zeros((2, 14), np.uint8), "1 whole"),
    "one of the findings": ("medmnist-2d/chestmnist", GREY, ONE, "14 whole"),
    "a volume": ("medmnist-2d/breastmnist", np.stack([GREY] * 5, 1), ONE, "uint8"),
    "a picture": ("medmnist-3d/nodulemnist3d", GREY, ONE, "uint8"),
    "no such class": ("medmnist-2d/breastmnist", GREY, ONE + 1, "test row 1: expected a class from 0 to 1"),
    "a negative class": ("medmnist-2d/breastmnist", GREY, ONE.astype(int) - 1, "test row 0"),
    "a finding of 2": (
        "medmnist-2d/chestmnist", GREY, np.full((2, 14), 2, np.uint8), "0 or 1 for each of 14",
    ),
}  # fmt: skip


@pytest.mark.parametrize("why", WRONG)
def test_other_arrays_are_refused(why: str, tmp_path: Path) -> None:
    name, pictures, labels, message = WRONG[why]
    dataset, variant = name.split("/")
    _save(tmp_path / f"{variant}.npz", pictures, labels)
    with pytest.raises(DatasetError, match=message) as caught:
        told(dataset, tmp_path, variant=variant, split="test")
    assert caught.value.file.startswith(f"{variant}.npz")


# Pictures with a table


def _saved(root: Path, lines: str) -> None:
    (root / "breastmnist_64.csv").write_text(lines, encoding="utf-8")
    for number, name in enumerate(("train0_1.png", "val0_0.png", "test0_1.png")):
        picture(root / "breastmnist_64" / name, number, 64, 64, mode="L")


SAVED = "TRAIN,train0_1.png,1\nVALIDATION,val0_0.png,0\nTEST,test0_1.png,1\n"  # medmnist's own spelling


def test_pictures_with_a_table(tmp_path: Path) -> None:
    _saved(tmp_path, SAVED)
    samples, messages = told("medmnist-2d", tmp_path, variant="breastmnist", language="en")
    assert [s.gold.label for s in samples] == ["normal", "malignant", "normal"]
    assert samples[0].source.scans()[0].size == (64, 64)
    assert messages[-1] == "breastmnist_64.csv: test has 1 rows, 156 were published"
    split, messages = told("medmnist-2d", tmp_path, variant="breastmnist", split="validation")
    assert [s.id for s in split] == ["breastmnist-val0_0.png-en", "breastmnist-val0_0.png-zh"]
    assert len(messages) == 1, "only the wanted split is counted"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        pytest.param("split,file,label", "line 1: expected a split", id="a header"),
        pytest.param("TRAIN,a.png,x", "whole numbers", id="no number"),
        pytest.param("TRAIN,a.png", "3 fields", id="no label"),
        pytest.param("TRAIN,a.png,2", "a class from 0 to 1", id="no such class"),
        pytest.param("TRAIN,a.png,0,1", "a class from 0 to 1, got", id="two classes"),
        pytest.param("TRAIN,../../a.png,0", "inside the data set", id="leads out"),
    ],
)
def test_other_tables_are_refused(line: str, message: str, tmp_path: Path) -> None:
    _saved(tmp_path, line + "\n")
    with pytest.raises(DatasetError, match=message) as caught:
        told("medmnist-2d", tmp_path, variant="breastmnist")
    assert caught.value.file == "breastmnist_64.csv line 1"


def test_moving_pictures_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "nodulemnist3d.csv").write_text("TRAIN,train0_1.gif,1\n")
    with pytest.raises(DatasetError, match=r"expected nodulemnist3d_64.npz.* found nodulemnist3d.csv"):
        told("medmnist-3d", tmp_path, variant="nodulemnist3d")


def test_the_real_rows(shared: Path) -> None:
    root = shared / "samples" / "medmnist"
    samples, messages = told("medmnist-2d", root, variant="pneumoniamnist", language="en")
    assert messages[0] == "pneumoniamnist.npz: train has 200 rows, 4708 were published"
    assert Counter(s.id.split("-")[1] for s in samples) == {"train": 200, "val": 40, "test": 40}
    with np.load(root / "pneumoniamnist.npz") as arrays:
        assert Counter(s.gold.label for s in samples[:200]) == {
            "pneumonia": int(arrays["train_labels"].sum()),
            "normal": int((1 - arrays["train_labels"]).sum()),
        }
        (scan,) = samples[240].source.scans()
        assert np.array_equal(scan.voxels.squeeze(), arrays["test_images"][0])
