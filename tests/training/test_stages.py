"""Each stage trains what the paper says, and a stopped run goes on as if it had not stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from umit.engine.encode import Encoder
from umit.phantom.blueprint import new_model
from umit.phantom.build import SMOKE_BLUEPRINT
from umit.phantom.steps import Draw, RowsOf
from umit.training import loop
from umit.training.recipe import Recipe
from umit.training.run import train
from umit.training.stages import ALIGN, INSTRUCT, Stage


def run(
    tokenizer: Any,
    folder: Path,
    *,
    stage: Stage,
    steps: int,
    stop: int | None = None,
    **recipe: Any,
) -> tuple[Any, list[float]]:
    encoder = Encoder(tokenizer)
    model = new_model(SMOKE_BLUEPRINT, tokenizer, 0)
    losses = train(
        model,
        RowsOf(stage.name, Draw(0, smoke=True), encoder),
        tokenizer=tokenizer,
        encoder=encoder,
        stage=stage,
        recipe=Recipe(steps=steps, warmup=2, log_every=1, save_every=1000, **recipe),
        folder=folder,
        tell=lambda step, loss: stop is None or step < stop,
    )
    return model, losses


@pytest.mark.slow  # loads TRL
@pytest.mark.parametrize("stage", [ALIGN, INSTRUCT])
def test_exactly_the_stage_trains(tokenizer: Any, tmp_path: Path, stage: Stage) -> None:
    before = new_model(SMOKE_BLUEPRINT, tokenizer, 0).state_dict()
    model, _ = run(tokenizer, tmp_path, stage=stage, steps=3, learning_rate=1e-2)
    for name, value in model.state_dict().items():
        tower = name.startswith("model.visual.") and "merger" not in name
        changed = not torch.equal(value, before[name])
        assert changed == (stage.vision or not tower), name


@pytest.mark.slow  # loads TRL
def test_resuming_equals_the_uninterrupted_run(tokenizer: Any, tmp_path: Path) -> None:
    whole, losses = run(tokenizer, tmp_path / "whole", stage=ALIGN, steps=6)
    _, first = run(tokenizer, tmp_path / "parts", stage=ALIGN, steps=6, stop=3)
    resumed, second = run(tokenizer, tmp_path / "parts", stage=ALIGN, steps=6)
    assert first + second == pytest.approx(losses, abs=2e-4)
    for a, b in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-6)


@pytest.mark.slow  # loads TRL
def test_the_shell_adds_nothing_to_the_plain_loop(tokenizer: Any, tmp_path: Path) -> None:
    """Twenty losses of SFTTrainer equal those of the plain loop, which needs no TRL."""
    steps = 20
    _, shell = run(tokenizer, tmp_path / "shell", stage=ALIGN, steps=steps)
    encoder = Encoder(tokenizer)
    plain = loop.train(
        new_model(SMOKE_BLUEPRINT, tokenizer, 0),
        RowsOf("align", Draw(0, smoke=True), encoder),
        encoder=encoder,
        stage=ALIGN,
        recipe=Recipe(steps=steps, warmup=2, log_every=1),
        folder=tmp_path / "plain",
    )
    assert len(plain) == steps
    assert shell == pytest.approx(plain, abs=2e-4)


def test_the_plain_loop_resumes_too(tokenizer: Any, tmp_path: Path) -> None:
    encoder = Encoder(tokenizer)

    def go(folder: Path, stop: int | None = None) -> list[float]:
        return loop.train(
            new_model(SMOKE_BLUEPRINT, tokenizer, 0),
            RowsOf("align", Draw(0, smoke=True), encoder),
            encoder=encoder,
            stage=ALIGN,
            recipe=Recipe(steps=6, warmup=2, log_every=1),
            folder=folder,
            tell=lambda step, loss: stop is None or step < stop,
        )

    whole = go(tmp_path / "whole")
    assert go(tmp_path / "parts", stop=2) + go(tmp_path / "parts") == pytest.approx(whole, abs=1e-5)
