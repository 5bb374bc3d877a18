"""NRRD and MetaImage: LPS to RAS+, what a header may point at, what is refused."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from umit.errors import InputError, MissingMetadataError, UnsupportedFormatError
from umit.geometry import Box3D
from umit.imaging.read import load
from umit.imaging.scan import Scan
from umit.imaging.view import Rendering, render

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
    """Write a NRRD; a line replaces the field of its name, one without a value leaves it out."""
    fields = {
        "type": "short",
        "dimension": "3",
        "space": "",  # teem wants these first
        "space dimension": "",
        "sizes": "5 4 3",
        "space directions": "(2,0,0) (0,3,0) (0,0,4)",
        "space origin": "(1,2,3)",
        "encoding": "raw",
        "endian": "little",
        **dict(line.split(": ", 1) if ": " in line else (line[:-1], "") for line in lines),
    }
    listed = fields.pop("data file", "")  # names may follow it
    if listed:
        fields["data file"] = listed
    kept = [f"{key}: {value}" for key, value in fields.items() if value]
    end = [""] if "LIST" in listed else ["", ""]  # names run to the file's end
    path.write_bytes("\n".join(["NRRD0004", *kept, *end]).encode() + data)
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
    assert "orientation: no patient space that umit knows, left and right are not known" in scan.warnings


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
def test_data_outside_the_folder_is_never_opened(tmp_path: Path, sitk: Any, name: str, pointed: str) -> None:
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


# What SimpleITK 2.5 reads of each name; "listed" names follow the header, one a line.
READ = [
    ("my scan.raw", ("my scan.raw",)),
    ("./x.raw", ("x.raw",)),
    ("sub/../x.raw", ("x.raw",)),
    ("../in/x.raw", ("x.raw",)),
    ("日本.raw", ("日本.raw",)),
    ("list.raw", ("list.raw",)),
    ("a.raw b.raw", ("a.raw b.raw",)),
    ("'q\".raw", ("'q\".raw",)),
    ("LIST\na 0.raw\nb.raw\nc.raw", ("a 0.raw", "b.raw", "c.raw")),
    ("LIST 2\n./a.raw\nb.raw\nc.raw", ("a.raw", "b.raw", "c.raw")),
    ("s%03d.raw 1 3 1", ("s001.raw", "s002.raw", "s003.raw")),
    ("./s%d.raw 0 4 2", ("s0.raw", "s2.raw", "s4.raw")),
]


@pytest.mark.parametrize(("pointed", "files"), READ, ids=[pointed for pointed, _ in READ])
@pytest.mark.parametrize("name", ["a.nhdr", "a.mhd"])
def test_data_files_are_named_as_simpleitk_reads_them(
    tmp_path: Path, sitk: Any, name: str, pointed: str, files: tuple[str, ...]
) -> None:
    """open-vv/vv#41, medInria/medInria-public#805."""
    folder = tmp_path / "in"
    (folder / "sub").mkdir(parents=True)
    raw = ZYX.tobytes()
    size = len(raw) // len(files)
    for k, file in enumerate(files):
        (folder / file).write_bytes(raw[k * size : (k + 1) * size])
    path = detached(folder / name, pointed)
    assert np.array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(path))), ZYX)
    assert np.array_equal(load(path).voxels, ZYX)
    (folder / files[-1]).unlink()
    refused(path, "missing")
    (folder / files[-1]).write_bytes(raw[: size - 1])
    refused(path, "truncated")


@pytest.mark.parametrize("name", ["a.nhdr", "a.mhd"])
def test_names_that_only_one_of_the_two_reads(tmp_path: Path, sitk: Any, name: str) -> None:
    for file in ("a%b.raw", "Local"):
        (tmp_path / file).write_bytes(ZYX.tobytes())
    nrrd_reads = name == "a.nhdr"  # a MetaImage hands the first to sprintf, and has its own voxels
    for file, code in (("a%b.raw", "header"), ("Local", "truncated")):
        path = detached(tmp_path / name, file)
        if nrrd_reads:
            assert np.array_equal(load(path).voxels, ZYX)
        else:
            refused(path, code)
    counted = detached(tmp_path / name, "s%d.raw")  # MetaIO counts from 1 to the last slice
    for k in range(3):
        (tmp_path / f"s{k + 1}.raw").write_bytes(ZYX[k].tobytes())
    if nrrd_reads:
        refused(counted, "header")
    else:
        assert np.array_equal(load(counted).voxels, ZYX)


