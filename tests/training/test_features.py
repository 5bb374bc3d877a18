"""Kept features change no loss and no gradient, and none are kept of an encoder that trains."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from umit.engine.encode import Encoder
from umit.errors import CheckpointWarning, InputError
from umit.training import ALIGN, INSTRUCT, Hyperparameters, Kept, Turn, pack, train_stage
from umit.training.collate import collate
from umit.training.features import Features
from umit.training.freeze import freeze_vision
from umit.training.loss import answer_loss
from umit.training.rows import PackedRow
from umit.training.stages import freeze

DRAWN = np.random.default_rng(0)
PICTURES = [DRAWN.integers(0, 256, (*size, 3), np.uint8) for size in ((56, 84), (28, 28), (84, 56), (56, 84))]
LAW = {"rtol": 0.0, "atol": 1e-5}


@pytest.fixture
def frozen(model: Any) -> Any:
    made = deepcopy(model)
    freeze(made, INSTRUCT)
    return made


@pytest.fixture
def rows(encoder: Encoder, ask: Callable[..., Turn]) -> list[PackedRow]:
    """Of none, one, two and 32 pictures, one of them in several rows."""
    shown = [(), (PICTURES[0],), (PICTURES[1], PICTURES[0]), (PICTURES[2],) * 2 + (PICTURES[3],) * 30]
    return [pack([ask("Is it?", "yes", frames), ask("What?", "a lung", frames)], encoder) for frames in shown]


def _batch(rows: list[PackedRow], encoder: Encoder) -> dict[str, Tensor]:
    return collate(rows, image_pad=encoder.image_pad)


def _learned(model: Any, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
    model.zero_grad()
    loss = answer_loss(model, batch)[0]
    loss.backward()
    return loss.detach(), {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def _equal(found: tuple[Tensor, dict[str, Tensor]], wanted: tuple[Tensor, dict[str, Tensor]]) -> None:
    torch.testing.assert_close(found[0], wanted[0], **LAW)
    assert found[1].keys() == wanted[1].keys() and any("merger" in name for name in found[1])
    for name, gradient in found[1].items():
        torch.testing.assert_close(gradient, wanted[1][name], **LAW)


@pytest.mark.parametrize("before", [(), (1,), (0, 2), (0, 1, 2, 3)], ids=["none", "one", "some", "all"])
def test_losses_and_gradients_are_those_without(
    frozen: Any, rows: list[PackedRow], encoder: Encoder, tmp_path: Path, before: tuple[int, ...]
) -> None:
    """Law, whichever of the pictures are known."""
    features = Features(Kept(tmp_path), frozen)
    if before:
        features.complete(frozen, features.look_up(_batch([rows[place] for place in before], encoder)))
    batch = _batch(rows, encoder)
    wanted = _learned(frozen, batch)
    _equal(_learned(frozen, features.complete(frozen, features.look_up(batch))), wanted)
    again = Features(Kept(tmp_path), frozen).look_up(batch)
    assert again["picture_known"].all() and "pixel_values" not in again, "all are known now"
    _equal(_learned(frozen, again), wanted)
    assert len([*tmp_path.rglob("*.features")]) == len(PICTURES), "a picture is kept once"


def test_known_pictures_do_not_reach_the_encoder(
    frozen: Any, rows: list[PackedRow], encoder: Encoder, tmp_path: Path
) -> None:
    seen: list[int] = []
    frozen.model.visual.blocks[0].norm1.register_forward_hook(lambda *given: seen.append(1))
    features = Features(Kept(tmp_path), frozen)
    for _ in range(3):
        _learned(frozen, features.complete(frozen, features.look_up(_batch(rows, encoder))))
    assert len(seen) == 3, "one call a size, in the first step only"


def test_any_number_of_the_encoder_tells_it_from_others(
    frozen: Any, rows: list[PackedRow], encoder: Encoder, tmp_path: Path
) -> None:
    batch = _batch(rows, encoder)
    features = Features(Kept(tmp_path), frozen)
    features.complete(frozen, features.look_up(batch))
    assert not Features(Kept(tmp_path), frozen, bf16=True).look_up(batch)["picture_known"].any()
    with torch.no_grad():
        frozen.model.visual.merger.mlp[0].weight[5, 5] += 1
    assert Features(Kept(tmp_path), frozen).look_up(batch)["picture_known"].all(), "the projector is run each time"
    with torch.no_grad():
        frozen.model.visual.blocks[1].mlp.fc2.weight[-1, -1] += 1e-3
    assert not Features(Kept(tmp_path), frozen).look_up(batch)["picture_known"].any()


def test_a_damaged_file_is_made_anew(frozen: Any, rows: list[PackedRow], encoder: Encoder, tmp_path: Path) -> None:
    batch = _batch(rows, encoder)
    features = Features(Kept(tmp_path), frozen)
    wanted = _learned(frozen, features.complete(frozen, features.look_up(batch)))
    for path in tmp_path.rglob("*.features"):
        raw = bytearray(path.read_bytes())
        raw[len(raw) // 2] ^= 1
        path.write_bytes(raw)
    with pytest.warns(CheckpointWarning, match="made anew"):
        found = features.look_up(batch)
    assert not found["picture_known"].any()
    _equal(_learned(frozen, features.complete(frozen, found)), wanted)
    assert features.look_up(batch)["picture_known"].all()


def test_an_encoder_that_trains_is_refused(model: Any, frozen: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"frozen vision encoder.*trains patch_embed"):
        Features(Kept(tmp_path), model)
    frozen.model.visual.blocks[0].norm1.weight.requires_grad_(True)
    with pytest.raises(InputError, match=r"trains blocks\.0\.norm1"):
        Features(Kept(tmp_path), frozen)


@pytest.mark.parametrize(("target", "fits"), [(r".*language_model.*q_proj", True), (r".*visual.*qkv", False)])
def test_an_adapter_in_the_encoder_is_refused(frozen: Any, tmp_path: Path, target: str, fits: bool) -> None:
    """Also one that is frozen: it may drop out."""
    peft = pytest.importorskip("peft")
    peft.inject_adapter_in_model(peft.LoraConfig(r=2, target_modules=target), frozen)
    freeze_vision(frozen)
    if fits:
        Features(Kept(tmp_path), frozen)
    else:
        with pytest.raises(InputError, match="has an adapter at blocks"):
            Features(Kept(tmp_path), frozen)


@pytest.mark.parametrize("plain", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_run_with_kept_features_is_the_run_without(
    model: Any, encoder: Encoder, ask: Callable[..., Turn], tmp_path: Path, plain: bool
) -> None:
    """Also where one goes on from the other's state, and where workers look the features up."""

    def run(folder: str, kept: Kept | None, stop: int = 99, workers: int = 0) -> list[float]:
        return train_stage(
            deepcopy(model), lambda step: [pack([ask("Is it?", "yes", (PICTURES[step % 2],))], encoder)],
            encoder=encoder, stage=INSTRUCT, folder=tmp_path / folder, plain=plain, kept=kept,
            settings=Hyperparameters(steps=6, warmup=1, log_every=1, workers=workers),
            tell=lambda step, loss: step < stop,
        )  # fmt: skip

    kept = Kept(tmp_path / "kept")
    wanted = run("without", None)
    assert run("with", kept) == pytest.approx(wanted, abs=1e-5)
    assert len([*kept.folder.rglob("*.features")]) == 2
    assert run("known", kept) == pytest.approx(wanted, abs=1e-5)
    for name, first, then in (("off", kept, None), ("on", None, kept)):
        assert run(name, first, 3) + run(name, then) == pytest.approx(wanted, abs=1e-5)


def test_a_stage_that_trains_the_encoder_is_refused(
    model: Any, encoder: Encoder, ask: Callable[..., Turn], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="frozen vision encoder"):
        train_stage(
            deepcopy(model), lambda step: [pack([ask("Is it?", "yes")], encoder)], encoder=encoder, stage=ALIGN,
            settings=Hyperparameters(steps=1), folder=tmp_path / "state", kept=Kept(tmp_path / "kept"), plain=True,
        )  # fmt: skip
