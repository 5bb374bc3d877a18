"""NIfTI: affines and their source, headers that lie, scaling, four dimensions."""

from __future__ import annotations

import gzip
import time
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray

from umit.errors import InputError, UMITError
from umit.imaging.nifti import read_nifti
from umit.imaging.read import load
from umit.imaging.view import Rendering, render

XYZ = np.random.default_rng(6).integers(0, 900, (4, 5, 6)).astype(np.int16)
AFFINE = np.array([[-2.0, 0, 0, 9], [0, 3.0, 0, -8], [0, 0, 4.0, 7], [0, 0, 0, 1]])


def saved(
    path: Path,
    data: NDArray[Any] = XYZ,
    *,
    sform: NDArray[Any] | None = AFFINE,
    qform: NDArray[Any] | None = AFFINE,
    unit: str = "mm",
) -> Path:
    image = nib.Nifti1Image(data, None)
    image.header.set_zooms((2.0, 3.0, 4.0)[: data.ndim] + (1.0,) * (data.ndim - 3))
    image.header.set_sform(sform, code=0 if sform is None else 1)
    image.header.set_qform(qform, code=0 if qform is None else 1)
    image.header.set_xyzt_units(unit)
    nib.save(image, path)
    return path


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "A.NII.GZ"])
def test_voxels_stay_in_file_order(tmp_path: Path, name: str) -> None:
    scan = load(saved(tmp_path / name.lower()).rename(tmp_path / name))
    assert np.array_equal(scan.voxels, XYZ.T)
    assert scan.voxels.dtype == np.int16
    assert scan.size == (4, 5, 6)
    assert np.array_equal(scan.affine, AFFINE)
    assert scan.spacing == (2, 3, 4)
    assert (scan.affine_source, scan.orientation) == ("sform", "LAS")


MIRRORED = AFFINE * [[-1], [1], [1], [1]]
FLAT = np.diag([0.0, 0, 0, 1])


@pytest.mark.parametrize(
    ("sform", "qform", "source", "said"),
    [
        (AFFINE, None, "sform", None),
        (None, AFFINE, "qform", None),
        (AFFINE, MIRRORED, "sform", "disagree"),
        (FLAT, AFFINE, "qform", "not invertible"),
        (None, None, None, "left and right are not known"),
    ],
)
def test_affine_sources(
    tmp_path: Path, sform: NDArray[Any] | None, qform: NDArray[Any] | None, source: str | None, said: str | None
) -> None:
    scan = load(saved(tmp_path / "a.nii", sform=sform, qform=qform))
    assert scan.affine_source == source
    assert scan.spacing == pytest.approx((2, 3, 4))
    if source is None:
        assert scan.affine is None
    else:
        assert np.allclose(scan.affine, AFFINE)
    orientation = [note for note in scan.warnings if note.startswith("orientation")]
    assert (said is None) == (not orientation)
    assert said is None or said in orientation[0]


def test_an_affine_that_is_no_grid_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load(saved(tmp_path / "a.nii", sform=FLAT, qform=None))
    assert caught.value.code == "affine"


@pytest.mark.parametrize(("unit", "factor"), [("mm", 1), ("unknown", 1), ("meter", 1000), ("micron", 0.001)])
def test_units_become_mm(tmp_path: Path, unit: str, factor: float) -> None:
    scan = load(saved(tmp_path / "a.nii", unit=unit))
    assert scan.spacing == pytest.approx((2 * factor, 3 * factor, 4 * factor))


def test_four_dimensions_need_a_choice(tmp_path: Path) -> None:
    data = np.stack([XYZ, XYZ + 1, XYZ + 2], axis=3)
    for name in ("a.nii", "a.nii.gz"):
        path = saved(tmp_path / name, data)
        with pytest.raises(InputError) as caught:
            load(path)
        assert caught.value.code == "multi_frame"
        assert np.array_equal(load(path, frame=2).voxels, XYZ.T + 2)
        with pytest.raises(InputError):
            load(path, frame=3)


@pytest.mark.parametrize("shape", [(4, 5, 6, 1), (4, 5, 6, 1, 1), (4, 5), (4, 5, 1)])
def test_singletons_are_squeezed(tmp_path: Path, shape: tuple[int, ...]) -> None:
    scan = load(saved(tmp_path / "a.nii", np.zeros(shape, np.int16)))
    assert scan.size == (4, 5, 6 if len(shape) > 3 else 1)
    assert scan.has_depth


