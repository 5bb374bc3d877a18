"""Pixel size where no tag but an ultrasound region or a ratio tells of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset, Sequence

from umit.imaging.read import load

FILM = np.arange(48, dtype=np.uint16).reshape(6, 8)


def _region(**fields: Any) -> Dataset:
    """A scale of 0.02 × 0.03 cm over the whole of FILM."""
    item = Dataset()
    whole = {
        "RegionLocationMinX0": 0, "RegionLocationMinY0": 0,
        "RegionLocationMaxX1": FILM.shape[1] - 1, "RegionLocationMaxY1": FILM.shape[0] - 1,
        "PhysicalUnitsXDirection": 3, "PhysicalUnitsYDirection": 3,
        "PhysicalDeltaX": 0.02, "PhysicalDeltaY": 0.03,
    }  # fmt: skip
    for name, value in (whole | fields).items():
        if value is not None:
            setattr(item, name, value)
    return item


IN_REGION = ["spacing: from the ultrasound region that covers the picture"]
NO_REGION = ["spacing: none known; no one ultrasound region in cm covers the picture"]
NOT_SQUARE = "spacing: none known, and pixels are not square: they are 4 high and 3 wide"


@pytest.mark.parametrize(
    ("regions", "expected", "notes"),
    [
        ([_region()], (0.2, 0.3), IN_REGION),
        ([_region(PhysicalDeltaY=-0.03)], (0.2, 0.3), IN_REGION),
        ([_region(), _region(RegionLocationMinX0=3, PhysicalDeltaX=1)], (0.2, 0.3), IN_REGION),
        ([_region(RegionLocationMaxX1=FILM.shape[1])], (0.2, 0.3), IN_REGION),
        ([_region(RegionLocationMaxX1=FILM.shape[1] - 2)], None, NO_REGION),
        ([_region(RegionLocationMinY0=1)], None, NO_REGION),
        ([_region(), _region(PhysicalDeltaX=1)], None, NO_REGION),
        ([_region(PhysicalUnitsYDirection=4)], None, NO_REGION),
        ([_region(PhysicalDeltaX=0)], None, NO_REGION),
        ([_region(PhysicalDeltaX=float("nan"))], None, NO_REGION),
        ([_region(PhysicalDeltaX=None)], None, NO_REGION),
        ([_region(RegionLocationMaxY1=None)], None, NO_REGION),
        ([], None, []),
    ],
    ids=[
        "one", "runs back", "others are parts", "end left out", "too narrow", "too low", "two",
        "seconds", "no size", "not a number", "no delta", "no corner", "none",
    ],
)  # fmt: skip
def test_an_ultrasound_region_that_is_the_picture_gives_its_scale(
    dicom: Any, tmp_path: Path, regions: list[Dataset], expected: Any, notes: list[str]
) -> None:
    path = dicom.film(tmp_path, FILM, Modality="US", SequenceOfUltrasoundRegions=Sequence(regions))
    scan = load(path)
    assert scan.spacing == (expected and pytest.approx(expected))
    assert [note for note in scan.warnings if note.startswith("spacing")] == notes


@pytest.mark.parametrize(
    ("fields", "notes"),
    [
        ({"PixelAspectRatio": [4, 3]}, [f"{NOT_SQUARE} (PixelAspectRatio)"]),  # height first
        ({"PixelAspectRatio": [4, 3], "PixelSpacing": [1, 1]}, []),
        ({"PixelAspectRatio": [2, 2]}, []),
        ({"PixelAspectRatio": [0, 1]}, ["spacing: PixelAspectRatio is not two positive numbers, passed over"]),
        ({"PixelAspectRatio": 2}, ["spacing: PixelAspectRatio is not two positive numbers, passed over"]),
        (
            {"PixelAspectRatio": [4, 3], "SequenceOfUltrasoundRegions": [_region(PhysicalDeltaX=0)]},
            [*NO_REGION, f"{NOT_SQUARE} (PixelAspectRatio)"],
        ),
        ({"PixelAspectRatio": [4, 3], "SequenceOfUltrasoundRegions": [_region()]}, IN_REGION),
    ],
    ids=["not square", "spacing known", "square", "no height", "one number", "both", "region"],
)
def test_pixels_that_are_not_square_are_said(
    dicom: Any, tmp_path: Path, fields: dict[str, Any], notes: list[str]
) -> None:
    scan = load(dicom.film(tmp_path, FILM, **fields))
    assert [note for note in scan.warnings if note.startswith("spacing")] == notes