@pytest.mark.parametrize(
    "pointed",
    [
        "LIST",
        "LIST\na.raw\na.raw",  # one too few: MetaIO would show what memory held
        "LIST\na.raw\na.raw\na.raw\na.raw",
        "LIST 3\na.raw",
        "LISTa.raw",
        "a%03d.raw 1 9 4 3",
        "a%s%d.raw 1 3 1",
        "a%d.raw 1 3 0",
        "a%d.raw 3 1 1",
        "a%d.raw x 3 1",
        "a%*d.raw 1 3 1",
    ],
)
@pytest.mark.parametrize("name", NAMES)
def test_other_lists_of_files_are_refused(tmp_path: Path, sitk: Any, name: str, pointed: str) -> None:
    (tmp_path / "a.raw").write_bytes(ZYX.tobytes())
    if "*" in pointed and name in ("a.nrrd", "a.nhdr"):
        refused(detached(tmp_path / name, pointed), "missing")  # to NRRD it is a plain name
    else:
        refused(detached(tmp_path / name, pointed), "header")


def test_a_list_that_ends_without_a_line_is_refused(tmp_path: Path, sitk: Any) -> None:
    """MetaIO drops its last name and leaves that slice as memory was."""
    path = detached(tmp_path / "a.mhd", "LIST\na.raw\na.raw\na.raw")
    (tmp_path / "a.raw").write_bytes(ZYX[0].tobytes())
    assert np.array_equal(load(path).voxels[2], ZYX[0])
    path.write_bytes(path.read_bytes().rstrip())
    refused(path, "header")


def test_names_on_a_list_stay_in_the_folder(tmp_path: Path, sitk: Any) -> None:
    (tmp_path / "in").mkdir()
    for place in ("a.raw", "in/a.raw", "in/b.raw"):
        (tmp_path / place).write_bytes(ZYX[0].tobytes())
    for name in ("a.nhdr", "a.mhd"):
        refused(detached(tmp_path / "in" / name, "LIST\na.raw\n../a.raw\nb.raw"), "outside")
        refused(detached(tmp_path / "in" / name, "../%d.raw 1 3 1"), "outside")
    refused(detached(tmp_path / "in" / "a.nhdr", "-"), "header")  # teem would read what is typed


LPS_SPACE = "space: left-posterior-superior"
UM = 'space units: "um" "um" "um"'


@pytest.mark.parametrize(
    ("lines", "spacing", "affine", "said"),
    [
        ([LPS_SPACE], (2, 3, 4), True, ""),
        ([LPS_SPACE, 'space units: "mm" "mm" "mm"'], (2, 3, 4), True, ""),
        ([LPS_SPACE, UM], (0.002, 0.003, 0.004), True, "unit converted"),  # Slicer/Slicer#7631
        ([LPS_SPACE, UM.replace("um", "µm")], (0.002, 0.003, 0.004), True, "unit converted"),
        ([LPS_SPACE, UM.replace("um", "microns")], (0.002, 0.003, 0.004), True, "unit converted"),
        ([LPS_SPACE, UM.replace("um", "cm")], (20, 30, 40), True, "unit converted"),
        ([LPS_SPACE, 'space units: "mm" "mm" "m"'], (2, 3, 4000), True, "unit converted"),
        ([LPS_SPACE, UM.replace("um", "parsec")], None, False, "does not know"),
        ([LPS_SPACE, "space origin:"], (2, 3, 4), False, "no origin"),
        ([LPS_SPACE, "space directions: (2,0,0) (0,3,0) none"], None, False, "none recorded"),
    ],
)
def test_units_of_nrrd(tmp_path: Path, sitk: Any, lines: list[str], spacing: Any, affine: bool, said: str) -> None:
    """NRRD's definition, "space units" and "units"; ITK takes every length for mm."""
    scan = load(nrrd(tmp_path / "a.nrrd", *lines))
    assert scan.spacing == (spacing and pytest.approx(spacing))
    assert scan.orientation == "LPS"
    check_mm(scan, affine, said)


