"""Boxes and points drawn on the picture that was shown; numbers and ASCII only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, TypeAlias

from PIL import Image, ImageDraw

from umit.display.guides import FONT, Colour, draw_bar, draw_sides, text_width, write_text
from umit.errors import InputError
from umit.geometry import Box3D, Mark, Point2D
from umit.imaging.frame import shown_axes, shown_letters
from umit.imaging.prefetch import listed
from umit.imaging.read import load
from umit.imaging.scan import Scan, ScanLike
from umit.imaging.view import Rendering, View, render
from umit.imaging.window import default_window

__all__ = ["FOUND", "TRUTH", "Colour", "Mark", "Picture", "Scans", "beside", "draw", "draw_views", "write_text"]

Marks: TypeAlias = Sequence[Mark | None]
Picture: TypeAlias = Image.Image
Scans: TypeAlias = "ScanLike | Sequence[ScanLike]"

# Orange and sky blue stay apart for colour-blind readers; Okabe and Ito, "Color Universal Design".
#: Colour of what a model answered.
FOUND: Final[Colour] = (230, 159, 0)
#: Colour of what is true.
TRUTH: Final[Colour] = (86, 180, 233)

_LEAST, _MOST = 384 * 384, 768 * 768  # pixels of a drawing; smaller ones could not hold the numbers
_TILE = 256 * 256  # of one slice of many
_PANELS: Final = 4  # slices side by side
_MONTAGE: Final = 9  # slices of a volume that a result is drawn on
_LINE: Final = 22  # height of a line of text under a picture


def draw(
    scan: ScanLike, found: Marks = (), truth: Marks = (), *, caption: str = "", panels: int | None = None
) -> Image.Image:
    """Draw boxes and points on a scan, windowed and turned the way models see it.

    The patient's sides stand at the edges and a scale bar in mm below, where the file records
    them; the window stands under the picture. A volume becomes one to four slices side by side,
    through the middle of its boxes, or a montage.

    Args:
        scan: A film or a volume.
        found: What a model answered, in source pixels or voxels, numbered from 1 in :data:`FOUND`;
            ``None`` keeps the number of what could not be read.
        truth: What is true, numbered likewise in :data:`TRUTH`.
        caption: Written under the picture; ASCII only.
        panels: For a volume: a montage of up to so many slices, spread over its boxes, or over the
            volume if there are none.

    Raises:
        InputError: An unreadable scan, marks of another number of axes or of a scan of another size, or a caption beyond ASCII.

    Example:
        >>> import numpy as np
        >>> from umit.geometry import Box2D
        >>> draw(load(np.zeros((400, 400), np.uint8), axes="yx"), [Box2D(10, 10, 90, 50)]).size
        (400, 422)
    """
    source = load(scan)
    marks = [mark for mark in (*found, *truth) if mark is not None]
    for mark in marks:
        if isinstance(mark, Box3D) != source.is_volume:
            kind = "Box3D on a volume" if source.is_volume else "Box2D or Point2D on a film"
            raise InputError(f"expected {kind}, got {type(mark).__name__}", code="axes")
        if mark.space is not None and mark.space.size != source.space.size:
            sizes = [" × ".join(map(str, one.size)) for one in (mark.space, source.space)]
            raise InputError(
                f"expected the scan that the marks are of, {sizes[0]}, got one of {sizes[1]}", code="size", where="scan"
            )
    if not source.is_volume:
        return _panel(source, found, truth, caption)
    axes, flips, _ = shown_axes(source, volume=True)
    pictures = []
    for index in _slices(source, axes[2], flips[2], marks, panels):
        cut = _slab(source, axes[2], index)
        here, true = (_through(group, axes[2], index) for group in (found, truth))
        text = f"{caption} slice {index}".strip()
        least = _LEAST if panels is None else _TILE
        pictures.append(_panel(cut, here, true, text, depth=cut.has_depth, least=least))
    columns = len(pictures) if len(pictures) <= _PANELS else math.ceil(math.sqrt(len(pictures)))
    rows = [beside(pictures[k : k + columns]) for k in range(0, len(pictures), columns)]
    return _stacked(rows)


def draw_views(
    scans: Scans, found: Sequence[tuple[int | None, Mark]], truth: Sequence[tuple[int | None, Mark]] = ()
) -> Image.Image:
    """Draw a result on the scan it is of, or on each of several views.

    Args:
        scans: What was asked about, in the order it was given.
        found: Marks, each with the index of its view; ``None`` where there is one.
        truth: Likewise.

    Raises:
        InputError: As :func:`draw`, or a mark whose view is not among the scans.
    """
    views: list[ScanLike] = listed(scans)
    for view, _ in (*found, *truth):
        if (view is None and len(views) != 1) or not 0 <= (view or 0) < len(views):
            raise InputError(
                f"expected the scans that the result is of, got {len(views)} for view {view}",
                code="views",
                where="scan",
            )

    def of(marks: Sequence[tuple[int | None, Mark]], k: int) -> list[Mark | None]:
        return [mark if (view or 0) == k else None for view, mark in marks]

    return beside([draw(scan, of(found, k), of(truth, k), panels=_MONTAGE) for k, scan in enumerate(views)])


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


def _stacked(rows: Sequence[Image.Image]) -> Image.Image:
    if len(rows) == 1:
        return rows[0]
    gap = 4
    height = sum(row.height for row in rows) + gap * (len(rows) - 1)
    sheet = Image.new("RGB", (max(row.width for row in rows), height))
    top = 0
    for row in rows:
        sheet.paste(row, (0, top))
        top += row.height + gap
    return sheet


def _slices(scan: Scan, axis: int, flip: bool, marks: Sequence[Mark], panels: int | None) -> list[int]:
    """Return source slices so that each box is seen, in the order in which they are shown.

    Without ``panels`` one a box, through its middle if no other slice shows it; with it as many as
    fit, spread over each box.
    """
    low, high = scan.presentation.slices or (0, scan.size[axis])
    spans = [(m.corners[axis], m.corners[axis + 3]) for m in marks if isinstance(m, Box3D)]
    each = 1 if panels is None else max(1, panels // max(1, len(spans)))
    chosen: list[int] = []
    for start, stop in spans or [(low, high)]:
        if panels is None and any(start <= k + 0.5 <= stop for k in chosen):
            continue
        for part in range(each):
            place = int(start + (stop - start) * (2 * part + 1) / (2 * each))
            chosen.append(min(max(place, 0), scan.size[axis] - 1))
    kept = list(dict.fromkeys(chosen))[: panels or _PANELS]
    return sorted(kept, reverse=flip)


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
    window = scan.window or default_window(scan.measured, scan.modality)[0]
    cut = [slice(None)] * 3
    cut[2 - axis] = slice(index, index + 1)  # source axis a is array axis 2 - a
    affine = scan.affine
    if affine is not None:
        moved = [(r[0], r[1], r[2], r[3] + r[axis] * index) for r in affine[:3]]
        affine = (*moved, affine[3])
    return replace(
        scan,
        voxels=scan.voxels[tuple(cut)],
        affine=affine,
        positions=None,
        window=window,
        presentation=replace(scan.presentation, slices=None),
    )


def _panel(
    scan: Scan, found: Marks, truth: Marks, caption: str, *, depth: bool = False, least: int = _LEAST
) -> Image.Image:
    view = render(scan, _rendering(scan, depth, least))
    shown = Image.fromarray(view.frames[0])
    lines = _legend(scan, caption, shown.width, found=bool(found), truth=bool(truth))
    sheet = Image.new("RGB", (shown.width, shown.height + _LINE * len(lines)))
    sheet.paste(shown, (0, 0))
    pen = ImageDraw.Draw(sheet)
    letters = shown_letters(scan, volume=depth)
    if letters is not None:
        draw_sides(pen, shown.size, letters)
    if scan.spacing is not None:
        across = view.geometry.axes[0]
        draw_bar(pen, shown.size, scan.spacing[across] * scan.size[across] / shown.width)
    for marks, colour in ((truth, TRUTH), (found, FOUND)):
        for number, mark in enumerate(marks, 1):
            if mark is not None:
                _mark(pen, _ends(mark, view, shown.size), str(number), colour, shown.size)
    for row, line in enumerate(lines):
        for left, text, colour in line:
            write_text(pen, (left, shown.height + _LINE * row + 2), text, colour)
    return sheet


def _rendering(scan: Scan, depth: bool, least: int) -> Rendering:
    """Show a scan at its own size where that is practical, in the proportions of the patient."""
    axes = shown_axes(scan, volume=depth)[0][:2]
    size = [scan.size[axis] for axis in axes]
    mm = [scan.spacing[axis] for axis in axes] if scan.spacing else [1.0, 1.0]
    fed = [max(1, round(n * step / min(mm))) for n, step in zip(size, mm, strict=True)]
    return Rendering(
        frame=None, depth=1 if depth else None, min_pixels=least, max_pixels=_MOST, factor=1, fed=(fed[0], fed[1])
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
    top = y1 - FONT if above else y2 - 4
    at = (min(max(left, 0.0), size[0] - 10.0 * len(number)), min(max(top, 0.0), size[1] - FONT - 2.0))
    write_text(pen, at, number, colour)


_Line: TypeAlias = list[tuple[float, str, Colour]]


def _legend(scan: Scan, caption: str, width: int, *, found: bool, truth: bool) -> list[_Line]:
    """Return the text under a picture: one line, or a second one for what does not fit."""
    parts: list[tuple[str, Colour]] = [("answer", FOUND)] * found + [("truth", TRUTH)] * truth
    white = (255, 255, 255)
    parts += [(caption, white)] if caption else []
    if scan.window is not None:
        low, high = scan.window
        parts.append((f"W {high - low:g} L {(low + high) / 2:g}", white))
    lines: list[_Line] = [[]]
    left = 4.0
    for text, colour in parts:
        if lines[-1] and left + text_width(text) > width - 4:
            lines.append([])
            left = 4.0
        lines[-1].append((left, text, colour))
        left += text_width(text) + 12.0
    return lines
