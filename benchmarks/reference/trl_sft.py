"""Plain TRL, as its documentation shows it: rows of prompt, completion and pictures, its own collator, order and loss.

Changed are what a processor has no choice about (float32, no CUDA), and two settings that would only slow it: no
gradient checkpointing, and no limit of 1,024 tokens, which refuses rows of many pictures.
"""

from __future__ import annotations

import time
import warnings
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from torch.nn import functional
from transformers import AutoProcessor, PrinterCallback, TrainerCallback
from trl import SFTConfig, SFTTrainer
from trl.trainer.sft_trainer import DataCollatorForVisionLanguageModeling

__all__ = ["losses", "steps"]


class _Clock(TrainerCallback):
    """The processor seconds at the end of each step."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """Note the time."""
        self.ends.append(time.process_time())


def steps(model: Any, folder: Path, rows: list[dict[str, Any]], *, batch: int, work: Path) -> list[float]:
    """Pass over rows once and return the processor seconds of each step but the first, which starts libraries.

    Args:
        model: Qwen2-VL; what requires a gradient trains.
        folder: Its processor files.
        rows: Each with ``prompt``, ``completion`` and ``images``, paths.
        batch: Rows a step.
        work: Where the trainer may write.
    """
    clock = _Clock()
    config = SFTConfig(
        output_dir=str(work), num_train_epochs=1, per_device_train_batch_size=batch, max_length=None, bf16=False,
        use_cpu=True, gradient_checkpointing=False, save_strategy="no", report_to=[], disable_tqdm=True,
        dataloader_pin_memory=False, logging_steps=25,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        trainer = SFTTrainer(
            model=model, args=config, train_dataset=Dataset.from_list(rows), callbacks=[clock],
            processing_class=AutoProcessor.from_pretrained(folder),
        )  # fmt: skip
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    return [after - before for before, after in zip(clock.ends, clock.ends[1:], strict=False)]


def losses(model: Any, folder: Path, rows: list[dict[str, Any]]) -> list[float]:
    """Return each row's mean loss on its completion, alone in TRL's batch, by the model's own forward."""
    collate = DataCollatorForVisionLanguageModeling(AutoProcessor.from_pretrained(folder), completion_only_loss=True)
    found = []
    for row in rows:
        batch = collate([{**row, "images": [*row["images"]]}])
        labels = batch.pop("labels")[0, 1:]
        with torch.no_grad():
            logits = model(**batch).logits[0, :-1].float()
        found.append(float(functional.cross_entropy(logits, labels, ignore_index=-100)))
    return found
