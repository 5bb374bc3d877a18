"""The language model of any family, run on embeddings: the one place that knows how each is called."""

from __future__ import annotations

from inspect import signature
from typing import Any

import torch
from torch import Tensor

from umit.engine.attention import register
from umit.engine.blocks import Blocks
from umit.engine.families import family_of
from umit.engine.vision import deepstack

__all__ = ["embedded_pictures", "read_through"]


def embedded_pictures(embedded: Tensor, here: Tensor, pictures: Tensor) -> Tensor:
    """Return embeddings with picture tokens in their places.

    Args:
        embedded: ``(B, L, width)``.
        here: bool ``(B, L)``, True at picture tokens.
        pictures: ``(tokens, …)`` from :func:`umit.engine.vision.encode_pictures`, in the order of their places.
    """
    shown, _ = deepstack(pictures, embedded.shape[-1])
    return embedded.masked_scatter(here[..., None], shown.to(embedded))


def read_through(
    model: Any,
    embedded: Tensor,
    seen: Tensor | Blocks,
    places: Tensor,
    *,
    here: Tensor | None = None,
    pictures: Tensor | None = None,
    cache: Any = None,
) -> Tensor:
    """Return what the language model makes of embeddings, ``(B, L, width)``.

    Args:
        model: A model of any family.
        embedded: ``(B, L, width)``, with the pictures in it.
        seen: bool ``(B, 1, L, K + L)``, True where seen; or blocks of one row, for which the model's attention becomes
            :mod:`umit.engine.attention`'s and stays it: torch's own, but for rows that stand one after another.
        places: int64 ``(3, B, L)``, M-RoPE's positions.
        here: bool ``(B, L)``, True at picture tokens; ``None`` where there are none.
        pictures: What stands there, of which DeepStack's part is added in the first layers.
        cache: Keys and values of what was read before; grows. ``None`` keeps none.
    """
    language: Any = model.model.language_model
    more: dict[str, Any] = {}
    if isinstance(seen, Blocks):
        language.set_attn_implementation(register())
        # transformers hands a mask of four axes on as it is, and what it does not know to attention.
        more["blocks"], seen = seen, embedded.new_empty((1, 1, 0, 0), dtype=torch.bool)
    if cache is not None:
        more[_cache_argument(language)] = cache
    if pictures is not None and here is not None:
        _, added = deepstack(pictures, embedded.shape[-1])
        if added:
            more |= {"visual_pos_masks": here, "deepstack_visual_embeds": added}
    found: Tensor = language(
        inputs_embeds=embedded,
        attention_mask={"full_attention": seen} if family_of(model).layered_masks else seen,
        position_ids=places,
        use_cache=cache is not None,
        **more,
    ).last_hidden_state
    return found


def _cache_argument(language: Any) -> str:
    """Return how the language model calls its cache: transformers 5.24 renamed it and warns of the old name."""
    taken = signature(language.forward).parameters
    return "cache" if "cache" in taken else "past_key_values"
