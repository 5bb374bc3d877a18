"""Whether it learns: the validation part asked by the path that users have, beside answers that cost nothing."""

from __future__ import annotations

import json
import math
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from umit.checkpoints import Checkpoint
from umit.metrics.metric import Metric, Pair
from umit.tasks.table import TASKS
from umit.training.adapters import learned
from umit.training.baselines import by_pixels, commonest
from umit.training.mean_marks import mean_marks
from umit.training.parts import Part

if TYPE_CHECKING:
    from umit.engine.load import Engine

__all__ = ["Figure", "Validation"]

_KEPT: Final = "validation.json"
_BEST: Final = "best.safetensors"
_MORE: Final = (("AUC", ""), ("MRE", "mm"))


@dataclass(frozen=True, slots=True)
class Figure:
    """One number on the validation part.

    Args:
        who: ``"step 200"``, or what costs nothing, such as ``"commonest answer"``.
        step: Of the model; ``None`` for what costs nothing.
        metric: Its name, with its unit behind it.
        value: The number.
        low: Lower end of its 95 % interval, by bootstrap over groups.
        high: Upper end.
        n: Answers.
        unreadable: Answers whose text could not be read.
    """

    who: str
    step: int | None
    metric: str
    value: float
    low: float
    high: float
    n: int
    unreadable: int = 0

    def __str__(self) -> str:
        unread = f", {self.unreadable} unreadable" if self.unreadable else ""
        between = "" if math.isnan(self.low) else f" ({self.low:.3f} to {self.high:.3f})"
        return f"{self.who}: {self.metric} {self.value:.3f}{between}, n {self.n}{unread}"


