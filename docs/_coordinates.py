"""Draw the picture of docs/explanation/coordinates.md.

python docs/_coordinates.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from umit.display.guides import GUIDE, write_text
from umit.display.overlay import FOUND, TRUTH
from umit.imaging.orientation import to_affine
from umit.imaging.scan import Scan
from umit.imaging.view import Rendering, render

PICTURE = Path(__file__).parent / "images" / "coordinates.png"
WHITE, GREY, DARK = (255, 255, 255), (110, 110, 110), (24, 24, 24)
STEP = 56  # drawn pixels a pixel


def drawn() -> Image.Image:
    """Return both halves: pixels of a film on the left, a slice of a patient on the right."""
    sheet = Image.new("RGB", (940, 380), DARK)
    _pixels(ImageDraw.Draw(sheet), 40, 60)
    _patient(sheet, 520, 60)
    return sheet


def _pixels(pen: ImageDraw.ImageDraw, left: int, top: int) -> None:
    write_text(pen, (left, 12), "a film of 6 x 4 pixels, and Box2D(1, 1, 4, 3)", WHITE)
    for x in range(7):
        pen.line((left + x * STEP, top, left + x * STEP, top + 4 * STEP), fill=GREY)
        write_text(pen, (left + x * STEP - 4, top - 20), str(x), GUIDE)
    for y in range(5):
        pen.line((left, top + y * STEP, left + 6 * STEP, top + y * STEP), fill=GREY)
        write_text(pen, (left - 16, top + y * STEP - 8), str(y), GUIDE)
    box = (left + STEP, top + STEP, left + 4 * STEP, top + 3 * STEP)
    pen.rectangle(box, outline=FOUND, width=3)
    for x in range(6):
        for y in range(4):
            middle = (left + (x + 0.5) * STEP, top + (y + 0.5) * STEP)
            colour = FOUND if 1 <= x < 4 and 1 <= y < 3 else GREY
            pen.ellipse((middle[0] - 3, middle[1] - 3, middle[0] + 3, middle[1] + 3), fill=colour)
    for row, text in enumerate(
        (
            "numbers are edges: pixel 0 covers 0 to 1, its centre is 0.5",
            "half open: columns 1, 2, 3 and rows 1, 2; area 3 x 2",
            "the point of the first centre inside is (1.5, 1.5)",
        )
    ):
        write_text(pen, (left, top + 4 * STEP + 12 + 22 * row), text, WHITE)


def _patient(sheet: Image.Image, left: int, top: int) -> None:
    """A slice that is stored to the right, the front and the head, shown the way models see it."""
    x, y = np.meshgrid(np.arange(56) - 27.5, np.arange(56) - 27.5, indexing="xy")
    body = np.where((x / 26) ** 2 + (y / 20) ** 2 < 1, 110, 0).astype(np.uint8)
    body[8:16, 25:31] = 220  # the spine, at the back: low y of a grid that runs to the front
    body[28:38, 34:46] = 190  # the liver's side: high x of a grid that runs to the right
    scan = Scan(np.repeat(body[None], 2, axis=0), affine=to_affine(np.diag((5.0, 5.0, 5.0, 1.0))))
    shown = render(scan, Rendering(frame=(224, 224), depth=1)).frames[0]
    sheet.paste(Image.fromarray(shown), (left + 60, top))
    pen = ImageDraw.Draw(sheet)
    write_text(pen, (left, 12), "a slice: seen from the feet, right on the left", WHITE)
    for text, place in (
        ("R", (left + 64, top + 104)),
        ("L", (left + 272, top + 104)),
        ("A", (left + 168, top + 4)),
        ("P", (left + 168, top + 204)),
    ):
        write_text(pen, place, text, GUIDE)
    middle = (left + 172, top + 112)
    _arrow(pen, middle, (-70, 0), "x RAS+", FOUND)
    _arrow(pen, middle, (0, -60), "y RAS+", FOUND)
    _arrow(pen, middle, (70, 0), "x LPS", TRUTH)
    _arrow(pen, middle, (0, 60), "y LPS", TRUTH)
    for row, text in enumerate(
        (
            "RAS+ grows to the right, front, head (NIfTI)",
            "LPS grows to the left, back, head (DICOM)",
            "both in mm; z is the same: x and y change sign",
        )
    ):
        write_text(pen, (left, top + 236 + 22 * row), text, WHITE)


def _arrow(
    pen: ImageDraw.ImageDraw, start: tuple[int, int], way: tuple[int, int], text: str, colour: tuple[int, int, int]
) -> None:
    end = (start[0] + way[0], start[1] + way[1])
    pen.line((*start, *end), fill=colour, width=3)
    pen.ellipse((end[0] - 5, end[1] - 5, end[0] + 5, end[1] + 5), fill=colour)
    beside = (end[0] - 20, end[1] + 8) if way[0] else (end[0] + 10, end[1] - 8)
    write_text(pen, beside, text, colour)


if __name__ == "__main__":
    drawn().save(PICTURE, optimize=True)
