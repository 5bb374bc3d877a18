"""Packed rows to one batch of tensors; a plain function."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from umit.engine.pixels import grid, patches
from umit.engine.positions import packed_mask, packed_positions, positions
from umit.training.rows import PackedRow

__all__ = ["IGNORED", "collate"]

IGNORED = -100  # torch's cross entropy skips this label


def collate(rows: Sequence[PackedRow], *, image_pad: int, padding: int) -> dict[str, Tensor]:
    """Return what Qwen2-VL's forward takes.

    Args:
        rows: Packed rows; padded on the right to the longest.
        image_pad: Id of the picture placeholder.
        padding: Id written into padding.

    Returns:
        ``input_ids`` and ``labels`` int64 ``(B, L)``, ``attention_mask`` bool ``(B, 1, L, L)``,
        ``position_ids`` int64 ``(3, B, L)``, ``mm_token_type_ids`` int64 ``(B, L)``, and where there are
        pictures ``pixel_values`` float32 ``(patches, 1176)`` with ``image_grid_thw`` int64 ``(pictures, 3)`` and
        ``picture_keys`` uint8 ``(pictures, 16)``, which tell every byte of a picture from others'.
    """
    longest = max(len(row.ids) for row in rows)
    ids = np.full((len(rows), longest), padding, np.int64)
    labels = np.full((len(rows), longest), IGNORED, np.int64)
    segments = np.full((len(rows), longest), -1, np.int64)
    places = np.zeros((3, len(rows), longest), np.int64)
    for i, row in enumerate(rows):
        n = len(row.ids)
        ids[i, :n], segments[i, :n] = row.ids, row.segments
        labels[i, :n] = np.where(row.taught, row.ids, IGNORED)
        shared = row.ids[row.segments == 0]
        start, after = positions(shared.tolist(), [grid(f) for f in row.frames], image_pad)
        places[:, i, :n] = packed_positions(start, after, row.segments)
    batch = {
        "input_ids": ids,
        "labels": labels,
        "attention_mask": packed_mask(segments),
        "position_ids": places,
        "mm_token_type_ids": (ids == image_pad).astype(np.int64),
    }
    frames = [frame for row in rows for frame in row.frames]
    if frames:
        batch["pixel_values"] = patches(frames)
        batch["image_grid_thw"] = np.array([grid(f) for f in frames], np.int64)
        batch["picture_keys"] = np.stack([_key(f) for f in frames])
    return {name: torch.from_numpy(values) for name, values in batch.items()}


def _key(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    digest = hashlib.sha256(str(frame.shape).encode())
    digest.update(np.ascontiguousarray(frame).data)
    return np.frombuffer(digest.digest()[:16], np.uint8)
