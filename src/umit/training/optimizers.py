"""Optimizers and schedules by transformers' names, where the user asks for others than umit's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from umit.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from umit.training.hyperparameters import Hyperparameters

__all__ = ["OPTIMIZER", "chosen"]

#: Fields of SFTConfig that :func:`chosen` makes its objects of, with umit's own values.
OPTIMIZER: Final[dict[str, Any]] = {
    "optim": "adamw_torch", "optim_args": None, "adam_beta1": 0.9, "adam_beta2": 0.95, "adam_epsilon": 1e-8,
    "lr_scheduler_type": "cosine_with_min_lr", "lr_scheduler_kwargs": {"min_lr_rate": 0.01},
}  # fmt: skip
#: What needs more than gradients and a step: names of modules, a step of its own, another mode to be asked in.
_OTHER: Final = ("galore", "apollo", "lomo", "adalomo", "schedule_free", "reduce_lr_on_plateau", "greedy")
_BARE: Final = ("constant", "constant_with_warmup")


def chosen(groups: Sequence[dict[str, Any]], settings: Hyperparameters) -> tuple[Any, Any]:
    """Return the optimizer and the schedule that ``settings.sft`` names.

    Args:
        groups: Parameters with their weight decay, as torch's optimizers take them.
        settings: How long and how fast.

    Raises:
        InputError: A name or a value that transformers does not take, or one that would have no effect.
        MissingExtraError: A package is missing.
    """
    from transformers import Trainer, TrainingArguments, get_scheduler

    given = settings.sft
    said = {**OPTIMIZER, **{name: value for name, value in given.items() if name in OPTIMIZER}}
    if "lr_scheduler_type" in given and "lr_scheduler_kwargs" not in given:
        said["lr_scheduler_kwargs"] = {}
    kind = str(said["lr_scheduler_type"])
    for name in (str(said["optim"]), kind):
        if name.startswith(_OTHER):
            raise _refusal("an optimizer and a schedule that need nothing but gradients and steps", name)
    try:
        args = TrainingArguments("unused", learning_rate=settings.learning_rate, use_cpu=True, report_to=[], **said)
        made, how = Trainer.get_optimizer_cls_and_kwargs(args)
        optimizer = made(list(groups), **how)
        schedule = get_scheduler(kind, optimizer, settings.warmup, settings.steps, dict(said["lr_scheduler_kwargs"]))
    except ImportError as error:
        raise MissingExtraError(f"expected the package of {said['optim']}: {error}", engine="training") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:  # what a number for a text gives
        raise _refusal("optimizer and schedule as transformers takes them", str(error)) from error
    _refuse_idle(said, optimizer, settings)
    return optimizer, schedule


def _refuse_idle(said: dict[str, Any], optimizer: Any, settings: Hyperparameters) -> None:
    """Refuse what this optimizer or schedule would not look at."""
    has = optimizer.defaults
    seen = {
        "adam_beta1": said["adam_beta1"] in has.get("betas", ()),
        "adam_beta2": said["adam_beta2"] in has.get("betas", ()),
        "adam_epsilon": has.get("eps") == said["adam_epsilon"],
        "lr_scheduler_kwargs": said["lr_scheduler_type"] not in _BARE,
    }
    for name, looked_at in seen.items():
        if name in settings.sft and not looked_at:
            raise _refusal(f"what {said['optim']} and {said['lr_scheduler_type']} look at", name)
    if said["lr_scheduler_type"] == "constant" and settings.warmup:
        raise _refusal("constant_with_warmup, or warmup_steps=0", f"constant and {settings.warmup} steps of warm-up")


def _refusal(expected: str, got: str) -> InputError:
    return InputError(f"expected {expected}, got {got}", code="sft", where="sft")
