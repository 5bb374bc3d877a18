"""What trains and what stays: parameters are only ever frozen, and what trains is said."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from umit.errors import InputError

if TYPE_CHECKING:
    from torch import nn

__all__ = ["freeze_vision", "inner", "trains"]


def inner(model: nn.Module) -> Any:
    """Return the Qwen2-VL inside what wraps it, such as a compiled model or one of peft.

    Raises:
        InputError: None is inside, the wrapper averages gradients itself, or it trains parameters of its own.
    """
    import torch
    from transformers import Qwen2VLForConditionalGeneration

    kind = type(model).__name__
    if isinstance(model, torch.nn.parallel.DistributedDataParallel):
        raise InputError(
            f"expected the model itself, got it in {kind}",
            code="model",
            hint="Pass model.module: umit averages the gradients of processes",
        )
    found = [m for m in model.modules() if isinstance(m, Qwen2VLForConditionalGeneration)]
    if not found:
        raise InputError(f"expected a Qwen2-VL with its language head, got {kind}", code="model")
    own = {id(p) for p in found[0].parameters()}
    outside = [n for n, p in model.named_parameters() if p.requires_grad and id(p) not in own]
    if outside:
        raise InputError(
            f"expected every trained parameter inside the Qwen2-VL, {kind} trains {outside[0]} beside it",
            code="model",
            hint="Of peft, take LoRA or another kind that changes the layers themselves",
        )
    return found[0]


def freeze_vision(model: Any) -> None:
    """Freeze the vision encoder of a Qwen2-VL, with what was put into it; not its projector."""
    tower = model.model.visual
    projector = {id(p) for p in tower.merger.parameters()}
    for parameter in tower.parameters():
        if id(parameter) not in projector:
            parameter.requires_grad_(False)


def trains(model: Any) -> str:
    """Return how many numbers of each part of a Qwen2-VL train, and how many are frozen."""
    tower, counts = model.model.visual, {True: Counter[str](), False: Counter[str]()}
    projector = {id(p) for p in tower.merger.parameters()}
    vision = {id(p) for p in tower.parameters()}
    words = {id(p) for p in model.get_input_embeddings().parameters()}
    for name, parameter in model.named_parameters():
        place, part = id(parameter), "language model"
        if "lora_" in name:
            part = "adapter"
        elif place in projector:
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
