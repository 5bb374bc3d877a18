"""TRL's SFTTrainer on batches that are made already; states are umit's own, and both loops read both's.

transformers 5 resumes with ``strict=False`` from hub-style names, so that every weight of Qwen2-VL stays as it was.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import datasets
import torch
from torch import Tensor
from transformers import PrinterCallback, TrainerCallback
from trl import SFTConfig, SFTTrainer

from umit.training.features import Features
from umit.training.hyperparameters import Hyperparameters
from umit.training.loss import answer_loss
from umit.training.progress import Progress, Tell, enough_memory

if TYPE_CHECKING:
    from transformers import Qwen2VLForConditionalGeneration

__all__ = ["fit"]


class _PackedTrainer(SFTTrainer):
    progress: Progress
    features: Features | None
    start: int
    last: tuple[Any, Tensor]  # batch and loss of the newest step
    norm: Tensor

    def compute_loss(self, model: Any, inputs: Any, *_: Any, **settings: Any) -> Any:
        """Return the loss on answers; TRL's own counts a four-dimensional mask as tokens."""
        self.progress.before()
        plain = self.accelerator.unwrap_model(model)
        # accelerate puts autocast around the model's forward, which is not what computes this loss.
        with torch.autocast(plain.device.type, torch.bfloat16, enabled=self.args.bf16):
            whole = inputs if self.features is None else self.features.complete(plain, inputs)
            loss = answer_loss(plain, whole)[0]
        self.last = inputs, loss.detach()
        return loss

    def training_step(self, *args: Any, **settings: Any) -> Any:
        """Make one step's gradients."""
        untyped: Any = super()
        with enough_memory():
            return untyped.training_step(*args, **settings)

    def _clip_grad_norm(self, model: Any) -> Any:
        untyped: Any = super()
        found: Any = untyped._clip_grad_norm(model)
        self.norm = torch.as_tensor(found)
        return found

    def _init_training_state(self, *args: Any, **settings: Any) -> Any:
        found = super()._init_training_state(*args, **settings)
        self.state.global_step = self.start  # what is logged counts from there
        return found


class _After(TrainerCallback):
    def __init__(self, trainer: _PackedTrainer) -> None:
        self.trainer = trainer

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        batch, loss = self.trainer.last
        if self.trainer.progress.after(state.global_step, batch, loss, self.trainer.norm):
            control.should_training_stop = True


def fit(
    model: Qwen2VLForConditionalGeneration,
    prepare: Callable[[int], dict[str, Tensor]],
    *,
    tokenizer: Any,
    settings: Hyperparameters,
    folder: Path,
    tell: Tell | None = None,
    names: Callable[[int], Sequence[str]] | None = None,
    features: Features | None = None,
) -> list[float]:
    """Minimize the loss on answers by TRL; called as :func:`umit.training.loop.optimize` is."""
    progress = Progress(model, settings=settings, folder=folder, tell=tell, names=names)
    start = progress.begin(prepare)
    if start == settings.steps:
        return []
    steps = datasets.Dataset.from_dict({"input_ids": [[n] for n in range(start, settings.steps)]})
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=FutureWarning, module="trl|transformers")
        trainer = _PackedTrainer(
            model=model,
            args=_config(settings, folder),
            data_collator=lambda examples: prepare(examples[0]["input_ids"][0]),
            train_dataset=steps,
            processing_class=tokenizer,
            optimizers=(progress.optimizer, progress.schedule),
        )
    trainer.progress, trainer.start, trainer.features = progress, start, features
    trainer.add_callback(_After(trainer))
    trainer.remove_callback(PrinterCallback)  # it prints what `tell` is told
    trainer.train()
    return progress.losses


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
        save_strategy="no",
        logging_steps=settings.log_every,
        logging_nan_inf_filter=False,
        disable_tqdm=True,
        report_to=[],
        seed=settings.seed,
    )
    config._n_gpu = 1  # many GPUs in one process would split a batch whose parts belong together
    return config
