"""One door: what it takes, what it refuses, and in which words."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from umit.errors import InputError, UnsupportedFormatError
from umit.imaging.read import load
from umit.imaging.scan import Scan

ZYX = np.arange(60, dtype=np.int16).reshape(3, 4, 5)


@pytest.mark.parametrize(
    ("axes", "shape", "voxels", "spacing", "mm"),
    [
        ("yx", (4, 5), (1, 4, 5), (0.2, 0.1), (0.1, 0.2)),
        ("xy", (5, 4), (1, 4, 5), (0.1, 0.2), (0.1, 0.2)),
        ("yxc", (4, 5, 3), (1, 4, 5, 3), (0.2, 0.1), (0.1, 0.2)),
        ("cyx", (3, 4, 5), (1, 4, 5, 3), (0.2, 0.1), (0.1, 0.2)),
        ("yxc", (4, 5, 1), (1, 4, 5), None, None),
        ("zyx", (3, 4, 5), (3, 4, 5), (5, 2, 1), (1, 2, 5)),
        ("xyz", (5, 4, 3), (3, 4, 5), (1, 2, 5), (1, 2, 5)),
        ("zyxc", (2, 4, 5, 3), (2, 4, 5, 3), (5, 2, 1), (1, 2, 5)),
    ],
)
def test_arrays(
    axes: str,
    shape: tuple[int, ...],
    voxels: tuple[int, ...],
    spacing: tuple[float, ...] | None,
    mm: tuple[float, ...] | None,
) -> None:
    scan = load(np.zeros(shape, np.uint8), axes=axes, spacing=spacing)
    assert (scan.voxels.shape, scan.spacing, scan.affine) == (voxels, mm, None)


def test_axes_are_moved_and_not_relabelled() -> None:
    assert np.array_equal(load(ZYX.transpose(2, 0, 1), axes="xzy").voxels, ZYX)


@pytest.mark.parametrize(
    ("shape", "axes"),
    [((4, 5), None), ((3, 4, 3), None), ((4, 5), "zyx"), ((4, 5), "yz"), ((4, 5), "yy"), ((4, 5), ""), ((), "yx")],
)
def test_arrays_need_their_axes(shape: tuple[int, ...], axes: str | None) -> None:
    with pytest.raises(InputError, match="Use one of yx, yxc, zyx, zyxc") as caught:
        load(np.zeros(shape), axes=axes)
    assert caught.value.code == "axes"


@pytest.mark.parametrize(
    ("array", "code"),
    [
        (np.full((4, 5), np.nan), "not_finite"),
        (np.zeros((0, 5), np.uint8), "empty"),
        (np.zeros((4, 5), complex), "complex"),
        (np.array([["a"]]), "dtype"),
        (np.zeros((4, 5, 4), np.uint8), "shape"),
    ],
)
def test_arrays_that_are_no_pictures(array: Any, code: str) -> None:
    with pytest.raises(InputError) as caught:
        load(array, axes="yxc"[: array.ndim])
    assert caught.value.code == code


def test_array_kinds() -> None:
    mask = load(np.array([[True, False]]), axes="yx")
    assert mask.voxels.tolist() == [[[255, 0]]]
    holes = load(np.array([[0.0, np.nan, 5.0]]), axes="yx")
    assert holes.warnings[0].startswith("values: 1 are not finite")
    assert load(np.arange(20, dtype=np.uint8).reshape(4, 5), axes="yx").warnings == ()


def test_an_array_may_change_afterwards() -> None:
    array = np.zeros((2, 2), np.uint8)
    scan = load(array, axes="yx")
    array[:] = 9
    assert scan.voxels.max() == 0


def test_a_scan_comes_back_itself() -> None:
    scan = Scan(ZYX)
    assert load(scan) is scan
    assert load(scan, window=(10, 20)).window == (0, 20)
    for wrong in ({"frame": 0}, {"axes": "zyx"}, {"window": 0}):
        with pytest.raises(InputError):
            load(scan, **wrong)  # type: ignore[arg-type]


AFFINE = ((0, 2.0, 0, 5), (3.0, 0, 0, 6), (0, 0, 4.0, 7), (0, 0, 0, 1.0))


@pytest.mark.parametrize(
    ("kept", "picked", "third"),
    [
        ((1, 3), [1, 2], (0, 0, 4, 11)),
        (slice(1, 2), [1], (0, 0, 4, 11)),
        (slice(None, None, 2), [0, 2], (0, 0, 8, 7)),
        (slice(None, None, -1), [2, 1, 0], (0, 0, -4, 15)),
        (slice(-1, None), [2], (0, 0, 4, 15)),
        ((0, 99), [0, 1, 2], (0, 0, 4, 7)),
    ],
)
def test_slices_take_the_affine_along(kept: Any, picked: list[int], third: tuple[float, ...]) -> None:
    scan = load(Scan(ZYX, affine=AFFINE), slices=kept)
    assert np.array_equal(scan.voxels, ZYX[picked])
    assert scan.affine is not None
    assert scan.affine[2] == third
    assert scan.spacing == (3, 2, abs(third[2]))


@pytest.mark.parametrize("kept", [(2, 2), (5, 9), slice(3, None)])
def test_no_slices_left(kept: Any) -> None:
    with pytest.raises(InputError) as caught:
        load(ZYX, axes="zyx", slices=kept)
    assert caught.value.code == "slices"


def test_slices_of_a_film_are_refused() -> None:
    with pytest.raises(InputError, match="got a film"):
        load(ZYX[0], axes="yx", slices=(0, 1))


def test_spacing_is_given_only_where_none_is_known(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((4, 5), np.uint8)).save(tmp_path / "a.png")
    assert load(tmp_path / "a.png", spacing=(0.2, 0.1)).spacing == (0.1, 0.2)
    assert load(Scan(ZYX, spacing=(1, 1, 1)), spacing=(3, 2, 1)).spacing == (1, 2, 3)
    for spacing in ((1,), (1, 1, 1), (0, 1), (-1, 1), (float("nan"), 1)):
        with pytest.raises(InputError) as caught:
            load(tmp_path / "a.png", spacing=spacing)
        assert caught.value.code == "spacing"
    with pytest.raises(InputError, match="the file records its grid"):
        load(Scan(ZYX, affine=AFFINE), spacing=(1, 1, 1))


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.png", b"", "empty_file"),
        ("a.png", b"<!DOCTYPE html><html>log in</html>", "not_an_image"),
        ("a.nii.gz", b"\xef\xbb\xbf\n <html>", "not_an_image"),
        ("a.dcm", b"<?xml version='1.0'?>", "not_an_image"),
        ("a.png", b"\x89PNG\r\n\x1a\n", "truncated"),
        ("a.mha", b"ObjectType = Image", "header"),
        ("a.txt", b"hello", "not_an_image"),
        ("a.nii", b"hello", "truncated"),
        ("a.nii.gz", b"hello", "truncated"),
        ("a.dcm", b"hello", "not_dicom"),
        ("a.zip", b"PK\x03\x04", "not_an_image"),
    ],
)
def test_files_that_are_no_scans(tmp_path: Path, name: str, content: bytes, code: str) -> None:
    if name.endswith(".mha") and importlib.util.find_spec("SimpleITK") is None:
        code = "extra_missing"
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as caught:
        load(tmp_path / name)
    assert (caught.value.code, caught.value.where) == (code, name)
    assert str(tmp_path) not in str(caught.value)
    assert "expected" in str(caught.value)
    assert "got" in str(caught.value)


def test_a_login_page_is_called_one(tmp_path: Path) -> None:
    (tmp_path / "scan.png").write_text("  <html>")
    with pytest.raises(UnsupportedFormatError, match=r"got a web page\. It may be a login page"):
        load(tmp_path / "scan.png")


@pytest.mark.parametrize("path", ["", "no/such.png", "x\0y.png", "a" * 5000, "/dev/null"])
def test_nothing_there(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as caught:
        load(path)
    assert caught.value.code in ("missing", "folder")


@pytest.mark.parametrize("address", ["http://x/y.png", "https://x", "file:///etc/passwd", "s3://b"])
def test_addresses_are_refused(address: str) -> None:
    with pytest.raises(InputError) as caught:
        load(address)
    assert caught.value.code == "url"


@pytest.mark.parametrize("source", [None, 5, b"a.png", [1, 2], [[0]]])
def test_other_things_are_refused(source: Any) -> None:
    with pytest.raises(InputError, match="expected a path, a picture, an array or a scan"):
        load(source)


def test_axes_with_a_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="axes= with an array only"):
        load(tmp_path / "a.png", axes="yx")


def test_an_index_of_a_window_needs_dicom(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((4, 5), np.uint8)).save(tmp_path / "a.png")
    for source, axes in ((tmp_path / "a.png", None), (ZYX, "zyx"), (Image.new("L", (2, 2)), None)):
        with pytest.raises(InputError, match="Only DICOM files declare windows"):
            load(source, axes=axes, window=0)


def test_folders(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="got none"):
        load(tmp_path)
    (tmp_path / "readme.txt").write_text("hello")
    (tmp_path / ".hidden.png").write_bytes(b"")
    (tmp_path / "inner").mkdir()
    with pytest.raises(InputError, match="got none"):
        load(tmp_path)
    Image.fromarray(np.zeros((4, 5), np.uint8)).save(tmp_path / "a.png")
    assert load(tmp_path).name == "a.png"
    assert load(str(tmp_path)).size == (5, 4)
    Image.fromarray(np.zeros((4, 5), np.uint8)).save(tmp_path / "b.jpg")
    with pytest.raises(InputError, match="got 2 raster"):
        load(tmp_path)
    nib.save(nib.Nifti1Image(ZYX, np.eye(4)), tmp_path / "c.nii")
    with pytest.raises(InputError, match="got 1 nifti, 2 raster") as caught:
        load(tmp_path)
    assert (caught.value.code, caught.value.where) == ("folder", tmp_path.name)
