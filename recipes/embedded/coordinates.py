"""Coordinate pre-training: each picture token tells what lies there, and where its bounds are.

Captions alone teach a model that begins with nothing very slowly where things are: a whole sentence hangs on one
small token. Here every token is taught by itself. The heads that read the tokens are thrown away afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from umit.engine.families import MERGE, QWEN2_VL
from umit.engine.pixels import grid
from umit.geometry import Box2D, Box3D, Point2D
from umit.phantom.abdomen import ORGANS
from umit.phantom.cases import Case
from umit.phantom.cephalogram import Cephalogram
from umit.phantom.film import FINDINGS, Film
from umit.tasks.landmarks import CEPHALOMETRIC
from umit.training.collate import IGNORED
from umit.training.loss import embed, hidden_states

if TYPE_CHECKING:
    from transformers import Qwen2VLForConditionalGeneration

    from umit.imaging.view import View

__all__ = ["OBJECTS", "Objects", "TokenHeads", "coordinate_loss", "coordinate_targets", "weigh"]

_DIGITS: Final = 11  # 0 to 9, and the ten hundreds of an edge at 1024
_OVERLAP: Final = 0.3  # of a token's area or volume, from which a thing lies there
_CROSSED: Final = 0.5  # of a slice, from which a thing crosses it
_NEAR: Final = 1.0  # tokens around a point that know of it
_RARE: Final = 4.0  # weight of a thing that is there; most tokens hold none
_PRESENCE: Final = 10.0  # weight of presence beside digits
_EARLY: Final = 5.0  # weight of what the vision encoder alone should say beside that
_REACH: Final = 4.0  # tokens; how far away a bound is told from a token at most


@dataclass(frozen=True, slots=True)
class Objects:
    """What picture tokens are asked for in one kind of case.

    Args:
        names: Findings, anatomy or landmarks.
        numbers: Coordinates of each: 2 of a point, 4 or 6 of a box.
    """

    names: tuple[str, ...]
    numbers: int


#: What picture tokens are asked for, by kind of case.
OBJECTS: Final[Mapping[str, Objects]] = {
    "film": Objects((*FINDINGS, "right lung", "left lung", "heart"), 4),
    "cephalogram": Objects(CEPHALOMETRIC, 2),
    "volume": Objects(("lesion", *ORGANS), 6),
}


def coordinate_targets(case: Case, view: View) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
    """Return what each picture token should say.

    Args:
        case: A phantom of a kind in :data:`OBJECTS`.
        view: What the model sees of it.

    Returns:
        Presence 0 or 1, ``(tokens, names)``; each coordinate as its distance from the token's middle, in
        tokens, ``(tokens, names, numbers)``, 0 where nothing is; and the first two digits of each coordinate
        as they are written in the frame, ``(tokens, names, numbers, 2)``, ``IGNORED`` where nothing is.
    """
    objects = OBJECTS[case.kind]
    low, high = _cells(view)
    presence = np.zeros((len(low), len(objects.names)), np.float32)
    offsets = np.zeros((*presence.shape, objects.numbers), np.float32)
    digits = np.full((*presence.shape, objects.numbers, 2), IGNORED, np.int64)
    middle, size = (low + high) / 2, high[0] - low[0]
    nearest = np.full(presence.shape, np.inf)
    for name, mark in _marks(case):
        column = objects.names.index(name)
        numbers, here, far = _under(mark, view, low, high)
        here &= far < nearest[:, column]
        nearest[here, column] = far[here]
        presence[here, column] = 1.0
        digits[here, column] = _leading(numbers, view)
        apart = np.reshape(numbers, (-1, len(size))) - middle[here, None]
        offsets[here, column] = np.clip(apart / size, -_REACH, _REACH).reshape(len(apart), -1)
    return presence, offsets, digits


def _cells(view: View) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the low and high corners of each token ``(tokens, axes)``, in the frame's numbers."""
    _, rows, columns = (n // MERGE if k else n for k, n in enumerate(grid(view.frames[0], QWEN2_VL)))
    counts = (columns, rows, len(view.frames))[: len(view.frame_size)]
    places = np.indices(counts[::-1]).reshape(len(counts), -1)[::-1].T
    size = np.array(view.frame_size, np.float64) / counts
    return places * size, (places + 1) * size


def _marks(case: Case) -> list[tuple[str, Box2D | Box3D | Point2D]]:
    truth = case.truth
    if isinstance(truth, Film):
        return [*((f.kind, f.box) for f in truth.findings), *truth.anatomy.items()]
    if isinstance(truth, Cephalogram):
        return [(name, truth.landmarks[name]) for name in CEPHALOMETRIC]
    return [*(("lesion", lesion.box) for lesion in truth.lesions), *truth.organs.items()]


def _under(
    mark: Box2D | Box3D | Point2D, view: View, low: NDArray[np.float64], high: NDArray[np.float64]
) -> tuple[Sequence[float], NDArray[np.bool_], NDArray[np.float64]]:
    """Return a mark's numbers in the frame, the tokens that hold it, and their distance from it."""
    middle, size = (low + high) / 2, high[0] - low[0]
    if isinstance(mark, Point2D):
        point = view.point_to_frame(mark)
        off = np.abs(middle - point) / size
        return point, off.max(axis=1) < _NEAR, off.sum(axis=1)
    numbers = np.array(view.box_to_frame(mark))
    start, end = numbers[: len(size)], numbers[len(size) :]
    sides = np.clip(np.minimum(high, end) - np.maximum(low, start), 0, None)
    shared = sides.prod(axis=1)
    centre = (start + end) / 2
    holds = (low <= centre) & (centre < high)
    # What is small in a slice is in every one that it crosses.
    holds[:, 2:] |= sides[:, 2:] > _CROSSED * size[2:]
    holds = holds.all(axis=1)
    off = np.abs(middle - centre) / size
    return numbers.tolist(), holds | (shared > _OVERLAP * size.prod()), off.sum(axis=1)


def _leading(numbers: Sequence[float], view: View) -> NDArray[np.int64]:
    """Return hundreds and tens of in-plane coordinates, tens and units of slices."""
    axes = len(view.frame_size)
    units = np.array([10 if k % axes < 2 else 1 for k in range(len(numbers))])
    tens = np.rint(numbers).astype(np.int64) // units
    return np.stack([tens // 10, tens % 10], axis=1)


class TokenHeads(nn.Module):
    """Linear layers that read the picture tokens, for each kind of case; not part of the checkpoint."""

    def __init__(self, width: int) -> None:
        super().__init__()
        kinds = OBJECTS.values()
        # Scores a token gives of each name: presence, and what tells each coordinate.
        self.offsets, self.digits = (
            nn.ModuleList(nn.Linear(width, len(k.names) * (1 + k.numbers * each)) for k in kinds)
            for each in (1, 2 * _DIGITS)
        )

    def loss(self, pictures: Tensor, halfway: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        """Return how wrong the tokens are, out of the vision encoder and halfway through the language model.

        Args:
            pictures: ``(tokens, width)``; they tell presence and offsets.
            halfway: ``(tokens, width)``, normalized; they tell presence and digits.
            batch: As for :func:`coordinate_loss`.
        """
        kind, weights, wanted = int(batch["kind"]), batch["weights"], batch["digits"]
        shape = batch["presence"].shape
        early = self.offsets[kind](pictures).float().view(*shape, -1)
        late = self.digits[kind](halfway).float().view(*shape, -1)
        near = (early[..., 1:] - batch["offsets"]).abs().mean(-1)
        digits = late[..., 1:].reshape(-1, _DIGITS)
        read = functional.cross_entropy(digits, wanted.flatten(), ignore_index=IGNORED, reduction="none").view(
            wanted.shape
        )
        bounds = _EARLY * near + read.mean(-2).sum(-1)
        seen = _presence_loss(late[..., 0], batch) + _presence_loss(early[..., 0], batch)
        loss: Tensor = _PRESENCE * seen + (weights * bounds).sum() / weights.sum().clamp(min=1)
        return loss


def _presence_loss(scores: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
    weight = torch.where(batch["presence"] > 0, _RARE, 1.0)
    return functional.binary_cross_entropy_with_logits(scores, batch["presence"], weight)


def coordinate_loss(model: Qwen2VLForConditionalGeneration, heads: TokenHeads, batch: Mapping[str, Tensor]) -> Tensor:
    """Return the loss of all picture tokens, at two places.

    Out of the vision encoder a token tells what lies there and how far away its bounds are. After the first
    half of the language model's layers it has learned its own place from the prompt before it, and tells
    what is to be written; the other half can still look it up.

    Args:
        model: Qwen2-VL.
        heads: Read the tokens.
        batch: From :func:`umit.training.collate.collate` on rows without questions, with what
            :func:`coordinate_targets` returns as ``presence``, ``offsets`` and ``digits``, with ``weights``
            ``(tokens, names)`` of the coordinates, and ``kind``, the index in :data:`OBJECTS`.
    """
    language = model.model.language_model
    embedded, pictures = embed(model, batch)
    layers = language.layers
    language.layers = layers[: len(layers) // 2]
    try:
        hidden = hidden_states(model, embedded, pictures, batch)
    finally:
        language.layers = layers
    return heads.loss(pictures, hidden[batch["mm_token_type_ids"].bool()], batch)


def weigh(presence: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the weights of coordinates: a thing that many tokens hold counts as much as one that one holds.

    Args:
        presence: ``(tokens, names)`` of one picture.
    """
    counts = np.maximum(presence.sum(axis=0, dtype=np.float32), np.float32(1))
    shares: NDArray[np.float32] = np.divide(presence, counts, dtype=np.float32)
    return shares
