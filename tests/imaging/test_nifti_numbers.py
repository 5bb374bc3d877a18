"""NIfTI numbers: scaling, maps and streams, damage, what is not finite, what makes no picture."""

from __future__ import annotations

import gzip
import mmap
import struct
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray

from umit.errors import InputError, MissingMetadataError
from umit.geometry import Box3D
from umit.imaging import stored
from umit.imaging.read import load
from umit.imaging.view import Rendering, render

XYZ = np.random.default_rng(6).integers(-900, 900, (4, 5, 6)).astype(np.int16)
AFFINE = np.diag([-2.0, 3, 4, 1])


def saved(path: Path, data: NDArray[Any] = XYZ, patches: dict[int, bytes] | None = None) -> Path:
    """Write a file, then bytes of its header, which nibabel would not write so."""
    nib.save(nib.Nifti1Image(data, AFFINE), path.with_name("whole.nii"))
    raw = bytearray(path.with_name("whole.nii").read_bytes())
    for place, patch in (patches or {}).items():
        raw[place : place + len(patch)] = patch
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
    return path


def scaling(slope: float, inter: float) -> dict[int, bytes]:
    return {112: struct.pack("<ff", slope, inter)}


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize(
    ("source", "slope", "inter", "kind", "said"),
    [
        ("i2", 1, 0, "i2", None),
        ("i2", 0, 55, "i2", None),  # nifti1.h: a slope of 0 means no scaling
        ("i2", NAN, 3, "i2", "no scaling"),
        ("i2", INF, 3, "i2", "no scaling"),
        ("i2", 1, -1024, "i4", None),  # whole numbers stay whole
        ("u1", 1, -1024, "i2", None),
        ("u2", 1, -1024, "i4", None),
        ("i2", 1, 0.5, "f4", None),
        ("i2", 0.25, -8, "f4", None),
        ("i4", 1, 1e9, "f4", None),
        ("f4", 2, 1, "f4", None),
        ("f8", 2, 1, "f8", None),
        ("i2", 1e38, 0, "f4", "clipped"),
    ],
)
def test_scaling(
    tmp_path: Path, name: str, source: str, slope: float, inter: float, kind: str, said: str | None
) -> None:
    data = (XYZ % 200).astype(source) if source.startswith("u") else XYZ.astype(source)
    scan = load(saved(tmp_path / name, data, scaling(slope, inter)))
    applied = slope != 0 and np.isfinite(slope)
    expected = data.T * np.float64(slope) + inter if applied else data.T
    top = float(np.finfo(np.float32).max)
    expected = expected.clip(-top, top)
    assert scan.voxels.dtype == kind
    assert np.array_equal(scan.voxels, expected.astype(kind))
    assert (said is None) == (not any("scal" in n or "clipped" in n for n in scan.warnings))
    assert said is None or any(said in note for note in scan.warnings)


@pytest.mark.parametrize("patches", [scaling(1, NAN), scaling(2, INF), {108: struct.pack("<f", NAN)}])
def test_numbers_that_place_or_shift_must_be_finite(tmp_path: Path, patches: dict[int, bytes]) -> None:
    refused(saved(tmp_path / "a.nii", patches=patches), "header")


def refused(path: Path, code: str) -> None:
    with pytest.raises(InputError) as caught:
        load(path)
    assert caught.value.code == code
    assert str(path.parent) not in str(caught.value)


def test_a_large_plain_file_is_mapped_and_reads_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = (XYZ.astype(np.int16) - 600).clip(-1000, 900)
    small = load(saved(tmp_path / "a.nii", data))
    monkeypatch.setattr(stored, "_MAPPED", 1)
    large, packed = (load(saved(tmp_path / name, data)) for name in ("b.nii", "b.nii.gz"))
    for scan in (large, packed):
        assert np.array_equal(scan.voxels, small.voxels)
        assert (scan.warnings, scan.modality) == (small.warnings, small.modality)
    assert small.modality == "CT"
    assert (_root(large.voxels), _root(small.voxels)) == (mmap.mmap, np.ndarray)
    assert not large.voxels.flags.writeable
    small_file = load(saved(tmp_path / "c.nii", np.stack([data, data + 1], 3)), frame=1)
    assert np.array_equal(small_file.voxels, data.T + 1)


def _root(array: Any) -> type:
    """The kind of object that holds an array's memory."""
    while getattr(array, "base", None) is not None:
        array = array.base
    return type(array)


def test_block_gzip_of_many_members_is_one_file(tmp_path: Path) -> None:
    raw = saved(tmp_path / "a.nii").read_bytes()
    members = [gzip.compress(raw[k : k + 50]) for k in range(0, len(raw), 50)]
    (tmp_path / "b.nii.gz").write_bytes(b"".join(members) + gzip.compress(b"") + bytes(512))
    assert np.array_equal(load(tmp_path / "b.nii.gz").voxels, XYZ.T)


