"""Attention supervision: an answer is led to the picture tokens that hold what was asked for.

After :mod:`recipes.embedded.coordinates` every picture token knows what lies there and where its bounds are. To
write them, the language model has to attend from the answer to the one token among many that holds what was asked
for. By itself it finds that out for what is large, and hardly ever for what is small. So two of its heads are told.
Coordinates are taught on beside it: without that, words undo within minutes what the tokens had learned.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from torch import Tensor
from transformers.models.qwen2.modeling_qwen2 import apply_rotary_pos_emb

from recipes.embedded.coordinates import TokenHeads
from umit.engine.positions import packed_mask
from umit.training.collate import IGNORED, parts_of
from umit.training.loss import answer_loss

if TYPE_CHECKING:
    from transformers import Qwen2VLForConditionalGeneration

__all__ = ["attention_loss", "supervised_loss"]

_SUPERVISED: Final = 2  # heads that are told where to look; the others stay free
_WORST: Final = -12.0  # log share of attention below which it is not pulled harder


@contextmanager
def _watched(model: Qwen2VLForConditionalGeneration) -> Iterator[Mapping[str, list[Any]]]:
    """Note the picture tokens, the states halfway, and what the first layer after that attends with."""
    layers: Any = model.model.language_model.layers
    tower: Any = model.model.visual
    half, seen = len(layers) // 2, defaultdict[str, list[Any]](list)

    def attended(module: Any, args: Any, kwargs: Mapping[str, Any]) -> None:
        seen["attended"].append((kwargs["hidden_states"], kwargs["position_embeddings"]))

    hooks = [
        tower.merger.register_forward_hook(lambda m, i, out: seen["pictures"].append(out)),
        layers[half - 1].register_forward_hook(lambda m, i, out: seen["halfway"].append(out)),
        layers[half].self_attn.register_forward_pre_hook(attended, with_kwargs=True),
    ]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def supervised_loss(
    model: Qwen2VLForConditionalGeneration,
    heads: TokenHeads,
    batch: Mapping[str, Tensor],
    *,
    answer_weight: float = 1.0,
) -> Tensor:
    """Return the loss of the answers, of the picture tokens, and of what the answers attend to, added up.

    Args:
        model: Qwen2-VL.
        heads: Those of :func:`recipes.embedded.coordinates.coordinate_loss`.
        batch: From :func:`umit.training.collate.collate` on pictures of one size, with what ``coordinate_loss``
            needs, and ``asked`` ``(1, tokens)``: the thing that each token's question is about, as a column of
            ``presence``, or -1.
        answer_weight: Weight of the answers.
    """
    with _watched(model) as seen:
        answers, _ = answer_loss(model, batch)
    language = model.model.language_model
    pictures, (halfway,) = torch.cat(seen["pictures"]), seen["halfway"]
    ((hidden, rotary),) = seen["attended"]
    tokens = heads.loss(
        pictures.flatten(0, -2) if pictures.ndim > 2 else pictures,
        language.norm(halfway)[batch["mm_token_type_ids"].bool()],
        batch,
    )
    half: Any = language.layers[len(language.layers) // 2]
    return answer_weight * answers + tokens + attention_loss(half.self_attn, hidden, rotary, batch)


def attention_loss(
    attention: Any, hidden: Tensor, rotary: tuple[Tensor, Tensor], batch: Mapping[str, Tensor]
) -> Tensor:
    """Return minus the log of the attention that answers give to the tokens of what they are about.

    Args:
        attention: A layer's attention; its first heads are told.
        hidden: What it attends with, ``(1, tokens, width)``.
        rotary: Cosines and sines of the positions, ``(1, tokens, width)``, or ``(3, 1, tokens, width)`` by axis.
        batch: As for :func:`supervised_loss`.
    """
    width, rows = attention.head_dim, parts_of(batch)
    query, key = (
        project(hidden).view(1, hidden.shape[1], -1, width).transpose(1, 2)
        for project in (attention.q_proj, attention.k_proj)
    )
    query, key = apply_rotary_pos_emb(query, key, *(_per_channel(a, attention) for a in rotary))
    here = batch["mm_token_type_ids"][0].bool()
    led = torch.full_like(batch["asked"][0], -1)
    led[:-1] = torch.where(batch["labels"][0, 1:] != IGNORED, batch["asked"][0, :-1], -1)
    presence = batch["presence"].view(len(rows), -1, batch["presence"].shape[-1])
    found, start = [], 0
    for parts, present in zip(rows, presence, strict=True):
        own = slice(start, start + sum(parts))
        start = own.stop
        place = (led[own] >= 0).nonzero()[:, 0]
        holds = present[:, led[own][place]].T > 0  # (places, picture tokens)
        place, holds = place[holds.any(1)], holds[holds.any(1)]
        scores = query[0, :_SUPERVISED, own].float()[:, place] @ key[0, :_SUPERVISED, own].float().transpose(-1, -2)
        seen = torch.from_numpy(packed_mask(np.repeat(np.arange(len(parts)), parts)[None])[0, 0]).to(place.device)
        shares = (scores * attention.scaling).masked_fill(~seen[place], -1e9).log_softmax(-1)
        found.append(shares[..., here[own]].masked_fill(~holds, -1e9).logsumexp(-1).flatten())
    given = torch.cat(found)
    loss: Tensor = -given.clamp(min=_WORST).sum() / max(1, given.numel())
    return loss


def _per_channel(angles: Tensor, attention: Any) -> Tensor:
    """Return the angles of each channel's own axis; transformers 5.16 leaves choosing it to the attention."""
    if angles.ndim == 3:
        return angles
    sections = attention.config.rope_parameters["mrope_section"] * 2
    parts = torch.split(angles, sections, -1)
    return torch.cat([part[k % 3] for k, part in enumerate(parts)], -1)
