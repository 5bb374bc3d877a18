"""The loss of training by task and language: what each taught token is of, and sums until they are told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, get_args

from umit.queries import Language, Query
from umit.tasks.table import TASKS
from umit.tasks.task import TaskName

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["KINDS", "KindLosses", "kind_of", "number_of"]

#: Every task in every language, such as ``"classify en"``; tensors hold places in here.
KINDS: Final = tuple(f"{task} {language}" for task in TASKS for language in get_args(Language))
_PLACES: Final = {kind: place for place, kind in enumerate(KINDS)}


def kind_of(task: TaskName, query: Query) -> str:
    """Return what a question's loss is counted as."""
    return f"{task} {query.language}"


def number_of(kind: str) -> int:
    """Return the place of a kind in :data:`KINDS`; -1 for ``""``, which is counted nowhere."""
    return _PLACES[kind] if kind else -1


class KindLosses:
    """Sums of the loss of each kind of question, until they are taken.

    All processes make the same calls. Sums are kept on the device that made the losses, so that no step waits for it.
    """

    def __init__(self) -> None:
        import torch

        self._sums = torch.zeros(len(KINDS) + 1, 2)  # the last row is of tokens of no kind

    def add(self, batch: Mapping[str, Tensor], losses: Tensor) -> None:
        """Count the losses ``(taught,)`` of a batch of :func:`umit.training.collate.collate`."""
        if "kinds" not in batch:
            return
        import torch

        found = losses.detach().float()
        pairs = torch.stack([found, torch.ones_like(found)], dim=1)
        self._sums = self._sums.to(found.device).index_add(0, batch["kinds"] % len(self._sums), pairs)

    def take(self) -> dict[str, float]:
        """Return the mean loss a token of each kind that came, over all processes, and begin anew."""
        from umit.training.processes import summed

        sums = summed(self._sums).double().tolist()
        self._sums = self._sums.new_zeros(self._sums.shape)
        return {kind: loss / tokens for kind, (loss, tokens) in zip(KINDS, sums, strict=False) if tokens}

    def state(self) -> Tensor:
        """Return the sums over all processes, for a state from which a run goes on."""
        from umit.training.processes import summed

        return summed(self._sums).cpu()

    def load(self, state: Tensor, *, first: bool) -> None:
        """Go on from a state; the first process alone has what was counted before."""
        self._sums = state.clone() if first else state.new_zeros(state.shape)
