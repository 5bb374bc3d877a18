"""How one checkpoint writes: its frames, what it is fed, and its spelling of boxes and points."""

from __future__ import annotations

from dataclasses import dataclass

from umit.imaging.view import Rendering

__all__ = ["UMIT", "Dialect"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """The facts that weights were trained with and that their text cannot be read without.

    Args:
        film: How a film is shown for questions, classes, reports and captions.
        volume: How a volume is shown for everything; its frame is written in 3D boxes.
        boxes: How a film is shown for detection; its frame is written in 2D boxes.
        points: How a film is shown for landmarks; its frame is written in points.
        first_option: Number of the first option of a closed question.
        first_class: Number of the first label of a classification.
        inclusive_voxels: Whether 3D upper corners name the last voxel inside, not the edge after it.
    """

    film: Rendering
    volume: Rendering
    boxes: Rendering
    points: Rendering
    first_option: int = 1
    first_class: int = 0
    inclusive_voxels: bool = True


#: UMIT's own. Frames are measured in the paper's figure: boxes on films are pixels of 1024 x 1024,
#: landmarks pixels of 600 x 800, volumes voxels of 256 x 256 x 32; never thousandths. Its volumes
#: were cropped and stretched by M3D's scripts before, so others are, too.
UMIT = Dialect(
    film=Rendering(frame=None),
    volume=Rendering(frame=(256, 256), depth=32, preparation="m3d"),
    boxes=Rendering(frame=(1024, 1024)),
    points=Rendering(frame=(600, 800)),
)
