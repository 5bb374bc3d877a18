"""Trains the stages one after another and writes the checkpoint; stopped at any point, the same call goes on."""

from __future__ import annotations

import hashlib
import math
import os
import platform
import time
from contextlib import suppress
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import torch
from transformers.models.qwen2.tokenization_qwen2 import Qwen2Tokenizer

from recipes.embedded import record
from recipes.embedded.attention import supervised_loss
from recipes.embedded.batches import Draws, StageBatches, tokenizer_lines
from recipes.embedded.coordinates import TokenHeads, coordinate_loss
from recipes.embedded.log import BuildLog
from recipes.embedded.model import ARCHITECTURE, SMOKE, new_model, new_tokenizer, write_processor
from recipes.embedded.model_card import model_card
from recipes.embedded.stages import STAGES, BuildStage
from umit.checkpoints import PHANTOM, write_card
from umit.engine.encode import Encoder
from umit.training import Hyperparameters, train_stage
from umit.training.loop import agree, optimize, processes

__all__ = ["build", "hyperparameters", "new_heads", "teach", "trained_tokenizer"]

_OUT: Final = "umit-phantom"
_HEADS: Final = "heads.pt"


def build(
    folder: Path, *, seed: int = 0, minutes: float | None = None, smoke: bool = False, plain: bool = False
) -> Path | None:
    """Train all stages and write the checkpoint.

    Args:
        folder: Working folder; holds what a later call needs to go on.
        seed: Of weights, cases and questions.
        minutes: Stop after this long, to be continued; ``None``: to the end.
        smoke: A tiny model and a few steps, to see that everything runs.
        plain: Train the paper's stages with umit's plain loop too, which gives the same losses and needs no TRL.

    Returns:
        The folder of the finished checkpoint, or ``None`` if time ran out.
    """
    started, share = time.monotonic(), processes()
    folder.mkdir(parents=True, exist_ok=True)
    architecture = SMOKE if smoke else ARCHITECTURE
    tokenizer = trained_tokenizer(folder / "tokenizer", seed, architecture.vocabulary)
    encoder, model = Encoder(tokenizer), new_model(architecture, tokenizer, seed)
    device = torch.device("cpu")
    if torch.cuda.is_available():  # several processes take turns at the GPUs
        device = torch.device("cuda", share[0] % torch.cuda.device_count())
    model.to(device)  # type: ignore[arg-type]
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    file = folder / "log.jsonl" if share[0] == 0 else Path(os.devnull)
    log = BuildLog(file, started, minutes, processes=share[1], device=name)
    heads = new_heads(model, seed)
    for stage in STAGES:
        log.stage, done = stage.name, folder / f"{stage.name}.done"
        if done.exists():
            model.load_state_dict(type(model).from_pretrained(done).state_dict(), strict=True)
            if stage.paper is None:
                heads.load_state_dict(torch.load(done / _HEADS, "cpu", weights_only=True))
            continue
        teach(
            stage, model, heads, StageBatches(Draws(stage, seed, smoke, share), encoder),
            settings=hyperparameters(stage, seed, smoke), folder=folder / stage.name, tell=log, plain=plain,
        )  # fmt: skip
        if agree(log.late):
            return None
        if share[0] == 0:
            _keep(done, model, heads if stage.paper is None else None)
        agree(False)  # nobody goes on before it is written
    if share[0] == 0:
        _export(folder, model, encoder, seed=seed, smoke=smoke, log=log)
    agree(False)
    return folder / _OUT


def teach(
    stage: BuildStage,
    model: Any,
    heads: TokenHeads,
    batches: StageBatches,
    *,
    settings: Hyperparameters,
    folder: Path,
    tell: Any,
    plain: bool,
) -> None:
    """Train one stage; ``model`` and the ``heads`` that read its picture tokens are changed in place."""
    if stage.paper is not None:
        train_stage(
            model, batches.rows, encoder=batches.encoder, stage=stage.paper, settings=settings,
            folder=folder, tell=tell, plain=plain,
        )  # fmt: skip
        return
    loss = partial(coordinate_loss, model, heads)
    if stage.questions is not None:
        loss = partial(supervised_loss, model, heads, answer_weight=stage.answer_weight)
    both = torch.nn.ModuleDict({"model": model, "heads": heads})
    optimize(both, batches.supervised, loss, settings=settings, folder=folder, tell=tell)


def new_heads(model: Any, seed: int) -> TokenHeads:
    """Return heads that know nothing, on the model's device."""
    torch.manual_seed(seed)
    return TokenHeads(model.config.text_config.hidden_size).to(model.device)


def hyperparameters(stage: BuildStage, seed: int, smoke: bool) -> Hyperparameters:
    """Return how long and how fast a stage trains; in a smoke build a few steps, in float32."""
    steps, rate = (12 if stage.paper else 6, 2e-3) if smoke else (stage.steps, stage.rate)
    # A GPU is faster than any one process that draws; processes of torchrun share the processors.
    drawing = max(1, (os.cpu_count() or 1) - 1) if torch.cuda.is_available() else 1
    return Hyperparameters(
        steps=steps, learning_rate=rate, warmup=max(1, min(100, steps // 10)), bf16=not smoke, save_every=250,
        log_every=1 if smoke else 25, workers=0 if smoke else drawing, seed=seed,
    )  # fmt: skip


def trained_tokenizer(folder: Path, seed: int, vocabulary: int) -> Any:
    """Return the tokenizer of a build; the first process trains it where it is not there yet."""
    if not folder.is_dir() and processes()[0] == 0:
        new_tokenizer(tokenizer_lines(seed), vocabulary).save_pretrained(folder)
    agree(False)  # the others wait for it
    return Qwen2Tokenizer.from_pretrained(folder)


def _keep(done: Path, model: Any, heads: TokenHeads | None) -> None:
    """Write a finished stage whole or not at all."""
    part = done.with_suffix(".part")
    model.save_pretrained(part)
    if heads is not None:
        torch.save(heads.state_dict(), part / _HEADS)
    part.rename(done)


def _export(folder: Path, model: Any, encoder: Encoder, *, seed: int, smoke: bool, log: BuildLog) -> None:
    out = folder / _OUT
    out.mkdir(exist_ok=True)
    tokenizer: Any = encoder.tokenizer
    model.cpu().to(torch.bfloat16).save_pretrained(out)
    write_processor(out, tokenizer, pixels=math.prod(PHANTOM.dialect.film.fed or ()))
    write_card(PHANTOM, out)
    weights = (out / "model.safetensors").read_bytes()
    found = {
        "seed": seed,
        "steps": {stage.name: hyperparameters(stage, seed, smoke).steps for stage in STAGES},
        **log.summary(),
        "parameters": sum(p.numel() for p in model.parameters()),
        "hashes": record.settings_hashes({}),
        "code": {"statement": "This code trained these weights.", **record.code_hashes()},
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
        "versions": _versions("torch", "transformers", "trl", "numpy", "pillow"),
        "python": platform.python_version(),
    }
    record.write_json(out / "build.json", found)
    (out / "README.md").write_text(model_card(found), encoding="utf-8")
    if not smoke:
        record.write_batches(folder / record.BATCHES.name, record.data_digests(encoder))


def _versions(*packages: str) -> dict[str, str]:
    """Return the versions of the packages that are there; the plain loop needs no TRL."""
    found = {}
    for name in packages:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found
