"""DICOM series: order, place, and what is no series."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from pydicom import FileDataset
from pydicom.uid import generate_uid

from umit.errors import InputError, MissingMetadataError
from umit.geometry import Box3D, Space
from umit.imaging.read import load
from umit.imaging.view import Rendering, render

FILM = np.random.default_rng(9).integers(0, 4096, (6, 8)).astype(np.uint16)
STACK = np.random.default_rng(2).integers(0, 2000, (5, 6, 8)).astype(np.int16)


def test_a_series_is_sorted_by_place(dicom: Any, tmp_path: Path) -> None:
    folder = dicom.series(tmp_path / "ct", STACK)
    (folder / "notes.txt").write_text("seen")
    (folder / "DICOMDIR").write_bytes(b"x")
    scan = load(folder)
    assert np.array_equal(scan.voxels, STACK - 1000)
    assert scan.affine == ((-0.5, 0, 0, 10), (0, -0.8, 0, 20), (0, 0, 2.5, 30), (0, 0, 0, 1))
    assert (scan.affine_source, scan.modality, scan.orientation) == ("dicom", "CT", "LPS")
    assert scan.spacing == (0.5, 0.8, 2.5)
    assert scan.warnings == ("folder: left out DICOMDIR, notes.txt", "window: none declared, abdomen (40, 400)")


def test_a_series_is_the_nifti_of_the_same_patient(dicom: Any, tmp_path: Path) -> None:
    series = load(dicom.series(tmp_path / "ct", STACK), window="bone")
    affine = np.array(series.affine)
    flip = np.diag([-1.0, -1, 1, 1])
    flip[:2, 3] = 7, 5
    nifti = nib.Nifti1Image((STACK - 1000).T[::-1, ::-1], affine @ flip)
    nib.save(nifti, tmp_path / "ct.nii")
    other = load(tmp_path / "ct.nii", window="bone")
    assert other.orientation == "RAS"
    shown = Rendering(frame=(64, 48), depth=5)
    views = render(series, shown), render(other, shown)
    assert all(map(np.array_equal, views[0].frames, views[1].frames))
    boxes = [view.box_to_source((8, 8, 1, 40, 24, 3)) for view in views]
    assert isinstance(boxes[0], Box3D)
    assert isinstance(boxes[1], Box3D)
    assert boxes[0] != boxes[1]
    for world in ("RAS+", "LPS"):
        a, b = (np.sort(np.array(box.to_mm(world)), axis=0) for box in boxes)
        assert a == pytest.approx(b, abs=1e-4)


def _other_series(k: int, data: FileDataset) -> None:
    data.SeriesInstanceUID = data.SeriesInstanceUID if k else generate_uid()


def _other_turn(k: int, data: FileDataset) -> None:
    if k == 0:
        data.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]


def _same_place(k: int, data: FileDataset) -> None:
    data.ImagePositionPatient = [-10, -20, 30 if k < 2 else 30 + k]


def _no_place(k: int, data: FileDataset) -> None:
    if k == 3:
        del data.ImagePositionPatient


def _other_frame(k: int, data: FileDataset) -> None:
    data.FrameOfReferenceUID = generate_uid()


def _other_spacing(k: int, data: FileDataset) -> None:
    data.PixelSpacing = [0.8, 0.5 + 0.01 * k]


def _frames(k: int, data: FileDataset) -> None:
    data.NumberOfFrames = 2
    data.PixelData = data.PixelData * 2


@pytest.mark.parametrize(
    ("change", "kind", "code"),
    [
        (_other_series, InputError, "mixed_series"),
        (_other_frame, InputError, "mixed_series"),
        (_other_spacing, InputError, "mixed_orientation"),
        (_other_turn, InputError, "mixed_orientation"),
        (_same_place, InputError, "duplicate_slice"),
        (_no_place, MissingMetadataError, "position"),
        (_frames, InputError, "multi_frame"),
    ],
)
def test_series_that_are_no_volume(
    dicom: Any, tmp_path: Path, change: Callable[[int, FileDataset], None], kind: type[InputError], code: str
) -> None:
    folder = dicom.series(tmp_path / "ct", STACK, change)
    with pytest.raises(kind) as caught:
        load(folder)
    assert (caught.value.code, caught.value.where) == (code, "ct")


def test_mixed_sizes_and_colour_are_refused(dicom: Any, tmp_path: Path) -> None:
    folder = dicom.series(tmp_path / "ct", STACK)
    dicom.saved(folder / "other.dcm", dicom.header(FILM.T))
    with pytest.raises(InputError, match="expected grey slices of one size"):
        load(folder)
    with pytest.raises(InputError, match="colour"):
        load(dicom.series(tmp_path / "rgb", np.zeros((3, 4, 4, 3), np.uint8)))


def _places(*mm: tuple[float, float, float]) -> Callable[[int, FileDataset], None]:
    def change(k: int, data: FileDataset) -> None:
        data.ImagePositionPatient = list(mm[k])

    return change


@pytest.mark.parametrize(
    ("places", "step", "said"),
    [
        ([(0, 0, 0), (0, 0, 1), (0, 0, 2), (0, 0, 3), (0, 0, 4)], (0, 0, 1), ""),
        ([(0, 0, 0), (0, 0, 1), (0, 0, 2), (0, 0, 3.005), (0, 0, 4)], (0, 0, 1), ""),
        (
            [(0, 0, 0), (0, 0, 1), (0, 0, 2), (0, 0, 4), (0, 0, 5)],
            (0, 0, 1.25),
            "unevenly spaced, 1.00 to 2.00 mm apart, 1 may be missing; "
            "one even grid would put some of them 0.50 mm off, so each keeps its own position",
        ),
        (
            [(0, 0, 0), (0, 0, 1), (0, 0, 2), (0, 0, 3), (0, 0, 9)],
            (0, 0, 2.25),
            "unevenly spaced, 1.00 to 6.00 mm apart, 5 may be missing; "
            "one even grid would put some of them 3.75 mm off, so each keeps its own position",
        ),
        (
            [(0, 0, 0), (0, 0, 1), (0, 0, 2.2), (0, 0, 3), (0, 0, 4)],
            (0, 0, 1),
            "unevenly spaced, 0.80 to 1.20 mm apart; "
            "one even grid would put some of them 0.20 mm off, so each keeps its own position",
        ),
        (
            [(0, 0, 0), (3, 0, 1), (0, 0, 2), (0, 0, 3), (0, 0, 4)],  # only z is even
            (0, 0, 1),
            "unevenly spaced, 1.00 to 1.00 mm apart; "
            "one even grid would put some of them 3.00 mm off, so each keeps its own position",
        ),
        (
            [(0, 0, 0), (0, 0.3, 1), (0, 0.6, 2), (0, 0.9, 3), (0, 1.2, 4)],
            (0, -0.3, 1),
            "sheared by 17 degrees, as by a tilted gantry",
        ),
    ],
    ids=["even", "within 1 %", "one missing", "five missing", "uneven", "sideways", "tilted"],
)
def test_gaps_and_tilt_are_said_in_millimetres(
    dicom: Any, tmp_path: Path, places: Any, step: tuple[float, float, float], said: str
) -> None:
    scan = load(dicom.series(tmp_path / "ct", STACK, _places(*places)))
    notes = [note for note in scan.warnings if note.startswith("series:")]
    assert notes == ([f"series: slices are {said}"] if said else [])
    assert scan.affine is not None
    assert [row[2] for row in scan.affine[:3]] == pytest.approx(step, abs=2e-3)


def test_uneven_slices_keep_their_places(dicom: Any, tmp_path: Path) -> None:
    heights = [0, 1, 2, 20, 25]
    folder = dicom.series(tmp_path / "ct", STACK, _places(*((0, 0, z) for z in heights)))
    scan = load(folder)
    assert scan.positions == tuple((0, 0, z) for z in heights)
    box = Box3D(0, 0, 3, 8, 6, 4, space=scan.space)  # as thick as up to its nearer neighbour
    assert sorted({corner[2] for corner in box.to_mm()}) == [17.5, 22.5]
    some = Box3D(0, 0, 1, 8, 6, 3.5, space=scan.space)  # the second, the third, and half that one
    assert sorted({corner[2] for corner in some.to_mm()}) == [0.5, 20]
    lps = {corner[:2] for corner in box.to_mm("LPS")}
    assert lps == {(-0.25, -0.4), (3.75, -0.4), (-0.25, 4.4), (3.75, 4.4)}
    assert scan.shown(mm=(15, 22)).presentation.slices == (3, 4)
    again = Space.from_dict(json.loads(json.dumps(scan.space.to_dict())))
    assert again == scan.space
    assert hash(again) == hash(scan.space)
    view = render(scan, Rendering(frame=(64, 48), depth=5))
    assert view.geometry.source.positions == scan.positions
    assert any("unevenly spaced" in note for note in view.warnings)
    old = {"size": [8, 6, 5], "spacing": None, "affine": None}  # written before there were positions
    assert Space.from_dict(old).to_dict() == old


@pytest.mark.parametrize(
    ("slices", "places", "step"),
    [
        (slice(2, 5), [2, 20, 25], 11.5),
        (slice(None, None, -1), [25, 20, 2, 1, 0], -6.25),
        (slice(0, 5, 2), [0, 2, 25], 12.5),
        (slice(3, 4), None, 5),  # alone it is as thick as it was
    ],
)
def test_a_part_of_uneven_slices_stays_in_its_place(
    dicom: Any, tmp_path: Path, slices: slice, places: list[float] | None, step: float
) -> None:
    change = _places(*((0, 0, z) for z in (0, 1, 2, 20, 25)))
    part = load(dicom.series(tmp_path / "ct", STACK, change), slices=slices)
    assert part.positions == (None if places is None else tuple((0, 0, z) for z in places))
    assert part.affine is not None
    assert part.affine[2] == (0, 0, step, 20 if places is None else places[0])
    assert part.spacing == (0.5, 0.8, abs(step))


@pytest.mark.parametrize(
    ("turned", "wider", "fine"),
    [(0.0015, 0.0012, True), (0.004, 0, True), (0, 0.004, True), (0.006, 0, False), (0, 0.006, False)],
)
def test_copied_series_differ_in_their_last_digits(
    dicom: Any, tmp_path: Path, turned: float, wider: float, fine: bool
) -> None:
    def change(k: int, data: FileDataset) -> None:
        if k == 3:
            data.ImageOrientationPatient = [1, turned, 0, -turned, 1, 0]
            data.PixelSpacing = [0.8, 0.5 + wider]

    folder = dicom.series(tmp_path / "ct", STACK, change)
    if not fine:
        with pytest.raises(InputError) as caught:
            load(folder)
        assert caught.value.code == "mixed_orientation"
        return
    scan = load(folder)
    assert scan.spacing == (0.5, 0.8, 2.5)
    said = [note for note in scan.warnings if "at most 0.005" in note]
    assert len(said) == 1
    assert f"up to {turned:.4f} " in said[0]
    assert f"up to {wider:.4f} mm (at most 1%)" in said[0]


@pytest.mark.parametrize("turn", [[0, 1, 0, 0, 0, -1], [1, 0, 0, 0, 1, 0]], ids=["across", "parallel"])
def test_a_localizer_among_slices_is_named(dicom: Any, tmp_path: Path, turn: list[int]) -> None:
    def change(k: int, data: FileDataset) -> None:
        data.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER" if k == 0 else "AXIAL"]
        if k == 0:
            data.ImageOrientationPatient, data.ImagePositionPatient = turn, [0, 0, 90]

    with pytest.raises(InputError, match=r"localizers among them: IM000\.dcm"):
        load(dicom.series(tmp_path / "ct", STACK, change))


def _same_object(k: int, data: FileDataset) -> None:
    data.SOPInstanceUID = "1.2.3" if k < 2 else f"1.2.{k}"


def _echoes(k: int, data: FileDataset) -> None:
    data.SOPInstanceUID, data.EchoTime = f"1.2.{k}", 10 * (k + 1)


def _times(k: int, data: FileDataset) -> None:  # dynamic PET
    data.FrameReferenceTime, data.AcquisitionTime = 1000 * k, f"12000{k}"


def _new_object(k: int, data: FileDataset) -> None:
    data.SOPInstanceUID = f"1.2.{k}"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_same_object, r"IM000\.dcm and IM007\.dcm are copies of one object"),
        (_echoes, r"IM000\.dcm and IM007\.dcm differ in EchoTime; keep one time, echo"),
        (_times, r"IM000\.dcm and IM007\.dcm differ in FrameReferenceTime, AcquisitionTime;"),
        (_new_object, r"Nothing in IM000\.dcm and IM007\.dcm tells them apart, as with a copy"),
    ],
)
def test_slices_at_one_place_are_told_apart(
    dicom: Any, tmp_path: Path, change: Callable[[int, FileDataset], None], said: str
) -> None:
    def both(k: int, data: FileDataset) -> None:
        _same_place(k, data)
        change(k, data)

    with pytest.raises(InputError, match=said) as caught:
        load(dicom.series(tmp_path / "ct", STACK, both))
    assert caught.value.code == "duplicate_slice"


@pytest.mark.parametrize(
    ("fields", "numbers", "said"),
    [
        ({"ImagesInAcquisition": 7}, range(1, 6), "ImagesInAcquisition says 7, 5 are here"),
        ({"NumberOfSlices": 6}, range(1, 6), "NumberOfSlices says 6, 5 are here"),
        ({"ImagesInAcquisition": 5, "NumberOfSlices": 5}, range(1, 6), None),
        ({}, range(5), None),
        ({}, [1, 2, 3, 4, 6], "files are numbered 1 to 6 (InstanceNumber), 1 of 1 to 6 are not here"),
        ({}, range(3, 8), "files are numbered 3 to 7 (InstanceNumber), 2 of 1 to 7 are not here"),
        ({}, [1, 1, 1, 1, 1], None),
    ],
)
def test_slices_that_are_not_there_are_told(
    dicom: Any, tmp_path: Path, fields: dict[str, int], numbers: Any, said: str | None
) -> None:
    def change(k: int, data: FileDataset) -> None:
        data.InstanceNumber = numbers[k]
        for tag, value in fields.items():
            setattr(data, tag, value)

    scan = load(dicom.series(tmp_path / "ct", STACK, change))
    notes = [note for note in scan.warnings if note.startswith("series:")]
    assert len(notes) == (said is not None)
    assert said is None or said in notes[0]


@pytest.mark.parametrize("name", ["IM009", "1.2.840.113619.5", "IM009.dcm", "SLICE.IMA"])
@pytest.mark.parametrize("content", [b"", bytes(300), b"DICM" + bytes(99)])
def test_a_file_that_may_be_a_slice_is_not_left_out(dicom: Any, tmp_path: Path, name: str, content: bytes) -> None:
    folder = dicom.series(tmp_path / "ct", STACK)
    (folder / name).write_bytes(content)
    with pytest.raises(InputError):
        load(folder)


def test_what_is_left_out_is_named(dicom: Any, tmp_path: Path) -> None:
    folder = dicom.series(tmp_path / "ct", STACK)
    (folder / "README").write_text("how this was made\n")
    (folder / "preview.bin").write_bytes(bytes(40))
    (folder / ".DS_Store").write_bytes(bytes(40))
    (folder / "more").mkdir()
    assert "folder: left out README, more/, preview.bin" in load(folder).warnings


def test_a_folder_of_a_film_and_a_report_is_the_film(dicom: Any, tmp_path: Path) -> None:
    dicom.film(tmp_path, FILM)
    report = dicom.header(FILM, Modality="SR")
    del report.PixelData, report.Rows, report.Columns
    dicom.saved(tmp_path / "report.dcm", report)
    scan = load(tmp_path)
    assert np.array_equal(scan.voxels[0], FILM)
    assert "folder: left out report.dcm, no pictures of the patient" in scan.warnings
    (tmp_path / "film.dcm").unlink()
    dicom.saved(tmp_path / "other.dcm", report)
    with pytest.raises(InputError) as caught:
        load(tmp_path)
    assert caught.value.code == "no_pixels"


def test_an_affine_has_no_negative_zeros(dicom: Any, tmp_path: Path) -> None:
    scan = load(dicom.series(tmp_path / "ct", STACK))
    assert "-0.0" not in repr(scan.affine)


@pytest.mark.parametrize(
    ("turn", "fine"),
    [
        ([1.0004, 0, 0, 0, 1, 0], True),  # rounded
        ([2, 0, 0, 0, 2, 0], False),
        ([0, 0, 0, 0, 0, 0], False),
        ([1, 0, 0, 0.5, 0.866, 0], False),  # not perpendicular
        ([1, 0, 0, 1, 0, 0], False),
    ],
)
def test_directions_must_be_unit_vectors(dicom: Any, tmp_path: Path, turn: list[float], fine: bool) -> None:
    def change(k: int, data: FileDataset) -> None:
        data.ImageOrientationPatient = turn

    folder = dicom.series(tmp_path / "ct", STACK, change)
    if fine:
        assert load(folder).spacing == (0.5, 0.8, 2.5)
        return
    with pytest.raises(InputError) as caught:
        load(folder)
    assert (caught.value.code, caught.value.where) == ("orientation", "ct")


def test_oblique_slices_keep_their_own_grid(dicom: Any, tmp_path: Path) -> None:
    turn = np.radians(44)
    along, down = np.array([np.cos(turn), np.sin(turn), 0]), np.array([0, 0, -1])
    normal = np.cross(along, down)

    def change(k: int, data: FileDataset) -> None:
        data.ImageOrientationPatient = [*along, *down]
        data.ImagePositionPatient = list(np.array([5, 6, 7]) - 3 * k * normal)

    scan = load(dicom.series(tmp_path / "mr", STACK, change))
    assert np.array_equal(scan.voxels, STACK[::-1] - 1000)  # sorted along the normal
    lps = np.diag([-1, -1, 1, 1]) @ np.array(scan.affine)
    last = lps @ [2, 1, 4, 1]
    assert last[:3] == pytest.approx(np.array([5, 6, 7]) + 2 * 0.5 * along + 0.8 * down)
    assert scan.spacing == pytest.approx((0.5, 0.8, 3))


def test_each_slice_has_its_own_slope(dicom: Any, tmp_path: Path) -> None:
    def pet(k: int, data: FileDataset) -> None:
        data.Modality = "PT"
        data.RescaleSlope, data.RescaleIntercept = str(0.25 * (k + 1)), "0"

    scan = load(dicom.series(tmp_path / "pt", STACK, pet))
    slopes = 0.25 * np.arange(1, 6)[:, None, None]
    assert np.array_equal(scan.voxels, (STACK * slopes).astype(np.float32))
    assert scan.voxels.dtype == np.float32


def test_a_series_is_held_once(dicom: Any, tmp_path: Path) -> None:
    stack = np.random.default_rng(0).integers(0, 2000, (40, 256, 256)).astype(np.int16)
    folder = tmp_path / "ct"
    folder.mkdir()
    for k, pixels in enumerate(stack):
        place = {"ImageOrientationPatient": [1, 0, 0, 0, 1, 0], "ImagePositionPatient": [0, 0, k]}
        data = dicom.header(pixels, PixelSpacing=[1, 1], **place)
        dicom.saved(folder / f"{k}.dcm", data)
    load(folder)  # what is imported late
    tracemalloc.start()
    scan = load(folder, window=(1000, 2000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert np.array_equal(scan.voxels, stack)
    # 40 planes, some more while one is read, and 40 headers of 32 KB; two copies would be 80.
    assert peak < 62 * stack[0].nbytes


def test_slices_of_other_kinds_of_number_keep_their_values(dicom: Any, tmp_path: Path) -> None:
    def change(k: int, data: FileDataset) -> None:
        data.RescaleIntercept = "0"
        if k == 1:
            data.PixelRepresentation = 0  # the same bits, unsigned
            data.PixelData = (np.uint16(60000) + np.zeros((6, 8), np.uint16)).tobytes()

    scan = load(dicom.series(tmp_path / "ct", STACK, change))
    assert np.array_equal(scan.voxels[[0, 2, 3, 4]], STACK[[0, 2, 3, 4]])
    assert set(scan.voxels[1].ravel()) == {60000}


def test_a_series_of_palette_colours(dicom: Any, tmp_path: Path) -> None:
    def change(k: int, data: FileDataset) -> None:
        data.PhotometricInterpretation = "PALETTE COLOR"
        for name in ("Red", "Green", "Blue"):
            setattr(data, f"{name}PaletteColorLookupTableDescriptor", [256, 0, 8])
            data[f"{name}PaletteColorLookupTableDescriptor"].VR = "US"
            setattr(data, f"{name}PaletteColorLookupTableData", bytes(range(256)))

    stack = STACK.astype(np.uint8)
    scan = load(dicom.series(tmp_path / "ct", stack, change))
    assert np.array_equal(scan.voxels, np.repeat(stack[..., None], 3, axis=-1))


def test_objects_without_a_picture_are_left_out(dicom: Any, tmp_path: Path) -> None:
    folder = dicom.series(tmp_path / "ct", STACK)
    report = dicom.header(FILM)
    del report.PixelData, report.Rows, report.Columns
    dicom.saved(folder / "report.dcm", report)
    scan = load(folder)
    assert scan.size == (8, 6, 5)
    assert "folder: left out report.dcm, no pictures of the patient" in scan.warnings


def test_a_copy_of_a_file_is_a_duplicate(dicom: Any, tmp_path: Path) -> None:
    folder = dicom.series(tmp_path / "ct", STACK)
    (folder / "copy.dcm").write_bytes((folder / "IM000.dcm").read_bytes())
    with pytest.raises(InputError, match="got 6 at 5 places") as caught:
        load(folder)
    assert caught.value.code == "duplicate_slice"


@pytest.mark.parametrize("lost", [("PixelData",), ("PixelData", "Rows", "Columns")])
def test_a_slice_without_its_picture_refuses_the_series(dicom: Any, tmp_path: Path, lost: tuple[str, ...]) -> None:
    def change(k: int, data: FileDataset) -> None:
        for tag in lost if k == 3 else ():
            delattr(data, tag)

    with pytest.raises(InputError, match=r"IM010\.dcm") as caught:
        load(dicom.series(tmp_path / "ct", STACK, change))
    assert caught.value.code in ("truncated", "no_pixels")


def test_a_lost_slice_is_not_passed_over(dicom: Any, tmp_path: Path) -> None:
    folder = dicom.series(tmp_path / "ct", STACK)
    next(folder.glob("*.dcm")).write_bytes(b"")
    with pytest.raises(InputError) as caught:
        load(folder)
    assert caught.value.code == "empty_file"


def test_a_folder_of_one_file_is_a_film(dicom: Any, tmp_path: Path) -> None:
    scan = load(dicom.series(tmp_path / "one", STACK[:1]))
    assert (scan.size, scan.spacing, scan.affine) == ((8, 6), (0.5, 0.8), None)


def test_slices_of_a_series_keep_their_place(dicom: Any, tmp_path: Path) -> None:
    folder = dicom.series(tmp_path / "ct", STACK)
    part = load(folder, slices=(1, 3))
    assert np.array_equal(part.voxels, STACK[1:3] - 1000)
    assert part.affine is not None
    assert part.affine[2] == (0, 0, 2.5, 32.5)
    with pytest.raises(InputError, match="slices="):
        load(folder, frame=1)
