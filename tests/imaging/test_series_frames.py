"""Multi-frame and enhanced DICOM files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import Dataset, Sequence, dcmread
from pydicom.uid import RLELossless

from umit.errors import InputError, MissingMetadataError
from umit.imaging.read import load

STACK = np.random.default_rng(2).integers(0, 2000, (5, 6, 8)).astype(np.int16)


def test_an_enhanced_file_is_a_volume(dicom: Any, tmp_path: Path) -> None:
    path = dicom.enhanced(tmp_path, STACK)
    scan = load(path)
    assert np.array_equal(scan.voxels, STACK[::-1] * 2 - 1000)
    assert scan.affine == ((-0.5, 0, 0, 10), (0, -0.8, 0, 20), (0, 0, 2.5, 20), (0, 0, 0, 1))
    one = load(path, frame=4)
    assert np.array_equal(one.voxels[0], STACK[4] * 2 - 1000)
    assert (one.spacing, one.affine) == ((0.5, 0.8), None)


def test_two_orientations_in_one_file_are_refused(dicom: Any, tmp_path: Path) -> None:
    def turn(k: int, frame: Dataset) -> None:
        other = Dataset()
        other.ImageOrientationPatient = [1, 0, 0, 0, 1, 0] if k else [0, 1, 0, 0, 0, -1]
        frame.PlaneOrientationSequence = Sequence([other])

    with pytest.raises(InputError) as caught:
        load(dicom.enhanced(tmp_path, STACK, turn))
    assert caught.value.code == "mixed_orientation"


@pytest.mark.parametrize(
    ("pixels", "fields"), [(STACK, {"FrameTime": 33}), (np.zeros((5, 4, 4, 3), np.uint8), {})], ids=["cine", "colour"]
)
def test_frames_that_are_no_volume_need_a_choice(
    dicom: Any, tmp_path: Path, pixels: NDArray[Any], fields: dict[str, Any]
) -> None:
    path = dicom.film(tmp_path, pixels, NumberOfFrames=5, **fields)
    with pytest.raises(InputError) as caught:
        load(path)
    assert caught.value.code == "multi_frame"
    assert np.array_equal(load(path, frame=2).voxels[0], pixels[2])


def test_frames_at_one_place_are_over_time(dicom: Any, tmp_path: Path) -> None:
    def twice(k: int, frame: Dataset) -> None:
        place = Dataset()
        place.ImagePositionPatient = [0, 0, k // 2]
        frame.PlanePositionSequence = Sequence([place])

    path = dicom.enhanced(tmp_path, STACK, twice)
    with pytest.raises(InputError, match=r"got 5 at 3 places.*frame=k") as caught:
        load(path)
    assert caught.value.code == "duplicate_slice"
    assert np.array_equal(load(path, frame=3).voxels[0], STACK[3] * 2 - 1000)


def test_what_one_frame_says_goes_before_what_all_say(dicom: Any, tmp_path: Path) -> None:
    def own(k: int, frame: Dataset) -> None:
        measures, values, voi, turn = Dataset(), Dataset(), Dataset(), Dataset()
        measures.PixelSpacing = [1, 2 + k]
        values.RescaleSlope, values.RescaleIntercept = k + 1, 0
        voi.WindowCenter, voi.WindowWidth = 500 * (k + 1), 1001
        turn.ImageOrientationPatient = [1, 0, 0, 0, 1, 0] if k else [0, 1, 0, 0, 0, -1]
        frame.PixelMeasuresSequence = Sequence([measures])
        frame.PixelValueTransformationSequence = Sequence([values])
        frame.FrameVOILUTSequence = Sequence([voi])
        frame.PlaneOrientationSequence = Sequence([turn])

    path = dicom.enhanced(tmp_path, STACK, own)
    for k in (0, 3):
        scan = load(path, frame=k)
        assert np.array_equal(scan.voxels[0], STACK[k] * (k + 1))
        assert scan.spacing == (2 + k, 1)
        assert scan.window == (500 * (k + 1) - 500.5, 500 * (k + 1) + 499.5)
        assert scan.directions == ("LP" if k else "PI")


def test_frames_need_their_functional_groups(dicom: Any, tmp_path: Path) -> None:
    path = dicom.enhanced(tmp_path, STACK)
    data = dcmread(path)
    del data.PerFrameFunctionalGroupsSequence[-1]
    dicom.saved(path, data)
    with pytest.raises(InputError) as caught:
        load(path)
    assert caught.value.code == "malformed"
    assert load(path, frame=0).size == (8, 6)


def test_the_place_between_frames_is_not_made_up(dicom: Any, tmp_path: Path) -> None:
    def lost(k: int, frame: Dataset) -> None:
        if k == 3:
            del frame.PlanePositionSequence

    with pytest.raises(MissingMetadataError) as caught:
        load(dicom.enhanced(tmp_path, STACK, lost))
    assert caught.value.code == "position"


def test_compressed_frames(dicom: Any, tmp_path: Path) -> None:
    path = dicom.enhanced(tmp_path, STACK)
    data = dcmread(path)
    data.compress(RLELossless)
    dicom.saved(path, data)
    assert np.array_equal(load(path).voxels, STACK[::-1] * 2 - 1000)
