"""Siemens mosaics: unfolded where their header says how, and refused where it does not."""

from __future__ import annotations

import struct
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread

from umit.errors import InputError
from umit.imaging.header import picture_size
from umit.imaging.read import load

STACK = np.random.default_rng(5).integers(0, 900, (7, 6, 8)).astype(np.uint16)
SHEET = np.zeros((18, 24), np.uint16)
for _k, _slice in enumerate(STACK):  # 3 × 3 tiles, the last two empty
    _row, _column = divmod(_k, 3)
    SHEET[6 * _row : 6 * _row + 6, 8 * _column : 8 * _column + 8] = _slice
TILTED = [1, 0, 0, 0, 0.8, -0.6]  # normal (0, 0.6, 0.8)


def _csa(**fields: tuple[str, list[str]]) -> bytes:
    """Write a CSA 2 header (nibabel, doc/source/dicom/siemens_csa.rst)."""
    block = b"SV10" + bytes(4) + struct.pack("<2I", len(fields), 77)
    for name, (kind, values) in fields.items():
        head = (name.encode(), len(values), kind.encode(), 0, len(values), 77)
        block += struct.pack("<64si4s3i", *head)
        for value in values:
            data = value.encode() + b"\0"
            block += struct.pack("<4i", len(data), len(data), 77, len(data))
            block += data + bytes(-len(data) % 4)
    return block


def _mosaic(dicom: Any, folder: Path, csa: bytes | None, **fields: Any) -> Path:
    given = {
        "Modality": "MR",
        "ImageType": ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"],
        "PixelSpacing": [2, 3],
        "SpacingBetweenSlices": 4,
        "ImagePositionPatient": [-50, -60, 70],
        "ImageOrientationPatient": TILTED,
    }
    data = dicom.header(SHEET, **(given | fields))
    if csa is not None:
        data.private_block(0x29, "SIEMENS CSA HEADER", create=True).add_new(0x10, "OB", csa)
    path: Path = dicom.saved(folder / "mosaic", data)
    return path


COUNT = ("US", ["7"])
TIMES = ("FD", [str(100.0 * k) for k in range(7)])
UP, DOWN = ("FD", ["0.0", "0.6", "0.8"]), ("FD", ["0.0", "-0.6", "-0.8"])


@pytest.mark.parametrize(
    ("csa", "down"),
    [
        ({"NumberOfImagesInMosaic": COUNT, "SliceNormalVector": UP}, False),
        ({"NumberOfImagesInMosaic": COUNT, "SliceNormalVector": DOWN}, True),
        ({"MosaicRefAcqTimes": TIMES, "SliceNormalVector": UP}, False),
    ],
)
def test_a_mosaic_is_the_volume_of_its_tiles(dicom: Any, tmp_path: Path, csa: dict[str, Any], down: bool) -> None:
    path = _mosaic(dicom, tmp_path, _csa(**csa))
    scan = load(path)
    assert np.array_equal(scan.voxels, STACK[::-1] if down else STACK)
    assert scan.spacing == pytest.approx((3, 2, 4))
    assert picture_size(path) == (8, 6, 7)
    # The position is that of a picture of 24 × 18 around the centre of a slice of 8 × 6.
    corner = np.array([-50 + 3 * 8, -60 + 0.8 * 2 * 6, 70 - 0.6 * 2 * 6])
    if down:
        corner -= 6 * 4 * np.array([0, 0.6, 0.8])
    assert np.array(scan.affine)[:3, 3] == pytest.approx(corner * (-1, -1, 1))
    assert np.array(scan.affine)[:3, 2] == pytest.approx((0, -2.4, 3.2))
    assert "series: a Siemens mosaic, unfolded into its 7 slices" in scan.warnings


@pytest.mark.parametrize(
    ("csa", "fields"),
    [
        (None, {}),
        (b"SV10" + bytes(4) + struct.pack("<2I", 9, 77), {}),  # breaks off
        (_csa(NumberOfImagesInMosaic=COUNT), {}),
        (_csa(SliceNormalVector=UP), {}),
        (_csa(NumberOfImagesInMosaic=("US", ["17"]), SliceNormalVector=UP), {}),  # 5 × 5 tiles
        (_csa(NumberOfImagesInMosaic=COUNT, SliceNormalVector=UP), {"SpacingBetweenSlices": None}),
        (_csa(NumberOfImagesInMosaic=COUNT, SliceNormalVector=UP), {"SpacingBetweenSlices": "inf"}),
        (
            _csa(NumberOfImagesInMosaic=COUNT, SliceNormalVector=UP),
            {"ImageOrientationPatient": [1, 0, 0, 0, 1, 0]},  # another normal
        ),
    ],
)
def test_a_mosaic_that_does_not_say_how_is_refused(
    dicom: Any, tmp_path: Path, csa: bytes | None, fields: dict[str, Any]
) -> None:
    path = _mosaic(dicom, tmp_path, csa, **fields)
    for read in (load, picture_size):
        with pytest.raises(InputError) as caught:
            read(path)
        assert caught.value.code == "mosaic"


@pytest.mark.parametrize("sheets", [1, 2])
def test_frame_chooses_a_sheet_and_no_other(dicom: Any, tmp_path: Path, sheets: int) -> None:
    path = _mosaic(dicom, tmp_path, _csa(NumberOfImagesInMosaic=COUNT, SliceNormalVector=UP))
    data = dcmread(path)
    data.NumberOfFrames = sheets
    data.PixelData = np.stack([SHEET + k for k in range(sheets)]).tobytes()
    dicom.saved(path, data)
    for k in range(sheets):
        assert np.array_equal(load(path, frame=k).voxels, STACK + k)
    with pytest.raises(InputError, match=f"frame= of 0 to {sheets - 1}, got 99"):
        load(path, frame=99)


def test_a_folder_of_mosaics_is_no_volume(dicom: Any, tmp_path: Path) -> None:
    path = _mosaic(dicom, tmp_path, None)
    (tmp_path / "again").write_bytes(path.read_bytes())
    with pytest.raises(InputError, match="got mosaics of many slices in 2 files"):
        load(tmp_path)


def test_nibabels_own_mosaic_is_placed_as_nibabel_places_it(tmp_path: Path) -> None:
    import gzip
    import warnings

    packed = files("nibabel") / "nicom" / "tests" / "data" / "siemens_dwi_0.dcm.gz"
    if not packed.is_file():
        pytest.skip("nibabel is installed without its test files")
    path = tmp_path / "mosaic.dcm"
    path.write_bytes(gzip.decompress(packed.read_bytes()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from nibabel.nicom.dicomwrappers import wrapper_from_file

        theirs: Any = wrapper_from_file(str(path))
    scan = load(path)
    assert np.array_equal(scan.voxels, theirs.get_unscaled_data().transpose(2, 0, 1))
    # Theirs is (row, column, slice) to LPS+.
    turned = np.diag([-1, -1, 1, 1]) @ theirs.affine[:, [1, 0, 2, 3]]
    assert np.array(scan.affine) == pytest.approx(turned)
