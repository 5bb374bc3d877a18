"""DICOM: units, windows, spacing, frames, series; and nobody's name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import Dataset, FileDataset, Sequence, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    JPEGLSLossless,
    generate_uid,
)

from umit.errors import InputError, MissingMetadataError, UMITError, UnsupportedFormatError
from umit.geometry import Box3D
from umit.imaging.read import load
from umit.imaging.view import Rendering, render

CANARY = "ZZPATIENT^CANARY"
SERIES = generate_uid()
FILM = np.random.default_rng(9).integers(0, 4096, (6, 8)).astype(np.uint16)


def header(pixels: NDArray[Any], **fields: Any) -> FileDataset:
    """A DICOM object around some pixels, with a patient in it."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    data = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    data.PatientName = data.PatientID = CANARY
    data.SOPClassUID, data.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
    data.SeriesInstanceUID = SERIES
    data.Modality = "OT"
    colour = pixels.ndim > 2 and pixels.shape[-1] == 3
    data.SamplesPerPixel = 3 if colour else 1
    data.PhotometricInterpretation = "RGB" if colour else "MONOCHROME2"
    if colour:
        data.PlanarConfiguration = 0
    data.Rows, data.Columns = pixels.shape[-3:-1] if colour else pixels.shape[-2:]
    data.BitsAllocated = data.BitsStored = 8 * pixels.itemsize
    data.HighBit = data.BitsStored - 1
    data.PixelRepresentation = int(pixels.dtype.kind == "i")
    data.PixelData = pixels.tobytes() + b"\0" * (pixels.nbytes % 2)
    data["PixelData"].VR = "OW" if pixels.itemsize > 1 else "OB"
    for name, value in fields.items():
        setattr(data, name, value)
    return data


def saved(path: Path, data: FileDataset) -> Path:
    data.save_as(path, enforce_file_format=True)
    return path


def film(path: Path, pixels: NDArray[Any] = FILM, **fields: Any) -> Path:
    return saved(path / "film.dcm", header(pixels, **fields))


def test_signed_hu(tmp_path: Path) -> None:
    stored = np.array([[0, 1024, 3000]], np.int16)
    path = film(tmp_path, stored, Modality="CT", RescaleSlope="1", RescaleIntercept="-1024")
    scan = load(path)
    assert scan.voxels.tolist() == [[[-1024, 0, 1976]]]
    assert (scan.modality, scan.voxels.dtype, scan.window) == ("CT", np.int16, (-160, 240))
    shown = render(load(path, window=(0, 2000)), Rendering(frame=None, min_pixels=784)).frames[0]
    assert (shown[0, 0, 0], shown[0, -1, 0]) == (0, 255)


def test_other_slopes_are_floats(tmp_path: Path) -> None:
    scan = load(film(tmp_path, RescaleSlope="0.5", RescaleIntercept="3"))
    assert np.array_equal(scan.voxels[0], FILM.astype(np.float32) / 2 + 3)
    big = load(film(tmp_path, RescaleSlope="100", RescaleIntercept="0"))
    assert np.array_equal(big.voxels[0], FILM.astype(np.int32) * 100)


def test_a_slope_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load(film(tmp_path, RescaleSlope="0", RescaleIntercept="0"))
    assert caught.value.code == "malformed"


@pytest.mark.parametrize(
    ("fields", "window", "expected"),
    [
        ({"WindowCenter": 50, "WindowWidth": 101}, None, (-0.5, 99.5)),  # PS3.3 C.11.2.1.2.1
        ({"WindowCenter": [50, 10], "WindowWidth": [101, 5]}, None, (-0.5, 99.5)),
        ({"WindowCenter": [50, 10], "WindowWidth": [101, 5]}, 1, (7.5, 11.5)),
        (
            {"WindowCenter": 50, "WindowWidth": 100, "VOILUTFunction": "LINEAR_EXACT"},
            None,
            (0, 100),
        ),
        ({"WindowCenter": 50, "WindowWidth": 100}, (7, 2), (6, 8)),
        ({"WindowCenter": 50, "WindowWidth": 0}, (7, 2), (6, 8)),
        ({"WindowCenter": 50, "WindowWidth": 100}, "brain", (0, 80)),
        ({"WindowCenter": 50, "WindowWidth": 1}, None, (49.5, 49.5)),
    ],
)
def test_windows(
    tmp_path: Path, fields: dict[str, Any], window: Any, expected: tuple[float, float]
) -> None:
    assert load(film(tmp_path, **fields), window=window).window == expected


