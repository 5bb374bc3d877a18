"""The vision encoder run over many pictures at once.

transformers loops over pictures inside every attention layer; pictures of one size can go through it
together. The result is the same to rounding (tested), and a volume of 32 slices is one call, not 32.

Where a family has DeepStack (Qwen3-VL, arXiv 2406.04334), what its language model adds in its first layers stands behind
each picture token, in the same row of numbers: who keeps or splits picture tokens has all of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from umit.engine.attention import attend
from umit.engine.families import MERGE
from umit.engine.windows import Windows, windows_of

__all__ = ["deepstack", "encode_patches", "encode_pictures", "merge", "projector"]


def encode_pictures(tower: Any, patches: Tensor, grids: Sequence[tuple[int, int, int]]) -> Tensor:
    """Return the language model's picture tokens.

    Args:
        tower: A family's vision encoder with its merger.
        patches: float ``(patches, numbers)``, pictures one after another.
        grids: ``(1, rows, columns)`` of each picture in patches.

    Returns:
        ``(tokens, width)``, in the pictures' order; with DeepStack ``(tokens, (1 + layers) * width)``.
    """
    return merge(tower, encode_patches(tower, patches, grids))


def merge(tower: Any, features: Tensor) -> Tensor:
    """Return the language model's picture tokens of what :func:`encode_patches` made."""
    layers = _stacked(tower)
    first, *rest = features.chunk(1 + len(layers), -1)
    mergers = [tower.deepstack_merger_list[tower.deepstack_visual_indexes.index(layer)] for layer in layers]
    found = [tower.merger(first), *(join(part.contiguous()) for join, part in zip(mergers, rest, strict=True))]
    return found[0] if len(found) == 1 else torch.cat(found, -1)


def deepstack(pictures: Tensor, width: int) -> tuple[Tensor, list[Tensor]]:
    """Return picture tokens ``(tokens, width)``, and what the first layers of the language model add there, each likewise."""
    first, *rest = torch.split(pictures, width, -1)
    return first, rest


def projector(tower: Any) -> list[nn.Module]:
    """Return the parts of a vision encoder that join four patches to a token: what a frozen encoder still trains."""
    return [tower.merger, *getattr(tower, "deepstack_merger_list", ())]


def encode_patches(tower: Any, patches: Tensor, grids: Sequence[tuple[int, int, int]]) -> Tensor:
    """Return what the encoder's blocks make of pictures, before the projector joins four patches to a token.

    Args:
        tower: A family's vision encoder.
        patches: float ``(patches, numbers)``, pictures one after another.
        grids: ``(1, rows, columns)`` of each picture in patches.

    Returns:
        ``(patches, width)``, in the pictures' order; with DeepStack ``(patches, (1 + layers) * width)``.
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


def _stacked(tower: Any) -> list[int]:
    """Return the blocks whose output the language model sees too, in their order."""
    return sorted(getattr(tower, "deepstack_visual_indexes", ()))


def _same_size(tower: Any, patches: Tensor, shape: tuple[int, int, int], count: int) -> Tensor:
    embed: nn.Conv3d = tower.patch_embed.proj
    # A convolution whose stride is its kernel is a matrix product, several times faster on a CPU.
    hidden = functional.linear(patches.to(embed.weight), embed.weight.flatten(1), embed.bias)
    hidden = hidden.view(count, -1, hidden.shape[-1])
    where = _places(shape, hidden.device)
    if hasattr(tower, "pos_embed"):
        hidden = hidden + _learned(tower, shape, where).to(hidden.dtype)
    cosine, sine = _rotary(tower, where)
    windows = windows_of(tower, shape)
    if windows is not None:
        order = torch.from_numpy(windows.order).to(hidden.device)
        hidden, cosine, sine = hidden[:, order], cosine[order], sine[order]
    stacked, kept = _stacked(tower), []
    for number, block in enumerate(tower.blocks):
        inside = windows if windows is not None and number not in tower.fullatt_block_indexes else None
        given = (block, hidden, cosine, sine, inside)
        if block.training and torch.is_grad_enabled() and getattr(block, "gradient_checkpointing", False):
            hidden = checkpoint(_block, *given, use_reentrant=False)
        else:
            hidden = _block(*given)
        if number in stacked:
            kept.append(hidden)
    if windows is not None:
        hidden = hidden[:, torch.from_numpy(windows.back).to(hidden.device)]
    return torch.cat([hidden, *kept], -1) if kept else hidden


def _block(block: Any, hidden: Tensor, cosine: Tensor, sine: Tensor, windows: Windows | None) -> Tensor:
    hidden = hidden + _attend(block.attn, block.norm1(hidden), cosine, sine, windows)
    found: Tensor = hidden + block.mlp(block.norm2(hidden))
    return found


def _places(shape: tuple[int, int, int], device: torch.device) -> Tensor:
    """Return row and column of each patch ``(patches, 2)``; patches of one merged token are neighbours."""
    _, rows, columns = shape
    sizes = (rows // MERGE, columns // MERGE, MERGE, MERGE)
    block_row, block_column, row, column = torch.meshgrid(
        *(torch.arange(n, device=device) for n in sizes), indexing="ij"
    )
    return torch.stack([block_row * MERGE + row, block_column * MERGE + column], -1).view(-1, 2)


def _learned(tower: Any, shape: tuple[int, int, int], where: Tensor) -> Tensor:
    """Return the learned positions of a picture ``(patches, width)``, read between the points of their square table."""
    side, table = int(tower.config.num_position_embeddings**0.5), tower.pos_embed.weight
    sizes = torch.tensor(shape[1:], device=where.device)
    place = where * (side - 1) / (sizes - 1).clamp(min=1)  # first patch on first point, last on last
    low = place.floor().long()
    high, share = (low + 1).clamp(max=side - 1), (place - low)[..., None]
    corners = [
        table[row * side + column] * (part_row * part_column)
        for row, part_row in ((low[:, 0], 1 - share[:, 0]), (high[:, 0], share[:, 0]))
        for column, part_column in ((low[:, 1], 1 - share[:, 1]), (high[:, 1], share[:, 1]))
    ]
    return torch.stack(corners).sum(0)


def _rotary(tower: Any, where: Tensor) -> tuple[Tensor, Tensor]:
    # From the buffer, not the module's forward: its arguments changed between transformers 5 releases.
    angles = (where[..., None].float() * tower.rotary_pos_emb.inv_freq.float()).flatten(1)
    angles = torch.cat([angles, angles], dim=-1)
    return angles.cos(), angles.sin()


def _attend(attention: Any, hidden: Tensor, cosine: Tensor, sine: Tensor, windows: Windows | None) -> Tensor:
    count, length, _ = hidden.shape
    query, key, value = attention.qkv(hidden).view(count, length, 3, attention.num_heads, -1).permute(2, 0, 3, 1, 4)
    query, key = _rotate(query, cosine, sine), _rotate(key, cosine, sine)
    if windows is None:
        seen = attend(query, key, value, None, attention.scaling)
    else:
        seen = windows.attend(query, key, value, attention.scaling)
    mixed: Tensor = attention.proj(seen.transpose(1, 2).reshape(count, length, -1))
    return mixed


def _rotate(values: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    half = values.shape[-1] // 2
    turned = torch.cat([-values[..., half:], values[..., :half]], dim=-1)
    return (values.float() * cosine + turned.float() * sine).to(values.dtype)
