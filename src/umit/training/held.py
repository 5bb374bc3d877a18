"""What weights, gradients and optimizer take in each process, in bytes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

__all__ = ["held"]

_LAYERS: Final = "language_model.layers."  # what fsdp2.yaml gathers one at a time
_AT_ONCE: Final = 2  # the layer that computes and the next


def held(sizes: Mapping[str, int], trained: int, *, bf16: bool = False, shards: int = 1) -> float:
    """Return the bytes that one process holds from step to step, in float32, and what it gathers of the others' shards.

    Args:
        sizes: Numbers in each parameter, by name.
        trained: How many of them train; each has a gradient and AdamW's two.
        bf16: Whether matrix products run in bfloat16, for which weights are copied.
        shards: Processes that share them; 1 where each holds all.
    """
    every = sum(sizes.values())
    whole = 4.0 * every + 12 * trained
    if shards == 1:
        return whole + (2 * every if bf16 else 0)
    layers: Counter[str] = Counter()
    for name, size in sizes.items():
        _, here, rest = name.partition(_LAYERS)
        if here:
            layers[rest.partition(".")[0]] += size
    gathered = every - sum(layers.values()) + _AT_ONCE * max(layers.values(), default=0)
    return whole / shards + (2 if bf16 else 4) * gathered
