"""Batches: labels, positions, what each token weighs, and the loss over them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest
import torch
from torch import Tensor

from umit.engine.encode import Encoder
from umit.engine.families import QWEN2_VL
from umit.engine.pixels import grid, patches
from umit.engine.positions import positions
from umit.errors import DatasetError
from umit.training.collate import IGNORED, collate, parts_of, places_of
from umit.training.hyperparameters import Per
from umit.training.loss import answer_loss, mean_loss, weight_of
from umit.training.rows import PackedRow, Turn, pack

Asking = Callable[..., Turn]
PLACES = ("input_ids", "position_ids", "mm_token_type_ids", "pixel_values", "image_grid_thw")


def _batch(encoder: Encoder, rows: Sequence[PackedRow]) -> dict[str, Tensor]:
    return collate(rows, image_pad=encoder.image_pad)


def _rows(encoder: Encoder, ask: Asking) -> list[PackedRow]:
    """Three questions on a film, one on two other pictures, and one without a picture."""
    small = np.full((28, 28, 3), 90, np.uint8)
    return [
        pack([ask("Which plane?", "PA."), ask("Normal?", "2:no"), ask("Organ?", "lung")], encoder),
        pack([ask("Compare", "Alike.", (small, small[:, ::-1].repeat(2, 0)))], encoder),
        pack([ask("What is CT?", "A scan.", ())], encoder),
    ]


def test_shapes_and_kinds(encoder: Encoder, ask: Asking) -> None:
    """Rows stand one after another, and no token is padding."""
    rows = _rows(encoder, ask)
    batch = _batch(encoder, rows)
    assert batch["input_ids"][0].tolist() == [i for row in rows for i in row.ids.tolist()]
    tokens = batch["input_ids"].shape[1]
    assert batch["labels"].shape == batch["mm_token_type_ids"].shape == (1, tokens)
    assert batch["position_ids"].shape == (3, 1, tokens)
    assert parts_of(batch) == [row.parts for row in rows]
    assert batch["image_grid_thw"].tolist() == [list(grid(f, QWEN2_VL)) for row in rows for f in row.frames]
    frames = [frame for row in rows for frame in row.frames]
    assert np.array_equal(batch["pixel_values"].numpy(), patches(frames, QWEN2_VL))
    assert (batch["mm_token_type_ids"].bool() == (batch["input_ids"] == encoder.image_pad)).all()


def test_without_pictures_there_are_no_pixels(encoder: Encoder, ask: Asking) -> None:
    batch = _batch(encoder, [pack([ask("What is CT?", "A scan.", ())], encoder)])
    assert "pixel_values" not in batch
    assert "image_grid_thw" not in batch


def test_loss_falls_on_answers_and_their_end(encoder: Encoder, ask: Asking) -> None:
    rows = _rows(encoder, ask)
    batch = _batch(encoder, rows)
    taught = np.concatenate([row.taught for row in rows])
    assert ((batch["labels"][0] != IGNORED).numpy() == taught).all()
    assert (batch["labels"][0][taught] == batch["input_ids"][0][taught]).all()


def test_a_loss_is_by_token_or_by_answer(encoder: Encoder, ask: Asking) -> None:
    rows = _rows(encoder, ask)
    by_token, by_answer = (collate(rows, image_pad=encoder.image_pad, per=per) for per in get_args(Per))
    lengths = [len(words) + 1 for words in ("PA.", "2:no", "lung", "Alike.", "A scan.")]  # bytes, and their end
    losses = torch.rand(sum(lengths), generator=torch.Generator().manual_seed(0))
    assert float(mean_loss(losses, by_token)) == pytest.approx(float(losses.mean()), abs=1e-6)
    means = [float(own.mean()) for own in losses.split(lengths)]
    assert float(mean_loss(losses, by_answer)) == pytest.approx(float(np.mean(means)), abs=1e-6)
    assert weight_of(by_token) == len(losses) and weight_of(by_answer) == pytest.approx(5, abs=1e-5)


def test_each_question_counts_from_the_place_after_the_picture(encoder: Encoder, ask: Asking) -> None:
    """Each question stands where it would stand alone, so packing is invisible to it."""
    row = _rows(encoder, ask)[0]
    places = _batch(encoder, [row])["position_ids"][:, 0].numpy()
    for number in (1, 2, 3):
        mine = (row.segments == 0) | (row.segments == number)
        alone, _ = positions(row.ids[mine].tolist(), [grid(f, QWEN2_VL) for f in row.frames], encoder.image_pad)
        assert np.array_equal(places[:, mine], alone)


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


def test_rows_beside_it_change_nothing(model: Any, encoder: Encoder, ask: Asking) -> None:
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
    stock = {name: batch[name] for name in PLACES if name in batch}
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


def test_a_row_of_more_positions_than_the_model_has_is_refused_by_name(encoder: Encoder, ask: Asking) -> None:
    """Positions, not tokens: questions behind one picture count on from the same place."""
    row = replace(pack([ask("Is it normal?", "2:no")] * 9, encoder), name="my.csv, row 3")
    most = int(places_of(row, encoder.image_pad).max()) + 1
    assert most < len(row.ids)
    assert collate([row], image_pad=encoder.image_pad, positions=most)
    with pytest.raises(DatasetError, match=rf"my.csv, row 3: .*at most {most - 1} positions.* got {most}"):
        collate([row], image_pad=encoder.image_pad, positions=most - 1)
