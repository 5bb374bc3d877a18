"""What helps to read a drawing: the patient's sides, a scale bar, the window; ASCII only."""

from __future__ import annotations

from typing import Final, TypeAlias

from PIL import ImageDraw, ImageFont

from umit.errors import InputError
from umit.imaging.orientation import OPPOSITE

__all__ = ["FONT", "GUIDE", "Colour", "draw_bar", "draw_sides", "text_width", "write_text"]

Colour: TypeAlias = tuple[int, int, int]

#: Colour of letters and scale bar; Okabe and Ito, "Color Universal Design", yellow.
GUIDE: Final[Colour] = (240, 228, 66)
FONT: Final = 14  # pixels
_STEPS: Final = tuple(m * 10.0**e for e in range(-3, 4) for m in (1, 2, 5))  # mm
_EDGE: Final = 4  # pixels between a guide and the edge of the picture


def write_text(pen: ImageDraw.ImageDraw, at: tuple[float, float], text: str, colour: Colour = (255, 255, 255)) -> None:
    """Write a line of ASCII on a picture; fonts for other scripts may be missing.

    Args:
        pen: Draws on the picture.
        at: Left and top edge in pixels.
        text: Printable ASCII.
        colour: Red, green, blue.

    Raises:
        InputError: Text with other characters.
    """
    if not (text.isascii() and text.isprintable()):
        raise InputError(
            f"expected printable ASCII on a picture, got {text!r}",
            code="ascii",
            where="text",
            hint="Write a number, and the name beside the picture.",
        )
    font = ImageFont.load_default(FONT)
    pen.text(at, text, fill=colour, font=font, stroke_width=1, stroke_fill=(0, 0, 0))


def text_width(text: str) -> float:
    """Return how many pixels a line takes."""
    return float(ImageFont.load_default(FONT).getlength(text))


def draw_sides(pen: ImageDraw.ImageDraw, size: tuple[int, int], letters: str) -> None:
    """Write which side of the patient each edge of the picture is.

    Args:
        pen: Draws on the picture.
        size: Width and height of the picture in pixels.
        letters: Where across and down run to, such as ``"LP"``.
    """
    width, height = size
    across, down = letters[0], letters[1]
    middle, centre = height / 2 - FONT / 2, width / 2 - FONT / 4
    write_text(pen, (_EDGE, middle), OPPOSITE[across], GUIDE)
    write_text(pen, (width - _EDGE - text_width(across), middle), across, GUIDE)
    write_text(pen, (centre, _EDGE / 2), OPPOSITE[down], GUIDE)
    write_text(pen, (centre, height - FONT - _EDGE), down, GUIDE)


def draw_bar(pen: ImageDraw.ImageDraw, size: tuple[int, int], mm: float) -> None:
    """Draw a bar of a round length at the lower left, at most a quarter of the width.

    Args:
        pen: Draws on the picture.
        size: Width and height of the picture in pixels.
        mm: Millimetres a pixel of the drawing.
    """
    fitting = [step for step in _STEPS if step / mm <= size[0] / 4]
    if not fitting:
        return
    length, bottom = fitting[-1] / mm, size[1] - 2 * _EDGE
    left, right = 2 * _EDGE, 2 * _EDGE + length
    for colour, width in (((0, 0, 0), 4), (GUIDE, 2)):  # dark around it, to be seen on white
        pen.line((left, bottom, right, bottom), fill=colour, width=width)
        for x in (left, right):
            pen.line((x, bottom - 3, x, bottom + 3), fill=colour, width=width)
    write_text(pen, (left, bottom - FONT - 2 * _EDGE), f"{fitting[-1]:g} mm", GUIDE)
