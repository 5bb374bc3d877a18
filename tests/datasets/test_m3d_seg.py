"""M3D-Seg: boxes in the voxels that are read, absent classes, upstream's slips, and a converted CT."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from umit.datasets import load
from umit.datasets.organ_names import chinese
from umit.errors import DatasetError
from umit.imaging.view import Rendering, render

from .layouts import m3d_seg as files
from .told import told


@pytest.fixture
def root(tmp_path: Path) -> Path:
    files.write(tmp_path)
    return tmp_path


def _of(samples: list[Any], target: str) -> Any:
    (found,) = [s for s in samples if s.query.target == target]
    return found


def test_boxes_lie_in_the_voxels_that_are_read(root: Path) -> None:
    samples, _ = told("m3d-seg", root, language="en")
    masks = files.raw_masks()
    for target, mask in (("liver", masks[0]), ("tumour", masks[1])):
        sample = _of(samples, target)
        (scan,) = sample.source.scans()
        (found,) = sample.gold
        x1, y1, z1, x2, y2, z2 = found.box.corners
        inside = np.zeros(scan.voxels.shape, bool)
        inside[z1:z2, y1:y2, x1:x2] = True
        np.testing.assert_array_equal(inside, mask.transpose(2, 1, 0) != 0)
    spine = _of(samples, "lumbar spine L1")
    assert spine.gold.items[0].box.corners == (90, 68, 3, 164, 180, 20)


def test_a_class_that_is_not_there_has_no_boxes(root: Path) -> None:
    samples, _ = told("m3d-seg", root, language="en")
    assert {s.query.target: len(s.gold) for s in samples} == {
        "lumbar spine L1": 1, "lumbar spine L2": 0, "lumbar spine L3": 0,
        "liver": 1, "tumour": 1, "metal": 0,
    }  # fmt: skip


def test_what_is_told(root: Path) -> None:
    _, messages = told("m3d-seg", root)
    assert messages == [
        "0014.json: class 1 is called 'lumbar spine L1' like one before it, taken as 'lumbar spine L2'",
        "0014.json train: skipped 1 of 4 rows, their volume or mask is not in this copy; the first are 4",
        "0020.json: no Chinese name of metal; asked in English only",
    ]


def test_both_languages_ask_the_same(root: Path) -> None:
    samples, _ = told("m3d-seg", root, split="test")
    assert [s.query.target for s in samples] == ["liver", "肝脏", "tumour", "肿瘤", "metal"]
    assert {dict(s.facts)["organ"] for s in samples} == {"liver", "tumour", "metal"}
    assert samples[0].gold.items[0].box == samples[1].gold.items[0].box
    assert samples[1].gold.items[0].label == "肝脏"
    assert len({s.id for s in samples}) == 5 and {s.group for s in samples} == {"0020/case.1"}


def test_raw_voxels_are_shown_from_lowest_to_highest(root: Path) -> None:
    (scan,) = told("m3d-seg", root, split="test")[0][0].source.scans()
    assert scan.window == (scan.voxels.min(), scan.voxels.max()) and scan.size == (18, 16, 8)
    rendering = Rendering(frame=(64, 64), depth=8, factor=4, min_pixels=16, preparation="m3d")
    assert render(scan, rendering).geometry.crop == (2, 0, 0, 18, 16, 8), "M3D's crop"


def test_the_prepared_form_comes_before_the_raw_one(root: Path) -> None:
    (root / "M3D_Seg" / "0014").mkdir()
    (root / "M3D_Seg" / "0014" / "0014.json").write_text('{"labels": {"1": "x"}, "train": ["x"]}')
    assert len(told("m3d-seg", root, language="en")[0]) == 6


@pytest.mark.parametrize("folder", ["M3D_Seg", "M3D_Seg/0020"])
def test_the_root_may_be_a_collection(root: Path, folder: str) -> None:
    assert len(told("m3d-seg", root / folder, language="en")[0]) == 3


def _rewrite(root: Path, **changed: Any) -> Path:
    file = root / "M3D_Seg" / "0020" / "0020.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changed}))
    return file


def test_names_from_dataset_info(root: Path) -> None:
    _rewrite(root, labels={})
    info = {"0020": ["liver", "Liver cyst ", "liver"]}
    (root / "M3D_Seg" / "dataset_info.json").write_text(json.dumps(info))
    samples, messages = told("m3d-seg", root, split="test", language="en")
    assert [s.query.target for s in samples] == ["liver", "Liver cyst"]
    assert messages[1] == "0020.json: class 2 is called 'liver' like one before it, left out"


LABEL = "0020/case.1/mask_(3, 18, 16, 8).npz"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"labels": {"1": "liver"}}, "test row 1: expected a name of class 1, got 1 names"),
        ({"labels": {"1": ["liver"]}}, "0020.json labels: .*'1' with text, got list"),
        ({"test": ["case.1"]}, "test row 1: expected image and label, got str"),
        ({"test": [{"image": LABEL}]}, "test row 1: .*'label' with text"),
        ({"test": [{"image": LABEL, "label": "0020/../../a.npz"}]}, "test row 1: .*inside the"),
        ({"test": [{"image": LABEL, "label": "/etc/passwd"}]}, "test row 1: .*inside the"),
        ({"test": [{"image": LABEL, "label": "0020/case.1/image.npy"}]}, "row 1: expected a mask_"),
    ],
)
def test_a_wrong_listing_is_named(root: Path, changed: dict[str, Any], message: str) -> None:
    _rewrite(root, **changed)
    with pytest.raises(DatasetError, match=rf"0020.json {message}|{message}"):
        told("m3d-seg", root, split="test", language="en")


def test_a_mask_of_another_shape_than_the_volume(root: Path) -> None:
    np.save(root / "M3D_Seg" / "0020" / "case.1" / "image.npy", np.zeros((1, 18, 16, 7)))
    with pytest.raises(DatasetError, match=r"0020.json test row 1: .*mask's shape, got \(18, 16"):
        told("m3d-seg", root, split="test")


def test_nothing_of_m3d_seg(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"<code>/<code>.json"):
        list(load("m3d-seg", tmp_path))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("kidney left", "左肾"),  # the side behind
        ("right kidney", "右肾"),  # the side in front
        ("kidneys", "肾脏"),  # no side
        ("heart atrium left", "左心房"),
        ("lung middle lobe right", "右肺中叶"),
        ("rib left 12", "左侧第12肋骨"),
        ("vertebrae C1", "第1颈椎"),
        ("lumbar spine L5", "第5腰椎"),
        ("metastasectomie", None),  # no doubt is not reached
        ("left", None),  # a side of nothing
        ("left metal", None),
    ],
)
def test_chinese_names(name: str, expected: str | None) -> None:
    assert chinese(name) == expected


def test_the_converted_ct(shared: Path) -> None:
    samples, messages = told("m3d-seg", shared / "samples" / "m3d_seg", language="en")
    assert not messages and len(samples) == 7 and all(s.group == "9000/case_a" for s in samples)
    (scan,) = samples[0].source.scans()
    assert scan.size == (122, 101, 30)
    (file,) = (shared / "samples" / "m3d_seg" / "9000" / "case_a").glob("mask_*.npz")
    with np.load(file) as parts:
        dense = np.zeros((7, 122 * 101 * 30), bool)
        dense[np.repeat(np.arange(7), np.diff(parts["indptr"])), parts["indices"]] = True
    for sample, mask in zip(samples, dense.reshape(7, 122, 101, 30), strict=True):
        places = np.argwhere(mask)
        expected = [(*places.min(axis=0), *(places.max(axis=0) + 1))] if len(places) else []
        assert [found.box.corners for found in sample.gold] == expected
    assert sum(len(sample.gold) for sample in samples) == int(dense.any(axis=1).sum()) > 3