class Validation:
    """Asks the validation part at some steps, and keeps the best weights by the headline metric.

    The headline is that of the task with the most samples in the part.

    Args:
        training: What is taught; for the baselines.
        part: The validation part.
        card: Of the checkpoint.
        folder: Where journals, figures and the best weights are kept.
        say: Called with each figure in words.
        seed: Of intervals and baselines.
    """

    def __init__(
        self, training: Part, part: Part, card: Checkpoint, folder: Path, say: Callable[[str], None],
        *, seed: int = 0,
    ) -> None:  # fmt: skip
        self.part, self.card, self.folder, self.say, self.seed = part, card, folder, say, seed
        self.task = Counter(one.task for one in part).most_common(1)[0][0]
        self.headline: Metric[Any] = TASKS[self.task].headline
        self.figures: list[Figure] = self._read()
        if not self.figures:
            self._add(self._baselines(training))

    @property
    def steps(self) -> list[int]:
        """Steps that have figures, in order."""
        return sorted({one.step for one in self.figures if one.step is not None})

    def run(self, step: int) -> Path:
        """Return the folder of a step's journal."""
        return self.folder / f"step-{step:06d}"

    def ask(self, engine: Engine, step: int) -> None:
        """Ask the part of the weights as they are, and keep them if none were better; once a step.

        Args:
            engine: The weights in training; their mode is left as it was.
            step: How many steps they have seen.
        """
        from umit.backends.local.backend import LocalBackend
        from umit.evaluation import evaluate
        from umit.model import UMIT

        if step in self.steps:
            return
        shutil.rmtree(self.run(step), ignore_errors=True)  # of a run that was stopped while asking
        training = engine.model.training
        engine.model.train(False)
        try:
            model = UMIT(LocalBackend(engine), self.card, fingerprint=engine.fingerprint)
            score = evaluate(model, self.part, self.run(step))
        finally:
            engine.model.train(training)
        rows = [r for r in score.rows if r.task == self.task and not r.language and not r.part]
        shown = [
            Figure(f"step {step}", step, _named(metric), r.value, r.low, r.high, r.n, r.unreadable)
            for metric in self._metrics for r in rows
            if (r.metric, r.protocol, r.unit) == (metric.name, metric.protocol, metric.unit)
            and not math.isnan(r.value)
        ]  # fmt: skip
        better = step > 0 and self._is_best(shown)
        if better:
            self._keep(engine)
        self._add(shown)

    @property
    def best(self) -> int | None:
        """The step after the first whose weights are kept: the best, of equal ones the last; ``None`` before."""
        taught = [f for f in self._headlines if f.step]
        return max(taught, key=lambda f: (self._rank(f), f.step or 0)).step if taught else None

    def restore(self, engine: Engine) -> None:
        """Give the engine the best weights, if others than the last were better."""
        if self.best is None or self.best == self.steps[-1]:
            return
        import torch
        from safetensors.torch import load_file

        kept = load_file(self.folder / _BEST)
        with torch.no_grad():
            for name, parameter in learned(engine.model).items():
                parameter.copy_(kept[name])

    @property
    def beaten(self) -> list[Figure]:
        """What the best weights do not beat: the weights before the first step, and what costs nothing."""
        if self.best is None:
            return []
        mine = next(f for f in self._headlines if f.step == self.best)
        others = [f for f in self._headlines if not f.step]
        return [one for one in others if self._rank(one) >= self._rank(mine)]

    @property
    def _headlines(self) -> list[Figure]:
        return [one for one in self.figures if one.metric == _named(self.headline)]

    @property
    def _metrics(self) -> list[Metric[Any]]:
        """The headline; and what moves before it does: the area under the curve, the mean distance in mm."""
        more = [one for one in TASKS[self.task].metrics if (one.name, one.unit) in _MORE]
        return [self.headline, *(one for one in more if one is not self.headline)]

    def _rank(self, figure: Figure) -> float:
        value = -figure.value if self.headline.best == 0 else figure.value
        return -math.inf if math.isnan(value) else value

    def _is_best(self, shown: Sequence[Figure]) -> bool:
        mine = next((f for f in shown if f.metric == _named(self.headline)), None)
        taught = [f for f in self._headlines if f.step]
        return not taught or (mine is not None and all(self._rank(mine) >= self._rank(f) for f in taught))

    def _keep(self, engine: Engine) -> None:
        from safetensors.torch import save_file

        part = self.folder / f"{_BEST}.part"
        save_file({name: one.detach() for name, one in learned(engine.model).items()}, part)
        part.replace(self.folder / _BEST)

    def _baselines(self, training: Part) -> list[Figure]:
        taught = [one for one in training if one.task == self.task]
        asked = [one for one in self.part if one.task == self.task]
        groups = np.unique([one.group for one in asked], return_inverse=True)[1]
        answers = {
            "commonest answer": commonest(taught, asked),
            "mean shape": mean_marks(taught, asked, self.card.tasks, seed=self.seed),
            **by_pixels(taught, asked, seed=self.seed),
        }
        return [
            figure
            for who, pairs in answers.items() if pairs is not None
            for figure in self._figures(who, pairs, groups)
        ]  # fmt: skip

    def _figures(self, who: str, pairs: Sequence[Pair[Any]], groups: Any) -> list[Figure]:
        from umit.evaluation.score import interval

        found = []
        for metric in self._metrics:
            measures = metric.measures(pairs)
            value = metric.total(measures)
            if not math.isnan(value):
                low, high = interval(metric, measures, groups, self.seed)
                found.append(Figure(who, None, _named(metric), value, low, high, len(pairs)))
        return found

    def _add(self, figures: Sequence[Figure]) -> None:
        for one in figures:
            self.say(str(one))
        self.figures += figures
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / _KEPT
        part = path.with_suffix(".part")
        part.write_text(json.dumps([asdict(one) for one in self.figures], indent=1), "utf-8")
        part.replace(path)

    def _read(self) -> list[Figure]:
        path = self.folder / _KEPT
        if not path.is_file():
            return []
        return [Figure(**one) for one in json.loads(path.read_text("utf-8"))]


def _named(metric: Metric[Any]) -> str:
    return f"{metric.name} ({metric.unit})" if metric.unit else metric.name
