"""What each picture token should say is what the phantom's truth says, and the loss teaches it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recipes.embedded.batches import Draws, StageBatches
from recipes.embedded.coordinates import OBJECTS, TokenHeads, coordinate_loss, coordinate_targets, weigh
from recipes.embedded.model import SMOKE, new_model
from recipes.embedded.questions import show
from recipes.embedded.stages import STAGES
from umit.engine.encode import Encoder
from umit.phantom import cases

TOKENS = {"film": (8, 8), "cephalogram": (8, 8), "volume": (32, 2, 2)}


def looked(kind: Any, seed: int) -> tuple[Any, ...]:
    case = cases.draw(kind, seed)
    view = show(case, points=kind == "cephalogram")
    return case, view, coordinate_targets(case, view)


def written(view: Any, mark: Any) -> np.ndarray:
    point = hasattr(mark, "x")
    return np.array(view.point_to_frame(mark) if point else view.box_to_frame(mark))


def marks(case: Any) -> list[tuple[str, Any]]:
    truth = case.truth
    if case.kind == "film":
        return [(f.kind, f.box) for f in truth.findings] + list(truth.anatomy.items())
    if case.kind == "cephalogram":
        return list(truth.landmarks.items())
    return [("lesion", one.box) for one in truth.lesions] + list(truth.organs.items())


@pytest.mark.parametrize("kind", list(OBJECTS))
@pytest.mark.parametrize("seed", range(6))
def test_the_token_over_a_thing_tells_its_bounds(kind: str, seed: int) -> None:
    case, view, (presence, offsets, digits) = looked(kind, seed)
    counts = np.array(TOKENS[kind])
    names, axes = OBJECTS[kind].names, len(counts)
    assert presence.shape == (counts.prod(), len(names))
    size = np.array(view.frame_size) / counts[::-1]
    for name, mark in marks(case):
        column = names.index(name)
        numbers = written(view, mark)
        middle = numbers.reshape(-1, axes).mean(axis=0)
        place = np.clip(middle // size, 0, counts[::-1] - 1).astype(int)
        token = int(np.ravel_multi_index(place[::-1], counts))
        assert presence[token, column] == 1, name
        told = (place + 0.5) * size + offsets[token, column].reshape(-1, axes) * size
        near = np.abs(offsets[token, column]) < 4
        twin = sum(other == name for other, _ in marks(case)) > 1
        if not twin:  # the nearer of two on one token speaks
            assert told.ravel()[near] == pytest.approx(numbers[near], abs=1e-2), name
            hundreds = [100 if k % axes < 2 else 10 for k in range(len(numbers))]
            rounded = np.rint(numbers).astype(int)
            assert digits[token, column, :, 0].tolist() == (rounded // hundreds).tolist()


@pytest.mark.parametrize("seed", range(1, 4))
def test_a_small_lesion_is_in_every_slice_that_it_crosses(seed: int) -> None:
    case, view, (presence, _, _) = looked("volume", seed)
    slices = presence[:, 0].reshape(TOKENS["volume"]).any(axis=(1, 2))
    crossed = np.zeros_like(slices)
    for name, mark in marks(case):
        if name == "lesion":
            _, _, low, _, _, high = written(view, mark)
            crossed[round(low) : round(high)] = True
    assert crossed.sum() > 1
    assert (slices == crossed).all()


def test_nothing_there_is_not_taught() -> None:
    case, _, (presence, offsets, digits) = looked("film", 1)
    kinds = {f.kind for f in case.truth.findings}
    absent = [i for i, name in enumerate(OBJECTS["film"].names[:5]) if name not in kinds]
    assert absent
    assert not presence[:, absent].any() and not offsets[:, absent].any()
    assert (digits[:, absent] == -100).all()


def test_a_thing_counts_once_however_many_tokens_hold_it() -> None:
    _, _, (presence, _, _) = looked("film", 2)
    weights = weigh(presence)
    held = presence.any(axis=0)
    assert weights.sum(axis=0)[held] == pytest.approx(1)
    assert (weights[presence == 0] == 0).all()


@pytest.mark.slow
def test_the_loss_reaches_the_encoder_and_half_the_layers(tokenizer: Any) -> None:
    model = new_model(SMOKE, tokenizer, 0)
    looks = StageBatches(Draws(STAGES[0], smoke=True), Encoder(tokenizer))
    heads = TokenHeads(SMOKE.text_width)
    loss = coordinate_loss(model, heads, looks.supervised(0))
    loss.backward()  # type: ignore[no-untyped-call]
    layers = model.model.language_model.layers
    assert len(layers) == SMOKE.text_depth
    assert model.model.visual.patch_embed.proj.weight.grad.abs().sum() > 0
    assert layers[0].mlp.down_proj.weight.grad.abs().sum() > 0
    assert layers[1].mlp.down_proj.weight.grad is None