def test_a_latin_micron_is_no_metre(tmp_path: Path, sitk: Any) -> None:
    path = nrrd(tmp_path / "a.nrrd", LPS_SPACE, UM.replace("um", "µm"))
    path.write_bytes(path.read_bytes().replace("µ".encode(), "µ".encode("latin-1")))
    assert load(path).spacing == pytest.approx((0.002, 0.003, 0.004))


@pytest.mark.parametrize(
    ("lines", "spacing", "said"),
    [
        ([], None, "none recorded"),
        (["spacings: 2 3 4"], (2, 3, 4), ""),
        (["spacings: 2 -3 4"], (2, 3, 4), ""),
        (["spacings: 2 nan 4"], None, "none recorded"),
        (["spacings: 2 3 4", 'units: "um" "um" "mm"'], (0.002, 0.003, 4), "unit converted"),
        (["spacings: 2 3 4", 'units: "furlong" "mm" "mm"'], None, "does not know"),
    ],
)
def test_nrrd_without_a_space(tmp_path: Path, sitk: Any, lines: list[str], spacing: Any, said: str) -> None:
    scan = load(nrrd(tmp_path / "a.nrrd", *lines, "space directions:", "space origin:"))
    assert scan.spacing == (spacing and pytest.approx(spacing))
    assert scan.orientation is None
    check_mm(scan, False, said)


OFFSET = {"Offset": "1 2 3"}


@pytest.mark.parametrize(
    ("fields", "spacing", "affine", "said"),
    [
        (OFFSET, (2, 3, 4), True, ""),
        ({"Position": "1 2 3"}, (2, 3, 4), True, ""),
        ({**OFFSET, "DistanceUnits": "mm"}, (2, 3, 4), True, ""),
        ({**OFFSET, "DistanceUnits": "?"}, (2, 3, 4), True, ""),
        ({**OFFSET, "DistanceUnits": "um"}, (0.002, 0.003, 0.004), True, "unit converted"),
        ({**OFFSET, "DistanceUnits": "cm"}, (20, 30, 40), True, "unit converted"),
        ({**OFFSET, "DistanceUnits": "ell"}, None, False, "does not know"),
        ({**OFFSET, "ElementSpacing": ""}, None, False, "none recorded"),
        ({**OFFSET, "ElementSpacing": "", "ElementSize": "5 6 7"}, (5, 6, 7), True, ""),
        ({}, (2, 3, 4), False, "no origin"),
    ],
)
def test_units_of_metaimage(
    tmp_path: Path, sitk: Any, fields: dict[str, str], spacing: Any, affine: bool, said: str
) -> None:
    """MetaIO, metaTypes.h: "?", "um", "mm", "cm"."""
    scan = load(meta(tmp_path / "a.mha", **fields))
    assert scan.spacing == (spacing and pytest.approx(spacing))
    assert scan.orientation == "LPS"
    check_mm(scan, affine, said)


def check_mm(scan: Scan, affine: bool, said: str) -> None:
    """Millimetres are those of the file or refused, and the warnings say why."""
    box = Box3D(0, 0, 0, 1, 1, 1, space=scan.space)
    if affine:
        half = np.array(scan.spacing) / 2
        assert np.allclose(np.ptp(box.to_mm(), axis=0), 2 * half)
    else:
        with pytest.raises(MissingMetadataError):
            box.to_mm()
    notes = [note for note in scan.warnings if not note.startswith(("window", "orientation: no pa"))]
    assert bool(notes) == bool(said) and all(said in note for note in notes[:1]), notes


