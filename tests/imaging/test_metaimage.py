"""NRRD and MetaImage: LPS to RAS+, what a header may point at, what is refused."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from umit.errors import InputError, UnsupportedFormatError
from umit.imaging.read import load
from umit.imaging.scan import Scan

ZYX = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
LPS = ((2, 0, 0), (0, 3, 0), (0, 0, 4))


@pytest.fixture
def sitk() -> Any:
    return pytest.importorskip("SimpleITK")


def image(sitk: Any, array: Any = ZYX, **options: Any) -> Any:
    made = sitk.GetImageFromArray(array, **options)
    made.SetSpacing((2.0, 3.0, 4.0)[: made.GetDimension()])
    if made.GetDimension() == 3:
        made.SetOrigin((10, 20, 30))
        made.SetDirection((0, 1, 0, 1, 0, 0, 0, 0, -1))
    return made


NAMES = ["a.nrrd", "a.nhdr", "a.mha", "a.mhd"]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_lps_becomes_ras(tmp_path: Path, sitk: Any, name: str, packed: bool) -> None:
    sitk.WriteImage(image(sitk), tmp_path / name, useCompression=packed)
    scan = load(tmp_path / name)
    assert np.array_equal(scan.voxels, ZYX)
    assert scan.voxels.dtype == np.int16
    assert scan.affine == ((0, -3, 0, -10), (-2, 0, 0, -20), (0, 0, -4, 30), (0, 0, 0, 1))
    assert scan.spacing == (2, 3, 4)
    assert scan.affine_source == ("nrrd" if name in ("a.nrrd", "a.nhdr") else "metaimage")
    assert scan.orientation == "PLI"


@pytest.mark.parametrize("name", NAMES)
def test_the_name_says_nothing(tmp_path: Path, sitk: Any, name: str) -> None:
    """Told apart by content: the suffix is another's."""
    sitk.WriteImage(image(sitk), tmp_path / name)
    assert np.array_equal(load((tmp_path / name).rename(tmp_path / "scan.img")).voxels, ZYX)


@pytest.mark.parametrize(
    ("space", "affine"),
    [
        ("left-posterior-superior", ((-2, 0, 0, -1), (0, -3, 0, -2), (0, 0, 4, 3))),
        ("right-anterior-superior", ((2, 0, 0, 1), (0, 3, 0, 2), (0, 0, 4, 3))),
        ("LPS", ((-2, 0, 0, -1), (0, -3, 0, -2), (0, 0, 4, 3))),
        ("RAS", ((2, 0, 0, 1), (0, 3, 0, 2), (0, 0, 4, 3))),
        ("left-anterior-superior", None),  # mirrored by SimpleITK up to 2.5.5
        ("scanner-xyz", None),
        ("", None),
    ],
)
def test_nrrd_spaces(tmp_path: Path, sitk: Any, space: str, affine: Any) -> None:
    named = f"space: {space}" if space else "space dimension: 3"
    nrrd(tmp_path / "a.nrrd", named)
    scan = load(tmp_path / "a.nrrd")
    assert (scan.affine and scan.affine[:3]) == affine
    assert scan.spacing == (2, 3, 4)
    said = [note for note in scan.warnings if "left and right are not known" in note]
    assert bool(said) == (affine is None)


def nrrd(path: Path, *lines: str, data: bytes = ZYX.tobytes()) -> Path:
    own = {line.split(":")[0] for line in lines}
    fields = {
        "type": "short",
        "dimension": "3",
        "sizes": "5 4 3",
        "space directions": "(2,0,0) (0,3,0) (0,0,4)",
        "space origin": "(1,2,3)",
        "encoding": "raw",
        "endian": "little",
    }
    kept = [f"{key}: {value}" for key, value in fields.items() if key not in own]
    path.write_bytes("\n".join(["NRRD0004", *lines, *kept, "", ""]).encode() + data)
    return path


def meta(path: Path, data: bytes = ZYX.tobytes(), **own: str) -> Path:
    fields = {
        "ObjectType": "Image",
        "NDims": "3",
        "TransformMatrix": "1 0 0 0 1 0 0 0 1",
        "ElementSpacing": "2 3 4",
        "DimSize": "5 4 3",
        "ElementType": "MET_SHORT",
        **own,
    }
    last = fields.pop("ElementDataFile", "LOCAL")
    lines = [f"{key} = {value}" for key, value in fields.items() if value]
    path.write_bytes("\n".join([*lines, f"ElementDataFile = {last}", ""]).encode() + data)
    return path


def test_a_metaimage_without_a_matrix_has_no_sides(tmp_path: Path, sitk: Any) -> None:
    assert load(meta(tmp_path / "a.mha")).orientation == "LPS"
    scan = load(meta(tmp_path / "b.mha", TransformMatrix=""))
    assert (scan.affine, scan.affine_source, scan.spacing) == (None, None, (2, 3, 4))
    assert "orientation: no patient space recorded, left and right are not known" in scan.warnings


