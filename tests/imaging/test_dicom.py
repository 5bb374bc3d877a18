"""DICOM films: units, spacing, colours, orientation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.uid import ImplicitVRLittleEndian

from umit.errors import MissingMetadataError
from umit.geometry import Box2D
from umit.imaging.read import load
from umit.imaging.view import Rendering, render

FILM = np.random.default_rng(9).integers(0, 4096, (6, 8)).astype(np.uint16)
NEEDS_12 = {"BitsStored": 12, "HighBit": 11}


def test_signed_hu(dicom: Any, tmp_path: Path) -> None:
    stored = np.array([[0, 1024, 3000]], np.int16)
    path = dicom.film(tmp_path, stored, Modality="CT", RescaleSlope="1", RescaleIntercept="-1024")
    scan = load(path)
    assert scan.voxels.tolist() == [[[-1024, 0, 1976]]]
    assert (scan.modality, scan.voxels.dtype, scan.window) == ("CT", np.int16, (-160, 240))
    shown = render(load(path, window=(0, 2000)), Rendering(frame=None, min_pixels=784)).frames[0]
    assert (shown[0, 0, 0], shown[0, -1, 0]) == (0, 255)


def test_other_slopes_are_floats(dicom: Any, tmp_path: Path) -> None:
    scan = load(dicom.film(tmp_path, FILM, RescaleSlope="0.5", RescaleIntercept="3"))
    assert np.array_equal(scan.voxels[0], FILM.astype(np.float32) / 2 + 3)
    big = load(dicom.film(tmp_path, FILM, RescaleSlope="100", RescaleIntercept="0"))
    assert np.array_equal(big.voxels[0], FILM.astype(np.int32) * 100)


def test_a_slope_of_nothing_keeps_what_is_stored(dicom: Any, tmp_path: Path) -> None:
    scan = load(dicom.film(tmp_path, FILM, RescaleSlope="0", RescaleIntercept="-1000"))
    assert np.array_equal(scan.voxels[0], FILM)
    assert "values: RescaleSlope is 0, the stored numbers are kept" in scan.warnings


def test_monochrome1_is_inverted_after_the_window(dicom: Any, tmp_path: Path) -> None:
    fields = {"WindowCenter": 1000.5, "WindowWidth": 2001}
    one = load(dicom.film(tmp_path, FILM, PhotometricInterpretation="MONOCHROME1", **fields))
    two = load(dicom.film(tmp_path, 2000 - np.minimum(FILM, 2000), **fields))
    assert one.inverted
    assert np.array_equal(one.voxels[0], FILM)
    shown = Rendering(frame=None, min_pixels=784)
    difference = render(one, shown).frames[0].astype(int) - render(two, shown).frames[0]
    assert np.abs(difference).max() <= 1  # halves are rounded up either way


def test_few_bits_fill_the_range(dicom: Any, tmp_path: Path) -> None:
    scan = load(dicom.film(tmp_path, np.array([[0, 1], [2, 3]], np.uint8), BitsStored=2, HighBit=1))
    assert scan.window == (0, 3)


@pytest.mark.parametrize(
    ("fields", "expected", "said"),
    [
        ({"PixelSpacing": [0.5, 0.25]}, (0.25, 0.5), False),  # (rows, columns) in the file
        ({"ImagerPixelSpacing": [0.5, 0.25]}, (0.25, 0.5), True),
        ({"PixelSpacing": [1, 2], "ImagerPixelSpacing": [3, 4]}, (2, 1), False),
        ({"PixelSpacing": [0, 0]}, None, False),
        ({}, None, False),
    ],
)
def test_spacing(
    dicom: Any, tmp_path: Path, fields: dict[str, Any], expected: tuple[float, float] | None, said: bool
) -> None:
    scan = load(dicom.film(tmp_path, FILM, **fields))
    assert scan.spacing == expected
    assert any("ImagerPixelSpacing" in note for note in scan.warnings) == said


def test_colours(dicom: Any, tmp_path: Path) -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8)
    assert np.array_equal(load(dicom.film(tmp_path, rgb)).voxels[0], rgb)
    planes = dicom.header(rgb, PlanarConfiguration=1, PixelData=rgb.transpose(2, 0, 1).tobytes())
    assert np.array_equal(load(dicom.saved(tmp_path / "p.dcm", planes)).voxels[0], rgb)
    grey = np.full((2, 2, 3), (100, 128, 128), np.uint8)
    ybr = load(dicom.film(tmp_path, grey, PhotometricInterpretation="YBR_FULL"))
    assert np.unique(ybr.voxels).tolist() == [100]
    deep = load(dicom.film(tmp_path, rgb.astype(np.uint16) * 256))
    assert np.array_equal(deep.voxels[0], rgb)


def test_palettes(dicom: Any, tmp_path: Path) -> None:
    data = dicom.header(np.array([[0, 1], [1, 0]], np.uint8), PhotometricInterpretation="PALETTE COLOR")
    for name, values in (("Red", (10, 40)), ("Green", (20, 50)), ("Blue", (30, 60))):
        setattr(data, f"{name}PaletteColorLookupTableDescriptor", [2, 0, 16])
        data[f"{name}PaletteColorLookupTableDescriptor"].VR = "US"
        table = (np.array(values, "<u2") * 256).tobytes()
        setattr(data, f"{name}PaletteColorLookupTableData", table)
    data.BitsStored, data.HighBit = 8, 7
    scan = load(dicom.saved(tmp_path / "p.dcm", data))
    assert scan.voxels[0, 0].tolist() == [[10, 20, 30], [40, 50, 60]]


@pytest.mark.parametrize(
    ("stored", "fields", "expected"),
    [
        ([0xF001, 0x5002, 4095], {"BitsStored": 12, "HighBit": 11}, [1, 2, 4095]),
        ([0xF001, 0x0800], {"BitsStored": 12, "HighBit": 11, "PixelRepresentation": 1}, [1, -2048]),
        ([1 << 4, 4095 << 4], {"BitsStored": 12, "HighBit": 15}, [1, 4095]),
        ([0xFFF5], {"BitsStored": 12, "HighBit": 15, "PixelRepresentation": 1}, [-1]),
        ([0x8001, 0x0001], {"BitsStored": 15, "HighBit": 14, "OverlayBitPosition": 15}, [1, 1]),
    ],
    ids=["garbage", "garbage and sign", "high samples", "high and signed", "overlay"],
)
def test_only_the_stored_bits_count(
    dicom: Any, tmp_path: Path, stored: list[int], fields: dict[str, int], expected: list[int]
) -> None:
    overlay = {name: fields[name] for name in fields if name == "OverlayBitPosition"}
    data = dicom.header(np.array([stored], np.uint16))
    for name in fields.keys() - overlay:
        setattr(data, name, fields[name])
    for place in overlay.values():
        data.add_new(0x60000010, "US", 1)
        data.add_new(0x60000011, "US", len(stored))
        data.add_new(0x60000100, "US", 16)
        data.add_new(0x60000102, "US", place)
    assert load(dicom.saved(tmp_path / "film.dcm", data)).voxels[0, 0].tolist() == expected


# PS3.3 C.7.5.1.1.2: padding is no part of the picture, and a display shows it as background.
@pytest.mark.parametrize("kind", ["MONOCHROME2", "MONOCHROME1"])
@pytest.mark.parametrize(
    ("stored", "fields", "value", "padded"),
    [
        (np.int16([[-2000, 40, 90, 40]]), {}, -2000, [-2000.0]),
        (np.int16([[-2000, 40, 90, 40]]), {}, 63536, [-2000.0]),  # the same bits, written as US
        # What its 12 bits cannot hold is the number that all 16 spell with a sign.
        (np.uint16([[63536, 40, 90, 40]]), NEEDS_12, 63536, [-2000.0]),
        (np.uint16([[63536, 40, 90, 40]]), NEEDS_12, -2000, [-2000.0]),
        (np.uint16([[63536, 40, 90, 40]]), {}, 63536, [63536.0]),
        (np.uint8([[0, 5, 9, 0]]), {}, 0, [0.0]),  # a label map's background
        (np.int16([[-2000, 40, 90, 40]]), {"RescaleSlope": 2, "RescaleIntercept": 1}, -2000, [-3999.0]),
    ],
    ids=["signed", "as unsigned", "12 bits", "12 bits signed", "16 bits", "labels", "rescaled"],
)
def test_padding_stays_as_stored_and_is_shown_darkest(
    dicom: Any, tmp_path: Path, stored: NDArray[Any], fields: dict[str, Any], value: int, padded: list[float], kind: str
) -> None:
    data = dicom.header(stored, PhotometricInterpretation=kind, **fields)
    data.add_new("PixelPaddingValue", "SS" if value < 0 else "US", value)
    scan = load(dicom.saved(tmp_path / "film.dcm", data))
    slope, intercept = fields.get("RescaleSlope", 1), fields.get("RescaleIntercept", 0)
    numbers = stored.view(np.int16) if "BitsStored" in fields else stored
    assert np.array_equal(scan.voxels[0], numbers.astype(int) * slope + intercept)
    assert scan.padding == ((padded[0], padded[0]),)
    assert any("PixelPaddingValue" in note for note in scan.warnings)
    shown = render(scan, Rendering(frame=None)).frames[0][0, :, 0]
    assert shown[0] == 0
    assert len(set(shown.tolist())) > 1
    full = load(tmp_path / "film.dcm", window="full").window
    assert full is None or full[0] == 40 * slope + intercept or stored.dtype == np.uint8


def test_a_range_of_padding(dicom: Any, tmp_path: Path) -> None:
    data = dicom.header(np.int16([[-2000, 40, 90]]))
    data.add_new("PixelPaddingValue", "SS", -2000)
    data.add_new("PixelPaddingRangeLimit", "SS", 40)
    assert load(dicom.saved(tmp_path / "film.dcm", data)).padding == ((-2000.0, 40.0),)
    data.add_new("PixelPaddingRangeLimit", "SS", 100)  # nothing would be left
    assert load(dicom.saved(tmp_path / "film.dcm", data)).padding == ()


def test_implicit_files_know_the_kind_of_their_numbers(dicom: Any, tmp_path: Path) -> None:
    data = dicom.header(np.array([[-2000, 40, 90]], np.int16), PixelPaddingValue=-2000)
    data["PixelPaddingValue"].VR = "SS"
    data.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    assert load(dicom.saved(tmp_path / "film.dcm", data)).padding == ((-2000.0, -2000.0),)


def test_whole_numbers_do_not_overflow(dicom: Any, tmp_path: Path) -> None:
    stored = np.array([[1, 2**32 - 1]], np.uint32)
    scan = load(dicom.film(tmp_path, stored, RescaleSlope="3", RescaleIntercept="0"))
    assert scan.voxels[0, 0].tolist() == [3, 3 * (2**32 - 1)]


def test_floating_pixels(dicom: Any, tmp_path: Path) -> None:
    data = dicom.header(np.array([[0, 1]], np.uint32))
    del data.PixelData, data.BitsStored, data.HighBit, data.PixelRepresentation
    data.FloatPixelData = np.array([[0.5, -3.25]], np.float32).tobytes()
    scan = load(dicom.saved(tmp_path / "film.dcm", data))
    assert scan.voxels[0].tolist() == [[0.5, -3.25]]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"RescaleSlope": "1", "RescaleIntercept": "-1024"}, False),
        ({"RescaleSlope": "1", "RescaleIntercept": "0", "RescaleType": "HU"}, False),
        ({"RescaleSlope": "1", "RescaleIntercept": "0", "RescaleType": "MGML"}, True),
        ({}, True),
    ],
)
def test_ct_that_may_not_be_in_hu(dicom: Any, tmp_path: Path, fields: dict[str, Any], said: bool) -> None:
    scan = load(dicom.film(tmp_path, FILM, Modality="CT", **fields))
    assert any("does not say that they are HU" in note for note in scan.warnings) == said


AT_DETECTOR = "spacing: from PixelSpacing, at the detector and not in the body"


@pytest.mark.parametrize(
    ("fields", "expected", "notes"),
    [
        ({"PixelSpacing": [1, 2], "ImagerPixelSpacing": [1, 2]}, (2, 1), [AT_DETECTOR]),
        (
            {"PixelSpacing": [1, 2], "PixelSpacingCalibrationType": "GEOMETRY"},
            (2, 1),
            ["spacing: from PixelSpacing, calibrated by geometry"],
        ),
        (
            {"NominalScannedPixelSpacing": [1, 2]},
            (2, 1),
            ["spacing: from NominalScannedPixelSpacing, on the paper or film scanned"],
        ),
        (
            {"PixelSpacing": [0, 1], "ImagerPixelSpacing": [1, 2]},
            (2, 1),
            [
                "spacing: PixelSpacing is not two positive numbers, passed over",
                "spacing: from ImagerPixelSpacing, at the detector and not in the body",
            ],
        ),
    ],
)
def test_the_source_of_spacing_is_said(
    dicom: Any, tmp_path: Path, fields: dict[str, Any], expected: tuple[int, int], notes: list[str]
) -> None:
    scan = load(dicom.film(tmp_path, FILM, **fields))
    assert scan.spacing == expected
    assert [note for note in scan.warnings if note.startswith("spacing")] == notes


def test_without_spacing_there_are_no_millimetres(dicom: Any, tmp_path: Path) -> None:
    box = Box2D(1, 1, 3, 3, space=load(dicom.film(tmp_path, FILM)).space)
    with pytest.raises(MissingMetadataError):
        box.to_mm()


def test_ybr_of_half_width(dicom: Any, tmp_path: Path) -> None:
    data = dicom.header(np.zeros((2, 4, 3), np.uint8))
    data.PhotometricInterpretation = "YBR_FULL_422"
    grey = np.arange(8, dtype=np.uint8).reshape(4, 2) * 30
    pairs = np.hstack([grey, np.full((4, 2), 128, np.uint8)])  # Y Y Cb Cr
    data.PixelData = pairs.tobytes()
    scan = load(dicom.saved(tmp_path / "film.dcm", data))
    assert np.array_equal(scan.voxels[0, ..., 1].ravel(), grey.ravel())
    assert np.array_equal(scan.voxels[0, ..., 0], scan.voxels[0, ..., 2])


# Films: patient right on the picture's left, head on top, however they were stored.


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"PatientOrientation": ["L", "F"]}, "LI"),
        ({"PatientOrientation": ["R", "F"]}, "RI"),  # mirrored
        ({"PatientOrientation": ["LH", "FL"]}, "LI"),
        ({"PatientOrientation": ["F", "L"]}, "IL"),  # turned
        ({"PatientOrientation": ["P", "F"]}, "PI"),
        ({"PatientOrientation": ["L", "R"]}, None),
        ({"PatientOrientation": "L"}, None),
        ({"PatientOrientation": ["X", "F"]}, None),
        ({"ImageOrientationPatient": [-1, 0, 0, 0, -1, 0]}, "RA"),  # lying on the belly
        ({"ImageOrientationPatient": [0, 1, 0, 0, 0, -1]}, "PI"),
        ({"ImageOrientationPatient": [0.7, 0.72, 0, -0.72, 0.7, 0]}, "PR"),
        ({"ImageOrientationPatient": [0, 0, 0, 0, 0, 0]}, None),
        ({}, None),
    ],
)
def test_directions(dicom: Any, tmp_path: Path, fields: dict[str, Any], expected: str | None) -> None:
    scan = load(dicom.film(tmp_path, FILM, **fields))
    assert (scan.directions, scan.orientation) == (expected, expected)
    assert np.array_equal(scan.voxels[0], FILM)


def test_directions_that_disagree_are_said(dicom: Any, tmp_path: Path) -> None:
    fields = {"ImageOrientationPatient": [1, 0, 0, 0, 0, -1]}
    scan = load(dicom.film(tmp_path, FILM, PatientOrientation=["R", "F"], **fields))
    assert scan.directions == "LI"
    assert any("disagree" in note for note in scan.warnings)
    scan = load(dicom.film(tmp_path, FILM, PatientOrientation=["L", "F"], **fields))
    assert not any("disagree" in note for note in scan.warnings)


@pytest.mark.parametrize("turned", ["LI", "RI", "LS", "RS", "IL", "SL", "IR", "SR"])
def test_a_film_stored_in_any_way_is_shown_in_one(dicom: Any, tmp_path: Path, turned: str) -> None:
    across = "L" in turned[0] or "R" in turned[0]
    pixels = FILM if across else FILM.T
    pixels = pixels[:, ::-1] if turned[0] in "RS" else pixels
    pixels = pixels[::-1] if turned[1] in "RS" else pixels
    words = [letter.translate(str.maketrans("SI", "HF")) for letter in turned]
    fields = {"WindowCenter": 2048, "WindowWidth": 4096}
    path = dicom.film(tmp_path, np.ascontiguousarray(pixels), PatientOrientation=words, **fields)
    (tmp_path / "hung").mkdir()
    hung = dicom.film(tmp_path / "hung", FILM, PatientOrientation=["L", "F"], **fields)
    rendering = Rendering(frame=None, min_pixels=784)
    shown, wanted = render(load(path), rendering), render(load(hung), rendering)
    assert np.array_equal(shown.frames[0], wanted.frames[0])
    box = shown.box_to_source((1, 2, 3, 5))
    x1, y1, x2, y2 = map(int, box.corners)
    assert sorted(pixels[y1:y2, x1:x2].ravel()) == sorted(FILM[2:5, 1:3].ravel())


SAMPLES = {
    "CT_small.dcm": ("CT", (128, 128), (0.661468, 0.661468), False),
    "MR_small.dcm": ("MR", (64, 64), (0.3125, 0.3125), False),
    "RG3_J2KI.dcm": ("CR", (1760, 1760), None, True),
    "SC_rgb_jpeg_baseline.dcm": ("OT", (100, 100), (1, 1), False),
    "vlut_04.dcm": ("OT", (512, 512), None, False),
}


@pytest.mark.shared
def test_every_sample(shared: Path) -> None:
    files = sorted((shared / "samples/dicom").glob("*.dcm"))
    assert [path.name for path in files] == sorted(SAMPLES)
    for path in files:
        scan = load(path)
        found = (scan.modality, scan.size, scan.spacing, scan.inverted)
        assert found == SAMPLES[path.name]
        assert render(scan, Rendering(frame=None)).frames[0].std() > 5
    assert load(files[0]).voxels.min() >= -1024


def test_an_impossible_padding_hides_no_grey_level(dicom: Any, tmp_path: Path) -> None:
    # 65535 in 8 bits is not 255, the brightest.
    data = dicom.header(np.array([[0, 255, 90]], np.uint8))
    data.add_new("PixelPaddingValue", "US", 65535)
    assert load(dicom.saved(tmp_path / "film.dcm", data)).padding == ()


def test_padding_of_one_slice_hides_no_value_of_another(dicom: Any, tmp_path: Path) -> None:
    # PET slices have slopes of their own: 5 is padding in each, and 10 is a value of the first.
    stack = np.arange(20, 68, dtype=np.int16).reshape(2, 4, 6)
    stack[:, 0, 0] = 5

    def change(k: int, data: Any) -> None:
        data.RescaleIntercept, data.RescaleSlope = 0, k + 1
        data.add_new("PixelPaddingValue", "SS", 5)

    stack[0, 1, 1] = 10
    scan = load(dicom.series(tmp_path / "pet", stack, change))
    assert scan.padding == ((5.0, 5.0),)
    assert "values: what stands for padding in some slices is a value of others, kept" in (scan.warnings)
    stack[0, 1, 1] = 11
    scan = load(dicom.series(tmp_path / "again", stack, change))
    assert scan.padding == ((5.0, 5.0), (10.0, 10.0))


def test_frames_of_single_bits_start_where_the_last_one_ends(dicom: Any, tmp_path: Path) -> None:
    # PS3.5 8.1.1: no padding between frames, whatever their size.
    frames = np.random.default_rng(1).integers(0, 2, (3, 3, 5)).astype(np.uint8)
    bits = {"BitsAllocated": 1, "BitsStored": 1, "HighBit": 0, "NumberOfFrames": 3}
    data = dicom.header(frames, **bits)
    data.PixelData = np.packbits(frames.ravel(), bitorder="little").tobytes()
    path = dicom.saved(tmp_path / "bits.dcm", data)
    assert all(np.array_equal(load(path, frame=k).voxels[0], frames[k]) for k in range(3))


@pytest.mark.parametrize(
    ("stored", "shape", "told"),
    [
        ("MONOCHROME2", "INVERSE", True),
        ("MONOCHROME1", "IDENTITY", True),
        ("MONOCHROME2", "IDENTITY", False),
        ("MONOCHROME1", "INVERSE", False),
    ],
)
def test_a_contradicting_shape_is_told(dicom: Any, tmp_path: Path, stored: str, shape: str, told: bool) -> None:
    fields = {"PhotometricInterpretation": stored, "PresentationLUTShape": shape}
    scan = load(dicom.film(tmp_path, np.arange(9, dtype=np.uint16).reshape(3, 3), **fields))
    assert any("PresentationLUTShape disagrees" in note for note in scan.warnings) == told
    assert scan.inverted == (stored == "MONOCHROME1")
