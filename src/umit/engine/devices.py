"""Which device and which numbers: by name, and what a machine has."""

from __future__ import annotations

import os
from typing import Final

import torch

from umit.errors import InputError

__all__ = ["device_of", "dtype_of"]

_DTYPES: Final = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def device_of(name: str | torch.device) -> torch.device:
    """Return a device; ``"auto"`` takes CUDA, the process's own under torchrun, else MPS, else the CPU.

    Raises:
        InputError: This torch does not have it.
    """
    if name == "auto":
        cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
        own = os.environ.get("LOCAL_RANK", "")  # set by torchrun and accelerate launch
        if cuda and own.isdecimal() and int(own) < torch.cuda.device_count():
            return torch.device("cuda", int(own))
        return torch.device("cuda" if cuda else "mps" if mps else "cpu")
    try:
        found = torch.device(name)
        torch.zeros(1, device=found).item()  # "meta" holds no numbers, others may not be built in
    except (RuntimeError, AssertionError) as error:
        raise InputError(
            f"expected 'auto', 'cpu' or a device that this torch can use, got {str(name)!r}",
            code="device",
            hint="Use device='cpu'",
        ) from error
    return found


def dtype_of(name: str | torch.dtype, device: torch.device) -> torch.dtype:
    """Return what is computed in; ``"auto"`` takes bfloat16 on CUDA and float32 elsewhere.

    Raises:
        InputError: Another name.
    """
    if isinstance(name, torch.dtype):
        return name
    if name == "auto":
        return torch.bfloat16 if device.type == "cuda" else torch.float32
    if name not in _DTYPES:
        raise InputError(f"expected 'auto' or one of {sorted(_DTYPES)}, got {name!r}", code="dtype")
    return _DTYPES[name]
