"""TRL's SFTTrainer on batches that are made already; states are umit's own, and both loops read both's.

transformers 5 resumes with ``strict=False`` from hub-style names, so that every weight of Qwen2-VL stays as it was.
Processes are TRL's and accelerate's: DDP under ``torchrun``, FSDP2 where ``accelerate launch`` says so.
"""

from __future__ import annotations

import copy
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import datasets
import torch
from accelerate import DistributedType
from torch import Tensor
from torch.distributed.tensor import DTensor
from torch.utils.data import DataLoader
from transformers import PrinterCallback, TrainerCallback
from trl import SFTConfig, SFTTrainer

from umit.errors import InputError
from umit.training.board import Board
from umit.training.hyperparameters import Hyperparameters, optimizer_and_schedule
from umit.training.kinds import KindLosses
from umit.training.optimizers import OPTIMIZER
from umit.training.processes import mean, others
from umit.training.progress import Progress, Tell, enough_memory
from umit.training.shards import Shards
from umit.training.states import Write
from umit.training.steps import Batch, Objective, Steps

__all__ = ["fit"]


class _PackedTrainer(SFTTrainer):
    progress: Progress
    steps: Steps
    start: int
    norm: Tensor
    own: tuple[Any, Any]  # optimizer and schedule
    board: Board | None = None

    def create_optimizer(self, model: Any = None) -> Any:
        """Return umit's own; FSDP takes none before it asks for it."""
        self.optimizer = self.own[0]
        return self.optimizer

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """Return umit's own."""
        self.lr_scheduler = self.own[1]
        return self.lr_scheduler

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Return each step's own rows; accelerate's loader would deal out whole steps to the processes."""
        return self.steps.loader(self.start, cuda=self.args.device.type == "cuda")

    def get_batch_samples(self, epoch_iterator: Any, num_batches: int, device: Any) -> tuple[list[Batch], Any]:
        """Return the parts of a step, and what each weighs in it."""
        parts = [part for _, part in zip(range(num_batches), epoch_iterator, strict=False)]
        self.factors = iter(self.steps.factors(parts))
        self.losses: list[Tensor] = []
        self.part = parts[-1]
        return parts, torch.ones((), device=device)  # not None: no further scaling

    def compute_loss(self, model: Any, inputs: Any, *_: Any, **settings: Any) -> Any:
        """Return umit's own loss; TRL's counts a four-dimensional mask as tokens."""
        self.progress.before()
        loss = model(inputs) * next(self.factors)
        self.losses.append(loss.detach())
        return loss

    def training_step(self, *args: Any, **settings: Any) -> Any:
        """Make the gradients of one part."""
        untyped: Any = super()
        with enough_memory(), others():
            return untyped.training_step(*args, **settings)

    def _clip_grad_norm(self, model: Any) -> Any:
        untyped: Any = super()
        found: Any = untyped._clip_grad_norm(model)
        self.norm = found.full_tensor() if isinstance(found, DTensor) else torch.as_tensor(found)
        return found

    def _init_training_state(self, *args: Any, **settings: Any) -> Any:
        found = super()._init_training_state(*args, **settings)
        self.state.global_step = self.start  # what is logged counts from there
        return found


class _After(TrainerCallback):
    def __init__(self, trainer: _PackedTrainer) -> None:
        self.trainer = trainer

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self.trainer.progress.shards is not None:
            self.trainer.progress.shards.begin()
        self._report()

    def _report(self) -> None:
        """Pass on what is new beside loss, norm and rate, which the trainer logs itself."""
        if self.trainer.args.report_to and self.trainer.board and (new := self.trainer.board.fresh()):
            self.trainer.log(new)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        trainer = self.trainer
        loss = mean(torch.stack(trainer.losses).sum())
        if trainer.progress.after(state.global_step, trainer.part, loss, trainer.norm):
            control.should_training_stop = True

    def on_log(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._report()  # behind the trainer's own log, which would fall out if another came before it


def fit(
    model: Any,
    prepare: Callable[[int], Batch],
    loss_of: Callable[[Any, Batch], Tensor],
    *,
    tokenizer: Any,
    settings: Hyperparameters,
    folder: Path,
    tell: Tell | None = None,
    names: Callable[[int], Sequence[str]] | None = None,
    weight_of: Callable[[Batch], float] = lambda batch: 1.0,
    write: Write | None = None,
    kinds: KindLosses | None = None,
    board: Board | None = None,
) -> list[float]:
    """Minimize a loss of a model by TRL; called as :func:`umit.training.loop.optimize` is.

    Args:
        model: A model of any family.
        prepare: As there.
        loss_of: The loss of a model on such a batch.
        tokenizer: The model's.
        settings: As there.
        folder: As there.
        tell: As there.
        names: As there.
        weight_of: As there.
        write: As there.
        kinds: As there.
        board: Has what is reported beside loss, norm and rate.

    Raises:
        InputError: ``accelerate launch`` asks for another precision than the settings do, for DeepSpeed, or for shards
            on processors.
    """
    _refuse_deepspeed()
    steps, device, config = Steps(prepare, weight_of, settings), model.device, _config(settings, folder)
    cuts = _cuts(config)
    if cuts:
        torch.nn.Module.to(model, "cpu")
    progress = Progress(
        model, settings=settings, folder=folder, tell=tell, names=names, device=device, write=write, kinds=kinds
    )  # fmt: skip
    start = progress.begin(steps.last)
    if start == settings.steps:
        return []
    trained = model
    if cuts:
        trained = copy.deepcopy(model)
        own = optimizer_and_schedule(trained, settings)
        own[1].load_state_dict(progress.schedule.state_dict())
        progress.schedule = own[1]
        progress.shards = Shards(model, progress.optimizer, trained, own[0], device)
    trainer = _trainer(trained, loss_of, config, tokenizer, settings)
    trainer.progress, trainer.steps, trainer.start, trainer.board = progress, steps, start, board
    trainer.own = own if cuts else (progress.optimizer, progress.schedule)
    trainer.train()
    torch.nn.Module.to(model, device)
    return progress.losses


def _trainer(model: Any, loss_of: Any, config: SFTConfig, tokenizer: Any, settings: Hyperparameters) -> _PackedTrainer:
    rows = datasets.Dataset.from_dict({"input_ids": [[n] for n in range(settings.steps)]})
    with warnings.catch_warnings(), _adapted(model):
        warnings.filterwarnings("ignore", category=FutureWarning, module="trl|transformers")
        trainer = _PackedTrainer(
            model=model, args=config, train_dataset=rows, processing_class=tokenizer,
            data_collator=dict,  # never called; for none TRL makes its own, which wants a padding token
        )  # fmt: skip
    wanted, got = "bf16" if settings.bf16 else "no", trainer.accelerator.mixed_precision
    if got != wanted:
        raise InputError(
            f"expected mixed_precision {wanted} of accelerate, as bf16={settings.bf16} says, got {got}",
            code="dtype", hint="Say the same in both: --bf16 (in Python bf16=True), and mixed_precision: bf16",
        )  # fmt: skip
    if _cuts(config) and trainer.accelerator.distributed_type != DistributedType.FSDP:
        raise InputError(
            "expected GPUs for FSDP, which accelerate does not do on processors",
            code="processes", hint="On processors start several processes with torchrun",
        )  # fmt: skip
    trainer.model_accepts_loss_kwargs = True  # the loss is weighed already
    trainer.add_callback(_After(trainer))
    trainer.remove_callback(PrinterCallback)  # it prints what `tell` is told
    trainer.model = trainer.model_wrapped = Objective(model, loss_of)
    return trainer


@contextmanager
def _adapted(model: Any) -> Iterator[None]:
    """Tell transformers that adapters stand in quantised weights, which ``freeze`` has seen to; else it refuses them."""
    if not getattr(model, "is_quantized", False):
        yield
        return
    model._hf_peft_config_loaded = True
    try:
        yield
    finally:
        model._hf_peft_config_loaded = False


def _cuts(config: SFTConfig) -> bool:
    """Return whether an engine cuts the weights into shards."""
    return bool(config.fsdp_plugin_args or os.environ.get("ACCELERATE_USE_FSDP", "").lower() == "true")


def _refuse_deepspeed() -> None:
    if os.environ.get("ACCELERATE_USE_DEEPSPEED", "").lower() == "true":
        raise InputError(
            "expected torchrun, or accelerate launch with DDP or FSDP, got DeepSpeed, whose optimizer is not gathered "
            "here: no state of it could be gone on from",
            code="processes", hint="Take the configuration fsdp2 of umit.training.engines",
        )  # fmt: skip


def _config(settings: Hyperparameters, folder: Path) -> SFTConfig:
    """Return TRL's settings; those of optimizer and schedule stand in their own objects."""
    config = SFTConfig(
        output_dir=str(folder),
        max_steps=settings.steps,
        per_device_train_batch_size=1,  # one item is one batch of packed rows, or a part of it
        # Optimizer and schedule are umit's own objects; these are what reports say of them.
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        warmup_steps=settings.warmup,
        max_grad_norm=settings.clip,
        bf16=settings.bf16,
        use_cpu=not torch.cuda.is_available(),
        gradient_accumulation_steps=settings.accumulate,
        gradient_checkpointing=False,  # train_stage has turned it on where it is wanted
        ddp_find_unused_parameters=True,  # a row of text reaches no vision encoder
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
        report_to=list(settings.report_to),
        seed=settings.seed,
        **{**OPTIMIZER, **settings.sft},
    )
    config._n_gpu = 1  # many GPUs in one process would split a batch whose parts belong together
    return config
