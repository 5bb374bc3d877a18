"""Batches: labels, positions, who sees whom, and the loss over them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from umit.engine.encode import Encoder
from umit.engine.pixels import grid, patches
from umit.engine.positions import positions
from umit.training.collate import IGNORED, collate
from umit.training.loss import answer_loss
from umit.training.rows import PackedRow, Turn, pack

Asking = Callable[..., Turn]
PLACES = ("input_ids", "attention_mask", "position_ids", "mm_token_type_ids", "pixel_values", "image_grid_thw")


def _batch(encoder: Encoder, rows: Sequence[PackedRow]) -> dict[str, Tensor]:
    return collate(rows, image_pad=encoder.image_pad, padding=encoder.padding)


def _rows(encoder: Encoder, ask: Asking) -> list[PackedRow]:
    """Three questions on a film, one on two other pictures, and one without a picture."""
    small = np.full((28, 28, 3), 90, np.uint8)
    return [
        pack([ask("Which plane?", "PA."), ask("Normal?", "2:no"), ask("Organ?", "lung")], encoder),
        pack([ask("Compare", "Alike.", (small, small[:, ::-1].repeat(2, 0)))], encoder),
        pack([ask("What is CT?", "A scan.", ())], encoder),
    ]


def test_shapes_and_kinds(encoder: Encoder, ask: Asking) -> None:
    rows = _rows(encoder, ask)
    batch = _batch(encoder, rows)
    longest = max(len(row.ids) for row in rows)
    assert batch["input_ids"].shape == batch["labels"].shape == (3, longest)
    assert batch["attention_mask"].shape == (3, 1, longest, longest)
    assert batch["attention_mask"].dtype == torch.bool
    assert batch["position_ids"].shape == (3, 3, longest)
    assert batch["image_grid_thw"].tolist() == [list(grid(f)) for row in rows for f in row.frames]
    frames = [frame for row in rows for frame in row.frames]
    assert np.array_equal(batch["pixel_values"].numpy(), patches(frames))
    assert (batch["mm_token_type_ids"].bool() == (batch["input_ids"] == encoder.image_pad)).all()


def test_without_pictures_there_are_no_pixels(encoder: Encoder, ask: Asking) -> None:
    batch = _batch(encoder, [pack([ask("What is CT?", "A scan.", ())], encoder)])
    assert "pixel_values" not in batch
    assert "image_grid_thw" not in batch


def test_loss_falls_on_answers_and_their_end(encoder: Encoder, ask: Asking) -> None:
    rows = _rows(encoder, ask)
    batch = _batch(encoder, rows)
    for row, ids, labels in zip(rows, batch["input_ids"], batch["labels"], strict=True):
        taught = np.zeros(len(ids), bool)
        taught[: len(row.ids)] = row.taught
        assert ((labels != IGNORED).numpy() == taught).all()
        assert (labels[taught] == ids[taught]).all()
        assert (ids[len(row.ids) :] == encoder.padding).all()


def test_each_question_counts_from_the_place_after_the_picture(encoder: Encoder, ask: Asking) -> None:
    """Each question stands where it would stand alone, so packing is invisible to it."""
    row = _rows(encoder, ask)[0]
    places = _batch(encoder, [row])["position_ids"][:, 0].numpy()
    for number in (1, 2, 3):
        mine = (row.segments == 0) | (row.segments == number)
        alone, _ = positions(row.ids[mine].tolist(), [grid(f) for f in row.frames], encoder.image_pad)
        assert np.array_equal(places[:, mine], alone)


def test_who_sees_whom(encoder: Encoder, ask: Asking) -> None:
    rows = _rows(encoder, ask)
    mask = _batch(encoder, rows)["attention_mask"][:, 0].numpy()
    longest = mask.shape[-1]
    for row, seen in zip(rows, mask, strict=True):
        segments = [*row.segments.tolist(), *[-1] * (longest - len(row.ids))]
        for i, asks in enumerate(segments):
            expected = [j == i or (j < i and asks >= 0 and other in (0, asks)) for j, other in enumerate(segments)]
            assert seen[i].tolist() == expected


def _logits(model: Any, batch: dict[str, Tensor]) -> Tensor:
    with torch.no_grad():
        return answer_loss(model, batch)[1]


@pytest.mark.parametrize("changed", [0, 1, 2])
def test_no_answer_leaks_into_another(model: Any, encoder: Encoder, ask: Asking, changed: int) -> None:
    """Other words and another answer in one question leave the others' logits bit for bit equal."""
    words = [("Which plane?", "PA."), ("Normal?", "2:no"), ("Organ?", "lung")]
    others = [("Which PLANE!", "AP;"), ("nORMAL!", "1:ye"), ("oRGAN:", "bone")]
    mixed = [others[i] if i == changed else one for i, one in enumerate(words)]
    before, after = (pack([ask(*w) for w in some], encoder) for some in (words, mixed))
    first, second = (_logits(model, _batch(encoder, [row])) for row in (before, after))
    number = before.segments[before.taught]
    same = torch.from_numpy(number != changed + 1)
    assert torch.equal(first[same], second[same])
    assert not torch.allclose(first[~same], second[~same])


def test_packed_questions_are_answered_as_if_alone(model: Any, encoder: Encoder, ask: Asking) -> None:
    turns = [ask("Which plane?", "PA."), ask("Normal?", "2:no"), ask("Organ?", "lung")]
    packed = _logits(model, _batch(encoder, [pack(turns, encoder)]))
    alone = [_logits(model, _batch(encoder, [pack([one], encoder)])) for one in turns]
    assert torch.allclose(packed, torch.cat(alone), atol=1e-4, rtol=1e-5)


def test_padding_changes_nothing(model: Any, encoder: Encoder, ask: Asking) -> None:
    rows = _rows(encoder, ask)
    together = _logits(model, _batch(encoder, rows))
    alone = [_logits(model, _batch(encoder, [row])) for row in rows]
    assert torch.isfinite(together).all()
    assert torch.allclose(together, torch.cat(alone), atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("pictures", [0, 1, 2])
def test_the_loss_is_the_models_own(model: Any, encoder: Encoder, ask: Asking, pictures: int) -> None:
    """On a row of one question the mask is causal, and the stock forward says the same."""
    frames = (np.full((28, 56, 3), 90, np.uint8), np.full((56, 56, 3), 30, np.uint8))[:pictures]
    row = pack([ask("Is it normal?", "2:no", frames)], encoder)
    batch = _batch(encoder, [row])
    stock = {name: batch[name] for name in PLACES if name in batch and name != "attention_mask"}
    with torch.no_grad():
        own = model(**stock, labels=batch["labels"]).loss
        loss, logits = answer_loss(model, batch)
    assert len(logits) == int(row.taught.sum())
    assert abs(float(own) - float(loss)) <= 1e-5


def test_the_models_own_positions_are_ours(model: Any, encoder: Encoder, ask: Asking) -> None:
    row = pack([ask("Is it normal?", "2:no")], encoder)
    batch = _batch(encoder, [row])
    with torch.no_grad():
        theirs, _ = model.model.get_rope_index(
            batch["input_ids"], mm_token_type_ids=batch["mm_token_type_ids"], image_grid_thw=batch["image_grid_thw"]
        )
    assert torch.equal(theirs, batch["position_ids"])
