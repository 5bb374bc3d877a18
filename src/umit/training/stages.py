"""The paper's two stages, and how one is trained (arXiv 2503.15892, figure 2)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from umit.engine.encode import Encoder
from umit.errors import DatasetError, InputError
from umit.training.freeze import freeze_vision, inner, trains
from umit.training.hyperparameters import Hyperparameters
from umit.training.kinds import KindLosses
from umit.training.rows import Batches
from umit.training.together import merged

if TYPE_CHECKING:
    from torch import Tensor, nn

    from umit.training.board import Board
    from umit.training.features import Features
    from umit.training.kept import Kept
    from umit.training.progress import Tell
    from umit.training.states import Write

__all__ = ["ALIGN", "INSTRUCT", "Stage", "freeze", "train_stage"]

_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of training.

    Args:
        name: What it is called, such as ``"align"``.
        vision: Whether the vision encoder trains; projector and language model always do.
    """

    name: str
    vision: bool


ALIGN: Final = Stage("align", vision=True)
INSTRUCT: Final = Stage("instruct", vision=False)


def freeze(model: nn.Module, stage: Stage) -> str:
    """Freeze what a stage does not train; nothing that was frozen before is thawed.

    Args:
        model: A Qwen-VL, also compiled, or with adapters of peft inside.
        stage: What trains.

    Returns:
        What trains and what is frozen, each part with its count of numbers.

    Raises:
        InputError: No Qwen-VL, nothing left to train, quantised weights, or trained weights that are not float32.
    """
    import torch

    plain = inner(model)
    if not stage.vision:
        freeze_vision(plain)
    trained = {name: p for name, p in plain.named_parameters() if p.requires_grad}
    if getattr(plain, "is_quantized", False) and not all("lora_" in name for name in trained):
        raise InputError(
            "expected whole weights to teach, or an adapter over quantised ones, these are quantised",
            code="bits", hint="Begin with those they were made of, with --lora --lora-bits 4 (in Python Lora(bits=4))",
        )  # fmt: skip
    kinds = {p.dtype for p in trained.values()}
    if not kinds:
        raise InputError("expected parameters that require a gradient, got none", code="model")
    if kinds != {torch.float32}:
        raise InputError(
            f"expected trained weights in float32, got {', '.join(sorted(map(str, kinds)))}",
            code="dtype",
            hint="In bfloat16 most steps are too small to move a weight: load with dtype='float32' and train with "
            "bf16=True, which keeps float32 weights and runs matrix products in bfloat16",
        )
    return trains(plain)


def train_stage(
    model: nn.Module,
    batches: Batches,
    *,
    encoder: Encoder,
    stage: Stage,
    settings: Hyperparameters,
    folder: Path,
    tell: Tell | None = None,
    plain: bool = False,
    kept: Kept | None = None,
    write: Write | None = None, board: Board | None = None,
) -> list[float]:  # fmt: skip
    """Train one stage; the same call again goes on where it stopped.

    Args:
        model: A Qwen-VL, on the device that is to be used; changed in place. One that is compiled or has adapters of
            peft inside is trained as what it wraps.
        batches: The rows of each step; under many processes, this one's share of them.
        encoder: The checkpoint's encoder.
        stage: What trains.
        settings: How long and how fast.
        folder: Of states alone, each a checkpoint that loads; at the end it loads itself.
        tell: Called with step and loss every ``log_every`` steps; returning ``False`` saves and stops.
        plain: Train with the loop in plain torch and not with TRL's SFTTrainer.
        kept: Keeps what the frozen vision encoder makes of a picture for when it comes again.
        write: Called to write a checkpoint that loads into the folder of each state; ``None`` for the weights, and the
            card of those that it began with under the folder's name. Peft's own wrapper writes its adapter itself.
        board: Has what is reported beside the loss.

    Returns:
        The mean loss of each log interval of this call.

    Raises:
        InputError: No Qwen-VL, nothing left to train, trained weights that are not float32, features to be kept of
            a vision encoder that trains, or a folder that holds another run or something else.
        CheckpointError: A state cannot be written.
        DatasetError: A step without rows, a row of more positions than the model has, or a loss that is no finite number; its rows are named.
        BackendError: A step does not fit into memory.
    """
    from umit.training.collate import collate
    from umit.training.features import Features
    from umit.training.loadable import writer
    from umit.training.loop import optimize
    from umit.training.loss import weight_of

    with _ready(model, stage, settings) as plain_model:
        features = None if kept is None else Features(kept, plain_model, bf16=settings.bf16)
        limit = plain_model.config.text_config.max_position_embeddings
        made = partial(collate, image_pad=encoder.image_pad, per=settings.per, positions=limit)
        prepare, names = partial(_batch, batches, made, features), partial(_names, batches)
        kinds = KindLosses() if board is None else board.kinds
        loss_of = partial(_loss, features, kinds)
        how: dict[str, Any] = {"tell": tell, "names": names, "weight_of": weight_of, "kinds": kinds, "folder": folder}
        how |= {"settings": settings, "write": write or writer(plain_model, encoder.tokenizer, folder)}
        if plain:
            return optimize(plain_model, prepare, partial(loss_of, plain_model), **how)
        from umit.training import sft  # loads TRL

        return sft.fit(plain_model, prepare, loss_of, tokenizer=encoder.tokenizer, board=board, **how)


@contextmanager
def _ready(model: nn.Module, stage: Stage, settings: Hyperparameters) -> Iterator[Any]:
    """Have the model inside train what a stage says; afterwards it is as it was, but for its weights."""
    before = [p for p in model.parameters() if p.requires_grad]
    try:
        _LOG.info("%s: %s", stage.name, freeze(model, stage))
        if settings.checkpointing:
            _checkpoint(inner(model), True)
        yield inner(model)
    finally:
        if settings.checkpointing:
            _checkpoint(inner(model), False)
        for parameter in before:  # the next stage may train what this one froze
            parameter.requires_grad_(True)


def _batch(
    batches: Batches, made: Callable[[Any], dict[str, Tensor]], features: Features | None, step: int
) -> dict[str, Tensor]:
    rows = batches(step)
    if not rows:
        raise DatasetError(f"expected rows in every step, got none in step number {step} from 0")
    batch = made(merged(rows))
    return batch if features is None else features.look_up(batch)


def _checkpoint(model: Any, on: bool) -> None:
    """Have each layer keep its input only, and make the rest again for its gradients."""
    name = "enable" if on else "disable"
    # transformers 5.24 renamed it.
    switch = getattr(model, f"activation_checkpointing_{name}", None) or getattr(
        model, f"gradient_checkpointing_{name}"
    )
    switch(*([{"use_reentrant": False}] if on else []))


def _loss(features: Features | None, kinds: KindLosses, model: Any, batch: dict[str, Tensor]) -> Tensor:
    from umit.training.loss import mean_loss, token_losses

    losses, _ = token_losses(model, batch if features is None else features.complete(model, batch))
    kinds.add(batch, losses)
    return mean_loss(losses, batch)


def _names(batches: Batches, step: int) -> list[str]:
    return [row.name for row in batches(step)]
