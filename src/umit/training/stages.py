"""The paper's two stages: what trains in each (arXiv 2503.15892, figure 2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from torch import nn

__all__ = ["ALIGN", "INSTRUCT", "Stage", "freeze"]

_TOWER: Final = "model.visual."
_PROJECTOR: Final = "model.visual.merger."  # lies inside the tower's module, but is no part of it


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of training.

    Args:
        name: ``"align"`` or ``"instruct"``.
        vision: Whether the vision encoder trains; projector and language model always do.
    """

    name: str
    vision: bool


ALIGN: Final = Stage("align", vision=True)
INSTRUCT: Final = Stage("instruct", vision=False)


def freeze(model: nn.Module, stage: Stage) -> list[str]:
    """Let exactly the stage's parameters train.

    Args:
        model: Qwen2-VL; changed in place.
        stage: Which stage begins.

    Returns:
        Names of the parameters that train.
    """
    trained = []
    for name, parameter in model.named_parameters():
        tower = name.startswith(_TOWER) and not name.startswith(_PROJECTOR)
        parameter.requires_grad_(stage.vision or not tower)
        if parameter.requires_grad:
            trained.append(name)
    return trained
