"""Attention as umit trains: in blocks, through torch's own kernels, or through plain matrix products where those lose.

In bfloat16 on a CPU torch's fused kernel is slower than plain matrix products; ``benchmarks/cpu/attention.py`` prints
both. Everywhere else torch's own kernel is used.
"""

from __future__ import annotations

from typing import Any, Final

import torch
from torch import Tensor
from torch.nn import functional

from umit.engine.blocks import Blocks

__all__ = ["NAME", "attend", "register"]

#: The name under which transformers finds this attention.
NAME: Final = "umit_blocks"


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    scale: float,
    *,
    causal: bool = False,
    dropout: float = 0.0,
) -> Tensor:
    """Return softmax attention.

    Args:
        query: ``(B, heads, L, width)``.
        key: ``(B, heads, M, width)``.
        value: ``(B, heads, M, width)``.
        mask: bool, True where seen, broadcast to ``(B, heads, L, M)``, or ``None`` for everything.
        scale: Factor on the scores.
        causal: In place of a mask: each sees itself and those before it; ``L`` and ``M`` are equal.
        dropout: Share of what is seen that is left out by chance.

    Returns:
        ``(B, heads, L, width)``.
    """
    if query.dtype != torch.bfloat16 or query.device.type != "cpu":
        return functional.scaled_dot_product_attention(query, key, value, mask, dropout, causal, scale=scale)
    scores = (query * scale) @ key.transpose(-1, -2)
    if causal:
        mask = torch.ones(scores.shape[-2:], dtype=torch.bool).tril()
    if mask is not None:  # added, not filled: an addition costs nothing on the way back
        scores = scores + torch.where(mask, 0.0, -1e9).to(scores.dtype)
    return functional.dropout(scores.softmax(-1), dropout) @ value


def register() -> str:
    """Make this attention known to transformers and return its name."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    AttentionInterface.register(NAME, _for_transformers)
    AttentionMaskInterface.register(NAME, sdpa_mask)  # without it transformers makes none, and padding is seen
    return NAME


def _for_transformers(
    module: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None,
    blocks: Blocks | None = None, **settings: Any,
) -> tuple[Tensor, None]:  # fmt: skip
    if blocks is None:
        from transformers.integrations.sdpa_attention import sdpa_attention_forward

        found: tuple[Tensor, None] = sdpa_attention_forward(module, query, key, value, attention_mask, **settings)
        return found
    # Rotary positions are float32, and under autocast they make queries and keys so too.
    query, key = query.to(value.dtype), key.to(value.dtype)
    return _in_blocks(query, key, value, blocks, settings["scaling"], settings.get("dropout", 0.0)), None


def _in_blocks(query: Tensor, key: Tensor, value: Tensor, blocks: Blocks, scale: float, dropout: float) -> Tensor:
    """Return attention of one row, ``(1, tokens, heads, width)``."""
    repeats = query.shape[1] // key.shape[1]
    asking = [group.count * group.asking for group in blocks.groups]
    seen = [group.count * group.seen for group in blocks.groups]
    pieces = zip(
        blocks.groups,
        torch.split(query[0].transpose(0, 1).index_select(0, blocks.asking), asking),
        torch.split(key[0].transpose(0, 1).index_select(0, blocks.seen), seen),
        torch.split(value[0].transpose(0, 1).index_select(0, blocks.seen), seen),
        strict=True,
    )
    found = []
    for group, q, k, v in pieces:
        q, k, v = (t.view(group.count, -1, *t.shape[1:]).transpose(1, 2) for t in (q, k, v))
        if repeats > 1:
            k, v = (t.repeat_interleave(repeats, dim=1) for t in (k, v))
        mixed = attend(q, k, v, group.mask, scale, causal=group.mask is None, dropout=dropout)
        found.append(mixed.transpose(1, 2).flatten(0, 1))
    return torch.cat(found).index_select(0, blocks.back)[None]