@pytest.mark.parametrize("first", ['""', '"s"'])
def test_units_of_a_list_of_volumes_are_those_of_its_space(tmp_path: Path, sitk: Any, first: str) -> None:
    path = nrrd(
        tmp_path / "a.nrrd",
        "dimension: 4",
        "sizes: 2 5 4 3",
        "space directions:",
        "space origin:",
        "spacings: nan 2 3 4",
        "kinds: list domain domain domain",
        f'units: {first} "um" "mm" "cm"',
        data=np.stack([ZYX, ZYX + 7], axis=-1).tobytes(),
    )
    scan = load(path, frame=1)
    assert np.array_equal(scan.voxels, ZYX + 7)
    assert scan.spacing == pytest.approx((0.002, 3, 40))


def test_directions_without_millimetres_still_turn_the_picture(tmp_path: Path, sitk: Any) -> None:
    """Patient right is on the image's left whether or not the file says how large a voxel is."""
    rendering = Rendering(frame=None, depth=3)
    matrix = {"TransformMatrix": "-1 0 0 0 0 -1 0 1 0"}  # x to the right, y to the feet, z to the back
    full = load(meta(tmp_path / "a.mha", **matrix, **OFFSET))
    bare = load(meta(tmp_path / "b.mha", **matrix, ElementSpacing=""))
    assert (full.orientation, bare.orientation, bare.affine) == ("RIP", "RIP", None)
    for plane in ("axial", "coronal", "sagittal"):
        shown = [render(scan.shown(plane=plane), rendering) for scan in (full, bare)]
        assert all(map(np.array_equal, shown[0].frames, shown[1].frames))
        assert shown[0].geometry.flips == shown[1].geometry.flips
    assert load(bare, slices=slice(None, None, -1)).orientation == "RIA"
    one = load(meta(tmp_path / "c.mha", ZYX[:1].tobytes(), ElementSpacing="", DimSize="5 4 1"))
    assert (one.size, one.orientation) == ((5, 4), "LP")


@pytest.mark.parametrize(
    ("lines", "codes"),
    [
        (["sizes: 30000 30000 30000"], ("header_dims",)),
        (["sizes: 500 500 500"], ("truncated",)),
        (["sizes: 0 4 3"], ("truncated", "header_dims")),
        (["sizes: -5 4 3"], ("truncated", "header_dims")),
        (["encoding: bzip2"], ("header",)),
        (["type: block", "block size: 4"], ("truncated", "complex")),
        (["data file: a.raw", "datafile: /etc/passwd"], ("header",)),
        (["space directions: (0,0,0) (0,3,0) (0,0,4)"], ("truncated", "affine")),
    ],
)
def test_nrrd_headers_that_lie(tmp_path: Path, sitk: Any, lines: list[str], codes: tuple[str, ...]) -> None:
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
def test_meta_headers_that_lie(tmp_path: Path, sitk: Any, fields: dict[str, str], codes: tuple[str, ...]) -> None:
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
def test_without_the_extra_its_command_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
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


@pytest.mark.parametrize("name", ["a.nrrd", "a.mha"])
def test_numbers_in_digits_take_less_room_than_in_memory(tmp_path: Path, sitk: Any, name: str) -> None:
    nrrd = "NRRD0004\ntype: double\ndimension: 3\nsizes: 4 3 2\nencoding: ascii\n\n"
    meta = "NDims = 3\nDimSize = 4 3 2\nElementType = MET_DOUBLE\nBinaryData = False\n"
    head = nrrd if name == "a.nrrd" else f"{meta}ElementDataFile = LOCAL\n"
    values = np.arange(24) % 10
    (tmp_path / name).write_text(head + " ".join(map(str, values)) + "\n")
    assert load(tmp_path / name).voxels.ravel().tolist() == values.tolist()
    (tmp_path / name).write_text(head + " ".join(map(str, values[:-1])) + "\n")
    with pytest.raises(InputError) as caught:
        load(tmp_path / name)
    assert caught.value.code == "truncated"
