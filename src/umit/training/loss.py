"""The loss: cross entropy on answers and their end token; plain functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from torch import Tensor
from torch.nn import functional

from umit.engine.attention import register
from umit.engine.blocks import blocks_of
from umit.engine.vision import encode_pictures, merge
from umit.training.collate import IGNORED, parts_of

if TYPE_CHECKING:
    from transformers import Qwen2VLForConditionalGeneration

__all__ = ["answer_loss", "embed", "hidden_states", "mean_loss", "token_losses", "weight_of"]


def embed(model: Qwen2VLForConditionalGeneration, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Return the embeddings of a batch ``(1, tokens, width)``, and its picture tokens ``(tokens, width)``.

    Args:
        model: Qwen2-VL.
        batch: From :func:`umit.training.collate.collate`; with ``picture_features`` of
            :func:`umit.engine.vision.encode_patches` pixels are not looked at.
    """
    embedded = model.get_input_embeddings()(batch["input_ids"])
    if "picture_features" in batch:
        pictures = merge(model.model.visual, batch["picture_features"])
    elif "pixel_values" in batch:
        grids = [tuple(shape) for shape in batch["image_grid_thw"].tolist()]
        pictures = encode_pictures(model.model.visual, batch["pixel_values"], grids)
    else:
        return embedded, embedded.new_zeros(0, embedded.shape[-1])
    here = batch["mm_token_type_ids"].bool().unsqueeze(-1)
    return embedded.masked_scatter(here, pictures.to(embedded.dtype)), pictures


def hidden_states(model: Qwen2VLForConditionalGeneration, embedded: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
    """Return what the language model makes of the embeddings of a batch, ``(1, tokens, width)``.

    Its attention becomes :mod:`umit.engine.attention`'s and stays it: torch's own, but for rows that stand one after
    another.
    """
    language = model.model.language_model
    language.set_attn_implementation(register())
    blocks = blocks_of(parts_of(batch), embedded.device)
    found: Tensor = language(
        inputs_embeds=embedded,
        attention_mask={"full_attention": blocks},
        position_ids=batch["position_ids"],
        use_cache=False,
    ).last_hidden_state
    return found


def token_losses(model: Qwen2VLForConditionalGeneration, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Return the loss of each taught token ``(taught,)``, and the logits that predict it ``(taught, vocabulary)``.

    Args:
        model: Qwen2-VL.
        batch: From :func:`umit.training.collate.collate`.
    """
    labels = batch["labels"][:, 1:]
    hidden = hidden_states(model, embed(model, batch)[0], batch)
    # The vocabulary is applied where there is loss only: elsewhere its logits would be thrown away.
    taught = labels != IGNORED
    logits = model.lm_head(hidden[:, :-1][taught]).float()
    return functional.cross_entropy(logits, labels[taught], reduction="none"), logits


def mean_loss(losses: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
    """Return the mean of a batch's losses, in which each taught token weighs the same, or each answer.

    Args:
        losses: From :func:`token_losses`.
        batch: Says which, by its ``token_weights``.
    """
    return (losses * batch["token_weights"]).sum() / batch["token_weights"].sum()


def weight_of(batch: Mapping[str, Tensor]) -> float:
    """Return how much a batch's mean loss weighs beside those of other batches: its taught tokens, or its answers."""
    return float(batch["token_weights"].sum())


def answer_loss(model: Qwen2VLForConditionalGeneration, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Return the mean loss of a batch, and the logits at the places that predict what is taught.

    Args:
        model: Qwen2-VL.
        batch: From :func:`umit.training.collate.collate`.

    Returns:
        The scalar loss; the logits ``(taught tokens, vocabulary)``.
    """
    losses, logits = token_losses(model, batch)
    return mean_loss(losses, batch), logits
