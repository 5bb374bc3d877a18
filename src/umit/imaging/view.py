"""What the model sees of a scan, and the way back to the scan's own pixels.

The fed size, which a picture is resized to, and the frame, in which coordinates are written, are
two things: UMIT writes pixels of 1024 × 1024 and is fed 756 × 756, Qwen2-VL writes thousandths whatever it is fed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from umit.errors import InputError
from umit.geometry import Box2D, Box3D, Point2D, Space
from umit.imaging.frame import ViewGeometry, shown_axes
from umit.imaging.prepare import foreground, levels, luminance, stretched
from umit.imaging.presentation import depth_axis
from umit.imaging.resize import resize_rgb, smart_resize
from umit.imaging.scan import Scan, within
from umit.imaging.window import default_window, to_grey

__all__ = ["Preparation", "Rendering", "View", "ViewGeometry", "render", "resize_rgb", "smart_resize"]

Preparation: TypeAlias = Literal["nearest", "m3d"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rendering:
    """How a scan is shown to a model and in which numbers the model writes coordinates.

    Args:
        frame: ``(width, height)`` that coordinates are written in; ``None``: the picture's own. Thousandths are
            ``(1000, 1000)``, shares of the sides ``(1, 1)``.
        depth: ``None`` for one slice, else how many slices of a volume are shown and written.
        min_pixels: Fewest pixels fed a picture; 4 * 28 * 28, ms-swift 2.6.1.
        max_pixels: Most pixels fed a picture; 768 * 28 * 28, UMIT's MAX_PIXELS.
        factor: Both fed sides are multiples of this; 14-pixel patches merged 2 × 2, Qwen2-VL.
        fed: ``(width, height)`` that every picture is squeezed to before the budget is kept; ``None``: a film keeps its
            own sides, and a volume's slices have the frame's.
        preparation: How a volume comes to its slices. ``"nearest"`` takes whole slices of the file;
            ``"m3d"`` crops to what is not black, stretches the grey levels and resizes in all three
            axes, as the volumes of UMIT's training were (:mod:`umit.imaging.prepare`).
        in_fed: Whether a film's coordinates are written in pixels of the fed picture, as Qwen2.5-VL does.

    Example:
        >>> Rendering(frame=(256, 256), depth=32).max_pixels
        602112
        >>> Rendering(frame=None, in_fed=True).frame_of(1000, 2400)
        (476, 1176)
    """

    frame: tuple[int, int] | None
    depth: int | None = None
    min_pixels: int = 3136
    max_pixels: int = 602112
    factor: int = 28
    fed: tuple[int, int] | None = None
    preparation: Preparation = "nearest"
    in_fed: bool = False

    def __post_init__(self) -> None:
        if self.in_fed and (self.frame is not None or self.depth is not None):
            raise InputError(f"expected a film's own frame for the pixels that are fed, got {self}", code="rendering")
        if self.preparation not in get_args(Preparation) or (
            self.preparation == "m3d" and (self.depth is None or self.frame is None)
        ):
            raise InputError(
                f"expected a preparation of {', '.join(get_args(Preparation))}, m3d with a frame "
                f"and a depth, got {self}",
                code="rendering",
            )
        sizes = (*(self.frame or ()), self.depth if self.depth is not None else 1, self.factor)
        if min(sizes) < 1 or not 1 <= self.min_pixels <= self.max_pixels:
            raise InputError(f"expected positive sizes and min <= max, got {self}", code="rendering")

    def fed_size(self, width: int, height: int) -> tuple[int, int]:
        """Return the ``(width, height)`` at which a picture of a width and a height in pixels is fed.

        Raises:
            InputError: One side is more than 200 times the other.
        """
        own = self.frame if self.depth is not None else None
        width, height = self.fed or own or (width, height)
        rows, columns = smart_resize(
            height, width, factor=self.factor, min_pixels=self.min_pixels, max_pixels=self.max_pixels
        )
        return columns, rows

    def frame_of(self, width: int, height: int) -> tuple[int, int]:
        """Return the ``(width, height)`` in which places on a picture of a width and a height are written.

        Raises:
            InputError: As for :meth:`fed_size`.
        """
        if self.in_fed:
            return self.fed_size(width, height)
        return self.frame or (width, height)


@dataclass(frozen=True, eq=False)
class View:
    """The pictures a model sees and the way between their frame and the scan.

    Args:
        frames: Read-only ``uint8`` pictures ``(height, width, 3)`` at the size that is fed.
        geometry: The way between frame and source.
        warnings: What rendering chose or assumed; a scan's own warnings come first.

    Example:
        >>> film = Scan(np.zeros((1, 2400, 1935), np.uint8))
        >>> render(film, Rendering(frame=(600, 800))).box_to_source((0, 0, 300, 400)).corners
        (0.0, 0.0, 967.5, 1200.0)
    """

    frames: tuple[NDArray[np.uint8], ...]
    geometry: ViewGeometry
    warnings: tuple[str, ...] = ()

    @classmethod
    def of(cls, geometry: ViewGeometry) -> View:
        """Return a view without pixels, so that a journal can be read again."""
        return cls((), geometry)

    @property
    def frame_size(self) -> tuple[int, ...]:
        """``(width, height)`` or ``(width, height, depth)`` in which coordinates are written."""
        return self.geometry.frame

    def box_to_frame(self, box: Box2D | Box3D) -> tuple[float, ...]:
        """Return a source box as ``(x1, y1[, z1], x2, y2[, z2])`` of the frame, low before high.

        Raises:
            InputError: Another number of axes than the view's, or several scans.
        """
        corners, n = box.corners, self._axes(len(box.corners) // 2)
        return _ordered(self.geometry.to_frame(corners[:n]), self.geometry.to_frame(corners[n:]))

    def box_to_source(self, box: Sequence[float]) -> Box2D | Box3D:
        """Return ``(x1, y1[, z1], x2, y2[, z2])`` of the frame as a box of the source.

        Raises:
            InputError: Another number of axes, several scans, or a box without area.
        """
        n = self._axes(len(box) // 2 if len(box) % 2 == 0 else 0)
        source = self.geometry.source
        ends = _ordered(self.geometry.to_source(box[:n]), self.geometry.to_source(box[n:]))
        if n == 2:
            x1, y1, x2, y2 = ends
            return Box2D(x1, y1, x2, y2, space=source)
        x1, y1, z1, x2, y2, z2 = ends
        return Box3D(x1, y1, z1, x2, y2, z2, space=source)

    def point_to_frame(self, point: Point2D) -> tuple[float, float]:
        """Return a source point as ``(x, y)`` of the frame.

        Raises:
            InputError: The view shows a volume or several scans.
        """
        self._axes(2)
        x, y = self.geometry.to_frame((point.x, point.y))
        return x, y

    def point_to_source(self, point: Sequence[float]) -> Point2D:
        """Return ``(x, y)`` of the frame as a point of the source.

        Raises:
            InputError: The view shows a volume or several scans.
        """
        self._axes(len(point))
        x, y = self.geometry.to_source(point)
        return Point2D(x, y, space=self.geometry.source)

    def _axes(self, given: int) -> int:
        if self.geometry.pictures != 1:
            raise InputError("expected one scan for coordinates, got several", code="views")
        if given != len(self.frame_size):
            raise InputError(f"expected coordinates of {len(self.frame_size)} axes, got {given}", code="axes")
        return given


def _ordered(a: Sequence[float], b: Sequence[float]) -> tuple[float, ...]:
    return (*map(min, a, b), *map(max, a, b))


def render(scan: Scan | Sequence[Scan], rendering: Rendering) -> View:
    """Show one scan, or several views of one patient, the way a task wants it.

    A film is windowed and resized once, from its own pixels. A volume with an affine is flipped and
    permuted to axial slices, by whole axes only: patient right on the image's left, front at the
    top, feet first. Without an affine it is shown as stored. :meth:`Scan.shown` chooses otherwise.

    Args:
        scan: One scan, or several whose pictures follow each other.
        rendering: Frame, depth and budget of the task.

    Returns:
        The pictures, and the geometry of the first scan.

    Raises:
        InputError: No scan, a volume where a film is asked, or the other way round.

    Example:
        >>> film = Scan(np.zeros((1, 2400, 1935), np.uint8))
        >>> render(film, Rendering(frame=(600, 800), fed=(600, 800))).frames[0].shape
        (812, 588, 3)
    """
    scans = (scan,) if isinstance(scan, Scan) else tuple(scan)
    if not scans:
        raise InputError("expected at least one scan, got none", code="empty", where="scan")
    views = [_one(item, rendering, len(scans)) for item in scans]
    return View(
        tuple(frame for view in views for frame in view.frames),
        views[0].geometry,
        tuple(dict.fromkeys(warning for view in views for warning in view.warnings)),
    )


def _one(scan: Scan, rendering: Rendering, pictures: int) -> View:
    if rendering.depth is None and scan.is_volume:
        raise InputError(
            f"expected one picture, got a volume of {scan.voxels.shape[0]} slices",
            code="volume",
            where=scan.name,
            hint="Pass one slice with umit.load(..., slices=(k, k + 1)), or use a volume's task.",
        )
    if rendering.depth is not None and not scan.has_depth:
        raise InputError("expected a volume, got a film", code="film", where=scan.name, hint="Use a film's task.")
    if rendering.preparation == "m3d" and scan.padding:
        scan = _darkened(scan)
    window, chosen = _window(scan, rendering)
    geometry, notes = _geometry(scan, rendering, pictures, window)
    columns, rows = rendering.fed_size(*_size(scan, geometry))
    if rendering.preparation == "m3d":
        levels_shown = _prepared(scan, geometry, window)
    else:
        levels_shown = (_grey(plane, scan, window) for plane in _planes(scan, geometry))
    greys = [resize_rgb(picture, columns, rows) for picture in levels_shown]
    if all(int(grey.min()) == int(grey.max()) for grey in greys):
        notes += ("picture: blank, all of its pixels are equal",)
    return View(tuple(map(_rgb, greys)), geometry, (*scan.warnings, *notes, *chosen))


def _window(scan: Scan, rendering: Rendering) -> tuple[tuple[float, float] | None, tuple[str, ...]]:
    """Return the window and what to say of it: how it came about if chosen here, and its ends."""
    window, notes = scan.window, tuple[str, ...]()
    along = "" if scan.curve == "line" else " along a sigmoid"
    if rendering.preparation == "m3d" and along:
        along, notes = "", ("window: declared as a sigmoid, M3D's preparation stretches in a line",)
    if rendering.preparation == "m3d" and not scan.presentation.as_stored:
        window = levels(luminance(_part(scan, _range(scan))), window)
    elif window is None:
        window, chosen = default_window(scan.measured, scan.modality)
        notes += chosen
    if window is None:
        return window, notes
    return window, (*notes, f"window: shown from {window[0]:g} to {window[1]:g}{along}")


def _grey(plane: NDArray[Any], scan: Scan, window: tuple[float, float] | None) -> NDArray[np.uint8]:
    shown = to_grey(plane, window, scan.inverted, scan.curve)
    if scan.padding:
        shown = np.where(within(plane, scan.padding), np.uint8(0), shown)
    return shown


def _darkened(scan: Scan) -> Scan:
    """Return a scan whose padding holds the darkest of its other values, as M3D's pictures had it."""
    inside = scan.measured
    dark = inside.max() if scan.inverted else inside.min()
    voxels = np.where(within(scan.voxels, scan.padding), dark, scan.voxels)
    return replace(scan, voxels=voxels, padding=())