@pytest.mark.parametrize(
    ("fields", "window"),
    [
        ({"WindowCenter": 50, "WindowWidth": 0}, None),
        ({"WindowCenter": 50, "WindowWidth": 100}, 1),
        ({"WindowCenter": 50, "WindowWidth": 100}, -1),
        ({}, 0),
    ],
)
def test_bad_windows(tmp_path: Path, fields: dict[str, Any], window: Any) -> None:
    with pytest.raises(InputError) as caught:
        load(film(tmp_path, **fields), window=window)
    assert (caught.value.code, caught.value.where) == ("window", "film.dcm")


@pytest.mark.parametrize("first", [0, 2000])
@pytest.mark.parametrize("bits", [8, 12])
def test_the_look_up_table_wins_over_the_window(tmp_path: Path, bits: int, first: int) -> None:
    item = Dataset()
    table = np.linspace(0, 2**bits - 1, 1000).round().astype(int)[::-1]
    item.LUTDescriptor = [1000, first, bits]
    item.LUTData = table.tolist()
    item["LUTDescriptor"].VR = item["LUTData"].VR = "US"
    fields = {"WindowCenter": 50, "WindowWidth": 100, "VOILUTSequence": Sequence([item])}
    path = film(tmp_path, **fields)
    scan = load(path)
    expected = table[np.clip(FILM.astype(int) - first, 0, 999)]
    assert np.array_equal(scan.voxels[0], expected)
    assert scan.window == (0, 2**bits - 1)
    assert "window: VOI look-up table applied" in scan.warnings
    assert np.array_equal(load(path, window=(50, 100)).voxels[0], FILM)


def test_monochrome1_is_inverted_after_the_window(tmp_path: Path) -> None:
    fields = {"WindowCenter": 1000.5, "WindowWidth": 2001}
    one = load(film(tmp_path, PhotometricInterpretation="MONOCHROME1", **fields))
    two = load(film(tmp_path, 2000 - np.minimum(FILM, 2000), **fields))
    assert one.inverted
    assert np.array_equal(one.voxels[0], FILM)
    shown = Rendering(frame=None, min_pixels=784)
    difference = render(one, shown).frames[0].astype(int) - render(two, shown).frames[0]
    assert np.abs(difference).max() <= 1  # halves are rounded up either way


def test_few_bits_fill_the_range(tmp_path: Path) -> None:
    scan = load(film(tmp_path, np.array([[0, 1], [2, 3]], np.uint8), BitsStored=2, HighBit=1))
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
    tmp_path: Path, fields: dict[str, Any], expected: tuple[float, float] | None, said: bool
) -> None:
    scan = load(film(tmp_path, **fields))
    assert scan.spacing == expected
    assert any("ImagerPixelSpacing" in note for note in scan.warnings) == said


def test_colours(tmp_path: Path) -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8)
    assert np.array_equal(load(film(tmp_path, rgb)).voxels[0], rgb)
    planes = header(rgb, PlanarConfiguration=1, PixelData=rgb.transpose(2, 0, 1).tobytes())
    assert np.array_equal(load(saved(tmp_path / "p.dcm", planes)).voxels[0], rgb)
    grey = np.full((2, 2, 3), (100, 128, 128), np.uint8)
    ybr = load(film(tmp_path, grey, PhotometricInterpretation="YBR_FULL"))
    assert np.unique(ybr.voxels).tolist() == [100]
    deep = load(film(tmp_path, rgb.astype(np.uint16) * 256))
    assert np.array_equal(deep.voxels[0], rgb)


def test_palettes(tmp_path: Path) -> None:
    data = header(np.array([[0, 1], [1, 0]], np.uint8), PhotometricInterpretation="PALETTE COLOR")
    for name, values in (("Red", (10, 40)), ("Green", (20, 50)), ("Blue", (30, 60))):
        setattr(data, f"{name}PaletteColorLookupTableDescriptor", [2, 0, 16])
        data[f"{name}PaletteColorLookupTableDescriptor"].VR = "US"
        table = (np.array(values, "<u2") * 256).tobytes()
        setattr(data, f"{name}PaletteColorLookupTableData", table)
    data.BitsStored, data.HighBit = 8, 7
    scan = load(saved(tmp_path / "p.dcm", data))
    assert scan.voxels[0, 0].tolist() == [[10, 20, 30], [40, 50, 60]]


def test_big_endian(tmp_path: Path) -> None:
    data = header(FILM)
    data.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    data.PixelData = FILM.astype(">u2").tobytes()
    path = tmp_path / "b.dcm"
    dcmwrite(path, data, implicit_vr=False, little_endian=False, force_encoding=True)
    assert np.array_equal(load(path).voxels[0], FILM)