def test_a_vector_behind_time_is_chosen_by_its_own_axis(tmp_path: Path) -> None:
    data = np.stack([XYZ, XYZ + 1], axis=3)[:, :, :, None]
    assert np.array_equal(load(saved(tmp_path / "a.nii", data), frame=1).voxels, XYZ.T + 1)


@pytest.mark.parametrize("shape", [(4, 5, 6, 2, 2), (4,)])
def test_other_dimensions_are_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    nib.save(nib.Nifti1Image(np.zeros(shape, np.int16), np.eye(4)), tmp_path / "a.nii")
    with pytest.raises(InputError) as caught:
        load(tmp_path / "a.nii", frame=0)
    assert caught.value.code == "header_dims"


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize(
    "dims", [(3, 32767, 32767, 32767), (3, -1, 5, 6), (3, 0, 5, 6), (0, 4, 5, 6), (3, 1300, 1300, 900), (9, 4, 5, 6)]
)
def test_headers_that_lie(tmp_path: Path, name: str, dims: tuple[int, ...]) -> None:
    raw = bytearray(saved(tmp_path / "ok.nii").read_bytes())
    raw[40 : 40 + 2 * len(dims)] = np.array(dims, "<i2").tobytes()
    (tmp_path / name).write_bytes(gzip.compress(raw) if name.endswith("gz") else raw)
    start = time.perf_counter()
    with pytest.raises(InputError):
        load(tmp_path / name)
    assert time.perf_counter() - start < 0.5


def test_a_small_file_that_spells_gigabytes_is_refused_unread(tmp_path: Path) -> None:
    raw = bytearray(saved(tmp_path / "ok.nii").read_bytes())
    raw[42:48] = np.array((1000, 1000, 1000), "<i2").tobytes()
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(raw))
    with pytest.raises(InputError) as caught:
        load(tmp_path / "a.nii.gz")
    assert caught.value.code == "truncated"


@pytest.mark.parametrize("part", [0.02, 0.3, 0.5, 0.95])
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_cut_files_are_refused(tmp_path: Path, name: str, part: float) -> None:
    path = saved(tmp_path / name, np.random.default_rng(0).integers(0, 99, (9, 9, 9), np.int16))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * part)])
    with pytest.raises(InputError) as caught:
        load(path)
    assert caught.value.code == "truncated"
    assert str(tmp_path) not in str(caught.value)


def test_scaling_is_applied(tmp_path: Path) -> None:
    image = nib.Nifti1Image(XYZ, AFFINE)
    image.header.set_slope_inter(0.5, -1000)
    nib.save(image, tmp_path / "a.nii")
    raw = bytearray((tmp_path / "a.nii").read_bytes())
    raw[112:120] = np.array((0.5, -1000), "<f4").tobytes()
    stored = np.frombuffer(bytes(raw[352:]), "<i2").reshape(XYZ.shape, order="F")
    (tmp_path / "a.nii").write_bytes(raw)
    scan = load(tmp_path / "a.nii")
    assert np.array_equal(scan.voxels, (stored * 0.5 - 1000).T.astype(np.float32))


def test_a_wild_slope_is_clipped_and_said(tmp_path: Path) -> None:
    raw = bytearray(saved(tmp_path / "a.nii").read_bytes())
    raw[112:120] = np.array((1e38, 0), "<f4").tobytes()
    (tmp_path / "a.nii").write_bytes(raw)
    scan = load(tmp_path / "a.nii")
    assert np.isfinite(scan.voxels).all()
    assert any("clipped" in note for note in scan.warnings)
    assert render(scan, Rendering(frame=None, depth=2)).frames[0].dtype == np.uint8


@pytest.mark.parametrize("dtype", [">i2", "<f4", ">f8", "<u1", "<i4", "<u2"])
def test_kinds_and_byte_orders(tmp_path: Path, dtype: str) -> None:
    data = (XYZ % 200).astype(dtype)
    image = nib.Nifti1Image(data, AFFINE, nib.Nifti1Header(endianness=dtype[0]))
    image.header.set_data_dtype(dtype)
    nib.save(image, tmp_path / "a.nii")
    scan = load(tmp_path / "a.nii")
    assert np.array_equal(scan.voxels, data.T)
    assert scan.voxels.dtype.isnative


