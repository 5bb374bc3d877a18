"""A thin shell over TRL's SFTTrainer: packed batches in, the answers' loss, resuming that restores weights."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import datasets
import torch
from torch import Tensor
from transformers import PreTrainedModel, PrinterCallback, TrainerCallback
from transformers.trainer_utils import get_last_checkpoint
from trl import SFTConfig, SFTTrainer

from umit.engine.attention import register
from umit.engine.encode import Encoder
from umit.training.collate import IGNORED, collate
from umit.training.loss import answer_loss
from umit.training.recipe import Batches, Recipe
from umit.training.stages import Stage, freeze

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase, Qwen2VLForConditionalGeneration

__all__ = ["PackedTrainer", "train"]


class PackedTrainer(SFTTrainer):
    """SFTTrainer on rows that are packed already."""

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """Return the loss on answers; TRL's own counts a four-dimensional mask as tokens."""
        core = self.accelerator.unwrap_model(model)
        if core is model:
            loss, logits = answer_loss(core, inputs)
        else:  # gradients are synchronised between processes only by the wrapper's own forward
            fed = {name: value for name, value in inputs.items() if name != "labels"}
            full = model(**fed, use_cache=False).logits[:, :-1]
            logits = full[inputs["labels"][:, 1:] != IGNORED].float()
            loss = torch.nn.functional.cross_entropy(logits, self._taught(inputs))
        mode = "train" if core.training else "eval"
        right = (logits.detach().argmax(-1) == self._taught(inputs)).float().mean()
        self._metrics[mode]["mean_token_accuracy"].append(right.item())
        return (loss, {"logits": logits}) if return_outputs else loss

    @staticmethod
    def _taught(inputs: dict[str, Tensor]) -> Tensor:
        labels = inputs["labels"][:, 1:]
        return labels[labels != IGNORED]

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        # transformers 5 saves hub-style names and loads them with strict=False, so that every weight of
        # Qwen2-VL is missing and silently stays as it was; from_pretrained knows the names.
        target: Any = model or self.model
        if not isinstance(target, PreTrainedModel):  # an adapter's names do not change
            super()._load_from_checkpoint(resume_from_checkpoint, model)
            return
        loaded = type(target).from_pretrained(resume_from_checkpoint, dtype=target.dtype)
        target.load_state_dict(loaded.state_dict(), strict=True)

    def _load_best_model(self) -> None:
        if self.state.best_model_checkpoint is not None:
            self._load_from_checkpoint(self.state.best_model_checkpoint)


class _Losses(TrainerCallback):
    def __init__(self, tell: Callable[[int, float], bool] | None) -> None:
        self.values: list[float] = []
        self.tell = tell

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        if logs and "loss" in logs:
            self.values.append(float(logs["loss"]))
            if self.tell and not self.tell(state.global_step, float(logs["loss"])):
                control.should_save = control.should_training_stop = True


def train(
    model: Qwen2VLForConditionalGeneration,
    batches: Batches,
    *,
    tokenizer: PreTrainedTokenizerBase,
    encoder: Encoder,
    stage: Stage,
    recipe: Recipe,
    folder: Path,
    tell: Callable[[int, float], bool] | None = None,
) -> list[float]:
    """Train one stage; the same call again goes on where it stopped.

    Args:
        model: Qwen2-VL; changed in place.
        batches: The rows of each step.
        tokenizer: Saved beside each checkpoint.
        encoder: Knows the placeholder and padding ids.
        stage: What trains.
        recipe: How long and how fast.
        folder: Where checkpoints are written and looked for.
        tell: Called with step and loss at each log line; returning ``False`` saves and stops.

    Returns:
        The logged losses of this call.
    """
    freeze(model, stage)
    if recipe.bf16 and not torch.cuda.is_available():
        model.set_attn_implementation(register())
    steps = datasets.Dataset.from_dict({"input_ids": [[n] for n in range(recipe.steps)]})

    def prepare(examples: list[dict[str, Any]]) -> dict[str, Tensor]:
        rows = [row for example in examples for row in batches(example["input_ids"][0])]
        return collate(rows, image_pad=encoder.image_pad, padding=encoder.padding)

    losses = _Losses(tell)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=FutureWarning, module="trl|transformers")
        trainer = PackedTrainer(
            model=model,
            args=_config(recipe, folder),
            data_collator=prepare,
            train_dataset=steps,
            processing_class=tokenizer,
            callbacks=[losses],
        )
    trainer.remove_callback(PrinterCallback)  # it prints what `tell` is told
    last: Callable[[str], str | None] = get_last_checkpoint
    trainer.train(resume_from_checkpoint=last(str(folder)) if folder.is_dir() else None)
    return losses.values


def _config(recipe: Recipe, folder: Path) -> SFTConfig:
    return SFTConfig(
        output_dir=str(folder),
        max_steps=recipe.steps,
        per_device_train_batch_size=1,  # one item is one whole step of packed rows
        learning_rate=recipe.learning_rate,
        lr_scheduler_type="cosine_with_min_lr",
        lr_scheduler_kwargs={"min_lr_rate": 0.01},
        warmup_steps=recipe.warmup,
        weight_decay=recipe.weight_decay,
        max_grad_norm=recipe.clip,
        adam_beta2=0.95,
        optim="adamw_torch",
        bf16=recipe.bf16,
        use_cpu=not torch.cuda.is_available(),
        gradient_checkpointing=False,
        train_sampling_strategy="sequential",
        dataloader_num_workers=recipe.workers,
        dataloader_pin_memory=torch.cuda.is_available(),
        remove_unused_columns=False,
        dataset_kwargs={"skip_prepare_dataset": True},
        max_length=None,
        save_steps=recipe.save_every,
        save_total_limit=2,
        logging_steps=recipe.log_every,
        logging_nan_inf_filter=False,
        disable_tqdm=True,
        report_to=[],
        seed=recipe.seed,
    )
