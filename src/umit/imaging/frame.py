"""The numbers between a scan's own coordinates and those that a model writes; no pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from umit.geometry import Space
from umit.imaging.orientation import PLANES, closest_axes, patient_axis, turn
from umit.imaging.scan import Scan

__all__ = ["ViewGeometry", "shown_axes", "shown_letters"]

_TILT = 20.0  # degrees off the patient's axes above which "axial" and "left" are only rough
_PROJECTIONS = ("CR", "DX", "IO", "PX", "RF", "XA")  # DICOM PS3.3 C.7.3.1.1.1


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewGeometry:
    """How source coordinates become frame coordinates and back, without any pixels.

    Args:
        source: The scan's grid; two axes for a film, three for a volume.
        frame: ``(width, height)`` or ``(width, height, depth)`` in which coordinates are written.
        axes: For each shown axis, the source axis it shows.
        flips: For each shown axis, whether it runs against the source axis.
        slices: For each picture of a volume, the source slice it shows; empty for a film.
        crop: What is shown of the source, low corner then high corner; ``None``: all of it.
        pictures: How many scans are shown; coordinates exist for one only.

    Example:
        >>> g = ViewGeometry(source=Space(size=(200, 100)), frame=(100, 100))
        >>> g.to_frame((50, 50)), g.to_source((25, 50))
        ((25.0, 50.0), (50.0, 50.0))
    """

    source: Space
    frame: tuple[int, ...]
    axes: tuple[int, ...] = (0, 1, 2)
    flips: tuple[bool, ...] = (False, False, False)
    slices: tuple[int, ...] = ()
    crop: tuple[float, ...] | None = None
    pictures: int = 1

    def shown_range(self, axis: int) -> tuple[float, float]:
        """Return what is shown along a source axis, from edge to edge."""
        if self.crop is None:
            return 0.0, float(self.source.size[axis])
        return self.crop[axis], self.crop[axis + len(self.frame)]

    def to_frame(self, point: Sequence[float]) -> tuple[float, ...]:
        """Map ``(x, y[, z])`` of the source, continuous, to the frame."""
        shown = []
        for axis, flip, length in zip(self.axes, self.flips, self.frame, strict=False):
            low, high = self.shown_range(axis)
            part = (high - point[axis]) if flip else (point[axis] - low)
            shown.append(part * length / (high - low))
        return tuple(shown)

    def to_source(self, point: Sequence[float]) -> tuple[float, ...]:
        """Map ``(x, y[, z])`` of the frame, continuous, to the source."""
        found = [0.0] * len(self.frame)
        for value, axis, flip, length in zip(point, self.axes, self.flips, self.frame, strict=False):
            low, high = self.shown_range(axis)
            part = value * (high - low) / length
            found[axis] = high - part if flip else low + part
        return tuple(found)

    def to_dict(self) -> dict[str, object]:
        """Return plain lists and numbers for JSON."""
        return {
            "source": self.source.to_dict(),
            "frame": list(self.frame),
            "axes": list(self.axes),
            "flips": list(self.flips),
            "slices": list(self.slices),
            "crop": None if self.crop is None else list(self.crop),
            "pictures": self.pictures,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ViewGeometry:
        """Read what :meth:`to_dict` wrote."""
        fields = {name: tuple(data[name]) for name in ("frame", "axes", "flips", "slices")}
        crop = data["crop"]
        return cls(
            source=Space.from_dict(data["source"]),
            crop=None if crop is None else tuple(crop),
            pictures=data["pictures"],
            **fields,
        )


def shown_letters(scan: Scan, *, volume: bool) -> str | None:
    """Return where the shown axes run to in the patient: across, down, and on to the next slice.

    ``volume`` tells whether all three axes are shown, or one slice in its own plane; there are as many
    letters, or ``None`` if the file records no orientation.
    """
    own = scan.orientation
    if own is None or (volume and scan.presentation.as_stored):
        return own
    if volume:
        return PLANES[scan.presentation.plane]
    pair = {patient_axis(letter): letter for letter in own[:2]}
    film = len(own) == 2
    if film and (scan.modality == "MG" or (2 not in pair and scan.modality in _PROJECTIONS)):
        return own  # breasts hang by their side, and films from above have no one way of hanging
    down = "I" if 2 in pair else "P"
    across = "L" if 0 in pair else "P"
    if film and across == "P":
        across = pair[1]  # there is no rule for the way a face looks on a lateral film
    return across + down


def shown_axes(scan: Scan, *, volume: bool) -> tuple[tuple[int, ...], tuple[bool, ...], tuple[str, ...]]:
    """Choose the axis order in which a scan is shown, by whole flips and swaps only.

    Returns:
        For each shown axis its source axis, and whether it runs against it; then the warnings.
    """
    count = 3 if volume else 2
    own, shown = scan.orientation, shown_letters(scan, volume=volume)
    if own is None or shown is None:
        note = ("orientation: not recorded, shown as stored",) if volume else ()
        return (0, 1, 2)[:count], (False,) * count, note
    axes, flips = turn(own[:count], shown)
    return axes, flips, _notes(scan, own[:count], shown)


def _notes(scan: Scan, own: str, shown: str) -> tuple[str, ...]:
    if scan.affine is None and len(own) == 2:
        turned = f"orientation: film stored towards {own}, shown towards {shown}"
        return (turned,) if own != shown else ()
    if scan.presentation.as_stored and len(own) == 3:
        return ("orientation: shown as stored, as asked",)
    if scan.affine is None:
        return ()
    degrees = closest_axes(scan.affine).degrees
    tilted = f"orientation: oblique by {degrees:.0f} degrees, shown by its closest axes"
    return (tilted,) if degrees > _TILT else ()
