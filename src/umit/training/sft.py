"""TRL's SFTTrainer on batches that are made already; resuming restores weights."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import datasets
import torch
from torch import Tensor
from transformers import PrinterCallback, TrainerCallback
from transformers.trainer_utils import get_last_checkpoint
from trl import SFTConfig, SFTTrainer

from umit.training.hyperparameters import Hyperparameters, optimizer_and_schedule
from umit.training.loss import answer_loss

if TYPE_CHECKING:
    from transformers import Qwen2VLForConditionalGeneration

__all__ = ["fit"]


class _PackedTrainer(SFTTrainer):
    def compute_loss(self, model: Any, inputs: Any, *_: Any, **settings: Any) -> Any:
        """Return the loss on answers; TRL's own counts a four-dimensional mask as tokens."""
        return answer_loss(self.accelerator.unwrap_model(model), inputs)[0]

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        # transformers 5 saves hub-style names and loads them with strict=False, so that every weight of
        # Qwen2-VL is missing and silently stays as it was; from_pretrained knows the names.
        target: Any = model or self.model
        loaded = type(target).from_pretrained(resume_from_checkpoint, dtype=target.dtype)
        target.load_state_dict(loaded.state_dict(), strict=True)


class _Losses(TrainerCallback):
    def __init__(self, tell: Callable[[int, float], bool] | None) -> None:
        self.values: list[float] = []
        self.tell = tell

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        if logs and "loss" in logs:
            self.values.append(float(logs["loss"]))
            if self.tell and not self.tell(state.global_step, float(logs["loss"])):
                control.should_save = control.should_training_stop = True


def fit(
    model: Qwen2VLForConditionalGeneration,
    prepare: Callable[[int], dict[str, Tensor]],
    *,
    tokenizer: Any,
    settings: Hyperparameters,
    folder: Path,
    tell: Callable[[int, float], bool] | None = None,
) -> list[float]:
    """Minimize the loss on answers by TRL; called as :func:`umit.training.loop.optimize` is."""
    losses = _Losses(tell)
    steps = datasets.Dataset.from_dict({"input_ids": [[n] for n in range(settings.steps)]})
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=FutureWarning, module="trl|transformers")
        trainer = _PackedTrainer(
            model=model,
            args=_config(settings, folder),
            data_collator=lambda examples: prepare(examples[0]["input_ids"][0]),
            train_dataset=steps,
            processing_class=tokenizer,
            callbacks=[losses],
            optimizers=optimizer_and_schedule(model, settings),
        )
    trainer.remove_callback(PrinterCallback)  # it prints what `tell` is told
    last: Callable[[str], str | None] = get_last_checkpoint
    trainer.train(resume_from_checkpoint=last(str(folder)) if folder.is_dir() else None)
    return losses.values


def _config(settings: Hyperparameters, folder: Path) -> SFTConfig:
    """Return TRL's settings; those of optimizer and schedule stand in their own objects."""
    config = SFTConfig(
        output_dir=str(folder),
        max_steps=settings.steps,
        per_device_train_batch_size=1,  # one item is one whole step of packed rows
        max_grad_norm=settings.clip,
        bf16=settings.bf16,
        use_cpu=not torch.cuda.is_available(),
        gradient_checkpointing=False,
        train_sampling_strategy="sequential",
        dataloader_num_workers=settings.workers,
        dataloader_pin_memory=torch.cuda.is_available(),
        remove_unused_columns=False,
        dataset_kwargs={"skip_prepare_dataset": True},
        max_length=None,
        save_steps=settings.save_every,
        save_total_limit=2,
        logging_steps=settings.log_every,
        logging_nan_inf_filter=False,
        disable_tqdm=True,
        report_to=[],
        seed=settings.seed,
    )
    config._n_gpu = 1  # many GPUs in one process would split a batch whose parts belong together
    return config
