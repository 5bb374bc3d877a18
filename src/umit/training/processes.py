"""Processes that train together: who they are, what they agree on, and what ends all of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final, TypeVar

import torch
from torch import Tensor, distributed, nn
from torch.distributed.rendezvous import rendezvous

from umit.errors import BackendError, InputError, UMITError

__all__ = [
    "agree",
    "first_alone",
    "gathered",
    "mean",
    "of_first",
    "others",
    "processes",
    "summed",
    "synchronize",
    "total",
    "unless",
]

T = TypeVar("T")
#: How long processes wait for the others to start.
_TO_START: Final = timedelta(minutes=10)
#: How long they wait for one that validates or writes alone; one that ended is noticed at once.
_TO_GO_ON: Final = timedelta(days=1)


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
            store, rank, count = next(rendezvous("env://", timeout=_TO_START))
            distributed.init_process_group(_backend(), store=store, rank=rank, world_size=count, timeout=_TO_GO_ON)
        except (ValueError, RuntimeError) as error:  # a variable is missing, or nobody answers
            raise InputError(
                f"expected to train as one of {os.environ['WORLD_SIZE']} processes, as WORLD_SIZE says, got: {error}",
                code="processes",
                hint="Start them with torchrun or accelerate launch, or unset WORLD_SIZE to train alone",
            ) from error
    return distributed.get_rank(), distributed.get_world_size()


def _backend() -> str:
    """NCCL wants a GPU for each process of a machine; processes that share one talk through gloo."""
    own = os.environ.get("LOCAL_WORLD_SIZE") or os.environ["WORLD_SIZE"]
    if torch.cuda.is_available() and own.isdecimal() and int(own) <= torch.cuda.device_count():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
        return "cpu:gloo,cuda:nccl"
    return "gloo"


@contextmanager
def others() -> Iterator[None]:
    """Say that another process ended, where a collective call finds it gone."""
    try:
        yield
    except RuntimeError as error:
        if not isinstance(error, distributed.DistError) and "gloo/transport" not in str(error):
            raise
        raise BackendError(
            "expected all processes to make this step, another one ended; its own message says why", engine="training"
        ) from error


def agree(flag: bool) -> bool:
    """Return whether any process says yes; every process must ask."""
    return total(float(flag)) > 0


def total(value: float) -> float:
    """Return the sum over processes; every process must ask."""
    if processes()[1] == 1:
        return value
    # A group that was made by others may know GPUs only.
    device = "cuda" if distributed.get_backend() == "nccl" else "cpu"
    found = torch.tensor(value, dtype=torch.float64, device=device)
    with others():
        distributed.all_reduce(found)
    return float(found)


def gathered(mine: T) -> list[T]:
    """Return what each process brings, in their order; every process must ask."""
    count = processes()[1]
    if count == 1:
        return [mine]
    all_of_them: list[Any] = [None] * count
    with others():
        distributed.all_gather_object(all_of_them, mine)
    return all_of_them


def of_first(mine: T) -> T:
    """Return what the first process brings; every process must ask."""
    if processes()[1] == 1:
        return mine
    box = [mine]
    with others():
        distributed.broadcast_object_list(box)
    return box[0]


def unless(wrong: UMITError | None) -> None:
    """Raise in every process what went wrong in any, ``None`` where nothing did; every process must ask."""
    for one in gathered(wrong):
        if one is not None:
            raise one


@contextmanager
def first_alone() -> Iterator[bool]:
    """Let the first process do something while the others wait; what goes wrong there is raised in all.

    Yields:
        Whether this is the first.
    """
    wrong = None
    try:
        yield processes()[0] == 0
    except UMITError as error:
        wrong = error
    unless(wrong)


def synchronize(module: nn.Module) -> None:
    """Give every process the first one's weights; new adapters and heads are drawn in each apart."""
    if processes()[1] == 1:
        return
    for tensor in module.state_dict().values():
        with others():
            distributed.broadcast(tensor, 0)


def summed(value: Tensor) -> Tensor:
    """Return the sum of a tensor over processes; every process must ask."""
    if processes()[1] == 1:
        return value
    found = value.clone()
    with others():
        distributed.all_reduce(found)
    return found


def mean(value: Tensor) -> Tensor:
    """Return the mean of a tensor over processes; every process must ask."""
    return summed(value) / processes()[1]
