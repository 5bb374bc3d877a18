"""Rows one after another in one row of tensors, without padding; a plain function."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from umit.engine.pixels import grid, patches
from umit.engine.positions import packed_positions
from umit.engine.positions import positions as prefix_positions
from umit.errors import DatasetError
from umit.training.hyperparameters import Per
from umit.training.kinds import number_of
from umit.training.rows import PackedRow, kinds_of

__all__ = ["IGNORED", "collate", "parts_of", "places_of"]

IGNORED: Final = -100  # torch's cross entropy skips this label


def collate(
    rows: Sequence[PackedRow], *, image_pad: int, per: Per = "token", positions: int | None = None
) -> dict[str, Tensor]:
    """Return the tensors of some rows; no row sees another, and each counts its positions from 0.

    Args:
        rows: At least one.
        image_pad: Id of the picture placeholder.
        per: What weighs the same in the loss.
        positions: How many the model has; ``None`` looks at none.

    Returns:
        For the model: ``input_ids``, ``labels`` and ``mm_token_type_ids`` int64 ``(1, tokens)``, ``position_ids`` int64
        ``(3, 1, tokens)``, ``parts`` int64 ``(parts, 2)`` of each row's shared beginning and questions, the row's number
        and how many tokens; and where there are pictures ``pixel_values`` float32 ``(patches, numbers)`` with
        ``image_grid_thw`` int64 ``(pictures, 3)`` and ``picture_keys`` uint8 ``(pictures, 16)``, which tell every byte
        of a picture from others'.

        For the loss ``token_weights`` float32 ``(taught,)``, of each taught token; and where rows tell them, ``kinds``
        int64 ``(taught,)``, places in :data:`umit.training.kinds.KINDS` or -1.

    Raises:
        DatasetError: A row that needs more positions.
    """
    places = [places_of(row, image_pad) for row in rows]
    for row, own in zip(rows, places, strict=True):
        if positions is not None and own.max() >= positions:
            raise DatasetError(
                f"expected a row of at most {positions} positions, which the model has, got {own.max() + 1}; shorten "
                "its texts, or show fewer or smaller pictures",
                file=row.name,
            )
    taught = np.concatenate([row.taught for row in rows])
    ids = np.concatenate([row.ids for row in rows])
    parts = [(number, count) for number, row in enumerate(rows) for count in row.parts]
    batch = {
        "input_ids": ids[None],
        "labels": np.where(taught, ids, IGNORED)[None],
        "position_ids": np.concatenate(places, axis=1)[:, None],
        "mm_token_type_ids": (ids == image_pad).astype(np.int64)[None],
        "parts": np.array(parts, np.int64),
        "token_weights": np.concatenate([_weights(row, per) for row in rows]),
    }
    if any(row.kinds for row in rows):
        batch["kinds"] = np.concatenate([_kinds(row) for row in rows])
    frames = [frame for row in rows for frame in row.frames]
    if frames:
        (family,) = {row.family for row in rows}
        batch["pixel_values"] = patches(frames, family)
        batch["image_grid_thw"] = np.array([grid(f, family) for f in frames], np.int64)
        batch["picture_keys"] = np.stack([_key(f) for f in frames])
    return {name: torch.from_numpy(values) for name, values in batch.items()}


def parts_of(batch: Mapping[str, Tensor]) -> list[list[int]]:
    """Return of each row of a batch how many tokens its questions share, and how many each question has."""
    return [[count for _, count in parts] for _, parts in groupby(batch["parts"].tolist(), itemgetter(0))]


def places_of(row: PackedRow, image_pad: int) -> NDArray[np.int64]:
    """Return a row's positions, int64 ``(3, tokens)``; each question counts on from what is shared."""
    shared = row.ids[row.segments == 0]
    start, after = prefix_positions(shared.tolist(), [grid(f, row.family) for f in row.frames], image_pad)
    return packed_positions(start, after, row.segments)


def _weights(row: PackedRow, per: Per) -> NDArray[np.float32]:
    answers = row.segments[row.taught]
    if per == "token":
        return np.ones(len(answers), np.float32)
    return (1 / np.bincount(answers)[answers]).astype(np.float32)


def _kinds(row: PackedRow) -> NDArray[np.int64]:
    numbers = np.array([-1, *map(number_of, kinds_of(row))], np.int64)  # what is shared is of no kind
    return numbers[row.segments[row.taught]]


def _key(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    digest = hashlib.sha256(str(frame.shape).encode())
    digest.update(np.ascontiguousarray(frame).data)
    return np.frombuffer(digest.digest()[:16], np.uint8)