@pytest.mark.parametrize("name", ["a.nrrd", "a.mha"])
def test_two_dimensions_are_a_film(tmp_path: Path, sitk: Any, name: str) -> None:
    sitk.WriteImage(image(sitk, ZYX[0]), tmp_path / name)
    scan = load(tmp_path / name)
    assert (scan.size, scan.spacing, scan.affine) == ((5, 4), (2, 3), None)


@pytest.mark.parametrize("name", ["a.nrrd", "a.mha"])
def test_four_dimensions_need_a_choice(tmp_path: Path, sitk: Any, name: str) -> None:
    sitk.WriteImage(sitk.JoinSeries([image(sitk), image(sitk, ZYX + 7)]), tmp_path / name)
    check_two(tmp_path / name)


def test_a_list_of_volumes_is_no_colour(tmp_path: Path, sitk: Any) -> None:
    check_two(
        nrrd(
            tmp_path / "a.nrrd",
            "dimension: 4",
            "sizes: 5 4 3 2",
            "space: right-anterior-superior",
            "kinds: domain domain domain list",
            "space directions: (2,0,0) (0,3,0) (0,0,4) none",
            data=ZYX.tobytes() + (ZYX + 7).tobytes(),
        )
    )


def check_two(path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load(path)
    assert caught.value.code == "multi_frame"
    assert np.array_equal(load(path, frame=0).voxels, ZYX)
    assert np.array_equal(load(path, frame=1).voxels, ZYX + 7)


@pytest.mark.parametrize("name", ["a.nrrd", "a.mha"])
def test_colours(tmp_path: Path, sitk: Any, name: str) -> None:
    rgb = np.random.default_rng(1).integers(0, 256, (3, 4, 5, 3), np.uint8)
    sitk.WriteImage(image(sitk, rgb, isVector=True), tmp_path / name)
    assert np.array_equal(load(tmp_path / name).voxels, rgb)


@pytest.mark.parametrize(("name", "code"), [("a.nrrd", "complex"), ("a.mha", "multi_frame")])
def test_complex_numbers_are_refused(tmp_path: Path, sitk: Any, name: str, code: str) -> None:
    """MetaImage writes two real channels and does not say that they are one number."""
    sitk.WriteImage(image(sitk, ZYX.astype(np.complex64)), tmp_path / name)
    refused(tmp_path / name, code)


def test_big_endian_and_hu(tmp_path: Path, sitk: Any) -> None:
    hu = (ZYX * 30 - 1024).astype(">i2")
    scan = load(meta(tmp_path / "a.mha", hu.tobytes(), BinaryDataByteOrderMSB="True"))
    assert np.array_equal(scan.voxels, hu)
    assert scan.voxels.dtype.isnative
    assert scan.modality == "CT"
    said = load(meta(tmp_path / "b.mha", Modality="MET_MOD_MR"))
    assert said.modality == "MR"


OUTSIDE = ["../secret.raw", "/etc/passwd", "sub/a.raw", "..\\secret.raw", "C:a.raw", ".."]


@pytest.mark.parametrize("pointed", OUTSIDE)
@pytest.mark.parametrize("name", NAMES)
def test_data_outside_the_folder_is_never_opened(
    tmp_path: Path, sitk: Any, name: str, pointed: str
) -> None:
    folder = tmp_path / "in"
    (folder / "sub").mkdir(parents=True)
    for place in (tmp_path / "secret.raw", folder / "sub/a.raw"):
        place.write_bytes(ZYX.tobytes())
    refused(detached(folder / name, pointed), "outside")


def detached(path: Path, pointed: str) -> Path:
    if path.suffix in (".nrrd", ".nhdr"):
        return nrrd(path, "space: left-posterior-superior", f"data file: {pointed}", data=b"")
    return meta(path, b"", ElementDataFile=pointed)


def refused(path: Path, *codes: str) -> None:
    with pytest.raises(InputError) as caught:
        load(path)
    assert caught.value.code in codes, caught.value
    assert str(path.parent) not in str(caught.value)


@pytest.mark.parametrize("name", NAMES)
def test_links_out_of_the_folder_are_not_followed(tmp_path: Path, sitk: Any, name: str) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "secret.raw").write_bytes(ZYX.tobytes())
    (tmp_path / "in/a.raw").symlink_to(tmp_path / "secret.raw")
    refused(detached(tmp_path / "in" / name, "a.raw"), "outside")
    (tmp_path / "in/a.raw").unlink()
    refused(tmp_path / "in" / name, "missing")
    (tmp_path / "in/a.raw").write_bytes(ZYX.tobytes())
    assert np.array_equal(load(tmp_path / "in" / name).voxels, ZYX)


