"""What frames are: slices where the standard says so, and otherwise a choice that is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import DataElement, Dataset, FileDataset, Sequence, dcmread
from pydicom.tag import Tag
from pydicom.uid import generate_uid

from umit.errors import InputError, MissingMetadataError, UnsupportedFormatError
from umit.imaging.header import picture_size
from umit.imaging.read import load

STACK = np.random.default_rng(2).integers(0, 2000, (4, 6, 8)).astype(np.uint16)
CLASS = "1.2.840.10008.5.1.4.1.1."
NM, DOSE, SLIDE = CLASS + "20", CLASS + "481.2", CLASS + "77.1.6"
TURN = [1, 0, 0, 0, 1, 0]


def _tags(*keywords: str) -> list[Any]:
    return [Tag(keyword) for keyword in keywords]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        # PS3.3 C.8.4.8.1.1: what FrameIncrementPointer (type 1 in NM) names for each kind of image.
        ({"SOPClassUID": NM, "FrameIncrementPointer": ("DetectorVector",)}, "detector"),
        (
            {"FrameIncrementPointer": ("PhaseVector", "TimeSliceVector")},
            "phase × time slice",  # dynamic
        ),
        (
            {"FrameIncrementPointer": ("TimeSlotVector", "SliceVector"), "SliceVector": [1, 2] * 2},
            "time slot × slice",  # gated
        ),
        ({"FrameIncrementPointer": ("RotationVector", "AngularViewVector")}, "rotation × angular"),
        ({"FrameIncrementPointer": ("EnergyWindowVector",)}, "energy window"),
        ({"SOPClassUID": NM}, "without positions or a FrameIncrementPointer"),
        ({"FrameIncrementPointer": ("SliceVector",), "SliceVector": [1, 1, 2, 2]}, "SliceVector"),
        ({"FrameIncrementPointer": ("SliceVector",)}, "SliceVector"),
        ({"FrameIncrementPointer": ("FrameTime",), "FrameTime": 33}, "over frame time"),
        ({"FrameTime": 33}, "over frame time"),
        ({"CineRate": 15}, "over cine rate"),
        ({"SOPClassUID": CLASS + "12.1", "Modality": "XA"}, "without positions"),
        ({"SOPClassUID": CLASS + "3.1", "Modality": "US"}, "without positions"),
        ({"SpacingBetweenSlices": 3}, "without positions"),
        ({"DimensionOrganizationType": "TILED_FULL"}, "tiles"),
        ({"DimensionOrganizationType": "TILED_SPARSE"}, "tiles"),
        ({"SOPClassUID": SLIDE}, "tiles"),
    ],
)
def test_frames_that_are_no_slices_ask_for_one(dicom: Any, tmp_path: Path, fields: dict[str, Any], said: str) -> None:
    fields = dict(fields, NumberOfFrames=4, PixelSpacing=[1, 2])
    if "FrameIncrementPointer" in fields:
        fields["FrameIncrementPointer"] = _tags(*fields["FrameIncrementPointer"])
    path = dicom.film(tmp_path, STACK, **fields)
    with pytest.raises(InputError, match=rf"{said}.*frame=k") as caught:
        load(path)
    assert caught.value.code == "multi_frame"
    one = load(path, frame=2)
    assert np.array_equal(one.voxels[0], STACK[2])
    assert one.spacing == (2, 1)


@pytest.mark.parametrize(
    ("vector", "step", "z"),
    [([1, 2, 3, 4], 5, 5), ([4, 1, 3, 2], 5, 5), ([1, 2, 3, 4], -5, -5)],
    ids=["in order", "shuffled", "in front of the first"],
)
def test_nuclear_slices_follow_their_vector(
    dicom: Any, tmp_path: Path, vector: list[int], step: float, z: float
) -> None:
    # PS3.3 C.8.4.15: a positive spacing stacks behind the first slice, along the normal.
    detector = Dataset()
    detector.ImagePositionPatient, detector.ImageOrientationPatient = [-10, -20, 30], TURN
    path = dicom.film(
        tmp_path,
        STACK,
        SOPClassUID=NM,
        Modality="NM",
        NumberOfFrames=4,
        PixelSpacing=[4, 3],
        SpacingBetweenSlices=step,
        FrameIncrementPointer=_tags("SliceVector"),
        SliceVector=vector,
        DetectorInformationSequence=Sequence([detector]),
    )
    scan = load(path)
    order = np.argsort(vector)[:: 1 if z > 0 else -1]
    assert np.array_equal(scan.voxels, STACK[order])
    lowest = 30 if z > 0 else 30 + 3 * z
    assert scan.affine == ((-3, 0, 0, 10), (0, -4, 0, 20), (0, 0, 5, lowest), (0, 0, 0, 1))


def test_nuclear_slices_with_no_number_between_them(dicom: Any, tmp_path: Path) -> None:
    data = dicom.header(STACK, NumberOfFrames=4, PixelSpacing=[4, 3])
    data.FrameIncrementPointer, data.SliceVector = _tags("SliceVector"), [1, 2, 3, 4]
    data.ImagePositionPatient, data.ImageOrientationPatient = [0, 0, 0], TURN
    data["SpacingBetweenSlices"] = DataElement("SpacingBetweenSlices", "DS", "nan")
    with pytest.raises(MissingMetadataError, match="SpacingBetweenSlices"):
        load(dicom.saved(tmp_path / "nm.dcm", data))


def test_nuclear_slices_without_a_place(dicom: Any, tmp_path: Path) -> None:
    fields = {"NumberOfFrames": 4, "PixelSpacing": [4, 3], "SpacingBetweenSlices": -5}
    pointer = {"FrameIncrementPointer": _tags("SliceVector"), "SliceVector": [4, 3, 2, 1]}
    scan = load(dicom.film(tmp_path, STACK, **fields, **pointer))
    assert np.array_equal(scan.voxels, STACK[::-1])
    assert (scan.affine, scan.spacing) == (None, (3, 4, 5))
    assert "orientation: frames without positions, shown as stored" in scan.warnings


def test_a_dose_without_a_scale_is_refused(dicom: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="DoseGridScaling above 0") as caught:
        load(_dose(dicom, tmp_path, [0, 2, 4, 6], DoseGridScaling=0))
    assert caught.value.code == "dose"


def _dose(dicom: Any, folder: Path, offsets: list[float], **fields: Any) -> Path:
    given = {
        "SOPClassUID": DOSE,
        "Modality": "RTDOSE",
        "NumberOfFrames": 4,
        "PixelSpacing": [4, 3],
        "ImagePositionPatient": [-10, -20, 30],
        "ImageOrientationPatient": TURN,
        "GridFrameOffsetVector": offsets,
        "FrameIncrementPointer": Tag("GridFrameOffsetVector"),
        "DoseGridScaling": 0.001,
        "DoseUnits": "GY",
    }
    path: Path = dicom.film(folder, STACK, **(given | fields))
    return path


@pytest.mark.parametrize(
    ("offsets", "first", "step", "turned"),
    [
        # PS3.3 C.8.8.3.2: a) from zero, along the normal; b) z of axial planes.
        ([0, 5, 10, 15], 30, 5, False),
        ([0, -5, -10, -15], 15, 5, True),
        ([30, 35, 40, 45], 30, 5, False),
        ([30, 25, 20, 15], 15, 5, True),
    ],
)
def test_a_dose_has_its_own_units_and_place(
    dicom: Any, tmp_path: Path, offsets: list[float], first: float, step: float, turned: bool
) -> None:
    scan = load(_dose(dicom, tmp_path, offsets))
    assert np.allclose(scan.voxels, (STACK[::-1] if turned else STACK) * 0.001)
    assert scan.affine == ((-3, 0, 0, 10), (0, -4, 0, 20), (0, 0, step, first), (0, 0, 0, 1))
    assert "values: a radiation dose in Gy, no picture of anatomy" in scan.warnings
    one = load(tmp_path / "film.dcm", frame=1)
    assert np.allclose(one.voxels[0], STACK[1] * 0.001)


def test_doses_that_cannot_be_placed_or_scaled(dicom: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="starts with 0"):
        load(_dose(dicom, tmp_path, [7, 12, 17, 22]))
    with pytest.raises(InputError, match="starts with 0"):  # b) holds for axial planes only
        load(_dose(dicom, tmp_path, [30, 35, 40, 45], ImageOrientationPatient=[1, 0, 0, 0, 0, -1]))
    with pytest.raises(MissingMetadataError, match="GridFrameOffsetVector"):
        load(_dose(dicom, tmp_path, [0, 5, 10]))
    with pytest.raises(MissingMetadataError, match="DoseGridScaling"):
        load(_dose(dicom, tmp_path, [0, 5, 10, 15], DoseGridScaling=None))


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        # PS3.6 A: Segmentation, Label Map Segmentation, Parametric Map Storage.
        ({"SOPClassUID": CLASS + "66.4"}, "a segmentation"),
        ({"SOPClassUID": CLASS + "66.7"}, "a label map"),
        ({"SOPClassUID": CLASS + "30"}, "a parametric map"),
        ({"Modality": "SEG"}, "a segmentation"),
        ({"SOPClassUID": CLASS + "82.1"}, "a corneal topography map"),
    ],
)
@pytest.mark.parametrize("frames", [1, 4])
def test_no_picture_of_the_patient_is_refused_by_name(
    dicom: Any, tmp_path: Path, fields: dict[str, Any], kind: str, frames: int
) -> None:
    path = dicom.film(tmp_path, STACK[:frames], NumberOfFrames=frames, **fields)
    for read in (load, lambda p: load(p, frame=0), picture_size):
        with pytest.raises(UnsupportedFormatError, match=f"got {kind}") as caught:
            read(path)
        assert caught.value.code == "not_a_picture"


@pytest.mark.parametrize(("uid", "kind"), [("66.7", "a label map"), ("30", "a parametric map")])
def test_a_series_of_maps_is_refused_by_name(dicom: Any, tmp_path: Path, uid: str, kind: str) -> None:
    def as_map(k: int, data: FileDataset) -> None:
        data.SOPClassUID = CLASS + uid

    with pytest.raises(UnsupportedFormatError, match=f"got {kind}"):
        load(dicom.series(tmp_path / "maps", STACK, as_map))


def test_a_segmentation_beside_a_series_is_named(dicom: Any, tmp_path: Path) -> None:
    folder = dicom.series(tmp_path / "ct", STACK)
    for name, uid in (("seg.dcm", CLASS + "66.4"), ("dose.dcm", DOSE)):
        other = dicom.header(STACK[0], SOPClassUID=uid, SeriesInstanceUID=generate_uid())
        dicom.saved(folder / name, other)
    scan = load(folder)
    assert scan.size == (8, 6, 4)
    assert "folder: left out dose.dcm, seg.dcm, no pictures of the patient" in scan.warnings


def _dimensions(*keywords: str) -> Sequence:
    items = []
    for keyword in keywords:
        item = Dataset()
        item.DimensionIndexPointer = Tag(keyword)
        items.append(item)
    return Sequence(items)


def test_frames_of_several_times_name_their_dimensions(dicom: Any, tmp_path: Path) -> None:
    def timed(k: int, frame: Dataset) -> None:
        frame.PlanePositionSequence[0].ImagePositionPatient = [0, 0, k // 2]
        content = Dataset()
        content.DimensionIndexValues = [1, k // 2 + 1, k % 2 + 1]
        frame.FrameContentSequence = Sequence([content])

    path = dicom.enhanced(tmp_path, STACK, timed)
    data = dcmread(path)
    pointers = ("StackID", "InStackPositionNumber", "TemporalPositionIndex")
    data.DimensionIndexSequence = _dimensions(*pointers)
    dicom.saved(path, data)
    with pytest.raises(InputError, match="in-stack position number × temporal position index"):
        load(path)


def _parts(dicom: Any, folder: Path, cuts: list[tuple[int, int]], total: int | None) -> None:
    whole = dcmread(dicom.enhanced(folder, STACK))
    whole.ConcatenationUID = generate_uid()
    frames, pixels = whole.PerFrameFunctionalGroupsSequence, STACK
    for number, (start, stop) in enumerate(cuts, 1):
        part: FileDataset = whole
        part.SOPInstanceUID = part.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        part.InConcatenationNumber, part.ConcatenationFrameOffsetNumber = number, start
        if total is not None:
            part.InConcatenationTotalNumber = total
        part.NumberOfFrames = stop - start
        part.PerFrameFunctionalGroupsSequence = Sequence(frames[start:stop])
        part.PixelData = pixels[start:stop].tobytes()
        dicom.saved(folder / f"part{9 - number}", part)
    (folder / "enhanced.dcm").unlink()


def test_a_concatenation_is_put_together(dicom: Any, tmp_path: Path) -> None:
    _parts(dicom, tmp_path, [(0, 3), (3, 4)], 2)
    scan = load(tmp_path)
    assert np.array_equal(scan.voxels, STACK[::-1].astype(np.int32) * 2 - 1000)
    assert scan.affine == ((-0.5, 0, 0, 10), (0, -0.8, 0, 20), (0, 0, 2.5, 22.5), (0, 0, 0, 1))
    with pytest.raises(InputError, match="got 1 of 2") as caught:
        load(tmp_path / "part8")
    assert caught.value.code == "concatenation"
    assert load(tmp_path / "part8", frame=1).size == (8, 6)


@pytest.mark.parametrize(
    ("cuts", "total"),
    [
        ([(0, 2), (2, 4)], 3),  # the last part is lost
        ([(1, 2), (2, 4)], None),  # the first
        ([(0, 1), (2, 4)], None),  # one between
        ([(0, 2), (0, 2)], 2),  # one is there twice
    ],
)
def test_a_concatenation_without_a_part_is_refused(
    dicom: Any, tmp_path: Path, cuts: list[tuple[int, int]], total: int | None
) -> None:
    _parts(dicom, tmp_path, cuts, total)
    got = "2 of 3" if total == 3 else "some that overlap or leave frames out"
    with pytest.raises(InputError, match=f"got {got}") as caught:
        load(tmp_path)
    assert caught.value.code == "concatenation"


def test_one_frame_files_with_functional_groups_are_a_series(dicom: Any, tmp_path: Path) -> None:
    for k, pixels in enumerate(STACK):
        path = dicom.enhanced(tmp_path, pixels[None])
        data = dcmread(path)
        data.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence[0].ImagePositionPatient = [
            -10,
            -20,
            30 + 2.5 * k,
        ]
        dicom.saved(tmp_path / f"IM{(k * 3) % 4}", data)
        path.unlink()
    scan = load(tmp_path)
    assert np.array_equal(scan.voxels, STACK.astype(np.int32) * 2 - 1000)
    assert scan.affine == ((-0.5, 0, 0, 10), (0, -0.8, 0, 20), (0, 0, 2.5, 30), (0, 0, 0, 1))


def test_a_film_for_processing_is_flagged(dicom: Any, tmp_path: Path) -> None:
    def flags(intent: str) -> list[str]:
        path = dicom.film(tmp_path, STACK[0], Modality="DX", PresentationIntentType=intent)
        return [note for note in load(path).warnings if "FOR PROCESSING" in note]

    assert len(flags("FOR PROCESSING")) == 1
    assert not flags("FOR PRESENTATION")


def test_a_volume_one_voxel_wide_is_told(tmp_path: Path) -> None:
    from umit.imaging.view import Rendering, render

    thin: NDArray[np.int16] = np.zeros((8, 6, 1), np.int16)
    view = render(load(thin, axes="zyx"), Rendering(frame=(64, 64), depth=4))
    assert "picture: one pixel wide, stretched to the frame" in view.warnings
    view = render(load(thin.T, axes="zyx", spacing=(1, 1, 1)), Rendering(frame=(6, 8), depth=1))
    assert not any("one pixel" in note for note in view.warnings)
