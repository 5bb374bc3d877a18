"""Train the embedded checkpoint: ``python -m umit.phantom.build --seed 0 [--minutes M] [--smoke]``.

LOOK, READ, TELL, DRILL and AGAIN stand in for what UMIT got from Qwen2-VL's weights (:mod:`umit.phantom.look`,
:mod:`umit.phantom.gaze`); then come the paper's two stages, ALIGN and INSTRUCT, through :mod:`umit.training`. Stopped at any point, the same command goes on.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import platform
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from umit.checkpoints import PHANTOM, write_card
from umit.phantom.blueprint import BLUEPRINT, Blueprint, new_model, new_tokenizer, write_processor
from umit.phantom.build_log import BuildLog
from umit.phantom.cephalogram import CEPHALOGRAM
from umit.phantom.film import CROWDED, FILM
from umit.phantom.model_card import model_card
from umit.phantom.steps import SHARES, Draw, LooksOf, ReadsOf, RowsOf, lines
from umit.phantom.volume import CROWDED_VOLUME, VOLUME
from umit.training.stages import ALIGN, INSTRUCT

if TYPE_CHECKING:
    from umit.engine.encode import Encoder
    from umit.training.recipe import Recipe

__all__ = ["RECIPES", "build", "fingerprint", "main"]


_STAGES: Final = {"align": ALIGN, "instruct": INSTRUCT}
#: Optimizer steps and peak learning rate of each stage.
RECIPES: Final[Mapping[str, tuple[int, float]]] = {
    "look": (4500, 2.0e-3),
    "read": (3000, 1.2e-3),
    "tell": (3900, 1.2e-3),
    "drill": (3400, 1.5e-3),
    "again": (5000, 1.5e-3),
    "align": (250, 3.0e-5),
    "instruct": (3600, 8.0e-4),
}
_SMOKE: Final[Mapping[str, tuple[int, float]]] = {
    "look": (6, 2e-3),
    "read": (6, 2e-3),
    "tell": (6, 2e-3),
    "drill": (6, 2e-3),
    "again": (6, 2e-3),
    "align": (12, 2e-3),
    "instruct": (6, 1e-3),
}
SMOKE_BLUEPRINT: Final = replace(
    BLUEPRINT, vision_depth=1, vision_width=64, vision_heads=2, text_depth=2, text_width=64,
    text_heads=2, text_key_heads=2, text_inner=128, vocabulary=500, mrope_section=(2, 6, 8),
)  # fmt: skip
_OUT: Final = "umit-phantom"
_HEADS: Final = "heads.pt"
#: Whose heads a stage goes on with.
_BEFORE: Final = {
    "read": "look.done", "tell": "read.done", "drill": "tell.done", "again": "drill.done",
}  # fmt: skip
_SAID: Final = 3.0  # weight of answers beside looking, from TELL on


def fingerprint() -> dict[str, str]:
    """Return hashes of what the weights depend on: the generator's settings, sizes, recipe, card."""
    parts: dict[str, Any] = {
        "generator": [asdict(s) for s in (FILM, CROWDED, CEPHALOGRAM, VOLUME, CROWDED_VOLUME)],
        "blueprint": asdict(BLUEPRINT),
        "recipe": [{k: [asdict(s) for s in v] for k, v in SHARES.items()}, dict(RECIPES)],
        "card": asdict(PHANTOM),
    }
    return {
        name: hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
        for name, value in parts.items()
    }