@pytest.mark.parametrize("place", [-1, -6])
def test_a_wrong_sum_or_length_is_damage(tmp_path: Path, place: int) -> None:
    raw = bytearray(saved(tmp_path / "a.nii.gz").read_bytes())
    raw[place] ^= 1
    (tmp_path / "a.nii.gz").write_bytes(raw)
    refused(tmp_path / "a.nii.gz", "truncated")


def test_the_sum_at_the_end_must_be_there(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.nii.gz")
    path.write_bytes(path.read_bytes()[:-3])
    refused(path, "truncated")


def test_a_volume_of_a_long_series_needs_only_what_comes_before(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.nii.gz", np.stack([XYZ, XYZ + 1, XYZ + 2], 3))
    noise = np.random.default_rng(1).integers(0, 256, 200_000, np.uint8).tobytes()
    raw = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(raw[: len(raw) - XYZ.nbytes] + noise)[:-1000])
    assert np.array_equal(load(path, frame=1).voxels, XYZ.T + 1)


def test_repairs_are_said(tmp_path: Path) -> None:
    patches = {80: struct.pack("<f", -2.0), 254: struct.pack("<h", 99)}  # pixdim[1], sform_code
    scan = load(saved(tmp_path / "a.nii", patches=patches))
    assert scan.affine is None
    assert any(n.startswith("header: pixdim[1,2,3] should be positive") for n in scan.warnings)
    assert any("sform_code 99 not valid" in note for note in scan.warnings)


@pytest.mark.parametrize(
    ("patches", "code"),
    [
        ({70: struct.pack("<h", 9999)}, "header"),
        ({344: b"ni1\0"}, "format"),  # the header of a pair
        ({344: b"\0\0\0\0"}, "format"),  # Analyze
        ({108: struct.pack("<f", 100)}, "header"),  # voxels inside the header
        ({108: struct.pack("<f", 1e9)}, "truncated"),
    ],
    ids=["kind", "pair", "analyze", "offset-low", "offset-high"],
)
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.hdr"])
def test_other_headers_are_refused(tmp_path: Path, name: str, patches: dict[int, bytes], code: str) -> None:
    refused(saved(tmp_path / name, patches=patches), code)


def test_told_by_content_whatever_the_name(tmp_path: Path) -> None:
    for name in ("a.nii", "a.nii.gz"):
        path = saved(tmp_path / name)
        assert np.array_equal(load(path.rename(tmp_path / "scan.bin")).voxels, XYZ.T)


def test_a_bad_qform_behind_a_good_sform_is_said_and_left(tmp_path: Path) -> None:
    patches = {252: struct.pack("<h", 1), 256: struct.pack("<fff", 9, 9, 9)}  # no rotation
    scan = load(saved(tmp_path / "a.nii", patches=patches))
    assert scan.affine_source == "sform"
    assert "orientation: the qform is not invertible, sform used" in scan.warnings


def test_without_an_affine_there_are_no_millimetres(tmp_path: Path) -> None:
    scan = load(saved(tmp_path / "a.nii", patches={252: struct.pack("<hh", 0, 0)}))
    box = Box3D(0, 0, 0, 1, 1, 1, space=scan.space)
    assert (scan.affine, scan.orientation) == (None, None)
    with pytest.raises(MissingMetadataError):
        box.to_mm()


@pytest.mark.parametrize("source", ["f4", "f8"])
def test_values_that_are_not_finite(tmp_path: Path, source: str) -> None:
    for bad, count in ((NAN, 3), (INF, 1)):
        data = np.linspace(1, 9, XYZ.size).reshape(XYZ.shape).astype(source)
        data.reshape(-1)[:count] = bad
        scan = load(saved(tmp_path / "a.nii", data))
        assert f"values: {count} are not finite; NaN is shown black" in scan.warnings
        assert render(scan, Rendering(frame=None, depth=2)).frames[0].std() > 5
    refused(saved(tmp_path / "b.nii", np.full(XYZ.shape, NAN, source)), "not_finite")


@pytest.mark.parametrize("value", [0, -1000, 7])
def test_a_constant_volume_is_read_and_said(tmp_path: Path, value: int) -> None:
    scan = load(saved(tmp_path / "a.nii.gz", np.full_like(XYZ, value)))
    view = render(scan, Rendering(frame=None, depth=2))
    assert "picture: blank, all of its pixels are equal" in view.warnings
    assert len(view.frames) == 2


def test_a_name_in_an_extension_is_never_read(tmp_path: Path) -> None:
    image = nib.Nifti1Image(XYZ, AFFINE)
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"ZZPATIENT^CANARY"))
    image.header["descrip"] = b"ZZPATIENT^CANARY"
    nib.save(image, tmp_path / "a.nii.gz")
    scan = load(tmp_path / "a.nii.gz")
    assert np.array_equal(scan.voxels, XYZ.T)
    assert "CANARY" not in repr(scan) + "".join(scan.warnings)
