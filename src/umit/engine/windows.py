"""Window attention of Qwen2.5-VL's vision encoder: patches see their own window only, but in a few blocks.

Windows at a picture's right and lower edge are smaller. Those of one size stand beside each other here, so that each
size is one attention over all windows and pictures; in which order patches stand changes no result.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from umit.engine.attention import attend
from umit.engine.families import MERGE

__all__ = ["Windows", "windows_of"]


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """The windows of pictures of one size.

    Args:
        order: int64 ``(patches,)``, which patch stands at each place, window after window.
        back: int64 ``(patches,)``, where each patch stands.
        sizes: How many windows of how many patches, in this order.
    """

    order: NDArray[np.int64]  # arrays: a tensor that is kept from inference cannot be trained through
    back: NDArray[np.int64]
    sizes: tuple[tuple[int, int], ...]

    def attend(self, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        """Return attention within windows.

        Args:
            query: ``(pictures, heads, patches, width)``, in the windows' order.
            key: Likewise.
            value: Likewise.
            scale: Factor on the scores.
        """
        lengths = [count * size for count, size in self.sizes]
        parts = zip(self.sizes, *(torch.split(t, lengths, 2) for t in (query, key, value)), strict=True)
        return torch.cat([_within(*size, *given, scale=scale) for size, *given in parts], 2)


def _within(count: int, size: int, query: Tensor, key: Tensor, value: Tensor, *, scale: float) -> Tensor:
    pictures, heads, _, width = query.shape
    query, key, value = (
        t.view(pictures, heads, count, size, width).transpose(1, 2).flatten(0, 1) for t in (query, key, value)
    )
    found = attend(query, key, value, None, scale)
    return found.view(pictures, count, heads, size, width).transpose(1, 2).flatten(2, 3)


def windows_of(tower: Any, shape: tuple[int, int, int]) -> Windows | None:
    """Return the windows of pictures of one size; ``None`` where every block sees the whole picture.

    Args:
        tower: A family's vision encoder.
        shape: ``(1, rows, columns)`` in patches.
    """
    if not hasattr(tower, "fullatt_block_indexes"):
        return None
    return _windows(tower.window_size // MERGE // tower.patch_size, shape[1] // MERGE, shape[2] // MERGE)


@lru_cache(maxsize=256)
def _windows(side: int, rows: int, columns: int) -> Windows:
    row, column = np.divmod(np.arange(rows * columns), columns)
    window = row // side * -(-columns // side) + column // side
    held = np.bincount(window)[window] * MERGE**2
    order = np.lexsort((window, held))
    patches = (order[:, None] * MERGE**2 + np.arange(MERGE**2)).ravel()
    sizes, patches_of = np.unique(held, return_counts=True)
    return Windows(
        patches,
        np.argsort(patches),
        tuple((int(n) * MERGE**2 // int(size), int(size)) for size, n in zip(sizes, patches_of, strict=True)),
    )
