"""What all recipes share: data divided by patient, taught, reloaded and asked, beside what costs nothing.

The validation part is asked once, of the last weights as they load: no step was chosen on it.

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
from umit.checkpoints import EMBEDDED, locate
from umit.datasets.dataset import Sample
from umit.datasets.pictures import paths_of
from umit.evaluation import score
from umit.evaluation.evaluate import ask
from umit.evaluation.journal import Journal, records
from umit.evaluation.record import pair_of, record_of
from umit.metrics.bootstrap import bootstrap, means
from umit.metrics.metric import Pair, mean
from umit.queries import Find, Locate, Query
from umit.training import ALIGN, Hyperparameters, Stage, default_settings, train
from umit.training.baselines import free_answers
from umit.training.card import RECORD
from umit.training.parts import Part, divide, refuse_shared

__all__ = ["RESULTS", "Figure", "Own", "Recipe", "main", "numbered", "run", "steps", "together"]

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
        batch: Samples a step; points and boxes of one picture are one.
        stages: What trains, one after another.
        align: What a stage align of its own is taught before, as many steps; ``None`` for no such stage.
        by: Facts whose numbers are kept apart, too.
        own: Numbers of its own.
    """

    name: str
    licence: str
    read: Callable[[Path], Part]
    draw: Callable[[Path], object]
    metrics: tuple[tuple[str, str], ...]
    settings: Hyperparameters
    batch: int = 8
    stages: tuple[Stage, ...] = (ALIGN,)
    align: Callable[[Part], Part] | None = None
    by: tuple[str, ...] = ()
    own: Own = lambda pairs, groups: ()


def steps(count: int) -> Hyperparameters:
    """Return umit's own settings of so many steps for a model as small as the embedded one, products in bfloat16."""
    return replace(default_settings(1, batch=1, parameters=1, steps=count), bf16=True)


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


def run(
    recipe: Recipe, root: Path, out: Path, *, small: bool = False, model: str = EMBEDDED, card: str | None = None
) -> dict[str, Any]:  # fmt: skip
    """Teach, reload, ask, and write the result.

    Args:
        recipe: What is taught.
        root: Folder of the data.
        out: A new folder.
        small: Whether two steps are enough.
        model: Weights to begin with.
        card: Of weights that have none of their own.

    Returns:
        What ``result.json`` holds.

    Raises:
        DatasetError: The data are not there, or cannot be taught.
        InputError: The folder holds something else.
    """
    started, goes_on = time.process_time(), out.joinpath("taught").exists()
    taught, asked = divide(recipe.read(root), _SHARE)
    refuse_shared(taught, asked)
    settings = replace(recipe.settings, steps=2, warmup=1) if small else recipe.settings
    command = f"python -m recipes.{recipe.name} {'--small' if small else '--root DATA'} --out OUT"
    command += f" --model {model}" * (model != EMBEDDED) + f" --card {card}" * (card is not None)
    start, known = locate(model, card)

    def teach(part: Part, name: str, stages: Sequence[Stage]) -> Path:
        train(
            together(part), model=start, card=known, out=out / name, stage=stages, settings=settings,
            batch=recipe.batch, name=f"{recipe.name}-{name}", tell=_told(settings.steps), command=command,
        )  # fmt: skip
        return out / name

    if recipe.align is not None:
        first = recipe.align(taught)
        start, left = teach(first, "aligned", (ALIGN,)), {one.id for one in taught} - {one.id for one in first}
        taught = Part((one for one in taught if one.id in left), taught.described)
    checkpoint = teach(taught, "taught", recipe.stages)
    ask(umit.UMIT.from_pretrained(checkpoint), asked, out / "answers")
    runs = {"taught": out / "answers", **_free(taught, asked, known.tasks, out)}
    result = {
        "recipe": recipe.name,
        "small": small,
        "command": command,
        "data": _described(recipe, taught, asked),
        "model": model,
        "stages": [*(["align"] if recipe.align else []), *(one.name for one in recipe.stages)],
        "settings": asdict(settings),
        "batch": recipe.batch,
        "augmentation": json.loads((checkpoint / RECORD).read_text("utf-8"))["augmentation"],
        # Of a run that goes on, only the last call's would be known.
        "cpu_minutes": None if goes_on else round((time.process_time() - started) / 60, 1),
        "versions": {name: metadata.version(name) for name in _PACKAGES},
        "figures": [figure for who, folder in runs.items() for figure in _figures(recipe, who, folder)],
    }
    text = json.dumps(result, indent=1, ensure_ascii=False)
    (out / "result.json").write_text(text + "\n", "utf-8")
    written: dict[str, Any] = json.loads(text)
    return written


def together(part: Part) -> Part:
    """Return points and boxes of one picture as one sample, whose questions then share the picture's encoding."""
    found: dict[Any, list[Sample[Any, Any]]] = {}
    for one in part:
        alone = None if isinstance(one.query, Find | Locate) else one.id
        found.setdefault((one.source.names, type(one.query), one.query.language, alone), []).append(one)
    return Part(map(_joined, found.values()), part.described)


def _joined(samples: Sequence[Sample[Any, Any]]) -> Sample[Any, Any]:
    first = samples[0]
    if len(samples) == 1:
        return first
    items = tuple(chain.from_iterable(one.gold.items for one in samples))
    if isinstance(first.query, Find):
        query: Query = replace(first.query, target=tuple(chain.from_iterable(one.query.targets for one in samples)))
    else:
        query = replace(first.query, name=tuple(chain.from_iterable(one.query.names for one in samples)))
    return replace(first, query=query, gold=replace(first.gold, items=items))


def _told(count: int) -> Callable[[int, float], bool]:
    def logged(step: int, loss: float) -> bool:
        _say(f"step {step} of {count}: loss {loss:.3f}")
        return True

    return logged


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
    for task in sorted({one.task for one in asked} & {one.task for one in taught}):
        known, wanted = ([one for one in part if one.task == task] for part in (taught, asked))
        for who, pairs in free_answers(known, wanted, tasks).items():
            runs[f"{who}, {task}"] = folder = out / "free" / f"{who}, {task}"
            with Journal(folder, {"answers": who}) as journal:
                for one, pair in zip(wanted, pairs, strict=True):
                    if pair.found is not None:
                        journal.add(one.id, record_of(one, pair.found))
    return runs


def _figures(recipe: Recipe, who: str, folder: Path) -> Iterator[Figure]:
    """Yield the recipe's numbers of a run, those of a frame's floor aside."""
    for row in score(folder, by=recipe.by).rows:
        if (row.metric, row.unit) in recipe.metrics and not row.language:
            kept = ("task", "part", "metric", "protocol", "unit", "value", "low", "high", "n", "groups", "unreadable")
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
    parser.add_argument(
        "--model", default=EMBEDDED, help="weights to begin with: a name, or a folder (default: the embedded)"
    )
    parser.add_argument("--card", help="card of weights that have none of their own")
    given = parser.parse_args(arguments)
    if (given.root is None) != given.small:
        parser.error("expected --root with the data, or --small, which draws its own")
    root = given.root
    if root is not None and not root.is_dir():
        parser.error(f"expected a folder as --root, got {str(root)!r}")
    if given.small:
        root = given.out / "drawn"
        recipe.draw(root)
    try:
        result = run(recipe, root, given.out, small=given.small, model=given.model, card=given.card)
    except umit.UMITError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    for one in result["figures"]:
        if not one["part"]:
            _say("{who}: {metric} {value} {unit} ({low} to {high}), n {n}".format(**one))
    return 0
