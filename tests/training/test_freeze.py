"""What trains: parameters are only ever frozen, whatever is around or inside the model."""

from __future__ import annotations

import copy
import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from umit.engine.encode import Encoder
from umit.errors import InputError
from umit.training.hyperparameters import Hyperparameters
from umit.training.rows import pack
from umit.training.stages import ALIGN, INSTRUCT, Stage, freeze, train_stage


@pytest.fixture
def own(model: Any) -> Any:
    """A copy of the tiny model that a test may change."""
    return copy.deepcopy(model)


def trained(model: nn.Module) -> set[str]:
    return {name for name, p in model.named_parameters() if p.requires_grad}


def is_tower(name: str) -> bool:
    return "visual." in name and "merger." not in name


def as_it_is(model: Any) -> Any:
    return model


def wrapped(model: Any) -> nn.Module:
    return nn.ModuleDict({"inside": model})


def compiled(model: Any) -> Any:
    return torch.compile(model)


@pytest.mark.parametrize("wrap", [as_it_is, wrapped, compiled])
@pytest.mark.parametrize("stage", [ALIGN, INSTRUCT])
def test_exactly_the_vision_encoder_is_frozen(own: Any, wrap: Any, stage: Stage) -> None:
    before = trained(own)
    freeze(wrap(own), stage)
    assert trained(own) == {name for name in before if stage.vision or not is_tower(name)}
    assert any(is_tower(name) for name in before)


@pytest.mark.parametrize("stage", [ALIGN, INSTRUCT])
def test_what_the_user_froze_stays_frozen(own: Any, stage: Stage) -> None:
    own.model.visual.merger.requires_grad_(False)
    own.get_input_embeddings().requires_grad_(False)
    before = trained(own)
    said = freeze(own, stage)
    assert trained(own) == {name for name in before if stage.vision or not is_tower(name)}
    frozen = said.partition("frozen: ")[2]
    assert "projector" in frozen and "embeddings 9,600" in frozen


def test_it_is_told(own: Any) -> None:
    assert freeze(own, ALIGN).endswith("frozen: nothing")
    said = freeze(own, INSTRUCT)
    numbers = sum(p.numel() for name, p in own.named_parameters() if is_tower(name))
    assert said.startswith("trains: ") and said.endswith(f"frozen: vision encoder {numbers:,}")


def _train(model: Any, encoder: Encoder, ask: Any, folder: Path, stage: Stage = INSTRUCT) -> Any:
    return train_stage(
        model, lambda step: [pack([ask("Normal?", "2:no")], encoder)], encoder=encoder, stage=stage, plain=True,
        settings=Hyperparameters(steps=2, learning_rate=0.01, warmup=1, log_every=1), folder=folder,
    )  # fmt: skip


def _lora(model: Any) -> Any:
    peft = pytest.importorskip("peft", reason="LoRA needs peft")
    config = peft.LoraConfig(r=2, target_modules=r".*(q_proj|attn\.qkv)", lora_dropout=0.1)
    return peft.get_peft_model(model, config)


@pytest.mark.parametrize("stage", [ALIGN, INSTRUCT])
@pytest.mark.parametrize("bare", [False, True])
def test_beside_adapters_nothing_of_the_base_trains(
    own: Any, encoder: Encoder, ask: Any, tmp_path: Path, stage: Stage, bare: bool
) -> None:
    """Whether peft's own model is given, or the one that the adapters were put into."""
    model = _lora(own)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    could = trained(model)
    _train(own if bare else model, encoder, ask, tmp_path, stage)
    changed = {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}
    assert changed and all("lora_" in name for name in changed)
    assert any(is_tower(name) for name in changed) == stage.vision
    assert trained(model) == could


def test_a_state_beside_adapters_holds_them_alone(own: Any, encoder: Encoder, ask: Any, tmp_path: Path) -> None:
    again = copy.deepcopy(own)
    torch.manual_seed(1)
    losses = _train(_lora(own), encoder, ask, tmp_path)
    kept = torch.load(tmp_path / "checkpoint-2" / "state.pt", weights_only=True)["model"]
    assert kept and sum("lora_" in name for name in kept) >= len(kept) - 1  # and the tied head
    torch.manual_seed(1)
    assert _train(_lora(again), encoder, ask, tmp_path) == []
    assert len(losses) == 2
    for a, b in zip(own.parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b)


def test_adapters_beside_the_layers_are_refused(own: Any) -> None:
    peft = pytest.importorskip("peft", reason="prompts need peft")
    config = peft.PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=2)
    with pytest.raises(InputError, match=r"trains prompt_encoder.*take LoRA"):
        freeze(peft.get_peft_model(own, config), INSTRUCT)


def test_what_cannot_train_is_refused(own: Any) -> None:
    with pytest.raises(InputError, match=r"expected a model of Qwen2-VL, .*got Linear"):
        freeze(nn.Linear(2, 2), ALIGN)
    own.requires_grad_(False)
    with pytest.raises(InputError, match="require a gradient, got none"):
        freeze(own, ALIGN)


def test_bfloat16_weights_are_refused_and_frozen_ones_allowed(own: Any) -> None:
    own.model.visual.to(torch.bfloat16)
    own.model.visual.merger.float()
    freeze(own, INSTRUCT)
    own.lm_head.to(torch.bfloat16)
    with pytest.raises(InputError, match=r"float32, got torch\.bfloat16, torch\.float32.*bf16=True"):
        freeze(own, INSTRUCT)


def test_a_stage_gives_back_what_it_froze_and_says_what_trained(
    own: Any, encoder: Encoder, ask: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own.lm_head.weight.requires_grad_(False)
    before = trained(own)
    with caplog.at_level(logging.INFO, logger="umit"):
        _train(own, encoder, ask, tmp_path)
    assert trained(own) == before
    assert caplog.messages[0].startswith("instruct: trains: ")
