"""Drawings: marks where they belong in every orientation, and characters that every font has."""

from __future__ import annotations

from itertools import permutations, product
from string import printable

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from umit.display.overlay import FOUND, TRUTH, beside, draw, write_text
from umit.errors import InputError
from umit.geometry import Box2D, Box3D, Point2D, Space
from umit.imaging.orientation import to_affine
from umit.imaging.read import load
from umit.imaging.scan import Scan

FILM = load(np.zeros((500, 400), np.uint8), axes="yx")


def coloured(picture: Image.Image, colour: tuple[int, int, int]) -> NDArray[np.bool_]:
    """Return where a colour is, without the strip under the picture."""
    found: NDArray[np.bool_] = (np.asarray(picture)[:-22] == colour).all(axis=2)
    return found


def test_film_keeps_its_size_and_its_pixels() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (500, 400), dtype=np.uint8)
    picture = draw(load(pixels, axes="yx"))
    assert picture.size == (400, 522)
    assert np.array_equal(np.asarray(picture)[:500, :, 0], pixels)


def test_answer_and_truth_have_their_own_colours() -> None:
    picture = draw(FILM, [Box2D(100, 200, 180, 260)], [Box2D(110, 210, 190, 270)])
    assert coloured(picture, FOUND)[230, 100] and coloured(picture, FOUND)[259, 140]
    assert coloured(picture, TRUTH)[240, 110] and coloured(picture, TRUTH)[269, 150]
    assert not coloured(draw(FILM, [Box2D(9, 9, 99, 99)]), TRUTH).any()


def test_point_is_a_ring_around_its_place() -> None:
    rows, columns = np.nonzero(coloured(draw(FILM, [Point2D(200, 300)]), FOUND))
    ring = rows > 296
    assert abs(columns[ring].mean() - 200) < 2
    assert rows.max() <= 305


def test_what_could_not_be_read_keeps_its_number() -> None:
    point = Point2D(200, 300)
    first, second = (np.asarray(draw(FILM, marks)) for marks in ([point], [None, point]))
    assert (first != second).any()


def test_marks_at_the_edge_stay_on_the_picture() -> None:
    picture = draw(FILM, [Box2D(0, 0, 400, 500), Point2D(400, 500)], [Box2D(390, 490, 400, 500)])
    assert picture.size == (400, 522)
    assert coloured(picture, FOUND)[250, 0] and coloured(picture, FOUND)[250, 399]


def _cube(order: tuple[int, ...], flips: tuple[bool, ...]) -> tuple[Scan, Box3D]:
    """A volume in another axis order with a bright block away from the middle, and its box."""
    right, front, head = np.meshgrid(*(np.arange(n) for n in (60, 50, 20)), indexing="ij")
    bright = (right >= 40) & (right < 52) & (front >= 8) & (front < 20) & (head >= 3) & (head < 8)
    grid = np.where(bright, 255, 0).astype(np.uint8).transpose(order)
    matrix = np.zeros((4, 4))
    matrix[3, 3] = 1
    steps = (1.0, 1.0, 3.0)
    for axis, patient in enumerate(order):
        matrix[patient, axis] = -steps[patient] if flips[axis] else steps[patient]
        if flips[axis]:
            grid = np.flip(grid, axis)
    where = np.nonzero(grid)
    (x1, y1, z1), (x2, y2, z2) = ([f(axis) for axis in where] for f in (np.min, np.max))
    box = Box3D(*map(float, (x1, y1, z1, x2 + 1, y2 + 1, z2 + 1)))
    return Scan(np.ascontiguousarray(grid.transpose(2, 1, 0)), affine=to_affine(matrix)), box


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("flips", list(product((False, True), repeat=3)))
def test_box_surrounds_the_block_however_the_volume_is_stored(order: tuple[int, ...], flips: tuple[bool, ...]) -> None:
    scan, box = _cube(order, flips)
    picture = draw(scan, truth=[box])
    white = (np.asarray(picture)[:-22] > 200).all(axis=2)
    rows, columns = np.nonzero(white)
    scale = picture.width / 60
    # Patient right is on the image's left, the front at the top.
    assert columns.mean() == pytest.approx((60 - 46) * scale, abs=3)
    assert rows.mean() == pytest.approx((50 - 14) * scale, abs=3)
    edge_rows, edge_columns = np.nonzero(coloured(picture, TRUTH))
    assert edge_rows.min() == pytest.approx((50 - 20) * scale, abs=3)
    assert edge_columns.min() == pytest.approx((60 - 52) * scale, abs=3)


def test_each_box_of_a_volume_is_seen_on_a_slice() -> None:
    volume = load(np.zeros((30, 40, 40), np.uint8), axes="zyx")
    low, high = Box3D(2, 2, 1, 9, 9, 5), Box3D(12, 12, 20, 30, 30, 28)
    one = draw(volume, [low])
    two = draw(volume, [low, high], [Box3D(3, 3, 2, 9, 9, 5)])
    assert (one.width, two.width) == (384, 2 * 384 + 4)
    many = [Box3D(1, 1, z, 5, 5, z + 1) for z in range(9)]
    assert draw(volume, many).width == 4 * 384 + 3 * 4


def test_slice_of_a_volume_has_the_proportions_of_the_patient() -> None:
    volume = load(np.zeros((3, 50, 100), np.uint8), axes="zyx", spacing=(1, 2, 1))
    width, height = draw(volume).size
    assert width == height - 22


@pytest.mark.parametrize(
    "scan, mark",
    [
        (FILM, Box3D(0, 0, 0, 1, 1, 1)),
        (load(np.zeros((3, 9, 9), np.uint8), axes="zyx"), Box2D(0, 0, 1, 1)),
        (load(np.zeros((3, 9, 9), np.uint8), axes="zyx"), Point2D(0, 0)),
    ],
)
def test_marks_of_another_kind_are_refused(scan: Scan, mark: Box2D | Box3D | Point2D) -> None:
    with pytest.raises(InputError, match="expected Box"):
        draw(scan, [mark])


def test_marks_of_a_film_of_another_size_are_refused() -> None:
    film = load(np.zeros((40, 60), np.uint8), axes="yx")
    mark = Box2D(1, 1, 9, 9, space=Space(size=(60, 41)))
    with pytest.raises(InputError, match="60 × 41, got one of 60 × 40"):
        draw(film, [mark])


@pytest.mark.parametrize("text", ["结节", "é", "1\n2", "\x1b[0m", "½"])
def test_only_printable_ascii_is_written(text: str) -> None:
    pen = ImageDraw.Draw(Image.new("RGB", (60, 20)))
    with pytest.raises(InputError, match="ASCII"):
        write_text(pen, (0, 0), text)
    with pytest.raises(InputError, match="ASCII"):
        draw(FILM, caption=text)


def test_font_has_a_glyph_for_all_that_may_be_written() -> None:
    font = ImageFont.load_default(14)
    missing = bytes(font.getmask("\uffff"))
    shown = [c for c in printable if c.isprintable() and not c.isspace()]
    assert [c for c in shown if bytes(font.getmask(c)) in (missing, b"")] == []


def test_beside_brings_pictures_to_one_height() -> None:
    wide, high = Image.new("RGB", (100, 50)), Image.new("RGB", (50, 100))
    assert beside([wide, high]).size == (200 + 4 + 50, 100)
    assert beside([wide]).size == (100, 50)
    with pytest.raises(InputError):
        beside([])
