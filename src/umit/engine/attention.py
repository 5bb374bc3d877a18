"""Attention for bfloat16 on a CPU, where torch's fused kernel is slower than plain matrix products.

``benchmarks/cpu/attention.py`` prints both. Everywhere else torch's own kernel is used.
"""

from __future__ import annotations

from typing import Any, Final

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["NAME", "attend", "register"]

#: The name under which transformers finds :func:`attend`.
NAME: Final = "umit_dense"


def attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scale: float) -> Tensor:
    """Return softmax attention.

    Args:
        query: ``(B, heads, L, width)``.
        key: ``(B, heads, M, width)``.
        value: ``(B, heads, M, width)``.
        mask: bool, True where seen, broadcast to ``(B, heads, L, M)``, or ``None`` for everything.
        scale: Factor on the scores.

    Returns:
        ``(B, heads, L, width)``.
    """
    if query.dtype != torch.bfloat16 or query.device.type != "cpu":
        return functional.scaled_dot_product_attention(query, key, value, mask, scale=scale)
    scores = (query * scale) @ key.transpose(-1, -2)
    if mask is not None:  # added, not filled: an addition costs nothing on the way back
        scores = scores + torch.where(mask, 0.0, -1e9).to(scores.dtype)
    return scores.softmax(-1) @ value


def register() -> str:
    """Make :func:`attend` known to transformers and return its name."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, _for_transformers)
    return NAME


def _for_transformers(
    module: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, scaling: float, **_: Any
) -> tuple[Tensor, None]:
    # Rotary positions are float32, and under autocast they make queries and keys so too.
    query, key = query.to(value.dtype), key.to(value.dtype)
    groups = query.shape[1] // key.shape[1]
    if groups > 1:
        key, value = (t.repeat_interleave(groups, dim=1) for t in (key, value))
    # A mask is always given by our callers; without one the language model would not be causal.
    return attend(query, key, value, attention_mask, scaling).transpose(1, 2).contiguous(), None
