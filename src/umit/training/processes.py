"""Processes that train together: who they are, what they agree on, and the mean of their gradients."""

from __future__ import annotations

import os
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed, nn

from umit.errors import InputError

__all__ = ["agree", "average", "gathered", "of_first", "processes", "share_of", "synchronize"]

T = TypeVar("T")


def processes() -> tuple[int, int]:
    """Return this process's number and how many train together; joins those that were started with it.

    Raises:
        InputError: It was started as one of several, and cannot reach the others.
    """
    if not distributed.is_available():
        return 0, 1
    if not distributed.is_initialized():
        if os.environ.get("WORLD_SIZE", "1") in ("", "1"):
            return 0, 1
        try:
            distributed.init_process_group("gloo")
        except (ValueError, RuntimeError) as error:  # a variable is missing, or nobody answers
            raise InputError(
                f"expected to train as one of {os.environ['WORLD_SIZE']} processes, as WORLD_SIZE says, got: {error}",
                code="processes",
                hint="Start them with torchrun, or unset WORLD_SIZE to train alone",
            ) from error
    return distributed.get_rank(), distributed.get_world_size()


def agree(flag: bool) -> bool:
    """Return whether any process says yes; every process must ask."""
    if processes()[1] == 1:
        return flag
    votes = torch.tensor(float(flag))
    distributed.all_reduce(votes)
    return bool(votes > 0)


def gathered(mine: T) -> list[T]:
    """Return what each process brings, in their order; every process must ask."""
    count = processes()[1]
    if count == 1:
        return [mine]
    all_of_them: list[Any] = [None] * count
    distributed.all_gather_object(all_of_them, mine)
    return all_of_them


def of_first(mine: T) -> T:
    """Return what the first process brings; every process must ask."""
    if processes()[1] == 1:
        return mine
    box = [mine]
    distributed.broadcast_object_list(box)
    return box[0]


def synchronize(module: nn.Module) -> None:
    """Give every process the first one's weights; new adapters and heads are drawn in each apart."""
    if processes()[1] == 1:
        return
    for tensor in module.state_dict().values():
        distributed.broadcast(tensor, 0)


def share_of(weight: float) -> float:
    """Return the factor on this process's mean loss, so that the mean over processes is that of all rows at once.

    Args:
        weight: How much this process's rows weigh, such as their number of taught tokens.
    """
    count = processes()[1]
    if count == 1:
        return 1.0
    total = torch.tensor(float(weight), dtype=torch.float64)
    distributed.all_reduce(total)
    return weight * count / float(total)


def average(module: nn.Module, loss: Tensor) -> Tensor:
    """Give every process the mean of all gradients, and return the mean of their losses.

    A parameter that rows of one process do not reach (text alone, the vision encoder) still has the others' gradient.
    """
    count = processes()[1]
    if count == 1:
        return loss
    trained = [p for p in module.parameters() if p.requires_grad]
    reached = torch.tensor([float(p.grad is not None) for p in trained], device=loss.device)
    parts = [p.grad.flatten() if p.grad is not None else p.new_zeros(p.numel()) for p in trained]
    flat = torch.cat([*parts, reached, loss.reshape(1)])
    distributed.all_reduce(flat)
    flat /= count
    sizes = [*(p.numel() for p in trained), len(trained), 1]
    *means, reached, loss = torch.split(flat, sizes)
    for parameter, mean, by_any in zip(trained, means, reached.tolist(), strict=True):
        if by_any:
            parameter.grad = mean.view_as(parameter).clone()
    return loss[0]
