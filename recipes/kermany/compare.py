"""Teach all models the same films, ask all of them the same way, and write their numbers beside each other."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import torch

from recipes.kermany.baselines import NETS, fit
from recipes.kermany.parts import SICK, Asked, balanced, draw, parts
from umit import UMIT
from umit.checkpoints import PHANTOM
from umit.evaluation import score
from umit.evaluation.robustness import FOLDER, perturb
from umit.training import ALIGN, LIGHT, default_settings, train
from umit.training.parts import Part

__all__ = ["compare"]

_OURS: Final = "umit-phantom, taught further"
_STEPS, _BATCH, _RATE = 1300, 32, 7e-4
_PACKAGES: Final = ("umit", "torch", "torchvision", "transformers", "trl", "numpy")


def compare(root: Path | None, out: Path, *, only: str | None = None, small: bool = False) -> Path | None:
    """Teach and ask; what is done already is not done again.

    Args:
        root: Folder of the data; ``None`` draws some into the output folder.
        out: Where everything is written.
        only: The model that is taught; ``None`` for all.
        small: Whether two steps are enough.

    Returns:
        The result's file, or ``None`` while models are missing.
    """
    out.mkdir(parents=True, exist_ok=True)
    if root is None:
        root = out / "drawn"
        draw(root)
    taught, asked = parts(root)
    steps = 2 if small else _STEPS
    for who in (_OURS, *NETS):
        if only in (None, who) and not (folder := out / _file(who)).with_suffix(".json").is_file():
            started = time.process_time()
            model = _ours(taught, asked, out, steps) if who == _OURS else _baseline(who, taught, steps)
            spent = time.process_time() - started
            perturb(model, asked, folder, tell=say)
            figures = {"who": who, "cpu_minutes": round(spent / 60, 1), "figures": list(_figures(folder))}
            folder.with_suffix(".json").write_text(json.dumps(figures, indent=1), "utf-8")
    done = [out / f"{_file(who)}.json" for who in (_OURS, *NETS)]
    if not all(path.is_file() for path in done):
        return None
    result = {
        "recipe": "kermany", "small": small, "threads": torch.get_num_threads(),
        "command": f"python -m recipes.kermany {'--small' if small else '--root DATA'} --out OUT",
        "taught": _about(taught), "asked": _about(asked.part), "steps": steps, "batch": _BATCH, "rate": _RATE,
        "augmentation": asdict(LIGHT), "versions": {name: metadata.version(name) for name in _PACKAGES},
        "models": [json.loads(path.read_text("utf-8")) for path in done],
    }  # fmt: skip
    (out / "result.json").write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return out / "result.json"


def _ours(taught: Part, asked: Asked, out: Path, steps: int) -> UMIT:
    settings = default_settings(len(taught), batch=_BATCH, parameters=1, steps=steps, rate=_RATE)
    settings = replace(settings, bf16=True)  # twice as fast on a processor that has it
    train(
        balanced(taught), model="umit-phantom", out=out / "checkpoint", settings=settings, stage=ALIGN, val=asked.part,
        every=steps, batch=_BATCH, augment=LIGHT, name="kermany", say=say, command="python -m recipes.kermany",
    )  # fmt: skip
    return UMIT.from_pretrained(out / "checkpoint")


def _baseline(who: str, taught: Part, steps: int) -> UMIT:
    net, card = NETS[who], replace(PHANTOM, name=who, notice="A baseline for research, not a medical device.")
    say(f"{who}: teaching")
    return UMIT(fit(net, balanced(taught), card, SICK, presented=steps * _BATCH, augment=LIGHT), card)


def say(message: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{message}\n")
    sys.stdout.flush()


def _file(who: str) -> str:
    return who.split(",")[0].replace(" ", "-").lower() + ("-augmented" if who.endswith("augmented") else "")


def _about(part: Part) -> dict[str, Any]:
    classes = {label: sum(one.gold.label == label for one in part) for label in sorted({s.gold.label for s in part})}
    return {
        "films": len(part),
        "patients": len({one.group for one in part}),
        "classes": classes,
        "answers": part.digest,
    }


def _figures(run: Path) -> Iterator[dict[str, Any]]:
    """Yield accuracy and area under the curve as the films are and under each change, with what it loses."""
    plain = {row.metric: row.value for row in score(run).rows if not row.part}
    folders = {"as they are": run, **{path.name: path for path in sorted((run / FOLDER).iterdir()) if path.is_dir()}}
    for change, folder in folders.items():
        for row in score(folder).rows:
            if row.metric in ("accuracy", "AUC") and not row.part and not row.language:
                yield {
                    "films": change, "metric": row.metric, "value": round(row.value, 4), "low": round(row.low, 4),
                    "high": round(row.high, 4), "lost": round(plain[row.metric] - row.value, 4), "n": row.n,
                    "unreadable": row.unreadable,
                }  # fmt: skip
