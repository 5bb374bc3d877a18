"""FreeSurfer volumes: affine, kinds of number, what is refused."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from umit.errors import InputError
from umit.imaging.read import load

XYZ = np.random.default_rng(6).integers(0, 200, (4, 5, 6))
AFFINE = np.array([[-1.0, 0, 0, 9], [0, 0, 2.0, -8], [0, -1.5, 0, 7], [0, 0, 0, 1]])


def saved(path: Path, data: np.ndarray, patches: dict[int, bytes] | None = None) -> Path:
    nib.save(nib.MGHImage(data, AFFINE), path.with_name("whole.mgh"))
    raw = bytearray(path.with_name("whole.mgh").read_bytes())
    for place, patch in (patches or {}).items():
        raw[place : place + len(patch)] = patch
    path.write_bytes(gzip.compress(raw) if path.suffix == ".mgz" else raw)
    return path


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.int32, np.float32])
@pytest.mark.parametrize("name", ["a.mgh", "a.mgz", "a.bin"])
def test_voxels_and_affine(tmp_path: Path, name: str, kind: type) -> None:
    scan = load(saved(tmp_path / name, XYZ.astype(kind)))
    assert np.array_equal(scan.voxels, XYZ.T)
    assert scan.voxels.dtype == kind
    assert np.allclose(scan.affine, AFFINE)
    assert (scan.affine_source, scan.orientation) == ("mgh", "LIA")
    assert scan.spacing == pytest.approx((1, 1.5, 2))


def test_four_dimensions_need_a_choice(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.mgz", np.stack([XYZ, XYZ + 1], 3).astype(np.int16))
    with pytest.raises(InputError) as caught:
        load(path)
    assert caught.value.code == "multi_frame"
    assert np.array_equal(load(path, frame=1).voxels, XYZ.T + 1)


def test_a_file_that_records_no_orientation_gets_none(tmp_path: Path) -> None:
    scan = load(saved(tmp_path / "a.mgh", XYZ.astype(np.int16), {28: b"\0\0"}))
    assert (scan.affine, scan.affine_source, scan.spacing) == (None, None, None)
    assert "spacing: none recorded, millimetres are not known" in scan.warnings  # not nibabel's 1 mm
    assert "orientation: not recorded, left and right are not known" in scan.warnings


@pytest.mark.parametrize(
    ("patches", "code"),
    [
        ({4: struct.pack(">iii", 2000, 2000, 2000)}, "header_dims"),
        ({4: struct.pack(">i", 500)}, "truncated"),
        ({4: struct.pack(">i", -4)}, "header"),
        ({20: struct.pack(">i", 77)}, "header"),
        ({42: struct.pack(">fff", 0, 0, 0)}, "spacing"),  # cosines of x: a column without length
        ({42: struct.pack(">ffffff", *2 * (0, 1, 0))}, "affine"),  # x and y run the same way
    ],
)
@pytest.mark.parametrize("name", ["a.mgh", "a.mgz"])
def test_headers_that_lie(tmp_path: Path, name: str, patches: dict[int, bytes], code: str) -> None:
    with pytest.raises(InputError) as caught:
        load(saved(tmp_path / name, XYZ.astype(np.int16), patches))
    assert caught.value.code == code


def test_cut_files_are_refused(tmp_path: Path) -> None:
    for name in ("a.mgh", "a.mgz"):
        whole = saved(tmp_path / name, XYZ.astype(np.int16)).read_bytes()
        for part in (0.05, 0.3, 0.7):
            (tmp_path / name).write_bytes(whole[: int(len(whole) * part)])
            with pytest.raises(InputError) as caught:
                load(tmp_path / name)
            assert caught.value.code == "truncated"
