"""Drawings against stored ones: marks, sides, bar and window, on films, montages and planes.

The stored pictures are this code's own. After a change that is meant, look at them and store them again:

    UMIT_REGENERATE=1 python -m pytest tests/display/test_expected.py
"""

from __future__ import annotations

import os
import runpy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from umit.display.guides import FONT, GUIDE, text_width, write_text
from umit.display.overlay import FOUND, TRUTH
from umit.errors import InputError
from umit.geometry import Box2D, Box3D, Point2D
from umit.imaging.orientation import to_affine
from umit.imaging.scan import Scan
from umit.results import Detection, Detections, Landmark, Landmarks

EXPECTED = Path(__file__).parent / "expected"
#: Share of pixels that another version of the font or of the resize may change by more than 24 levels.
SLACK = 0.015
LARGEST = 40_000  # bytes


def boxes(*found: Box2D | Box3D, view: int | None = None) -> Detections:
    return Detections(items=tuple(Detection(label="x", box=box, view=view) for box in found))


def film(directions: str | None = "LI") -> Scan:
    pixels = np.full((1, 400, 400), 800, np.int16)
    pixels[0, 60:340, 60:180] = 300
    pixels[0, 60:340, 220:340] = 300
    pixels[0, 120:160, 90:130] = 900
    return Scan(pixels, spacing=(0.5, 0.5), window=(0.0, 1000.0), directions=directions)


LOW, HIGH = (8, 30, 2), (18, 40, 7)  # patient right, front


def volume(order: str = "RAS") -> tuple[Scan, Box3D]:
    """A trunk with a bright block on the patient's right, stored towards RAS or LPI; its box."""
    across, front, _ = np.meshgrid(*(np.arange(n) - n / 2 + 0.5 for n in (48, 48, 12)), indexing="ij")
    hu = np.where((across / 22) ** 2 + (front / 18) ** 2 < 1, 40, -1000).astype(np.int16)
    hu[22:26, 8:13] = 400  # the spine
    ras = np.diag((2.0, 2.0, 5.0, 1.0))
    ras[:3, 3] = (-47, -47, 300)
    # Patient right is at high indices of a grid that runs to the right.
    low, high = (48 - HIGH[0], LOW[1], LOW[2]), (48 - LOW[0], HIGH[1], HIGH[2])
    hu[low[0] : high[0], low[1] : high[1], low[2] : high[2]] = 150
    if order == "LPI":
        hu = hu[::-1, ::-1, ::-1]
        back = np.diag((-1.0, -1.0, -1.0, 1.0))
        back[:3, 3] = (47, 47, 11)
        ras = ras @ back
        low, high = (
            tuple(n - k for n, k in zip((48, 48, 12), high, strict=True)),
            tuple(n - k for n, k in zip((48, 48, 12), low, strict=True)),
        )
    scan = Scan(hu.transpose(2, 1, 0), affine=to_affine(ras), modality="CT")
    return scan.windowed("abdomen"), Box3D(*low, *high)


def drawn_film() -> Image.Image:
    return boxes(Box2D(85, 115, 140, 170)).overlay(film(), truth=boxes(Box2D(90, 120, 130, 160)))


def drawn_points() -> Image.Image:
    points = [Landmark(name="a", point=Point2D(110, 140)), Landmark(name="b", point=Point2D(300, 320))]
    return Landmarks(items=tuple(points)).overlay(film("RI"))


def drawn_volume() -> Image.Image:
    scan, box = volume()
    return boxes(box).overlay(scan)


def drawn_coronal() -> Image.Image:
    scan, box = volume()
    return boxes(box).overlay(scan.shown(plane="coronal"), truth=boxes(box))


DRAWN: dict[str, Callable[[], Image.Image]] = {
    "film": drawn_film,
    "points": drawn_points,
    "volume": drawn_volume,
    "coronal": drawn_coronal,
}


@pytest.mark.parametrize("name", DRAWN)
def test_drawings_are_the_stored_ones(name: str) -> None:
    path, picture = EXPECTED / f"{name}.png", DRAWN[name]()
    if os.environ.get("UMIT_REGENERATE"):
        picture.save(path, optimize=True)
    assert path.stat().st_size < LARGEST
    with Image.open(path) as stored:
        expected = np.asarray(stored.convert("RGB")).astype(int)
    found = np.asarray(picture).astype(int)
    assert found.shape == expected.shape
    apart = np.abs(found - expected).max(axis=2) > 24
    assert apart.mean() < SLACK
    for colour in (FOUND, TRUTH, GUIDE):  # lines are exact, but for the digits beside them
        here, there = (is_colour(pixels, colour) for pixels in (found, expected))
        assert (here ^ there).sum() <= 0.1 * there.sum() + 20, colour


def test_the_picture_of_the_coordinates_page_is_current() -> None:
    made = runpy.run_path(str(Path(__file__).parents[2] / "docs" / "_coordinates.py"))
    with Image.open(made["PICTURE"]) as stored:
        expected = np.asarray(stored.convert("RGB")).astype(int)
    found = np.asarray(made["drawn"]()).astype(int)
    assert found.shape == expected.shape, "run: python docs/_coordinates.py"
    assert (np.abs(found - expected).max(axis=2) > 24).mean() < SLACK, "run: python docs/_coordinates.py"


