"""The cards of the embedded checkpoint and of the six that the paper's authors released."""

from __future__ import annotations

from typing import Final

from umit.checkpoints.card import Checkpoint
from umit.embedded import EMBEDDED
from umit.imaging.view import Rendering
from umit.tasks.answer import ANSWER_CLOSED, ANSWER_OPEN
from umit.tasks.dialect import Dialect

__all__ = ["PHANTOM", "PHANTOM_NOTICE", "RELEASED"]

PHANTOM_NOTICE: Final = "Research use only, not a medical device; this checkpoint knows synthetic phantoms only."

#: What it was taught to tell the presence of, on films.
_FOUND: Final = (
    *("nodule", "cavity", "effusion", "consolidation", "enlarged heart"),
    *("结节", "空洞", "积液", "实变", "心影增大"),
)
#: The embedded checkpoint. Its frames for boxes give each of its few tokens a hundred numbers a side, so that
#: the second digit of a coordinate depends on what one token sees and not on where that token lies.
PHANTOM: Final = Checkpoint(
    name=EMBEDDED,
    version=2,
    dialect=Dialect(
        # Every film is squeezed to one size, so that all questions of a picture share its encoding.
        film=Rendering(frame=(800, 800), fed=(224, 224)),
        boxes=Rendering(frame=(800, 800), fed=(224, 224)),
        points=Rendering(frame=(600, 800), fed=(224, 224)),
        volume=Rendering(frame=(200, 200), depth=32, fed=(56, 56)),
    ),
    notice=PHANTOM_NOTICE,
    presence=tuple(("detect_2d", target) for target in _FOUND) + (("detect_3d", "lesion"), ("detect_3d", "病灶")),
)

#: The six released by the paper's authors; which tasks each knows is read from their names.
RELEASED: Final[dict[str, Checkpoint]] = {
    c.name: c
    for c in (
        Checkpoint(name="dz-osamu/UMIT-B"),
        Checkpoint(name="dz-osamu/Classification", task_names=("classify",)),
        Checkpoint(name="dz-osamu/VQA", task_names=(ANSWER_OPEN.name, ANSWER_CLOSED.name)),
        Checkpoint(name="dz-osamu/Report_Generation", task_names=("report_film", "report_ct")),
        Checkpoint(name="dz-osamu/Disease_Detection", task_names=("detect_2d", "detect_3d")),
        Checkpoint(name="dz-osamu/Landmark_Detection", task_names=("landmark",)),
    )
}
