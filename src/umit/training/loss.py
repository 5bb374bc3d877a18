"""The loss: cross entropy on answers and their end token; plain functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor
from torch.nn import functional

from umit.engine.blocks import blocks_of
from umit.engine.language import embedded_pictures, read_through
from umit.engine.vision import encode_pictures, merge
from umit.training.collate import IGNORED, parts_of

__all__ = ["answer_loss", "embed", "hidden_states", "mean_loss", "token_losses", "weight_of"]


def embed(model: Any, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Return the embeddings of a batch ``(1, tokens, width)``, and its picture tokens ``(tokens, …)``.

    Args:
        model: A model of any family.
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
    return embedded_pictures(embedded, batch["mm_token_type_ids"].bool(), pictures), pictures


def hidden_states(model: Any, embedded: Tensor, pictures: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
    """Return what the language model makes of what :func:`embed` returned of a batch, ``(1, tokens, width)``.

    Its attention becomes :mod:`umit.engine.attention`'s and stays it.
    """
    blocks = blocks_of(parts_of(batch), embedded.device)
    here = batch["mm_token_type_ids"].bool()
    shown = pictures if len(pictures) else None
    return read_through(model, embedded, blocks, batch["position_ids"], here=here, pictures=shown)


def token_losses(model: Any, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Return the loss of each taught token ``(taught,)``, and the logits that predict it ``(taught, vocabulary)``.

    Args:
        model: A model of any family.
        batch: From :func:`umit.training.collate.collate`.
    """
    labels = batch["labels"][:, 1:]
    hidden = hidden_states(model, *embed(model, batch), batch)
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


def answer_loss(model: Any, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Return the mean loss of a batch, and the logits at the places that predict what is taught.

    Args:
        model: A model of any family.
        batch: From :func:`umit.training.collate.collate`.

    Returns:
        The scalar loss; the logits ``(taught tokens, vocabulary)``.
    """
    losses, logits = token_losses(model, batch)
    return mean_loss(losses, batch), logits