def _picture_stage(
    name: str,
    model: Any,
    draw: Draw,
    encoder: Encoder,
    *,
    recipe: Recipe,
    folder: Path,
    tell: Callable[[int, float], bool],
    plain: bool,
) -> Any:
    """Teach the picture tokens; returns the heads that read them, which the checkpoint does not get.

    LOOK starts them, every other stage goes on with those of the one before.
    """
    import torch

    from umit.phantom.gaze import read_loss
    from umit.phantom.look import Heads, look_loss
    from umit.training.loop import optimize

    early: dict[str, Callable[..., Any]] = {"look": look_loss, "read": read_loss}
    loss = early.get(name, partial(read_loss, said=_SAID))
    torch.manual_seed(draw.seed)
    heads = Heads(model.config.text_config.hidden_size).to(model.device)
    if name in _BEFORE:
        heads.load_state_dict(torch.load(folder / _BEFORE[name] / _HEADS, "cpu", weights_only=True))
    optimize(
        torch.nn.ModuleDict({"model": model, "heads": heads}),
        LooksOf(draw, encoder) if name == "look" else ReadsOf(draw, encoder, name),
        partial(loss, model, heads),
        recipe=recipe,
        folder=folder / name,
        tell=tell,
    )
    return heads


def _paper_stage(
    name: str,
    model: Any,
    draw: Draw,
    encoder: Encoder,
    *,
    recipe: Recipe,
    folder: Path,
    tell: Callable[[int, float], bool],
    plain: bool,
) -> None:
    """Train ALIGN or INSTRUCT, through SFTTrainer or umit's own loop."""
    train: Callable[..., list[float]]
    if plain:
        from umit.training import loop

        train = loop.train
    else:
        from umit.training import run

        known: Any = encoder.tokenizer  # a Hugging Face tokenizer, of which the encoder asks less
        train = partial(run.train, tokenizer=known)
    rows, stage = RowsOf(name, draw, encoder), _STAGES[name]
    train(model, rows, encoder=encoder, stage=stage, recipe=recipe, folder=folder / name, tell=tell)


def build(
    folder: Path,
    *,
    seed: int = 0,
    minutes: float | None = None,
    smoke: bool = False,
    plain: bool = False,
) -> Path | None:
    """Train all stages and write the checkpoint.

    Args:
        folder: Working folder; holds what a later call needs to go on.
        seed: Of weights, cases and questions.
        minutes: Stop after this long, to be continued; ``None``: to the end.
        smoke: A tiny model and a few steps, to see that everything runs.
        plain: Train with umit's plain loop, which gives the same losses and needs no TRL. Under
            ``torchrun`` it is always taken: SFTTrainer would deal out steps, not the rows of one.

    Returns:
        The folder of the finished checkpoint, or ``None`` if time ran out.
    """
    from umit.engine.encode import Encoder
    from umit.training.loop import agree

    started, share = time.monotonic(), _join()
    draw = Draw(seed, smoke, share)
    folder.mkdir(parents=True, exist_ok=True)
    blueprint = SMOKE_BLUEPRINT if smoke else BLUEPRINT
    file = folder / "log.jsonl" if share[0] == 0 else Path(os.devnull)
    tokenizer = _tokenizer(folder / "tokenizer", seed, blueprint)
    encoder = Encoder(tokenizer)
    model = _start(blueprint, tokenizer, seed)
    log = BuildLog(file, started, minutes, processes=share[1], device=_name(model.device))
    recipes = _SMOKE if smoke else RECIPES
    for name in recipes:
        recipe = _recipe(recipes[name], seed, smoke)
        log.stage = name
        done = folder / f"{name}.done"
        if not done.exists():
            teach = _paper_stage if name in _STAGES else _picture_stage
            heads = teach(
                name, model, draw, encoder, recipe=recipe, folder=folder, tell=log,
                plain=plain or share[1] > 1,
            )  # fmt: skip
            if agree(log.late):
                return None
            if share[0] == 0:
                _keep(done, model, heads)
            agree(False)  # nobody goes on before it is written
        else:
            model.load_state_dict(type(model).from_pretrained(done).state_dict(), strict=True)
    if share[0] == 0:
        _export(folder, model, tokenizer, seed=seed, recipes=recipes, log=log)
    agree(False)
    return folder / _OUT


def _keep(done: Path, model: Any, heads: Any) -> None:
    """Write a finished stage whole or not at all."""
    import torch

    part = done.with_suffix(".part")
    model.save_pretrained(part)
    if heads is not None:
        torch.save(heads.state_dict(), part / _HEADS)
    part.rename(done)


