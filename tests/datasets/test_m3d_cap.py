"""M3D-Cap: slices by number, prepared arrays shown as they are stored, and upstream's rule for texts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from umit.datasets import describe, load
from umit.datasets.m3d_cap import section
from umit.datasets.pictures import Voxels
from umit.errors import DatasetError, InputError
from umit.imaging.view import Rendering, render

from .layouts import m3d_cap as files
from .told import told

#: UMIT's volumes, fed at the frame's own size so that its pixels can be compared.
AS_FRAMED = Rendering(frame=(256, 256), depth=32, factor=4, preparation="m3d")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    files.write(tmp_path)
    return tmp_path


def test_quirks_of_the_layout(root: Path) -> None:
    samples, messages = told("m3d-cap", root)
    axial, coronal, prepared, short = samples
    assert [p.name for p in axial.source.paths] == [f"{n}.jpeg" for n in (1, 2, 9, 10, 11)]
    assert axial.group == coronal.group == "ct_quizze/000008", "one text, one group"
    assert [dict(s.facts)["plane"] for s in samples] == ["axial", "coronal", "sagittal", "axial"]
    assert coronal.source.paths[0].parent.name == "Coronal_Pöschl", "the index has lost the accent"
    assert prepared.source.path.name == "Sagittal_Potts_window.npy", "the file has lost it"
    assert short.gold.text == "The lungs are clear. study_findings: -", "nothing found, so discussed"
    assert [s.task for s in samples] == ["report_ct"] * 4
    assert messages == [
        "M3D_Cap.json train: skipped 1 of 3, their volume or text is not in this copy; the first are 3",
        "M3D_Cap.json: 'test1k' is no split and is left out",
    ]


def test_slices_of_another_size_are_left_out_and_told(root: Path) -> None:
    coronal = told("m3d-cap", root, split="train")[0][1]
    (scan,) = coronal.source.scans()
    assert scan.voxels.shape == (5, 60, 80)
    assert scan.warnings[-1] == "slices: 1 of 6 left out, their size is not (60, 80)"


def test_a_prepared_array_is_shown_as_stored(root: Path) -> None:
    (sample,), _ = told("m3d-cap", root, split="validation")
    (scan,) = sample.source.scans()
    frames = render(scan, AS_FRAMED).frames
    stored = np.floor(files.volume(1)[0] * np.float32(255) + np.float32(0.5)).astype(np.uint8)
    assert len(frames) == 32
    for frame, plane in zip(frames, stored, strict=True):
        np.testing.assert_array_equal(frame, np.repeat(plane[..., None], 3, axis=2))


def test_a_slice_that_is_no_slice(root: Path) -> None:
    axial = told("m3d-cap", root, split="train")[0][0]
    path = axial.source.paths[3]
    Image.fromarray(np.zeros((60, 80), np.uint16)).save(path, format="PNG")
    with pytest.raises(DatasetError, match=r"Axial_C__arterial_phase/10.jpeg: .*8 bits"):
        axial.source.scans()
    path.write_bytes(b"\xff\xd8\xff torn")
    with pytest.raises(InputError, match=r"10.jpeg"):
        axial.source.scans()


def test_paths_of_another_machine(root: Path) -> None:
    file = root / "M3D_Cap" / "M3D_Cap.json"
    file.write_text(file.read_text().replace('"M3D_Cap', '"/elsewhere/M3D_Cap/data/M3D_Cap'))
    (sample,), _ = told("m3d-cap", root, split="validation")
    assert sample.group == "ct_case/000123"


def test_raw_slices_are_prepared_when_shown(root: Path) -> None:
    axial = told("m3d-cap", root, split="train")[0][0]
    (scan,) = axial.source.scans()
    assert scan.voxels.dtype == np.uint8 and not scan.presentation.as_stored
    assert len(render(scan, AS_FRAMED).frames) == 32, "five slices become 32"


@pytest.mark.parametrize("root_is", ["M3D_Cap", "."])
def test_the_root_may_be_the_folder_itself(root: Path, root_is: str) -> None:
    assert len(told("m3d-cap", root / root_is, split="train")[0]) == 2


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("title: A\nstudy_findings: Clear\nlungs.\n", "Clear lungs."),  # lines are joined
        ("discussion: Long.\nstudy_findings: A cyst.", "A cyst."),  # whichever comes first
        ("study_findings: A cyst.\ndiscussion: B", "A cyst. discussion: B"),  # all that follows
        ("discussion: Clear lungs.\nstudy_findings: ab\n", "Clear lungs. study_findings: ab"),
        ("discussion: x", "discussion: x"),  # no findings: the whole text
        ("study_findings: a b c d", "study_findings: a b c d"),  # four letters are nothing
        ("study_findings: a b c d e", "a b c d e"),  # five are something
        ("Clear lungs.", "Clear lungs."),  # already prepared
        (" \n", ""),  # nothing at all
    ],
)
def test_sections(words: str, expected: str) -> None:
    assert section(words) == expected


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ([], "keys train, validation and test"),
        ({"train": {}}, "M3D_Cap.json train: expected a list"),
        ({"train": ["a"]}, "M3D_Cap.json train row 1: expected image and text"),
        ({"train": [{"image": "a"}]}, "M3D_Cap.json train row 1: .*'text'"),
        ({"train": [{"image": "../a", "text": "b"}]}, "train row 1: .*inside the data set"),
        ({"test": [{"image": "M3D_Cap/../../a", "text": "b"}]}, "test row 1: .*inside the data"),
    ],
)
def test_a_wrong_index_is_named(tmp_path: Path, index: object, message: str) -> None:
    (tmp_path / "M3D_Cap.json").write_text(json.dumps(index))
    with pytest.raises(DatasetError, match=message):
        list(load("m3d-cap", tmp_path))


def test_a_text_in_another_encoding_is_named(root: Path) -> None:
    (root / "M3D_Cap_npy" / "ct_case" / "000123" / "text.txt").write_bytes(b"caf\xe9")
    with pytest.raises(DatasetError, match=r"000123/text.txt: expected a readable UTF-8 text"):
        list(load("m3d-cap", root, split="validation"))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.full((1, 4, 8, 8), 1.5, np.float32), "values from 0 to 1"),
        (np.full((1, 4, 8, 8), -0.1, np.float32), "values from 0 to 1"),
        (np.zeros((2, 4, 8, 8), np.float32), r"a volume \(1, z, y, x\), got the shape \(2, 4"),
        (np.zeros((8, 8), np.float32), r"got the shape \(8, 8\)"),
    ],
)
def test_arrays_that_m3d_has_not_written(tmp_path: Path, values: np.ndarray, message: str) -> None:
    np.save(tmp_path / "a.npy", values)
    with pytest.raises(DatasetError, match=rf"a.npy: expected .*{message}|a.npy: .*{message}"):
        Voxels(tmp_path / "a.npy", as_stored=True).scans()


@pytest.mark.parametrize("content", [b"", b"no array", b"\x93NUMPY\x01\x00v\x00{'descr'"])
def test_damaged_arrays(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(InputError, match=r"array of numbers"):
        Voxels(tmp_path / "a.npy").scans()
    with pytest.raises(InputError, match=r"nothing there"):
        Voxels(tmp_path / "b.npy").scans()


def test_the_description_states_the_notice() -> None:
    assert "DMCA" in describe("m3d-cap").licence
