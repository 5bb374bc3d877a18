"""Sizes from headers are those that reading gives, by the readers' own rules."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from nibabel.nifti1 import Nifti1Image
from PIL import Image
from pydicom.data import get_testdata_file

from umit.errors import InputError
from umit.imaging.header import picture_size
from umit.imaging.read import load


def _exif(path: Path, orientation: int) -> Path:
    picture = Image.fromarray(np.zeros((20, 30, 3), np.uint8))
    exif = picture.getexif()
    exif[0x0112] = orientation
    picture.save(path, exif=exif)
    return path


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_picture_has_the_size_that_is_shown(tmp_path: Path, orientation: int) -> None:
    path = _exif(tmp_path / "a.jpg", orientation)
    assert picture_size(path) == load(path).size[:2]


@pytest.mark.parametrize("name", ["CT_small.dcm", "MR_small_RLE.dcm", "SC_rgb_rle.dcm"])
def test_dicom(name: str) -> None:
    path = Path(get_testdata_file(name, download=False))
    assert picture_size(path) == load(path).size[:2]


def test_several_frames_and_volumes(tmp_path: Path) -> None:
    frames = Path(get_testdata_file("SC_rgb_rle_2frame.dcm", download=False))
    assert picture_size(frames) == (100, 100, 2)
    path = tmp_path / "a.nii.gz"
    Nifti1Image(np.zeros((3, 4, 5), np.int16), np.eye(4)).to_filename(path)
    assert picture_size(path) == (3, 4, 5)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        pytest.param("a.png", b"", id="nothing"),
        pytest.param("a.png", b"<!doctype html>", id="a page"),
        pytest.param("a.png", b"\x89PNG\r\n\x1a\n\xff\xff\xff\xffIHDR", id="a length beyond the file"),
        pytest.param("a.jpg", b"\xff\xd8\xff\xe0\x00", id="half a header"),
        pytest.param("a.dcm", bytes(128) + b"DICM" + b"\x02\x00", id="half of DICOM"),
        pytest.param("a.npy", b"\x93NUMPY", id="an array"),
    ],
)  # fmt: skip
def test_what_is_no_picture_is_our_error(tmp_path: Path, name: str, data: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # pydicom's own would quote values
        with pytest.raises(InputError):
            picture_size(path)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="found none"):
        picture_size(tmp_path / "a.png")