def _drop(*names: str) -> Callable[[FileDataset], None]:
    def change(data: FileDataset) -> None:
        for name in names:
            delattr(data, name)

    return change


def _short(data: FileDataset) -> None:
    data.PixelData = data.PixelData[:20]


def _huge(data: FileDataset) -> None:
    data.Rows = data.Columns = 65535


def _jpeg_ls(data: FileDataset) -> None:
    from pydicom.encaps import encapsulate

    data.file_meta.TransferSyntaxUID = JPEGLSLossless
    data.PixelData = encapsulate([bytes(64)])
    data["PixelData"].VR = "OB"


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
        (_drop("PhotometricInterpretation"), "truncated"),
        (_photometric, "photometric"),
        (_jpeg_ls, "codec_missing"),
    ],
)
def test_damaged_files(tmp_path: Path, change: Callable[[FileDataset], None], code: str) -> None:
    data = header(FILM)
    change(data)
    with pytest.raises(InputError) as caught:
        load(saved(tmp_path / "film.dcm", data))
    assert caught.value.where == "film.dcm"
    assert caught.value.code in (code, "malformed", "photometric")
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize(("levels", "fine"), [(50, True), (400, False), (20000, False)])
def test_sequences_in_sequences(tmp_path: Path, levels: int, fine: bool) -> None:
    path = film(tmp_path)
    before, pixels, after = path.read_bytes().partition(b"\xe0\x7f\x10\x00OW")
    opened = b"\x40\x00\x75\x02SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    closed = b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
    path.write_bytes(before + opened * levels + closed * levels + pixels + after)
    if fine:
        assert np.array_equal(load(path).voxels[0], FILM)
        return
    with pytest.raises(InputError) as caught:
        load(path)
    assert caught.value.code == "malformed"


def test_more_pixels_than_said_are_read_and_said(tmp_path: Path) -> None:
    scan = load(film(tmp_path, PixelData=FILM.tobytes() + bytes(64)))
    assert np.array_equal(scan.voxels[0], FILM)
    assert "DICOM: the pixel data is longer than its header says" in scan.warnings


def test_cut_files_and_files_without_preamble(tmp_path: Path) -> None:
    whole = film(tmp_path).read_bytes()
    for size in (140, 300, len(whole) - 10):
        (tmp_path / "cut.dcm").write_bytes(whole[:size])
        with pytest.raises(InputError):
            load(tmp_path / "cut.dcm")
    (tmp_path / "bare.dcm").write_bytes(whole[132:])
    with pytest.raises(UnsupportedFormatError) as caught:
        load(tmp_path / "bare.dcm")
    assert caught.value.code == "not_dicom"
    (tmp_path / "nameless").write_bytes(whole)
    assert load(tmp_path / "nameless").size == (8, 6)


# Series


def slices(
    folder: Path, zyx: NDArray[Any], change: Callable[[int, FileDataset], None] | None = None
) -> Path:
    """A series whose files are named in another order than its slices lie."""
    folder.mkdir()
    for k, pixels in enumerate(zyx):
        data = header(
            pixels,
            Modality="CT",
            ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
            ImagePositionPatient=[-10, -20, 30 + 2.5 * k],
            PixelSpacing=[0.8, 0.5],
            RescaleSlope=1,
            RescaleIntercept=-1000,
        )
        if change:
            change(k, data)
        saved(folder / f"IM{(k * 7) % 11:03d}.dcm", data)
    return folder


STACK = np.random.default_rng(2).integers(0, 2000, (5, 6, 8)).astype(np.int16)


def test_a_series_is_sorted_by_place(tmp_path: Path) -> None:
    folder = slices(tmp_path / "ct", STACK)
    (folder / "notes.txt").write_text("seen")
    (folder / "DICOMDIR").write_bytes(b"x")
    scan = load(folder)
    assert np.array_equal(scan.voxels, STACK - 1000)
    assert scan.affine == ((-0.5, 0, 0, 10), (0, -0.8, 0, 20), (0, 0, 2.5, 30), (0, 0, 0, 1))
    assert (scan.affine_source, scan.modality, scan.orientation) == ("dicom", "CT", "LPS")
    assert scan.spacing == (0.5, 0.8, 2.5)
    assert scan.warnings == ("window: none declared, abdomen (40, 400)",)
    assert CANARY not in repr(vars(scan))


