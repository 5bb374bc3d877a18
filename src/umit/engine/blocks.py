"""Who sees whom in one long row of tokens: blocks that do not see each other, so that nothing is padding.

A block is a sample: what its questions share, then the questions one after another, each of which sees what is shared
and itself. Blocks of equal length go through torch's attention together and need no mask, so that a GPU takes its flash
kernel. Questions behind a short beginning are laid side by side, each beside a copy of it; behind a long one, such as a
volume, copies would cost more than a mask over the whole block.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

import numpy as np
import torch
from torch import Tensor

from umit.engine.positions import packed_mask

__all__ = ["Blocks", "Group", "blocks_of"]

_COPIED: Final = 4  # keys of questions side by side, for each token of their block, at most


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Attention of one shape.

    Args:
        count: How many times.
        asking: Tokens that see.
        seen: Tokens that are seen.
        mask: bool ``(asking, seen)``, True where seen; ``None`` where each token sees itself and those before it.
    """

    count: int
    asking: int
    seen: int
    mask: Tensor | None


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """Who sees whom.

    Args:
        groups: Every attention that is computed.
        asking: int64, the tokens that see, group after group.
        seen: int64, the tokens that are seen, group after group.
        back: int64 ``(tokens,)``, where each token stands in ``asking``.
    """

    groups: tuple[Group, ...]
    asking: Tensor
    seen: Tensor
    back: Tensor


def blocks_of(parts: Sequence[Sequence[int]], device: torch.device | str = "cpu") -> Blocks:
    """Return who sees whom where blocks stand one after another.

    Args:
        parts: Of each block, how many tokens its questions share, and how many each question has.
        device: Where attention runs.

    Example:
        >>> blocks_of([(2, 1, 1), (0, 3)]).back.tolist()
        [0, 1, 5, 6, 2, 3, 4]
    """
    alone: defaultdict[int, list[int]] = defaultdict(list)  # where runs that need no mask begin, by their length
    beside: defaultdict[int, list[tuple[int, int, int]]] = defaultdict(
        list
    )  # questions, by the length of what is shared
    groups: list[Group] = []
    asking: list[Tensor] = []
    seen: list[Tensor] = []

    def add(ask: Tensor, see: Tensor, mask: Tensor | None) -> None:
        groups.append(Group(len(ask), ask.shape[1], see.shape[1], None if mask is None else mask.to(device)))
        asking.append(ask.flatten())
        seen.append(see.flatten())

    start = 0
    for shared, *questions in parts:
        *places, end = accumulate(questions, initial=start + shared)
        if not shared:
            for place, length in zip(places, questions, strict=True):
                alone[length].append(place)
        elif len(questions) < 2:
            alone[end - start].append(start)
        elif len(questions) * (shared + max(questions)) <= _COPIED * (end - start):
            alone[shared].append(start)
            beside[shared] += [(start, place, length) for place, length in zip(places, questions, strict=True)]
        else:
            own = torch.arange(start, end)[None]
            add(own, own, _mask(shared, questions))
        start = end
    for length, starts in alone.items():
        own = torch.tensor(starts)[:, None] + torch.arange(length)
        add(own, own, None)
    for shared, found in beside.items():
        begin, place, length = torch.tensor(found).T[..., None]
        widest = int(length.max())
        own = torch.where(torch.arange(widest) < length, place + torch.arange(widest), -1)
        before = begin + torch.arange(shared)
        # What a shorter question lacks stands behind it, where none of its tokens looks.
        add(own, torch.cat([before, own], 1), torch.ones(widest, shared + widest, dtype=torch.bool).tril(shared))
    ask = torch.cat(asking)
    real = ask >= 0
    back = torch.empty(start, dtype=torch.int64)
    back[ask[real]] = real.nonzero()[:, 0]
    return Blocks(tuple(groups), ask.clamp(min=0).to(device), torch.cat(seen).clamp(min=0).to(device), back.to(device))


def _mask(shared: int, questions: Sequence[int]) -> Tensor:
    segments = np.repeat(np.arange(len(questions) + 1), (shared, *questions))
    return torch.from_numpy(packed_mask(segments[None])[0, 0])
