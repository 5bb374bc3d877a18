"""What trains and what stays: parameters are only ever frozen, and what trains is said."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from umit.engine.families import FAMILIES
from umit.engine.vision import projector
from umit.errors import InputError

if TYPE_CHECKING:
    from torch import nn

__all__ = ["freeze_vision", "inner", "trains"]


def inner(model: nn.Module) -> Any:
    """Return the Qwen-VL inside what wraps it, such as a compiled model or one of peft.

    Raises:
        InputError: None is inside, the wrapper averages gradients itself, or it trains parameters of its own.
    """
    import torch

    kind = type(model).__name__
    if isinstance(model, torch.nn.parallel.DistributedDataParallel):
        raise InputError(
            f"expected the model itself, got it in {kind}",
            code="model",
            hint="Pass model.module: umit averages the gradients of processes",
        )
    found = [m for m in model.modules() if _is_whole(m)]
    if not found:
        titles = ", ".join(family.title for family in FAMILIES.values())
        raise InputError(f"expected a model of {titles} with its language head, got {kind}", code="model")
    own = {id(p) for p in found[0].parameters()}
    outside = [n for n, p in model.named_parameters() if p.requires_grad and id(p) not in own]
    if outside:
        raise InputError(
            f"expected every trained parameter inside the model, {kind} trains {outside[0]} beside it",
            code="model",
            hint="Of peft, take LoRA or another kind that changes the layers themselves",
        )
    return found[0]


def _is_whole(module: nn.Module) -> bool:
    wanted = {f"{family.stem}ForConditionalGeneration" for family in FAMILIES.values()}
    return any(kind.__name__ in wanted for kind in type(module).__mro__)


def _projected(tower: Any) -> set[int]:
    return {id(p) for part in projector(tower) for p in part.parameters()}


def freeze_vision(model: Any) -> None:
    """Freeze the vision encoder of a model, with what was put into it; not its projector."""
    tower = model.model.visual
    projected = _projected(tower)
    for parameter in tower.parameters():
        if id(parameter) not in projected:
            parameter.requires_grad_(False)


def trains(model: Any) -> str:
    """Return how many numbers of each part of a model train, and how many are frozen."""
    tower, counts = model.model.visual, {True: Counter[str](), False: Counter[str]()}
    projected = _projected(tower)
    vision = {id(p) for p in tower.parameters()}
    words = {id(p) for p in model.get_input_embeddings().parameters()}
    for name, parameter in model.named_parameters():
        place, part = id(parameter), "language model"
        if "lora_" in name:
            part = "adapter"
        elif place in projected:
            part = "projector"
        elif place in vision:
            part = "vision encoder"
        elif place in words:
            part = "embeddings"
        counts[parameter.requires_grad][part] += parameter.numel()
    said = {
        flag: ", ".join(f"{part} {n:,}" for part, n in found.items()) or "nothing" for flag, found in counts.items()
    }
    return f"trains: {said[True]}; frozen: {said[False]}"
