"""What SFTConfig offers beside umit's own settings: taken where it takes effect, refused with the reason elsewhere."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from difflib import get_close_matches
from typing import Any, Final

from umit.errors import InputError, MissingExtraError
from umit.training.hyperparameters import Hyperparameters
from umit.training.optimizers import OPTIMIZER

__all__ = ["check", "with_sft"]

#: SFTConfig's name of what umit's settings have under a name of their own.
_TWINS: Final = {
    "learning_rate": "learning_rate", "warmup_steps": "warmup", "weight_decay": "weight_decay",
    "max_grad_norm": "clip", "bf16": "bf16", "gradient_accumulation_steps": "accumulate",
    "gradient_checkpointing": "checkpointing", "activation_checkpointing": "checkpointing",
    "logging_steps": "log_every", "dataloader_num_workers": "workers",
    "report_to": "report_to",
}  # fmt: skip
#: What SFTTrainer itself does with them; the loop in plain torch does not.
_TRAINER: Final = (
    "full_determinism", "log_level", "log_level_replica", "log_on_each_node", "logging_first_step", "project",
    "run_name", "tf32", "torch_empty_cache_steps", "trackio_bucket_id", "trackio_space_id", "trackio_static_space_id",
)  # fmt: skip
_ROWS: Final = "umit makes the rows itself, whole, by the words and frames of the card"
_LENGTH: Final = "umit counts in samples and steps: batch=, settings= (--batch, --steps, --epochs, --minutes)"
_ASKED: Final = "umit validates by the path of umit evaluate: val=, every=, patience= (--val, --every, --patience)"
_STATES: Final = "umit keeps states of its own, whole or not there, in OUT/state; the same call goes on"
_HUB: Final = "push the finished folder, which is complete, instead of a run on its way"
_LAUNCH: Final = "that comes from accelerate launch or torchrun, and their files"
_LOSS: Final = "the loss is umit's own, on answers and their end token"
#: Why a setting is umit's own, by its name or how the name begins.
_REASONS: Final = {
    "optim_target_modules": "what trains is the stage's: stage= (--stage)",
    "seed": "it draws the validation part and the order too: settings= (--seed)",
    "max_steps": _LENGTH, "num_train_epochs": _LENGTH, "per_device_train": _LENGTH, "auto_find": _LENGTH,
    "eval_": _ASKED, "per_device_eval": _ASKED, "load_best": _ASKED, "metric_for": _ASKED, "greater_": _ASKED,
    "include_for_metrics": _ASKED, "batch_eval": _ASKED, "prediction_loss": _ASKED, "bf16_full": _ASKED,
    "fp16_full": _ASKED, "do_": _ASKED,
    "output_dir": _STATES, "save_": _STATES, "resume_": _STATES, "ignore_data": _STATES, "restore_": _STATES,
    "enable_jit": _STATES,
    "push_": _HUB, "hub_": _HUB,
    "ddp_": _LAUNCH, "fsdp": _LAUNCH, "deepspeed": _LAUNCH, "accelerator_": _LAUNCH, "parallelism": _LAUNCH,
    "local_rank": _LAUNCH, "use_cpu": _LAUNCH,
    "max_length": _ROWS, "truncation": _ROWS, "packing": _ROWS, "padding_free": _ROWS, "pad_": _ROWS,
    "eos_": _ROWS, "dataset_": _ROWS, "shuffle_": _ROWS, "train_sampling": _ROWS, "length_column": _ROWS,
    "remove_unused": _ROWS, "data_seed": _ROWS, "dataloader_": _ROWS, "label_names": _ROWS, "chat_template": _ROWS,
    "label_smoothing": _LOSS, "loss_type": _LOSS, "completion_": _LOSS, "assistant_": _LOSS, "router_": _LOSS,
    "average_tokens": _LOSS,
    "fp16": "half precision without a scaled loss does not train; take bf16",
    "disable_tqdm": "umit's own bar is shown on a terminal only",
    "model_init": "the model is loaded by model= (--model)", "trust_": "the model is loaded by model= (--model)",
}  # fmt: skip
_ELSE: Final = "it would have no effect, or none that umit has looked at"


def with_sft(settings: Hyperparameters, sft: Mapping[str, Any]) -> Hyperparameters:
    """Return settings with what SFTConfig calls by its own names.

    Args:
        settings: How long and how fast.
        sft: Values by SFTConfig's names.

    Raises:
        InputError: A name that SFTConfig does not have, with the nearest; one that is umit's own, with the reason; or
            a value that it does not take.

    Example:
        >>> with_sft(Hyperparameters(steps=9), {"weight_decay": 0.1, "optim": "adafactor"}).weight_decay
        0.1
    """
    if not sft:
        return settings
    own = {_TWINS[name]: _like(name, value, settings) for name, value in sft.items() if name in _TWINS}
    rest = {name: value for name, value in sft.items() if name not in _TWINS}
    known = _names()
    for name in rest:
        _refuse(name, known)
    try:
        kept = json.loads(json.dumps(rest))  # as it is when a later call reads it
    except (TypeError, ValueError) as error:
        raise InputError(f"expected plain values for SFTConfig: {error}", code="sft", where="sft") from error
    found = replace(settings, **own, sft={**settings.sft, **kept})
    check(found)
    return found


def check(settings: Hyperparameters, *, plain: bool = False) -> None:
    """Refuse values that transformers refuses, and what a loop does not do.

    Args:
        settings: Theirs are the fields ``sft`` and ``report_to``.
        plain: Whether the loop is the one in plain torch.

    Raises:
        InputError: One is there.
        MissingExtraError: What is to be reported to is not installed.
    """
    if plain and (left := [*(name for name in settings.sft if name in _TRAINER), *settings.report_to]):
        raise InputError(
            f"expected settings of the loop in plain torch, got {', '.join(left)}, which is for SFTTrainer",
            code="sft", hint="Leave out plain=True (--plain), or these",
        )  # fmt: skip
    _refuse_missing(settings.report_to)
    if settings.sft:
        import torch

        from umit.training.hyperparameters import optimizer_and_schedule

        optimizer_and_schedule(torch.nn.Linear(2, 2), settings)


def _refuse_missing(names: Sequence[str]) -> None:
    """Refuse names of reports that transformers does not have, and packages that are not there."""
    if not names:
        return
    from transformers import integrations

    untyped: Any = integrations
    try:
        kinds = untyped.get_reporting_integration_callbacks(list(names))
    except ValueError as error:
        raise InputError(
            f"expected reports that transformers has: {error}", code="report", where="report_to"
        ) from error
    for name, kind in zip(names, kinds, strict=True):
        try:
            kind()
        except (RuntimeError, ImportError) as error:
            raise MissingExtraError(
                f"expected the package that {name} reports with, it is not installed; pip install {name}",
                engine="training",
            ) from error


def _names() -> list[str]:
    from trl import SFTConfig

    return [one.name for one in fields(SFTConfig) if one.init]


def _refuse(name: str, known: list[str]) -> None:
    if name in OPTIMIZER or name in _TRAINER:
        return
    if name not in known:
        near = get_close_matches(name, known, n=1)
        raise InputError(
            f"expected a setting of TRL's SFTConfig, got {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""),
            code="sft", where=name,
        )  # fmt: skip
    reason = next((why for start, why in _REASONS.items() if name.startswith(start)), _ELSE)
    raise InputError(
        f"expected a setting that umit leaves to SFTConfig, got {name!r}: {reason}", code="sft", where=name
    )


def _like(name: str, value: Any, settings: Hyperparameters) -> Any:
    """Return a value of the kind that umit's own setting has."""
    before = getattr(settings, _TWINS[name])
    if isinstance(before, tuple) and isinstance(value, str | list | tuple):
        return (value,) if isinstance(value, str) else tuple(map(str, value))
    whole = isinstance(value, float) and value.is_integer() and type(before) is int
    value = int(value) if whole else value
    if type(value) is type(before) or (type(before) is float and type(value) is int):
        return value
    raise InputError(
        f"expected {name} to be {type(before).__name__}, as umit's {_TWINS[name]} is, got {value!r}",
        code="sft", where=name,
    )  # fmt: skip