def test_a_series_is_the_nifti_of_the_same_patient(tmp_path: Path) -> None:
    dicom = load(slices(tmp_path / "ct", STACK), window="bone")
    affine = np.array(dicom.affine)
    flip = np.diag([-1.0, -1, 1, 1])
    flip[:2, 3] = 7, 5
    nifti = nib.Nifti1Image((STACK - 1000).T[::-1, ::-1], affine @ flip)
    nib.save(nifti, tmp_path / "ct.nii")
    other = load(tmp_path / "ct.nii", window="bone")
    assert other.orientation == "RAS"
    shown = Rendering(frame=(64, 48), depth=5)
    views = render(dicom, shown), render(other, shown)
    assert all(map(np.array_equal, views[0].frames, views[1].frames))
    boxes = [view.box_to_source((8, 8, 1, 40, 24, 3)) for view in views]
    assert isinstance(boxes[0], Box3D)
    assert isinstance(boxes[1], Box3D)
    assert boxes[0] != boxes[1]
    for world in ("RAS+", "LPS"):
        a, b = (np.sort(np.array(box.to_mm(world)), axis=0) for box in boxes)
        assert a == pytest.approx(b, abs=1e-4)


def _other_series(k: int, data: FileDataset) -> None:
    data.SeriesInstanceUID = SERIES if k else generate_uid()


def _other_turn(k: int, data: FileDataset) -> None:
    if k == 0:
        data.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]


def _same_place(k: int, data: FileDataset) -> None:
    data.ImagePositionPatient = [-10, -20, 30 if k < 2 else 30 + k]


def _no_place(k: int, data: FileDataset) -> None:
    if k == 3:
        del data.ImagePositionPatient


def _frames(k: int, data: FileDataset) -> None:
    data.NumberOfFrames = 2
    data.PixelData = data.PixelData * 2


@pytest.mark.parametrize(
    ("change", "kind", "code"),
    [
        (_other_series, InputError, "mixed_series"),
        (_other_turn, InputError, "mixed_orientation"),
        (_same_place, InputError, "duplicate_slice"),
        (_no_place, MissingMetadataError, "position"),
        (_frames, InputError, "multi_frame"),
    ],
)
def test_series_that_are_no_volume(
    tmp_path: Path, change: Callable[[int, FileDataset], None], kind: type[InputError], code: str
) -> None:
    folder = slices(tmp_path / "ct", STACK, change)
    with pytest.raises(kind) as caught:
        load(folder)
    assert (caught.value.code, caught.value.where) == (code, "ct")


def test_mixed_sizes_and_colour_are_refused(tmp_path: Path) -> None:
    folder = slices(tmp_path / "ct", STACK)
    saved(folder / "other.dcm", header(FILM.T))
    with pytest.raises(InputError, match="expected grey slices of one size"):
        load(folder)
    with pytest.raises(InputError, match="colour"):
        load(slices(tmp_path / "rgb", np.zeros((3, 4, 4, 3), np.uint8)))


def test_gaps_tilt_and_reports_are_said(tmp_path: Path) -> None:
    def gap(k: int, data: FileDataset) -> None:
        data.ImagePositionPatient = [0, 0, k if k < 3 else k + 1]

    def tilt(k: int, data: FileDataset) -> None:
        data.ImagePositionPatient = [0, 0.3 * k, k]

    assert any(
        "1.00 to 2.00 mm apart" in n for n in load(slices(tmp_path / "g", STACK, gap)).warnings
    )
    leaning = load(slices(tmp_path / "t", STACK, tilt))
    assert any("sheared by 17 degrees" in note for note in leaning.warnings)
    folder = slices(tmp_path / "r", STACK)
    saved(folder / "report.dcm", _report())
    assert "series: 1 files without a picture left out" in load(folder).warnings


def _report() -> FileDataset:
    data = header(FILM)
    _drop("PixelData", "Rows", "Columns")(data)
    return data


def test_a_lost_slice_is_not_passed_over(tmp_path: Path) -> None:
    folder = slices(tmp_path / "ct", STACK)
    next(folder.glob("*.dcm")).write_bytes(b"")
    with pytest.raises(InputError) as caught:
        load(folder)
    assert caught.value.code == "empty_file"


def test_a_folder_of_one_file_is_a_film(tmp_path: Path) -> None:
    scan = load(slices(tmp_path / "one", STACK[:1]))
    assert (scan.size, scan.spacing, scan.affine) == ((8, 6), (0.5, 0.8), None)


