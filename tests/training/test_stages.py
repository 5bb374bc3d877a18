"""Each stage trains what the paper says, and a stopped run goes on as if it had not stopped."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

from recipes.embedded.batches import Draws
from recipes.embedded.model import SMOKE, new_model
from recipes.embedded.stages import STAGES
from umit.engine.encode import Encoder
from umit.training.hyperparameters import Hyperparameters
from umit.training.rows import Turn, pack
from umit.training.stages import ALIGN, INSTRUCT, Stage, train_stage

DRAWS = {stage.paper: Draws(stage, smoke=True) for stage in STAGES if stage.paper}


@cache  # most runs here train on the same steps
def turns(stage: Stage, step: int) -> list[list[Turn]]:
    return DRAWS[stage].turns(step)


def run(
    tokenizer: Any,
    folder: Path,
    *,
    stage: Stage = ALIGN,
    steps: int,
    stop: int | None = None,
    plain: bool = False,
    rate: float = 1e-3,
) -> tuple[Any, list[float]]:
    encoder = Encoder(tokenizer)
    model = new_model(SMOKE, tokenizer, 0)
    losses = train_stage(
        model,
        lambda step: [pack(row, encoder) for row in turns(stage, step)],
        encoder=encoder,
        stage=stage,
        settings=Hyperparameters(
            steps=steps, learning_rate=rate, warmup=2, log_every=1, save_every=1000
        ),
        folder=folder,
        tell=lambda step, loss: stop is None or step < stop,
        plain=plain,
    )
    return model, losses


@pytest.mark.slow  # loads TRL
@pytest.mark.parametrize("stage", [ALIGN, INSTRUCT])
def test_exactly_the_stage_trains(tokenizer: Any, tmp_path: Path, stage: Stage) -> None:
    before = new_model(SMOKE, tokenizer, 0).state_dict()
    model, _ = run(tokenizer, tmp_path, stage=stage, steps=3, rate=1e-2)
    for name, value in model.state_dict().items():
        tower = name.startswith("model.visual.") and "merger" not in name
        changed = not torch.equal(value, before[name])
        assert changed == (stage.vision or not tower), name


@pytest.mark.parametrize("plain", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_resuming_equals_the_uninterrupted_run(tokenizer: Any, tmp_path: Path, plain: bool) -> None:
    whole, losses = run(tokenizer, tmp_path / "whole", steps=6, plain=plain)
    _, first = run(tokenizer, tmp_path / "parts", steps=6, stop=3, plain=plain)
    resumed, second = run(tokenizer, tmp_path / "parts", steps=6, plain=plain)
    assert len(first) == len(second) == 3
    assert first + second == pytest.approx(losses, abs=2e-4)
    for a, b in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-6)


@pytest.mark.slow  # loads TRL
def test_trl_and_the_plain_loop_train_alike(tokenizer: Any, tmp_path: Path) -> None:
    """Twenty losses of SFTTrainer equal those of the plain loop, which needs no TRL."""
    _, trl = run(tokenizer, tmp_path / "trl", steps=20)
    _, plain = run(tokenizer, tmp_path / "plain", steps=20, plain=True)
    assert len(plain) == 20
    assert trl == pytest.approx(plain, abs=2e-4)
