"""The three-axis positions of Qwen-VL and the masks that let questions share a picture; plain arrays.

A text token stands at the same position on all three axes. A picture's tokens share one temporal position
and count rows and columns from it; the text goes on after the larger of the two (arXiv 2409.12191, section 2.1).
Questions packed behind one picture each start again at the position after it, and see the picture and
themselves only.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from umit.engine.families import MERGE

__all__ = ["packed_mask", "packed_positions", "positions"]


def positions(
    ids: Sequence[int], grids: Sequence[tuple[int, int, int]], image_pad: int
) -> tuple[NDArray[np.int64], int]:
    """Return the positions of a sequence and the position that follows it.

    Args:
        ids: Token ids; each picture is a run of ``image_pad``.
        grids: ``(1, rows, columns)`` in patches, one a picture, in order.
        image_pad: Id of the picture placeholder.

    Returns:
        int64 ``(3, len(ids))``: temporal, row, column; and the next free position.

    Example:
        >>> positions([5, 9, 9, 9, 9, 6], [(1, 4, 4)], 9)[0][1].tolist()
        [0, 1, 1, 2, 2, 3]
    """
    found = np.empty((3, len(ids)), np.int64)
    remaining = iter(grids)
    place = current = 0
    while place < len(ids):
        if ids[place] != image_pad:
            found[:, place] = current
            place, current = place + 1, current + 1
            continue
        _, rows, columns = next(remaining)
        rows, columns = rows // MERGE, columns // MERGE
        stop = place + rows * columns
        found[0, place:stop] = current
        found[1, place:stop] = current + np.repeat(np.arange(rows), columns)
        found[2, place:stop] = current + np.tile(np.arange(columns), rows)
        place, current = stop, current + max(rows, columns)
    return found, current


def packed_positions(prefix: NDArray[np.int64], after: int, segments: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return positions of a packed row: the prefix, then each segment counting from the same place.

    Args:
        prefix: ``(3, n)`` positions of the shared beginning.
        after: The position after it.
        segments: ``(L,)``: 0 in the prefix, k in the k-th segment, segments contiguous.

    Returns:
        int64 ``(3, L)``.
    """
    length, shared = len(segments), prefix.shape[1]
    found = np.empty((3, length), np.int64)
    found[:, :shared] = prefix
    own = segments[shared:]
    starts = np.flatnonzero(np.r_[True, own[1:] != own[:-1]]) if len(own) else np.empty(0, np.int64)
    origin = np.repeat(starts, np.diff(np.r_[starts, len(own)]))
    found[:, shared:] = after + np.arange(len(own)) - origin
    return found


def packed_mask(segments: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return who sees whom in packed rows.

    Args:
        segments: int64 ``(B, L)``: 0 in the shared beginning, k in the k-th segment, -1 in padding.

    Returns:
        bool ``(B, 1, L, L)``, True where the row's token may see the column's; padding sees itself only,
        so that no softmax runs over nothing.

    Example:
        >>> packed_mask(np.array([[0, 1, 2]]))[0, 0].astype(int).tolist()
        [[1, 0, 0], [1, 1, 0], [1, 0, 1]]
    """
    length = segments.shape[1]
    asks, seen = segments[:, :, None], segments[:, None, :]
    causal = np.tril(np.ones((length, length), np.bool_))
    allowed = causal & (asks >= 0) & ((seen == 0) | (seen == asks))
    mask: NDArray[np.bool_] = (allowed | np.eye(length, dtype=np.bool_))[:, None]
    return mask
