"""Train the embedded checkpoint: ``python -m umit.phantom.build --seed 0 [--minutes M] [--smoke]``.

Both stages run through :mod:`umit.training`. Stopped at any point, the same command goes on.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import platform
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from umit.chat import spell
from umit.checkpoints import PHANTOM, write_card
from umit.phantom import cases
from umit.phantom.blueprint import BLUEPRINT, Blueprint, new_model, new_tokenizer, write_processor
from umit.phantom.cases import Kind
from umit.phantom.cephalogram import CEPHALOGRAM
from umit.phantom.curriculum import align_turns, compare_turns, instruct_turns, show
from umit.phantom.film import FILM
from umit.phantom.model_card import model_card
from umit.phantom.volume import VOLUME
from umit.training.rows import Row, Turn, pack
from umit.training.stages import ALIGN, INSTRUCT

if TYPE_CHECKING:
    from umit.engine.encode import Encoder
    from umit.training.recipe import Recipe

__all__ = ["RECIPES", "Share", "build", "fingerprint", "main"]


@dataclass(frozen=True, slots=True)
class Share:
    """One kind of case in a stage: how often a step draws it, and how many at once."""

    kind: str
    weight: float
    rows: int


_SHARES: Final[Mapping[str, tuple[Share, ...]]] = {
    "align": (
        Share("film", 0.52, 12),
        Share("cephalogram", 0.20, 12),
        Share("volume", 0.22, 8),
        Share("compare", 0.06, 6),
    ),
    "instruct": (
        Share("film", 0.38, 12),
        Share("single", 0.20, 12),
        Share("views", 0.04, 8),
        Share("cephalogram", 0.16, 12),
        Share("volume", 0.22, 8),
    ),
}
_FIRST_SEED: Final = {"align": 0, "instruct": 5_000_000}  # both far below cases.HELD_OUT
_STAGES: Final = {"align": ALIGN, "instruct": INSTRUCT}
#: Optimizer steps and peak learning rate of each stage.
RECIPES: Final[Mapping[str, tuple[int, float]]] = {
    "align": (3200, 1.5e-3),
    "instruct": (700, 1.0e-3),
}
_SMOKE: Final[Mapping[str, tuple[int, float]]] = {"align": (12, 2e-3), "instruct": (6, 1e-3)}
SMOKE_BLUEPRINT: Final = replace(
    BLUEPRINT, vision_depth=1, vision_width=64, vision_heads=2, text_depth=2, text_width=64,
    text_heads=2, text_key_heads=2, text_inner=128, vocabulary=500, mrope_section=(4, 6, 6),
)  # fmt: skip
_TOKENIZER_CASES: Final = 120


def fingerprint() -> dict[str, str]:
    """Return hashes of what the weights depend on: the generator's settings, sizes, recipe, card."""
    parts: dict[str, Any] = {
        "generator": [asdict(s) for s in (FILM, CEPHALOGRAM, VOLUME)],
        "blueprint": asdict(BLUEPRINT),
        "recipe": [{k: [asdict(s) for s in v] for k, v in _SHARES.items()}, dict(RECIPES)],
        "card": asdict(PHANTOM),
    }
    return {
        name: hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
        for name, value in parts.items()
    }


def step_turns(stage: str, step: int, seed: int, *, smoke: bool = False) -> list[list[Turn]]:
    """Return the questions of one step, one list a row; a function of its arguments alone."""
    rng = np.random.default_rng((seed, len(stage), step))
    shares = _SHARES[stage]
    weights = np.array([s.weight for s in shares])
    share = shares[int(rng.choice(len(shares), p=weights / weights.sum()))]
    count = 2 if smoke else share.rows
    first = _FIRST_SEED[stage] + step * 32 + seed * 1_000_003 % 1_000_000
    return [_turns(stage, share.kind, first + 2 * k, rng) for k in range(count)]


def _turns(stage: str, kind: str, seed: int, rng: np.random.Generator) -> list[Turn]:
    if kind == "compare":
        pair = [cases.draw("film", seed), cases.draw("film", seed + 1)]
        both = cases.Case("views", tuple(s for case in pair for s in case.scans), pair[0].truth)
        return compare_turns(pair[0], pair[1], PHANTOM, show(both, PHANTOM), rng)
    known: Kind = kind  # type: ignore[assignment]
    case = cases.draw(known, seed)
    view = show(case, PHANTOM, points=kind == "cephalogram")
    make = align_turns if stage == "align" else instruct_turns
    return make(case, PHANTOM, view, rng)