def test_slices_of_a_series_keep_their_place(tmp_path: Path) -> None:
    folder = slices(tmp_path / "ct", STACK)
    part = load(folder, slices=(1, 3))
    assert np.array_equal(part.voxels, STACK[1:3] - 1000)
    assert part.affine is not None
    assert part.affine[2] == (0, 0, 2.5, 32.5)
    with pytest.raises(InputError, match="slices="):
        load(folder, frame=1)


# Frames


def enhanced(path: Path, change: Callable[[int, Dataset], None] | None = None) -> Path:
    data = header(STACK, NumberOfFrames=5)
    shared, frames = Dataset(), []
    measures, turn, values = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing = [0.8, 0.5]
    turn.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    values.RescaleSlope, values.RescaleIntercept = 2, -1000
    shared.PixelMeasuresSequence = Sequence([measures])
    shared.PlaneOrientationSequence = Sequence([turn])
    shared.PixelValueTransformationSequence = Sequence([values])
    for k in range(5):
        frame, place = Dataset(), Dataset()
        place.ImagePositionPatient = [-10, -20, 30 - 2.5 * k]  # stored head first
        frame.PlanePositionSequence = Sequence([place])
        if change:
            change(k, frame)
        frames.append(frame)
    data.SharedFunctionalGroupsSequence = Sequence([shared])
    data.PerFrameFunctionalGroupsSequence = Sequence(frames)
    return saved(path / "enhanced.dcm", data)


def test_an_enhanced_file_is_a_volume(tmp_path: Path) -> None:
    path = enhanced(tmp_path)
    scan = load(path)
    assert np.array_equal(scan.voxels, STACK[::-1] * 2 - 1000)
    assert scan.affine == ((-0.5, 0, 0, 10), (0, -0.8, 0, 20), (0, 0, 2.5, 20), (0, 0, 0, 1))
    one = load(path, frame=4)
    assert np.array_equal(one.voxels[0], STACK[4] * 2 - 1000)
    assert (one.spacing, one.affine) == ((0.5, 0.8), None)


def test_two_orientations_in_one_file_are_refused(tmp_path: Path) -> None:
    def turn(k: int, frame: Dataset) -> None:
        other = Dataset()
        other.ImageOrientationPatient = [1, 0, 0, 0, 1, 0] if k else [0, 1, 0, 0, 0, -1]
        frame.PlaneOrientationSequence = Sequence([other])

    with pytest.raises(InputError) as caught:
        load(enhanced(tmp_path, turn))
    assert caught.value.code == "mixed_orientation"


def test_frames_without_positions(tmp_path: Path) -> None:
    scan = load(film(tmp_path, STACK, NumberOfFrames=5, PixelSpacing=[1, 2]))
    assert np.array_equal(scan.voxels, STACK)
    assert (scan.affine, scan.spacing) == (None, None)
    assert "orientation: frames without positions, shown as stored" in scan.warnings
    thick = load(
        film(tmp_path, STACK, NumberOfFrames=5, PixelSpacing=[1, 2], SpacingBetweenSlices=3)
    )
    assert thick.spacing == (2, 1, 3)


@pytest.mark.parametrize(
    ("pixels", "fields"),
    [(STACK, {"FrameTime": 33}), (np.zeros((5, 4, 4, 3), np.uint8), {})],
    ids=["cine", "colour"],
)
def test_frames_that_are_no_volume_need_a_choice(
    tmp_path: Path, pixels: NDArray[Any], fields: dict[str, Any]
) -> None:
    path = film(tmp_path, pixels, NumberOfFrames=5, **fields)
    with pytest.raises(InputError) as caught:
        load(path)
    assert caught.value.code == "multi_frame"
    assert np.array_equal(load(path, frame=2).voxels[0], pixels[2])


def test_no_identity_in_what_is_kept_or_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / CANARY.lower()
    folder.mkdir()
    scan = load(film(folder))
    assert CANARY not in repr(scan) + repr(scan.warnings) + scan.name
    whole = (folder / "film.dcm").read_bytes()
    rng = np.random.default_rng(3)
    for _ in range(200):
        damaged = bytearray(whole)
        for place in rng.integers(132, len(whole), 4):
            damaged[place] = rng.integers(0, 256)
        (folder / "x.dcm").write_bytes(damaged)
        try:
            said = repr(load(folder / "x.dcm").warnings)
        except UMITError as error:
            said = str(error)
            assert error.__cause__ is None
        assert "CANARY" not in said.upper()
    (folder / "x.dcm").write_bytes(whole.replace(b"1.2.840", b"CANARY."))  # pydicom quotes bad UIDs
    with pytest.raises(InputError):
        load(folder / "x.dcm")
    assert "CANARY" not in caplog.text


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
