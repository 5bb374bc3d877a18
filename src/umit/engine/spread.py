"""A model over several devices, by accelerate: the language model's layers are shared out, the vision encoder stays whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import torch

from umit.errors import InputError

__all__ = ["DeviceMap", "first_of", "spread"]

#: ``"auto"`` and the like of accelerate, or parts by name and where each is.
DeviceMap: TypeAlias = str | Mapping[str, int | str]

_WAYS: Final = ("auto", "balanced", "balanced_low_0", "sequential")  # accelerate's
_TOWER: Final = "model.visual"


def spread(shell: Any, wanted: DeviceMap, dtype: torch.dtype) -> dict[str, Any]:
    """Return where each part of a model goes.

    Args:
        shell: The model without numbers.
        wanted: ``"auto"``, ``"balanced"``, ``"balanced_low_0"`` or ``"sequential"``, or a map of one's own.
        dtype: What its numbers are, which their room depends on.

    Raises:
        InputError: Another word, or a vision encoder that is divided or not on a device.
    """
    if isinstance(wanted, str):
        if wanted not in _WAYS:
            raise InputError(
                f"expected a device_map of {', '.join(_WAYS)}, or a map, got {wanted!r}", code="device_map"
            )
        from accelerate import infer_auto_device_map
        from accelerate.utils import get_balanced_memory

        whole = [type(shell.model.visual).__name__, type(shell.model.language_model.layers[0]).__name__]
        room = None
        if wanted != "sequential":
            room = get_balanced_memory(
                shell, dtype=dtype, no_split_module_classes=whole, low_zero=wanted == "balanced_low_0"
            )
        found: dict[str, Any] = dict(
            infer_auto_device_map(shell, max_memory=room, dtype=dtype, no_split_module_classes=whole)
        )
    else:
        found = dict(wanted)
    _check(found, [name for name, _ in shell.named_parameters()])
    return found


def first_of(placed: Mapping[str, Any]) -> torch.device:
    """Return where what is asked goes in: accelerate's main device, the first that is no memory to be loaded from.

    Args:
        placed: From :func:`spread`.
    """
    real = [one for one in placed.values() if str(one) not in ("cpu", "disk")]
    return torch.device(real[0] if real else "cpu")


def _check(placed: Mapping[str, Any], parts: list[str]) -> None:
    missing = [part for part in parts if not any(_holds(key, part) for key in placed)]
    if missing:
        raise InputError(f"expected a place for each part in device_map, none has {missing[0]}", code="device_map")
    divided = [key for key in placed if key.startswith(f"{_TOWER}.")]
    over = [key for key in placed if _holds(key, _TOWER)]
    where = placed[max(over, key=len)] if over else None  # the longest name is the nearest
    if divided or where is None or (str(where) == "disk") or (str(where) == "cpu" and first_of(placed).type != "cpu"):
        raise InputError(
            f"expected the vision encoder, {_TOWER}, whole on one device that computes, got it "
            f"{f'divided at {divided[0]}' if divided else f'on {where}'}",
            code="device_map",
            hint=f"Name {_TOWER!r} with a device of its own; layers of the language model may go anywhere",
        )


def _holds(key: str, part: str) -> bool:
    return key == "" or part == key or part.startswith(f"{key}.")
