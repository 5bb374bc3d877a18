"""Boxes and points drawn on the picture that was shown; numbers and ASCII only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, TypeAlias

from PIL import Image, ImageDraw, ImageFont

from umit.errors import InputError
from umit.geometry import Box2D, Box3D, Point2D
from umit.imaging.frame import shown_axes
from umit.imaging.read import load
from umit.imaging.scan import Scan, ScanLike
from umit.imaging.view import Rendering, View, render
from umit.imaging.window import default_window

__all__ = ["FOUND", "TRUTH", "Colour", "Mark", "beside", "draw", "write_text"]

Mark: TypeAlias = Box2D | Box3D | Point2D
Marks: TypeAlias = Sequence[Mark | None]
Colour: TypeAlias = tuple[int, int, int]

# Orange and sky blue stay apart for colour-blind readers; Okabe and Ito, "Color Universal Design".
#: Colour of what a model answered.
FOUND: Final[Colour] = (230, 159, 0)
#: Colour of what is true.
TRUTH: Final[Colour] = (86, 180, 233)

_LEAST, _MOST = 384 * 384, 768 * 768  # pixels of a drawing; smaller ones could not hold the numbers
_PANELS: Final = 4  # slices side by side
_FONT: Final = 14  # pixels
_STRIP: Final = 22  # height of the strip under a picture


def draw(scan: ScanLike, found: Marks = (), truth: Marks = (), *, caption: str = "") -> Image.Image:
    """Draw boxes and points on a scan, windowed and turned the way models see it.

    A volume becomes one to four slices side by side, through the middle of its boxes.

    Args:
        scan: A film or a volume.
        found: What a model answered, in source pixels or voxels, numbered from 1 in :data:`FOUND`;
            ``None`` keeps the number of what could not be read.
        truth: What is true, numbered likewise in :data:`TRUTH`.
        caption: Written under the picture; ASCII only.

    Raises:
        InputError: An unreadable scan, marks of another number of axes, or a caption beyond ASCII.

    Example:
        >>> import numpy as np
        >>> draw(load(np.zeros((400, 400), np.uint8), axes="yx"), [Box2D(10, 10, 90, 50)]).size
        (400, 422)
    """
    source = load(scan)
    marks = [mark for mark in (*found, *truth) if mark is not None]
    for mark in marks:
        if isinstance(mark, Box3D) != source.is_volume:
            kind = "Box3D on a volume" if source.is_volume else "Box2D or Point2D on a film"
            raise InputError(f"expected {kind}, got {type(mark).__name__}", code="axes")
    if not source.is_volume:
        return _panel(source, found, truth, caption)
    axis = shown_axes(source, volume=True)[0][2]
    panels = []
    for index in _slices(source, axis, marks):
        cut = _slab(source, axis, index)
        here, true = (_through(group, axis, index) for group in (found, truth))
        text = f"{caption} slice {index}".strip()
        panels.append(_panel(cut, here, true, text, depth=cut.has_depth))
    return beside(panels)


def beside(pictures: Sequence[Image.Image], *, height: int | None = None) -> Image.Image:
    """Return pictures side by side, brought to one height.

    Args:
        pictures: At least one.
        height: Pixels; ``None`` takes the highest picture's.

    Raises:
        InputError: No picture.
    """
    if not pictures:
        raise InputError("expected at least one picture, got none", code="empty", where="pictures")
    rows = height or max(picture.height for picture in pictures)
    scaled = [
        picture
        if picture.height == rows
        else picture.resize((max(1, round(picture.width * rows / picture.height)), rows))
        for picture in pictures
    ]
    gap = 0 if len(scaled) == 1 else 4
    sheet = Image.new("RGB", (sum(p.width for p in scaled) + gap * (len(scaled) - 1), rows))
    left = 0
    for picture in scaled:
        sheet.paste(picture, (left, 0))
        left += picture.width + gap
    return sheet


def write_text(
    pen: ImageDraw.ImageDraw, at: tuple[float, float], text: str, colour: Colour = (255, 255, 255)
) -> None:
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
    font = ImageFont.load_default(_FONT)
    pen.text(at, text, fill=colour, font=font, stroke_width=1, stroke_fill=(0, 0, 0))


def _slices(scan: Scan, axis: int, marks: Sequence[Mark]) -> list[int]:
    """Return source slices so that each box is seen, through its middle if no other shows it."""
    last = scan.size[axis] - 1
    chosen: list[int] = []
    for mark in marks:
        if not isinstance(mark, Box3D) or any(_cuts(mark, axis, index) for index in chosen):
            continue
        middle = int((mark.corners[axis] + mark.corners[axis + 3]) / 2)
        chosen.append(min(max(middle, 0), last))
    return chosen[:_PANELS] or [last // 2]


def _cuts(box: Box3D, axis: int, index: int) -> bool:
    return box.corners[axis] <= index + 0.5 <= box.corners[axis + 3]


def _through(marks: Marks, axis: int, index: int) -> list[Mark | None]:
    """Return the boxes that a slice cuts, moved to that slice alone; others leave their number."""
    kept: list[Mark | None] = []
    for mark in marks:
        if isinstance(mark, Box3D) and _cuts(mark, axis, index):
            ends = list(mark.corners)
            ends[axis], ends[axis + 3] = 0.0, 1.0
            x1, y1, z1, x2, y2, z2 = ends
            kept.append(Box3D(x1, y1, z1, x2, y2, z2))
        else:
            kept.append(None)
    return kept


def _slab(scan: Scan, axis: int, index: int) -> Scan:
    """Return one slice across a source axis as a scan of its own, in the window of the whole."""
    window = scan.window or default_window(scan.voxels, scan.modality)[0]
    cut = [slice(None)] * 3
    cut[2 - axis] = slice(index, index + 1)  # source axis a is array axis 2 - a
    affine = scan.affine
    if affine is not None:
        moved = [(r[0], r[1], r[2], r[3] + r[axis] * index) for r in affine[:3]]
        affine = (*moved, affine[3])
    return replace(scan, voxels=scan.voxels[tuple(cut)], affine=affine, window=window)


def _panel(
    scan: Scan, found: Marks, truth: Marks, caption: str, *, depth: bool = False
) -> Image.Image:
    view = render(scan, _rendering(scan, depth))
    shown = Image.fromarray(view.frames[0])
    sheet = Image.new("RGB", (shown.width, shown.height + _STRIP))
    sheet.paste(shown, (0, 0))
    pen = ImageDraw.Draw(sheet)
    for marks, colour in ((truth, TRUTH), (found, FOUND)):
        for number, mark in enumerate(marks, 1):
            if mark is not None:
                _mark(pen, _ends(mark, view, shown.size), str(number), colour, shown.size)
    _legend(pen, shown.height, caption, found=bool(found), truth=bool(truth))
    return sheet


def _rendering(scan: Scan, depth: bool) -> Rendering:
    """Show a scan at its own size where that is practical, in the proportions of the patient."""
    axes = shown_axes(scan, volume=depth)[0][:2]
    size = [scan.size[axis] for axis in axes]
    mm = [scan.spacing[axis] for axis in axes] if scan.spacing else [1.0, 1.0]
    fed = [max(1, round(n * step / min(mm))) for n, step in zip(size, mm, strict=True)]
    return Rendering(
        frame=None,
        depth=1 if depth else None,
        min_pixels=_LEAST,
        max_pixels=_MOST,
        factor=1,
        fed=(fed[0], fed[1]),
    )


def _ends(mark: Mark, view: View, size: tuple[int, int]) -> tuple[float, float, float, float]:
    """Return the two corners of a mark, or a point twice, in pixels of the drawing."""
    corners = (mark.x, mark.y) * 2 if isinstance(mark, Point2D) else mark.corners
    half, axes = len(corners) // 2, len(view.frame_size)
    ends = [view.geometry.to_frame(end[:axes]) for end in (corners[:half], corners[half:])]
    scale = [pixels / length for pixels, length in zip(size, view.frame_size[:2], strict=True)]
    (ax, bx), (ay, by) = (sorted(end[i] * scale[i] for end in ends) for i in (0, 1))
    return ax, ay, bx, by


def _mark(
    pen: ImageDraw.ImageDraw,
    ends: tuple[float, float, float, float],
    number: str,
    colour: Colour,
    size: tuple[int, int],
) -> None:
    """Draw a box or a point and its number, which stays inside of the picture."""
    x1, y1, x2, y2 = ends
    width = max(2, max(size) // 320)
    if (x1, y1) == (x2, y2):
        reach = 2 * width
        x1, y1, x2, y2 = x1 - reach, y1 - reach, x2 + reach, y2 + reach
        pen.ellipse((x1, y1, x2, y2), outline=colour, width=width)
    else:
        pen.rectangle((x1, y1, max(x2 - 1, x1), max(y2 - 1, y1)), outline=colour, width=width)
    above = colour == FOUND  # answer and truth often overlap, so their numbers stand apart
    left = (x2 + 2) if not above else x1 - 10 * len(number)
    top = y1 - _FONT if above else y2 - 4
    at = (
        min(max(left, 0.0), size[0] - 10.0 * len(number)),
        min(max(top, 0.0), size[1] - _FONT - 2.0),
    )
    write_text(pen, at, number, colour)


def _legend(pen: ImageDraw.ImageDraw, top: int, caption: str, *, found: bool, truth: bool) -> None:
    parts: list[tuple[str, Colour]] = [("answer", FOUND)] * found + [("truth", TRUTH)] * truth
    left = 4.0
    for text, colour in [*parts, (caption, (255, 255, 255))]:
        write_text(pen, (left, top + 2), text, colour)
        left += 9.0 * len(text) + 6.0
