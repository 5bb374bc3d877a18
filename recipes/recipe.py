"""What all recipes share: data divided by patient, taught, reloaded and asked, beside what costs nothing.

``python -m recipes.NAME --root DATA --out OUT`` writes ``OUT/result.json``; the results that this repository quotes are
kept in ``recipes/results``. ``--small`` goes the same way in seconds, on a few drawn pictures in the same layout.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from itertools import chain
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np

import umit
from umit.checkpoints import locate
from umit.datasets.pictures import paths_of
from umit.evaluation import evaluate, score
from umit.evaluation.journal import Journal, records
from umit.evaluation.record import pair_of, record_of
from umit.metrics.bootstrap import bootstrap, means
from umit.metrics.metric import Pair, mean
from umit.training import ALIGN, Hyperparameters, Stage, default_settings, train
from umit.training.baselines import by_pixels, commonest
from umit.training.mean_marks import mean_marks
from umit.training.parts import Part, divide

__all__ = ["RESULTS", "Figure", "Own", "Recipe", "main", "numbered", "run", "steps"]

RESULTS: Final = Path(__file__).with_name("results")
_SHARE: Final = 0.2  # of the patients, for validation
_PACKAGES: Final = ("umit", "torch", "transformers", "trl", "numpy")

#: One number: who, task, part, metric, unit, value, low, high, n, groups, unreadable.
Figure: TypeAlias = dict[str, Any]
#: Numbers of a recipe's own, from answers beside the truth and the group of each.
Own: TypeAlias = Callable[[Sequence[Pair[Any]], Sequence[str]], Iterable[Figure]]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One data set, and how the embedded checkpoint is taught it.

    Args:
        name: Of its module and its result.
        licence: Of the data, as its owners state it.
        read: The data set's folder to its samples.
        draw: Draws a few pictures in the data set's layout into a folder.
        metrics: Names and units of the numbers that are kept.
        settings: How long and how fast.
        batch: Samples a step.
        stages: What trains, one after another.
        by: Facts whose numbers are kept apart, too.
        own: Numbers of its own.
    """

    name: str
    licence: str
    read: Callable[[Path], Part]
    draw: Callable[[Path], object]
    metrics: tuple[tuple[str, str], ...]
    settings: Hyperparameters
    batch: int = 16
    stages: tuple[Stage, ...] = (ALIGN,)
    by: tuple[str, ...] = ()
    own: Own = lambda pairs, groups: ()


def steps(count: int) -> Hyperparameters:
    """Return umit's own settings of so many steps for a model as small as the embedded one."""
    return default_settings(1, batch=1, parameters=1, steps=count)


def numbered(
    metric: str, unit: str, values: Sequence[float], groups: Sequence[str], *, task: str, part: str = "",
    unreadable: int = 0,
) -> Figure:  # fmt: skip
    """Return the mean of some values as a figure, with its interval by bootstrap over groups."""
    low, high = bootstrap(means(values), list(groups))
    found = {"value": mean(np.array(values, np.float64).reshape(-1, 1)), "low": low, "high": high}
    kept = {name: _plain(number) for name, number in found.items()}
    named = {"task": task, "part": part, "metric": metric, "unit": unit}
    return {**named, **kept, "n": len(values), "groups": len(set(groups)), "unreadable": unreadable}