@pytest.mark.parametrize("pointed", ["LIST", "a%03d.raw 1 3 1", "a.raw b.raw", "LIST 2"])
@pytest.mark.parametrize("name", NAMES)
def test_lists_of_files_are_refused(tmp_path: Path, sitk: Any, name: str, pointed: str) -> None:
    refused(detached(tmp_path / name, pointed), "header")


@pytest.mark.parametrize(
    ("lines", "codes"),
    [
        (["sizes: 30000 30000 30000"], ("truncated",)),  # SimpleITK itself refuses it
        (["sizes: 500 500 500"], ("truncated",)),
        (["sizes: 0 4 3"], ("truncated", "header_dims")),
        (["sizes: -5 4 3"], ("truncated", "header_dims")),
        (["encoding: bzip2"], ("header",)),
        (["type: block", "block size: 4"], ("truncated", "complex")),
        (["data file: a.raw", "datafile: /etc/passwd"], ("header",)),
        (["space directions: (0,0,0) (0,3,0) (0,0,4)"], ("truncated", "affine")),
    ],
)
def test_nrrd_headers_that_lie(
    tmp_path: Path, sitk: Any, lines: list[str], codes: tuple[str, ...]
) -> None:
    refused(nrrd(tmp_path / "a.nrrd", "space: left-posterior-superior", *lines), *codes)


@pytest.mark.parametrize(
    ("fields", "codes"),
    [
        ({"DimSize": "30000 30000 30000"}, ("header_dims",)),
        ({"DimSize": "500 500 500"}, ("truncated",)),
        ({"DimSize": "0 4 3"}, ("truncated", "header_dims")),
        ({"DimSize": "-5 4 3"}, ("truncated", "header_dims")),
        ({"NDims": "9"}, ("truncated", "header_dims")),
        ({"ElementType": "MET_NOTHING"}, ("truncated", "complex")),
        ({"TransformMatrix": "0 0 0 0 0 0 0 0 0"}, ("truncated", "affine")),
    ],
)
def test_meta_headers_that_lie(
    tmp_path: Path, sitk: Any, fields: dict[str, str], codes: tuple[str, ...]
) -> None:
    refused(meta(tmp_path / "a.mha", **fields), *codes)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", ["a.nrrd", "a.mha"])
def test_cut_files_are_refused(tmp_path: Path, sitk: Any, name: str, packed: bool) -> None:
    noise = np.random.default_rng(0).integers(0, 999, (9, 9, 9), np.int16)
    sitk.WriteImage(image(sitk, noise), tmp_path / name, useCompression=packed)
    whole = (tmp_path / name).read_bytes()
    for part in (0.05, 0.2, 0.5, 0.9):
        (tmp_path / name).write_bytes(whole[: int(len(whole) * part)])
        refused(tmp_path / name, "truncated", "header")


def test_flipped_bytes_never_escape_the_error_tree(tmp_path: Path, sitk: Any) -> None:
    rng = np.random.default_rng(7)
    for name, write in (("a.nrrd", nrrd), ("a.mha", meta)):
        whole = np.frombuffer(write(tmp_path / name).read_bytes(), np.uint8)
        for _ in range(60):
            damaged = whole.copy()
            damaged[rng.integers(0, len(whole), 3)] = rng.integers(0, 256, 3)
            (tmp_path / name).write_bytes(damaged.tobytes())
            try:
                assert isinstance(load(tmp_path / name), Scan)
            except InputError as error:
                assert str(tmp_path) not in str(error)


@pytest.mark.parametrize("name", ["a.nrrd", "a.mha"])
def test_without_the_extra_its_command_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Blocks the import as an absent package does; the reader itself runs."""
    monkeypatch.setitem(importlib.import_module("sys").modules, "SimpleITK", None)
    (nrrd if name == "a.nrrd" else meta)(tmp_path / name)
    with pytest.raises(UnsupportedFormatError, match=r'pip install "umit\[itk\]"') as caught:
        load(tmp_path / name)
    assert caught.value.code == "extra_missing"


def test_a_space_that_simpleitk_does_not_turn_is_not_believed(tmp_path: Path, sitk: Any) -> None:
    """SimpleITK 2.5.7 leaves RAS with time as it is and calls it LPS: left would become right."""
    scan = load(
        nrrd(
            tmp_path / "a.nrrd",
            "dimension: 4",
            "sizes: 5 4 3 1",
            "space: right-anterior-superior-time",
            "space directions: (2,0,0,0) (0,3,0,0) (0,0,4,0) (0,0,0,1)",
            "space origin: (1,2,3,0)",
        )
    )
    assert (scan.affine, scan.orientation) == (None, None)
