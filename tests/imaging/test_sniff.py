"""Which reader a file gets, by its first bytes; which files of a folder count."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import pytest

from umit.errors import InputError, UnsupportedFormatError
from umit.imaging.sniff import file_kind, folder_files

NIFTI = struct.pack("<i", 348) + bytes(340) + b"n+1\0" + bytes(8)
NIFTI_2 = struct.pack(">i", 540) + b"n+2\0\r\n\x1a\n" + bytes(600)
MGH = struct.pack(">7i", 1, 4, 5, 6, 1, 3, 0) + bytes(300)
META = b"Comment = a remark\nObjectType = Image\nNDims = 3\n"
DICOM = bytes(128) + b"DICM"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (NIFTI, "nifti"),
        (NIFTI.replace(b"n+1", b"ni1"), "nifti"),
        (struct.pack(">i", 348) + bytes(400), "nifti"),  # Analyze, which its reader refuses
        (NIFTI_2, "nifti"),
        (gzip.compress(NIFTI, mtime=0), "nifti"),
        (gzip.compress(NIFTI_2, mtime=0), "nifti"),
        (MGH, "mgh"),
        (gzip.compress(MGH, mtime=0), "mgh"),
        (b"NRRD0005\ntype: short\n", "itk"),
        (META, "itk"),
        (DICOM, "dicom"),
        (b"\x02\0\0\0UL\x04\0", "dicom"),
        (b"\x08\0\x05\0CS\x0a\0ISO_IR 100", "dicom"),
        (b"\0\x08\0\x05CS\0\x0aISO_IR 100", "dicom"),
        (b"\x08\0\x05\0\x0a\0\0\0ISO_IR 100\x08\0\x16\0", "dicom"),
        (b"\x89PNG\r\n\x1a\n", "raster"),
        (b"RIFF\0\0\0\0WEBP", "raster"),
    ],
)
@pytest.mark.parametrize("name", ["scan", "scan.txt", "scan.png", "scan.nii"])
def test_content_decides(tmp_path: Path, name: str, content: bytes, kind: str) -> None:
    (tmp_path / name).write_bytes(content)
    assert file_kind(tmp_path / name) == kind


@pytest.mark.parametrize(
    ("name", "kind"), [("A.DCM", "dicom"), ("a.nii.gz", "nifti"), ("a.MHD", "itk"), ("a.nrrd", "itk"), ("a.mgz", "mgh")]
)
def test_damage_is_left_to_the_reader_of_that_name(tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / name).write_bytes(b"nothing that is known")
    assert file_kind(tmp_path / name) == kind


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"CDF\x01" + bytes(40), "mnc2nii"),
        (b"\x89HDF\r\n\x1a\n" + bytes(40), "mnc2nii"),
        (b"<html>", "login page"),
        (gzip.compress(b"<html>", mtime=0), "login page"),
        (gzip.compress(b"notes", mtime=0), "something else"),
        (b"\x1f\x8b", "something else"),
        (b"NDims are three", "something else"),
        (struct.pack("<6h", 8, 5, 10, 0, 11, 12), "something else"),  # numbers, no elements
        (b"PK\x03\x04", "a zip archive"),
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
        (bytes(257) + b"ustar", "a tar archive"),
        (gzip.compress(bytes(257) + b"ustar", mtime=0), "a tar archive"),
        (b"\x28\xb5\x2f\xfd", "a zstd file"),
        (b"%PDF-1.7", "a PDF"),
        (b"\xff\x4f\xff\x51\0\x2f", "a JPEG 2000 picture"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000 picture"),
        (gzip.compress(b"\x89PNG", mtime=0), "a gzipped picture"),
    ],
)
def test_what_is_refused_and_why(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "a.bin").write_bytes(content)
    with pytest.raises(UnsupportedFormatError, match=said) as caught:
        file_kind(tmp_path / "a.bin")
    assert caught.value.code == "not_an_image"


def test_a_detached_header_and_its_voxels_are_one_scan(tmp_path: Path) -> None:
    (tmp_path / "a.mhd").write_bytes(META)
    (tmp_path / "a.raw").write_bytes(bytes(120))
    assert folder_files(tmp_path) == ("itk", [tmp_path / "a.mhd"])


@pytest.mark.parametrize("name", ["b.mha", "b.mgz", "b.nii.gz", "b.png"])
def test_an_empty_scan_in_a_folder_is_not_passed_over(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.mhd").write_bytes(META)
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(InputError) as caught:
        folder_files(tmp_path)
    assert caught.value.code == "empty_file"
