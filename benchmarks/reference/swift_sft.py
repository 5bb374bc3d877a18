"""`swift sft` on rows of its own form: full training, its own template, collator, order and loss.

    PYTHON_OF_MS_SWIFT benchmarks/reference/swift_sft.py MODEL ROWS OUT BATCH [--frozen]

A program of its own, since ms-swift and umit ask for different versions of transformers. Writes to OUT the processor
seconds of each step but the first, which starts libraries, the loss of the first step, and versions. Changed are what a
processor has no choice about (float32, no CUDA), and what would only slow it: no gradient checkpointing, no second
process for data, no states, no validation.
"""

from __future__ import annotations

import json
import sys
import time
from importlib import metadata
from itertools import pairwise

import torch
from swift import sft_main
from swift.callbacks import TrainerCallback, callbacks_map

ENDS: list[float] = []
LOSSES: list[float] = []


class _Clock(TrainerCallback):
    def on_step_end(self, args: object, state: object, control: object, **given: object) -> None:
        ENDS.append(time.process_time())

    def on_log(self, args: object, state: object, control: object, logs: dict | None = None, **given: object) -> None:
        if logs and "loss" in logs:
            LOSSES.append(float(logs["loss"]))


def main() -> None:
    """Train one pass and write what it took."""
    model, rows, out, batch = sys.argv[1:5]
    torch.set_num_threads(1)
    callbacks_map["clock"] = _Clock
    sft_main([
        "--model", model, "--model_type", "qwen2_vl", "--template", "qwen2_vl", "--dataset", rows, "--tuner_type", "full",
        "--freeze_vit", "true" if "--frozen" in sys.argv else "false", "--freeze_aligner", "false", "--torch_dtype", "float32",
        "--bf16", "false", "--fp16", "false", "--num_train_epochs", "1", "--per_device_train_batch_size", batch,
        "--gradient_accumulation_steps", "1", "--learning_rate", "2e-5", "--gradient_checkpointing", "false",
        "--vit_gradient_checkpointing", "false", "--attn_impl", "sdpa", "--use_cpu", "true", "--dataset_shuffle", "false",
        "--train_dataloader_shuffle", "false", "--split_dataset_ratio", "0", "--save_strategy", "no", "--report_to", "none",
        "--logging_steps", "1", "--dataset_num_proc", "1", "--dataloader_num_workers", "0", "--max_length", "100000",
        "--load_from_cache_file", "false", "--output_dir", out + ".folder", "--callbacks", "clock",
    ])  # fmt: skip
    versions = {name: metadata.version(name) for name in ("ms-swift", "torch", "transformers", "trl")}
    spent = [after - before for before, after in pairwise(ENDS)]
    with open(out, "w", encoding="utf-8") as file:
        json.dump({"seconds": spent, "first_loss": LOSSES[0], "versions": versions}, file)


if __name__ == "__main__":
    main()
