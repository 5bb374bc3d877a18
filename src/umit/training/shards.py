"""Weights and optimizer that an engine cuts into shards, and the whole of them, which validation and states need."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from umit.training.processes import processes

__all__ = ["Shards"]


class Shards:
    """What FSDP2 trains of a module, beside the whole module in main memory.

    Validation and states know the whole module and its optimizer only; shards are gathered when those are looked at.

    Args:
        whole: The module, on the CPU.
        optimizer: Its own; holds what a state held.
        cut: A copy of the module, before the engine has cut it.
        cut_optimizer: The copy's, which trains.
        device: Where the first process looks at the whole module.
    """

    def __init__(
        self, whole: nn.Module, optimizer: Any, cut: nn.Module, cut_optimizer: Any, device: torch.device
    ) -> None:
        self.whole, self.optimizer, self.cut, self.cut_optimizer = whole, optimizer, cut, cut_optimizer
        self.device = device

    def begin(self) -> None:
        """Give the shards what the whole optimizer holds; once the engine has cut."""
        from torch.distributed.tensor import distribute_tensor

        _same_rates(self.optimizer, self.cut_optimizer)
        for one, shard in self._pairs():
            self.cut_optimizer.state[shard] = {
                name: distribute_tensor(value.to(self.device), shard.device_mesh, shard.placements)
                if value.shape == one.shape
                else value
                for name, value in self.optimizer.state.get(one, {}).items()
            }

    @contextmanager
    def looked_at(self) -> Iterator[None]:
        """Have the weights of the shards in the whole module, in the first process on its device."""
        for one, shard in self._pairs():
            one.data.copy_(shard.detach().full_tensor())
        if processes()[0] == 0:
            self.whole.to(self.device)
        yield
        self.whole.to("cpu")

    def gather_optimizer(self) -> None:
        """Have the state of the shards' optimizer in the first process's whole one."""
        _same_rates(self.cut_optimizer, self.optimizer)
        for one, shard in self._pairs():
            for name, value in self.cut_optimizer.state[shard].items():
                full = value if type(value) is Tensor else value.full_tensor()
                if processes()[0] == 0:
                    self.optimizer.state[one][name] = full.cpu()

    def _pairs(self) -> list[tuple[nn.Parameter, Any]]:
        pairs = zip(self.whole.parameters(), self.cut.parameters(), strict=True)
        return [(one, shard) for one, shard in pairs if one.requires_grad]


def _same_rates(one: Any, other: Any) -> None:
    for group, into in zip(one.param_groups, other.param_groups, strict=True):
        into.update({name: value for name, value in group.items() if name != "params"})