def test_rgb_is_read_and_complex_refused(tmp_path: Path) -> None:
    colour = np.zeros((4, 5, 6), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    colour["G"] = 9
    nib.save(nib.Nifti1Image(colour, AFFINE), tmp_path / "rgb.nii")
    scan = load(tmp_path / "rgb.nii")
    assert scan.voxels.shape == (6, 5, 4, 3)
    assert scan.voxels[0, 0, 0].tolist() == [0, 9, 0]
    nib.save(nib.Nifti1Image(XYZ.astype(np.complex64), AFFINE), tmp_path / "c.nii")
    with pytest.raises(InputError) as caught:
        load(tmp_path / "c.nii")
    assert caught.value.code == "complex"


def test_not_finite_values(tmp_path: Path) -> None:
    data = XYZ.astype(np.float32)
    data[0, 0, 0], data[1, 1, 1] = np.nan, np.inf
    scan = load(saved(tmp_path / "a.nii", data))
    assert any("2 are not finite" in note for note in scan.warnings)
    with pytest.raises(InputError) as caught:
        load(saved(tmp_path / "b.nii", np.full((3, 3, 3), np.nan, np.float32)))
    assert caught.value.code == "not_finite"


@pytest.mark.parametrize(
    ("values", "modality"),
    [
        (np.linspace(-1024, 1500, 1000), "CT"),
        (np.linspace(-3024, 1500, 1000), "CT"),
        (np.concatenate([[-610], np.linspace(0, 9000, 999)]), None),  # ringing in one MR voxel
        (np.linspace(-4096, 4095, 1000), None),  # a phase map
        (np.linspace(0, 2000, 1000), None),
    ],
)
def test_hu_is_assumed_only_where_air_is(tmp_path: Path, values: NDArray[Any], modality: str | None) -> None:
    path = saved(tmp_path / "a.nii", values.reshape(10, 10, 10).astype(np.int16))
    scan = load(path)
    assert scan.modality == modality
    assert (scan.window == (-160, 240)) == (modality == "CT")
    assert load(path, window="lung").window == (-1350, 150)


def test_nifti_2_is_read(tmp_path: Path) -> None:
    nib.save(nib.Nifti2Image(XYZ, AFFINE), tmp_path / "a.nii")
    assert np.array_equal(load(tmp_path / "a.nii").voxels, XYZ.T)


def test_flipped_bytes_never_escape_the_error_tree(tmp_path: Path) -> None:
    whole = saved(tmp_path / "ok.nii").read_bytes()
    rng = np.random.default_rng(8)
    for _ in range(150):
        damaged = bytearray(whole)
        for place in rng.integers(0, 352, 3):
            damaged[place] = rng.integers(0, 256)
        (tmp_path / "a.nii").write_bytes(damaged)
        try:
            load(tmp_path / "a.nii")
        except UMITError:
            continue


@pytest.mark.shared
def test_every_sample_volume(shared: Path) -> None:
    folder = shared / "samples/volumes"
    found = {path.name: path for path in folder.iterdir() if ".nii" in path.name}
    with pytest.raises(InputError) as caught:
        load(found.pop("functional_4d.nii"))
    assert caught.value.code == "multi_frame"
    assert load(folder / "functional_4d.nii", frame=3).size == (17, 21, 3)
    assert sorted(found) == ["anatomical.nii", "ct_sm.nii.gz", "ct_sm_seg.nii.gz", "someones_anatomy.nii.gz"]
    for path in found.values():
        scan = load(path)
        image = nib.load(path)
        assert np.allclose(scan.voxels, np.asarray(image.dataobj).T)
        assert scan.orientation == "".join(nib.aff2axcodes(image.affine))
        assert scan.modality == ("CT" if path.name == "ct_sm.nii.gz" else None)
        assert len(render(scan, Rendering(frame=(256, 256), depth=32)).frames) == 32


def test_the_reader_has_no_window_of_its_own(tmp_path: Path) -> None:
    assert read_nifti(saved(tmp_path / "a.nii")).window is None
