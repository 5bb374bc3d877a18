"""The vision encoder run over many pictures at once.

transformers loops over pictures inside every attention layer; pictures of one size can go through it
together. The result is the same to rounding (tested), and a volume of 32 slices is one call, not 32.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from umit.engine.attention import attend
from umit.engine.pixels import MERGE

if TYPE_CHECKING:
    from transformers.models.qwen2_vl.modeling_qwen2_vl import Qwen2VisionTransformerPretrainedModel as Tower

__all__ = ["encode_patches", "encode_pictures", "merge"]


def encode_pictures(tower: Tower, patches: Tensor, grids: Sequence[tuple[int, int, int]]) -> Tensor:
    """Return the language model's picture tokens.

    Args:
        tower: Qwen2-VL's vision encoder with its merger.
        patches: float ``(patches, 1176)``, pictures one after another.
        grids: ``(1, rows, columns)`` of each picture in patches.

    Returns:
        ``(tokens, width)``, in the pictures' order.
    """
    return merge(tower, encode_patches(tower, patches, grids))


def merge(tower: Tower, features: Tensor) -> Tensor:
    """Return the language model's picture tokens of what :func:`encode_patches` made, ``(tokens, width)``."""
    tokens: Tensor = tower.merger(features)
    return tokens


def encode_patches(tower: Tower, patches: Tensor, grids: Sequence[tuple[int, int, int]]) -> Tensor:
    """Return what the encoder's blocks make of pictures, before the projector joins four patches to a token.

    Args:
        tower: Qwen2-VL's vision encoder.
        patches: float ``(patches, 1176)``, pictures one after another.
        grids: ``(1, rows, columns)`` of each picture in patches.

    Returns:
        ``(patches, width)``, in the pictures' order.
    """
    counts = [rows * columns for _, rows, columns in grids]
    groups: dict[tuple[int, int, int], list[int]] = {}
    for index, shape in enumerate(grids):
        groups.setdefault(shape, []).append(index)
    if len(groups) == 1:
        return _same_size(tower, patches, grids[0], len(grids)).flatten(0, 1)
    pieces = torch.split(patches, counts)
    found: dict[int, Tensor] = {}
    for shape, members in groups.items():
        encoded = _same_size(tower, torch.cat([pieces[i] for i in members]), shape, len(members))
        found.update(zip(members, encoded, strict=True))
    return torch.cat([found[i] for i in range(len(grids))])


def _same_size(tower: Tower, patches: Tensor, shape: tuple[int, int, int], count: int) -> Tensor:
    embed: nn.Conv3d = tower.patch_embed.proj
    # A convolution whose stride is its kernel is a matrix product, several times faster on a CPU.
    hidden = functional.linear(patches.to(embed.weight.dtype), embed.weight.flatten(1))
    hidden = hidden.view(count, -1, hidden.shape[-1])
    cosine, sine = _rotary(tower, hidden, shape)
    block: Any
    for block in tower.blocks:
        if block.training and torch.is_grad_enabled() and getattr(block, "gradient_checkpointing", False):
            hidden = checkpoint(_block, block, hidden, cosine, sine, use_reentrant=False)
        else:
            hidden = _block(block, hidden, cosine, sine)
    return hidden


def _block(block: Any, hidden: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    hidden = hidden + _attend(block.attn, block.norm1(hidden), cosine, sine)
    found: Tensor = hidden + block.mlp(block.norm2(hidden))
    return found


def _rotary(tower: Tower, hidden: Tensor, shape: tuple[int, int, int]) -> tuple[Tensor, Tensor]:
    _, rows, columns = shape
    place = torch.arange(rows * columns, device=hidden.device).view(rows // MERGE, columns // MERGE, MERGE, MERGE)
    block_row, block_column, row, column = torch.meshgrid(
        *(torch.arange(n, device=hidden.device) for n in place.shape), indexing="ij"
    )
    where = torch.stack([block_row * MERGE + row, block_column * MERGE + column], -1).view(-1, 2)
    # From the buffer, not the module's forward: its arguments changed between transformers 5 releases.
    angles = (where[..., None].float() * tower.rotary_pos_emb.inv_freq.float()).flatten(1)
    angles = torch.cat([angles, angles], dim=-1)
    return angles.cos(), angles.sin()


def _attend(attention: Any, hidden: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    count, length, _ = hidden.shape
    query, key, value = attention.qkv(hidden).view(count, length, 3, attention.num_heads, -1).permute(2, 0, 3, 1, 4)
    query, key = _rotate(query, cosine, sine), _rotate(key, cosine, sine)
    seen = attend(query, key, value, None, attention.scaling)
    mixed: Tensor = attention.proj(seen.transpose(1, 2).reshape(count, length, -1))
    return mixed


def _rotate(values: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    half = values.shape[-1] // 2
    turned = torch.cat([-values[..., half:], values[..., :half]], dim=-1)
    return (values.float() * cosine + turned.float() * sine).to(values.dtype)
