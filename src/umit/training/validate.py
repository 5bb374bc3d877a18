"""Whether it learns: the validation part asked by the path that users have, beside answers that cost nothing."""

from __future__ import annotations

import math
import shutil
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from umit.checkpoints import Checkpoint
from umit.errors import DatasetError
from umit.metrics.metric import Metric, Pair
from umit.tasks.table import TASKS
from umit.training.adapters import learned
from umit.training.baselines import free_answers
from umit.training.board import BEHIND, Board
from umit.training.figures import Figure, Figures
from umit.training.part_losses import part_losses
from umit.training.parts import Part

if TYPE_CHECKING:
    from umit.engine.load import Engine
    from umit.evaluation.score import Score

__all__ = ["Validation"]

_KEPT: Final = "validation.json"
_BEST: Final = "best.safetensors"
_TOLD: Final = 3  # samples that one message names
_MORE: Final = (("AUC", ""), ("MRE", "mm"))


class Validation:
    """Asks the validation part at some steps, and keeps the best weights by the headline metric.

    The headline is that of the task with the most samples in the part.

    Args:
        training: What is taught; for the baselines.
        part: The validation part.
        card: Of the checkpoint.
        folder: Where journals, figures and the best weights are kept.
        say: Called with each figure in words.
        board: Takes losses and figures.
        seed: Of intervals and baselines.
    """

    def __init__(
        self, training: Part, part: Part, card: Checkpoint, folder: Path, say: Callable[[str], None],
        *, board: Board, seed: int = 0,
    ) -> None:  # fmt: skip
        self.part, self.card, self.folder, self.say, self.seed = part, card, folder, say, seed
        self.board = board
        self.task = Counter(one.task for one in part).most_common(1)[0][0]
        self.headline: Metric[Any] = TASKS[self.task].headline
        self.table = Figures(folder / _KEPT, _named(self.headline), rising=self.headline.best != 0)
        self._asked = max(self.table.steps, default=0)
        if not self.table.all:
            self._add(self._baselines(training))

    @property
    def figures(self) -> list[Figure]:
        """All of them, in the order in which they came."""
        return self.table.all

    @property
    def best(self) -> int | None:
        """The step after the first whose weights are kept: the best, of equal ones the last; ``None`` before."""
        return self.table.best

    @property
    def beaten(self) -> list[Figure]:
        """What the best weights do not beat: the weights before the first step, and what costs nothing."""
        return self.table.beaten

    def due(self, step: int, gap: int) -> bool:
        """Return whether so many steps passed since the part was asked."""
        return step - self._asked >= gap

    def run(self, step: int) -> Path:
        """Return the folder of a step's journal."""
        return self.folder / f"step-{step:06d}"

    def waited(self, begin: int, step: int, patience: int | None) -> bool:
        """Return whether a stage ends here: so many figures in a row, since it began, were no better.

        Args:
            begin: The stage's first step.
            step: Where training is; a run that goes on from an earlier state gets there again.
            patience: How many figures; ``None`` never ends it.
        """
        return patience is not None and step >= self.table.steps[-1] and self.table.waited(begin) >= patience

    def ask(self, engine: Engine, step: int, *, needed: bool = True) -> None:
        """Ask the part of the weights as they are, and keep them if none were better; once a step.

        Args:
            engine: The weights in training; their mode is left as it was.
            step: How many steps they have seen.
            needed: Whether training cannot go on, or end, without these figures; else what cannot be asked is told.

        Raises:
            DatasetError: A sample cannot be asked, such as one whose picture cannot be read.
        """
        if step in self.table.steps:
            return
        self._asked = step
        shutil.rmtree(self.run(step), ignore_errors=True)  # of a run that was stopped while asking
        started = time.monotonic()
        score = self._score(engine, step)
        if score.failed:
            # Figures of fewer answers could not be compared with those of the other steps.
            said = f"step {step}: {self._unanswered(step)}"
            if needed:
                raise DatasetError(f"{said}. Mend them, and give the same call again: it goes on")
            self.say(f"{said}; no figures of this step")
            return
        self.say(f"step {step}: {len(self.part):,} questions asked in {time.monotonic() - started:.0f} s")
        rows = [r for r in score.rows if r.task == self.task and not r.language and not r.part]
        shown = [
            Figure(f"step {step}", step, _named(metric), r.value, r.low, r.high, r.n, r.unreadable)
            for metric in self._metrics for r in rows
            if (r.metric, r.protocol, r.unit) == (metric.name, metric.protocol, metric.unit)
            and not math.isnan(r.value)
        ]  # fmt: skip
        if step > 0 and self._is_best(shown):
            self._keep(engine)
        self.board.put(step, self._losses(engine, step))
        self.board.show(shown)
        self._add(shown)

    def _score(self, engine: Engine, step: int) -> Score:
        from umit.backends.local.backend import LocalBackend
        from umit.evaluation import evaluate
        from umit.model import UMIT

        training = engine.model.training
        engine.model.train(False)
        try:
            model = UMIT(LocalBackend(engine), self.card, fingerprint=engine.fingerprint)
            return evaluate(model, self.part, self.run(step))
        finally:
            engine.model.train(training)

    def _losses(self, engine: Engine, step: int) -> dict[str, float]:
        """Return the losses on the part by their names on the board, and say them."""
        found = part_losses(engine, self.part, self.card)
        kinds = ", ".join(f"{name} {loss:.4f}" for name, loss in found.items() if name)
        self.say(f"step {step}: validation loss {found['']:.4f} ({kinds})")
        return {BEHIND + name: loss for name, loss in found.items()}

    def _unanswered(self, step: int) -> str:
        """Say how many samples could not be asked, and why of the first."""
        from umit.evaluation.journal import records

        failed = [one for one in records(self.run(step)) if not one["ok"]]
        places = {one.id: one.place or one.id for one in self.part}
        first = "; ".join(f"{places[one['id']]}: {one['error']['message']}" for one in failed[:_TOLD])
        more = f"; and {len(failed) - _TOLD} more" if len(failed) > _TOLD else ""
        return f"expected answers to all {len(self.part)} validation samples, {len(failed)} could not be asked: {first}{more}"

    def restore(self, engine: Engine) -> None:
        """Give the engine the best weights, if others than the last were better."""
        best = self.table.best
        if best is None or best == self.table.steps[-1]:
            return
        import torch
        from safetensors.torch import load_file

        kept = load_file(self.folder / _BEST)
        with torch.no_grad():
            for name, parameter in learned(engine.model).items():
                parameter.copy_(kept[name])

    @property
    def _metrics(self) -> list[Metric[Any]]:
        """The headline; and what moves before it does: the area under the curve, the mean distance in mm."""
        more = [one for one in TASKS[self.task].metrics if (one.name, one.unit) in _MORE]
        return [self.headline, *(one for one in more if one is not self.headline)]

    def _is_best(self, shown: Sequence[Figure]) -> bool:
        rank, taught = self.table.rank, self.table.taught
        mine = next((one for one in shown if one.metric == self.table.headline), None)
        return not taught or (mine is not None and all(rank(mine) >= rank(one) for one in taught))

    def _keep(self, engine: Engine) -> None:
        from safetensors.torch import save_file

        part = self.folder / f"{_BEST}.part"
        save_file({name: one.detach() for name, one in learned(engine.model).items()}, part)
        part.replace(self.folder / _BEST)

    def _baselines(self, training: Part) -> list[Figure]:
        taught = [one for one in training if one.task == self.task]
        asked = [one for one in self.part if one.task == self.task]
        groups = np.unique([one.group for one in asked], return_inverse=True)[1]
        free = free_answers(taught, asked, self.card.tasks, seed=self.seed)
        return [figure for who, pairs in free.items() for figure in self._figures(who, pairs, groups)]

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
        self.table.add(figures)


def _named(metric: Metric[Any]) -> str:
    return f"{metric.name} ({metric.unit})" if metric.unit else metric.name
