"""What SFTConfig offers: each takes effect or is refused with the reason."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.films import write_films

from umit.checkpoints import PHANTOM
from umit.datasets import load
from umit.errors import InputError, MissingExtraError
from umit.testing import tiny_checkpoint
from umit.training import ALIGN, Hyperparameters, train
from umit.training.hyperparameters import optimizer_and_schedule
from umit.training.passed import check, with_sft

SETTINGS = Hyperparameters(steps=4, learning_rate=1e-2, warmup=1, log_every=1)

TWINS = [
    ({"learning_rate": 0.5}, "learning_rate", 0.5),
    ({"weight_decay": 1}, "weight_decay", 1),
    ({"max_grad_norm": 0.1}, "clip", 0.1),
    ({"warmup_steps": 2.0}, "warmup", 2),
    ({"bf16": True}, "bf16", True),
    ({"logging_steps": 3}, "log_every", 3),
    ({"gradient_accumulation_steps": 2}, "accumulate", 2),
    ({"gradient_checkpointing": True}, "checkpointing", True),
    ({"dataloader_num_workers": 1}, "workers", 1),
]


@pytest.mark.parametrize(("sft", "name", "value"), TWINS, ids=[next(iter(sft)) for sft, _, _ in TWINS])
def test_what_umit_has_under_a_name_of_its_own(sft: dict[str, Any], name: str, value: Any) -> None:
    found = with_sft(SETTINGS, sft)
    assert getattr(found, name) == value != getattr(SETTINGS, name) and not found.sft


def _made(sft: dict[str, Any]) -> tuple[Any, Any]:
    made: tuple[Any, Any] = optimizer_and_schedule(torch.nn.Linear(2, 2), with_sft(SETTINGS, sft))
    return made


def test_umits_own_optimizer_is_what_these_names_say() -> None:
    own, named = _made({}), _made({"optim": "adamw_torch"})
    assert type(own[0]) is type(named[0]) and own[0].defaults == named[0].defaults
    for _ in range(4):
        assert own[1].get_last_lr() == named[1].get_last_lr()
        for one in (own, named):
            one[0].step()
            one[1].step()


def test_optimizers_and_schedules_are_those_that_are_named() -> None:
    assert type(_made({"optim": "adafactor"})[0]).__name__ == "Adafactor"
    assert type(_made({"optim": "sgd", "optim_args": "momentum=0.5"})[0]).__name__ == "SGD"
    assert _made({"optim": "sgd", "optim_args": "momentum=0.5"})[0].defaults["momentum"] == 0.5
    assert _made({"adam_beta1": 0.5})[0].defaults["betas"] == (0.5, 0.95)
    assert _made({"adam_beta2": 0.5})[0].defaults["betas"] == (0.9, 0.5)
    assert _made({"adam_epsilon": 0.1})[0].defaults["eps"] == 0.1
    rates = {}
    for name, how in {"linear": {}, "cosine_with_restarts": {"num_cycles": 2}, "constant_with_warmup": {}}.items():
        optimizer, schedule = _made({"lr_scheduler_type": name, **({"lr_scheduler_kwargs": how} if how else {})})
        for _ in range(3):
            optimizer.step()
            schedule.step()
        (rates[name], *_) = schedule.get_last_lr()
    assert rates["linear"] == pytest.approx(1e-2 / 3) and rates["constant_with_warmup"] == 1e-2
    assert len({*rates.values()}) == 3


BAD = [
    ({"max_lenght": 9}, "did you mean 'max_length'"),
    ({"zzzzzz": 9}, "expected a setting of TRL's SFTConfig, got 'zzzzzz'"),
    ({"max_length": 9}, "umit makes the rows itself"),
    ({"packing": True}, "umit makes the rows itself"),
    ({"remove_unused_columns": True}, "umit makes the rows itself"),
    ({"output_dir": "x"}, "umit keeps states of its own"),
    ({"save_strategy": "steps"}, "umit keeps states of its own"),
    ({"eval_strategy": "steps"}, "umit validates by the path"),
    ({"num_train_epochs": 2}, "umit counts in samples and steps"),
    ({"per_device_train_batch_size": 2}, "umit counts in samples and steps"),
    ({"label_smoothing_factor": 0.1}, "the loss is umit's own"),
    ({"deepspeed": "zero.json"}, "accelerate launch"),
    ({"fp16": True}, "take bf16"),
    ({"report_to": 3}, "expected report_to to be tuple"),
    ({"report_to": "abacus"}, "expected reports that transformers has: abacus"),
    ({"use_liger_kernel": True}, "that umit has looked at"),
    ({"learning_rate": "fast"}, "expected learning_rate to be float"),
    ({"bf16": 1}, "expected bf16 to be bool"),
    ({"learning_rate": -1.0}, "a learning_rate above 0"),
    ({"optim": "adamm"}, "adamm"),
    ({"optim": "galore_adamw"}, "nothing but gradients and steps"),
    ({"optim": "schedule_free_adamw"}, "nothing but gradients and steps"),
    ({"lr_scheduler_type": "reduce_lr_on_plateau"}, "nothing but gradients and steps"),
    ({"lr_scheduler_type": "sideways"}, "sideways"),
    ({"lr_scheduler_type": "constant"}, "constant_with_warmup, or warmup_steps=0"),
    ({"lr_scheduler_type": "constant_with_warmup", "lr_scheduler_kwargs": {"a": 1}}, "look at, got lr_scheduler_kwargs"),
    ({"lr_scheduler_type": "linear", "lr_scheduler_kwargs": {"a": 1}}, "transformers takes them"),
    ({"optim": "adafactor", "adam_beta1": 0.5}, "look at, got adam_beta1"),
    ({"optim": "sgd", "adam_epsilon": 0.5}, "look at, got adam_epsilon"),
    ({"optim_args": object()}, "expected plain values"),
]  # fmt: skip


@pytest.mark.parametrize(("sft", "said"), BAD, ids=[" ".join(map(str, sft))[:40] for sft, _ in BAD])
def test_what_would_have_no_effect_is_refused(sft: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as told:
        with_sft(SETTINGS, sft)
    assert said in str(told.value)


def test_every_field_of_sft_config_is_taken_or_refused() -> None:
    from trl import SFTConfig

    taken = []
    for one in fields(SFTConfig):
        try:
            with_sft(SETTINGS, {one.name: 1})
            taken.append(one.name)
        except InputError as error:
            assert "umit" in str(error) or "SFTConfig" in str(error) or "transformers" in str(error)
    assert {"run_name", "tf32", "full_determinism"} <= {*taken} and len(taken) < 40


def test_reports_that_nobody_can_write_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    with pytest.raises(InputError, match="expected reports that transformers has: abacus"):
        check(replace(SETTINGS, report_to=("abacus",)))
    monkeypatch.setattr("transformers.integrations.integration_utils.is_tensorboard_available", lambda: False)
    with pytest.raises(MissingExtraError, match="pip install tensorboard"):
        check(replace(SETTINGS, report_to=("tensorboard",)))
    with pytest.raises(InputError, match="run_name, tensorboard, which is for SFTTrainer"):
        check(replace(SETTINGS, sft={"run_name": "a"}, report_to=("tensorboard",)), plain=True)


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("start") / "tiny", card=PHANTOM)


@pytest.mark.filterwarnings("ignore::umit.errors.DatasetWarning")
def test_a_run_is_its_settings(start: Path, tmp_path: Path) -> None:
    films = load(write_films(tmp_path / "films", patients=2))
    words: dict[str, Any] = {"model": start, "settings": SETTINGS, "stage": ALIGN, "batch": 2, "plain": True}
    weights = {}
    for name, sft in {"own": {}, "sgd": {"optim": "sgd"}, "still": {"learning_rate": 1e-12}}.items():
        out = train(films, out=tmp_path / name, sft=sft, **words)
        assert out is not None
        weights[name] = (out / "model.safetensors").read_bytes()
    assert len({*weights.values()}) == 3
    with pytest.raises(InputError, match="differs in settings"):
        train(films, out=tmp_path / "sgd", sft={"optim": "adafactor"}, **words)
    assert train(films, out=tmp_path / "sgd", sft={"optim": "sgd"}, **words) == tmp_path / "sgd"


@pytest.mark.slow  # loads TRL
@pytest.mark.filterwarnings("ignore::umit.errors.DatasetWarning")
def test_tensorboard_is_told_what_happens(start: Path, tmp_path: Path) -> None:
    event_accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    films = load(write_films(tmp_path / "films", patients=4))
    out = train(
        films, model=start, out=tmp_path / "mine", settings=SETTINGS, stage=ALIGN, batch=2, val=0.25, every=2,
        sft={"run_name": "first", "report_to": "tensorboard"},
    )  # fmt: skip
    assert out is not None
    (events,) = (out / "state").rglob("events.out.*")
    read = event_accumulator.EventAccumulator(str(events))
    read.Reload()
    told = {name: [(one.step, one.value) for one in read.Scalars(name)] for name in read.Tags()["scalars"]}
    assert [step for step, _ in told["train/loss"]] == [1, 2, 3, 4]
    assert [step for step, _ in told["train/learning_rate"]] == [1, 2, 3, 4]
    assert all(norm > 0 for _, norm in told["train/grad_norm"])
    assert [step for step, _ in told["eval/accuracy"]] == [0, 2, 4]