def _lines(seed: int) -> Iterator[str]:
    for stage in _SHARES:
        for step in range(_TOKENIZER_CASES // 2):
            for turns in step_turns(stage, step, seed, smoke=True):
                for turn in turns:
                    yield spell(turn.request.words)
                    yield turn.answer


@dataclass(frozen=True)
class _Batches:
    """Picklable, so that a worker process can prepare batches."""

    stage: str
    seed: int
    encoder: Encoder
    smoke: bool

    def __call__(self, step: int) -> Sequence[Row]:
        rows = step_turns(self.stage, step, self.seed, smoke=self.smoke)
        return [pack(turns, self.encoder) for turns in rows]


def build(
    folder: Path,
    *,
    seed: int = 0,
    minutes: float | None = None,
    smoke: bool = False,
    plain: bool = False,
) -> Path | None:
    """Train both stages and write the checkpoint.

    Args:
        folder: Working folder; holds what a later call needs to go on.
        seed: Of weights, cases and questions.
        minutes: Stop after this long, to be continued; ``None``: to the end.
        smoke: A tiny model and a few steps, to see that everything runs.
        plain: Train with umit's plain loop, which gives the same losses and needs no TRL.

    Returns:
        The folder of the finished checkpoint, or ``None`` if time ran out.
    """
    import torch

    from umit.engine.encode import Encoder

    started = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    blueprint = SMOKE_BLUEPRINT if smoke else BLUEPRINT
    log = _Log(folder / "log.jsonl", started, minutes)
    tokenizer = _tokenizer(folder / "tokenizer", seed, blueprint)
    encoder = Encoder(tokenizer)
    model = new_model(blueprint, tokenizer, seed)
    if plain and torch.cuda.is_available():
        model.to(torch.device("cuda"))  # type: ignore[arg-type]
    recipes = _SMOKE if smoke else RECIPES
    for name, stage in _STAGES.items():
        recipe = _recipe(recipes[name], seed, smoke)
        log.stage = name
        done = folder / f"{name}.done"
        if not done.exists():
            _trainer(tokenizer, plain=plain)(
                model,
                _Batches(name, seed, encoder, smoke),
                encoder=encoder,
                stage=stage,
                recipe=recipe,
                folder=folder / name,
                tell=log,
            )
            if log.late:
                return None
            model.save_pretrained(done)
        else:
            model.load_state_dict(type(model).from_pretrained(done).state_dict(), strict=True)
    return _export(folder, model, tokenizer, seed=seed, recipes=recipes, log=log)


def _trainer(tokenizer: Any, *, plain: bool) -> Callable[..., list[float]]:
    if plain:
        from umit.training import loop

        return loop.train
    from umit.training import run

    return partial(run.train, tokenizer=tokenizer)


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
        workers=0 if smoke else 1,
        seed=seed,
    )


def _tokenizer(folder: Path, seed: int, blueprint: Blueprint) -> Any:
    from transformers.models.qwen2.tokenization_qwen2 import Qwen2Tokenizer

    if not folder.is_dir():
        new_tokenizer(_lines(seed), blueprint.vocabulary).save_pretrained(folder)
    return Qwen2Tokenizer.from_pretrained(folder)


class _Log:
    """Writes one line a log step and says when time is up."""

    def __init__(self, path: Path, started: float, minutes: float | None) -> None:
        self.path, self.started, self.minutes = path, started, minutes
        self.stage, self.late = "", False

    def __call__(self, step: int, loss: float) -> bool:
        spent = (time.monotonic() - self.started) / 60
        line = {
            "stage": self.stage,
            "step": step,
            "loss": round(loss, 4),
            "minutes": round(spent, 2),
        }
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        self.late = self.minutes is not None and spent > self.minutes
        return not self.late

    def lines(self) -> list[dict[str, Any]]:
        """Return what all calls logged."""
        return [json.loads(text) for text in self.path.read_text(encoding="utf-8").splitlines()]

    def losses(self) -> dict[str, list[float]]:
        """Return the first and the last logged loss of each stage."""
        found: dict[str, list[float]] = {}
        for line in self.lines():
            found.setdefault(line["stage"], []).append(line["loss"])
        return {stage: [values[0], values[-1]] for stage, values in found.items()}

    def total_minutes(self) -> float:
        """Return the minutes of all calls together; each call's clock begins at 0."""
        total = last = 0.0
        for line in self.lines():
            now = float(line["minutes"])
            total, last = total + (now - last if now >= last else now), now
        return round(total, 1)


def _export(
    folder: Path,
    model: Any,
    tokenizer: Any,
    *,
    seed: int,
    recipes: Mapping[str, tuple[int, float]],
    log: _Log,
) -> Path:
    import torch

    out = folder / "umit-phantom"
    out.mkdir(exist_ok=True)
    model.cpu().to(torch.bfloat16).save_pretrained(out)
    write_processor(out, tokenizer, pixels=math.prod(PHANTOM.dialect.film.fed or ()))
    write_card(PHANTOM, out)
    weights = (out / "model.safetensors").read_bytes()
    packages = ("torch", "transformers", "trl", "numpy", "pillow")
    record = {
        "seed": seed,
        "steps": {name: steps for name, (steps, _) in recipes.items()},
        "minutes": log.total_minutes(),
        "losses": log.losses(),
        "parameters": sum(p.numel() for p in model.parameters()),
        "hashes": fingerprint(),
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
        "versions": {name: metadata.version(name) for name in packages},
        "python": platform.python_version(),
    }
    text = json.dumps(record, indent=2) + "\n"
    (out / "build.json").write_text(text, encoding="utf-8")
    (out / "README.md").write_text(model_card(record), encoding="utf-8")
    return out


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m umit.phantom.build", description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, help="stop after this long; run again to go on")
    parser.add_argument("--smoke", action="store_true", help="a tiny model, a minute")
    parser.add_argument("--plain", action="store_true", help="umit's own loop, without TRL")
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
