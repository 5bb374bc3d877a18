"""Numbers on the validation part: which is best, what it does not beat, and how long nothing became better."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from umit.whole import write_whole

__all__ = ["Figure", "Figures"]


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


class Figures:
    """All figures of a run, kept in a file; they stand in ``all`` in the order in which they came.

    Args:
        path: Of the file; read if it is there.
        headline: The metric by which weights are compared.
        rising: Whether more of it is better.
    """

    def __init__(self, path: Path, headline: str, *, rising: bool) -> None:
        self.path, self.headline, self.rising = path, headline, rising
        found = json.loads(path.read_text("utf-8")) if path.is_file() else []
        self.all = [Figure(**one) for one in found]

    def add(self, figures: Sequence[Figure]) -> None:
        """Add some, and write the file."""
        self.all += figures
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(self.path, json.dumps([asdict(one) for one in self.all], indent=1))

    @property
    def steps(self) -> list[int]:
        """Steps that have figures, in order."""
        return sorted({one.step for one in self.all if one.step is not None})

    @property
    def taught(self) -> list[Figure]:
        """The headline of each step after the first weights, in order."""
        found = [one for one in self.all if one.metric == self.headline and one.step]
        return sorted(found, key=lambda one: one.step or 0)

    @property
    def best(self) -> int | None:
        """The best of these steps, of equal ones the last; ``None`` before there is one."""
        return max(self.taught, key=lambda one: (self.rank(one), one.step or 0)).step if self.taught else None

    @property
    def beaten(self) -> list[Figure]:
        """What the best weights do not beat: the weights before the first step, and what costs nothing."""
        if self.best is None:
            return []
        mine = next(one for one in self.taught if one.step == self.best)
        others = [one for one in self.all if one.metric == self.headline and not one.step]
        return [one for one in others if self.rank(one) >= self.rank(mine)]

    def waited(self, after: int = 0) -> int:
        """Return how many evaluations in a row made nothing better.

        Args:
            after: Count those after this step only, such as of a stage that began there.
        """
        count, best = 0, -math.inf
        for one in self.taught:
            if (one.step or 0) > after:
                better = self.rank(one) > best
                count, best = (0, self.rank(one)) if better else (count + 1, best)
        return count

    def rank(self, figure: Figure) -> float:
        """Return a number that is higher for a better figure."""
        value = figure.value if self.rising else -figure.value
        return -math.inf if math.isnan(value) else value