def run(recipe: Recipe, root: Path, out: Path, *, small: bool = False, model: str = "umit-phantom") -> dict[str, Any]:
    """Teach, reload, ask, and write the result.

    Args:
        recipe: What is taught.
        root: Folder of the data.
        out: A new folder.
        small: Whether two steps are enough.
        model: Weights to begin with.

    Returns:
        What ``result.json`` holds.

    Raises:
        DatasetError: The data are not there, or cannot be taught.
        InputError: The folder holds something else.
    """
    started = time.process_time()
    taught, asked = divide(recipe.read(root), _SHARE)
    settings = recipe.settings
    if small:
        settings = replace(settings, steps=2, warmup=1)
    command = f"python -m recipes.{recipe.name} {'--small' if small else '--root DATA'} --out OUT"
    checkpoint = out / "checkpoint"
    train(
        taught, model=model, out=checkpoint, settings=settings, stage=recipe.stages, val=asked,
        every=max(1, settings.steps * len(recipe.stages) // 2), batch=recipe.batch, name=recipe.name, say=_say,
        command=command,
    )  # fmt: skip
    trained = time.process_time()
    evaluate(umit.UMIT.from_pretrained(checkpoint), asked, out / "taught")
    runs = {"taught": out / "taught", "before": checkpoint / "state" / "validation" / "step-000000"}
    runs |= _free(taught, asked, locate(model, None)[1].tasks, out)
    result = {
        "recipe": recipe.name,
        "small": small,
        "command": command,
        "data": _described(recipe, taught, asked),
        "model": model,
        "stages": [one.name for one in recipe.stages],
        "settings": asdict(settings),
        "batch": recipe.batch,
        "cpu_minutes": {
            "taught": round((trained - started) / 60, 1),
            "asked": round((time.process_time() - trained) / 60, 1),
        },
        "versions": {name: metadata.version(name) for name in _PACKAGES},
        "figures": [figure for who, folder in runs.items() for figure in _figures(recipe, who, folder)],
    }
    text = json.dumps(result, indent=1, ensure_ascii=False)
    (out / "result.json").write_text(text + "\n", "utf-8")
    return result


def _say(message: str) -> None:
    sys.stdout.write(f"{message}\n")
    sys.stdout.flush()


def _described(recipe: Recipe, taught: Part, asked: Part) -> dict[str, Any]:
    """Return what was taught and asked, by content."""
    found = hashlib.sha256()
    for path in dict.fromkeys(chain.from_iterable(paths_of(one.source) for one in (*taught, *asked))):
        found.update(hashlib.sha256(path.read_bytes()).digest())
    parts = {"taught": taught, "asked": asked}
    return {
        "licence": recipe.licence,
        "pictures": found.hexdigest(),
        **{
            name: {"samples": len(part), "groups": len({one.group for one in part}), "answers": part.digest}
            for name, part in parts.items()
        },
    }


def _free(taught: Part, asked: Part, tasks: Mapping[Any, Any], out: Path) -> dict[str, Path]:
    """Return the runs of answers that cost nothing, each kept as a model's are."""
    runs: dict[str, Path] = {}
    for task in sorted({one.task for one in asked}):
        known, wanted = ([one for one in part if one.task == task] for part in (taught, asked))
        answers = {
            "commonest answer": commonest(known, wanted),
            **by_pixels(known, wanted),
            "mean shape": mean_marks(known, wanted, tasks),
        }
        for who, pairs in answers.items():
            if pairs is None:
                continue
            runs[f"{who}, {task}"] = out / who.replace(" ", "-") / task
            with Journal(out / who.replace(" ", "-") / task, {"answers": who}) as journal:
                for one, pair in zip(wanted, pairs, strict=True):
                    if pair.found is not None:
                        journal.add(one.id, record_of(one, pair.found))
    return runs


def _figures(recipe: Recipe, who: str, folder: Path) -> Iterator[Figure]:
    """Yield the recipe's numbers of a run, those of a frame's floor aside."""
    for row in score(folder, by=recipe.by).rows:
        if (row.metric, row.unit) in recipe.metrics and not row.language:
            kept = ("task", "part", "metric", "unit", "value", "low", "high", "n", "groups", "unreadable")
            yield {"who": who, **{name: _plain(getattr(row, name)) for name in kept}}
    lines = [record for record in records(folder) if record["ok"]]
    for figure in recipe.own([pair_of(line) for line in lines], [line["group"] for line in lines]):
        yield {"who": who, **figure}


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return None if value != value else round(value, 4)  # NaN is no JSON
    return value


def main(recipe: Recipe, about: str | None, arguments: Sequence[str] | None = None) -> int:
    """Run a recipe's command; returns its exit code."""
    parser = argparse.ArgumentParser(f"python -m recipes.{recipe.name}", description=about)
    parser.add_argument("--root", type=Path, help="folder of the data")
    parser.add_argument("--out", type=Path, required=True, help="a new folder")
    parser.add_argument("--small", action="store_true", help="two steps on a few drawn pictures, in seconds")
    given = parser.parse_args(arguments)
    if (given.root is None) != given.small:
        parser.error("expected --root with the data, or --small, which draws its own")
    root = given.root
    if given.small:
        root = given.out / "drawn"
        recipe.draw(root)
    try:
        result = run(recipe, root, given.out, small=given.small)
    except umit.UMITError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    for one in result["figures"]:
        if not one["part"]:
            _say("{who}: {metric} {value} {unit} ({low} to {high}), n {n}".format(**one))
    return 0