def _rgb(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if grey.ndim == 3:
        return grey
    return np.broadcast_to(grey[..., None], (*grey.shape, 3))  # read-only, and nothing is copied


def _geometry(
    scan: Scan, rendering: Rendering, pictures: int, window: tuple[float, float] | None
) -> tuple[ViewGeometry, tuple[str, ...]]:
    depth = rendering.depth
    axes, flips, notes = shown_axes(scan, volume=depth is not None)
    size = [scan.size[axis] for axis in axes]
    slices: tuple[int, ...] = ()
    crop: tuple[float, ...] | None = None
    width, height = rendering.frame_of(size[0], size[1])
    if depth is None:
        spacing = None if scan.spacing is None else scan.spacing[:2]
        source = Space(size=scan.size[:2], spacing=spacing)
    else:
        source = scan.space
        bounds = _bounds(scan, rendering, window)
        low, high = bounds[axes[2]]
        nearest = [(2 * k + 1) * (high - low) // (2 * depth) for k in range(depth)]
        slices = tuple(high - 1 - k if flips[2] else low + k for k in nearest)
        if bounds != [(0, n) for n in scan.size]:
            crop = (*(float(a) for a, _ in bounds), *(float(b) for _, b in bounds))
    geometry = ViewGeometry(
        source=source,
        frame=(width, height) if depth is None else (width, height, depth),
        axes=axes,
        flips=flips,
        slices=slices,
        crop=crop,
        pictures=pictures,
    )
    sides = zip(("wide", "high", "deep"), size, geometry.frame, strict=False)
    thin = " and ".join(way for way, n, length in sides if n == 1 < length)
    if thin:
        notes += (f"picture: one pixel {thin}, stretched to the frame",)
    return geometry, notes


def _size(scan: Scan, geometry: ViewGeometry) -> tuple[int, int]:
    """Return width and height of what is shown, in the scan's own pixels."""
    return scan.size[geometry.axes[0]], scan.size[geometry.axes[1]]


def _range(scan: Scan) -> list[tuple[int, int]]:
    """Return which voxels along x, y and z the scan's own presentation leaves."""
    bounds = [(0, n) for n in scan.size]
    chosen = scan.presentation.slices
    if chosen is not None:
        axis = depth_axis(scan.orientation, scan.presentation)
        if chosen[1] > scan.size[axis]:
            raise InputError(
                f"expected slices within 0 and {scan.size[axis]}, got {chosen}",
                code="slices",
                where=scan.name,
                hint="Choose with shown() after the volume was cut.",
            )
        bounds[axis] = chosen
    return bounds


def _part(scan: Scan, bounds: Sequence[tuple[int, int]]) -> NDArray[Any]:
    return scan.voxels[tuple(slice(*bound) for bound in reversed(bounds))]


def _bounds(scan: Scan, rendering: Rendering, window: tuple[float, float] | None) -> list[tuple[int, int]]:
    """Return what is shown of source x, y and z, in whole voxels."""
    bounds = _range(scan)
    if rendering.preparation != "m3d" or scan.presentation.as_stored or window is None:
        return bounds
    found = foreground(luminance(_part(scan, bounds)), *window, scan.inverted)
    return [(start + low, start + high) for (start, _), (low, high) in zip(bounds, reversed(found), strict=True)]


def _turned(scan: Scan, geometry: ViewGeometry) -> NDArray[Any]:
    """Return the shown part of a volume, ``(depth, height, width[, 3])``; a view, not a copy."""
    ranges = [geometry.shown_range(axis) for axis in range(3)]
    part = _part(scan, [(int(low), int(high)) for low, high in ranges])
    order = [2 - axis for axis in reversed(geometry.axes)]  # source axis a is array axis 2 - a
    steps = tuple(slice(None, None, -1 if flip else None) for flip in reversed(geometry.flips))
    return part.transpose(*order, *range(3, part.ndim))[steps]


def _prepared(scan: Scan, geometry: ViewGeometry, window: tuple[float, float] | None) -> Iterator[NDArray[np.uint8]]:
    black, white = window or (0.0, 255.0)
    size = (geometry.frame[2], geometry.frame[1], geometry.frame[0])
    return stretched(luminance(_turned(scan, geometry)), black, white, size, scan.inverted)


def _planes(scan: Scan, geometry: ViewGeometry) -> list[NDArray[Any]]:
    """Return each shown slice as ``(height, width[, 3])`` in file units; views, not copies."""
    if geometry.slices:
        turned, axis = _turned(scan, geometry), geometry.axes[2]
        low, high = geometry.shown_range(axis)
        flip = geometry.flips[2]
        return [turned[int(high) - 1 - k if flip else k - int(low)] for k in geometry.slices]
    axes, flips = geometry.axes, geometry.flips
    colour = (3,) if scan.voxels.ndim == 4 else ()
    stored = scan.voxels[0]  # (row, column): source axis a is array axis 1 - a
    plane = stored.transpose(1 - axes[1], 1 - axes[0], *(axis - 1 for axis in colour))
    across, down = -1 if flips[0] else 1, -1 if flips[1] else 1
    return [plane[::down, ::across]]
