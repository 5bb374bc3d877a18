"""Teach all models the same films, ask all of them the same way, and write their numbers beside each other."""

from __future__ import annotations

import json
import math
import sys
import time
from collections import Counter
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
from umit.display.page import NOTICE
from umit.evaluation import score
from umit.evaluation.perturb import CHANGES
from umit.evaluation.robustness import FOLDER, perturb
from umit.training import ALIGN, LIGHT, default_settings, train
from umit.training.parts import Part

__all__ = ["OURS", "compare"]

OURS: Final = "umit-phantom, taught further"
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
        The result's file, which names the models that are still to come; ``None`` before the checkpoint is taught.
    """
    out.mkdir(parents=True, exist_ok=True)
    if root is None:
        root = out / "drawn"
        draw(root)
    taught, asked = parts(root)
    steps = 2 if small else _STEPS
    done = {who: out / f"{who.split(',')[0].lower().replace(' ', '-')}.json" for who in (OURS, *NETS)}
    for who, file in done.items():
        if only in (None, who) and not file.is_file():
            started = time.process_time()
            model = _ours(taught, asked, out, steps) if who == OURS else _baseline(who, taught, steps)
            spent = round((time.process_time() - started) / 60, 1)
            perturb(model, asked, file.with_suffix(""), tell=_say)
            told = {"who": who, "cpu_minutes": spent, "figures": list(_figures(file.with_suffix("")))}
            file.write_text(json.dumps(told, indent=1), "utf-8")
    if not done[OURS].is_file():
        return None
    made = json.loads((out / "checkpoint" / "training.json").read_text("utf-8"))
    result = {
        "recipe": "kermany", "small": small, "notice": NOTICE,
        "command": f"python -m recipes.kermany {'--small' if small else '--root DATA'} --out OUT",
        "licence": "CC BY 4.0, Kermany et al. 2018, doi:10.17632/rscbjbr9sj",
        "taught": _about(taught), "asked": _about(asked.part), "steps": steps, "batch": _BATCH, "rate": _RATE,
        "augmentation": asdict(LIGHT), "threads": torch.get_num_threads(),
        "versions": {name: metadata.version(name) for name in _PACKAGES},
        "models": [json.loads(file.read_text("utf-8")) for file in done.values() if file.is_file()],
        "still to come": [who for who, file in done.items() if not file.is_file()],
        "beside": [figure for figure in made["figures"] if figure["step"] in (None, 0)],
    }  # fmt: skip
    (out / "result.json").write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return out / "result.json"


def _ours(taught: Part, asked: Asked, out: Path, steps: int) -> UMIT:
    settings = default_settings(len(taught), batch=_BATCH, parameters=1, steps=steps, rate=_RATE)
    settings = replace(settings, bf16=True)  # twice as fast on a processor that has it
    train(
        balanced(taught), model="umit-phantom", out=out / "checkpoint", settings=settings, stage=ALIGN, val=asked.part,
        every=steps, batch=_BATCH, augment=LIGHT, name="kermany", say=_say, command="python -m recipes.kermany",
    )  # fmt: skip
    return UMIT.from_pretrained(out / "checkpoint")


def _baseline(who: str, taught: Part, steps: int) -> UMIT:
    _say(f"{who}: teaching")
    torch.manual_seed(0)
    card = replace(PHANTOM, name=who, notice="A baseline for research, not a medical device.")
    return UMIT(fit(NETS[who](), balanced(taught), card, SICK, steps=steps, batch=_BATCH, augment=LIGHT), card)


def _about(part: Part) -> dict[str, Any]:
    return {
        "films": len(part), "patients": len({one.group for one in part}), "answers": part.digest,
        "classes": dict(sorted(Counter(one.gold.label for one in part).items())),
    }  # fmt: skip


def _figures(run: Path) -> Iterator[dict[str, Any]]:
    """Yield accuracy and area under the curve as the films are and under each change, with what it loses."""
    plain: dict[str, float] = {}
    for change in (None, *(name for name in CHANGES if (run / FOLDER / name).is_dir())):
        for row in score(run if change is None else run / FOLDER / change).rows:
            if row.metric in ("accuracy", "AUC") and not row.part and not row.language:
                before = plain.setdefault(row.metric, row.value)
                numbers = {"value": row.value, "low": row.low, "high": row.high, "lost": before - row.value}
                kept = {name: None if math.isnan(number) else round(number, 4) for name, number in numbers.items()}
                yield {"films": change or "as they are", "metric": row.metric, **kept, "n": row.n,
                       "unreadable": row.unreadable}  # fmt: skip


def _say(message: str) -> None:
    sys.stdout.write(f"{message}\n")
    sys.stdout.flush()