def is_colour(pixels: NDArray[np.int64], colour: tuple[int, int, int]) -> NDArray[np.bool_]:
    return np.asarray(np.abs(pixels - colour).max(axis=2) <= 24)


def at_edges(picture: Image.Image, width: int, height: int) -> str:
    """Read the letters at the left, right, upper and lower edge of a panel, by trying all six."""
    yellow = is_colour(np.asarray(picture)[:height, :width].astype(int), GUIDE)
    middle, centre = height / 2 - FONT / 2, width / 2 - FONT / 4
    read = ""
    for x, y in ((4, middle), (-4, middle), (centre, 2), (centre, height - FONT - 4)):
        unlike = {}
        for text in "RLAPSI":
            sheet = Image.new("RGB", (width, height))
            left = x if x > 0 else width + x - text_width(text)
            write_text(ImageDraw.Draw(sheet), (left, y), text, GUIDE)
            drawn = is_colour(np.asarray(sheet).astype(int), GUIDE)
            top, start = max(0, int(y) - 2), max(0, int(left) - 4)
            here = (slice(top, top + FONT + 6), slice(start, start + FONT + 4))
            unlike[text] = int((drawn ^ yellow)[here].sum())
        read += min(unlike, key=lambda text: unlike[text])
    return read


@pytest.mark.parametrize("order", ["RAS", "LPI"])
def test_sides_stand_where_the_patient_s_are(order: str) -> None:
    scan, box = volume(order)
    axial = boxes(box).overlay(scan)
    assert at_edges(axial, 256, 256) == "RLAP"
    coronal = boxes(box).overlay(scan.shown(plane="coronal"))
    width = (coronal.width - 8) // 3
    assert at_edges(coronal, width, round(width * 12 * 5 / (48 * 2))) == "RLSI"


@pytest.mark.parametrize("directions", ["LI", "RI", "LS"])
def test_films_say_their_sides_after_they_are_hung(directions: str) -> None:
    assert at_edges(boxes().overlay(film(directions)), 400, 400) == "RLSI"


def test_a_block_on_the_patient_s_right_is_drawn_on_the_left_of_the_image() -> None:
    for order in ("RAS", "LPI"):
        scan, box = volume(order)
        pixels = np.asarray(boxes(box).overlay(scan))[:256, :256].astype(int)
        rows, columns = np.nonzero(is_colour(pixels, FOUND))
        scale = 256 / 48
        assert columns.min() == pytest.approx(LOW[0] * scale, abs=10)  # the number stands out
        assert columns.max() == pytest.approx(HIGH[0] * scale, abs=2)
        assert rows.max() == pytest.approx((48 - LOW[1]) * scale, abs=2)


def test_a_montage_shows_the_slices_that_a_box_lies_in() -> None:
    scan, box = volume()
    picture = boxes(box).overlay(scan)
    pixels = np.asarray(picture).astype(int)
    columns, rows = 3, 2  # five slices: 2 to 6
    assert picture.width == 3 * 256 + 2 * 4
    tiles = [
        pixels[y * picture.height // rows :, x * 260 : x * 260 + 256][:256] for y in range(rows) for x in range(columns)
    ]
    assert [is_colour(tile, FOUND).any() for tile in tiles] == [True] * 5 + [False]


def test_the_bar_is_as_long_as_it_says() -> None:
    pixels = np.asarray(boxes().overlay(film())).astype(int)
    row = is_colour(pixels, GUIDE)[400 - 8]  # the film is 200 mm wide and drawn a pixel a pixel
    assert row.sum() == pytest.approx(50 / 0.5, abs=3)


def test_unknown_sides_and_sizes_are_not_drawn() -> None:
    bare = Scan(np.full((1, 400, 400), 9, np.uint8))
    assert not is_colour(np.asarray(boxes().overlay(bare)).astype(int), GUIDE).any()


def test_views_are_drawn_side_by_side_each_with_its_own_boxes() -> None:
    found = Detections(items=tuple(Detection(label="x", box=Box2D(90, 120, 130, 160), view=k) for k in (1, 0)))
    picture = found.overlay([film(), film()])
    pixels = np.asarray(picture).astype(int)
    assert picture.width == 804
    one = boxes(Box2D(90, 120, 130, 160)).overlay(film())
    assert np.array_equal(pixels[:400, 404:], np.asarray(one)[:400].astype(int))  # number 1
    assert not np.array_equal(pixels[:400, :400], np.asarray(one)[:400].astype(int))  # number 2


@pytest.mark.parametrize(
    ("result", "scans"),
    [
        (boxes(Box2D(0, 0, 1, 1), view=1), film()),
        (boxes(Box2D(0, 0, 1, 1), view=2), [film(), film()]),
        (boxes(Box2D(0, 0, 1, 1)), [film(), film()]),
    ],
)
def test_boxes_of_views_that_are_not_given(result: Detections, scans: Scan | list[Scan]) -> None:
    with pytest.raises(InputError, match="expected the scans that the result is of"):
        result.overlay(scans)


def test_a_box_of_another_kind_of_scan_is_refused() -> None:
    with pytest.raises(InputError, match="expected Box3D on a volume"):
        boxes(Box2D(0, 0, 1, 1)).overlay(volume()[0])
