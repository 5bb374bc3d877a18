"""DICOM files that are damaged, hostile or no picture at all."""

from __future__ import annotations

import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset, FileDataset, Sequence
from pydicom.uid import MediaStorageDirectoryStorage

from umit.errors import InputError
from umit.imaging.read import load

FILM = np.random.default_rng(9).integers(0, 4096, (6, 8)).astype(np.uint16)


def _drop(*names: str) -> Callable[[FileDataset], None]:
    def change(data: FileDataset) -> None:
        for name in names:
            delattr(data, name)

    return change


def _short(data: FileDataset) -> None:
    data.PixelData = data.PixelData[:20]


def _huge(data: FileDataset) -> None:
    data.Rows = data.Columns = 65535


def _fields(**fields: Any) -> Callable[[FileDataset], None]:
    def change(data: FileDataset) -> None:
        for name, value in fields.items():
            setattr(data, name, value)

    return change


def _photometric(data: FileDataset) -> None:
    data.PhotometricInterpretation = "HSV"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (_short, "truncated"),
        (_huge, "pixel_limit"),
        (_drop("PixelData"), "no_pixels"),
        (_drop("Rows"), "no_pixels"),
        (_drop("BitsAllocated"), "malformed"),
        (_drop("PhotometricInterpretation"), "malformed"),
        (_photometric, "photometric"),
        (_fields(BitsStored=40), "malformed"),
        (_fields(BitsAllocated=13), "malformed"),
        (_fields(SamplesPerPixel=3), "malformed"),
        (_fields(Rows=0), "malformed"),
        (_fields(Rows=2, Columns=8, SamplesPerPixel=3, PlanarConfiguration=0), "photometric"),
        (_fields(NumberOfFrames=-3), "truncated"),
        (_fields(NumberOfFrames=2**31 - 1), "truncated"),
        (_fields(Rows=1, Columns=1, NumberOfFrames=10**9), "truncated"),
        (_fields(RescaleSlope="1", RescaleIntercept="1e400"), "malformed"),
    ],
)
def test_damaged_files(dicom: Any, tmp_path: Path, change: Callable[[FileDataset], None], code: str) -> None:
    data = dicom.header(FILM)
    change(data)
    with pytest.raises(InputError) as caught:
        load(dicom.saved(tmp_path / "film.dcm", data))
    assert caught.value.where == "film.dcm"
    assert caught.value.code == code
    assert dicom.CANARY not in str(caught.value)


OTHER, TABLES = b"\x40\0\x75\x02", b"\x28\0\x10\x30"  # (0040,0275) is skipped, (0028,3010) is not


def _nested(levels: int, tag: bytes, *, measured: bool) -> bytes:
    """Sequences in sequences, written by hand: pydicom's own writer takes exponential time."""
    if not measured:
        opened = tag + b"SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
        return opened * levels + b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0" * levels
    body = b""
    for _ in range(levels):
        item = b"\xfe\xff\x00\xe0" + struct.pack("<L", len(body)) + body
        body = tag + b"SQ\0\0" + struct.pack("<L", len(item)) + item
    return body


@pytest.mark.parametrize(
    ("levels", "tag", "measured", "fine"),
    [
        (50, OTHER, False, True),
        (300, OTHER, True, True),  # skipped whole, by its length
        (300, OTHER, False, False),
        (20000, OTHER, False, False),
        (300, TABLES, True, True),  # a table without entries, and so passed over
        (300, TABLES, False, False),
    ],
)
def test_sequences_in_sequences(
    dicom: Any, tmp_path: Path, levels: int, tag: bytes, measured: bool, fine: bool
) -> None:
    path = dicom.film(tmp_path, FILM)
    before, pixels, after = path.read_bytes().partition(b"\xe0\x7f\x10\x00OW")
    path.write_bytes(before + _nested(levels, tag, measured=measured) + pixels + after)
    began = time.monotonic()
    if fine:
        assert np.array_equal(load(path).voxels[0], FILM)
        return
    with pytest.raises(InputError) as caught:
        load(path)
    assert caught.value.code == "malformed"
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("start", [b"", bytes(128) + b"DICM"], ids=["bare", "preamble"])
def test_random_bytes(tmp_path: Path, start: bytes) -> None:
    rng, path = np.random.default_rng(4), tmp_path / "random.dcm"
    for _ in range(50):
        path.write_bytes(start + rng.bytes(int(rng.integers(1, 5000))))
        began = time.monotonic()
        with pytest.raises(InputError) as caught:
            load(path)
        assert caught.value.code in ("not_dicom", "malformed", "no_pixels", "not_an_image")
        assert time.monotonic() - began < 2


def test_a_dicomdir_is_not_followed(dicom: Any, tmp_path: Path) -> None:
    data = dicom.header(FILM)
    for name in ("PixelData", "Rows", "Columns"):
        delattr(data, name)
    data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    record = Dataset()
    record.DirectoryRecordType = "IMAGE"
    record.ReferencedFileID = ["..", "SECRET", "IM1"]
    data.DirectoryRecordSequence = Sequence([record])
    folder = tmp_path / "disc"
    folder.mkdir()
    path = dicom.saved(folder / "DICOMDIR", data)
    (tmp_path / "SECRET").mkdir()
    dicom.saved(tmp_path / "SECRET" / "IM1", dicom.header(FILM))
    opened: list[str] = []
    sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
    with pytest.raises(InputError) as caught:
        load(path)
    assert caught.value.code == "dicomdir"
    with pytest.raises(InputError) as caught:
        load(folder)  # beside a DICOMDIR nothing is left
    assert caught.value.code == "folder"
    assert str(path) in opened
    assert not [name for name in opened if "SECRET" in name]


def test_more_pixels_than_said_are_read_and_said(dicom: Any, tmp_path: Path) -> None:
    scan = load(dicom.film(tmp_path, FILM, PixelData=FILM.tobytes() + bytes(64)))
    assert np.array_equal(scan.voxels[0], FILM)
    assert "DICOM: the pixel data is longer than its header says" in scan.warnings


def test_cut_files_and_files_without_a_name(dicom: Any, tmp_path: Path) -> None:
    whole = dicom.film(tmp_path, FILM).read_bytes()
    for size in (140, 300, len(whole) - 10):
        (tmp_path / "cut.dcm").write_bytes(whole[:size])
        with pytest.raises(InputError):
            load(tmp_path / "cut.dcm")
    (tmp_path / "nameless").write_bytes(whole)
    assert load(tmp_path / "nameless").size == (8, 6)