def _start(blueprint: Blueprint, tokenizer: Any, seed: int) -> Any:
    """Return the untrained model, on a GPU if there is one; several processes take turns at them."""
    import torch

    from umit.training.loop import processes

    model = new_model(blueprint, tokenizer, seed)
    if torch.cuda.is_available():
        model.to(torch.device("cuda", processes()[0] % torch.cuda.device_count()))  # type: ignore[arg-type]
    return model


def _name(device: Any) -> str:
    import torch

    return torch.cuda.get_device_name(device) if device.type == "cuda" else str(device.type)


def _join() -> tuple[int, int]:
    """Join the other processes that ``torchrun`` started, if any."""
    from torch import distributed

    from umit.training.loop import processes

    if distributed.is_torchelastic_launched() and not distributed.is_initialized():
        distributed.init_process_group("gloo")
    return processes()


def _recipe(plan: tuple[int, float], seed: int, smoke: bool) -> Recipe:
    from umit.training.recipe import Recipe

    steps, rate = plan
    return Recipe(
        steps=steps,
        learning_rate=rate,
        warmup=max(1, min(100, steps // 10)),
        bf16=not smoke,
        save_every=250,
        log_every=1 if smoke else 25,
        workers=0 if smoke else _workers(),
        seed=seed,
    )


def _workers() -> int:
    """Return how many processes draw: a GPU is faster than any one of them, torchrun's share the processors."""
    import torch

    return max(1, (os.cpu_count() or 1) - 1) if torch.cuda.is_available() else 1


def _tokenizer(folder: Path, seed: int, blueprint: Blueprint) -> Any:
    from transformers.models.qwen2.tokenization_qwen2 import Qwen2Tokenizer

    from umit.training.loop import agree, processes

    if not folder.is_dir() and processes()[0] == 0:
        new_tokenizer(lines(seed), blueprint.vocabulary).save_pretrained(folder)
    agree(False)  # the others wait for it
    return Qwen2Tokenizer.from_pretrained(folder)


def _export(
    folder: Path,
    model: Any,
    tokenizer: Any,
    *,
    seed: int,
    recipes: Mapping[str, tuple[int, float]],
    log: BuildLog,
) -> None:
    import torch

    out = folder / _OUT
    out.mkdir(exist_ok=True)
    model.cpu().to(torch.bfloat16).save_pretrained(out)
    write_processor(out, tokenizer, pixels=math.prod(PHANTOM.dialect.film.fed or ()))
    write_card(PHANTOM, out)
    weights = (out / "model.safetensors").read_bytes()
    record = {
        "seed": seed,
        "steps": {name: steps for name, (steps, _) in recipes.items()},
        "minutes": log.spent(),
        "processes": max(line["processes"] for line in log.lines()),
        "losses": log.losses(),
        "parameters": sum(p.numel() for p in model.parameters()),
        "hashes": fingerprint(),
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
        "versions": _versions("torch", "transformers", "trl", "numpy", "pillow"),
        "python": platform.python_version(),
    }
    text = json.dumps(record, indent=2) + "\n"
    (out / "build.json").write_text(text, encoding="utf-8")
    (out / "README.md").write_text(model_card(record), encoding="utf-8")


def _versions(*packages: str) -> dict[str, str]:
    """Return the versions of the packages that are there; the plain loop needs no TRL."""
    found = {}
    for name in packages:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m umit.phantom.build", description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, help="stop after this long; run again to go on")
    parser.add_argument("--smoke", action="store_true", help="a tiny model, a minute")
    parser.add_argument(
        "--plain", action="store_true", help="umit's own loop, without TRL; always under torchrun"
    )
    parser.add_argument("--folder", type=Path, default=Path("umit-phantom-build"))
    given = parser.parse_args(arguments)
    out = build(
        given.folder, seed=given.seed, minutes=given.minutes, smoke=given.smoke, plain=given.plain
    )
    if out is None:
        sys.stdout.write("time is up; run the same command to go on\n")
        return 0
    sys.stdout.write(f"wrote {out}\n{(out / 'build.json').read_text(encoding='utf-8')}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
