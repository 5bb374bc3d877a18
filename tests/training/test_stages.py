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
from umit.errors import DatasetError, InputError
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
    bf16: bool = False,
    dtypes: set[torch.dtype] | None = None,
    **settings: Any,
) -> tuple[Any, list[float]]:
    encoder = Encoder(tokenizer)
    model = new_model(SMOKE, tokenizer, 0)
    if dtypes is not None:
        for part in (model.model.language_model.layers[0], model.model.visual.blocks[0]):
            part.mlp.register_forward_hook(lambda module, given, out: dtypes.add(out.dtype))
    losses = train_stage(
        model,
        lambda step: [pack(row, encoder) for row in turns(stage, step)],
        encoder=encoder,
        stage=stage,
        settings=Hyperparameters(
            steps=steps, learning_rate=rate, warmup=2, log_every=1, save_every=1000, bf16=bf16, **settings
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


TRL = pytest.mark.slow  # loads it


@pytest.mark.parametrize(
    ("begun", "ended"),
    [("plain", "plain"), pytest.param("trl", "trl", marks=TRL), pytest.param("plain", "trl", marks=TRL)],
)
def test_resuming_equals_the_uninterrupted_run(tokenizer: Any, tmp_path: Path, begun: str, ended: str) -> None:
    """Also where the other loop goes on."""
    whole, losses = run(tokenizer, tmp_path / "whole", steps=6, plain=ended == "plain")
    _, first = run(tokenizer, tmp_path / "parts", steps=6, stop=3, plain=begun == "plain")
    resumed, second = run(tokenizer, tmp_path / "parts", steps=6, plain=ended == "plain")
    assert len(first) == len(second) == 3
    assert first + second == pytest.approx(losses, abs=1e-6)
    for a, b in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-6)


@pytest.mark.parametrize("plain", [True, pytest.param(False, marks=TRL)])
def test_a_loss_is_by_token_or_by_answer(tokenizer: Any, tmp_path: Path, plain: bool) -> None:
    found = {per: run(tokenizer, tmp_path / per, steps=2, plain=plain, per=per)[1] for per in ("token", "answer")}
    assert abs(found["token"][0] - found["answer"][0]) > 1e-4
    with pytest.raises(InputError, match=r"differs in per \(token there, answer now\)"):
        run(tokenizer, tmp_path / "token", steps=2, plain=plain, per="answer")
    with pytest.raises(InputError, match="'word'"):
        run(tokenizer, tmp_path / "word", steps=2, per="word")


@TRL
def test_trl_and_the_plain_loop_train_alike(tokenizer: Any, tmp_path: Path) -> None:
    """Twenty losses of SFTTrainer equal those of the plain loop, which needs no TRL."""
    _, trl = run(tokenizer, tmp_path / "trl", steps=20)
    _, plain = run(tokenizer, tmp_path / "plain", steps=20, plain=True)
    assert len(plain) == 20
    assert trl == pytest.approx(plain, abs=1e-6)


@pytest.mark.parametrize("plain", [True, pytest.param(False, marks=TRL)])
def test_bf16_computes_in_bfloat16_and_keeps_float32_weights(tokenizer: Any, tmp_path: Path, plain: bool) -> None:
    found = {}
    for bf16 in (False, True):
        dtypes: set[torch.dtype] = set()
        model, losses = run(tokenizer, tmp_path / str(bf16), steps=2, plain=plain, bf16=bf16, dtypes=dtypes)
        assert dtypes == {torch.bfloat16 if bf16 else torch.float32}
        assert {p.dtype for p in model.parameters()} == {torch.float32}
        found[bf16] = losses
    assert found[True] != found[False]
    assert found[True] == pytest.approx(found[False], rel=0.02)


@pytest.mark.parametrize("plain", [True, pytest.param(False, marks=TRL)])
def test_no_number_stops_and_names_the_rows(tokenizer: Any, tmp_path: Path, plain: bool) -> None:
    encoder, model = Encoder(tokenizer), new_model(SMOKE, tokenizer, 0)
    model.model.language_model.norm.register_forward_hook(lambda module, given, out: out * torch.nan)
    with pytest.raises(DatasetError, match=r"step 1 has loss nan.*rows: step 0, row 0, step 0, row 1"):
        train_stage(
            model,
            lambda step: [
                pack(row, encoder, f"step {step}, row {n}")
                for n, row in enumerate(turns(ALIGN, step)[:2])
            ],
            encoder=encoder, stage=ALIGN, settings=Hyperparameters(steps=2), folder=tmp_path, plain=plain,
        )  # fmt: skip
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


def test_the_rows_of_all_parts_of_a_step_are_named(tokenizer: Any, tmp_path: Path) -> None:
    encoder, model, calls = Encoder(tokenizer), new_model(SMOKE, tokenizer, 0), []

    def third_is_none(module: Any, given: Any, out: torch.Tensor) -> torch.Tensor:
        calls.append(out)
        return out * torch.nan if len(calls) == 3 else out

    model.model.language_model.norm.register_forward_hook(third_is_none)
    with pytest.raises(DatasetError, match=r"step 2 has loss nan.*rows: batch 2, batch 3\."):
        train_stage(
            model, lambda batch: [pack(turns(ALIGN, batch)[0], encoder, f"batch {batch}")], encoder=encoder,
            stage=ALIGN, settings=Hyperparameters(steps=3, accumulate=2), folder=tmp_path, plain=True,
        )  # fmt: skip


def test_a_step_without_rows_is_refused(tokenizer: Any, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="got none in step number 0"):
        train_stage(
            new_model(SMOKE, tokenizer, 0), lambda step: [], encoder=Encoder(tokenizer), stage=ALIGN,
            settings=Hyperparameters(steps=2), folder=tmp_path, plain=True,
        )  # fmt: skip


@pytest.mark.parametrize("plain", [True, pytest.param(False, marks=TRL)])
def test_layers_made_again_give_the_same_losses_from_less_memory(tokenizer: Any, tmp_path: Path, plain: bool) -> None:
    """Memory is what is kept between a pass forward and the one back."""
    found, most = {}, {}
    for checkpointing in (False, True):
        kept: dict[int, int] = {}

        def keep(tensor: torch.Tensor, kept: dict[int, int] = kept) -> torch.Tensor:
            kept[tensor.data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        folder = tmp_path / str(checkpointing)
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            found[checkpointing] = run(tokenizer, folder, steps=1, plain=plain, checkpointing=checkpointing)[1]
        most[checkpointing] = sum(kept.values())
    assert found[True] == pytest.approx(found[False], abs=1e-6)
    assert most[True] < most[False] / 2  # 4.5 of 13.3 MB, the weights among them
