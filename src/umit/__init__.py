"""UMIT: five medical imaging tasks through one vision-language model. Research use only.

Importing this package loads nothing heavy; each name is fetched when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from umit.checkpoints import Checkpoint
    from umit.errors import (
        BackendError,
        CheckpointError,
        CheckpointWarning,
        DatasetError,
        DatasetWarning,
        InputError,
        MissingExtraError,
        MissingMetadataError,
        OutputError,
        ParseError,
        ServerError,
        TruncatedError,
        UMITError,
        UnsupportedFormatError,
        UnsupportedTaskError,
    )
    from umit.geometry import Box2D, Box3D, Point2D, Space, iou
    from umit.imaging.read import load
    from umit.imaging.scan import Scan
    from umit.model import UMIT
    from umit.queries import Ask, Choose, Compare, Describe, Find, Locate
    from umit.results import (
        Answer,
        Classification,
        Detection,
        Detections,
        Findings,
        Landmark,
        Landmarks,
        Marked,
        Report,
    )
    from umit.tasks.cephalometric import CEPHALOMETRIC

    __version__: str

__all__ = [
    "CEPHALOMETRIC",
    "UMIT",
    "Answer",
    "Ask",
    "BackendError",
    "Box2D",
    "Box3D",
    "Checkpoint",
    "CheckpointError",
    "CheckpointWarning",
    "Choose",
    "Classification",
    "Compare",
    "DatasetError",
    "DatasetWarning",
    "Describe",
    "Detection",
    "Detections",
    "Find",
    "Findings",
    "InputError",
    "Landmark",
    "Landmarks",
    "Locate",
    "Marked",
    "MissingExtraError",
    "MissingMetadataError",
    "OutputError",
    "ParseError",
    "Point2D",
    "Report",
    "Scan",
    "ServerError",
    "Space",
    "TruncatedError",
    "UMITError",
    "UnsupportedFormatError",
    "UnsupportedTaskError",
    "__version__",
    "iou",
    "load",
]

_HOMES = {
    "umit.model": ("UMIT",),
    "umit.imaging.read": ("load",),
    "umit.imaging.scan": ("Scan",),
    "umit.checkpoints": ("Checkpoint",),
    "umit.tasks.cephalometric": ("CEPHALOMETRIC",),
    "umit.queries": ("Ask", "Choose", "Compare", "Describe", "Find", "Locate"),
    "umit.results": (
        *("Answer", "Classification", "Detection", "Detections", "Findings"),
        *("Landmark", "Landmarks", "Marked", "Report"),
    ),
    "umit.geometry": ("Box2D", "Box3D", "Point2D", "Space", "iou"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import PackageNotFoundError, version

        try:
            return version("umit")
        except PackageNotFoundError:  # run from a source tree that is not installed
            return "0+unknown"
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(_HOME.get(name, "umit.errors")), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
