"""The batches of each step: in parts where it is accumulated, weighed against those of other processes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from torch import Tensor, nn
from torch.utils.data import DataLoader

from umit.errors import UMITError
from umit.training.hyperparameters import Hyperparameters
from umit.training.processes import processes, total, unless

__all__ = ["Batch", "Objective", "Steps"]

Batch: TypeAlias = dict[str, Tensor]


class Objective(nn.Module):
    """A module whose forward is its loss: what wraps it (averaging, shards, autocast) wraps all that is computed.

    Args:
        module: What trains.
        loss_of: Its mean loss on a batch.
    """

    def __init__(self, module: nn.Module, loss_of: Callable[[Any, Batch], Tensor]) -> None:
        super().__init__()
        self.module, self.loss_of = module, loss_of

    def forward(self, batch: Batch) -> Tensor:
        """Return the mean loss."""
        return self.loss_of(self.module, batch)


@dataclass(frozen=True, slots=True)
class Steps:
    """The parts of each step.

    Args:
        prepare: The batch of a part, by its number from 0; a step is ``settings.accumulate`` parts.
        weight_of: How much a batch's mean loss weighs beside those of other parts and processes.
        settings: How long, and in how many parts a step.
    """

    prepare: Callable[[int], Batch]
    weight_of: Callable[[Batch], float]
    settings: Hyperparameters

    def last(self, step: int) -> Batch:
        """Return the last part of a step, by its number from 0."""
        return self.prepare((step + 1) * self.settings.accumulate - 1)

    def loader(self, start: int, *, cuda: bool) -> DataLoader[Any]:
        """Return all parts from a step on; those that cannot be made are errors, for :meth:`factors`."""
        parts: Any = range(start * self.settings.accumulate, self.settings.steps * self.settings.accumulate)
        made: Any = partial(_made, self.prepare)  # without batches, the loader gives it one number and not a list
        return DataLoader(parts, None, collate_fn=made, num_workers=self.settings.workers, pin_memory=cuda)

    def factors(self, parts: Sequence[Batch | UMITError]) -> list[float]:
        """Return the factor on each part's mean loss.

        With them the sum over parts and the mean over processes is the mean over all rows at once.

        Raises:
            UMITError: What could not be made here or in another process.
        """
        wrong = next((part for part in parts if isinstance(part, UMITError)), None)
        weights = [self.weight_of(part) for part in parts if isinstance(part, dict)]
        whole = total(math.nan if wrong else sum(weights))
        if math.isnan(whole):  # the same sum in all: one exchange a step serves both
            unless(wrong)
        return [weight * processes()[1] / whole for weight in weights]


def _made(prepare: Callable[[int], Batch], part: int) -> Batch | UMITError:
    try:
        return prepare(part)
    except UMITError as error:
        return error  # a loader's worker would bring its traceback as the message
